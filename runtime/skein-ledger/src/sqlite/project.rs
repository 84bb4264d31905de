//! Projections: what an event changes. The only code that writes those tables, live and in a rebuild alike, and a function
//! of the event, its time and what earlier events made: no blob, no queue row, no clock.

pub(super) mod access;
mod approval;
mod campaign;
mod catalogue;
mod node;
pub(super) mod rule;
mod run;
mod settings;

use rusqlite::Connection;
use skein_types::Timestamp;

use super::fault::Stop;
use crate::event::Event;
use crate::guard::Found;

/// Milliseconds of an hour.
pub(super) const HOUR: u64 = 3_600_000;

/// Where an event stands in the log.
#[derive(Clone, Copy, Debug)]
pub(super) struct When {
    pub(super) position: u64,
    pub(super) at: Timestamp,
}

/// Applies an event, or says what does not fit it; then the tables may be half changed and the caller undoes that.
pub(super) fn project(db: &Connection, event: &Event, when: When) -> Result<(), Stop> {
    let at = when.at;
    match event {
        Event::ModuleSubmitted(e) => catalogue::submitted(db, e, at),
        Event::ModuleCompiled(e) => catalogue::compiled(db, e, at),
        Event::ModuleRefused(e) => catalogue::refused(db, e, at),
        Event::ModuleSuspended(e) => catalogue::suspended(db, e, at),
        Event::ModuleRestored(e) => catalogue::restored(db, e, at),
        Event::ModuleBanned(e) => catalogue::banned(db, e, at),
        Event::DatasetRegistered(e) => catalogue::registered(db, e, when),
        Event::DatasetChanged(e) => catalogue::changed(db, e, when),
        Event::DatasetRemoved(e) => catalogue::removed(db, e),
        Event::DatasetDamaged(e) => catalogue::damaged(db, e),
        Event::CampaignCreated(e) => campaign::created(db, e, at),
        Event::CampaignMoved(e) => campaign::moved(db, e, at),
        Event::CampaignPlanned(e) => campaign::planned(db, e, at),
        Event::CampaignUnplanned(e) => campaign::unplanned(db, e),
        Event::CampaignRolledOut(e) => campaign::rolled_out(db, e),
        Event::CampaignChecked(e) => campaign::checked(db, e),
        Event::WavePlanned(e) => campaign::wave_planned(db, e, at),
        Event::WaveMoved(e) => campaign::wave_moved(db, e, at),
        Event::RunPlanned(e) => run::planned(db, e, at),
        Event::RunIntended(e) => run::intended(db, e, at),
        Event::RunPublished(e) => run::published(db, e, at),
        Event::RunFinalized(e) => run::finalized(db, e, at),
        Event::RunFailed(e) => run::failed(db, e, at),
        Event::RunSkipped(e) => run::skipped(db, e, at),
        Event::RunCancelled(e) => run::cancelled(db, e, at),
        Event::RunStale(e) => run::stale(db, e, at),
        Event::RunRetried(e) => run::retried(db, e, at),
        Event::RunReverting(e) => run::reverting(db, e, at),
        Event::RunReverted(e) => run::reverted(db, e, at),
        Event::RunRevertFailed(e) => run::revert_failed(db, e, at),
        Event::RunRehearsed(e) => run::rehearsed(db, e),
        Event::RunAlarmed(e) => run::alarmed(db, e),
        Event::NodeJoined(e) => node::joined(db, e, at),
        Event::NodeLost(e) => node::lost(db, e, at),
        Event::NodeLeft(e) => node::left(db, e, at),
        Event::TeamCreated(e) => access::team_created(db, e, when),
        Event::TeamChanged(e) => access::team_changed(db, e, when),
        Event::TeamRemoved(e) => access::team_removed(db, e),
        Event::TokenIssued(e) => access::issued(db, e, when),
        Event::TokenRevoked(e) => access::revoked(db, e, when),
        Event::NodeMarked(e) => node::marked(db, e),
        Event::QuotaSet(e) => settings::quota_set(db, e, when),
        Event::QuotaRemoved(e) => settings::quota_removed(db, e),
        Event::PolicySet(e) => settings::policy_set(db, e, when),
        Event::PolicyRemoved(e) => settings::policy_removed(db, e),
        Event::SecretSet(e) => settings::secret_set(db, e, when),
        Event::SecretRemoved(e) => settings::secret_removed(db, e),
        Event::WebhookSet(e) => settings::webhook_set(db, e, when),
        Event::WebhookRemoved(e) => settings::webhook_removed(db, e),
        Event::FleetFrozen(e) => settings::frozen(db, e, when),
        Event::FleetThawed(e) => settings::thawed(db, e, when),
        Event::SlicePlanned(e) => approval::planned(db, e, at),
        Event::ApprovalGiven(e) => approval::given(db, e, at),
        Event::ApprovalRevoked(e) => approval::revoked(db, e, at),
        Event::SliceDeferred(e) => approval::deferred(db, e),
        Event::SliceDeclined(e) => approval::declined(db, e, at),
        Event::CommentAdded(e) => approval::commented(db, e, at),
        Event::CommentResolved(e) => approval::resolved(db, e, at),
        Event::ApprovalBrokenGlass(e) => approval::broken_glass(db, e, at),
        Event::WaveApproved(e) => approval::wave_approved(db, e, at),
        Event::RunHeld(e) => run::held(db, e, at),
        Event::RunReleased(e) => run::released(db, e, at),
        Event::RuleSet(e) => rule::set(db, e, when),
        Event::RuleRemoved(e) => rule::removed(db, e),
        Event::RuleIgnored(e) => rule::ignored(db, e, when),
        Event::KeyIntroduced(e) => access::key_introduced(db, e, when),
        // That it was made is all that there is to know.
        Event::BackupMade(_) | Event::ServerRestored(_) => Ok(()),
    }
}

/// Notes in which part of the log events of this time are. Clocks go back, so parts may overlap; positions do not, so a part only
/// grows at its end.
pub(super) fn hour(db: &Connection, at: Timestamp, (first, last): (u64, u64)) -> rusqlite::Result<()> {
    let sql = "INSERT INTO event_hour (hour, first, last) VALUES (?1, ?2, ?3)
               ON CONFLICT (hour) DO UPDATE SET last = excluded.last";
    db.prepare_cached(sql)?.execute([at.0 / HOUR, first, last])?;
    Ok(())
}

/// A change of a thing that must be there.
fn one(changed: usize) -> Result<(), Stop> {
    if changed == 1 { Ok(()) } else { Err(Stop::Refused(Found::Nothing)) }
}
