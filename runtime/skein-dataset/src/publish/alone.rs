//! One exchange by itself, for what is on disk already: a kept version that comes back, a held one that becomes current.
//! From the intent on it is the protocol of a publish; the lock must be held all the time.

use std::error::Error;

use skein_types::{Code, codes};

use crate::crash_point;
use crate::dataset::{Dataset, State, StateError};
use crate::fault::{During as _, IoFault};
use crate::log::machine::{UndoneBy, Unsettled};
use crate::log::record::{Intent, Refusal};
use crate::log::{self, LogError};
use crate::publish::swap::{Decision, Swap};
use crate::recover;
use crate::snapshot::SnapshotError;
use crate::staging::StageError;

/// What can go wrong with an exchange whatever it is made for. Drift is not here: it means something else to each.
#[derive(Debug, thiserror::Error)]
pub enum ExchangeError {
    /// The system does not let this user exchange the dataset, which is as it was.
    #[error(transparent)]
    Refused(Refusal),
    /// It is not known whether it happened; recovery finds out.
    #[error("it is not known whether {what} happened")]
    Unknown {
        /// What the exchange was made for, in a sentence.
        what: &'static str,
        /// What hides the answer.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// The user may not, or the mount does not allow it.
    #[error(transparent)]
    Stage(#[from] StageError),
    /// The dataset cannot be looked at.
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
    /// The dataset's state cannot be used.
    #[error(transparent)]
    State(#[from] StateError),
    /// The system said no.
    #[error(transparent)]
    Io(#[from] IoFault),
}

impl From<LogError> for ExchangeError {
    fn from(e: LogError) -> Self {
        Self::State(e.into())
    }
}

impl ExchangeError {
    /// The code of this error.
    pub fn code(&self) -> Code {
        match self {
            Self::Refused(refusal) => refusal.code(),
            Self::Unknown { .. } => codes::OUTCOME_UNKNOWN,
            Self::Stage(e) => e.code(),
            Self::Snapshot(e) => e.code(),
            Self::State(e) => e.code(),
            Self::Io(e) => e.code(),
        }
    }

    /// What a person can do about it.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Refused(refusal) => Some(refusal.hint()),
            Self::State(e) => e.hint(),
            Self::Unknown { .. } | Self::Stage(_) | Self::Snapshot(_) | Self::Io(_) => None,
        }
    }

    /// From the intent on every error hides what became of it.
    pub(crate) fn unknown(what: &'static str) -> impl FnOnce(StateError) -> Self {
        move |source| Self::Unknown { what, source: Box::new(source) }
    }
}

/// From the announced intent to done; `Err` inside if others wrote in the very last moment or the system refused.
/// `number` is that of the intent's record.
pub(crate) fn carry_out(
    dataset: &Dataset,
    state: &State,
    intent: &Intent,
    number: u64,
) -> Result<Result<u64, UndoneBy>, StateError> {
    let history = log::read(&state.log)?;
    let base = history.version(intent.base).expect("the machine checked that an intent's base is the head");
    let swap = Swap { dataset, state, intent, number, base: &base.files };
    if let Decision::Back(back) = swap.run()? {
        recover::append(dataset, state, &history, back.record())?;
        return Ok(Err(back.by));
    }
    recover::append(dataset, state, &history, recover::decision(intent))?;
    crash_point!("swap.after-decision").during("exchange", &dataset.place.name)?;
    let history = log::read(&state.log)?;
    if let Some(Unsettled::Decided(intent)) = history.unsettled() {
        recover::end_decided(dataset, state, &history, intent)?;
    }
    Ok(Ok(intent.version))
}
