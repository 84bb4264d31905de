//! What a machine answers to what it does not do: which rule stands against it, where the campaign is and what can be asked
//! of it there.

use std::fmt;

use skein_types::{CampaignState, Code, ErrorClass, RunState, Timestamp, Verb, codes};

/// A command or an observation that changes nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{why}")]
pub struct Refused {
    /// Where the campaign is.
    pub state: CampaignState,
    /// What can be asked of it now.
    pub possible: Vec<Verb>,
    /// The rule.
    pub why: Refusal,
}

/// The rule that stands against something.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Not in this state.
    #[error("a campaign that is {state} does not {}", spoken(*.verb))]
    Verb {
        /// Where the campaign is.
        state: CampaignState,
        /// What was asked.
        verb: Verb,
    },
    /// An observation that cannot be made in this state: whoever reports it is mistaken.
    #[error("a campaign that is {state} does not expect that {observed}")]
    Observation {
        /// Where the campaign is.
        state: CampaignState,
        /// What is said to have happened.
        observed: &'static str,
    },
    /// No move leads there.
    #[error("run {seq} is {from} and cannot become {to}")]
    Run {
        /// The run.
        seq: u64,
        /// Where it is.
        from: RunState,
        /// Where it was to go.
        to: RunState,
    },
    /// A move that the campaign does not let happen now.
    #[error("run {seq} does not become {to} while the campaign is {state}")]
    NotNow {
        /// The run.
        seq: u64,
        /// Where it was to go.
        to: RunState,
        /// Where the campaign is.
        state: CampaignState,
    },
    /// A move that the run's wave does not let happen: its turn has not come, or it was ended.
    #[error("run {seq} does not become {to}: wave {wave} is {state}")]
    WaveNotOn {
        /// The run.
        seq: u64,
        /// Where it was to go.
        to: RunState,
        /// Its wave.
        wave: u32,
        /// Where the wave is.
        state: skein_types::WaveState,
    },
    /// A report of somebody who no longer owns the run.
    #[error("run {seq} is at epoch {current}, the report is of epoch {epoch}")]
    Late {
        /// The run.
        seq: u64,
        /// The report's.
        epoch: u64,
        /// The run's.
        current: u64,
    },
    /// As many runs are being published as may fail, and one.
    #[error("{at_door} runs of wave {wave} are being published, and no more than {width} may be")]
    Door {
        /// The wave.
        wave: u32,
        /// Runs between intent and confirm.
        at_door: u64,
        /// How many there may be.
        width: u64,
    },
    /// More failed than may, and nobody said that it may go on.
    #[error("{failures} runs of wave {wave} failed, and no more than {budget} may")]
    Budget {
        /// The wave.
        wave: u32,
        /// Its failed runs.
        failures: u64,
        /// How many there may be.
        budget: u64,
    },
    /// It can still be undone.
    #[error("it can be undone until {until}")]
    Window {
        /// The end of the rollback window.
        until: Timestamp,
    },
    /// Runs are being undone, which needs what would be given up.
    #[error("{runs} runs are still being rolled back")]
    StillReverting {
        /// How many.
        runs: u64,
    },
    /// No run is in a state to which it could be done.
    #[error("there is no run to {}", spoken(*.verb))]
    Nothing {
        /// What was asked.
        verb: Verb,
    },
    /// A wave that nobody has to let through.
    #[error("wave {wave} is {state} and waits for nobody")]
    NotGated {
        /// The wave.
        wave: u32,
        /// Where it is.
        state: skein_types::WaveState,
    },
    /// There are fewer waves.
    #[error("there is no wave {wave}, the last one is {}", .waves.saturating_sub(1))]
    NoSuchWave {
        /// The one that was named.
        wave: u32,
        /// How many there are.
        waves: u32,
    },
}

/// The verb in a sentence.
fn spoken(verb: Verb) -> impl fmt::Display {
    verb.as_str().replace('_', " ")
}

impl Refused {
    /// The catalogue's entry.
    pub const fn code(&self) -> Code {
        match self.why {
            Refusal::Verb { .. } | Refusal::Observation { .. } | Refusal::StillReverting { .. } => {
                codes::CAMPAIGN_STATE
            }
            Refusal::Run { .. } | Refusal::NotNow { .. } | Refusal::WaveNotOn { .. } => codes::RUN_STATE,
            Refusal::Late { .. } => codes::REPORT_LATE,
            Refusal::Door { .. } => codes::DOOR_FULL,
            Refusal::Budget { .. } => codes::BUDGET_SPENT,
            Refusal::Window { .. } => codes::WINDOW_OPEN,
            Refusal::Nothing { .. } => codes::NO_RUN_FOR_IT,
            Refusal::NotGated { .. } => codes::WAVE_NOT_GATED,
            Refusal::NoSuchWave { .. } => codes::NO_SUCH_WAVE,
        }
    }

    /// Whose fault, and who may try again.
    pub const fn class(&self) -> ErrorClass {
        self.code().class
    }

    /// What to do.
    pub fn hint(&self) -> String {
        match self.why {
            Refusal::Budget { failures, .. } => format!(
                "look at what failed; then retry it, or resume with a budget of at least {failures}, or as it is, \
                 which accepts these and none more"
            ),
            Refusal::Window { .. } => {
                "wait, or finalize now, after which nothing can be rolled back".to_owned()
            }
            Refusal::Door { .. } => "it is tried again when one of them is through".to_owned(),
            Refusal::Late { .. } => "nothing to do: somebody else has the run".to_owned(),
            Refusal::NoSuchWave { .. } => "the waves are listed with the campaign".to_owned(),
            Refusal::StillReverting { .. } => {
                "wait until they are, or resolve what stands in their way".to_owned()
            }
            Refusal::NotGated { .. } => {
                "a wave waits for it once it is through its gate, while the campaign runs".to_owned()
            }
            Refusal::Verb { .. }
            | Refusal::Observation { .. }
            | Refusal::Run { .. }
            | Refusal::NotNow { .. }
            | Refusal::WaveNotOn { .. }
            | Refusal::Nothing { .. } => self.verbs(),
        }
    }

    fn verbs(&self) -> String {
        if self.state.is_terminal() {
            return format!("it is {}: nothing more can be asked of it", self.state);
        }
        if self.possible.is_empty() {
            return format!("it is {}: wait until that is done", self.state);
        }
        let verbs: Vec<_> = self.possible.iter().map(|verb| verb.as_str()).collect();
        format!("it is {}; possible now: {}", self.state, verbs.join(", "))
    }
}
