//! What people say of a plan: `GET /v1/campaigns/{id}/approvals` and `/comments` show it, `GET /v1/approvals` lists what waits,
//! `POST /v1/campaigns/{id}/actions/{approve|revoke|defer|decline|break_glass}` and `/comments` say it.

use serde::{Deserialize, Serialize};
use skein_types::{Blake3, Bytes, CampaignId, CampaignState, Millis, Risk, Rows, SliceState};
use utoipa::ToSchema;

use crate::bounded::List;
use crate::time::Time;
use crate::{Message, Name};

/// Slices of a plan that are shown.
pub const SLICES_MAX: usize = 1_000;
/// Persons that are named where something is missing.
pub const NAMED_MAX: usize = 32;

/// How many have to approve.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ApprovalNeed {
    /// Persons.
    pub approvals: u32,
    /// Of these, so many approvers of the slice's team.
    pub of_owner: u32,
}

/// An approval that counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ApprovalGiven {
    /// Whose.
    pub person: Name,
    /// Given as an approver of the slice's team.
    pub of_owner: bool,
    /// Given instead of the approvals that it needs.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub broken_glass: bool,
    /// What they said.
    pub note: Option<Message>,
    /// When.
    pub at: Time,
    /// When it counts no more, unless the campaign was started.
    pub expires: Time,
}

/// What a slice lacks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ApprovalLack {
    /// So many more persons.
    pub approvals: u32,
    /// One of them an approver of the slice's team.
    pub of_owner: bool,
    /// Who could, among those whose tokens count; the first of them.
    pub who_could: List<Name, { NAMED_MAX }>,
}

/// The datasets of one team that a plan is to migrate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Slice {
    /// Whose.
    pub team: Name,
    /// How much can go wrong with them.
    pub risk: Risk,
    /// How many there are.
    pub datasets: u64,
    /// Their bytes.
    pub bytes: Bytes,
    /// Their rows.
    pub rows: Rows,
    /// What was said of them.
    pub state: SliceState,
    /// Before which their runs do not start.
    pub until: Option<Time>,
    /// Who said it last.
    pub by: Option<Name>,
    /// Why.
    pub why: Option<Message>,
    /// Since when.
    pub since: Time,
    /// What it needs.
    pub needs: ApprovalNeed,
    /// What it has.
    pub approvals: List<ApprovalGiven, { NAMED_MAX }>,
    /// What is missing; nothing, if it has what it needs or was declined.
    pub lacks: Option<ApprovalLack>,
}

/// Who let a wave through.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WaveApproval {
    /// Which.
    pub wave: u32,
    /// Who.
    pub person: Name,
    /// What they said.
    pub note: Option<Message>,
    /// When.
    pub at: Time,
}

/// How a campaign's plan stands with the people whose datasets it is over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Approvals {
    /// Which campaign.
    pub campaign: CampaignId,
    /// What it is called.
    pub name: Name,
    /// Where it is.
    pub state: CampaignState,
    /// What is approved: an approval names it.
    pub plan: Option<Blake3>,
    /// The server is one user's alone: nobody has to approve anything.
    pub single_user: bool,
    /// How long an approval holds before the start.
    pub expires_ms: Millis,
    /// Somebody went on without the approvals that a plan of this campaign needed. For ever.
    pub broken_glass: bool,
    /// Who made it, who planned it and who submitted its module: they approve nothing of it.
    pub excluded: List<Name, { NAMED_MAX }>,
    /// By team; the first of them.
    pub slices: List<Slice, { SLICES_MAX }>,
    /// Whether there are more.
    pub more_slices: u64,
    /// Waves that somebody let through.
    pub waves: List<WaveApproval, 64>,
    /// The wave that waits for somebody.
    pub wave_waits: Option<u32>,
    /// Comments on it.
    pub comments: u64,
    /// Of these, questions that are not resolved: nothing is started before they are.
    pub open_questions: u64,
}

/// A slice, or a wave, that waits for somebody.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Waits {
    /// Which campaign.
    pub campaign: CampaignId,
    /// What it is called.
    pub name: Name,
    /// What is to be approved.
    pub plan: Blake3,
    /// Whose datasets; none where a wave waits.
    pub team: Option<Name>,
    /// The wave that waits; none where a slice does.
    pub wave: Option<u32>,
    /// How much can go wrong.
    pub risk: Risk,
    /// How many datasets.
    pub datasets: u64,
    /// So many more persons.
    pub approvals: u32,
    /// One of them an approver of the slice's team.
    pub of_owner: bool,
    /// Since when the campaign waits.
    pub since: Time,
}

/// Somebody says something about a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CommentAdd {
    /// What.
    pub text: Message,
    /// The slice that it is about, by its team; else the whole plan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slice: Option<Name>,
    /// Nothing is started before it is resolved.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub question: bool,
}

/// A question is resolved, or several.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct CommentResolve {
    /// How.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<Message>,
    /// With it each open question behind it, through this number, that whoever asks may resolve.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub through: Option<u64>,
}

/// What somebody said about a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Comment {
    /// Its number in the campaign, from 1.
    pub number: u64,
    /// The slice that it is about, by its team; none: the plan.
    pub slice: Option<Name>,
    /// Nothing is started before it is resolved.
    pub question: bool,
    /// What.
    pub text: Message,
    /// Who.
    pub person: Name,
    /// When.
    pub at: Time,
    /// When it was resolved, if it was a question.
    pub resolved: Option<Time>,
    /// By whom.
    pub resolved_by: Option<Name>,
    /// How.
    pub resolution: Option<Message>,
}
