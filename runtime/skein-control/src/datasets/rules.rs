//! Rules of datasets: who sets them, and which of them a run is looked at with.
//!
//! A dataset's owner has its rules. A team that reads the dataset has rules of its own there, which who is of both teams sets. The owner can
//! say that one is passed over, with a reason that its team reads, or remove it. Rights are people's and not teams', so a team that is
//! to read a dataset no more keeps its rules there until one of the two removes them; they are not run over it meanwhile (`sight`).

pub(crate) mod held;
pub(crate) mod known;
mod moved;
mod planned;
pub(crate) mod sight;

use std::collections::BTreeSet;

use skein_api::node::{OtherPlace, RuleOf, TaskRules};
use skein_api::{DatasetRule, DatasetRules, List, RuleIgnore, RulePut, Text as ApiText, Time};
use skein_ledger::{Dataset, Entry, Guard, Limit, Name, RuleIgnored, RuleRemoved, RuleSet, Subject, Text};
use skein_types::{Blake3, CampaignId, DatasetId, RULES_MAX, Rule, Timestamp, codes};

use crate::access::{NOBODYS, Principal};
use crate::control::{Control, name};
use crate::error::ServiceError;
use crate::live::Live;
use crate::settings::Seen;
use crate::work::place;
use sight::Readers;

/// Blobs are kept as long as something names them; until then for so long.
const KEEP: u64 = 24 * 3_600_000;
/// Rules of all readers of one dataset together.
const OF_READERS_MAX: usize = 64;
/// Of these those of one team: four that want all of them do not keep a fifth out.
const OF_A_READER_MAX: usize = 12;
/// All rules of one dataset.
const ALL_MAX: usize = RULES_MAX + OF_READERS_MAX;

/// Which of a run's rules are meant.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Meant {
    /// All of them: they are looked at before it is published.
    All,
    /// Those that are looked at again after it was published then. Of a policy that has such a one the node takes no others.
    Again(Timestamp),
}

impl Meant {
    const fn is(self, rule: &Rule) -> bool {
        match self {
            Self::All => true,
            Self::Again(_) => rule.check.is_of_result_alone(),
        }
    }

    /// Whether something waits for the answer: what nobody can give one of holds it.
    const fn holds(self) -> bool {
        match self {
            Self::All => true,
            Self::Again(_) => false,
        }
    }

    /// What was set after a publish did not hold at it.
    fn was_set(self, since: Timestamp) -> bool {
        match self {
            Self::All => true,
            Self::Again(published) => since <= published,
        }
    }
}

/// For whom a rule is removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum By {
    /// The dataset's team: what its plans were approved with is less than it was.
    Owner,
    /// The team that had it there as a reader: it asks for less, and nobody else relied on it.
    Reader,
}

impl Control {
    /// Sets a rule of a dataset: its owner's, or a reader's.
    pub(crate) fn put_rule(
        &self,
        who: &Principal,
        (dataset, consumer, named, seen): (&Dataset, Option<Name>, &str, Seen),
        asked: &RulePut,
    ) -> Result<DatasetRule, ServiceError> {
        let named = name("rule", named)?;
        if asked.rule.name != named {
            let message = format!("the rule is called {} and the address says {named}", asked.rule.name);
            return Err(ServiceError::new(codes::RULE_INVALID, message));
        }
        let what = format!("rule {named}");
        self.is_read_by(dataset, consumer.as_ref())?;
        let there = self.ledger.rule(dataset.id, consumer.as_ref(), &named)?;
        let version = seen.against(&what, there.as_ref().map(|row| row.version))?;
        if there.is_none() {
            self.room_for_one(dataset, consumer.as_ref())?;
        }
        let bytes = serde_json::to_vec(&asked.rule).map_err(|error| ServiceError::bug(error.to_string()))?;
        let blob = Blake3::of(&bytes);
        let set = RuleSet { dataset: dataset.id, consumer: consumer.clone(), name: named.clone(), blob };
        let keep_until = Timestamp(self.clock.now().0.saturating_add(KEEP));
        let unit = who.unit().if_(Guard::DatasetIs { dataset: dataset.id });
        let unit = unit.then(Entry::PutBlob { bytes, keep_until }).decide(set);
        let changes = there.is_some_and(|row| row.blob != blob);
        if changes {
            self.takes_away(who, dataset)?;
        }
        let mut state = self.state();
        // One more takes nothing away from what was approved; a reader's is its own to change.
        if consumer.is_none() && changes {
            self.rule_moves(&mut state, who, (dataset, &format!("{what} says something else")))?;
        }
        self.set((&what, Subject::Rule(dataset.id, consumer.clone(), named.clone()), version), unit)?;
        drop(state);
        self.rule(dataset, consumer.as_ref(), named.as_str())
    }

