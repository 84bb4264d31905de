//! Quotas as people set them: one by one, or many at once, all of them or none.
//!
//! What is set adds up: what is promised to teams is there ([`skein_fleet::check`]). It is looked at and written under the lock, so two who set
//! quotas at once cannot together promise what neither could alone.

mod excess;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::MutexGuard;

use skein_api::{
    List, Page, Quota, QuotaChange, QuotaPut, QuotasApplied, QuotasApply, Text as ApiText, Time,
};
use skein_fleet::{Amounts, Finding, Holders};
use skein_ledger::{
    Guard, INTEGER_MAX, Limit, Name, QuotaRemoved, QuotaSet, Subject, Text, Unit, UnitOutcome,
};
use skein_types::{CampaignId, FuelBudget, QuotaOf, Resource, codes};

use crate::access::{NOBODYS, Principal};
use crate::control::{Control, State};
use crate::error::ServiceError;
use crate::list::ListPart;
use crate::settings::Seen;
use crate::shown;

/// All quotas, as they are set.
pub(crate) type Quotas = BTreeMap<QuotaOf, QuotaSet>;

/// What is wrong with quotas.
struct Findings {
    /// Whose are of something that is not there, and what.
    absent: BTreeMap<QuotaOf, &'static str>,
    numbers: Vec<Finding>,
}

/// Whose quota is meant.
pub(crate) fn quota_of(text: &str) -> Result<QuotaOf, ServiceError> {
    text.parse().map_err(|error: skein_types::QuotaOfParseError| {
        ServiceError::new(codes::QUOTA_INVALID, error.to_string())
    })
}

impl Control {
    /// Sets somebody's quota.
    pub(crate) fn put_quota(
        &self,
        who: &Principal,
        (of, seen): (&QuotaOf, Seen),
        asked: &QuotaPut,
    ) -> Result<Quota, ServiceError> {
        let state = self.state();
        let what = said(of);
        let version = seen.against(&what, self.ledger.quota(of)?.map(|row| row.version))?;
        let set = set(of.clone(), asked)?;
        let before = self.all_quotas()?;
        let mut after = before.clone();
        after.insert(of.clone(), set.clone());
        balanced(self.added(&state, (&before, &after))?)?;
        self.set((&what, Subject::Quota(of.clone()), version), who.unit().decide(set))?;
        self.quotas_moved(state);
        self.quota(of)
    }

    /// Removes somebody's quota.
    pub(crate) fn remove_quota(
        &self,
        who: &Principal,
        (of, seen): (&QuotaOf, Seen),
    ) -> Result<Quota, ServiceError> {
        let state = self.state();
        let shown = self.quota(of)?;
        let what = said(of);
        let version = seen.against(&what, Some(shown.version))?;
        let removed = QuotaRemoved { of: of.clone(), reason: Text::clip("asked") };
        self.set((&what, Subject::Quota(of.clone()), version), who.unit().decide(removed))?;
        self.quotas_moved(state);
        Ok(shown)
    }

    /// Sets many quotas, all of them or none.
    pub(crate) fn apply_quotas(
        &self,
        who: &Principal,
        asked: &QuotasApply,
    ) -> Result<QuotasApplied, ServiceError> {
        let state = self.state();
        let before = self.all_quotas()?;
        let (mut after, mut named) = (before.clone(), BTreeSet::new());
        for entry in asked.quotas.iter() {
            let of = quota_of(&entry.of)?;
            let set = set(of.clone(), &entry.quota)?;
            if !named.insert(of.clone()) {
                let message = format!("{} is said twice", said(&of));
                return Err(ServiceError::new(codes::QUOTA_INVALID, message));
            }
            after.insert(of, set);
        }
        let findings = self.added(&state, (&before, &after))?;
        if !asked.dry_run {
            balanced(findings.clone())?;
        }
        let moved: Vec<&QuotaSet> = named
            .iter()
            .filter_map(|of| after.get(of))
            .filter(|set| before.get(&set.of) != Some(*set))
            .collect();
        let changes = moved.iter().map(|set| QuotaChange {
            of: ApiText::escaped(&set.of.to_string()),
            before: before.get(&set.of).map(put),
            after: put(set),
        });
        let changes = List::first(changes.collect()).0;
        let applied = !asked.dry_run;
        if applied && !moved.is_empty() {
            self.set_together(who, &moved)?;
            self.quotas_moved(state);
        }
        let findings = findings.iter().map(|finding| ApiText::escaped(finding)).collect();
        Ok(QuotasApplied { applied, changes, findings: List::first(findings).0 })
    }

