//! The publish door: staged runs are announced in the ledger, published in their datasets, and confirmed.
//!
//! ```text
//! intend    up to as many as the wave can still afford, at most 64: run.intended, with what names the staged version
//! publish   the datasets' own protocol, one barrier for all; the lock is not held
//! confirm   run.published or run.failed, the tasks go; what nobody knows yet stays intended
//! ```
//! | crash | a run is | what the next control does |
//! |---|---|---|
//! | before the intent | planned, its task staged | announces it |
//! | after the intent | intended | asks the dataset's log; not there: publishes the same staged version |
//! | after the publish | intended | asks the dataset's log; there: confirms |
//! | after the confirm | published | nothing |
//!
//! From the intent on nothing else than that staged version can be published for the run: it is not run again.

use skein_campaign::RunReport;
use skein_dataset::{Conflict, Dataset, Handed, Outcome, PublishError, publish_handed, resolve};
use skein_ledger::{
    Entry, Limit, Meters, Name, Phase, PhaseName, Run, RunFailed, RunFilter, RunIntended, RunPublished, Task,
    TaskFilter, TaskKind, Text,
};
use skein_types::{
    AttemptId, Blake3, CampaignId, Code, ErrorClass, RunId, RunState, TaskId, Timestamp, Token, codes,
};

use crate::control::{Control, State};
use crate::decide::Told;
use crate::error::ServiceError;
use crate::results::{Finished, meters_of, run_of};

/// Most runs that go through together.
pub(crate) const LOT: u64 = 64;
/// How long a descriptor is kept at least; while its run is intended it is kept anyway.
const KEEP: u64 = 24 * 3_600_000;

/// A run at the door.
struct AtDoor {
    run: Run,
    dataset: Dataset,
    attempt: AttemptId,
    digest: Blake3,
    /// The version that it takes the place of.
    base: u64,
    task: Option<(TaskId, Token)>,
    meters: Meters,
}

/// What a descriptor's blob says.
#[derive(serde::Serialize, serde::Deserialize)]
struct Descriptor {
    run: RunId,
    attempt: AttemptId,
    /// Of the description beside the staged files.
    prepared: Blake3,
}

/// What became of one.
enum Through {
    Published { version: u64 },
    Failed { code: Code, message: String },
    Unknown { cause: String },
}

impl Through {
    const fn is_known(&self) -> bool {
        match self {
            Self::Published { .. } | Self::Failed { .. } => true,
            Self::Unknown { .. } => false,
        }
    }
}

impl Control {
    /// Takes staged runs of a wave through; true if there were any.
    pub(crate) fn through_the_door(&self, id: CampaignId, wave: u32) -> Result<bool, ServiceError> {
        let mut lot = {
            let mut state = self.state();
            let places = self.live(&mut state, id)?.machine.places_at_door(wave).min(LOT);
            let ready = self.staged(&mut state, id, wave, usize::try_from(places).unwrap_or(0))?;
            self.intend(&mut state, id, ready)?
        };
        if lot.is_empty() {
            return Ok(false);
        }
        let answers = published(&lot);
        self.confirm(id, &mut lot, answers)?;
        Ok(true)
    }

    /// Staged runs of a wave whose datasets can be opened.
    fn staged(
        &self,
        state: &mut State,
        id: CampaignId,
        wave: u32,
        most: usize,
    ) -> Result<Vec<AtDoor>, ServiceError> {
        let filter =
            TaskFilter { campaign: Some(id), phase: Some(PhaseName::Staged), ..TaskFilter::default() };
        let (mut ready, mut after) = (Vec::new(), 0);
        while ready.len() < most {
            let page = self.ledger.tasks(filter, after, Limit::new(256))?;
            for task in &page.items {
                let of_wave = task.seq.and_then(|seq| self.wave_of(state, id, seq)) == Some(wave);
                if !of_wave || ready.len() == most {
                    continue;
                }
                match self.at_door(id, task) {
                    Ok(one) => ready.extend(one),
                    Err(error) if error.code.class == ErrorClass::Transient => return Err(error),
                    Err(error) => self.give_up_task(state, task, &error)?,
                }
            }
            match page.next {
                Some(next) => after = next,
                None => break,
            }
        }
        Ok(ready)
    }

    fn wave_of(&self, state: &mut State, id: CampaignId, seq: u64) -> Option<u32> {
        self.live(state, id).ok()?.tasks.get(&seq).copied()
    }

