//! What a campaign is told: what people ask for and what was seen.

use skein_types::{Blake3, Reason, RunState, Verb};

use crate::run::Run;

/// A command or an observation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// Somebody asks for it.
    Command(Command),
    /// It happened.
    Observed(Observation),
}

impl From<Command> for Input {
    fn from(command: Command) -> Self {
        Self::Command(command)
    }
}

impl From<Observation> for Input {
    fn from(observation: Observation) -> Self {
        Self::Observed(observation)
    }
}

impl From<RunReport> for Input {
    fn from(report: RunReport) -> Self {
        Self::Observed(Observation::Run(report))
    }
}

/// What people ask for. `Retry`, `Skip` and the rollback of a run are about runs, which a campaign does not list: it says
/// whether they may be, and each run then moves by a [`RunReport`] of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// Plan it, again if it was.
    Plan,
    /// Carry out its plan.
    Start,
    /// Start nothing new.
    Pause,
    /// Go on.
    Resume(Accept),
    /// End it; what is published stays.
    Cancel,
    /// Try runs again.
    Retry(RetryWhat),
    /// Leave planned runs out.
    Skip,
    /// Make old versions current again.
    RollBack(RollBackWhat),
    /// Give old versions up.
    Finalize {
        /// Although they could still be rolled back to.
        now: bool,
    },
}

impl Command {
    /// The word for it.
    pub const fn verb(self) -> Verb {
        match self {
            Self::Plan => Verb::Plan,
            Self::Start => Verb::Start,
            Self::Pause => Verb::Pause,
            Self::Resume(_) => Verb::Resume,
            Self::Cancel => Verb::Cancel,
            Self::Retry(_) => Verb::Retry,
            Self::Skip => Verb::Skip,
            Self::RollBack(_) => Verb::RollBack,
            Self::Finalize { .. } => Verb::Finalize,
        }
    }
}

/// What a resume after a halt says about waves with more failed runs than may be. The ledger records who said so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accept {
    /// Nothing: refused if there is such a wave.
    Nothing,
    /// These failures, and none more: the next one halts again.
    AsIs,
    /// So many failures of each such wave.
    Budget(u64),
}

/// Which runs are tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RetryWhat {
    /// Those that were left out.
    Missing,
    /// Those that failed.
    Failed,
    /// Both.
    All,
    /// Those that somebody names, if they are among both.
    Named,
}

impl RetryWhat {
    /// The states of the runs that it means.
    pub const fn states(self) -> &'static [RunState] {
        match self {
            Self::Missing => &[RunState::Skipped],
            Self::Failed => &[RunState::Failed],
            Self::All | Self::Named => &[RunState::Failed, RunState::Skipped],
        }
    }
}

/// What is undone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RollBackWhat {
    /// Runs that somebody names; the campaign goes on.
    Runs,
    /// A wave, which ends with it. A campaign that runs is paused.
    Wave(u32),
    /// All of it.
    Campaign,
}

/// What was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Observation {
    /// The plan is there.
    Planned {
        /// Its digest.
        digest: Blake3,
        /// Eligible datasets per wave, the canary first.
        waves: Vec<u64>,
        /// Datasets that are not eligible.
        ineligible: u64,
    },
    /// No plan can be made.
    PlanImpossible,
    /// What was planned with is no longer what there is; the reason says what moved.
    OutOfDate(Reason),
    /// A slice of the plan lacks a decision, for this reason: the campaign waits for people.
    Undecided(Reason),
    /// Every slice of the plan is approved, deferred or declined; the reason says how it came to that.
    Decided(Reason),
    /// Every slice of the plan was declined, and all their runs are left out.
    Declined,
    /// Somebody who may lets the wave behind this one begin.
    WaveApproved(u32),
    /// The campaign's module was suspended.
    ModuleSuspended,
    /// Time went on.
    Tick,
    /// A run moves.
    Run(RunReport),
}

/// That a run goes to a state, as seen by somebody who knows it at an epoch. A state that means work or a publish is asked
/// for before it is begun, one that means an end is reported after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RunReport {
    /// The run as the ledger has it.
    pub run: Run,
    /// The epoch of the run that the reporter knows.
    pub epoch: u64,
    /// Where it goes.
    pub to: RunState,
}

impl RunReport {
    /// By somebody who sees the run as it is.
    pub const fn of(run: Run, to: RunState) -> Self {
        Self { run, epoch: run.epoch, to }
    }
}