    fn set_together(&self, who: &Principal, moved: &[&QuotaSet]) -> Result<(), ServiceError> {
        let mut unit: Unit = who.unit();
        for set in moved {
            let version = self.ledger.quota(&set.of)?.map(|row| row.version);
            unit = unit.if_(Guard::SettingAt { setting: Subject::Quota(set.of.clone()), version });
            unit = unit.decide((*set).clone());
        }
        match self.commit(unit)? {
            UnitOutcome::Applied(_) | UnitOutcome::Known(_) => Ok(()),
            UnitOutcome::Refused { found, .. } => {
                Err(ServiceError::new(codes::SETTING_MOVED, format!("a quota moved meanwhile: {found}")))
            }
        }
    }

    /// What is divided is divided anew.
    fn quotas_moved(&self, mut state: MutexGuard<'_, State>) {
        state.division.quotas_moved();
        drop(state);
        self.wake.nodes();
    }

    /// Somebody's quota.
    pub(crate) fn quota(&self, of: &QuotaOf) -> Result<Quota, ServiceError> {
        let row = self.ledger.quota(of)?;
        Ok(shown_quota(row.ok_or_else(|| ServiceError::absent("quota", &of.to_string()))?))
    }

    /// Quotas by the words for whose they are; those of these teams and their campaigns only, and what is for all.
    pub(crate) fn quotas(&self, part: &ListPart, sees: Option<&[Name]>) -> Result<Page<Quota>, ServiceError> {
        let (mut after, wanted) = (part.after.as_deref().map(quota_of).transpose()?, part.items());
        let mut items: Vec<skein_ledger::Quota> = Vec::new();
        // One more than asked for says whether there is a next page. Others' are passed over before they are counted, so nothing of a
        // page tells of them.
        while items.len() <= wanted {
            let page = self.ledger.quotas(after.as_ref(), Limit::MAX)?;
            for row in page.items {
                if self.is_quota_seen(&row.of, sees)? {
                    items.push(row);
                }
            }
            let Some(next) = page.next else { break };
            after = Some(next);
        }
        let more = items.len() > wanted;
        items.truncate(wanted);
        let next = items.last().filter(|_| more).map(|last| last.of.to_string());
        shown::page(items, next, |row| Ok(shown_quota(row)))
    }

    fn is_quota_seen(&self, of: &QuotaOf, sees: Option<&[Name]>) -> Result<bool, ServiceError> {
        Ok(match (of, sees) {
            (QuotaOf::Org | QuotaOf::Default, _) | (_, None) => true,
            (QuotaOf::Team(_) | QuotaOf::Campaign(_), Some(sees)) => {
                self.team_of_quota(of)?.is_some_and(|team| sees.contains(&team))
            }
        })
    }

    /// The team that a quota is about, if it is about one.
    fn team_of_quota(&self, of: &QuotaOf) -> Result<Option<Name>, ServiceError> {
        Ok(match of {
            QuotaOf::Org | QuotaOf::Default => None,
            QuotaOf::Team(team) => Some(team.clone()),
            QuotaOf::Campaign(id) => self.ledger.campaign(*id)?.map(|row| row.owner),
        })
    }

