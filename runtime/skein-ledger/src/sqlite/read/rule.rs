//! Rules of datasets.

use rusqlite::{Connection, OptionalExtension as _, Row, params};
use skein_types::{CampaignId, DatasetId, Name, Timestamp};

use crate::page::Limit;
use crate::sqlite::cells::Cells;
use crate::sqlite::project::rule::consumer;
use crate::view::{PlannedRule, Rule};

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

/// Rules, of all datasets together, that are few beside a campaign's runs.
const FEW: usize = 1_000;

/// From the rules to the campaign's runs, where all that there are are few.
const OF_FEW: &str =
    "SELECT dataset.owner, NULLIF(rule.consumer, ''), rule.name, rule.blob, rule.ignored IS NOT NULL, count(*), min(dataset.name)
     FROM (SELECT dataset, consumer, name, blob, ignored FROM rule WHERE 1 ORDER BY dataset, consumer, name LIMIT 1000) AS rule
     CROSS JOIN run ON run.dataset = rule.dataset CROSS JOIN dataset ON dataset.id = run.dataset
     WHERE run.campaign = ?1 AND run.wave IS NOT NULL GROUP BY 1, 2, 3, 4, 5 ORDER BY 1, 2, 3, 4, 5 LIMIT ?2";

/// From the campaign's runs to the rules of each: other campaigns' datasets may have any number.
const OF_CAMPAIGN: &str =
    "SELECT dataset.owner, NULLIF(rule.consumer, ''), rule.name, rule.blob, rule.ignored IS NOT NULL, count(*), min(dataset.name)
     FROM run CROSS JOIN rule ON rule.dataset = run.dataset CROSS JOIN dataset ON dataset.id = run.dataset
     WHERE run.campaign = ?1 AND run.wave IS NOT NULL GROUP BY 1, 2, 3, 4, 5 ORDER BY 1, 2, 3, 4, 5 LIMIT ?2";

pub(in crate::sqlite) fn rules_of_campaign(
    db: &Connection,
    campaign: CampaignId,
    limit: Limit,
) -> rusqlite::Result<Vec<PlannedRule>> {
    let more = "SELECT 1 FROM rule WHERE 1 ORDER BY dataset, consumer, name LIMIT 1 OFFSET ?1";
    let more = db.prepare_cached(more)?.exists([FEW])?;
    let mut find = db.prepare_cached(if more { OF_CAMPAIGN } else { OF_FEW })?;
    find.query_map(params![campaign.to_string(), limit.rows()], planned_of)?.collect()
}

fn planned_of(row: &Row<'_>) -> rusqlite::Result<PlannedRule> {
    let mut cells = Cells::of(row);
    Ok(PlannedRule {
        owner: cells.parse()?,
        consumer: cells.parse_opt()?,
        name: cells.parse()?,
        blob: cells.digest()?,
        ignored: cells.get()?,
        datasets: cells.get()?,
        example: cells.parse()?,
    })
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
