//! Going back: published runs are reverted in their datasets, or their old versions given up for good.

use skein_campaign::RunReport;
use skein_dataset::{
    Dataset, Finalized, RollbackError, RolledBack, Undo, finalize_displaced_by, roll_back_damaged_many,
    roll_back_many,
};
use skein_ledger::{
    Ending, Entry, Limit, Name, Phase, Run, RunCancelled, RunFilter, RunFinalized, RunRevertFailed,
    RunReverted, RunReverting, Task, Text,
};
use skein_types::{AttemptId, Bytes, CampaignId, Code, ErrorClass, RunId, RunState, codes};

use crate::control::{Control, State};
use crate::decide::Told;
use crate::door::LOT;
use crate::error::ServiceError;
use crate::points::point;
use crate::results::run_of;

impl Control {
    fn some_runs(&self, id: CampaignId, wave: u32, state: RunState) -> Result<Vec<Run>, ServiceError> {
        let filter = RunFilter { state: Some(state), wave: Some(wave) };
        Ok(self.ledger.runs(id, filter, None, Limit::new(usize::try_from(LOT).unwrap_or(1)))?.items)
    }

    /// Published runs of a wave are to be reverted: written down before it is begun.
    pub(crate) fn revert(&self, state: &mut State, id: CampaignId, wave: u32) -> Result<bool, ServiceError> {
        let runs = self.some_runs(id, wave, RunState::Published)?;
        let told = runs.iter().map(|run| reverting(id, run, "the campaign is rolled back")).collect();
        point!("undo.before-reverting")?;
        self.tell(state, id, told, (&self.itself, "", Vec::new()))?;
        point!("undo.after-reverting")?;
        Ok(!runs.is_empty())
    }

    /// Reverting runs of a wave: their datasets get the old version back. Whoever died in between is found reverted.
    pub(crate) fn finish_reverts(&self, id: CampaignId, wave: u32) -> Result<bool, ServiceError> {
        self.each_lot((id, wave, RunState::Reverting), |runs| self.finish_some_reverts(id, runs))
    }

    /// Runs of a wave in a state, a lot at a time, up to the first lot of which something was done: those that wait keep no others
    /// back, and other campaigns have their turn in between.
    fn each_lot(
        &self,
        (id, wave, state): (CampaignId, u32, RunState),
        mut with: impl FnMut(Vec<Run>) -> Result<bool, ServiceError>,
    ) -> Result<bool, ServiceError> {
        let filter = RunFilter { state: Some(state), wave: Some(wave) };
        let mut after = None;
        loop {
            let page = self.ledger.runs(id, filter, after, Limit::new(usize::try_from(LOT).unwrap_or(1)))?;
            if with(page.items)? {
                return Ok(true);
            }
            match page.next {
                Some(next) => after = Some(next),
                None => return Ok(false),
            }
        }
    }

    fn finish_some_reverts(&self, id: CampaignId, runs: Vec<Run>) -> Result<bool, ServiceError> {
        let (mut whole, mut damaged, mut told) = (Vec::new(), Vec::new(), Vec::new());
        for run in runs {
            match self.open_dataset(run.dataset) {
                // Whoever undoes it was told that its files are damaged: so they are in nobody's way.
                Ok(dataset) if self.is_damaged(&run)? => damaged.push((run, dataset)),
                Ok(dataset) => whole.push((run, dataset)),
                Err(error) if error.code.class == ErrorClass::Transient => {
                    tracing::warn!(campaign = %id, seq = run.seq, %error, "not rolled back yet");
                }
                Err(error) => told.push(revert_failed(id, &run, error.code, &error.message)?),
            }
        }
        let all = whole.len() + damaged.len();
        let _span =
            tracing::info_span!("roll_back", campaign = %id, runs = all, trace = self.trace_of(id)).entered();
        let mut undone = 0;
        for (over_damage, some) in [(false, whole), (true, damaged)] {
            let asked: Vec<(&Dataset, RunId)> = some.iter().map(|(run, dataset)| (dataset, run.id)).collect();
            let answers = if over_damage { roll_back_damaged_many(&asked) } else { roll_back_many(&asked) };
            for ((run, _), answer) in some.iter().zip(answers) {
                undone += u64::from(matches!(answer, Ok(Undo::Undone(_) | Undo::AlreadyUndone { .. })));
                told.extend(reverted(id, run, answer)?);
            }
        }
        if told.is_empty() {
            return Ok(false);
        }
        point!("undo.after-rolled-back")?;
        let mut state = self.state();
        self.tell(&mut state, id, told, (&self.itself, "", Vec::new()))?;
        point!("undo.after-reverted")?;
        state.counters.reverted += undone;
        Ok(true)
    }

    /// Planned and held runs of a wave are ended, and their tasks.
    pub(crate) fn cancel(&self, state: &mut State, id: CampaignId, wave: u32) -> Result<bool, ServiceError> {
        let mut runs = self.some_runs(id, wave, RunState::Planned)?;
        if runs.is_empty() {
            runs = self.some_runs(id, wave, RunState::Held)?;
        }
        let (mut told, mut more) = (Vec::new(), Vec::new());
        for run in &runs {
            let (campaign, seq, from) = (id, run.seq, run.state);
            let cancelled = RunCancelled { campaign, seq, from, reason: Text::clip("the campaign ends") };
            told.push(Told::run(RunReport::of(run_of(run), RunState::Cancelled), cancelled));
            more.extend(self.tasks_gone(state, (id, seq), None)?);
            self.live(state, id)?.forget(seq);
            state.to_sweep.insert(run.dataset);
        }
        point!("undo.before-cancelled")?;
        self.tell(state, id, told, (&self.itself, "", more))?;
        point!("undo.after-cancelled")?;
        Ok(!runs.is_empty())
    }

