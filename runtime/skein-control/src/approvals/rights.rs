//! Who may approve now. An approval counts while whoever gave it holds a token with which they could give it still: a person whose last
//! token was revoked or has expired, or who is an approver no more, has said nothing.
//!
//! ```text
//! of the team     approver of the slice's team
//! of another      approver of any team
//! glass           operator or admin in the slice's team
//! ```

use std::collections::BTreeMap;

use skein_campaign::approval::Person;
use skein_ledger::{Approval, Grant, Limit, Name};
use skein_types::{Timestamp, TokenKind};

use super::UNTIL_RESUMED;
use crate::access::{Act, NOBODYS};
use crate::control::Control;
use crate::error::ServiceError;

/// A token of a person that counts.
#[derive(Debug)]
pub(super) struct Held {
    /// As whoever issued it calls them.
    pub(super) name: Name,
    pub(super) grants: Vec<Grant>,
    /// From when on it does not count any more.
    until: Timestamp,
}

/// Persons, each with the tokens that count now.
#[derive(Debug)]
pub(super) struct Roster {
    people: BTreeMap<Person, Vec<Held>>,
    /// Nobody has to be anybody.
    single_user: bool,
}

impl Control {
    /// Whoever could say something now.
    pub(super) fn roster(&self) -> Result<Roster, ServiceError> {
        let now = self.clock.now();
        let (mut people, mut after): (BTreeMap<Person, Vec<Held>>, _) = (BTreeMap::new(), None);
        loop {
            let page = self.ledger.tokens(after, Limit::MAX)?;
            for token in page.items {
                let until = token.expires.unwrap_or(Timestamp(UNTIL_RESUMED));
                if token.revoked.is_some() || until <= now || token.kind != TokenKind::Person {
                    continue;
                }
                let held = people.entry(Person::of(token.name.as_str())).or_default();
                held.push(Held { name: token.name, grants: token.grants, until });
            }
            match page.next {
                Some(next) => after = Some(next),
                None => return Ok(Roster { people, single_user: self.single_user }),
            }
        }
    }

    /// Of these approvals those that count by the rights of whoever gave them.
    pub(super) fn counting(&self, all: Vec<Approval>) -> Result<Vec<Approval>, ServiceError> {
        if all.is_empty() {
            return Ok(all);
        }
        let roster = self.roster()?;
        Ok(all.into_iter().filter(|one| roster.good_until(one).is_some()).collect())
    }
}

impl Roster {
    /// Persons with their tokens.
    pub(super) fn people(&self) -> impl Iterator<Item = (&Person, &[Held])> {
        self.people.iter().map(|(person, held)| (person, held.as_slice()))
    }

    /// Until when an approval counts; none: it does not.
    pub(super) fn good_until(&self, one: &Approval) -> Option<Timestamp> {
        if self.single_user {
            return Some(Timestamp(UNTIL_RESUMED));
        }
        let (act, team) = match one {
            Approval { glass: true, team, .. } => (Act::Conduct, Some(team)),
            Approval { of_owner: true, team, .. } => (Act::Approve, Some(team)),
            Approval { .. } => (Act::Approve, None),
        };
        let held = self.people.get(&Person::of(one.person.as_str()))?;
        held.iter().filter(|held| held.is_good_for(act, team)).map(|held| held.until).max()
    }
}

impl Held {
    /// In a team, or in any.
    fn is_good_for(&self, act: Act, team: Option<&Name>) -> bool {
        self.grants.iter().any(|grant| {
            let there = match (&grant.team, team) {
                (None, _) | (_, None) => true,
                (Some(mine), Some(team)) => mine == team && team.as_str() != NOBODYS,
            };
            there && act.allows(grant.role)
        })
    }
}
