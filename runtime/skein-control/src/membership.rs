//! Whether what was planned is still what there is. Asked when a campaign starts: from then on it carries out what was
//! planned, whatever moves. Module, parameters and policy of a campaign never change; the module may be suspended, and other
//! datasets may be selected.

use std::collections::{BTreeMap, BTreeSet};

use skein_campaign::Observation;
use skein_ledger::{Limit, ModuleState, Name, RunFilter};
use skein_types::{CampaignId, CampaignState, DatasetId, Reason, codes};

use crate::control::{Control, State};
use crate::decide::Told;
use crate::error::ServiceError;
use crate::selection;

impl Control {
    /// Refuses the start of a campaign whose plan is out of date, which is stale from then on.
    pub(crate) fn still_as_planned(&self, state: &mut State, id: CampaignId) -> Result<(), ServiceError> {
        let live = self.live(state, id)?;
        if !matches!(
            live.machine.state(),
            CampaignState::Planned | CampaignState::AwaitingApproval | CampaignState::Approved
        ) {
            // The machine says what is wrong with that.
            return Ok(());
        }
        let module = live.module;
        let ready = self.ledger.module(module)?.is_some_and(|module| module.state == ModuleState::Ready);
        let moved = match ready {
            true => self.membership_moved(id)?.map(|what| (Reason::MembershipMoved, what)),
            false => Some((Reason::ModuleMoved, format!("module {module} cannot be used any more"))),
        };
        let Some((reason, what)) = moved else { return Ok(()) };
        let told = vec![Told::of(Observation::OutOfDate(reason))];
        self.tell(state, id, told, (&self.itself, &what, Vec::new()))?;
        Err(ServiceError::new(codes::PLAN_MOVED, what)
            .hint(Some("plan it again, look at the new plan, and start that")))
    }

    fn membership_moved(&self, id: CampaignId) -> Result<Option<String>, ServiceError> {
        let row = self.campaign_row(id)?;
        let mut owners: BTreeMap<DatasetId, Name> = BTreeMap::new();
        self.each_selected(&selection::read(&*self.ledger, &row)?, |dataset| {
            owners.insert(dataset.id, dataset.owner.clone());
        })?;
        let selected: BTreeSet<DatasetId> = owners.keys().copied().collect();
        let (mut planned, mut after, mut moved) = (BTreeSet::new(), None, 0_u64);
        loop {
            let page = self.ledger.runs(id, RunFilter::default(), after, Limit::MAX)?;
            planned.extend(page.items.iter().map(|run| run.dataset));
            // Whoever approved them approved them as their own.
            let others = |run: &&skein_ledger::Run| {
                let now = owners.get(&run.dataset);
                run.team.as_ref().is_some_and(|team| now.is_some_and(|now| now != team))
            };
            moved += page.items.iter().filter(others).count() as u64;
            match page.next {
                Some(next) => after = Some(next),
                None => break,
            }
        }
        let (new, gone) = (selected.difference(&planned).count(), planned.difference(&selected).count());
        let mut what = format!("since the plan {new} datasets came into the selection and {gone} left it");
        if moved > 0 {
            what = format!("{what}, and {moved} went to other teams");
        }
        Ok((new + gone > 0 || moved > 0).then_some(what))
    }
}
