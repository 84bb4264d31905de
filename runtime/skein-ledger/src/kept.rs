//! Rows that are kept for a while and are no decisions: answers to requests, notices to receivers, and what was used. Each kind
//! has a most; where there are as many, the one goes that would be swept first. Losing them costs no correctness.

use skein_types::{
    Blake3, Bytes, CampaignId, DatasetId, DeliveryId, Fuel, Millis, ModuleDigest, Name, Text, Timestamp,
    WebhookId,
};

use crate::canonical::INTEGER_MAX;
use crate::words::words;

/// The answer to a request that somebody may ask again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// What whoever asks calls the request.
    pub key: Name,
    /// Of the request: another one under the same key is a mistake.
    pub request: Blake3,
    /// The status of the answer.
    pub status: u16,
    /// Its body. At most [`ANSWER_MAX`](crate::ANSWER_MAX).
    pub body: Vec<u8>,
    /// Swept after. Until it is, it is read; whoever reads it compares.
    pub keep_until: Timestamp,
}

words! {
    /// Where a notice is.
    DeliveryState {
        /// It is to be sent, for the first time or again.
        Waiting = "waiting",
        /// It was received.
        Done = "done",
        /// It will not be sent again.
        GivenUp = "given_up",
    }
}

/// One notice to one receiver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// Which.
    pub id: DeliveryId,
    /// To whom.
    pub webhook: WebhookId,
    /// Of which event.
    pub position: u64,
    /// What kind that is of.
    pub kind: Name,
    /// The blob with what is told, the same in each try. Whoever puts both keeps both for as long.
    pub notice: Blake3,
    /// Where it is.
    pub state: DeliveryState,
    /// How often it was tried.
    pub tries: u32,
    /// Not to be tried before.
    pub due: Timestamp,
    /// The last answer's status, if there was an answer.
    pub status: Option<u16>,
    /// What went wrong last.
    pub error: Text,
    /// When this was noted.
    pub at: Timestamp,
    /// Swept after, wherever it is.
    pub keep_until: Timestamp,
}

/// Which notices; all that is given must fit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DeliveryFilter {
    /// To this receiver.
    pub webhook: Option<WebhookId>,
    /// In this state.
    pub state: Option<DeliveryState>,
}

/// What work took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Used {
    /// Processor time.
    pub cpu: Millis,
    /// Fuel of guests.
    pub fuel: Fuel,
    /// Bytes read.
    pub bytes_read: Bytes,
    /// Bytes written.
    pub bytes_written: Bytes,
    /// Time in which slots were held, all slots together.
    pub slot: Millis,
    /// Attempts that ended.
    pub attempts: u64,
}

impl Used {
    /// Both together, up to what a row can hold.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        let sum = |a: u64, b: u64| a.saturating_add(b).min(INTEGER_MAX);
        Self {
            cpu: Millis(sum(self.cpu.0, other.cpu.0)),
            fuel: Fuel(sum(self.fuel.0, other.fuel.0)),
            bytes_read: Bytes(sum(self.bytes_read.0, other.bytes_read.0)),
            bytes_written: Bytes(sum(self.bytes_written.0, other.bytes_written.0)),
            slot: Millis(sum(self.slot.0, other.slot.0)),
            attempts: sum(self.attempts, other.attempts),
        }
    }
}

/// What somebody's work took in an hour. What there is of that hour is added to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Charge {
    /// Whose.
    pub team: Name,
    /// In which campaign.
    pub campaign: Option<CampaignId>,
    /// Of which module.
    pub module: Option<ModuleDigest>,
    /// The hour's beginning, in UTC.
    pub hour: Timestamp,
    /// What it took.
    pub used: Used,
}

/// Of what use is asked; all that is given must fit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UsageFilter {
    /// Of this team.
    pub team: Option<Name>,
    /// In this campaign.
    pub campaign: Option<CampaignId>,
    /// Of this module.
    pub module: Option<ModuleDigest>,
    /// In hours that do not begin before this time.
    pub from: Option<Timestamp>,
    /// In hours that begin before this time.
    pub to: Option<Timestamp>,
}

/// What use is summed by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UsageBy {
    /// One sum a team.
    Team,
    /// One sum a campaign, and one of what is in none.
    Campaign,
    /// One sum a module, and one of what is of none.
    Module,
    /// One sum an hour.
    Hour,
}

/// What a sum is of.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum UsageOf {
    /// A team.
    Team(Name),
    /// A campaign; none: what is in none.
    Campaign(Option<CampaignId>),
    /// A module; none: what is of none.
    Module(Option<ModuleDigest>),
    /// The hour that begins then.
    Hour(Timestamp),
}

/// Sums of what was used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Usage {
    /// By the hour in their order; by anything else those first that took most processor time.
    pub sums: Vec<(UsageOf, Used)>,
    /// Whether that is all. Where there are more sums than were asked for, or more rows than one answer looks at, it is not: then
    /// the latest hours are in it, or the largest sums over those.
    pub whole: bool,
}

/// What came of reading all versions of a dataset in full. Only the last time is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scrubbed {
    /// Which.
    pub dataset: DatasetId,
    /// When it was done.
    pub at: Timestamp,
    /// What was read and found, bounded JSON of control's.
    pub report: String,
}
