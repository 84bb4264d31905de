//! Rules of datasets: `GET /v1/datasets/{id}/rules`, `GET|PUT|DELETE /v1/datasets/{id}/rules/{name}`, and what is asked of
//! runs that a rule keeps back: `POST /v1/campaigns/{id}/runs/{seq}/actions/{verb}`.

use serde::{Deserialize, Serialize};
use skein_types::Rule;
use utoipa::ToSchema;

use crate::time::Time;
use crate::{Message, Name};

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
