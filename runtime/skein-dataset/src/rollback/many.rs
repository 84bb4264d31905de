//! Undoing many runs at once: each dataset goes back to what its run displaced, all share the waits for the disk. And doing
//! that again without the runs: each goes forward to what its run had made, if nothing came in between.
//!
//! The same exchange as one rollback makes, in the phases of a publish with a kept version as its source; records wait in
//! a directory below `stage` until they are announced. A dataset goes back only from exactly the run that is to be undone:
//! what came after it is neither undone nor hidden.
//!
//! | crash | it is called again |
//! |---|---|
//! | before the intent | does it |
//! | after the intent | settles it first, then finds that it is undone |

use std::sync::Arc;

use skein_types::{Code, RunId, codes};

use crate::crash_point;
use crate::damage::beside_damage;
use crate::dataset::{Dataset, State, StateError};
use crate::fault::During as _;
use crate::listing::Change;
use crate::log::machine::{History, Version, VersionKind};
use crate::log::record::{Intent, Operation};
use crate::publish::alone::ExchangeError;
use crate::publish::batch::{self, Ended};
use crate::publish::handed::settled;
use crate::publish::lots::lots;
use crate::publish::prepare::{Base, Chain, Prepared};
use crate::publish::source::{Shell, Source};
use crate::publish::{Attempted, Conflict, Outcome, PublishError};
use crate::rollback::{RollbackError, RolledBack, answer, verify};
use crate::staging;
use crate::store;

/// How often it is begun anew because somebody else wrote the log meanwhile.
const ROUNDS: usize = 4;

/// What became of one run that was to be undone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Undo {
    /// What it displaced is current again.
    Undone(RolledBack),
    /// It was undone before; nothing was touched.
    AlreadyUndone {
        /// The version that is current.
        version: u64,
    },
    /// Another version became current over it; nothing was touched.
    NotCurrent {
        /// What the run had made; none if the log knows nothing of it.
        published: Option<u64>,
        /// What is current; none if no run has published.
        head: Option<u64>,
    },
}

impl Undo {
    /// The code that goes with it, if it is a refusal.
    pub fn code(&self) -> Option<Code> {
        match self {
            Self::Undone(_) | Self::AlreadyUndone { .. } => None,
            Self::NotCurrent { .. } => Some(codes::RUN_NOT_CURRENT),
        }
    }
}

/// What there is to do about one.
enum Wanted<'a> {
    Nothing(Undo),
    /// The version that comes back, and what the log says that others did over the one that goes.
    Back(&'a Arc<Version>, Vec<Change>),
}

/// Which way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// To what the run displaced.
    Back,
    /// The same, also over damage of what the run published.
    BackOverDamage,
    /// To what the run made.
    Forward,
}

/// Undoes these runs, each if it is what is current. The answers come in their order; one's trouble is not another's.
pub fn roll_back_many(runs: &[(&Dataset, RunId)]) -> Vec<Result<Undo, RollbackError>> {
    lots(runs, |(dataset, _)| dataset).iter().flat_map(|lot| roll_lot(lot, Way::Back)).collect()
}

/// [`roll_back_many`] for runs whose files were found damaged: that these are gone, or no Parquet files any more, is no later write.
/// Anything else that others did is, and then nothing is touched. What is left of the files is kept as a version of its own.
pub fn roll_back_damaged_many(runs: &[(&Dataset, RunId)]) -> Vec<Result<Undo, RollbackError>> {
    lots(runs, |(dataset, _)| dataset).iter().flat_map(|lot| roll_lot(lot, Way::BackOverDamage)).collect()
}

/// Makes what these runs had made current again, each if what it displaced came back and nothing since. The files are those
/// that are kept: no run is carried out. [`Undo::AlreadyUndone`] says that it is current as it is.
pub fn roll_forward_many(runs: &[(&Dataset, RunId)]) -> Vec<Result<Undo, RollbackError>> {
    lots(runs, |(dataset, _)| dataset).iter().flat_map(|lot| roll_lot(lot, Way::Forward)).collect()
}