    fn at_door(&self, id: CampaignId, task: &Task) -> Result<Option<AtDoor>, ServiceError> {
        let (Some(seq), Phase::Staged { result, .. }) = (task.seq, &task.phase) else { return Ok(None) };
        // A part of a run is not at the door.
        if task.kind == TaskKind::Split {
            return Ok(None);
        }
        let Some(run) = self.ledger.run(id, seq)? else { return Ok(None) };
        let Finished { attempt, staged } = serde_json::from_str(result)
            .map_err(|error| ServiceError::bug(format!("a staged task's row: {error}")))?;
        let dataset = self.open_dataset(run.dataset)?;
        let mut meters = meters_of(&staged.meters);
        (meters.rows_in, meters.rows_out, meters.rejects) =
            (staged.rows.read, staged.rows.written, staged.rows.rejected);
        let task = Some((task.id, task.token));
        Ok(Some(AtDoor { run, dataset, attempt, digest: staged.descriptor, base: staged.base, task, meters }))
    }

    /// Announces them; answers those that were.
    fn intend(
        &self,
        state: &mut State,
        id: CampaignId,
        ready: Vec<AtDoor>,
    ) -> Result<Vec<AtDoor>, ServiceError> {
        let (mut told, mut blobs) = (Vec::new(), Vec::new());
        let keep_until = Timestamp(self.clock.now().0.saturating_add(KEEP));
        for one in &ready {
            let descriptor = Descriptor { run: one.run.id, attempt: one.attempt, prepared: one.digest };
            let bytes =
                serde_json::to_vec(&descriptor).map_err(|error| ServiceError::bug(error.to_string()))?;
            let intended = RunIntended {
                campaign: id,
                seq: one.run.seq,
                publish: Name::new(one.run.id.to_string())
                    .map_err(|error| ServiceError::bug(error.to_string()))?,
                descriptor: Blake3::of(&bytes),
                base: one.base,
                attempt: one.attempt,
            };
            told.push(Told::run(RunReport::of(run_of(&one.run), RunState::Intended), intended));
            blobs.push(Entry::PutBlob { bytes, keep_until });
        }
        if told.is_empty() {
            return Ok(Vec::new());
        }
        let refused = self.tell(state, id, told, (&self.itself, "", blobs))?;
        let refused: Vec<usize> = refused.into_iter().map(|(index, _)| index).collect();
        let announced = ready.into_iter().enumerate().filter(|(index, _)| !refused.contains(index));
        Ok(announced
            .map(|(_, mut one)| {
                // As it is in the ledger now.
                one.run.state = RunState::Intended;
                one.run.epoch += 1;
                one
            })
            .collect())
    }

    /// Writes what became of each.
    fn confirm(&self, id: CampaignId, lot: &mut [AtDoor], answers: Vec<Through>) -> Result<(), ServiceError> {
        let (mut told, mut more) = (Vec::new(), Vec::new());
        let mut state = self.state();
        for (one, answer) in lot.iter().zip(answers) {
            let seq = one.run.seq;
            match answer {
                Through::Published { version } => {
                    let published = RunPublished { campaign: id, seq, version, meters: one.meters };
                    told.push(Told::run(RunReport::of(run_of(&one.run), RunState::Published), published));
                }
                Through::Failed { code, message } => {
                    let failed = RunFailed {
                        campaign: id,
                        seq,
                        from: RunState::Intended,
                        class: code.class,
                        code: Name::new(code.id).map_err(|error| ServiceError::bug(error.to_string()))?,
                        message: Text::clip(&message),
                        meters: one.meters,
                    };
                    told.push(Told::run(RunReport::of(run_of(&one.run), RunState::Failed), failed));
                }
                Through::Unknown { cause } => {
                    tracing::warn!(campaign = %id, seq, %cause, "outcome of a publish not known yet");
                    continue;
                }
            }
            more.extend(one.task.map(|(task, token)| Entry::Remove { task, token }));
            self.live(&mut state, id)?.forget(seq);
            state.to_sweep.insert(one.run.dataset);
        }
        let refused = self.tell(&mut state, id, told, (&self.itself, "", more))?;
        drop(state);
        if let Some((_, why)) = refused.first() {
            return Err(ServiceError::bug(format!("what happened at the door is refused: {why}")));
        }
        Ok(())
    }

