//! What becomes of plans when less must hold of one of their datasets than when they were made: a rule of its owner is removed or says
//! something else, or a reader's is passed over. Who approved the plan approved it with the rule.
//!
//! | the campaign | then |
//! |---|---|
//! | is not started | is stale: it is planned, and approved, again |
//! | is under way, and the dataset's run is not made | the approvals of the dataset's team count no more: no run of its slice begins or is published before it is approved anew |
//!
//! A run that is held is somebody's to decide about, and one at the door or behind it was looked at with the rule.
//!
//! It is done before the rule moves, and nobody decides anything between: who dies there leaves a plan to be made again, and the rule.

use skein_campaign::Observation;
use skein_ledger::{ApprovalRevoked, Dataset, Entry, Limit, Run, Text};
use skein_types::{CampaignState, Reason, RunState, SliceState};

use crate::access::Principal;
use crate::control::{Control, State};
use crate::decide::Told;
use crate::error::ServiceError;

impl Control {
    /// Says so to each campaign that has a run over the dataset that is still to be made.
    pub(super) fn rule_moves(
        &self,
        state: &mut State,
        who: &Principal,
        (dataset, what): (&Dataset, &str),
    ) -> Result<(), ServiceError> {
        let what = format!("of {}, {what}", dataset.name);
        for run in self.runs_over(dataset, |run| run.state == RunState::Planned)? {
            self.plan_moves(state, who, (&run, &what))?;
        }
        self.wake.reconciler();
        Ok(())
    }

    /// Runs over a dataset of whatever campaign.
    pub(super) fn runs_over(
        &self,
        dataset: &Dataset,
        are: impl Fn(&Run) -> bool,
    ) -> Result<Vec<Run>, ServiceError> {
        let (mut runs, mut after) = (Vec::new(), None);
        loop {
            let page = self.ledger.runs_of_dataset(dataset.id, after, Limit::MAX)?;
            runs.extend(page.items.into_iter().filter(&are));
            match page.next {
                Some(next) => after = Some(next),
                None => return Ok(runs),
            }
        }
    }

    fn plan_moves(
        &self,
        state: &mut State,
        who: &Principal,
        (run, what): (&Run, &str),
    ) -> Result<(), ServiceError> {
        use CampaignState::{Approved, AwaitingApproval, Halted, Paused, Planned, Running};
        let at = self.live(state, run.campaign)?.machine.state();
        if matches!(at, Planned | AwaitingApproval | Approved) {
            let told = vec![Told::of(Observation::OutOfDate(Reason::RulesMoved))];
            self.tell(state, run.campaign, told, (who, what, Vec::new()))?;
        } else if matches!(at, Running | Paused | Halted) {
            let entries = self.approvals_void(run, what)?;
            if !entries.is_empty() {
                self.tell(state, run.campaign, Vec::new(), (who, "", entries))?;
                self.gates(state, run.campaign)?;
            }
        }
        Ok(())
    }

    /// What takes back all that persons said for the slice of a run. Where the glass was broken nobody's word was waited for.
    fn approvals_void(&self, run: &Run, what: &str) -> Result<Vec<Entry>, ServiceError> {
        let Some(team) = &run.team else { return Ok(Vec::new()) };
        let slice = self.slices(run.campaign)?.into_iter().find(|slice| slice.team == *team);
        let mut given = self.approvals(run.campaign)?;
        given.retain(|one| one.team == *team);
        let Some(slice) = slice.filter(|_| !given.iter().any(|one| one.glass)) else {
            return Ok(Vec::new());
        };
        let opens = slice.state == SliceState::Approved && self.need(slice.risk).approvals > 0;
        let revoked = given.into_iter().map(|one| {
            let (campaign, team, reason) = (run.campaign, one.team, Text::clip(what));
            Entry::Decide(ApprovalRevoked { campaign, team, person: one.person, opens, reason }.into())
        });
        Ok(revoked.collect())
    }
}

#[cfg(test)]
mod tests;
