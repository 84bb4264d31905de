//! Slices of plans, approvals and comments.

use skein_types::{Bytes, Name, Risk, Rows, SliceState, Text, Timestamp};

/// The datasets of one team in a plan, and what was said of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slice {
    /// Whose.
    pub team: Name,
    /// How much can go wrong.
    pub risk: Risk,
    /// How many there are.
    pub datasets: u64,
    /// Their bytes.
    pub bytes: Bytes,
    /// Their rows.
    pub rows: Rows,
    /// What was said.
    pub state: SliceState,
    /// Before which its runs do not start.
    pub until: Option<Timestamp>,
    /// Who said it; empty before anybody did.
    pub person: Text,
    /// Why.
    pub reason: Text,
    /// Since when it is so.
    pub since: Timestamp,
}

/// An approval that counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approval {
    /// Of which slice.
    pub team: Name,
    /// Whose.
    pub person: Name,
    /// As an approver of the slice's team.
    pub of_owner: bool,
    /// Instead of the approvals that it needs.
    pub glass: bool,
    /// What they said.
    pub note: Text,
    /// When.
    pub at: Timestamp,
}

/// Who let a wave through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WaveApproval {
    /// Which wave.
    pub wave: u32,
    /// Who.
    pub person: Name,
    /// What they said.
    pub note: Text,
    /// When.
    pub at: Timestamp,
}

/// What somebody said about a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comment {
    /// Its number in the campaign, from 1.
    pub number: u64,
    /// The slice that it is about; none: the plan.
    pub team: Option<Name>,
    /// Nothing is started before it is resolved.
    pub question: bool,
    /// What.
    pub text: Text,
    /// Who.
    pub person: Name,
    /// When.
    pub at: Timestamp,
    /// When it was resolved.
    pub resolved: Option<Timestamp>,
    /// By whom; empty before.
    pub resolved_by: Text,
    /// How.
    pub resolution: Text,
}
