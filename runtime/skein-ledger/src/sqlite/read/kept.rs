//! Answers, notices, and what was used.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension as _, Row, params_from_iter};
use skein_types::{Bytes, DatasetId, DeliveryId, Fuel, Millis, ModuleDigest, Name, Timestamp};

use super::{Query, number, text};
use crate::bounds::CHARGES_EXAMINED_MAX;
use crate::canonical::INTEGER_MAX;
use crate::kept::{
    Answer, Delivery, DeliveryFilter, DeliveryState, Scrubbed, Usage, UsageBy, UsageFilter, UsageOf, Used,
};
use crate::page::{Limit, Page};
use crate::sqlite::cells::Cells;
use crate::sqlite::kept::{campaign_cell, module_cell};

const DELIVERY: &str = "SELECT id, webhook, position, kind, notice, state, tries, due, status, error, at, keep_until FROM delivery";
const CHARGE: &str =
    "SELECT hour, team, campaign, module, cpu, fuel, bytes_read, bytes_written, slot, attempts FROM charge";

pub(in crate::sqlite) fn answer(db: &Connection, key: &Name) -> rusqlite::Result<Option<Answer>> {
    let mut find =
        db.prepare_cached("SELECT key, request, status, body, keep_until FROM answer WHERE key = ?1")?;
    let answer = find.query_row([key.as_str()], |row| {
        let mut cells = Cells::of(row);
        Ok(Answer {
            key: cells.parse()?,
            request: cells.digest()?,
            status: cells.get()?,
            body: cells.get()?,
            keep_until: Timestamp(cells.get()?),
        })
    });
    answer.optional()
}

pub(in crate::sqlite) fn delivery(db: &Connection, id: DeliveryId) -> rusqlite::Result<Option<Delivery>> {
    let mut find = db.prepare_cached(&format!("{DELIVERY} WHERE id = ?1"))?;
    find.query_row([id.to_string()], delivery_of).optional()
}

pub(in crate::sqlite) fn deliveries(
    db: &Connection,
    filter: DeliveryFilter,
    after: Option<DeliveryId>,
    limit: Limit,
) -> rusqlite::Result<Page<Delivery, DeliveryId>> {
    let mut query = deliveries_of(filter);
    if let Some(after) = after {
        query.and("id > ?", text(after));
    }
    query.page(db, ("id", limit), delivery_of, |delivery| delivery.id)
}

pub(in crate::sqlite) fn newest_deliveries(
    db: &Connection,
    filter: DeliveryFilter,
    before: Option<DeliveryId>,
    limit: Limit,
) -> rusqlite::Result<Page<Delivery, DeliveryId>> {
    let mut query = deliveries_of(filter);
    if let Some(before) = before {
        query.and("id < ?", text(before));
    }
    query.page(db, ("id DESC", limit), delivery_of, |delivery| delivery.id)
}

fn deliveries_of(filter: DeliveryFilter) -> Query {
    let mut query = Query::new(DELIVERY);
    if let Some(webhook) = filter.webhook {
        query.and("webhook = ?", text(webhook));
    }
    if let Some(state) = filter.state {
        query.and("state = ?", text(state));
    }
    query
}

fn delivery_of(row: &Row<'_>) -> rusqlite::Result<Delivery> {
    let mut cells = Cells::of(row);
    Ok(Delivery {
        id: cells.parse()?,
        webhook: cells.parse()?,
        position: cells.get()?,
        kind: cells.parse()?,
        notice: cells.digest()?,
        state: cells.word(DeliveryState::of)?,
        tries: cells.get()?,
        due: Timestamp(cells.get()?),
        status: cells.get()?,
        error: cells.parse()?,
        at: Timestamp(cells.get()?),
        keep_until: Timestamp(cells.get()?),
    })
}

pub(in crate::sqlite) fn notified_to(db: &Connection) -> rusqlite::Result<u64> {
    db.prepare_cached("SELECT position FROM notified WHERE one = 1")?.query_row([], |row| row.get(0))
}

