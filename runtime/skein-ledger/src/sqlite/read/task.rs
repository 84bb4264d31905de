//! Tasks.

use rusqlite::{Connection, OptionalExtension as _, Row};
use skein_types::{Bytes, CampaignId, LONGEST_WAIT, NodeId, TaskId, Timestamp, Token};

use super::{Query, number, text};
use crate::page::{Limit, Page};
use crate::sqlite::cells::Cells;
use crate::task::{Checkpoint, Holder, Phase, PhaseName, SizeClass, Task, TaskKind};
use crate::view::{Ready, TaskFilter};

const TASK: &str =
    "SELECT id, ord, campaign, seq, kind, class, cost, payload, input, generation, epoch, phase, not_before,
    node, incarnation, attempt, result, result_blob, checkpoint, checkpoint_blob, deaths, alone FROM task";

/// A wait after a release is never longer than [`LONGEST_WAIT`]: what is left of one that is more was set by a clock that was
/// put back since, and is over. What was queued for later and never claimed (epoch 0) waits for as long as somebody said.
fn is_due() -> String {
    let (any, longest) = (crate::canonical::INTEGER_MAX, LONGEST_WAIT.0);
    format!("(not_before - ?) NOT BETWEEN 1 AND CASE epoch WHEN 0 THEN {any} ELSE {longest} END")
}

pub(in crate::sqlite) fn task(db: &Connection, id: TaskId) -> rusqlite::Result<Option<Task>> {
    let mut find = db.prepare_cached(&format!("{TASK} WHERE id = ?1"))?;
    find.query_row([id.to_string()], task_of).optional()
}

/// One look for each phase and class that may be meant: an index leads to each in order, and no index leads to several at
/// once. Together they are merged.
pub(in crate::sqlite) fn tasks(
    db: &Connection,
    filter: TaskFilter,
    after: u64,
    limit: Limit,
) -> rusqlite::Result<Page<Task, u64>> {
    let phases = filter.phase.as_ref().map_or(PhaseName::ALL, std::slice::from_ref);
    let classes = filter.class.as_ref().map_or(SizeClass::ALL, std::slice::from_ref);
    let mut found = Vec::new();
    let mut more = false;
    for (phase, class) in phases.iter().flat_map(|phase| classes.iter().map(move |class| (phase, class))) {
        let mut query = Query::new(TASK);
        if let Some(campaign) = filter.campaign {
            query.and("campaign = ?", text(campaign));
        }
        query.and("phase = ?", text(phase));
        query.and("class = ?", text(class));
        if let Some(due) = filter.due {
            query.and(&is_due(), number(due.0));
        }
        let page = page(query, db, after, limit)?;
        more |= page.next.is_some();
        found.extend(page.items);
    }
    found.sort_unstable_by_key(|task: &Task| task.order);
    more |= found.len() > limit.rows();
    found.truncate(limit.rows());
    let next = found.last().filter(|_| more).map(|task| task.order);
    Ok(Page { items: found, next })
}

/// One look at an index for each, which ends when there are enough.
pub(in crate::sqlite) fn tasks_ready(
    db: &Connection,
    of: &[CampaignId],
    now: Timestamp,
    most: u32,
) -> rusqlite::Result<Ready> {
    let mut count = db.prepare_cached(&format!(
        "SELECT COUNT(*) FROM
            (SELECT 1 FROM task WHERE campaign = ?1 AND phase = ?2 AND class = ?3 AND {} LIMIT ?5)",
        is_due().replacen('?', "?4", 1)
    ))?;
    let mut ready = Ready::new();
    for (campaign, class) in of.iter().flat_map(|id| SizeClass::ALL.iter().map(move |class| (*id, *class))) {
        let values = (text(campaign), text(PhaseName::Ready), text(class), number(now.0), most);
        let tasks: u32 = count.query_row(values, |row| row.get(0))?;
        if tasks > 0 {
            ready.insert((campaign, class), tasks);
        }
    }
    Ok(ready)
}

pub(in crate::sqlite) fn tasks_of_node(
    db: &Connection,
    node: NodeId,
    after: u64,
    limit: Limit,
) -> rusqlite::Result<Page<Task, u64>> {
    let mut query = Query::new(TASK);
    query.and("node = ?", text(node));
    page(query, db, after, limit)
}

pub(in crate::sqlite) fn tasks_of_run(
    db: &Connection,
    (campaign, seq): (CampaignId, u64),
    after: u64,
    limit: Limit,
) -> rusqlite::Result<Page<Task, u64>> {
    let mut query = Query::new(TASK);
    query.and("campaign = ?", text(campaign));
    query.and("seq = ?", number(seq));
    page(query, db, after, limit)
}

fn page(mut query: Query, db: &Connection, after: u64, limit: Limit) -> rusqlite::Result<Page<Task, u64>> {
    query.and("ord > ?", number(after));
    query.page(db, ("ord", limit), task_of, |task| task.order)
}

fn task_of(row: &Row<'_>) -> rusqlite::Result<Task> {
    let mut cells = Cells::of(row);
    Ok(Task {
        id: cells.parse()?,
        order: cells.get()?,
        campaign: cells.parse_opt()?,
        seq: cells.get()?,
        kind: cells.word(TaskKind::of)?,
        class: cells.word(SizeClass::of)?,
        cost: Bytes(cells.get()?),
        payload: cells.get()?,
        input: cells.digest_opt()?,
        token: Token { generation: cells.get()?, epoch: cells.get()? },
        phase: phase(&mut cells)?,
        checkpoint: {
            let number = cells.get()?;
            cells.digest_opt()?.map(|blob| Checkpoint { number, blob })
        },
        deaths: cells.get()?,
        alone: cells.get()?,
    })
}

fn phase(cells: &mut Cells<'_, '_>) -> rusqlite::Result<Phase> {
    let (name, not_before) = (cells.word(PhaseName::of)?, Timestamp(cells.get()?));
    let (node, incarnation, attempt) = (cells.parse_opt()?, cells.get()?, cells.parse_opt()?);
    let (result, blob) = (cells.get::<Option<String>>()?, cells.digest_opt()?);
    let holder = || match (node, incarnation, attempt) {
        (Some(node), Some(incarnation), Some(attempt)) => Ok(Holder { node, incarnation, attempt }),
        _ => Err(rusqlite::Error::InvalidColumnName("a task that is held by nobody".to_owned())),
    };
    Ok(match name {
        PhaseName::Ready => Phase::Ready { not_before },
        PhaseName::Claimed => Phase::Claimed(holder()?),
        PhaseName::Staged => Phase::Staged { holder: holder()?, result: result.unwrap_or_default(), blob },
    })
}
