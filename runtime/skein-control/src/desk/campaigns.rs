//! Campaigns, their plans and their runs.

use skein_api::{
    Campaign, CampaignAction, CampaignCreate, CampaignProgress, CampaignReport, CampaignVerb, Event, Guessed,
    List, Name, Page, PlanReport, PlanSample, ReportLine, Run, Selection, Text,
};
use skein_attest::sealed;
use skein_types::{CampaignId, DatasetId, codes};

use super::Desk;
use super::looked_up::Selected;
use crate::access::{Act, NOBODYS};
use crate::approvals::Until;
use crate::campaigns::campaign_id;
use crate::error::ServiceError;
use crate::list::{CampaignPart, ListPart};

impl Desk<'_> {
    /// Makes a campaign, as a draft. It is over datasets of teams for which its maker may plan, and of no others: a plan shows rows
    /// of them to whoever sees the campaign.
    pub fn create_campaign(&self, mut asked: CampaignCreate) -> Result<Campaign, ServiceError> {
        let owner = self.who.team_for(Act::Compose, asked.owner.as_deref())?;
        let owner = owner.map_or_else(|| crate::control::name("owner", NOBODYS), Ok)?;
        let module = self.module_to_use(&asked.module)?;
        if let Some(other) = asked.selection.unfinished_of {
            self.seen(other, Act::See)?;
        }
        asked.selection.owners = self.owners_meant(&asked.selection)?;
        self.may_with_each(&asked.selection)?;
        self.control.create_campaign(self.who, (owner, module, asked))
    }

    /// Refuses a manifest with datasets of teams for which whoever asks may not plan.
    fn may_with_each(&self, selection: &Selection) -> Result<(), ServiceError> {
        if !self.who.may(Act::Compose, None) {
            for chosen in selection.manifest.iter() {
                self.dataset_seen(&chosen.dataset, Act::Compose)?;
            }
        }
        Ok(())
    }

    /// The teams that a selection is of: those that it says, for each of which whoever asks may plan, or else all for which it may.
    /// Only who may plan for everybody selects without a bound.
    fn owners_meant(&self, selection: &Selection) -> Result<Option<List<Name, 64>>, ServiceError> {
        for team in selection.owners.iter().flat_map(|owners| owners.iter()).chain(&selection.owner) {
            self.who.check(Act::Compose, Some(team), ("team", team))?;
        }
        if selection.owners.is_some() {
            return Ok(selection.owners.clone());
        }
        let mine = self.who.teams_where(Act::Compose);
        let names =
            |teams: Vec<skein_ledger::Name>| teams.iter().map(|team| Text::escaped(team.as_str())).collect();
        Ok(mine.map(|teams| List::first(names(teams)).0))
    }

    /// Why whoever asks may make no campaign, if so: for who is offered to.
    pub fn may_make_campaigns(&self) -> Result<(), ServiceError> {
        self.who.check_any(Act::Compose)
    }

    /// What a campaign with this selection would be over if it were made now, counted up to a bound.
    pub fn selected(&self, mut selection: Selection) -> Result<Selected, ServiceError> {
        self.who.check_any(Act::Compose)?;
        if let Some(other) = selection.unfinished_of {
            self.seen(other, Act::See)?;
        }
        selection.owners = self.owners_meant(&selection)?;
        self.may_with_each(&selection)?;
        self.control.check_selection(&selection)?;
        self.control.count_selected(&selection)
    }

    /// Moves a campaign, if it is where whoever asks saw it.
    pub fn act(&self, named: &str, verb: &str, asked: &CampaignAction) -> Result<Campaign, ServiceError> {
        let verb: CampaignVerb = verb.parse().map_err(|()| {
            let all: Vec<&str> = CampaignVerb::ALL.iter().map(|verb| verb.as_str()).collect();
            ServiceError::absent("verb", verb).hint(Some(format!("known: {}", all.join(", "))))
        })?;
        match (verb, &asked.slice) {
            (CampaignVerb::Approve, _) => return self.approve(named, asked),
            (CampaignVerb::Revoke, _) => return self.revoke(named, asked),
            (CampaignVerb::Defer, _) => return self.defer(named, Until::Named, asked),
            (CampaignVerb::Decline, _) => return self.decline(named, asked),
            (CampaignVerb::BreakGlass, _) => return self.break_glass(named, asked),
            (CampaignVerb::Pause, Some(_)) => return self.defer(named, Until::Resumed, asked),
            (CampaignVerb::Resume, Some(_)) => return self.defer(named, Until::Now, asked),
            (CampaignVerb::RollBack, Some(_)) => return self.roll_back_slice(named, asked),
            (_, Some(_)) => {
                let message =
                    format!("{verb} is about the whole campaign, and `slice` names a part of its plan");
                return Err(ServiceError::new(codes::BODY_INVALID, message));
            }
            (_, None) => {}
        }
        let id = self.seen_by(named, takes(verb))?;
        if matches!(verb, CampaignVerb::Plan | CampaignVerb::Start) {
            self.may_with_all(id, takes(verb))?;
        }
        self.control.act(self.who, (id, verb), asked)
    }

    /// A campaign may be over datasets of several teams: who plans it shows rows of each, who starts it changes them.
    fn may_with_all(&self, id: CampaignId, act: Act) -> Result<(), ServiceError> {
        if self.who.may(act, None) {
            return Ok(());
        }
        self.control.owners_of(id)?.iter().try_for_each(|owner| self.who.check_there(act, owner.as_str()))
    }

    /// A campaign.
    pub fn campaign(&self, named: &str) -> Result<Campaign, ServiceError> {
        self.control.campaign(self.seen_by(named, Act::See)?)
    }

    /// Campaigns, in the order that is asked for.
    pub fn campaigns(&self, part: &CampaignPart) -> Result<Page<Campaign>, ServiceError> {
        self.control.campaigns(part, self.who.sees())
    }

    /// Campaigns that were made last, the newest first, and whether there are older ones.
    pub fn newest_campaigns(&self, most: usize) -> Result<(Vec<Campaign>, bool), ServiceError> {
        self.control.newest_campaigns(self.who.sees(), most)
    }

    /// Campaigns that are at work or want somebody, most pressing first, at most so many; and whether there are more.
    pub fn active_campaigns(&self, most: usize) -> Result<(Vec<Campaign>, bool), ServiceError> {
        self.control.active_campaigns(self.who.sees(), most)
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
        self.control.campaign_report(self.who, self.seen_by(named, Act::See)?)
    }

    /// What became of each dataset of a campaign.
    pub fn report_lines(&self, named: &str, part: &ListPart) -> Result<Page<ReportLine>, ServiceError> {
        self.control.report_lines(self.seen_by(named, Act::See)?, part)
    }

    /// What a page ends with that has so many lines of a report, so that others see whose it is and that it was not changed.
    pub fn report_sealed(
        &self,
        report: &CampaignReport,
        (page, datasets): (sealed::Page, u64),
    ) -> Result<String, ServiceError> {
        self.seen(report.campaign, Act::See)?;
        self.control.report_sealed(report, (page, datasets))
    }

    /// How a campaign is getting on.
    pub fn progress(&self, named: &str) -> Result<CampaignProgress, ServiceError> {
        self.control.progress(self.seen_by(named, Act::See)?)
    }

    /// The report of a campaign's plan.
    pub fn plan_report(&self, named: &str) -> Result<PlanReport, ServiceError> {
        let id = self.seen_by(named, Act::See)?;
        let report = self.control.plan_report(id)?;
        Ok(PlanReport { rules: self.control.rules_of_plan(self.who, id)?, ..report })
    }

    /// What the plan guessed and what came of it, as the report has it, without the rest of that.
    pub fn guessed(&self, named: &str) -> Result<Vec<Guessed>, ServiceError> {
        self.control.guessed(self.seen_by(named, Act::See)?)
    }

    /// Datasets that were tried while planning, by place.
    pub fn plan_samples(&self, named: &str, part: &ListPart) -> Result<Page<PlanSample>, ServiceError> {
        self.control.plan_samples(self.seen_by(named, Act::See)?, part)
    }

    /// What a sample showed, as the node wrote it: JSON that nobody here has read.
    pub fn sample_report(&self, named: &str, seq: &str) -> Result<Vec<u8>, ServiceError> {
        let id = self.seen_by(named, Act::See)?;
        let sample = self.control.sample_of_plan(id, seq)?;
        self.rows_seen(sample.dataset)?;
        self.control.sample_report(sample)
    }

    /// Refuses rows of a dataset of a team that is not seen, in a campaign that is: whoever made it could see both. Those of a dataset
    /// that was removed are still its last owner's.
    pub(super) fn rows_seen(&self, dataset: DatasetId) -> Result<(), ServiceError> {
        match self.control.owner_of_dataset(dataset)? {
            Some(owner) => self.who.check_there(Act::See, owner.as_str()),
            None => self.who.check(Act::See, None, ("dataset", &dataset.to_string())),
        }
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
        if act == Act::See && !self.who.may(act, owner) && self.owns_a_part(id)? {
            return Ok(());
        }
        self.who.check(act, owner, (kind, named))
    }

    /// Whether datasets of a team that is seen are in the campaign's plan: whoever is to decide about them sees it.
    fn owns_a_part(&self, id: CampaignId) -> Result<bool, ServiceError> {
        for team in self.who.sees().unwrap_or_default() {
            if self.control.ledger.slice(id, &team)?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// What a move takes of whoever asks for it.
pub(super) const fn takes(verb: CampaignVerb) -> Act {
    match verb {
        CampaignVerb::Plan => Act::Compose,
        CampaignVerb::Pause | CampaignVerb::RollBack | CampaignVerb::Defer | CampaignVerb::Decline => {
            Act::Restrain
        }
        CampaignVerb::Start
        | CampaignVerb::Resume
        | CampaignVerb::Cancel
        | CampaignVerb::Retry
        | CampaignVerb::Skip
        | CampaignVerb::Finalize
        | CampaignVerb::BreakGlass => Act::Conduct,
        CampaignVerb::Approve | CampaignVerb::Revoke => Act::Approve,
    }
}
