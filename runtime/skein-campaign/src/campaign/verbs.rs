//! Which verb is possible in which state. A verb that is possible may still be refused for another reason, which is then
//! named.

use skein_types::{CampaignState, Verb};

/// Whether a verb is possible in a state.
pub const fn possible(verb: Verb, state: CampaignState) -> bool {
    use CampaignState::{
        Approved, AwaitingApproval, Draft, Halted, Paused, Planned, Planning, RollbackIncomplete, Running,
        Soaking, Stale,
    };
    match verb {
        Verb::Plan => matches!(state, Draft | Planned | AwaitingApproval | Approved | Stale),
        Verb::Start => matches!(state, Planned | Approved),
        Verb::Pause => matches!(state, Running),
        Verb::Resume => matches!(state, Paused | Halted),
        Verb::Cancel => matches!(
            state,
            Draft
                | Planning
                | Planned
                | AwaitingApproval
                | Approved
                | Stale
                | Running
                | Paused
                | Halted
                | RollbackIncomplete
        ),
        Verb::Retry => matches!(state, Running | Paused | Halted | Soaking),
        Verb::Skip => matches!(state, Planned | AwaitingApproval | Approved | Running | Paused | Halted),
        Verb::RollBack => matches!(state, Running | Paused | Halted | Soaking | RollbackIncomplete),
        Verb::Finalize => matches!(state, Soaking),
    }
}
