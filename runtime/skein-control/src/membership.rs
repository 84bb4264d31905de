//! Whether what was planned is still what there is. Asked when a campaign starts: from then on it carries out what was
//! planned, whatever moves. Module, parameters and policy of a campaign never change; the module may be suspended, other
//! datasets may be selected, and of those that are some may have other teams or other labels that a plan is made by.

use std::collections::{BTreeMap, BTreeSet};

use skein_campaign::Observation;
use skein_ledger::{Dataset, Limit, ModuleState, Name, RunFilter};
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
        let as_of = self.stored_report(&row)?.as_of;
        let mut owners: BTreeMap<DatasetId, Name> = BTreeMap::new();
        let mut since: Vec<Dataset> = Vec::new();
        self.each_selected(&selection::read(&*self.ledger, &row)?, |dataset| {
            owners.insert(dataset.id, dataset.owner.clone());
            if as_of > 0 && dataset.version > as_of {
                since.push(dataset.clone());
            }
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
        let mut relabelled = 0_u64;
        for dataset in since.iter().filter(|dataset| planned.contains(&dataset.id)) {
            relabelled += u64::from(self.relabelled_since(dataset, as_of)?);
        }
        if relabelled > 0 {
            what = format!("{what}, and {relabelled} have other labels of those that it was made by");
        }
        Ok((new + gone > 0 || moved + relabelled > 0).then_some(what))
    }
}