/// The last row of the index, which is all that is read.
pub(in crate::sqlite) fn last_scrubbed(db: &Connection) -> rusqlite::Result<Option<(DatasetId, Timestamp)>> {
    let sql = "SELECT dataset, at FROM scrub WHERE 1 ORDER BY at DESC, dataset DESC LIMIT 1";
    let row = |row: &Row<'_>| {
        let mut cells = Cells::of(row);
        Ok((cells.parse()?, Timestamp(cells.get()?)))
    };
    db.prepare_cached(sql)?.query_row([], row).optional()
}

pub(in crate::sqlite) fn scrubbed(db: &Connection, dataset: DatasetId) -> rusqlite::Result<Option<Scrubbed>> {
    let mut find = db.prepare_cached("SELECT at, report FROM scrub WHERE dataset = ?1")?;
    let of = |row: &Row<'_>| Ok(Scrubbed { dataset, at: Timestamp(row.get(0)?), report: row.get(1)? });
    find.query_row([dataset.to_string()], of).optional()
}

/// Rows are summed here and not by SQLite, which would have to sort them first. The latest hours come first, so that it is old ones
/// that are left out where there are too many.
pub(in crate::sqlite) fn usage(
    db: &Connection,
    filter: &UsageFilter,
    by: UsageBy,
    limit: Limit,
) -> rusqlite::Result<Usage> {
    let mut query = Query::new(CHARGE);
    if let Some(team) = &filter.team {
        query.and("team = ?", text(team));
    }
    if let Some(campaign) = filter.campaign {
        query.and("campaign = ?", text(campaign_cell(Some(campaign))));
    }
    if let Some(module) = filter.module {
        query.and("module = ?", module_cell(Some(module)));
    }
    query.and("hour >= ?", number(filter.from.map_or(0, |from| from.0)));
    query.and("hour < ?", number(filter.to.map_or(INTEGER_MAX, |to| to.0)));
    query.sql.push_str(&format!(" ORDER BY hour DESC LIMIT {}", CHARGES_EXAMINED_MAX + 1));
    let mut find = db.prepare_cached(&query.sql)?;
    let mut rows = find.query(params_from_iter(query.values))?;
    let (mut sums, mut examined, mut whole) = (BTreeMap::<UsageOf, Used>::new(), 0, true);
    while let Some(row) = rows.next()? {
        if examined == CHARGES_EXAMINED_MAX {
            whole = false;
            break;
        }
        examined += 1;
        let (of, used) = charge_of(row, by)?;
        let sum = sums.entry(of).or_default();
        *sum = sum.plus(used);
    }
    let mut sums: Vec<_> = sums.into_iter().collect();
    let more = sums.len().saturating_sub(limit.rows());
    match by {
        UsageBy::Hour => drop(sums.drain(..more)),
        // They are in the order of their keys, which stays among those that took the same.
        UsageBy::Team | UsageBy::Campaign | UsageBy::Module => {
            sums.sort_by_key(|(_, used)| Reverse(used.cpu))
        }
    }
    sums.truncate(limit.rows());
    Ok(Usage { sums, whole: whole && more == 0 })
}

fn charge_of(row: &Row<'_>, by: UsageBy) -> rusqlite::Result<(UsageOf, Used)> {
    let mut cells = Cells::of(row);
    let (hour, team): (u64, Name) = (cells.get()?, cells.parse()?);
    let (campaign, module): (String, Vec<u8>) = (cells.get()?, cells.get()?);
    let used = Used {
        cpu: Millis(cells.get()?),
        fuel: Fuel(cells.get()?),
        bytes_read: Bytes(cells.get()?),
        bytes_written: Bytes(cells.get()?),
        slot: Millis(cells.get()?),
        attempts: cells.get()?,
    };
    let of = match by {
        UsageBy::Hour => UsageOf::Hour(Timestamp(hour)),
        UsageBy::Team => UsageOf::Team(team),
        // What is empty is none.
        UsageBy::Campaign => UsageOf::Campaign(campaign.parse().ok()),
        UsageBy::Module => UsageOf::Module(module.try_into().ok().map(ModuleDigest)),
    };
    Ok((of, used))
}
