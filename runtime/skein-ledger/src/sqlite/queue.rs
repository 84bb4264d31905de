//! Queue rows: every change compares what it expects with what is there, in the statement's transaction.

use rusqlite::{Connection, OptionalExtension as _, params};
use skein_types::{Blake3, NodeId, TaskId, Timestamp, Token, TokenId};

use super::apply::refuse_if;
use super::cells::Cells;
use super::fault::Stop;
use super::guard::node_at;
use super::project::access::token_at;
use crate::entry::{Claim, Enqueue, Release, Renew, Stage};
use crate::event::Event;
use crate::guard::Found;
use crate::task::{Checkpoint, PhaseName};
use crate::view::NodeState;

/// What fences a task.
pub(super) struct TaskAt {
    pub(super) token: Token,
    pub(super) phase: PhaseName,
    pub(super) node: Option<(NodeId, u64)>,
    pub(super) checkpoint: u64,
}

impl TaskAt {
    pub(super) fn found(self) -> Found {
        let Self { token, phase, node, checkpoint } = self;
        Found::Task { token, phase, node, checkpoint }
    }

    /// Whether this life of this node has it under this token.
    pub(super) fn held(&self, token: Token, node: NodeId, incarnation: u64) -> bool {
        self.phase == PhaseName::Claimed && self.token == token && self.node == Some((node, incarnation))
    }
}

/// A task's fence, if there is such a task.
pub(super) fn task_at(db: &Connection, task: TaskId) -> rusqlite::Result<Option<TaskAt>> {
    let sql = "SELECT generation, epoch, phase, node, incarnation, checkpoint FROM task WHERE id = ?1";
    db.prepare_cached(sql)?
        .query_row([task.to_string()], |row| {
            let mut cells = Cells::of(row);
            Ok(TaskAt {
                token: Token { generation: cells.get()?, epoch: cells.get()? },
                phase: cells.word(PhaseName::of)?,
                node: cells.parse_opt()?.zip(cells.get()?),
                checkpoint: cells.get()?,
            })
        })
        .optional()
}

/// The task if it is as expected, else what is there.
fn expect(db: &Connection, task: TaskId, fits: impl FnOnce(&TaskAt) -> bool) -> Result<TaskAt, Stop> {
    match task_at(db, task)? {
        None => Err(Stop::Refused(Found::Nothing)),
        Some(at) if fits(&at) => Ok(at),
        Some(at) => Err(Stop::Refused(at.found())),
    }
}

pub(super) fn enqueue(db: &Connection, task: &Enqueue) -> Result<(), Stop> {
    refuse_if(task_at(db, task.task)?, TaskAt::found)?;
    if let Some(input) = &task.input {
        blob_is(db, input)?;
    }
    let sql =
        "INSERT INTO task (id, campaign, seq, kind, class, cost, payload, input, generation, epoch, phase,
               not_before, checkpoint, deaths, alone)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, 0, 0, 'ready', ?9, 0, 0, 0)";
    db.prepare_cached(sql)?.execute(params![
        task.task.to_string(),
        task.campaign.map(|id| id.to_string()),
        task.seq,
        task.kind.as_str(),
        task.class.as_str(),
        task.cost.0,
        task.payload,
        task.input.map(|digest| digest.0),
        task.not_before.0
    ])?;
    Ok(())
}

pub(super) fn claim(db: &Connection, claim: &Claim, generation: u64) -> Result<(), Stop> {
    let at = expect(db, claim.task, |at| at.phase == PhaseName::Ready && at.token == claim.token)?;
    joined(db, claim.node, claim.incarnation)?;
    // A restored ledger may have forgotten epochs that it gave: its own generation fences those.
    let token = Token { generation: generation.max(at.token.generation), epoch: at.token.epoch + 1 };
    let sql = "UPDATE task SET phase = 'claimed', generation = ?2, epoch = ?3, node = ?4, incarnation = ?5, attempt = ?6
               WHERE id = ?1";
    db.prepare_cached(sql)?.execute(params![
        claim.task.to_string(),
        token.generation,
        token.epoch,
        claim.node.to_string(),
        claim.incarnation,
        claim.attempt.to_string()
    ])?;
    Ok(())
}

pub(super) fn checkpoint(
    db: &Connection,
    task: TaskId,
    token: Token,
    (node, incarnation): (NodeId, u64),
    checkpoint: &Checkpoint,
) -> Result<(), Stop> {
    let next = |at: &TaskAt| at.held(token, node, incarnation) && checkpoint.number == at.checkpoint + 1;
    expect(db, task, next)?;
    blob_is(db, &checkpoint.blob)?;
    let sql = "UPDATE task SET checkpoint = ?2, checkpoint_blob = ?3 WHERE id = ?1";
    db.prepare_cached(sql)?.execute(params![task.to_string(), checkpoint.number, checkpoint.blob.0])?;
    Ok(())
}

