//! Rules of datasets: `GET /v1/datasets/{id}/rules`, `GET|PUT|DELETE /v1/datasets/{id}/rules/{name}`, who reads them:
//! `GET /v1/datasets/{id}/consumers`, and what is asked of runs that a rule keeps back: `POST /v1/campaigns/{id}/runs/{seq}/actions/{verb}`.

use serde::{Deserialize, Serialize};
use skein_types::Rule;
use utoipa::ToSchema;

use crate::time::Time;
use crate::{List, Message, Name};

/// Teams that are listed of those that read a dataset. Those with rules are fewer.
pub const CONSUMERS_MAX: usize = 100;

/// Sets a rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RulePut {
    /// What must hold; its name is that of the address.
    pub rule: Rule,
}

/// A rule of a dataset.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DatasetRule {
    /// Of which dataset.
    pub dataset: Name,
    /// The team that reads the dataset and wants it; none: the dataset's owner.
    pub consumer: Option<Name>,
    /// What must hold.
    pub rule: Rule,
    /// Why it is passed over, if the dataset's owner said so.
    pub ignored: Option<Message>,
    /// Nobody of its team may look at the dataset any more: it is not run over it, and holds what it would have looked at.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unseen: bool,
    /// Higher each time that it is set; the answer's `ETag`.
    pub version: u64,
    /// Since when.
    pub since: Time,
}

/// All rules of a dataset that whoever asks may see. There are few: the owner's and those of its readers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DatasetRules {
    /// The owner's by name, then the readers' by team and name.
    pub items: Vec<DatasetRule>,
}

/// Teams that read a dataset, as far as the server knows; not the one whose it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Consumers {
    /// By name. Where there are more than are listed, those with rules are.
    pub teams: List<Consumer, { CONSUMERS_MAX }>,
    /// How many more there are.
    pub more: u64,
    /// Nobody has to be anybody on this server, so all may look: only those with rules are known.
    pub everybody: bool,
}

/// A team that reads a dataset, or did when it set its rules.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Consumer {
    /// Which.
    pub team: Name,
    /// Rules that it has there.
    pub rules: u64,
    /// Whether somebody of it may look at the dataset now. Where not, its rules hold each run.
    pub reads: bool,
}

/// Says that a reader's rule is passed over, or is looked at again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RuleIgnore {
    /// Whether it is passed over.
    pub ignored: bool,
    /// Why. Its team reads it.
    pub reason: Message,
}

/// What becomes of a run that a rule keeps back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RunAction {
    /// Why. On record.
    pub reason: Message,
}
