//! Projections: what an event changes. The only code that writes those tables, live and in a rebuild alike, and a function
//! of the event, its time and what earlier events made: no blob, no queue row, no clock.

mod campaign;
mod catalogue;
mod node;
mod run;

use rusqlite::Connection;
use skein_types::Timestamp;

use super::fault::Stop;
use crate::event::Event;

/// Applies an event, or says what does not fit it; then the tables may be half changed and the caller undoes that.
pub(super) fn project(db: &Connection, event: &Event, at: Timestamp) -> Result<(), Stop> {
    match event {
        Event::ModuleSubmitted(e) => catalogue::submitted(db, e, at),
        Event::ModuleCompiled(e) => catalogue::compiled(db, e, at),
        Event::ModuleRefused(e) => catalogue::refused(db, e, at),
        Event::ModuleSuspended(e) => catalogue::suspended(db, e, at),
        Event::ModuleRestored(e) => catalogue::restored(db, e, at),
        Event::DatasetRegistered(e) => catalogue::registered(db, e, at),
        Event::DatasetChanged(e) => catalogue::changed(db, e),
        Event::DatasetRemoved(e) => catalogue::removed(db, e),
        Event::CampaignCreated(e) => campaign::created(db, e, at),
        Event::CampaignMoved(e) => campaign::moved(db, e, at),
        Event::CampaignPlanned(e) => campaign::planned(db, e, at),
        Event::CampaignUnplanned(e) => campaign::unplanned(db, e),
        Event::CampaignRolledOut(e) => campaign::rolled_out(db, e),
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
        Event::NodeJoined(e) => node::joined(db, e, at),
        Event::NodeLost(e) => node::lost(db, e, at),
        Event::NodeLeft(e) => node::left(db, e, at),
    }
}
