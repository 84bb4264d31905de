//! Tasks that are nobody's run and nobody's plan: what is looked at after a publish, and versions that are read in full.
//!
//! Why there is one is soft: a control that is started again finds rows of which it does not know why, removes them, and asks for
//! what is still due. So a chore that is lost is done later, and one that is done twice says the same twice.

use std::collections::BTreeMap;

use skein_api::node::Payload;
use skein_ledger::{Enqueue, Entry, PhaseName, SizeClass, Task, TaskKind};
use skein_types::{Bytes, CampaignId, DatasetId, TaskId, Timestamp};
use uuid::Uuid;

use crate::control::{Control, State};
use crate::error::ServiceError;
use crate::looks::Looked;
use crate::soak::Look;

/// Nodes that may die with one before it is given up.
const DEATHS_MAX: u32 = 3;
/// Most that are waiting or under way.
const MOST: usize = 64;

/// What a task is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Chore {
    /// A look at a run after its publish.
    Check(Look),
    /// Versions of a dataset.
    Scrub {
        /// Whose.
        dataset: DatasetId,
        /// Somebody waits for it; else it gives way to other work.
        asked: bool,
    },
}

/// Those that are waiting or under way.
pub(crate) type Chores = BTreeMap<TaskId, Chore>;

impl Chore {
    const fn kind(self) -> TaskKind {
        match self {
            Self::Check(_) => TaskKind::Check,
            Self::Scrub { .. } => TaskKind::Scrub,
        }
    }
}

impl Control {
    /// How many more may be queued.
    pub(crate) fn room_for_chores(state: &State) -> usize {
        MOST.saturating_sub(state.chores.len())
    }

    /// Queues one; false if there are as many as may be.
    pub(crate) fn queue_chore(
        &self,
        state: &mut State,
        chore: Chore,
        (payload, cost): (&Payload, Bytes),
    ) -> Result<bool, ServiceError> {
        if state.chores.len() >= MOST {
            return Ok(false);
        }
        let task = TaskId::new(Uuid::now_v7());
        let payload = serde_json::to_string(payload).map_err(|error| ServiceError::bug(error.to_string()))?;
        let enqueue = Enqueue {
            task,
            campaign: None,
            seq: None,
            kind: chore.kind(),
            class: SizeClass::Small,
            cost,
            payload,
            input: None,
            not_before: Timestamp(0),
        };
        self.write(self.itself.unit().then(Entry::Enqueue(enqueue)))?;
        state.chores.insert(task, chore);
        self.wake.nodes();
        Ok(true)
    }

    /// At the start: rows of which this process does not know why they are there.
    pub(crate) fn drop_chores(&self) -> Result<(), ServiceError> {
        self.remove_tasks(|task| matches!(task.kind, TaskKind::Check | TaskKind::Scrub))
    }

    /// Those that may be given to a node now.
    pub(crate) fn chores_to_give(&self, state: &State, most: u32) -> Result<Vec<Task>, ServiceError> {
        let mut given = Vec::new();
        for task in state.chores.keys() {
            if given.len() >= most as usize {
                break;
            }
            given.extend(self.ledger.task(*task)?.filter(|task| task.phase.name() == PhaseName::Ready));
        }
        Ok(given)
    }

    /// What a node is given.
    pub(crate) fn chore_payload(task: &Task) -> Result<Payload, ServiceError> {
        serde_json::from_str(&task.payload)
            .map_err(|error| ServiceError::bug(format!("the payload of {}: {error}", task.id)))
    }

    /// Takes in what nodes found; true if there was something.
    pub(crate) fn attend_chores(&self) -> bool {
        let chores: Vec<(TaskId, Chore)> =
            self.state().chores.iter().map(|(task, chore)| (*task, *chore)).collect();
        let mut done = false;
        for (id, chore) in chores {
            match self.attend_chore(id, chore) {
                Ok(did) => done |= did,
                Err(error) => {
                    tracing::warn!(task = %id, code = error.code.id, %error, "a chore cannot go on just now");
                }
            }
        }
        done
    }

    fn attend_chore(&self, id: TaskId, chore: Chore) -> Result<bool, ServiceError> {
        let Some(task) = self.ledger.task(id)? else {
            self.state().chores.remove(&id);
            return Ok(false);
        };
        let looked = self.looked(&task)?;
        if looked.is_none() && task.deaths < DEATHS_MAX {
            return Ok(false);
        }
        let gone = Entry::Remove { task: id, token: task.token };
        match (chore, looked) {
            (Chore::Check(look), looked) => {
                self.check_came_back(look, looked)?;
                self.write(self.itself.unit().then(gone))?;
            }
            (Chore::Scrub { dataset, .. }, Some(Looked::Scrubbed(found))) => {
                self.scrub_came_back(dataset, &found, gone)?;
            }
            (Chore::Scrub { dataset, .. }, looked) => {
                tracing::warn!(%dataset, ?looked, "a dataset could not be read in full");
                self.scrub_failed(dataset, gone)?;
            }
        }
        self.state().chores.remove(&id);
        Ok(true)
    }

    /// Takes scrubs back that nobody waits for: there is other work.
    pub(crate) fn recall_scrubs(&self, state: &mut State) -> Result<(), ServiceError> {
        let waits = |(task, chore): (&TaskId, &Chore)| match chore {
            Chore::Scrub { asked: false, .. } => Some(*task),
            Chore::Scrub { asked: true, .. } | Chore::Check(_) => None,
        };
        let back: Vec<TaskId> = state.chores.iter().filter_map(waits).collect();
        for id in back {
            if let Some(task) = self.ledger.task(id)? {
                // Without its hold the node is told that the task is not its any more.
                for seat in state.fleet.seats.values_mut() {
                    seat.holds.remove(&id);
                }
                self.write(self.itself.unit().then(Entry::Remove { task: id, token: task.token }))?;
            }
            state.chores.remove(&id);
        }
        Ok(())
    }

    /// What a campaign's checks still wait for.
    pub(crate) fn checks_out(state: &State, campaign: CampaignId) -> impl Iterator<Item = Look> + '_ {
        state.chores.values().filter_map(move |chore| match chore {
            Chore::Check(look) => Some(*look).filter(|look| look.campaign == campaign),
            Chore::Scrub { .. } => None,
        })
    }
}
