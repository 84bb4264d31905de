//! Planned runs become tasks, as many as may be under way.

use skein_ledger::{Enqueue, Entry, Limit, Run, RunFilter, SizeClass, TaskKind, Unit};
use skein_types::{Blake3, Bytes, CampaignId, RunState, TaskId, Timestamp};
use uuid::Uuid;

use crate::control::{Control, State};
use crate::error::ServiceError;

/// Up to here a run is one task and small.
pub(crate) const SMALL: Bytes = Bytes::mib(64);
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
        let at_door = live.machine.waves().get(wave as usize).map_or(0, |wave| wave.at_door());
        let under_way = live.queued(wave) + at_door;
        let places = live.machine.places_before_door(wave, under_way, slots).min(CHUNK);
        if places == 0 {
            return Ok(false);
        }
        let filter = RunFilter { state: Some(RunState::Planned), wave: Some(wave) };
        let after = live.admitted.get(&wave).copied();
        let page = self.ledger.runs(id, filter, after, Limit::new(usize::try_from(places).unwrap_or(1)))?;
        let Some(last) = page.items.last().map(|run| run.seq) else { return Ok(false) };
        let new: Vec<&Run> = page.items.iter().filter(|run| live.may_have_task(run, now)).collect();
        if !new.is_empty() {
            let entries = new.iter().map(|run| task_of(run));
            self.write(entries.fold(Unit::by(self.itself.clone()), Unit::then))?;
        }
        let live = self.live(state, id)?;
        live.tasks.extend(new.iter().map(|run| (run.seq, wave)));
        live.admitted.insert(wave, last);
        self.wake.nodes();
        Ok(true)
    }
}

/// The task of a run. Its id follows from where the run is, so that it cannot be queued twice.
fn task_of(run: &Run) -> Entry {
    let Blake3(digest) = Blake3::of(format!("{} {} {}", run.campaign, run.seq, run.epoch).as_bytes());
    let mut id = [0; 16];
    id.copy_from_slice(&digest[..16]);
    Entry::Enqueue(Enqueue {
        task: TaskId::new(Uuid::from_bytes(id)),
        campaign: Some(run.campaign),
        seq: Some(run.seq),
        kind: TaskKind::Run,
        class: if run.bytes <= SMALL { SizeClass::Small } else { SizeClass::Large },
        cost: run.bytes,
        payload: "{}".to_owned(),
        input: None,
        not_before: Timestamp(0),
    })
}
