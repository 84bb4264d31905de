//! Runs: `GET /v1/campaigns/{id}/runs`, `GET /v1/campaigns/{id}/runs/{seq}`.

use serde::{Deserialize, Serialize};
use skein_types::{
    AttemptId, Bytes, Code, DatasetId, ErrorClass, Fuel, Millis, Rows, RunId, RunState, Verdict,
};
use utoipa::ToSchema;

use crate::bounded::Text;
use crate::time::Time;
use crate::{Message, Name};

pub use crate::report::{Alarm, RoundTrip, RunSoak};

/// A failure or refusal: for people, for machines and for who decides about a retry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Why {
    /// `SK` and four digits.
    pub code: Text<16>,
    /// Whose fault it is and who may try again.
    pub class: ErrorClass,
    /// One line.
    pub message: Message,
    /// What to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<Message>,
}

impl Why {
    /// What an error says, made to fit.
    pub fn new(code: Code, message: &str, hint: Option<&str>) -> Self {
        let code_text = Text::escaped(code.id);
        Self {
            code: code_text,
            class: code.class,
            message: Text::escaped(message),
            hint: hint.map(Text::escaped),
        }
    }
}

/// Why a run that could go on does not just now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Waiting {
    /// One word: `quota`, `wave`, `slow_start`, `backoff`, `paused` and the like.
    pub reason: Text<32>,
    /// One line.
    pub message: Message,
}

/// Rows by fate. Unless the shape is free, `read = written + rejected + filtered`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RunRows {
    /// Of the sources.
    pub read: Rows,
    /// Of the result.
    pub written: Rows,
    /// In the quarantine.
    pub rejected: Rows,
    /// Left out by the module.
    pub filtered: Rows,
}

impl RunRows {
    /// Each fate by its word, as metrics label them.
    pub const fn by_fate(&self) -> [(&'static str, Rows); 4] {
        let Self { read, written, rejected, filtered } = *self;
        [("read", read), ("written", written), ("rejected", rejected), ("filtered", filtered)]
    }
}

/// What work cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Meters {
    /// Guest work.
    pub fuel: Fuel,
    /// CPU time of all threads, the host's work included.
    pub cpu_ms: Millis,
    /// From its start to its end.
    pub wall_ms: Millis,
    /// Largest memory of one agent.
    pub memory_peak: Bytes,
    /// Size of what was read.
    pub bytes_read: Bytes,
    /// Size of what was written.
    pub bytes_written: Bytes,
    /// Of those, copied as they were.
    pub bytes_spliced: Bytes,
}

impl Meters {
    /// Bytes by the way that they went, as metrics label them.
    pub const fn by_way(&self) -> [(&'static str, Bytes); 3] {
        [("read", self.bytes_read), ("written", self.bytes_written), ("spliced", self.bytes_spliced)]
    }
}

/// One dataset in one campaign.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Run {
    /// As the dataset's log names it.
    pub run: RunId,
    /// Its place in the campaign.
    pub seq: u64,
    /// What it is over.
    pub dataset: DatasetId,
    /// What that is called.
    pub name: Name,
    /// Its wave, once it is planned.
    pub wave: Option<u32>,
    /// Where it is.
    pub state: RunState,
    /// Higher with each move.
    pub epoch: u64,
    /// What the plan says.
    pub verdict: Option<Verdict>,
    /// Why it is where it is, if that needs saying.
    pub why: Option<Why>,
    /// Its last attempt that failed, where it has failed and that is kept still.
    #[serde(default)]
    pub failed_attempt: Option<AttemptId>,
    /// Why it waits; only of a run that is asked for by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting: Option<Waiting>,
    /// Since when.
    pub since: Time,
    /// The dataset's version that it made.
    pub version: Option<u64>,
    /// Of its result.
    pub rows: Option<RunRows>,
    /// What it cost.
    pub meters: Option<Meters>,
    /// How often something was found wrong with what it published.
    #[serde(default)]
    pub alarms: u64,
    /// What was found out about its result; only of a run that is asked for by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub soak: Option<RunSoak>,
}
