//! Going on without the approvals that a plan needs, by a person who answers for it. The campaign is marked for ever.

use skein_api::{Campaign, CampaignAction};
use skein_campaign::approval::lack;
use skein_ledger::{ApprovalBrokenGlass, Guard, Name, Text};
use skein_types::{CampaignId, SliceState, codes};

use super::later::reason_needed;
use super::{given, not_declined, of_this};
use crate::access::Principal;
use crate::control::Control;
use crate::error::ServiceError;

impl Control {
    /// The slices that it would be about: the one that is named, or all that lack something, be it an answer.
    pub(crate) fn lacking(&self, id: CampaignId, named: Option<&str>) -> Result<Vec<Name>, ServiceError> {
        if let Some(named) = named {
            return Ok(vec![self.slice(id, &crate::control::name("slice", named)?)?.team]);
        }
        let (slices, all) = (self.slices(id)?, self.counting(self.approvals(id)?)?);
        let asked = self.asks_slices(id, (&slices, &all))?;
        let lacks = |slice: &&skein_ledger::Slice| {
            let needs = lack(self.need(slice.risk), &given(&all, &slice.team)).is_some();
            (slice.state == SliceState::Undecided && needs) || asked.contains(&slice.team)
        };
        Ok(slices.iter().filter(lacks).map(|slice| slice.team.clone()).collect())
    }

    /// A person goes on without them.
    pub(crate) fn break_glass(
        &self,
        who: &Principal,
        (id, teams): (CampaignId, &[Name]),
        asked: &CampaignAction,
    ) -> Result<Campaign, ServiceError> {
        who.is_a_person("goes on without approvals")?;
        let said = asked.reason.as_deref().map(str::trim).filter(|said| !said.is_empty());
        let said = said.ok_or_else(|| reason_needed("going on without approvals"))?;
        let mut state = self.state();
        let plan = self.plan_there(&mut state, id)?;
        of_this((id, plan), asked.plan)?;
        if teams.is_empty() {
            return Err(ServiceError::new(codes::NOTHING_TO_APPROVE, "no part of the plan lacks anything")
                .hint(Some(format!("start it: `skein campaign start {id}`"))));
        }
        let epoch = self.live(&mut state, id)?.machine.epoch();
        let mut unit = who.unit().if_(Guard::CampaignAt { campaign: id, epoch });
        for team in teams {
            not_declined(id, &self.slice(id, team)?)?;
            let (campaign, team, person) = (id, team.clone(), who.person()?);
            unit =
                unit.decide(ApprovalBrokenGlass { campaign, team, plan, person, reason: Text::clip(said) });
        }
        self.write(unit)?;
        tracing::warn!(campaign = %id, actor = who.actor(), "approvals were gone without");
        self.settle_after(&mut state, id, who)?;
        drop(state);
        self.wake.reconciler();
        self.campaign(id)
    }
}
