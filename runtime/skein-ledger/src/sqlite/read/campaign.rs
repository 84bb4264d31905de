//! Campaigns and waves: one row each, whatever their size.

use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension as _, Row};
use skein_types::{Bytes, CampaignId, ModuleDigest, ParamsDigest, Rows, RunState, Timestamp};

use super::catalogue::behind;
use super::{Query, merged, number, text, whose};
use crate::error::LedgerError;
use crate::page::{Limit, Page};
use crate::sqlite::cells::Cells;
use crate::view::{Campaign, CampaignFilter, CampaignPlan, CampaignsFrom, RunCounts, Wave};

const CAMPAIGN: &str = "SELECT id, name, owner, module, params, params_blob, policy, selection, state, epoch, reason, created,
    since, plan, report, plan_bytes, plan_rows, rolled_out, meters, secrets, broken_glass, comments,
    open_questions, alarms, checked, kept,
    n_ineligible, n_planned, n_held, n_intended, n_published, n_finalized, n_failed, n_skipped, n_stale, n_cancelled, n_reverting,
    n_reverted, n_revert_failed FROM campaign";
const WAVE: &str = "SELECT number, state, reason, since, began, budget, failures,
    n_ineligible, n_planned, n_held, n_intended, n_published, n_finalized, n_failed, n_skipped, n_stale, n_cancelled, n_reverting,
    n_reverted, n_revert_failed FROM wave";

/// The index of the order by name.
const BY_NAME: &str = "campaign_name";

pub(in crate::sqlite) fn campaign(db: &Connection, id: CampaignId) -> rusqlite::Result<Option<Campaign>> {
    let mut find = db.prepare_cached(&format!("{CAMPAIGN} WHERE id = ?1"))?;
    find.query_row([id.to_string()], campaign_of).optional()
}

pub(in crate::sqlite) fn campaigns(
    db: &Connection,
    filter: &CampaignFilter,
    from: &CampaignsFrom,
    limit: Limit,
) -> Result<Page<Campaign, CampaignsFrom>, LedgerError> {
    let owners = whose(None, filter.owners.as_deref())?;
    // Those of some teams by their making are walked team by team; in another order there is one walk, along the order's own index,
    // from which the rest is left out: campaigns are few.
    let Walk { index, order, bound } = walk(from);
    let list = |select: &str| {
        let mut query = Query::new(select);
        fit(&mut query, filter, index == Some(BY_NAME));
        if let Some((condition, values)) = &bound {
            query.and_all(condition, values.iter().cloned());
        }
        query
    };
    let lists = match (index, owners) {
        (None, None) => vec![list(CAMPAIGN)],
        (None, Some(owners)) => {
            let of = |owner| {
                let mut query = list(CAMPAIGN);
                query.and("owner = ?", text(owner));
                query
            };
            owners.into_iter().map(of).collect()
        }
        (Some(_), Some(owners)) if owners.is_empty() => Vec::new(),
        (Some(index), owners) => {
            let mut query = list(&format!("{CAMPAIGN} INDEXED BY {index}"));
            if let Some(owners) = owners {
                query.and_any("owner", owners);
            }
            vec![query]
        }
    };
    Ok(merged(lists, db, (order, limit), campaign_of, |campaign| from.behind(campaign))?)
}

/// How a list is walked.
struct Walk {
    /// The index of an order that is not that of ids.
    index: Option<&'static str>,
    /// The columns to sort by, by name or by their place in [`CAMPAIGN`].
    order: &'static str,
    /// From where on.
    bound: Option<Bound>,
}