fn roll_lot(runs: &[(&Dataset, RunId)], way: Way) -> Vec<Result<Undo, RollbackError>> {
    let mut answers: Vec<Option<Result<Undo, RollbackError>>> = runs.iter().map(|_| None).collect();
    for _ in 0..ROUNDS {
        let open: Vec<usize> = (0..runs.len()).filter(|i| answers[*i].is_none()).collect();
        if open.is_empty() {
            break;
        }
        // What is in the way before anything is prepared is told in the terms of a rollback, not of a publish.
        let mut ended: Vec<Option<Result<Undo, RollbackError>>> = runs.iter().map(|_| None).collect();
        let mut going: Vec<Option<RolledBack>> = runs.iter().map(|_| None).collect();
        let attempted = batch::run_all(
            open.clone(),
            |i| runs[*i].0,
            |i| match prepare(runs[i], way) {
                Ok(Ok((prepared, back))) => {
                    going[i] = Some(back);
                    Ok(prepared)
                }
                Ok(Err(undo)) => Err(note(&mut ended[i], Ok(undo))),
                Err(error) => Err(note(&mut ended[i], Err(error))),
            },
        );
        for (i, Attempted { answer, .. }) in open.into_iter().zip(attempted) {
            answers[i] = match (ended[i].take(), going[i].take()) {
                (Some(ended), _) => Some(ended),
                (None, back) => told(answer, back),
            };
            remove_shell(runs[i]);
        }
    }
    let waited = |dataset: &Dataset| StateError::Busy { waited: dataset.options.lock_wait };
    let late = |(answer, (dataset, _)): (Option<_>, &(&Dataset, _))| {
        answer.unwrap_or_else(|| Err(waited(dataset).into()))
    };
    answers.into_iter().zip(runs).map(late).collect()
}

/// Keeps an answer that the batch has no words for; what it gets instead is never looked at.
fn note<'a>(
    slot: &mut Option<Result<Undo, RollbackError>>,
    answer: Result<Undo, RollbackError>,
) -> Ended<'a> {
    *slot = Some(answer);
    batch::conflict(Conflict::NotPublished)
}

/// What a publish's answer is to a rollback; `None` if it is worth another try.
fn told(
    answer: Result<Outcome, PublishError>,
    back: Option<RolledBack>,
) -> Option<Result<Undo, RollbackError>> {
    let unknown = |cause: Box<dyn std::error::Error + Send + Sync>| {
        RollbackError::from(ExchangeError::Unknown { what: "the rollback", source: cause })
    };
    Some(match (answer, back) {
        (Ok(Outcome::Committed { version }), Some(back)) => Ok(Undo::Undone(RolledBack { version, ..back })),
        (Ok(Outcome::Conflict { reason: Conflict::HeadMoved }), _) => return None,
        (Ok(Outcome::Conflict { reason: Conflict::Drift { changes } }), _) => {
            Err(RollbackError::LaterWrites { changes })
        }
        (Ok(Outcome::Refused { refusal }), _) => Err(ExchangeError::Refused(refusal).into()),
        (Ok(Outcome::Unknown { cause }), _) => Err(unknown(cause.into())),
        (Ok(Outcome::Held { .. } | Outcome::Conflict { reason: Conflict::NotPublished }), _)
        | (Ok(Outcome::Committed { .. }), None) => {
            Err(unknown("a rollback was answered as something else".into()))
        }
        (Err(PublishError::Snapshot(e)), _) => Err(e.into()),
        (Err(PublishError::State(e)), _) => Err(e.into()),
        (Err(PublishError::Io(e)), _) => Err(e.into()),
        (
            Err(e @ (PublishError::Staged { .. } | PublishError::NameTaken { .. } | PublishError::Handed(_))),
            _,
        ) => Err(unknown(e.into())),
    })
}

type Ready<'a> = (Prepared<'a>, RolledBack);

fn prepare<'a>(
    (dataset, run): (&'a Dataset, RunId),
    way: Way,
) -> Result<Result<Ready<'a>, Undo>, RollbackError> {
    let (state, history) = match dataset.state() {
        None => return Ok(Err(Undo::NotCurrent { published: None, head: None })),
        Some(_) => settled(dataset)?,
    };
    let wanted = match way {
        Way::Back | Way::BackOverDamage => to_go_back(&history, run),
        Way::Forward => to_go_forward(&history, run),
    };
    let (target, mut written) = match wanted? {
        Wanted::Nothing(undo) => return Ok(Err(undo)),
        Wanted::Back(target, written) => (target, written),
    };
    let live = dataset.snapshot(&history)?;
    written.extend(live.observed().unwrap_or_default());
    if let (Way::BackOverDamage, Some(published)) = (way, history.result_of(run)) {
        written = beside_damage(&live, published, written)?;
    }
    if !written.is_empty() {
        return Err(RollbackError::LaterWrites { changes: written });
    }
    staging::may_change(dataset)?;
    let found = history.find(Some(target.version)).map_err(RollbackError::Version)?;
    let slot = found.slot().map_err(RollbackError::Version)?;
    let (new, files) = verify(dataset, state, target, slot)?;
    live.hash_all(dataset)?;
    let mut chain = Chain::after(dataset, history.last());
    let base = Base::of(&live, &mut chain)?;
    let intent = Intent {
        operation: Operation::RollBack { to: target.version },
        version: base.version + 1,
        base: base.version,
        old: live.node,
        new,
        source: format!("kept/{slot}"),
        files,
        dirs: target.dirs.clone(),
    };
    let back = answer(target, intent.version, true);
    crash_point!("revert.before-records").during("roll back", &dataset.place.name)?;
    let source = Source::Kept(shell(state, run)?);
    match Prepared::seal((dataset, source), intent, base, (history.last(), chain)) {
        Ok(prepared) => Ok(Ok((prepared, back))),
        Err(PublishError::State(e)) => Err(e.into()),
        Err(PublishError::Io(e)) => Err(e.into()),
        Err(PublishError::Snapshot(e)) => Err(e.into()),
        Err(e @ (PublishError::Staged { .. } | PublishError::NameTaken { .. } | PublishError::Handed(_))) => {
            Err(ExchangeError::Unknown { what: "the rollback", source: e.into() }.into())
        }
    }
}

