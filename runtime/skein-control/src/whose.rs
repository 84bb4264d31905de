//! Which team an event is about: who may hear of it.

use std::collections::BTreeSet;
use std::sync::PoisonError;

use skein_ledger::{DatasetChanged, Event, EventFilter, Kind, Limit, Name, Recorded, Subject};
use skein_types::{CampaignId, DatasetId, ModuleDigest, QuotaOf};

use crate::access::{Act, NOBODYS, Principal};
use crate::control::Control;
use crate::error::ServiceError;

/// Campaigns whose owner is remembered.
const REMEMBERED: usize = 1_024;

/// Whose an event is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Whose {
    /// Nodes, the fleet, policies, modules for all: everybody's.
    Everybodys,
    /// A team's.
    Team(Name),
    /// Of each of these teams.
    Teams(BTreeSet<Name>),
    /// Of somebody without a team: for those who may see what is nobody's.
    Nobodys,
    /// For those who may read everything that was decided.
    Auditors,
}

impl Principal {
    /// Whether it may hear of something.
    pub(crate) fn may_hear(&self, whose: &Whose) -> bool {
        let heard = match whose {
            Whose::Everybodys => true,
            Whose::Team(team) => self.may(Act::See, Some(team.as_str())),
            Whose::Teams(teams) => teams.iter().any(|team| self.may(Act::See, Some(team.as_str()))),
            Whose::Nobodys => self.may(Act::See, None),
            Whose::Auditors => false,
        };
        heard || self.may(Act::Audit, None)
    }
}

impl Control {
    /// Whose an event is. What cannot be found out any more is for auditors.
    pub(crate) fn whose_event(&self, event: &Event) -> Result<Whose, ServiceError> {
        Ok(match event.subject() {
            Subject::Module(module) => self.whose_module(event, module)?,
            Subject::Dataset(dataset) => self.whose_dataset(event, dataset)?,
            Subject::Campaign(campaign) | Subject::Run(campaign, _) => self.whose_campaign(campaign)?,
            Subject::Node(_) | Subject::Policy(_) | Subject::Fleet => Whose::Everybodys,
            Subject::Team(team) | Subject::Secret(team, _) | Subject::Quota(QuotaOf::Team(team)) => {
                Whose::Team(team)
            }
            Subject::Quota(QuotaOf::Campaign(campaign)) => self.whose_campaign(campaign)?,
            Subject::Rule(dataset, consumer, _) => {
                let owner = self.whose_dataset(event, dataset)?;
                match (owner, consumer) {
                    (Whose::Team(owner), Some(reader)) => Whose::Teams(BTreeSet::from([owner, reader])),
                    (owner, _) => owner,
                }
            }
            Subject::Webhook(_) => {
                let team = if let Event::WebhookSet(set) = event { set.team.clone() } else { None };
                team.map_or(Whose::Auditors, Whose::Team)
            }
            Subject::Token(_)
            | Subject::Key(_)
            | Subject::Server
            | Subject::Quota(QuotaOf::Org | QuotaOf::Default) => Whose::Auditors,
        })
    }

    /// What becomes of a module is the business of all who have submitted it; under which name, that of one.
    fn whose_module(&self, event: &Event, module: ModuleDigest) -> Result<Whose, ServiceError> {
        if let Event::ModuleSubmitted(submitted) = event {
            let owner = submitted.owner.clone().filter(|owner| owner.as_str() != NOBODYS);
            return Ok(owner.map_or(Whose::Everybodys, Whose::Team));
        }
        let owners = self.ledger.module_owners(module)?;
        if owners.is_empty() {
            return Ok(Whose::Auditors);
        }
        Ok(self.owners_of_module(module)?.map_or(Whose::Everybodys, Whose::Teams))
    }

    /// The teams whose a module is; none: it is for everybody.
    pub(crate) fn owners_of_module(
        &self,
        module: ModuleDigest,
    ) -> Result<Option<BTreeSet<Name>>, ServiceError> {
        let owners = self.ledger.module_owners(module)?;
        let teams = owners.into_iter().map(|owner| owner.filter(|owner| owner.as_str() != NOBODYS));
        Ok(teams.collect())
    }

    fn whose_dataset(&self, event: &Event, dataset: DatasetId) -> Result<Whose, ServiceError> {
        if let Event::DatasetChanged(changed) = event {
            return self.whose_change(changed);
        }
        let owner =
            said_owner(event).map_or_else(|| self.owner_of_dataset(dataset), |owner| Ok(Some(owner)))?;
        Ok(owner.map_or(Whose::Auditors, Whose::Team))
    }

    /// The team that a dataset is of, or that one was of which was removed; none of one that was never there.
    pub(crate) fn owner_of_dataset(&self, dataset: DatasetId) -> Result<Option<Name>, ServiceError> {
        if let Some(row) = self.ledger.dataset(dataset)? {
            return Ok(Some(row.owner));
        }
        let page = self.ledger.events(0, &of_owners(dataset), Limit::MAX)?;
        Ok(page.items.iter().rev().find_map(|recorded| said_owner(&recorded.event)))
    }

    /// Of who has a dataset, and of who had it: that it went is their business too.
    fn whose_change(&self, changed: &DatasetChanged) -> Result<Whose, ServiceError> {
        let events = self.ledger.events(0, &of_owners(changed.dataset), Limit::MAX)?.items;
        let is_it =
            |recorded: &Recorded| matches!(&recorded.event, Event::DatasetChanged(of) if of == changed);
        let before = events.iter().position(is_it).and_then(|at| events[..at].last());
        let mut teams = BTreeSet::from([changed.owner.clone()]);
        teams.extend(before.and_then(|recorded| said_owner(&recorded.event)));
        Ok(Whose::Teams(teams))
    }

    fn whose_campaign(&self, campaign: CampaignId) -> Result<Whose, ServiceError> {
        let mut owners = self.feed.owners.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = owners.get(&campaign) {
            return Ok(known.clone());
        }
        let Some(row) = self.ledger.campaign(campaign)? else { return Ok(Whose::Auditors) };
        let whose = if row.owner.as_str() == NOBODYS { Whose::Nobodys } else { Whose::Team(row.owner) };
        if owners.len() >= REMEMBERED {
            owners.clear();
        }
        owners.insert(campaign, whose.clone());
        Ok(whose)
    }
}

/// Events that say whose a dataset is.
fn of_owners(dataset: DatasetId) -> EventFilter {
    let kinds = vec![Kind::DatasetRegistered, Kind::DatasetChanged];
    EventFilter { kinds, ..EventFilter::about(Some(Subject::Dataset(dataset))) }
}

/// The team that an event says a dataset is of.
fn said_owner(event: &Event) -> Option<Name> {
    if let Event::DatasetRegistered(registered) = event {
        Some(registered.owner.clone())
    } else if let Event::DatasetChanged(changed) = event {
        Some(changed.owner.clone())
    } else {
        None
    }
}