/// A condition, and a value for each `?` of it.
type Bound = (&'static str, Vec<Value>);

fn walk(from: &CampaignsFrom) -> Walk {
    match from {
        CampaignsFrom::Oldest(after) => {
            let bound = after.map(|id| ("id > ?", vec![text(id)]));
            Walk { index: None, order: "1", bound }
        }
        CampaignsFrom::Newest(before) => {
            let bound = before.map(|id| ("id < ?", vec![text(id)]));
            Walk { index: None, order: "1 DESC", bound }
        }
        CampaignsFrom::Named(after) => {
            let bound = after.as_ref().map(|(name, id)| ("(name, id) > (?, ?)", vec![text(name), text(id)]));
            Walk { index: Some(BY_NAME), order: "name, id", bound }
        }
        CampaignsFrom::Failed(before) => {
            let bound =
                before.map(|(failed, id)| ("(n_failed, id) < (?, ?)", vec![number(failed), text(id)]));
            Walk { index: Some("campaign_failed"), order: "n_failed DESC, id DESC", bound }
        }
        CampaignsFrom::Moved(before) => {
            let bound = before.map(|(at, id)| ("(since, id) < (?, ?)", vec![number(at.0), text(id)]));
            Walk { index: Some("campaign_since"), order: "since DESC, id DESC", bound }
        }
    }
}

/// What must fit, but for the teams. Only a list by name is led by what names begin with: another would have to be sorted then.
fn fit(query: &mut Query, filter: &CampaignFilter, by_name: bool) {
    if let Some(state) = filter.state {
        query.and("state = ?", text(state));
    }
    if let Some(module) = filter.module {
        query.and("module = ?", module.0.to_vec());
    }
    if let Some(prefix) = &filter.prefix {
        let name = if by_name { "name" } else { "+name" };
        query.and(&format!("{name} >= ?"), text(prefix));
        if let Some(end) = behind(prefix.as_str()) {
            query.and(&format!("{name} < ?"), text(end));
        }
    }
}

/// A campaign's runs by state.
pub(in crate::sqlite) fn campaign_counts(db: &Connection, id: CampaignId) -> rusqlite::Result<RunCounts> {
    let columns: Vec<String> = RunState::ALL.iter().map(|state| format!("n_{state}")).collect();
    let sql = format!("SELECT {} FROM campaign WHERE id = ?1", columns.join(", "));
    db.prepare_cached(&sql)?.query_row([id.to_string()], |row| counts(&mut Cells::of(row)))
}

/// Waves are few: a handful by policy, each at least a tenth of the rest.
pub(in crate::sqlite) fn waves(db: &Connection, campaign: CampaignId) -> rusqlite::Result<Vec<Wave>> {
    let mut query = Query::new(WAVE);
    query.and("campaign = ?", text(campaign));
    Ok(query.page(db, ("number", Limit::MAX), wave_of, |wave| wave.number)?.items)
}

fn campaign_of(row: &Row<'_>) -> rusqlite::Result<Campaign> {
    let mut cells = Cells::of(row);
    Ok(Campaign {
        id: cells.parse()?,
        name: cells.parse()?,
        owner: cells.parse()?,
        module: ModuleDigest(cells.get()?),
        params: ParamsDigest(cells.get()?),
        params_blob: cells.digest()?,
        policy: cells.digest()?,
        selection: cells.digest()?,
        state: cells.parse()?,
        epoch: cells.get()?,
        reason: cells.parse()?,
        created: Timestamp(cells.get()?),
        since: Timestamp(cells.get()?),
        plan: plan(&mut cells)?,
        rolled_out: cells.get()?,
        meters: cells.json()?,
        secrets: cells.json()?,
        broken_glass: cells.get()?,
        comments: cells.get()?,
        open_questions: cells.get()?,
        alarms: cells.get()?,
        checked: cells.get()?,
        kept: Bytes(cells.get()?),
        runs: counts(&mut cells)?,
    })
}

fn plan(cells: &mut Cells<'_, '_>) -> rusqlite::Result<Option<CampaignPlan>> {
    let (digest, report) = (cells.digest_opt()?, cells.digest_opt()?);
    let (bytes, rows) = (cells.get::<Option<u64>>()?, cells.get::<Option<u64>>()?);
    // All four are set by one event and emptied by one.
    Ok(digest.zip(report).zip(bytes.zip(rows)).map(|((digest, report), (bytes, rows))| CampaignPlan {
        digest,
        report,
        bytes: Bytes(bytes),
        rows: Rows(rows),
    }))
}

fn wave_of(row: &Row<'_>) -> rusqlite::Result<Wave> {
    let mut cells = Cells::of(row);
    Ok(Wave {
        number: cells.get()?,
        state: cells.parse()?,
        reason: cells.parse()?,
        since: Timestamp(cells.get()?),
        began: cells.get::<Option<u64>>()?.map(Timestamp),
        budget: cells.get()?,
        failures: cells.get()?,
        runs: counts(&mut cells)?,
    })
}

/// The counters, whose columns are in the order of [`RunState::ALL`].
fn counts(cells: &mut Cells<'_, '_>) -> rusqlite::Result<RunCounts> {
    let mut counts = [0; RunState::ALL.len()];
    for count in &mut counts {
        *count = cells.get()?;
    }
    Ok(RunCounts::new(counts))
}