    /// All of them.
    pub(crate) fn all_quotas(&self) -> Result<Quotas, ServiceError> {
        let (mut all, mut after) = (Quotas::new(), None);
        loop {
            let page = self.ledger.quotas(after.as_ref(), Limit::MAX)?;
            all.extend(page.items.into_iter().map(|row| (row.of.clone(), as_set(row))));
            match page.next {
                Some(next) => after = Some(next),
                None => return Ok(all),
            }
        }
    }

    /// What a change adds to what does not add up, and to what is named and not there. What was so before is nobody's who changes
    /// something else: a node that went away, or a campaign that is over, keeps nobody from lowering a quota.
    fn added(&self, state: &State, (before, after): (&Quotas, &Quotas)) -> Result<Vec<String>, ServiceError> {
        let (old, new) = (self.findings(state, before)?, self.findings(state, after)?);
        let absent = new.absent.iter().filter(|(of, _)| !old.absent.contains_key(*of));
        let is_new = |finding: &&Finding| !old.numbers.iter().any(|before| finding.is_no_more_than(before));
        let numbers = new.numbers.iter().filter(is_new).map(ToString::to_string);
        Ok(absent.map(|(of, what)| format!("{of}: {what}")).chain(numbers).collect())
    }

    fn findings(&self, state: &State, all: &Quotas) -> Result<Findings, ServiceError> {
        let mut absent = BTreeMap::new();
        let mut holders = Holders::default();
        for of in all.keys() {
            match of {
                QuotaOf::Org | QuotaOf::Default => {}
                QuotaOf::Team(team) => {
                    if team.as_str() != NOBODYS && self.ledger.team(team)?.is_none() {
                        absent.insert(of.clone(), "there is no such team");
                    }
                }
                QuotaOf::Campaign(id) => match self.at_work(*id)? {
                    Some(of) => drop(holders.campaigns.insert(of.0, of.1)),
                    None => drop(absent.insert(of.clone(), "there is no such campaign, or it is over")),
                },
            }
        }
        if all.contains_key(&QuotaOf::Default) {
            holders.by_default = self.teams_without(all)?;
        }
        let numbers = skein_fleet::check(&in_force(all), &holders, &there(state, all));
        Ok(Findings { absent, numbers })
    }

    /// A campaign that is over, or a team that is gone, has no quota any more.
    pub(crate) fn drop_quota(&self, of: &QuotaOf, reason: &str) -> Result<(), ServiceError> {
        let mut state = self.state();
        let Some(row) = self.ledger.quota(of)? else { return Ok(()) };
        let removed = QuotaRemoved { of: of.clone(), reason: Text::clip(reason) };
        let subject = Subject::Quota(of.clone());
        self.set((&said(of), subject, Some(row.version)), self.itself.unit().decide(removed))?;
        state.division.quotas_moved();
        Ok(())
    }

    /// At the start: those of campaigns and teams at whose end the process before died.
    pub(crate) fn drop_quotas_of_nobody(&self) -> Result<(), ServiceError> {
        let all = self.all_quotas()?;
        let absent = self.findings(&self.state(), &all)?.absent;
        absent.keys().try_for_each(|of| self.drop_quota(of, "gone"))
    }

    /// Teams for which the default holds.
    fn teams_without(&self, all: &Quotas) -> Result<u64, ServiceError> {
        let (mut count, mut after) = (0, None);
        loop {
            let page = self.ledger.teams(after.as_ref(), Limit::MAX)?;
            let own = |team: &Name| all.contains_key(&QuotaOf::Team(team.clone()));
            count += page.items.iter().filter(|team| !own(&team.name)).count() as u64;
            match page.next {
                Some(next) => after = Some(next),
                None => return Ok(count),
            }
        }
    }

