//! What people say of plans. Who may: an approver of a slice's team approves it; approvers and operators of it put its runs off,
//! leave them out, stop and undo them, whoever's the campaign is; an operator goes on without approvals.

use skein_api::{Approvals, Campaign, CampaignAction, Comment, CommentAdd, CommentResolve, Page, Waits};
use skein_campaign::approval::{Excluded, Person};
use skein_ledger::Name;
use skein_types::{CampaignId, TokenKind, codes};

use super::Desk;
use crate::access::Act;
use crate::approvals::{Stances, Until};
use crate::error::ServiceError;
use crate::list::{ListPart, WaitPart};

impl Desk<'_> {
    /// How the plan of a campaign stands with people.
    pub fn approvals(&self, named: &str) -> Result<Approvals, ServiceError> {
        self.control.shown_approvals(self.seen_by(named, Act::See)?)
    }

    /// What whoever asks could say of the plan of a campaign just now.
    pub fn stances(&self, named: &str) -> Result<Stances, ServiceError> {
        self.control.stances(self.who, self.seen_by(named, Act::See)?)
    }

    /// What waits for people.
    pub fn waits(&self, part: &WaitPart) -> Result<Page<Waits>, ServiceError> {
        self.control.waits(self.who, part)
    }

    /// Comments on a campaign, by number.
    pub fn comments(&self, named: &str, part: &ListPart) -> Result<Page<Comment>, ServiceError> {
        self.control.comments(self.seen_by(named, Act::See)?, part)
    }

    /// Says something about a campaign that one sees.
    pub fn comment(&self, named: &str, asked: &CommentAdd) -> Result<Comment, ServiceError> {
        self.control.comment(self.who, self.seen_by(named, Act::See)?, asked)
    }

    /// Resolves a question: by whoever asked, or an approver of the team that it is about. With `through` also those behind it that the
    /// same may resolve.
    pub fn resolve(
        &self,
        named: &str,
        number: &str,
        asked: &CommentResolve,
    ) -> Result<Comment, ServiceError> {
        let id = self.seen_by(named, Act::See)?;
        let number = crate::list::number(number)?;
        let slices = self.control.slices(id)?;
        let excluded = self.control.excluded(id)?;
        self.may_resolve(&self.control.comment_row(id, number)?, (id, &slices, &excluded))?;
        let mut numbers = vec![number];
        if let Some(through) = asked.through {
            self.control.question(id, number)?;
            let more = self.control.open_among(id, (number.saturating_add(1), through))?;
            let mine = more.iter().filter(|one| self.may_resolve(one, (id, &slices, &excluded)).is_ok());
            numbers.extend(mine.map(|one| one.number));
        }
        self.control.resolve(self.who, (id, &numbers), asked)
    }

    fn may_resolve(
        &self,
        question: &skein_ledger::Comment,
        (id, slices, excluded): (CampaignId, &[skein_ledger::Slice], &Excluded),
    ) -> Result<(), ServiceError> {
        // One that is about no slice of the plan, or of the one before, is about all.
        let about = slices.iter().find(|slice| question.team.as_ref() == Some(&slice.team));
        let about = about.map_or(slices, std::slice::from_ref);
        let speaks =
            |team: &Name| self.control.decides_alone(self.who, (id, &self.who.chair(team), excluded)).is_ok();
        let asked = Person::of(question.person.as_str()) == self.who.who();
        let mine = asked && self.who.kind == TokenKind::Person;
        if mine || about.iter().any(|slice| speaks(&slice.team)) {
            return Ok(());
        }
        let teams: Vec<&str> = about.iter().map(|slice| slice.team.as_str()).collect();
        let message = format!(
            "{} neither asked this nor is an approver of {} who has no hand in the campaign",
            self.who.actor(),
            teams.join(", ")
        );
        Err(ServiceError::new(codes::ROLE_MISSING, message).hint(Some("ask whoever asked it to resolve it")))
    }

    /// Yes to a slice, or to a wave.
    pub(super) fn approve(&self, named: &str, asked: &CampaignAction) -> Result<Campaign, ServiceError> {
        let id = self.planned_and_seen(named)?;
        if let Some(wave) = asked.wave {
            let row = self.control.campaign_row(id)?;
            let chair = self.control.wave_chair(self.who, (&row, wave), &self.control.slices(id)?)?;
            return self.control.approve_wave(self.who, (id, wave, &chair), asked);
        }
        let team = self.slice_meant(id, Act::Approve, asked)?;
        self.control.approve(self.who, (id, &self.who.chair(&team)), asked)
    }

    /// Takes an own approval back.
    pub(super) fn revoke(&self, named: &str, asked: &CampaignAction) -> Result<Campaign, ServiceError> {
        let id = self.planned_and_seen(named)?;
        let team = self.slice_meant(id, Act::Approve, asked)?;
        self.control.revoke(self.who, (id, &self.who.chair(&team)), asked)
    }

    /// Puts a slice's runs off, or lets them go on.
    pub(super) fn defer(
        &self,
        named: &str,
        until: Until,
        asked: &CampaignAction,
    ) -> Result<Campaign, ServiceError> {
        let (id, team) = self.restrained(self.planned_and_seen(named)?, asked)?;
        self.control.defer(self.who, (id, &team, until), asked)
    }

    /// Leaves a slice's runs out.
    pub(super) fn decline(&self, named: &str, asked: &CampaignAction) -> Result<Campaign, ServiceError> {
        let (id, team) = self.restrained(self.planned_and_seen(named)?, asked)?;
        self.control.decline(self.who, (id, &team), asked)
    }

    /// Undoes what was published of a slice.
    pub(super) fn roll_back_slice(
        &self,
        named: &str,
        asked: &CampaignAction,
    ) -> Result<Campaign, ServiceError> {
        let (id, team) = self.restrained(self.seen_by(named, Act::See)?, asked)?;
        self.control.roll_back_slice(self.who, (id, &team), asked)
    }

    /// Goes on without approvals, of every team whose approvals are gone without.
    pub(super) fn break_glass(&self, named: &str, asked: &CampaignAction) -> Result<Campaign, ServiceError> {
        let id = self.planned_and_seen(named)?;
        self.who.is_a_person("goes on without approvals")?;
        let teams = self.control.lacking(id, asked.slice.as_deref())?;
        for team in &teams {
            self.who.check_there(Act::Conduct, team.as_str())?;
        }
        self.control.break_glass(self.who, (id, &teams), asked)
    }

    /// A campaign of which there is a plan that somebody could decide about.
    fn planned_and_seen(&self, named: &str) -> Result<CampaignId, ServiceError> {
        let id = self.seen_by(named, Act::See)?;
        self.control.plan_there(&mut self.control.state(), id)?;
        Ok(id)
    }

    fn restrained(&self, id: CampaignId, asked: &CampaignAction) -> Result<(CampaignId, Name), ServiceError> {
        let team = self.slice_meant(id, Act::Restrain, asked)?;
        if !self.who.may_in(Act::Restrain, &team) {
            self.who.check_there(Act::Restrain, team.as_str())?;
        }
        Ok((id, team))
    }

    fn slice_meant(&self, id: CampaignId, act: Act, asked: &CampaignAction) -> Result<Name, ServiceError> {
        self.control.slice_meant(id, asked.slice.as_deref(), |team| self.who.may_in(act, team))
    }
}
