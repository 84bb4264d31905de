//! Why a campaign or a wave moved, as a word that records keep and people read. What a person wrote beside it is kept
//! elsewhere.

use crate::word::words;

words! {
    /// Why a campaign or a wave is where it is.
    Reason {
        /// Somebody asked for it.
        Asked = "asked",
        /// The plan is there.
        PlanReady = "plan_ready",
        /// No plan could be made.
        PlanImpossible = "plan_impossible",
        /// The module is another one than was planned with.
        ModuleMoved = "module_moved",
        /// The parameters are others than were planned with.
        ParamsMoved = "params_moved",
        /// The policy is another one than was planned with.
        PolicyMoved = "policy_moved",
        /// Other datasets are selected than were planned.
        MembershipMoved = "membership_moved",
        /// What must hold of a dataset is less than it was when the plan was made.
        RulesMoved = "rules_moved",
        /// Nobody has to approve.
        NoApprovalNeeded = "no_approval_needed",
        /// Somebody has to approve.
        ApprovalNeeded = "approval_needed",
        /// An approval was taken back.
        ApprovalRevoked = "approval_revoked",
        /// An approval is too old.
        ApprovalExpired = "approval_expired",
        /// Every slice of the plan is approved, deferred or declined.
        SlicesDecided = "slices_decided",
        /// Somebody went on without the approvals that it needs.
        GlassBroken = "glass_broken",
        /// A question about the plan is not resolved.
        QuestionOpen = "question_open",
        /// Every slice of the plan was declined.
        AllDeclined = "all_declined",
        /// Somebody let the next wave begin.
        PromotionApproved = "promotion_approved",
        /// The wave before is through its gate.
        TurnCame = "turn_came",
        /// The same, and nothing was tried in any wave before: it is as careful as a canary.
        FirstTried = "first_tried",
        /// Enough of the wave is published or at rest.
        GatePassed = "gate_passed",
        /// More runs failed than may.
        BudgetSpent = "budget_spent",
        /// The module was suspended.
        ModuleSuspended = "module_suspended",
        /// What had failed was accepted, or more may fail.
        BudgetRaised = "budget_raised",
        /// All runs are published or at rest.
        RolledOut = "rolled_out",
        /// Runs that were at rest are to be tried again.
        Retried = "retried",
        /// The time in which it can be undone is over, or there is nothing that could be undone.
        WindowOver = "window_over",
        /// Every old version was given up.
        AllFinalized = "all_finalized",
        /// It is being undone.
        RolledBack = "rolled_back",
        /// Nothing that was to be undone is left.
        AllReverted = "all_reverted",
        /// Some runs could not be undone.
        RevertsFailed = "reverts_failed",
        /// It was cancelled.
        Cancelled = "cancelled",
        /// Nothing of it is under way any more.
        AllAtRest = "all_at_rest",
    }
}
