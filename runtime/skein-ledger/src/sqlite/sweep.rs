//! Removing what is past its retention: causes, blobs that nothing names, and what is kept for a while. In chunks, so that writers do not wait long.

use rusqlite::{Connection, params};
use skein_types::{Millis, Timestamp};

use super::kept::{ANSWERS, ATTEMPTS, CHARGES, DELIVERIES};
use super::named;
use super::writer::Writer;
use crate::bounds::SWEEP_CHUNK;
use crate::error::LedgerError;
use crate::ledger::{Retention, Swept};

/// One transaction's part.
#[derive(Clone, Copy, Debug)]
pub(super) struct Chunk {
    now: Timestamp,
    causes_before: Timestamp,
    charges_before: Timestamp,
}

/// Sweeps until nothing is left to sweep.
pub(super) fn sweep(writer: &Writer, retention: Retention, now: Timestamp) -> Result<Swept, LedgerError> {
    let before = |kept: Millis| Timestamp(now.0.saturating_sub(kept.0));
    let (causes_before, charges_before) = (before(retention.causes), before(retention.charges));
    let mut sum = Swept::default();
    loop {
        let swept = writer.sweep(Chunk { now, causes_before, charges_before })?;
        sum = sum.plus(swept);
        // Each round removes at least one row of finitely many that were there before it.
        if swept == Swept::default() {
            return Ok(sum);
        }
    }
}

pub(super) fn chunk(db: &Connection, chunk: &Chunk) -> rusqlite::Result<Swept> {
    let sql = "DELETE FROM cause WHERE id IN (SELECT id FROM cause WHERE at < ?1 LIMIT ?2)";
    let causes = db.prepare_cached(sql)?.execute(params![chunk.causes_before.0, SWEEP_CHUNK])?;
    let blobs = db.prepare_cached(&named::sweep())?.execute(params![chunk.now.0, SWEEP_CHUNK])?;
    // A note about a blob that would be gone by now: those that are more than a chunk wait for the next sweep.
    let noted = "SELECT digest FROM left_out WHERE keep_until < ?1 LIMIT ?2";
    let sql = format!("DELETE FROM left_out WHERE digest IN ({noted})");
    db.prepare_cached(&sql)?.execute(params![chunk.now.0, SWEEP_CHUNK])?;
    Ok(Swept {
        causes: causes as u64,
        blobs: blobs as u64,
        answers: ANSWERS.sweep(db, chunk.now)?,
        attempts: ATTEMPTS.sweep(db, chunk.now)?,
        deliveries: DELIVERIES.sweep(db, chunk.now)?,
        charges: CHARGES.sweep(db, chunk.charges_before)?,
    })
}
