//! Saying yes, taking it back, and letting a wave through.

use skein_api::{Campaign, CampaignAction};
use skein_campaign::Observation;
use skein_campaign::approval::{Given, Person, lack, may_approve};
use skein_ledger::{Approval, ApprovalGiven, ApprovalRevoked, Entry, Guard, Text, WaveApproved};
use skein_types::{CampaignId, CampaignState, Reason, SliceState, codes};

use super::{Chair, asker, given, not_declined, of_this, unfit};
use crate::access::Principal;
use crate::control::Control;
use crate::decide::Told;
use crate::error::ServiceError;

impl Control {
    /// A person approves a slice of exactly the plan that they name.
    pub(crate) fn approve(
        &self,
        who: &Principal,
        (id, chair): (CampaignId, &Chair),
        asked: &CampaignAction,
    ) -> Result<Campaign, ServiceError> {
        let excluded = self.excluded(id)?;
        let mut state = self.state();
        let plan = self.plan_there(&mut state, id)?;
        let slice = self.slice(id, &chair.team)?;
        let need = self.need(slice.risk);
        let mut given = given(&self.counting(self.approvals(id)?)?, &chair.team);
        let asker = asker(who, chair);
        may_approve(&asker, &excluded, (need, &given)).map_err(|why| unfit(why, who, (id, &chair.team)))?;
        of_this((id, plan), asked.plan)?;
        not_declined(id, &slice)?;
        let team = chair.team.clone();
        if slice.state == SliceState::Approved || need.approvals == 0 {
            let message = format!("the part of {team} has what it needs");
            return Err(ServiceError::new(codes::NOTHING_TO_APPROVE, message)
                .hint(Some(format!("`skein campaign approvals {id}` shows what waits for whom"))));
        }
        given.retain(|one| one.person != asker.person);
        given.push(Given { person: asker.person, of_owner: chair.of_owner });
        let (of_owner, person) = (chair.of_owner, who.person()?);
        let completes = lack(need, &given).is_none();
        let note = Text::clip(asked.reason.as_deref().unwrap_or_default());
        let approved = ApprovalGiven { campaign: id, team, plan, person, of_owner, completes, note };
        let epoch = self.live(&mut state, id)?.machine.epoch();
        let unit = who.unit().if_(Guard::CampaignAt { campaign: id, epoch }).decide(approved);
        self.write(unit)?;
        self.settle_after(&mut state, id, who)?;
        drop(state);
        self.wake.reconciler();
        self.campaign(id)
    }

    /// Whoever approved a slice takes it back, before the start.
    pub(crate) fn revoke(
        &self,
        who: &Principal,
        (id, chair): (CampaignId, &Chair),
        asked: &CampaignAction,
    ) -> Result<Campaign, ServiceError> {
        use CampaignState::{Approved, AwaitingApproval, Planned};
        let mut state = self.state();
        let plan = self.plan_there(&mut state, id)?;
        of_this((id, plan), asked.plan.or(Some(plan)))?;
        let slice = self.slice(id, &chair.team)?;
        let all = self.counting(self.approvals(id)?)?;
        let live = self.live(&mut state, id)?;
        let before = matches!(live.machine.state(), Planned | AwaitingApproval | Approved);
        let is_mine = |one: &Approval| Person::of(one.person.as_str()) == who.who();
        let mine = all.iter().find(|one| one.team == chair.team && is_mine(one));
        let Some(mine) = mine.filter(|_| before || slice.state == SliceState::Undecided) else {
            let what = if before { "nothing of it was approved" } else { "the campaign has started" };
            let message = format!("{} cannot take an approval back: {what}", who.actor());
            return Err(ServiceError::new(codes::NOT_APPROVED, message)
                .hint(Some("an owner may always pause and roll back the runs of own datasets")));
        };
        let mut left = given(&all, &chair.team);
        left.retain(|one| one.person != who.who());
        let glass = all.iter().any(|one| one.team == chair.team && one.glass && one.person != mine.person);
        let lacks = !glass && lack(self.need(slice.risk), &left).is_some();
        let opens = slice.state == SliceState::Approved && lacks;
        let (person, reason) = (mine.person.clone(), Text::clip(asked.reason.as_deref().unwrap_or("asked")));
        let revoked = ApprovalRevoked { campaign: id, team: chair.team.clone(), person, opens, reason };
        let why = Reason::ApprovalRevoked;
        let told = if opens { vec![Told::of(Observation::Undecided(why))] } else { Vec::new() };
        let said = asked.reason.as_deref().unwrap_or_default();
        self.tell(&mut state, id, told, (who, said, vec![Entry::Decide(revoked.into())]))?;
        self.settle_after(&mut state, id, who)?;
        drop(state);
        self.wake.reconciler();
        self.campaign(id)
    }

    /// A person lets the wave behind this one begin: an approver of one of the teams whose datasets the campaign is over.
    pub(crate) fn approve_wave(
        &self,
        who: &Principal,
        (id, wave, chair): (CampaignId, u32, &Chair),
        asked: &CampaignAction,
    ) -> Result<Campaign, ServiceError> {
        let excluded = self.excluded(id)?;
        let mut state = self.state();
        let plan = self.plan_there(&mut state, id)?;
        let seen = Observation::WaveApproved(wave);
        self.live(&mut state, id)?.machine.decide(seen.clone(), self.clock.now())?;
        self.decides_alone(who, (id, chair, &excluded))?;
        of_this((id, plan), asked.plan)?;
        let said = asked.reason.as_deref().unwrap_or_default();
        let approved =
            WaveApproved { campaign: id, wave, plan, person: who.person()?, note: Text::clip(said) };
        let more = vec![Entry::Decide(approved.into())];
        self.tell(&mut state, id, vec![Told::of(seen)], (who, said, more))?;
        drop(state);
        self.wake.reconciler();
        self.wake.nodes();
        self.campaign(id)
    }
}
