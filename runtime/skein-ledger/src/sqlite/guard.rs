//! Guards, judged on what the transaction sees.

use rusqlite::{Connection, OptionalExtension as _, params, params_from_iter};
use skein_types::{CampaignId, CampaignState, DatasetId, ModuleDigest, Name, NodeId, RunState, WaveState};

use super::cells::Cells;
use super::prepare::{Prepared, Step};
use super::queue::{TaskAt, blob_there, task_at};
use crate::event::{Event, Subject};
use crate::guard::{Found, Guard};
use crate::view::{ModuleState, NodeState};

/// What is there if the guard does not hold.
pub(super) fn check(db: &Connection, guard: &Guard, unit: &Prepared) -> rusqlite::Result<Option<Found>> {
    match guard {
        Guard::CampaignIs { campaign, state } => {
            let fits = |at: &(CampaignState, u64)| at.0 == *state;
            Ok(unless(campaign_at(db, *campaign)?, fits, found_campaign))
        }
        Guard::CampaignAt { campaign, epoch } => {
            let fits = |at: &(CampaignState, u64)| at.1 == *epoch;
            Ok(unless(campaign_at(db, *campaign)?, fits, found_campaign))
        }
        Guard::WaveIs { campaign, wave, state } => {
            let found = |at: WaveAt| Found::Wave { state: at.state };
            Ok(unless(wave_at(db, *campaign, *wave)?, |at| at.state == *state, found))
        }
        Guard::DoorOpen { campaign, wave, at_most } => door(db, unit, (*campaign, *wave), *at_most),
        Guard::RunIs { campaign, seq, state } => {
            Ok(unless(run_at(db, *campaign, *seq)?, |at| at.state == *state, RunAt::found))
        }
        Guard::RunAt { campaign, seq, epoch } => {
            Ok(unless(run_at(db, *campaign, *seq)?, |at| at.epoch == *epoch, RunAt::found))
        }
        Guard::TaskIs { task, token, phase } => {
            let fits = |at: &TaskAt| at.token == *token && at.phase == *phase;
            Ok(unless(task_at(db, *task)?, fits, TaskAt::found))
        }
        Guard::TaskHeld { task, token, node, incarnation } => {
            let fits = |at: &TaskAt| at.held(*token, *node, *incarnation);
            Ok(unless(task_at(db, *task)?, fits, TaskAt::found))
        }
        Guard::TaskGone { task } => Ok(task_at(db, *task)?.map(TaskAt::found)),
        Guard::ModuleIs { module, state } => {
            let found = |state| Found::Module { state };
            Ok(unless(module_at(db, *module)?, |at| at == state, found))
        }
        Guard::NodeIs { node, incarnation } => {
            let found = |(state, incarnation)| Found::Node { state, incarnation };
            Ok(unless(node_at(db, *node)?, |at| *at == (NodeState::Joined, *incarnation), found))
        }
        Guard::DatasetIs { dataset } => {
            let mut find = db.prepare_cached("SELECT 1 FROM dataset WHERE id = ?1")?;
            Ok((!find.exists([dataset.to_string()])?).then_some(Found::Nothing))
        }
        Guard::DatasetNameFree { name } => {
            Ok(dataset_named(db, name)?.map(|dataset| Found::Dataset { dataset }))
        }
        Guard::SettingAt { setting, version: expected } => {
            let at = setting_at(db, setting)?;
            let found = || at.map_or(Found::Nothing, |version| Found::Setting { version });
            Ok((at != *expected).then(found))
        }
        Guard::BlobIs { digest } => {
            Ok((!blob_there(db, digest)?).then_some(Found::NoBlob { digest: *digest }))
        }
    }
}

/// Runs at the door now, with those that this very unit sends there.
fn door(
    db: &Connection,
    unit: &Prepared,
    (campaign, wave): (CampaignId, u32),
    at_most: u64,
) -> rusqlite::Result<Option<Found>> {
    let Some(at) = wave_at(db, campaign, wave)? else { return Ok(Some(Found::Nothing)) };
    let mut opening = 0;
    for step in &unit.steps {
        if let Step::Decide(encoded) = step
            && let Event::RunIntended(intended) = &encoded.event
            && intended.campaign == campaign
            && run_at(db, campaign, intended.seq)?.is_some_and(|run| run.wave == Some(wave))
        {
            opening += 1;
        }
    }
    Ok((at.intended + opening > at_most).then_some(Found::Door { intended: at.intended }))
}

fn unless<T>(at: Option<T>, fits: impl FnOnce(&T) -> bool, found: impl FnOnce(T) -> Found) -> Option<Found> {
    match at {
        None => Some(Found::Nothing),
        Some(at) if fits(&at) => None,
        Some(at) => Some(found(at)),
    }
}