    /// A campaign that is not over, with the team that it works for.
    fn at_work(&self, id: CampaignId) -> Result<Option<(CampaignId, Name)>, ServiceError> {
        let row = self.ledger.campaign(id)?.filter(|row| !row.state.is_terminal());
        Ok(row.map(|row| (id, row.owner)))
    }
}

/// How much there is to be promised: what the nodes have that are here; nothing bounds it where `org` has a limit, which is held against
/// the same sums, nor where no node says how much it has.
fn there(state: &State, all: &Quotas) -> Amounts {
    let capacity = state.fleet.capacity();
    let org = all.get(&QuotaOf::Org);
    let limited = |resource| org.and_then(|org| org.bounds.get(resource)?.limit).is_some();
    Amounts::of(Resource::ALL.iter().map(|resource| {
        let known = capacity.get(resource).filter(|_| !limited(resource));
        (*resource, known.copied().unwrap_or(u64::MAX))
    }))
}

/// As the allocator has them.
pub(crate) fn in_force(all: &Quotas) -> skein_fleet::Quotas {
    let mut quotas = skein_fleet::Quotas::default();
    for (of, set) in all {
        let quota = skein_fleet::Quota {
            weight: set.weight,
            bounds: set.bounds.clone(),
            fuel: set.fuel,
            excess: set.excess,
        };
        match of {
            QuotaOf::Org => quotas.org = Some(quota),
            QuotaOf::Default => quotas.default = Some(quota),
            QuotaOf::Team(team) => drop(quotas.teams.insert(team.clone(), quota)),
            QuotaOf::Campaign(id) => drop(quotas.campaigns.insert(*id, quota)),
        }
    }
    quotas
}

fn said(of: &QuotaOf) -> String {
    format!("the quota of {of}")
}

fn balanced(findings: Vec<String>) -> Result<(), ServiceError> {
    let Some(first) = findings.first() else { return Ok(()) };
    let more = match findings.len() - 1 {
        0 => String::new(),
        more => format!(", and {more} more"),
    };
    Err(ServiceError::new(codes::QUOTAS_DO_NOT_ADD_UP, format!("{first}{more}"))
        .hint(Some(
            "nothing was set; `skein quota apply FILE --dry-run` says what would change and what is wrong",
        ))
        .findings(findings))
}

fn set(of: QuotaOf, asked: &QuotaPut) -> Result<QuotaSet, ServiceError> {
    let refused = |what: &str| Err(ServiceError::new(codes::QUOTA_INVALID, format!("{}: {what}", said(&of))));
    let bounds = asked.bounds.values();
    let mut numbers = bounds.flat_map(|bounds| [Some(bounds.guaranteed), bounds.limit, bounds.lendable]);
    if numbers.any(|number| number.is_some_and(|number| number > INTEGER_MAX)) {
        return refused("a number is larger than any machine");
    }
    if asked.fuel.is_some_and(|FuelBudget { fuel, per }| {
        [fuel.0, per.0].iter().any(|number| *number == 0 || *number > INTEGER_MAX)
    }) {
        return refused("a budget of fuel is so much in such a time, and neither is 0");
    }
    let QuotaPut { weight, bounds, fuel, excess } = asked.clone();
    Ok(QuotaSet { of, weight, bounds, fuel, excess })
}

pub(crate) fn put(set: &QuotaSet) -> QuotaPut {
    let QuotaSet { weight, bounds, fuel, excess, .. } = set.clone();
    QuotaPut { weight, bounds, fuel, excess }
}

fn as_set(row: skein_ledger::Quota) -> QuotaSet {
    let skein_ledger::Quota { of, weight, bounds, fuel, excess, .. } = row;
    QuotaSet { of, weight, bounds, fuel, excess }
}

fn shown_quota(row: skein_ledger::Quota) -> Quota {
    let (version, since) = (row.version, Time(row.since));
    let set = as_set(row);
    Quota { of: ApiText::escaped(&set.of.to_string()), quota: put(&set), version, since }
}

#[cfg(test)]
mod tests;
