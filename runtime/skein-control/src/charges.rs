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
/// Charges are added up by it.
pub(crate) const HOUR: u64 = 3_600_000;

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
        // Who says less than before took no less: what is more is counted once.
        let said = most(used(&said), hold.seen);
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

/// Of each the more.
fn most(said: Used, before: Used) -> Used {
    Used {
        cpu: said.cpu.max(before.cpu),
        fuel: said.fuel.max(before.fuel),
        bytes_read: said.bytes_read.max(before.bytes_read),
        bytes_written: said.bytes_written.max(before.bytes_written),
        slot: said.slot.max(before.slot),
        attempts: said.attempts,
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

#[cfg(test)]
mod tests {
    use super::due;
    use crate::control::State;
    use crate::fleet::Hold;
    use crate::scene::{campaign, seat};
    use skein_api::List;
    use skein_api::node::{Exchange, Held, Progress, Usage, Used as Said, Wants};
    use skein_ledger::Used;
    use skein_types::{AttemptId, Bytes, Fuel, Millis, NodeId, Rows, TaskId, Token};
    use uuid::Uuid;

    #[test]
    fn a_node_that_says_less_and_then_more_is_charged_once() {
        let (node, task) = (NodeId::new(Uuid::from_u128(1)), TaskId::new(Uuid::from_u128(2)));
        let held = Held {
            task,
            token: Token { generation: 1, epoch: 1 },
            attempt: AttemptId::new(Uuid::from_u128(3)),
        };
        let hold = Hold {
            held,
            campaign: Some(campaign()),
            seq: None,
            wave: None,
            large: false,
            alone: false,
            estimate: Millis(1),
            started: true,
            rows: 0,
            kept: 0,
            charged: Used::default(),
            seen: Used::default(),
            recalled: false,
        };
        let mut state = State::default();
        let mut seat = seat("a", 1);
        seat.holds.insert(task, hold);
        state.fleet.seats.insert(node, seat);
        let mut say = |fuel, slot| {
            let used = Said { fuel: Fuel(fuel), slot_ms: Millis(slot), ..Said::default() };
            let progress =
                Progress { held, started: true, rows: Rows(0), bytes: Bytes(0), used, at_work: None };
            let asked = Exchange {
                node,
                incarnation: 1,
                sequence: 1,
                holding: List::first(vec![progress]).0,
                checkpoints: List::first(Vec::new()).0,
                results: List::first(Vec::new()).0,
                usage: Usage::default(),
                wants: Wants::default(),
                draining: false,
            };
            let (charged, fresh) = due(&mut state, &asked);
            let fuel =
                |of: &std::collections::BTreeMap<_, Used>| of.get(&campaign()).map_or(0, |used| used.fuel.0);
            (fuel(&charged), fuel(&fresh))
        };
        assert_eq!(say(10, 10_000), (10, 10));
        assert_eq!(say(4, 0), (0, 0));
        assert_eq!(say(10, 20_000), (0, 0));
        assert_eq!(say(13, 30_000), (3, 3));
    }
}
