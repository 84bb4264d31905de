//! Windows that end: soon nothing of a campaign can be undone. That is a time and no decision; the unit that notes it has a cause
//! made of the campaign and the window's end, so it is noted once, whoever dies.

use std::collections::BTreeSet;

use skein_ledger::{Unit, UnitOutcome, Webhook};
use skein_notify::Fact;
use skein_types::{Blake3, CampaignId, CampaignState, CauseId, RunState, Timestamp};
use uuid::Uuid;

use super::facts::of;
use super::note::{Told, Waiting};
use crate::control::Control;
use crate::error::ServiceError;

/// How long before its end a window is told of at most. Of a short one it is the last quarter.
const BEFORE_MOST: u64 = 24 * 3_600_000;

/// Windows that were noted by this process.
#[derive(Debug, Default)]
pub(super) struct Windows {
    told: BTreeSet<(CampaignId, Timestamp)>,
}

impl Control {
    /// Notes those windows that end soon.
    pub(super) fn tell_of_windows(
        &self,
        windows: &mut Windows,
        receivers: &[Webhook],
    ) -> Result<(), ServiceError> {
        if !receivers.iter().any(|receiver| receiver.active) {
            return Ok(());
        }
        let now = self.clock.now();
        let ends = |(id, live): (&CampaignId, &crate::live::Live)| Some((*id, live.machine.next_due()?));
        let soon = |(_, end): &(CampaignId, Timestamp)| end.0.saturating_sub(now.0) <= BEFORE_MOST;
        let ending: BTreeSet<_> = self.state().campaigns.iter().filter_map(ends).filter(soon).collect();
        windows.told.retain(|told| ending.contains(told));
        for (id, end) in ending {
            if !windows.told.contains(&(id, end)) && self.tell_of_window(id, now, receivers)? {
                windows.told.insert((id, end));
            }
        }
        Ok(())
    }

    /// Whether that window needs no more to be looked at.
    fn tell_of_window(
        &self,
        id: CampaignId,
        now: Timestamp,
        receivers: &[Webhook],
    ) -> Result<bool, ServiceError> {
        let row = self.campaign_row(id)?;
        let window = self.window_of(&row)?;
        // By the record, and not as the machine has it: that was decided a moment before it was written down.
        let end = window.after(row.since);
        let before = (window.length().0 / 4).min(BEFORE_MOST);
        if end.0.saturating_sub(now.0) > before {
            return Ok(false);
        }
        let published = row.runs.of(RunState::Published);
        if row.state != CampaignState::Soaking || published == 0 {
            return Ok(true);
        }
        let fact = Fact::WindowEnding { of: of(&row), published, window_ends: end };
        let told = Told::now(fact, (self.ledger.head()?, now)).about(id, &row.owner);
        let entries = self.entries_of(&told, receivers, &mut Waiting::default())?;
        if entries.is_empty() {
            return Ok(true);
        }
        let unit = entries.into_iter().fold(self.itself.unit().caused(cause(id, end)), Unit::then);
        match self.commit(unit)? {
            UnitOutcome::Applied(_) => receivers.iter().for_each(|receiver| self.bell.ring_for(receiver.id)),
            UnitOutcome::Known(_) => {}
            UnitOutcome::Refused { found, .. } => {
                return Err(ServiceError::bug(format!("a window's end is not noted: {found}")));
            }
        }
        Ok(true)
    }
}

fn cause(id: CampaignId, end: Timestamp) -> CauseId {
    let digest = Blake3::of(format!("the window of {id} ends at {}", end.0).as_bytes());
    let (first, _) = digest.0.split_at(16);
    CauseId::new(Uuid::from_slice(first).unwrap_or_default())
}
