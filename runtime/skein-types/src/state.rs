//! The states of campaigns, waves and runs, as records, lists and people name them. Which move leads from which to which
//! is `skein-campaign`'s business.

use crate::word::words;

words! {
    /// Where a campaign is.
    CampaignState {
        /// Made; nothing was looked at.
        Draft = "draft",
        /// Its datasets are being planned.
        Planning = "planning",
        /// Planning could not be finished. The end.
        PlanFailed = "plan_failed",
        /// There is a plan to look at.
        Planned = "planned",
        /// Somebody has to approve a part of the plan, defer it or decline it.
        AwaitingApproval = "awaiting_approval",
        /// Module, parameters, policy or membership moved since it was planned: to be planned again.
        Stale = "stale",
        /// The plan may be carried out.
        Approved = "approved",
        /// Waves are under way.
        Running = "running",
        /// A person stopped it; nothing new starts.
        Paused = "paused",
        /// The failure budget or a gate stopped it; nothing new starts.
        Halted = "halted",
        /// All runs are published or ended; old versions are kept.
        Soaking = "soaking",
        /// Old versions are being given up.
        Finalizing = "finalizing",
        /// All done. The end.
        Succeeded = "succeeded",
        /// Done but for failures that the budget allowed. The end.
        PartiallySucceeded = "partially_succeeded",
        /// Published runs are being undone.
        RollingBack = "rolling_back",
        /// Every published run was undone. The end.
        RolledBack = "rolled_back",
        /// Some runs could not be undone; a person must look.
        RollbackIncomplete = "rollback_incomplete",
        /// What is under way is being ended.
        Cancelling = "cancelling",
        /// Ended; what was published stays. The end.
        Cancelled = "cancelled",
    }
}

words! {
    /// Where a wave is.
    WaveState {
        /// Its turn has not come.
        Waiting = "waiting",
        /// Its runs are under way.
        Running = "running",
        /// It is through its gate, and somebody has to let the next one begin.
        AwaitingApproval = "awaiting_approval",
        /// It is through its gate; the next one may begin.
        Promoted = "promoted",
        /// The budget or the gate stopped it.
        Held = "held",
        /// It will not go on. The end.
        Aborted = "aborted",
    }
}

words! {
    /// Where a run is, as decided; whether its work is queued, running or staged is the queue's business.
    RunState {
        /// There is nothing to do or it cannot be done; the verdict says why. The end.
        Ineligible = "ineligible",
        /// It will be migrated, or is being.
        Planned = "planned",
        /// Its result is staged and kept back until a person decides, because a rule is broken or nobody knows whether it is.
        Held = "held",
        /// Its result is being made current.
        Intended = "intended",
        /// Its result is current; the old version is kept.
        Published = "published",
        /// The old version was given up. The end.
        Finalized = "finalized",
        /// It failed and nothing changed.
        Failed = "failed",
        /// A person left it out.
        Skipped = "skipped",
        /// The dataset's schema moved since the plan.
        Stale = "stale",
        /// The campaign was cancelled before it was published.
        Cancelled = "cancelled",
        /// The old version is being made current again.
        Reverting = "reverting",
        /// The old version is current again. The end.
        Reverted = "reverted",
        /// The old version could not be made current again.
        RevertFailed = "revert_failed",
    }
}

words! {
    /// What a plan says of one dataset.
    Verdict {
        /// It will be migrated.
        Eligible = "eligible",
        /// The same migration has been through all its files.
        AlreadyMigrated = "already_migrated",
        /// It has nothing that the migration is for.
        NotApplicable = "not_applicable",
        /// The module or a rule refuses it.
        Refused = "refused",
    }
}

words! {
    /// What the people whose datasets they are say of a team's slice of a plan. That it is put off until later is said beside it.
    SliceState {
        /// Not yet what it needs.
        Undecided = "undecided",
        /// Its runs may be carried out.
        Approved = "approved",
        /// Its runs are left out.
        Declined = "declined",
    }
}

words! {
    /// How much can go wrong.
    Risk {
        /// Nothing that was seen speaks against it.
        Low = "low",
        /// Something is to be looked at first.
        Moderate = "moderate",
        /// Something that was tried failed, or cannot be known.
        High = "high",
    }
}

#[expect(clippy::derivable_impls, reason = "the macro that makes it derives the same for all words")]
impl Default for Risk {
    fn default() -> Self {
        Self::Low
    }
}

words! {
    /// What people want of a node.
    NodeMark {
        /// That it works.
        None = "none",
        /// That it gets nothing new, until somebody says otherwise.
        Cordoned = "cordoned",
        /// That it gives back what it has, goes, and stays away until somebody says otherwise.
        Draining = "draining",
    }
}

impl CampaignState {
    /// Nothing leads out of it.
    pub const fn is_terminal(self) -> bool {
        match self {
            Self::PlanFailed
            | Self::Succeeded
            | Self::PartiallySucceeded
            | Self::RolledBack
            | Self::Cancelled => true,
            Self::Draft
            | Self::Planning
            | Self::Planned
            | Self::AwaitingApproval
            | Self::Stale
            | Self::Approved
            | Self::Running
            | Self::Paused
            | Self::Halted
            | Self::Soaking
            | Self::Finalizing
            | Self::RollingBack
            | Self::RollbackIncomplete
            | Self::Cancelling => false,
        }
    }
}

impl RunState {
    /// It ended in a way that nobody wanted: forwards or backwards.
    pub const fn is_failed(self) -> bool {
        matches!(self, Self::Failed | Self::RevertFailed)
    }

    /// Neither work nor a publish of it is under way or to come, unless somebody asks for it.
    pub const fn is_at_rest(self) -> bool {
        match self {
            Self::Planned | Self::Held | Self::Intended | Self::Reverting => false,
            Self::Ineligible
            | Self::Published
            | Self::Finalized
            | Self::Failed
            | Self::Skipped
            | Self::Stale
            | Self::Cancelled
            | Self::Reverted
            | Self::RevertFailed => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{CampaignState, RunState, Verdict, WaveState};

    #[test]
    fn every_word_is_parsed_back_and_listed_in_the_error() {
        assert_eq!(
            "lost".parse::<Verdict>().unwrap_err().to_string(),
            r#""lost" is not one of eligible, already_migrated, not_applicable, refused"#
        );
        assert!(CampaignState::ALL.iter().all(|state| state.as_str().parse() == Ok(*state)));
        assert!(WaveState::ALL.iter().all(|state| state.as_str().parse() == Ok(*state)));
        assert!(RunState::ALL.iter().all(|state| state.as_str().parse() == Ok(*state)));
    }

    #[test]
    fn what_the_end_is_and_what_is_at_rest() {
        let ends: Vec<_> = CampaignState::ALL.iter().filter(|state| state.is_terminal()).collect();
        let names = ["plan_failed", "succeeded", "partially_succeeded", "rolled_back", "cancelled"];
        assert_eq!(ends.iter().map(|state| state.as_str()).collect::<Vec<_>>(), names);
        let busy: Vec<_> = RunState::ALL.iter().filter(|state| !state.is_at_rest()).collect();
        let names = ["planned", "held", "intended", "reverting"];
        assert_eq!(busy.iter().map(|state| state.as_str()).collect::<Vec<_>>(), names);
    }
}