    /// Intended runs of which nobody knows what became: left by a control that died, or by an error. True if something was
    /// found out.
    pub(crate) fn find_out(&self, id: CampaignId, wave: u32) -> Result<bool, ServiceError> {
        let filter = RunFilter { state: Some(RunState::Intended), wave: Some(wave) };
        let page = self.ledger.runs(id, filter, None, Limit::new(usize::try_from(LOT).unwrap_or(1)))?;
        let (mut logged, mut answers, mut again) = (Vec::new(), Vec::new(), Vec::new());
        for run in page.items {
            let Some(one) = self.announced(id, run)? else { continue };
            match asked(&one) {
                Some(answer) => {
                    answers.push(answer);
                    logged.push(one);
                }
                None => again.push(one),
            }
        }
        let more = published(&again);
        let known = answers.iter().chain(&more).any(Through::is_known);
        self.confirm(id, &mut logged, answers)?;
        self.confirm(id, &mut again, more)?;
        Ok(known)
    }

    /// An intended run with what was announced for it.
    fn announced(&self, id: CampaignId, run: Run) -> Result<Option<AtDoor>, ServiceError> {
        let gone = || ServiceError::bug(format!("what was announced for run {} of {id} is gone", run.seq));
        let door = run.door.as_ref().ok_or_else(gone)?;
        let bytes = self.ledger.blob(door.descriptor)?.ok_or_else(gone)?;
        let descriptor: Descriptor = serde_json::from_slice(&bytes).map_err(|_| gone())?;
        let tasks = self.ledger.tasks_of_run(id, run.seq, 0, Limit::new(1))?;
        let task = tasks.items.first();
        let staged = task.and_then(|task| self.at_door(id, task).ok().flatten());
        let meters = staged.map(|staged| staged.meters).unwrap_or_default();
        let task = task.map(|task| (task.id, task.token));
        let dataset = match self.open_dataset(run.dataset) {
            Ok(dataset) => dataset,
            Err(error) if error.code.class == ErrorClass::Transient => return Err(error),
            Err(error) => {
                tracing::error!(campaign = %id, seq = run.seq, %error, "a run at the door whose dataset cannot be opened");
                return Ok(None);
            }
        };
        let base = door.base;
        let Descriptor { attempt, prepared: digest, .. } = descriptor;
        Ok(Some(AtDoor { run, dataset, attempt, digest, base, task, meters }))
    }
}

/// What the dataset's log says of it, if it says anything.
fn asked(one: &AtDoor) -> Option<Through> {
    match resolve(&one.dataset, one.run.id) {
        Ok(Outcome::Conflict { reason: Conflict::NotPublished }) => None,
        Ok(outcome) => Some(became(outcome)),
        Err(error) => Some(Through::Unknown { cause: error.to_string() }),
    }
}

fn published(lot: &[AtDoor]) -> Vec<Through> {
    let handed: Vec<Handed<'_>> = lot
        .iter()
        .map(|one| Handed {
            dataset: &one.dataset,
            run: one.run.id,
            attempt: one.attempt,
            digest: one.digest,
        })
        .collect();
    publish_handed(&handed)
        .into_iter()
        .map(|answer| answer.map_or_else(|error| not_published(&error), became))
        .collect()
}

fn became(outcome: Outcome) -> Through {
    match outcome {
        Outcome::Committed { version } => Through::Published { version },
        Outcome::Held { .. } => {
            Through::Failed { code: codes::BUG, message: "it is held, and nobody asked".to_owned() }
        }
        Outcome::Conflict { reason } => {
            Through::Failed { code: codes::DATASET_DRIFT, message: conflict(&reason) }
        }
        Outcome::Refused { refusal } => {
            Through::Failed { code: refusal.code(), message: refusal.to_string() }
        }
        Outcome::Unknown { cause } => Through::Unknown { cause },
    }
}

fn conflict(reason: &Conflict) -> String {
    match reason {
        Conflict::HeadMoved => "another version was published meanwhile".to_owned(),
        Conflict::NotPublished => "the dataset's log does not know the run".to_owned(),
        Conflict::Drift { changes } => {
            let first: Vec<String> = changes.iter().take(3).map(ToString::to_string).collect();
            format!("others changed {} files: {}", changes.len(), first.join(", "))
        }
    }
}

/// Before anything became visible; what passes is tried again from the intent.
fn not_published(error: &PublishError) -> Through {
    match error.class() {
        ErrorClass::Transient => Through::Unknown { cause: error.to_string() },
        ErrorClass::Fault
        | ErrorClass::Denied
        | ErrorClass::BadInput
        | ErrorClass::Conflict
        | ErrorClass::Bug => Through::Failed { code: error.code(), message: error.to_string() },
    }
}
