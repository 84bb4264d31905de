//! What nodes say that attempts took, as rows of what was used.
//!
//! They go with the renewal of the node's lease, which is written anyway: one row for each campaign that is in the exchange, added to that
//! of its hour. An attempt is charged when it ends, and one that works for long each time that it has held its slot for ten seconds more,
//! so what it took is not lost with its node. Charges are no decisions: one may be lost, or counted twice, where a process dies in the
//! middle.

use std::collections::BTreeMap;

use skein_api::node::{Exchange, Outcome, Used as Said};
use skein_ledger::{Charge, Entry, Used};
use skein_types::{Bytes, CampaignId, Fuel, Millis, Timestamp};

use crate::control::{Control, State};
use crate::results::fitting;

/// Between two charges of an attempt that is at work.
const EVERY: Millis = Millis(10_000);
const HOUR: u64 = 3_600_000;

impl Control {
    /// What is to be charged for what a node says, and is then not charged again.
    pub(crate) fn charges(&self, state: &mut State, asked: &Exchange) -> Vec<Entry> {
        let (by_campaign, fresh) = due(state, asked);
        for (campaign, used) in &fresh {
            if let Ok(live) = self.live(state, *campaign) {
                let team = live.owner.clone();
                state.division.used((&team, *campaign), used);
            }
        }
        let hour = Timestamp(self.clock.now().0 / HOUR * HOUR);
        let charge = |(campaign, used): (CampaignId, Used)| {
            // Whose campaign cannot be read just now goes uncharged.
            let live = self.live(state, campaign).ok()?;
            let (team, module) = (live.owner.clone(), Some(live.module));
            Some(Entry::Charge(Charge { team, campaign: Some(campaign), module, hour, used }))
        };
        by_campaign.into_iter().filter_map(charge).collect()
    }
}

/// By campaign, what was not charged yet and is to be charged now; and what was not said yet.
fn due(state: &mut State, asked: &Exchange) -> (BTreeMap<CampaignId, Used>, BTreeMap<CampaignId, Used>) {
    let (mut all, mut fresh) = (BTreeMap::<CampaignId, Used>::new(), BTreeMap::<CampaignId, Used>::new());
    let Some(seat) = state.fleet.seats.get_mut(&asked.node) else { return (all, fresh) };
    let over = asked.results.iter().filter_map(|report| {
        let begun = report.outcome != Outcome::Revoked || report.used != Said::default();
        begun.then_some((report.held, report.used, 1))
    });
    let going = asked.holding.iter().map(|progress| (progress.held, progress.used, 0));
    for (held, said, attempts) in over.chain(going) {
        let Some(hold) = seat.holds.get_mut(&held.task).filter(|hold| hold.held == held) else { continue };
        let said = used(&said);
        if let Some(campaign) = hold.campaign {
            let sum = fresh.entry(campaign).or_default();
            *sum = sum.plus(without(said, hold.seen));
        }
        hold.seen = said;
        if attempts == 0 && said.slot.0 < hold.charged.slot.0.saturating_add(EVERY.0) {
            continue;
        }
        let more = Used { attempts, ..without(said, hold.charged) };
        hold.charged = said;
        if let Some(campaign) = hold.campaign {
            let sum = all.entry(campaign).or_default();
            *sum = sum.plus(more);
        }
    }
    (all, fresh)
}

/// As a row can hold it.
const fn used(said: &Said) -> Used {
    Used {
        cpu: Millis(fitting(said.cpu_ms.0)),
        fuel: Fuel(fitting(said.fuel.0)),
        bytes_read: Bytes(fitting(said.bytes_read.0)),
        bytes_written: Bytes(fitting(said.bytes_written.0)),
        slot: Millis(fitting(said.slot_ms.0)),
        attempts: 0,
    }
}

/// What is more in the one than in the other.
const fn without(said: Used, before: Used) -> Used {
    Used {
        cpu: Millis(said.cpu.0.saturating_sub(before.cpu.0)),
        fuel: Fuel(said.fuel.0.saturating_sub(before.fuel.0)),
        bytes_read: Bytes(said.bytes_read.0.saturating_sub(before.bytes_read.0)),
        bytes_written: Bytes(said.bytes_written.0.saturating_sub(before.bytes_written.0)),
        slot: Millis(said.slot.0.saturating_sub(before.slot.0)),
        attempts: 0,
    }
}
