//! What nodes report of tasks, as units of the ledger.

use skein_api::node::{Outcome, Report, Staged};
use skein_api::{Meters, Why};
use skein_campaign::{Next, RunReport, after_failure};
use skein_ledger::{Entry, Name, Phase, Release, RunFailed, RunSkipped, RunStale, Stage, Task, Text, Unit};
use skein_types::{Bytes, CampaignId, ErrorClass, Fuel, Millis, NodeId, RunState, Timestamp, codes};

use crate::control::{Control, State};
use crate::datasets::rules::held::held_by;
use crate::decide::{self, Told};
use crate::error::ServiceError;
use crate::exchange::released;
use crate::live::Tried;

/// Of what a node counts. A thousandth of what a record can hold, so that sums over campaigns are held too.
const NUMBER_MAX: u64 = skein_ledger::INTEGER_MAX / 1_000;

impl Control {
    /// The unit that takes a report; none if there is nothing to write, because the task is not the node's any more.
    pub(crate) fn taken(
        &self,
        state: &mut State,
        (node, incarnation): (NodeId, u64),
        report: &Report,
    ) -> Result<Option<Unit>, ServiceError> {
        let is_the_owners = |task: &Task| match &task.phase {
            Phase::Claimed(owner) => {
                task.token == report.held.token
                    && (owner.node, owner.incarnation, owner.attempt)
                        == (node, incarnation, report.held.attempt)
            }
            Phase::Ready { .. } | Phase::Staged { .. } => false,
        };
        let Some(task) = self.ledger.task(report.held.task)?.filter(is_the_owners) else {
            return Ok(None);
        };
        if let Some(live) = task.campaign.and_then(|campaign| state.campaigns.get_mut(&campaign)) {
            live.suspects.remove(&task.id);
        }
        // First, because what is decided next may leave nothing of the task.
        let attempt = self.attempt_over(&task, (node, incarnation), report)?;
        let unit = self.taken_from(state, (&task, node, incarnation), report)?;
        Ok(unit.map(|unit| attempt.into_iter().fold(unit, Unit::then)))
    }

    /// What follows from a report of whoever has the task.
    fn taken_from(
        &self,
        state: &mut State,
        (task, node, incarnation): (&Task, NodeId, u64),
        report: &Report,
    ) -> Result<Option<Unit>, ServiceError> {
        let by = || self.itself.unit();
        let stage = |result: String| {
            let held = report.held;
            by().then(Entry::Stage(Stage {
                task: held.task,
                token: held.token,
                node,
                incarnation,
                result,
                blob: None,
            }))
        };
        let text =
            |value: serde_json::Result<String>| value.map_err(|error| ServiceError::bug(error.to_string()));
        match &report.outcome {
            Outcome::Staged(staged) if staged.base > NUMBER_MAX => {
                let message = format!("a node says that {} was version {}", task.id, staged.base);
                let why = Why::new(codes::BUG, &message, None);
                self.failed(state, (task, node), (&why, &staged.meters)).map(Some)
            }
            Outcome::Staged(staged) => {
                if staged.taken_over > 0 {
                    let (taken_over, rows) = (staged.taken_over, staged.rows.read.0);
                    tracing::info!(task = %task.id, taken_over, rows, "staged over what earlier attempts made");
                }
                let unit = stage(text(serde_json::to_string(&Finished::of(report, staged)))?);
                match held_by(staged) {
                    Some(held) => {
                        self.kept_back(state, task, (report.held.attempt, held), unit.entries).map(Some)
                    }
                    None => Ok(Some(unit)),
                }
            }
            Outcome::Planned(_)
            | Outcome::Sampled(_)
            | Outcome::Scanned(_)
            | Outcome::Checked(_)
            | Outcome::Scrubbed(_) => self.look_taken(report, task),
            Outcome::Revoked | Outcome::Evicted { .. } => {
                Ok(Some(by().then(released(report.held, Timestamp(0)))))
            }
            Outcome::Failed { why, .. } if task.looks() => self.look_failed(state, task, why),
            Outcome::Failed { why, meters } => self.failed(state, (task, node), (why, meters)).map(Some),
            Outcome::SchemaMoved { found } => {
                let reason = Text::clip(&format!("its schema is {found} now"));
                self.at_rest(state, task, RunState::Stale, |campaign, seq| {
                    RunStale { campaign, seq, from: RunState::Planned, reason }.into()
                })
                .map(Some)
            }
            Outcome::AlreadyMigrated { version } => {
                let reason = Text::clip(&format!("version {version} has been through this migration"));
                self.at_rest(state, task, RunState::Skipped, |campaign, seq| {
                    RunSkipped { campaign, seq, from: RunState::Planned, reason }.into()
                })
                .map(Some)
            }
            Outcome::Fragment(fragment) => Ok(Some(stage(text(serde_json::to_string(fragment))?))),
        }
    }

