//! Waiting until every node knows that a campaign stops.
//!
//! A node that speaks again has done what the last answer told it: it has dropped what it had not begun, and what it had
//! begun stops at its next checkpoint. So from the answer to whoever asked on nothing of the campaign starts. A node that
//! says nothing is waited for until its lease is over, when it stops by itself.

use std::collections::BTreeMap;
use std::sync::{MutexGuard, PoisonError};
use std::time::Duration;

use skein_types::{CampaignId, NodeId};

use crate::control::{Control, State};
use crate::fleet::{GRACE, LEASE};

/// Beyond the end of a lease, for whoever notices it.
const SLACK: Duration = Duration::from_secs(1);

impl Control {
    /// Waits for every node that has a task of the campaign. The decision is in the ledger and in the machine.
    pub(crate) fn acknowledged(&self, mut state: MutexGuard<'_, State>, id: CampaignId) {
        state.fleet.moment += 1;
        let moment = state.fleet.moment;
        let waits: BTreeMap<NodeId, u64> = state
            .fleet
            .seats
            .iter()
            .filter(|(_, seat)| seat.holds.values().any(|hold| hold.campaign == Some(id)))
            .map(|(node, seat)| (*node, seat.session.incarnation))
            .collect();
        let not_yet = |state: &mut State| {
            waits.iter().any(|(node, incarnation)| {
                let seat = state.fleet.seats.get(node);
                seat.is_some_and(|seat| seat.session.incarnation == *incarnation && seat.heard < moment)
            })
        };
        let waited = self.heard.wait_timeout_while(state, LEASE + GRACE + SLACK, not_yet);
        let (_state, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
        if timeout.timed_out() {
            tracing::warn!(campaign = %id, "a node did not acknowledge that the campaign stops");
        }
    }
}
