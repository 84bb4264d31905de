//! Campaigns and waves.

use rusqlite::{Connection, params};
use skein_types::{CampaignId, CampaignState, RunState, Timestamp, WaveState};

use super::one;
use crate::event::campaign::{
    CampaignCreated, CampaignMoved, CampaignPlanned, CampaignRolledOut, CampaignUnplanned, WaveMoved,
    WavePlanned,
};
use crate::event::health::CampaignChecked;
use crate::event::run::Meters;
use crate::guard::Found;
use crate::sqlite::apply::refuse_if;
use crate::sqlite::fault::Stop;
use crate::sqlite::guard::{campaign_at, found_campaign, wave_at};
use crate::sqlite::read::campaign::campaign_counts;

/// States from which a plan can no longer be taken back.
const PAST_THE_DOOR: [RunState; 6] = [
    RunState::Intended,
    RunState::Published,
    RunState::Finalized,
    RunState::Reverting,
    RunState::Reverted,
    RunState::RevertFailed,
];

pub(super) fn created(db: &Connection, e: &CampaignCreated, at: Timestamp) -> Result<(), Stop> {
    refuse_if(campaign_at(db, e.campaign)?, found_campaign)?;
    let sql = "INSERT INTO campaign (id, name, owner, module, params, params_blob, policy, selection, state, epoch, reason,
               created, since, rolled_out, meters, secrets)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, 0, '', ?10, ?10, 0, ?11, ?12)";
    db.prepare_cached(sql)?.execute(params![
        e.campaign.to_string(),
        e.name.as_str(),
        e.owner.as_str(),
        e.module.0,
        e.params.0,
        e.params_blob.0,
        e.policy.0,
        e.selection.0,
        CampaignState::Draft.as_str(),
        at.0,
        super::run::spelled(&Meters::default()),
        serde_json::to_string(&e.secrets).expect("a map of numbers is JSON")
    ])?;
    Ok(())
}

pub(super) fn moved(db: &Connection, e: &CampaignMoved, at: Timestamp) -> Result<(), Stop> {
    in_state(db, e.campaign, e.from)?;
    moves(db, e.campaign, e.to, e.reason.as_str(), at)
}

pub(super) fn planned(db: &Connection, e: &CampaignPlanned, at: Timestamp) -> Result<(), Stop> {
    in_state(db, e.campaign, CampaignState::Planning)?;
    let planned = campaign_counts(db, e.campaign)?.total();
    if planned != e.runs {
        return Err(Stop::Refused(Found::Runs { planned }));
    }
    let sql = "UPDATE campaign SET plan = ?2, report = ?3, plan_bytes = ?4, plan_rows = ?5 WHERE id = ?1";
    let id = e.campaign.to_string();
    db.prepare_cached(sql)?.execute(params![id, e.plan.0, e.report.0, e.bytes.0, e.rows.0])?;
    moves(db, e.campaign, CampaignState::Planned, "", at)
}

pub(super) fn unplanned(db: &Connection, e: &CampaignUnplanned) -> Result<(), Stop> {
    in_state(db, e.campaign, CampaignState::Planning)?;
    let runs = campaign_counts(db, e.campaign)?.among(&PAST_THE_DOOR);
    if runs > 0 {
        return Err(Stop::Refused(Found::PastTheDoor { runs }));
    }
    super::approval::void(db, e.campaign)?;
    let id = e.campaign.to_string();
    db.prepare_cached("DELETE FROM run WHERE campaign = ?1")?.execute([&id])?;
    db.prepare_cached("DELETE FROM wave WHERE campaign = ?1")?.execute([&id])?;
    db.prepare_cached("DELETE FROM course WHERE campaign = ?1")?.execute([&id])?;
    let zeros: Vec<String> = RunState::ALL.iter().map(|state| format!("n_{state} = 0")).collect();
    let sql = format!(
        "UPDATE campaign SET plan = NULL, report = NULL, plan_bytes = NULL, plan_rows = NULL, {}
         WHERE id = ?1",
        zeros.join(", ")
    );
    db.prepare_cached(&sql)?.execute([&id])?;
    Ok(())
}

pub(super) fn rolled_out(db: &Connection, e: &CampaignRolledOut) -> Result<(), Stop> {
    let sql = "UPDATE campaign SET rolled_out = 1 WHERE id = ?1";
    one(db.prepare_cached(sql)?.execute([e.campaign.to_string()])?)
}

pub(super) fn checked(db: &Connection, e: &CampaignChecked) -> Result<(), Stop> {
    let sql = "UPDATE campaign SET checked = ?2 WHERE id = ?1";
    one(db.prepare_cached(sql)?.execute(params![e.campaign.to_string(), u64::from(e.check) + 1])?)
}

pub(super) fn wave_planned(db: &Connection, e: &WavePlanned, at: Timestamp) -> Result<(), Stop> {
    if campaign_at(db, e.campaign)?.is_none() {
        return Err(Stop::Refused(Found::Nothing));
    }
    refuse_if(wave_at(db, e.campaign, e.wave)?, |at| Found::Wave { state: at.state })?;
    let sql = "INSERT INTO wave (campaign, number, state, reason, since, budget, failures)
               VALUES (?1, ?2, ?3, '', ?4, ?5, 0)";
    let (id, state) = (e.campaign.to_string(), WaveState::Waiting.as_str());
    db.prepare_cached(sql)?.execute(params![id, e.wave, state, at.0, e.budget])?;
    Ok(())
}

pub(super) fn wave_moved(db: &Connection, e: &WaveMoved, at: Timestamp) -> Result<(), Stop> {
    match wave_at(db, e.campaign, e.wave)? {
        None => return Err(Stop::Refused(Found::Nothing)),
        Some(at) if at.state == e.from => {}
        Some(at) => return Err(Stop::Refused(Found::Wave { state: at.state })),
    }
    let sql = "UPDATE wave SET state = ?3, reason = ?4, since = ?5, budget = ?6, began = coalesce(began, ?7)
               WHERE campaign = ?1 AND number = ?2";
    db.prepare_cached(sql)?.execute(params![
        e.campaign.to_string(),
        e.wave,
        e.to.as_str(),
        e.reason.as_str(),
        at.0,
        e.budget,
        (e.to == WaveState::Running).then_some(at.0)
    ])?;
    Ok(())
}

fn in_state(db: &Connection, campaign: CampaignId, state: CampaignState) -> Result<(), Stop> {
    match campaign_at(db, campaign)? {
        None => Err(Stop::Refused(Found::Nothing)),
        Some(at) if at.0 == state => Ok(()),
        Some(at) => Err(Stop::Refused(found_campaign(at))),
    }
}

fn moves(
    db: &Connection,
    campaign: CampaignId,
    to: CampaignState,
    reason: &str,
    at: Timestamp,
) -> Result<(), Stop> {
    let sql = "UPDATE campaign SET state = ?2, epoch = epoch + 1, reason = ?3, since = ?4 WHERE id = ?1";
    one(db.prepare_cached(sql)?.execute(params![campaign.to_string(), to.as_str(), reason, at.0])?)
}
