//! What people decide about a plan: a slice per team that its datasets belong to, approvals bound to the plan's digest, comments.
//! Who decided is the event's actor; `person` is the same one, whichever token was shown. Records are O(1) in the datasets.

use serde::{Deserialize, Serialize};
use skein_types::{Blake3, Bytes, CampaignId, Name, Risk, Rows, Text, Timestamp};

/// A plan has a slice: the datasets of one team that are to be migrated. Refused if it has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SlicePlanned {
    /// Of which campaign.
    pub campaign: CampaignId,
    /// Whose datasets.
    pub team: Name,
    /// How much can go wrong with them.
    pub risk: Risk,
    /// How many there are.
    pub datasets: u64,
    /// Their bytes.
    pub bytes: Bytes,
    /// Their rows.
    pub rows: Rows,
}

/// A person approves a slice. Refused if the plan is another one, if it was declined, or if the person has approved it so before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApprovalGiven {
    /// Of which campaign.
    pub campaign: CampaignId,
    /// Which slice.
    pub team: Name,
    /// The plan's digest, which whoever approved has seen.
    pub plan: Blake3,
    /// Who.
    pub person: Name,
    /// As an approver of the slice's team; else of another.
    pub of_owner: bool,
    /// With it the slice has all that it needs.
    pub completes: bool,
    /// What they said.
    pub note: Text,
}

/// An approval counts no more. Refused if there is none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApprovalRevoked {
    /// Of which campaign.
    pub campaign: CampaignId,
    /// Which slice.
    pub team: Name,
    /// Whose it was.
    pub person: Name,
    /// Without it the slice has not what it needs.
    pub opens: bool,
    /// Why.
    pub reason: Text,
}

/// A slice's runs do not start before a time. Refused if it was declined.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SliceDeferred {
    /// Of which campaign.
    pub campaign: CampaignId,
    /// Which slice.
    pub team: Name,
    /// Before which they do not start; one that is past lets them go on.
    pub until: Timestamp,
    /// Who.
    pub person: Name,
    /// Why.
    pub reason: Text,
}

/// A slice's runs are left out. Refused if they were before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SliceDeclined {
    /// Of which campaign.
    pub campaign: CampaignId,
    /// Which slice.
    pub team: Name,
    /// Who.
    pub person: Name,
    /// Why.
    pub reason: Text,
}

/// Somebody says something about a plan or one of its slices.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CommentAdded {
    /// Of which campaign.
    pub campaign: CampaignId,
    /// Its number in the campaign, from 1; refused if it is not the next.
    pub comment: u64,
    /// The slice that it is about; none: the plan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub team: Option<Name>,
    /// Nothing is started before it is resolved.
    pub question: bool,
    /// What.
    pub text: Text,
    /// Who.
    pub person: Name,
}

/// A question is resolved. Refused if it is none, or was before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CommentResolved {
    /// Of which campaign.
    pub campaign: CampaignId,
    /// Which.
    pub comment: u64,
    /// Who.
    pub person: Name,
    /// How.
    pub note: Text,
}

/// A slice goes on without the approvals that it needs, and the campaign is marked for ever. Refused as an approval is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApprovalBrokenGlass {
    /// Of which campaign.
    pub campaign: CampaignId,
    /// Which slice.
    pub team: Name,
    /// The plan's digest.
    pub plan: Blake3,
    /// Who answers for it.
    pub person: Name,
    /// Why.
    pub reason: Text,
}

/// A person lets the wave behind this one begin. The wave's own move goes with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WaveApproved {
    /// Of which campaign.
    pub campaign: CampaignId,
    /// Which wave is through.
    pub wave: u32,
    /// The plan's digest.
    pub plan: Blake3,
    /// Who.
    pub person: Name,
    /// What they said.
    pub note: Text,
}