/// Whether the run is what is current, by the log.
fn to_go_back(history: &History, run: RunId) -> Result<Wanted<'_>, RollbackError> {
    let head = history.head().map(|head| head.version);
    let not_current = |published| Ok(Wanted::Nothing(Undo::NotCurrent { published, head }));
    let (Some(published), Some(current)) = (history.published_by(run), head) else {
        return not_current(None);
    };
    let Some(before) = published.checked_sub(1).and_then(|before| history.version(before)) else {
        return Err(RollbackError::NothingBefore { version: published });
    };
    if history.is_current(published) {
        return Ok(Wanted::Back(before, Vec::new()));
    }
    match history.above(published) {
        None => Ok(Wanted::Nothing(Undo::AlreadyUndone { version: current })),
        Some(Above::Others(changes)) => Ok(Wanted::Back(before, changes)),
        Some(Above::Version) => not_current(Some(published)),
    }
}

/// Whether what the run displaced is current, by the log.
fn to_go_forward(history: &History, run: RunId) -> Result<Wanted<'_>, RollbackError> {
    let head = history.head().map(|head| head.version);
    let (Some(published), Some(current)) = (history.published_by(run), head) else {
        return Ok(Wanted::Nothing(Undo::NotCurrent { published: None, head }));
    };
    if history.is_current(published) {
        return Ok(Wanted::Nothing(Undo::AlreadyUndone { version: current }));
    }
    let displaced = published.checked_sub(1).and_then(|before| history.version(before));
    let (Some(displaced), Some(back)) = (displaced, history.version(published)) else {
        return Err(RollbackError::NothingBefore { version: published });
    };
    if history.is_current(displaced.version) {
        return Ok(Wanted::Back(back, Vec::new()));
    }
    // What others wrote over it is neither hidden nor undone.
    let mut changes = Vec::new();
    for version in history.versions().iter().rev().take_while(|version| version.version > published) {
        match &version.kind {
            VersionKind::Observed { changes: theirs } => changes.splice(0..0, theirs.iter().cloned()),
            VersionKind::RolledBack { .. } if version.content == displaced.content => {
                return Err(RollbackError::LaterWrites { changes });
            }
            VersionKind::RolledBack { .. }
            | VersionKind::Published(_)
            | VersionKind::Adopted
            | VersionKind::Beside(_) => break,
        };
    }
    Ok(Wanted::Nothing(Undo::NotCurrent { published: Some(published), head }))
}

/// What lies over a version in what is current.
enum Above {
    /// Only what others wrote.
    Others(Vec<Change>),
    /// Another run's version.
    Version,
}

impl History {
    /// What is current goes back to a version over others; `None` if it does not go back to that one: it was undone.
    fn above(&self, version: u64) -> Option<Above> {
        let mut at = self.head()?;
        let (mut changes, mut others) = (Vec::new(), true);
        while at.version != version {
            let below = match &at.kind {
                VersionKind::RolledBack { to } => *to,
                VersionKind::Observed { changes: theirs } => {
                    changes.splice(0..0, theirs.iter().cloned());
                    at.version.checked_sub(1)?
                }
                VersionKind::Published(_) => {
                    others = false;
                    at.version.checked_sub(1)?
                }
                VersionKind::Adopted | VersionKind::Beside(_) => return None,
            };
            // Below what is looked for, or beside it.
            if below < version {
                return None;
            }
            at = self.version(below)?;
        }
        Some(if others { Above::Others(changes) } else { Above::Version })
    }
}

fn shell_name(run: RunId) -> String {
    format!("revert.{run}")
}

/// An empty directory for records.
fn shell(state: &State, run: RunId) -> Result<Shell, RollbackError> {
    let name = shell_name(run);
    store::remove_tree(&state.stage, &name)?;
    store::ensure_dir(&state.stage, &name)?;
    let dir = store::open_dir(&state.stage, &name)?;
    let stage = state.stage.try_clone().during("open", "stage")?;
    Ok(Shell { run, stage, name, dir })
}

/// Records that were not announced, if there are any.
fn remove_shell((dataset, run): (&Dataset, RunId)) {
    let Some(state) = dataset.state() else { return };
    if let Err(fault) = store::remove_tree(&state.stage, &shell_name(run)) {
        tracing::warn!(%run, error = %fault, "records that were not needed left behind");
    }
}
