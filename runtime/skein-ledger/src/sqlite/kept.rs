//! Rows that are kept for a while: how many there may be of each kind, and what goes when there would be more.

use rusqlite::{Connection, OptionalExtension as _, params};
use skein_types::{CampaignId, ModuleDigest, Timestamp};

use super::cells::Cells;
use super::fault::Stop;
use crate::bounds::{ANSWERS_MAX, ATTEMPTS_MAX, CHARGES_MAX, DELIVERIES_MAX, SWEEP_CHUNK};
use crate::canonical::INTEGER_MAX;
use crate::guard::Found;
use crate::kept::{Answer, Charge, Delivery, Scrubbed};

/// A table of such rows.
pub(super) struct Shelf {
    table: &'static str,
    /// The column by which rows go, the lowest first.
    goes_by: &'static str,
    most: u64,
}

pub(super) const ANSWERS: Shelf = Shelf { table: "answer", goes_by: "keep_until", most: ANSWERS_MAX };
pub(super) const DELIVERIES: Shelf = Shelf { table: "delivery", goes_by: "keep_until", most: DELIVERIES_MAX };
pub(super) const ATTEMPTS: Shelf = Shelf { table: "attempt", goes_by: "keep_until", most: ATTEMPTS_MAX };
pub(super) const CHARGES: Shelf = Shelf { table: "charge", goes_by: "hour", most: CHARGES_MAX };

impl Shelf {
    /// One more row is there: if that is one too many, the one goes that would be swept first.
    pub(super) fn holds_one_more(&self, db: &Connection) -> rusqlite::Result<()> {
        // Counted as they come and go: to count them each time would take longer the more there are.
        let sql = "UPDATE held SET rows = rows + 1 WHERE what = ?1 RETURNING rows";
        let rows: u64 = db.prepare_cached(sql)?.query_row([self.table], |row| row.get(0))?;
        if rows <= self.most {
            return Ok(());
        }
        let Self { table, goes_by, .. } = self;
        let first = format!("SELECT rowid FROM {table} WHERE {goes_by} >= 0 ORDER BY {goes_by} LIMIT 1");
        let gone = db.prepare_cached(&format!("DELETE FROM {table} WHERE rowid = ({first})"))?.execute([])?;
        self.lost(db, gone)
    }

    /// Removes some of what goes before a time.
    pub(super) fn sweep(&self, db: &Connection, before: Timestamp) -> rusqlite::Result<u64> {
        let Self { table, goes_by, .. } = self;
        let some = format!("SELECT rowid FROM {table} WHERE {goes_by} < ?1 LIMIT ?2");
        let sql = format!("DELETE FROM {table} WHERE rowid IN ({some})");
        let gone = db.prepare_cached(&sql)?.execute(params![before.0.min(INTEGER_MAX), SWEEP_CHUNK])?;
        self.lost(db, gone)?;
        Ok(gone as u64)
    }

    fn lost(&self, db: &Connection, rows: usize) -> rusqlite::Result<()> {
        let sql = "UPDATE held SET rows = rows - ?2 WHERE what = ?1";
        db.prepare_cached(sql)?.execute(params![self.table, rows])?;
        Ok(())
    }
}

