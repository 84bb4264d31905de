//! Campaigns, their plans and their runs.

use skein_api::{
    Campaign, CampaignAction, CampaignCreate, CampaignProgress, CampaignReport, CampaignVerb, Event, List,
    Page, PlanReport, PlanSample, Run, Text,
};
use skein_types::CampaignId;

use super::Desk;
use crate::access::{Act, NOBODYS};
use crate::campaigns::campaign_id;
use crate::error::ServiceError;
use crate::list::ListPart;

impl Desk<'_> {
    /// Makes a campaign, as a draft. Whatever it selects is among what its maker sees.
    pub fn create_campaign(&self, mut asked: CampaignCreate) -> Result<Campaign, ServiceError> {
        let owner = self.who.team_for(Act::Compose, asked.owner.as_deref())?;
        let owner = owner.map_or_else(|| crate::control::name("owner", NOBODYS), Ok)?;
        let module = self.control.module_by(&asked.module)?;
        self.may_use(&module, &asked.module)?;
        if let Some(other) = asked.selection.unfinished_of {
            self.seen(other, Act::See)?;
        }
        if let Some(teams) = self.who.sees() {
            let mine = teams.iter().map(|team| Text::escaped(team.as_str()));
            let said = std::mem::take(&mut asked.selection.owners);
            let kept = mine.filter(|team| said.is_empty() || said.contains(team)).collect();
            asked.selection.owners = List::first(kept).0;
            for chosen in asked.selection.manifest.iter() {
                self.dataset_seen(&chosen.dataset, Act::See)?;
            }
        }
        self.control.create_campaign(self.who, (owner, asked))
    }

    /// Moves a campaign, if it is where whoever asks saw it.
    pub fn act(&self, named: &str, verb: &str, asked: &CampaignAction) -> Result<Campaign, ServiceError> {
        let verb: CampaignVerb = verb.parse().map_err(|()| {
            let all: Vec<&str> = CampaignVerb::ALL.iter().map(|verb| verb.as_str()).collect();
            ServiceError::absent("verb", verb).hint(Some(format!("known: {}", all.join(", "))))
        })?;
        let id = self.seen_by(named, takes(verb))?;
        if verb == CampaignVerb::Start {
            self.may_change_all(id)?;
        }
        self.control.act(self.who, (id, verb), asked)
    }

    /// A plan may be over datasets of several teams: who starts it conducts in each of them.
    fn may_change_all(&self, id: CampaignId) -> Result<(), ServiceError> {
        if self.who.may(Act::Conduct, None) {
            return Ok(());
        }
        for owner in self.control.owners_of(id)? {
            self.who.check(Act::Conduct, Some(owner.as_str()), ("team", owner.as_str()))?;
        }
        Ok(())
    }

    /// A campaign.
    pub fn campaign(&self, named: &str) -> Result<Campaign, ServiceError> {
        self.control.campaign(self.seen_by(named, Act::See)?)
    }

    /// Campaigns, in the order in which they were made.
    pub fn campaigns(&self, part: &ListPart) -> Result<Page<Campaign>, ServiceError> {
        self.control.campaigns(part, self.who.sees())
    }

    /// Runs of a campaign.
    pub fn runs(&self, named: &str, part: &ListPart) -> Result<Page<Run>, ServiceError> {
        self.control.runs(self.seen_by(named, Act::See)?, part)
    }

    /// A run of a campaign.
    pub fn run(&self, named: &str, run: &str) -> Result<Run, ServiceError> {
        self.control.run(self.seen_by(named, Act::See)?, run)
    }

    /// What was decided about a campaign and its runs.
    pub fn campaign_events(&self, named: &str, part: &ListPart) -> Result<Page<Event>, ServiceError> {
        self.control.campaign_events(self.seen_by(named, Act::See)?, part)
    }

    /// What a campaign came to so far.
    pub fn campaign_report(&self, named: &str) -> Result<CampaignReport, ServiceError> {
        self.control.campaign_report(self.seen_by(named, Act::See)?)
    }

    /// How a campaign is getting on.
    pub fn progress(&self, named: &str) -> Result<CampaignProgress, ServiceError> {
        self.control.progress(self.seen_by(named, Act::See)?)
    }

    /// The report of a campaign's plan.
    pub fn plan_report(&self, named: &str) -> Result<PlanReport, ServiceError> {
        self.control.plan_report(self.seen_by(named, Act::See)?)
    }

    /// Datasets that were tried while planning, by place.
    pub fn plan_samples(&self, named: &str, part: &ListPart) -> Result<Page<PlanSample>, ServiceError> {
        self.control.plan_samples(self.seen_by(named, Act::See)?, part)
    }

    /// What a sample showed, as the node wrote it: JSON that nobody here has read.
    pub fn sample_report(&self, named: &str, seq: &str) -> Result<Vec<u8>, ServiceError> {
        self.control.sample_report(self.seen_by(named, Act::See)?, seq)
    }

    /// The id of a campaign that there is, and in whose team the principal may do this.
    pub(super) fn seen_by(&self, named: &str, act: Act) -> Result<CampaignId, ServiceError> {
        let id = campaign_id(named)?;
        self.seen(id, act)?;
        Ok(id)
    }

    fn seen(&self, id: CampaignId, act: Act) -> Result<(), ServiceError> {
        self.seen_as(id, act, ("campaign", &id.to_string()))
    }

    /// The like for what is a part of a campaign and asked for by itself: refused in its own words.
    pub(super) fn seen_as(
        &self,
        id: CampaignId,
        act: Act,
        (kind, named): (&str, &str),
    ) -> Result<(), ServiceError> {
        let row = self.control.ledger.campaign(id)?;
        let row = row.ok_or_else(|| ServiceError::absent(kind, named))?;
        let owner = Some(row.owner.as_str()).filter(|owner| *owner != NOBODYS);
        self.who.check(act, owner, (kind, named))
    }
}

/// What a move takes of whoever asks for it.
const fn takes(verb: CampaignVerb) -> Act {
    match verb {
        CampaignVerb::Plan => Act::Compose,
        CampaignVerb::Pause | CampaignVerb::RollBack => Act::Restrain,
        CampaignVerb::Start
        | CampaignVerb::Resume
        | CampaignVerb::Cancel
        | CampaignVerb::Retry
        | CampaignVerb::Skip
        | CampaignVerb::Finalize => Act::Conduct,
    }
}
