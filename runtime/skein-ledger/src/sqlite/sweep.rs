//! Removing what is past its retention: causes, blobs that nothing names, and what is kept for a while. In chunks, so that writers do not wait long.

use rusqlite::{Connection, params};
use skein_types::{Millis, Timestamp};

use super::kept::{ANSWERS, ATTEMPTS, CHARGES, DELIVERIES};
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

/// A blob is named by a task, a campaign, a module, a policy, a rule, or a run that is at the door: those that need its bytes.
const BLOBS: &str = "DELETE FROM blob WHERE digest IN (
    SELECT digest FROM blob b WHERE keep_until < ?1
    AND NOT EXISTS (SELECT 1 FROM task WHERE input = b.digest)
    AND NOT EXISTS (SELECT 1 FROM task WHERE checkpoint_blob = b.digest)
    AND NOT EXISTS (SELECT 1 FROM task WHERE result_blob = b.digest)
    AND NOT EXISTS (SELECT 1 FROM run WHERE descriptor = b.digest AND state = 'intended')
    AND NOT EXISTS (SELECT 1 FROM module WHERE manifest = b.digest)
    AND NOT EXISTS (SELECT 1 FROM campaign WHERE params_blob = b.digest)
    AND NOT EXISTS (SELECT 1 FROM campaign WHERE policy = b.digest)
    AND NOT EXISTS (SELECT 1 FROM campaign WHERE selection = b.digest)
    AND NOT EXISTS (SELECT 1 FROM campaign WHERE report = b.digest)
    AND NOT EXISTS (SELECT 1 FROM policy WHERE blob = b.digest)
    AND NOT EXISTS (SELECT 1 FROM rule WHERE blob = b.digest)
    LIMIT ?2)";

pub(super) fn chunk(db: &Connection, chunk: &Chunk) -> rusqlite::Result<Swept> {
    let sql = "DELETE FROM cause WHERE id IN (SELECT id FROM cause WHERE at < ?1 LIMIT ?2)";
    let causes = db.prepare_cached(sql)?.execute(params![chunk.causes_before.0, SWEEP_CHUNK])?;
    let blobs = db.prepare_cached(BLOBS)?.execute(params![chunk.now.0, SWEEP_CHUNK])?;
    Ok(Swept {
        causes: causes as u64,
        blobs: blobs as u64,
        answers: ANSWERS.sweep(db, chunk.now)?,
        attempts: ATTEMPTS.sweep(db, chunk.now)?,
        deliveries: DELIVERIES.sweep(db, chunk.now)?,
        charges: CHARGES.sweep(db, chunk.charges_before)?,
    })
}