pub(super) fn keep_answer(db: &Connection, answer: &Answer, now: Timestamp) -> Result<(), Stop> {
    let mut find = db.prepare_cached("SELECT request, keep_until FROM answer WHERE key = ?1")?;
    let there = find.query_row([answer.key.as_str()], |row| {
        let mut cells = Cells::of(row);
        Ok((cells.digest()?, cells.get::<u64>()?))
    });
    match there.optional()? {
        None => {
            let sql =
                "INSERT INTO answer (key, request, status, body, keep_until) VALUES (?1, ?2, ?3, ?4, ?5)";
            db.prepare_cached(sql)?.execute(params![
                answer.key.as_str(),
                answer.request.0,
                answer.status,
                answer.body,
                answer.keep_until.0
            ])?;
            Ok(ANSWERS.holds_one_more(db)?)
        }
        // One that is over is as good as swept.
        Some((_, until)) if until < now.0 => {
            let sql =
                "UPDATE answer SET request = ?2, status = ?3, body = ?4, keep_until = ?5 WHERE key = ?1";
            db.prepare_cached(sql)?.execute(params![
                answer.key.as_str(),
                answer.request.0,
                answer.status,
                answer.body,
                answer.keep_until.0
            ])?;
            Ok(())
        }
        Some((request, _)) if request == answer.request => {
            let sql = "UPDATE answer SET keep_until = MAX(keep_until, ?2) WHERE key = ?1";
            db.prepare_cached(sql)?.execute(params![answer.key.as_str(), answer.keep_until.0])?;
            Ok(())
        }
        Some((request, _)) => Err(Stop::Refused(Found::Answer { request })),
    }
}

pub(super) fn put_delivery(db: &Connection, delivery: &Delivery) -> Result<(), Stop> {
    let id = delivery.id.to_string();
    let new = !db.prepare_cached("SELECT 1 FROM delivery WHERE id = ?1")?.exists([&id])?;
    let sql = "INSERT INTO delivery (id, webhook, position, kind, notice, state, tries, due, status, error, at, keep_until)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)
               ON CONFLICT (id) DO UPDATE SET webhook = excluded.webhook, position = excluded.position, kind = excluded.kind,
               notice = excluded.notice, state = excluded.state, tries = excluded.tries, due = excluded.due, status = excluded.status,
               error = excluded.error, at = excluded.at, keep_until = excluded.keep_until";
    db.prepare_cached(sql)?.execute(params![
        id,
        delivery.webhook.to_string(),
        delivery.position,
        delivery.kind.as_str(),
        delivery.notice.0,
        delivery.state.as_str(),
        delivery.tries,
        delivery.due.0,
        delivery.status,
        delivery.error.as_str(),
        delivery.at.0,
        delivery.keep_until.0
    ])?;
    if new { Ok(DELIVERIES.holds_one_more(db)?) } else { Ok(()) }
}

/// Up to `head` there are events to be told of.
pub(super) fn notified_to(db: &Connection, position: u64, head: u64) -> Result<(), Stop> {
    if position > head {
        return Err(Stop::Refused(Found::Nothing));
    }
    db.prepare_cached("UPDATE notified SET position = MAX(position, ?1) WHERE one = 1")?
        .execute([position])?;
    Ok(())
}

pub(super) fn scrubbed(db: &Connection, scrubbed: &Scrubbed) -> Result<(), Stop> {
    let sql = "INSERT INTO scrub (dataset, at, report) VALUES (?1, ?2, ?3)
               ON CONFLICT (dataset) DO UPDATE SET at = excluded.at, report = excluded.report";
    let dataset = scrubbed.dataset.to_string();
    db.prepare_cached(sql)?.execute(params![dataset, scrubbed.at.0, scrubbed.report])?;
    Ok(())
}

pub(super) fn charge(db: &Connection, charge: &Charge) -> Result<(), Stop> {
    let (team, hour) = (charge.team.as_str(), charge.hour.0);
    let (campaign, module) = (campaign_cell(charge.campaign), module_cell(charge.module));
    let sql = "SELECT 1 FROM charge WHERE hour = ?1 AND team = ?2 AND campaign = ?3 AND module = ?4";
    let new = !db.prepare_cached(sql)?.exists(params![hour, team, campaign, module])?;
    let sql = format!(
        "INSERT INTO charge (hour, team, campaign, module, cpu, fuel, bytes_read, bytes_written, slot, attempts)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
         ON CONFLICT (hour, team, campaign, module) DO UPDATE SET cpu = MIN(cpu + excluded.cpu, {INTEGER_MAX}),
         fuel = MIN(fuel + excluded.fuel, {INTEGER_MAX}),
         bytes_read = MIN(bytes_read + excluded.bytes_read, {INTEGER_MAX}),
         bytes_written = MIN(bytes_written + excluded.bytes_written, {INTEGER_MAX}),
         slot = MIN(slot + excluded.slot, {INTEGER_MAX}), attempts = MIN(attempts + excluded.attempts, {INTEGER_MAX})"
    );
    let used = charge.used;
    db.prepare_cached(&sql)?.execute(params![
        hour,
        team,
        campaign,
        module,
        used.cpu.0,
        used.fuel.0,
        used.bytes_read.0,
        used.bytes_written.0,
        used.slot.0,
        used.attempts
    ])?;
    if new { Ok(CHARGES.holds_one_more(db)?) } else { Ok(()) }
}