    /// Refuses a rule of a team that does not look at the dataset: nobody would run it, and every run would be held.
    fn is_read_by(&self, dataset: &Dataset, consumer: Option<&Name>) -> Result<(), ServiceError> {
        let Some(team) = consumer else { return Ok(()) };
        if self.readers(&dataset.owner)?.have(Some(team)) {
            return Ok(());
        }
        let (of, owner) = (&dataset.name, &dataset.owner);
        let message = format!("{team} does not read {of}: nobody holds a token for it and for {owner}");
        let hint = "first give somebody both: `skein token create NAME --kind person --grant viewer@READERS --grant viewer@OWNERS`; until then the \
                    rule would be run over nothing, and hold every run";
        Err(ServiceError::new(codes::RULE_INVALID, message).hint(Some(hint)))
    }

    fn room_for_one(&self, dataset: &Dataset, consumer: Option<&Name>) -> Result<(), ServiceError> {
        let rows = self.ledger.rules(dataset.id, Limit::MAX)?;
        let of_kind = rows.iter().filter(|row| row.consumer.is_some() == consumer.is_some()).count();
        let own = rows.iter().filter(|row| row.consumer.as_ref() == consumer).count();
        let full = match consumer {
            None => (of_kind >= RULES_MAX).then(|| format!("{of_kind} rules")),
            Some(team) if own >= OF_A_READER_MAX => Some(format!("{own} rules of {team}")),
            Some(_) => (of_kind >= OF_READERS_MAX).then(|| format!("{of_kind} rules of readers")),
        };
        let Some(full) = full else { return Ok(()) };
        let message = format!("{} has {full}, as many as may be", dataset.name);
        Err(ServiceError::new(codes::RULE_INVALID, message)
            .hint(Some("remove one, or make one query of several")))
    }

    /// A rule of a dataset.
    pub(crate) fn rule(
        &self,
        dataset: &Dataset,
        consumer: Option<&Name>,
        named: &str,
    ) -> Result<DatasetRule, ServiceError> {
        let row = self.ledger.rule(dataset.id, consumer, &name("rule", named)?)?;
        let row = row.ok_or_else(|| ServiceError::absent("rule", named))?;
        let readers = self.readers_of(std::slice::from_ref(&row), Some(&dataset.owner))?;
        self.shown_rule(dataset, &row, &readers)
    }

    /// The rules of a dataset; of one team alone, where whoever asks sees no others.
    pub(crate) fn rules(
        &self,
        dataset: &Dataset,
        sees: impl Fn(Option<&Name>) -> bool,
    ) -> Result<DatasetRules, ServiceError> {
        let rows = self.ledger.rules(dataset.id, Limit::new(ALL_MAX))?;
        let readers = self.readers_of(&rows, Some(&dataset.owner))?;
        let rows = rows.iter().filter(|row| sees(row.consumer.as_ref()));
        let items = rows.map(|row| self.shown_rule(dataset, row, &readers)).collect::<Result<_, _>>()?;
        Ok(DatasetRules { items })
    }

    /// Removes a rule.
    pub(crate) fn remove_rule(
        &self,
        who: &Principal,
        (dataset, consumer, named, seen): (&Dataset, Option<Name>, &str, Seen),
        by: By,
    ) -> Result<DatasetRule, ServiceError> {
        let shown = self.rule(dataset, consumer.as_ref(), named)?;
        let named = name("rule", named)?;
        let what = format!("rule {named}");
        let version = seen.against(&what, Some(shown.version))?;
        let subject = Subject::Rule(dataset.id, consumer.clone(), named.clone());
        let reason = match (by, &consumer) {
            (By::Owner, Some(_)) => "removed by the dataset's owner",
            (By::Owner, None) | (By::Reader, _) => "asked",
        };
        let removed = RuleRemoved { dataset: dataset.id, consumer, name: named, reason: Text::clip(reason) };
        self.takes_away(who, dataset)?;
        let mut state = self.state();
        if by == By::Owner {
            self.rule_moves(&mut state, who, (dataset, &format!("{what} was removed")))?;
        }
        self.set((&what, subject, version), who.unit().decide(removed))?;
        drop(state);
        Ok(shown)
    }

