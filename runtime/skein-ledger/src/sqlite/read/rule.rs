//! Rules of datasets.

use rusqlite::{Connection, OptionalExtension as _, Row, params};
use skein_types::{DatasetId, Name, Timestamp};

use crate::page::Limit;
use crate::sqlite::cells::Cells;
use crate::sqlite::project::rule::consumer;
use crate::view::Rule;

const RULE: &str = "SELECT dataset, NULLIF(consumer, ''), name, blob, ignored, since, version FROM rule";

pub(in crate::sqlite) fn rule(
    db: &Connection,
    dataset: DatasetId,
    (of, name): (Option<&Name>, &Name),
) -> rusqlite::Result<Option<Rule>> {
    let sql = format!("{RULE} WHERE dataset = ?1 AND consumer = ?2 AND name = ?3");
    let mut find = db.prepare_cached(&sql)?;
    find.query_row(params![dataset.to_string(), consumer(of), name.as_str()], rule_of).optional()
}

pub(in crate::sqlite) fn rules(
    db: &Connection,
    dataset: DatasetId,
    limit: Limit,
) -> rusqlite::Result<Vec<Rule>> {
    let sql = format!("{RULE} WHERE dataset = ?1 ORDER BY consumer, name LIMIT ?2");
    let mut find = db.prepare_cached(&sql)?;
    find.query_map(params![dataset.to_string(), limit.rows()], rule_of)?.collect()
}

fn rule_of(row: &Row<'_>) -> rusqlite::Result<Rule> {
    let mut cells = Cells::of(row);
    Ok(Rule {
        dataset: cells.parse()?,
        consumer: cells.parse_opt()?,
        name: cells.parse()?,
        blob: cells.digest()?,
        ignored: cells.parse_opt()?,
        since: Timestamp(cells.get()?),
        version: cells.get()?,
    })
}