/// How a row says it: what is in no campaign has an empty text there, because nothing is equal to NULL.
pub(super) fn campaign_cell(campaign: Option<CampaignId>) -> String {
    campaign.map_or_else(String::new, |id| id.to_string())
}

/// The like of a module.
pub(super) fn module_cell(module: Option<ModuleDigest>) -> Vec<u8> {
    module.map_or_else(Vec::new, |digest| digest.0.to_vec())
}

#[cfg(test)]
mod tests {
    use super::{ANSWERS, ATTEMPTS, CHARGES, DELIVERIES, Shelf};
    use rusqlite::{Connection, params};
    use skein_types::Timestamp;

    fn count(db: &Connection, shelf: &Shelf) -> (u64, u64) {
        let one = |sql: &str| db.query_row(sql, [], |row| row.get(0)).unwrap();
        let rows = one(&format!("SELECT COUNT(*) FROM {}", shelf.table));
        (rows, one(&format!("SELECT rows FROM held WHERE what = '{}'", shelf.table)))
    }

    #[test]
    fn of_each_kind_there_are_so_many_and_the_first_to_be_swept_goes() {
        let db = Connection::open_in_memory().unwrap();
        db.execute_batch(&crate::sqlite::open::TABLES.concat()).unwrap();
        let insert = |table: &str, at: u64| match table {
            "answer" => {
                let sql = "INSERT INTO answer VALUES (?1, zeroblob(32), 200, x'', ?1)";
                db.execute(sql, [at.to_string()]).unwrap()
            }
            "delivery" => {
                let sql = "INSERT INTO delivery VALUES (?1, '', 1, 'k', zeroblob(32), 'waiting', 0, 0, NULL, '', 0, ?2)";
                db.execute(sql, params![at.to_string(), at]).unwrap()
            }
            "attempt" => {
                let sql = "INSERT INTO attempt VALUES (?1, 'c', 1, 't', 'run', 'n', 1, 0, 0, 'done', NULL, NULL, '', '{}',
                           NULL, NULL, ?2)";
                db.execute(sql, params![at.to_string(), at]).unwrap()
            }
            _ => db.execute("INSERT INTO charge VALUES (?1, 't', '', x'', 0, 0, 0, 0, 0, 0)", [at]).unwrap(),
        };
        for shelf in [ANSWERS, ATTEMPTS, DELIVERIES, CHARGES] {
            let shelf = Shelf { most: 3, ..shelf };
            // In no order, so that it is not the oldest row that goes.
            for at in [50, 20, 40, 10, 30] {
                insert(shelf.table, at);
                shelf.holds_one_more(&db).unwrap();
            }
            assert_eq!(count(&db, &shelf), (3, 3), "{}", shelf.table);
            let sql = format!("SELECT MIN(CAST({} AS INTEGER)) FROM {}", shelf.goes_by, shelf.table);
            assert_eq!(db.query_row(&sql, [], |row| row.get::<_, u64>(0)).unwrap(), 30, "{}", shelf.table);
            assert_eq!(shelf.sweep(&db, Timestamp(41)).unwrap(), 2);
            assert_eq!(count(&db, &shelf), (1, 1), "{}", shelf.table);
        }
    }
}
