//! Runs of a campaign that do not begin by themselves now: whoever waits for it is told of them, and waits no more where they are all
//! that is left.

use std::collections::BTreeMap;

use skein_ledger::{Limit, RunFilter};
use skein_types::{CampaignId, CampaignState, RunState, Timestamp};

use crate::control::{Control, State};
use crate::error::ServiceError;

/// Runs by wave.
pub(super) type Waves = BTreeMap<u32, u64>;

/// Where a campaign is that runs and of which nothing moves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Stands {
    /// Planned runs whose slices are put off or lack approvals.
    pub(crate) put_off: u64,
    /// Nothing moves, and runs that rules hold are left.
    pub(crate) for_held: bool,
    /// Nothing moves, and no run is held.
    pub(crate) for_put_off: bool,
}

impl Control {
    /// Whether a campaign goes on only when people have decided something, or when a time has come for which they put it off. One that
    /// waits for nothing but the times of its own manifest goes on as it was planned.
    pub(crate) fn stands(&self, state: &mut State, id: CampaignId) -> Result<Stands, ServiceError> {
        let now = self.clock.now();
        let live = self.live(state, id)?;
        if live.machine.state() != CampaignState::Running {
            return Ok(Stands::default());
        }
        // Of those that were declined the runs are being left out.
        let closed = live.gates.iter().filter(|(_, gate)| !gate.is_open(now) && !gate.declined);
        let mut later = Waves::new();
        for (team, _) in closed {
            more(&mut later, self.ledger.planned_of_slice(id, team)?);
        }
        let (put_off, held) = (later.values().sum(), live.machine.runs().get(RunState::Held) > 0);
        let people = put_off > 0 || held;
        if people && live.overrides.falls_due(now, Timestamp(u64::MAX)) {
            later = self.planned_for_later(state, id, now)?;
        }
        let live = self.live(state, id)?;
        let stands = people && live.machine.stands(|wave| later.get(&wave).copied().unwrap_or(0));
        Ok(Stands { put_off, for_held: stands && held, for_put_off: stands && !held })
    }

    /// Planned runs that may not have a task now: as [`Stands`] counts them, and those that the manifest puts off.
    fn planned_for_later(
        &self,
        state: &mut State,
        id: CampaignId,
        now: Timestamp,
    ) -> Result<Waves, ServiceError> {
        let (mut later, mut after) = (Waves::new(), None);
        let filter = RunFilter { state: Some(RunState::Planned), wave: None };
        loop {
            let page = self.ledger.runs(id, filter, after, Limit::MAX)?;
            let live = self.live(state, id)?;
            for run in &page.items {
                let declined =
                    run.team.as_ref().and_then(|team| live.gates.get(team)).is_some_and(|gate| gate.declined);
                let waits = live.overrides.defers(run.dataset, now) || !live.gate_open(run, now);
                if let Some(wave) = run.wave.filter(|_| waits && !declined) {
                    *later.entry(wave).or_default() += 1;
                }
            }
            match page.next {
                Some(next) => after = Some(next),
                None => return Ok(later),
            }
        }
    }
}

/// Adds runs to those of each wave.
pub(super) fn more(to: &mut Waves, runs: Waves) {
    for (wave, runs) in runs {
        *to.entry(wave).or_default() += runs;
    }
}