    /// What removes a run's tasks, and keeps what is known of attempts that are at them, but for the one that told its end.
    pub(crate) fn tasks_gone(
        &self,
        state: &State,
        (id, seq): (CampaignId, u64),
        told: Option<AttemptId>,
    ) -> Result<Vec<Entry>, ServiceError> {
        let tasks = self.ledger.tasks_of_run(id, seq, 0, Limit::MAX)?.items;
        let gone =
            tasks.iter().map(|task| self.task_gone(state, task, told)).collect::<Result<Vec<_>, _>>()?;
        Ok(gone.concat())
    }

    /// The like, of one task.
    pub(crate) fn task_gone(
        &self,
        state: &State,
        task: &Task,
        told: Option<AttemptId>,
    ) -> Result<Vec<Entry>, ServiceError> {
        let mut gone = vec![Entry::Remove { task: task.id, token: task.token }];
        if let Phase::Claimed(holder) = &task.phase
            && told != Some(holder.attempt)
        {
            gone.extend(self.attempt_cut_off(state, (task, holder), Ending::Stopped)?);
        }
        Ok(gone)
    }

    /// Old versions of a wave's published runs are given up.
    pub(crate) fn give_up(&self, id: CampaignId, wave: u32) -> Result<bool, ServiceError> {
        self.each_lot((id, wave, RunState::Published), |runs| self.give_up_some(id, &runs))
    }

    fn give_up_some(&self, id: CampaignId, runs: &[Run]) -> Result<bool, ServiceError> {
        let mut told = Vec::new();
        for run in runs {
            let given_up = self.open_dataset(run.dataset).and_then(|dataset| {
                finalize_displaced_by(&dataset, run.id)
                    .map_err(|error| crate::datasets::from_dataset(error.code(), &error, error.hint()))
            });
            let mut finalized =
                RunFinalized { campaign: id, seq: run.seq, versions: Vec::new(), files: 0, bytes: Bytes(0) };
            match given_up {
                Ok(Finalized { versions, files, bytes, .. }) => {
                    finalized = RunFinalized { versions, files, bytes, ..finalized };
                }
                Err(error) if error.code.class == ErrorClass::Transient => {
                    tracing::warn!(campaign = %id, seq = run.seq, %error, "old version not given up yet");
                    continue;
                }
                // The dataset is gone or others': there is nothing of ours to give up.
                Err(error) => {
                    tracing::warn!(campaign = %id, seq = run.seq, %error, "old version left to itself")
                }
            }
            told.push(Told::run(RunReport::of(run_of(run), RunState::Finalized), finalized));
        }
        if told.is_empty() {
            return Ok(false);
        }
        point!("undo.after-given-up")?;
        let mut state = self.state();
        self.tell(&mut state, id, told, (&self.itself, "", Vec::new()))?;
        point!("undo.after-finalized")?;
        Ok(true)
    }
}

pub(crate) fn reverting(campaign: CampaignId, run: &Run, why: &str) -> Told {
    let reverting = RunReverting { campaign, seq: run.seq, from: run.state, reason: Text::clip(why) };
    Told::run(RunReport::of(run_of(run), RunState::Reverting), reverting)
}

/// What became of one; nothing yet, if it is to be tried again.
fn reverted(
    campaign: CampaignId,
    run: &Run,
    answer: Result<Undo, RollbackError>,
) -> Result<Option<Told>, ServiceError> {
    match answer {
        Ok(Undo::Undone(RolledBack { version, .. }) | Undo::AlreadyUndone { version }) => {
            let reverted = RunReverted { campaign, seq: run.seq, version };
            Ok(Some(Told::run(RunReport::of(run_of(run), RunState::Reverted), reverted)))
        }
        Ok(Undo::NotCurrent { head, .. }) => {
            let message = match head {
                Some(head) => format!("version {head} is current, which came after it"),
                None => "the dataset's log does not know it".to_owned(),
            };
            revert_failed(campaign, run, codes::RUN_NOT_CURRENT, &message).map(Some)
        }
        Err(error) if error.code().class == ErrorClass::Transient => {
            tracing::warn!(%campaign, seq = run.seq, %error, "not rolled back yet");
            Ok(None)
        }
        Err(error) => revert_failed(campaign, run, error.code(), &error.to_string()).map(Some),
    }
}

fn revert_failed(campaign: CampaignId, run: &Run, code: Code, message: &str) -> Result<Told, ServiceError> {
    let failed = RunRevertFailed {
        campaign,
        seq: run.seq,
        class: code.class,
        code: Name::new(code.id).map_err(|error| ServiceError::bug(error.to_string()))?,
        message: Text::clip(message),
    };
    Ok(Told::run(RunReport::of(run_of(run), RunState::RevertFailed), failed))
}
