//! Planned runs become tasks, as many as may be under way.

use skein_ledger::{Limit, Run, RunFilter, Unit};
use skein_types::{Bytes, CampaignId, RunState};

use crate::control::{Control, State};
use crate::error::ServiceError;
use crate::large::tasks_of;
use crate::points::point;

/// Tasks that are queued in one unit.
const CHUNK: u64 = 256;
/// Runs that may be queued, running and staged for each node.
const PER_NODE: u64 = 192;

impl Control {
    /// Queues more runs of a wave; true if it did.
    pub(crate) fn admit(&self, state: &mut State, id: CampaignId, wave: u32) -> Result<bool, ServiceError> {
        let slots = PER_NODE * (state.fleet.seats.len() as u64).max(1);
        let now = self.clock.now();
        let live = self.live(state, id)?;
        live.recall_deferred(now);
        // A run at the door has its task until it is through.
        let under_way = live.queued(wave);
        let places = live.machine.places_before_door(wave, under_way, slots).min(CHUNK);
        // While there is enough to do a few more are not worth a unit of their own.
        let few = under_way > slots / 2 && places < slots / 8;
        if places == 0 || few {
            return Ok(false);
        }
        let filter = RunFilter { state: Some(RunState::Planned), wave: Some(wave) };
        let after = live.admitted.get(&wave).copied();
        let page = self.ledger.runs(id, filter, after, Limit::new(usize::try_from(places).unwrap_or(1)))?;
        let Some(last) = page.items.last().map(|run| run.seq) else { return Ok(false) };
        let new: Vec<&Run> = page.items.iter().filter(|run| live.may_have_task(run, now)).collect();
        if !new.is_empty() {
            let mut entries = Vec::with_capacity(new.len());
            for run in &new {
                entries.extend(tasks_of(run)?);
            }
            point!("admit.before-enqueue")?;
            self.write(entries.into_iter().fold(self.itself.unit(), Unit::then))?;
            point!("admit.after-enqueue")?;
        }
        let live = self.live(state, id)?;
        live.divided.extend(new.iter().filter(|run| run.bytes > Bytes::ONE_TASK).map(|run| run.seq));
        live.tasks.extend(new.iter().map(|run| (run.seq, wave)));
        live.admitted.insert(wave, last);
        self.wake.nodes();
        Ok(true)
    }
}