    /// Says whether a reader's rule is passed over.
    pub(crate) fn ignore_rule(
        &self,
        who: &Principal,
        (dataset, consumer, named): (&Dataset, Name, &str),
        asked: &RuleIgnore,
    ) -> Result<DatasetRule, ServiceError> {
        let shown = self.rule(dataset, Some(&consumer), named)?;
        if asked.reason.trim().is_empty() {
            return Err(ServiceError::new(
                codes::BODY_INVALID,
                "a reason is needed: the rule's team reads it",
            ));
        }
        if asked.ignored {
            self.passes_over(who, dataset)?;
        }
        let named = name("rule", named)?;
        let subject = Subject::Rule(dataset.id, Some(consumer.clone()), named.clone());
        let (ignored, reason) = (asked.ignored, Text::clip(&asked.reason));
        let said = RuleIgnored {
            dataset: dataset.id,
            consumer: consumer.clone(),
            name: named.clone(),
            ignored,
            reason,
        };
        let mut state = self.state();
        if ignored && shown.ignored.is_none() {
            let what = format!("rule {named} of {consumer} is passed over");
            self.rule_moves(&mut state, who, (dataset, &what))?;
        }
        self.set((&format!("rule {named}"), subject, Some(shown.version)), who.unit().decide(said))?;
        drop(state);
        self.rule(dataset, Some(&consumer), named.as_str())
    }

    fn shown_rule(
        &self,
        dataset: &Dataset,
        row: &skein_ledger::Rule,
        readers: &Readers,
    ) -> Result<DatasetRule, ServiceError> {
        Ok(DatasetRule {
            dataset: ApiText::escaped(dataset.name.as_str()),
            consumer: row.consumer.as_ref().map(|team| ApiText::escaped(team.as_str())),
            rule: self.rule_of(row.blob)?,
            ignored: row.ignored.as_ref().map(|why| ApiText::escaped(why.as_str())),
            unseen: !readers.have(row.consumer.as_ref()),
            version: row.version,
            since: Time(row.since),
        })
    }

    fn rule_of(&self, blob: Blake3) -> Result<Rule, ServiceError> {
        let bytes =
            self.ledger.blob(blob)?.ok_or_else(|| ServiceError::bug(format!("the rule {blob} is gone")))?;
        serde_json::from_slice(&bytes).map_err(|error| ServiceError::bug(format!("the rule {blob}: {error}")))
    }

    /// What a run over a dataset is looked at with; none where there is nothing.
    pub(crate) fn task_rules(
        &self,
        (campaign, live): (CampaignId, &Live),
        dataset: DatasetId,
        meant: Meant,
    ) -> Result<Option<TaskRules>, ServiceError> {
        let of_policy: Vec<&Rule> =
            live.policy.rules.iter().flat_map(|rules| rules.iter()).filter(|rule| meant.is(rule)).collect();
        let all = self.ledger.rules(dataset, Limit::new(ALL_MAX))?;
        if of_policy.is_empty() && all.is_empty() {
            return Ok(None);
        }
        let owner = self.ledger.dataset(dataset)?.map(|row| row.owner);
        let readers = self.readers_of(&all, owner.as_ref())?;
        let mut rows = Vec::new();
        for row in all {
            let unseen = !readers.have(row.consumer.as_ref());
            if row.ignored.is_some() || !meant.was_set(row.since) || unseen && !meant.holds() {
                continue;
            }
            let rule = self.rule_of(row.blob)?;
            if meant.is(&rule) {
                rows.push((row, rule, unseen));
            }
        }
        if of_policy.is_empty() && rows.is_empty() {
            return Ok(None);
        }
        // Names that the campaign's rules say, and those of each team, with the team whose datasets each may mean: one name may mean
        // two datasets. Nobody's campaign means everybody's.
        let mut named: BTreeSet<(bool, Option<Name>, Name, Option<Name>)> = BTreeSet::new();
        let for_all = live.owner.as_str() == NOBODYS;
        for rule in &of_policy {
            let whose = (!for_all).then(|| live.owner.clone());
            named.extend(rule.with.values().map(|other| (true, None, other.clone(), whose.clone())));
        }
        for (row, rule, _) in rows.iter().filter(|(.., unseen)| !unseen) {
            let whose = row.consumer.clone().or_else(|| owner.clone());
            let others = rule.with.values();
            named.extend(others.map(|other| (false, row.consumer.clone(), other.clone(), whose.clone())));
        }
        let mut others: Vec<OtherPlace> = Vec::new();
        for (of_policy, team, name, whose) in named {
            let found = self.ledger.dataset_named(&name)?;
            let found = found.filter(|row| whose.as_ref().is_none_or(|whose| *whose == row.owner));
            let place = found.as_ref().map(place).transpose()?;
            others.push(OtherPlace { of_policy, team, name, place });
        }
        let rules = rows.into_iter();
        let rules = rules.map(|(row, _, unseen)| RuleOf { blob: row.blob, consumer: row.consumer, unseen });
        let policy = match of_policy.is_empty() {
            false => self.ledger.campaign(campaign)?.map(|row| row.policy),
            true => None,
        };
        Ok(Some(TaskRules { policy, rules: List::first(rules.collect()).0, others: List::first(others).0 }))
    }
}
