//! Rules of datasets, and runs that they keep back.

use skein_api::{Consumers, DatasetRule, DatasetRules, RuleIgnore, RulePut, Run, RunAction};

use super::Desk;
use crate::access::Act;
use crate::campaigns::campaign_id;
use crate::control::name;
use crate::datasets::rules::By;
use crate::datasets::rules::held::HeldVerb;
use crate::error::ServiceError;
use crate::settings::Seen;

impl Desk<'_> {
    /// Sets a rule: the dataset's owner's, or, with a team, that team's as a reader of the dataset.
    pub fn put_rule(
        &self,
        (dataset, consumer, named): (&str, Option<&str>, &str),
        seen: Seen,
        asked: &RulePut,
    ) -> Result<DatasetRule, ServiceError> {
        let (row, consumer) = match consumer {
            None => (self.dataset_seen(dataset, Act::Guard)?, None),
            // Its text is run over the dataset, and its team is told what comes of it: for those who see both alone.
            Some(team) => {
                self.who.check(Act::Compose, Some(team), ("team", team))?;
                (self.dataset_seen(dataset, Act::See)?, Some(name("consumer", team)?))
            }
        };
        self.control.put_rule(self.who, (&row, consumer, named, seen), asked)
    }

    /// Why whoever asks may set no rule of a dataset of this team, if so: as its owner, or as a team that reads it.
    pub fn may_set_rules(&self, owner: &str) -> Result<(), ServiceError> {
        self.who.check_there(Act::Guard, owner).or_else(|refused| {
            // With its own team's name a reader may.
            self.who.check_any(Act::Compose).map_err(|_| refused)
        })
    }

    /// Whether whoever asks may remove rules of this team, or else the owner's, from a dataset of that owner.
    pub fn may_remove_rule(&self, owner: &str, consumer: Option<&str>) -> bool {
        match consumer {
            None => self.who.check_there(Act::Guard, owner).is_ok(),
            Some(team) => self.who.may(Act::Register, Some(owner)) || self.who.may(Act::Compose, Some(team)),
        }
    }

    /// A rule: for its owner's team, and for the team that has it there, also where that sees the dataset no more.
    pub fn rule(
        &self,
        (dataset, consumer, named): (&str, Option<&str>, &str),
    ) -> Result<DatasetRule, ServiceError> {
        let row = self.control.find_dataset(dataset)?;
        let consumer = consumer.map(|team| name("consumer", team)).transpose()?;
        let sees = |team: &str| self.who.may(Act::See, Some(team));
        if sees(row.owner.as_str()) {
            return self.control.rule(&row, consumer.as_ref(), named);
        }
        let own = consumer.as_ref().filter(|team| sees(team.as_str()));
        let rule = own.and_then(|team| self.control.rule(&row, Some(team), named).ok());
        // Where there is none, nothing says whether there is a dataset.
        rule.ok_or_else(|| ServiceError::absent("dataset", dataset))
    }

    /// The rules of a dataset: all of them for its owner's team, a reader's own for a reader.
    pub fn rules(&self, dataset: &str) -> Result<DatasetRules, ServiceError> {
        let row = self.control.find_dataset(dataset)?;
        let sees = |team: &str| self.who.may(Act::See, Some(team));
        let owns = sees(row.owner.as_str());
        let shown = self.control.rules(&row, |team| owns || team.is_some_and(|team| sees(team.as_str())))?;
        if shown.items.is_empty() && !owns {
            // Whoever has no rule there learns nothing of the dataset.
            return Err(ServiceError::absent("dataset", dataset));
        }
        Ok(shown)
    }

    /// Teams that read a dataset: for those who see all of its rules.
    pub fn consumers(&self, dataset: &str) -> Result<Consumers, ServiceError> {
        self.control.consumers(&self.dataset_seen(dataset, Act::See)?)
    }

    /// Removes a rule: the dataset's owner's; a reader's by its own team, also where that sees the dataset no more, or by the
    /// owner's operators, for a team that is to read it no more.
    pub fn remove_rule(
        &self,
        (dataset, consumer, named): (&str, Option<&str>, &str),
        seen: Seen,
    ) -> Result<DatasetRule, ServiceError> {
        let Some(team) = consumer else {
            let row = self.dataset_seen(dataset, Act::Guard)?;
            return self.control.remove_rule(self.who, (&row, None, named, seen), By::Owner);
        };
        self.rule((dataset, consumer, named))?;
        let row = self.control.find_dataset(dataset)?;
        let evicts = self.who.may(Act::Register, Some(row.owner.as_str()));
        let by = match self.who.check(Act::Compose, Some(team), ("team", team)) {
            Ok(()) => By::Reader,
            Err(_) if evicts => By::Owner,
            Err(refused) => return Err(refused),
        };
        self.control.remove_rule(self.who, (&row, Some(name("consumer", team)?), named, seen), by)
    }

    /// The dataset's owner says whether a reader's rule is passed over.
    pub fn ignore_rule(
        &self,
        (dataset, consumer, named): (&str, &str, &str),
        asked: &RuleIgnore,
    ) -> Result<DatasetRule, ServiceError> {
        let row = self.dataset_seen(dataset, Act::Restrain)?;
        self.control.ignore_rule(self.who, (&row, name("consumer", consumer)?, named), asked)
    }

    /// What becomes of a run that a rule keeps back: for those who may stop and undo what is done to the dataset.
    pub fn act_on_run(
        &self,
        (campaign, run, verb): (&str, &str, &str),
        asked: &RunAction,
    ) -> Result<Run, ServiceError> {
        let verb = HeldVerb::parse(verb)?;
        let id = campaign_id(campaign)?;
        let found = self.control.run_of_campaign(id, run).and_then(|row| {
            let dataset = self.control.find_dataset(&row.dataset.to_string())?;
            Ok((row, dataset))
        });
        // Who may stop what is done to a dataset may, also where the campaign is another team's.
        let may = |owner: &str| self.who.may(Act::Restrain, Some(owner));
        let (row, dataset) = match found {
            Ok((row, dataset)) if may(dataset.owner.as_str()) => (row, dataset),
            found => {
                self.seen_by(campaign, Act::See)?;
                found?
            }
        };
        self.who.check_there(Act::Restrain, dataset.owner.as_str())?;
        self.control.act_on_held(self.who, (id, row, verb), asked)
    }
}