    /// A task failed: tried again if its class says so, else the end of its run.
    fn failed(
        &self,
        state: &mut State,
        (task, node): (&Task, NodeId),
        (why, meters): (&Why, &Meters),
    ) -> Result<Unit, ServiceError> {
        if let Some(wait) = self.again(state, (task, node), why.class)? {
            return Ok(self.tried_again(task, wait, why.class == ErrorClass::Fault));
        }
        let code = Name::new(why.code.as_str()).map_err(|error| ServiceError::bug(error.to_string()))?;
        let (class, message) = (why.class, Text::clip(&why.message));
        let meters = meters_of(meters);
        self.at_rest(state, task, RunState::Failed, |campaign, seq| {
            RunFailed { campaign, seq, from: RunState::Planned, class, code, message, meters }.into()
        })
    }

    /// A task that failed is ready again after a while, from its start or from where it was.
    pub(crate) fn tried_again(&self, task: &Task, wait: Millis, from_start: bool) -> Unit {
        self.itself.unit().then(Entry::Release(Release {
            task: task.id,
            token: task.token,
            not_before: Timestamp(self.clock.now().0.saturating_add(wait.0)),
            deaths: 0,
            alone: task.alone,
            from_start,
        }))
    }

    /// How long to wait before another try, if there may be one.
    fn again(
        &self,
        state: &mut State,
        (task, node): (&Task, NodeId),
        class: ErrorClass,
    ) -> Result<Option<Millis>, ServiceError> {
        let (Some(campaign), Some(seq)) = (task.campaign, task.seq) else { return Ok(None) };
        let live = self.live(state, campaign)?;
        // Each part of a large run has tries of its own.
        let before = live.tries.get(&seq).and_then(|of| of.get(&task.id)).copied().unwrap_or_default();
        let (wait, tries, elsewhere_than) =
            match after_failure(class, before.tries, &live.rules().retries, task.order) {
                Next::Again { wait, tries } => (wait, tries, None),
                Next::AgainElsewhere { tries } => (Millis(0), tries, Some(node)),
                Next::GiveUp => return Ok(None),
            };
        live.tries.entry(seq).or_default().insert(task.id, Tried { tries, elsewhere_than });
        Ok(Some(wait))
    }

    /// A run's task cannot even be begun, and will not be better: the end of the run.
    pub(crate) fn give_up_task(
        &self,
        state: &mut State,
        task: &Task,
        error: &ServiceError,
    ) -> Result<(), ServiceError> {
        let why = Why::new(error.code, &error.message, error.hint.as_deref());
        let code = Name::new(error.code.id).map_err(|error| ServiceError::bug(error.to_string()))?;
        let (class, message) = (error.code.class, Text::clip(&why.message));
        let meters = skein_ledger::Meters::default();
        let unit = self.at_rest(state, task, RunState::Failed, |campaign, seq| {
            RunFailed { campaign, seq, from: RunState::Planned, class, code, message, meters }.into()
        })?;
        self.write(unit)
    }