pub(super) fn stage(db: &Connection, stage: &Stage) -> Result<(), Stop> {
    expect(db, stage.task, |at| at.held(stage.token, stage.node, stage.incarnation))?;
    if let Some(blob) = &stage.blob {
        blob_is(db, blob)?;
    }
    let sql = "UPDATE task SET phase = 'staged', result = ?2, result_blob = ?3 WHERE id = ?1";
    let blob = stage.blob.map(|digest| digest.0);
    db.prepare_cached(sql)?.execute(params![stage.task.to_string(), stage.result, blob])?;
    Ok(())
}

pub(super) fn release(db: &Connection, release: &Release) -> Result<(), Stop> {
    expect(db, release.task, |at| at.phase != PhaseName::Ready && at.token == release.token)?;
    let sql = "UPDATE task SET phase = 'ready', epoch = epoch + 1, not_before = ?2, deaths = deaths + ?3, alone = MAX(alone, ?4),
               node = NULL, incarnation = NULL, attempt = NULL, result = NULL, result_blob = NULL,
               checkpoint = CASE WHEN ?5 THEN 0 ELSE checkpoint END,
               checkpoint_blob = CASE WHEN ?5 THEN NULL ELSE checkpoint_blob END
               WHERE id = ?1";
    db.prepare_cached(sql)?.execute(params![
        release.task.to_string(),
        release.not_before.0,
        release.deaths,
        release.alone,
        release.from_start
    ])?;
    Ok(())
}

pub(super) fn remove(db: &Connection, task: TaskId, token: Token) -> Result<(), Stop> {
    expect(db, task, |at| at.token == token)?;
    db.prepare_cached("DELETE FROM task WHERE id = ?1")?.execute([task.to_string()])?;
    Ok(())
}

pub(super) fn renew(db: &Connection, renew: &Renew) -> Result<(), Stop> {
    joined(db, renew.node, renew.incarnation)?;
    let sql = "INSERT INTO node_lease (node, until, usage) VALUES (?1, ?2, ?3)
               ON CONFLICT (node) DO UPDATE SET until = excluded.until, usage = excluded.usage";
    db.prepare_cached(sql)?.execute(params![renew.node.to_string(), renew.until.0, renew.usage])?;
    Ok(())
}

pub(super) fn token_used(db: &Connection, token: TokenId, at: Timestamp) -> Result<(), Stop> {
    if token_at(db, token)?.is_none() {
        return Err(Stop::Refused(Found::Nothing));
    }
    let sql = "INSERT INTO token_use (token, at) VALUES (?1, ?2)
               ON CONFLICT (token) DO UPDATE SET at = excluded.at WHERE excluded.at > at";
    db.prepare_cached(sql)?.execute(params![token.to_string(), at.0])?;
    Ok(())
}

pub(super) fn put_blob(
    db: &Connection,
    digest: &Blake3,
    (bytes, rows): (&[u8], bool),
    keep_until: Timestamp,
) -> Result<(), Stop> {
    // What is also put as a blob of its own is needed in a copy.
    let sql = "INSERT INTO blob (digest, keep_until, bytes, rows) VALUES (?1, ?2, ?3, ?4)
               ON CONFLICT (digest) DO UPDATE
               SET keep_until = MAX(keep_until, excluded.keep_until), rows = MIN(rows, excluded.rows)
               WHERE excluded.keep_until > keep_until OR excluded.rows < rows";
    db.prepare_cached(sql)?.execute(params![digest.0, keep_until.0, bytes, rows])?;
    Ok(())
}

/// A blob that something is about to name must be there.
pub(super) fn blob_is(db: &Connection, digest: &Blake3) -> Result<(), Stop> {
    match blob_there(db, digest)? {
        true => Ok(()),
        false => Err(Stop::Refused(Found::NoBlob { digest: *digest })),
    }
}

/// Whether there is such a blob.
pub(super) fn blob_there(db: &Connection, digest: &Blake3) -> rusqlite::Result<bool> {
    db.prepare_cached("SELECT 1 FROM blob WHERE digest = ?1")?.exists([digest.0])
}

/// What a decision means for queue rows: a node that is gone, or came back as another, has no lease.
pub(super) fn follow(db: &Connection, event: &Event) -> rusqlite::Result<()> {
    #[expect(clippy::wildcard_enum_match_arm, reason = "three kinds of all begin or end a life of a node")]
    let node = match event {
        Event::NodeJoined(e) => e.node,
        Event::NodeLost(e) => e.node,
        Event::NodeLeft(e) => e.node,
        _ => return Ok(()),
    };
    db.prepare_cached("DELETE FROM node_lease WHERE node = ?1")?.execute([node.to_string()])?;
    Ok(())
}

fn joined(db: &Connection, node: NodeId, incarnation: u64) -> Result<(), Stop> {
    match node_at(db, node)? {
        None => Err(Stop::Refused(Found::Nothing)),
        Some((NodeState::Joined, at)) if at == incarnation => Ok(()),
        Some((state, incarnation)) => Err(Stop::Refused(Found::Node { state, incarnation })),
    }
}