pub(super) fn found_campaign((state, epoch): (CampaignState, u64)) -> Found {
    Found::Campaign { state, epoch }
}

pub(super) fn campaign_at(
    db: &Connection,
    campaign: CampaignId,
) -> rusqlite::Result<Option<(CampaignState, u64)>> {
    let mut find = db.prepare_cached("SELECT state, epoch FROM campaign WHERE id = ?1")?;
    find.query_row([campaign.to_string()], |row| {
        let mut cells = Cells::of(row);
        Ok((cells.parse()?, cells.get()?))
    })
    .optional()
}

pub(super) struct WaveAt {
    pub(super) state: WaveState,
    intended: u64,
}

pub(super) fn wave_at(db: &Connection, campaign: CampaignId, wave: u32) -> rusqlite::Result<Option<WaveAt>> {
    let sql = "SELECT state, n_intended FROM wave WHERE campaign = ?1 AND number = ?2";
    db.prepare_cached(sql)?
        .query_row(params![campaign.to_string(), wave], |row| {
            let mut cells = Cells::of(row);
            Ok(WaveAt { state: cells.parse()?, intended: cells.get()? })
        })
        .optional()
}

pub(super) struct RunAt {
    pub(super) state: RunState,
    pub(super) epoch: u64,
    pub(super) wave: Option<u32>,
}

impl RunAt {
    pub(super) fn found(self) -> Found {
        Found::Run { state: self.state, epoch: self.epoch }
    }
}

pub(super) fn run_at(db: &Connection, campaign: CampaignId, seq: u64) -> rusqlite::Result<Option<RunAt>> {
    let sql = "SELECT state, epoch, wave FROM run WHERE campaign = ?1 AND seq = ?2";
    db.prepare_cached(sql)?
        .query_row(params![campaign.to_string(), seq], |row| {
            let mut cells = Cells::of(row);
            Ok(RunAt { state: cells.parse()?, epoch: cells.get()?, wave: cells.get()? })
        })
        .optional()
}

pub(super) fn module_at(db: &Connection, module: ModuleDigest) -> rusqlite::Result<Option<ModuleState>> {
    let mut find = db.prepare_cached("SELECT state FROM module WHERE digest = ?1")?;
    find.query_row([module.0], |row| Cells::of(row).word(ModuleState::of)).optional()
}

pub(super) fn node_at(db: &Connection, node: NodeId) -> rusqlite::Result<Option<(NodeState, u64)>> {
    let mut find = db.prepare_cached("SELECT state, incarnation FROM node WHERE id = ?1")?;
    find.query_row([node.to_string()], |row| {
        let mut cells = Cells::of(row);
        Ok((cells.word(NodeState::of)?, cells.get()?))
    })
    .optional()
}

/// The version of a setting that is there.
fn setting_at(db: &Connection, setting: &Subject) -> rusqlite::Result<Option<u64>> {
    let (sql, keys) = match setting {
        Subject::Team(name) => ("SELECT version FROM team WHERE name = ?1", vec![name.to_string()]),
        Subject::Quota(of) => ("SELECT version FROM quota WHERE whose = ?1", vec![of.to_string()]),
        Subject::Policy(name) => ("SELECT version FROM policy WHERE name = ?1", vec![name.to_string()]),
        Subject::Secret(team, name) => {
            let sql = "SELECT version FROM secret WHERE team = ?1 AND name = ?2";
            (sql, vec![team.to_string(), name.to_string()])
        }
        Subject::Webhook(id) => ("SELECT version FROM webhook WHERE id = ?1", vec![id.to_string()]),
        Subject::Rule(dataset, consumer, name) => {
            let sql = "SELECT version FROM rule WHERE dataset = ?1 AND consumer = ?2 AND name = ?3";
            let consumer = consumer.as_ref().map_or_else(String::new, Name::to_string);
            (sql, vec![dataset.to_string(), consumer, name.to_string()])
        }
        Subject::Dataset(id) => ("SELECT version FROM dataset WHERE id = ?1", vec![id.to_string()]),
        Subject::Fleet => ("SELECT version FROM fleet WHERE one = 1", Vec::new()),
        // Refused before it came here.
        Subject::Module(_)
        | Subject::Campaign(_)
        | Subject::Run(..)
        | Subject::Node(_)
        | Subject::Key(_)
        | Subject::Server
        | Subject::Token(_) => return Ok(None),
    };
    db.prepare_cached(sql)?.query_row(params_from_iter(keys), |row| row.get(0)).optional()
}

pub(super) fn dataset_named(db: &Connection, name: &Name) -> rusqlite::Result<Option<DatasetId>> {
    let mut find = db.prepare_cached("SELECT id FROM dataset WHERE name = ?1")?;
    find.query_row([name.as_str()], |row| Cells::of(row).parse()).optional()
}