    /// A run moves to where nothing more is done for it; its task goes.
    fn at_rest(
        &self,
        state: &mut State,
        task: &Task,
        to: RunState,
        event: impl FnOnce(CampaignId, u64) -> skein_ledger::Event,
    ) -> Result<Unit, ServiceError> {
        let (Some(id), Some(seq)) = (task.campaign, task.seq) else {
            return Err(ServiceError::bug("a run's task without a run"));
        };
        let run = self.ledger.run(id, seq)?.ok_or_else(|| ServiceError::bug("a task's run is gone"))?;
        let report = RunReport::of(run_of(&run), to);
        let live = self.live(state, id)?;
        let mut refused = None;
        let told = [Told::run(report, event(id, seq))];
        let by = match task.phase.holder() {
            Some(holder) => self.itself.because_of(holder.node),
            None => self.itself.clone(),
        };
        let drafted = decide::draft((id, &live.machine), told, (&by, self.clock.now(), ""), |_, why| {
            refused = Some(why);
        });
        if let Some(why) = refused {
            // The campaign does not want it any more: the task is given up with the run.
            tracing::debug!(campaign = %id, seq, %why, "report of a run that moved on");
        }
        live.forget(seq);
        state.to_sweep.insert(run.dataset);
        // Other parts of it go with it; whoever is at one is told.
        let told = task.phase.holder().map(|holder| holder.attempt);
        let gone = self.tasks_gone(state, (id, seq), told)?;
        let drafted = drafted.with(gone);
        self.live(state, id)?.machine = drafted.machine;
        self.wake.reconciler();
        Ok(drafted.unit)
    }
}

/// What a staged task's row says: all that the door needs.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub(crate) struct Finished {
    pub(crate) attempt: skein_types::AttemptId,
    pub(crate) staged: Staged,
}

impl Finished {
    fn of(report: &Report, staged: &Staged) -> Self {
        Self { attempt: report.held.attempt, staged: staged.clone() }
    }
}

/// A run as the machine knows it.
pub(crate) fn run_of(run: &skein_ledger::Run) -> skein_campaign::Run {
    skein_campaign::Run { seq: run.seq, wave: run.wave.unwrap_or(0), state: run.state, epoch: run.epoch }
}

/// A node's meters as the ledger keeps them: what is more than any run can have done is as much as a record can hold.
pub(crate) fn meters_of(meters: &Meters) -> skein_ledger::Meters {
    skein_ledger::Meters {
        attempts: 1,
        bytes_in: Bytes(fitting(meters.bytes_read.0)),
        bytes_out: Bytes(fitting(meters.bytes_written.0)),
        cpu: Millis(fitting(meters.cpu_ms.0)),
        fuel: Fuel(fitting(meters.fuel.0)),
        ..skein_ledger::Meters::default()
    }
}

/// A number that a record can hold, and sums of which are numbers.
pub(crate) const fn fitting(number: u64) -> u64 {
    if number > NUMBER_MAX { NUMBER_MAX } else { number }
}

#[cfg(test)]
mod tests {
    use super::{Bytes, Fuel, Meters, Millis, NUMBER_MAX, meters_of};

    #[test]
    fn what_no_record_can_hold_is_as_much_as_one_can() {
        let all = u64::MAX;
        let said = Meters {
            bytes_read: Bytes(all),
            bytes_written: Bytes(5),
            cpu_ms: Millis(all),
            fuel: Fuel(all),
            ..Meters::default()
        };
        let kept = meters_of(&said);
        assert_eq!((kept.bytes_in, kept.bytes_out), (Bytes(NUMBER_MAX), Bytes(5)));
        assert_eq!((kept.cpu, kept.fuel), (Millis(NUMBER_MAX), Fuel(NUMBER_MAX)));
    }
}
