//! Which teams may look at a dataset: those of which somebody holds a token that is good for it, in a role of the team itself and in
//! one of the dataset's owner. A reader's rule was set by such a one, and runs over the data as long as there is one.
//!
//! A rule of a team that has none any more is a question of somebody who may not ask. It is not run over the data, and its team is
//! told nothing of it; and it is no answer either, so it is inconclusive and holds, until a person lets the run through, passes the
//! rule over or removes it. A role of all teams makes nobody one of the team: else an admin's would keep every rule awake.
//!
//! Thousands of runs ask the same: what was read of all tokens is kept until one is issued or revoked, or one that counted is over.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, PoisonError};

use skein_ledger::{EventFilter, Grant, Kind, Limit, Name, Rule};
use skein_types::Timestamp;

use crate::access::{Act, NOBODYS};
use crate::control::Control;
use crate::error::ServiceError;

/// Teams that may look at the datasets of one team.
pub(crate) struct Readers {
    /// None: all of them, where nobody has to be anybody.
    teams: Option<Arc<BTreeSet<Name>>>,
}

/// Owners whose readers are kept.
const KEPT: usize = 1_024;

/// Who may look at the datasets of each team, as it was read of the tokens.
#[derive(Debug, Default)]
pub(crate) struct Sights {
    /// The last decision about a token that it is as of.
    position: u64,
    of: BTreeMap<Option<Name>, Sight>,
}

#[derive(Debug)]
struct Sight {
    teams: Arc<BTreeSet<Name>>,
    /// When the first of the tokens ends.
    until: Option<Timestamp>,
}

impl Readers {
    /// Where it is not asked.
    pub(super) const fn everybody() -> Self {
        Self { teams: None }
    }

    /// Whether it is not asked.
    pub(super) const fn are_all(&self) -> bool {
        self.teams.is_none()
    }

    /// Those that may look at them, by name, the owner among them; none where it is not asked.
    pub(super) fn teams(&self) -> impl Iterator<Item = &Name> {
        self.teams.iter().flat_map(|teams| teams.iter())
    }

    /// Whether a team may look at them; the owner, which is no reader, may.
    pub(crate) fn have(&self, team: Option<&Name>) -> bool {
        let Some((teams, team)) = self.teams.as_ref().zip(team) else { return true };
        teams.contains(team)
    }
}

impl Control {
    /// Those who may look at the datasets of their owner now, as far as rules of readers ask for it: it is looked up in all tokens.
    pub(super) fn readers_of(&self, rules: &[Rule], owner: Option<&Name>) -> Result<Readers, ServiceError> {
        match owner {
            Some(owner) if rules.iter().any(|rule| rule.consumer.is_some()) => self.readers(owner),
            Some(_) | None => Ok(Readers::everybody()),
        }
    }

    /// Those who may look at the datasets of a team now.
    pub(crate) fn readers(&self, owner: &Name) -> Result<Readers, ServiceError> {
        if self.single_user {
            return Ok(Readers::everybody());
        }
        let owner = Some(owner).filter(|owner| owner.as_str() != NOBODYS);
        let kinds = vec![Kind::TokenIssued, Kind::TokenRevoked];
        let filter = EventFilter { kinds, ..EventFilter::default() };
        let last = self.ledger.newest_events(None, &filter, Limit::new(1))?.items.pop();
        let (now, position) = (self.clock.now(), last.map_or(0, |last| last.position));
        let mut sights = self.sights.lock().unwrap_or_else(PoisonError::into_inner);
        if sights.position != position || sights.of.len() >= KEPT {
            *sights = Sights { position, of: BTreeMap::new() };
        }
        let kept = sights.of.get(&owner.cloned()).filter(|kept| kept.until.is_none_or(|until| until > now));
        if let Some(kept) = kept {
            return Ok(Readers { teams: Some(Arc::clone(&kept.teams)) });
        }
        let read = self.sight_of(owner, now)?;
        let teams = Some(Arc::clone(&read.teams));
        sights.of.insert(owner.cloned(), read);
        Ok(Readers { teams })
    }

    /// Reads all tokens for it.
    fn sight_of(&self, owner: Option<&Name>, now: Timestamp) -> Result<Sight, ServiceError> {
        let sees = |grant: &Grant| {
            let there = grant.team.is_none() || grant.team.as_ref() == owner;
            there && Act::See.allows(grant.role)
        };
        // What is a team's own it may look at, whether or not anybody holds a token of it.
        let (mut teams, mut until, mut after) = (BTreeSet::from_iter(owner.cloned()), None, None);
        loop {
            let page = self.ledger.tokens(after, Limit::MAX)?;
            for token in page.items {
                let counts = token.revoked.is_none() && token.expires.is_none_or(|expires| expires > now);
                if counts && token.grants.iter().any(sees) {
                    until = until.into_iter().chain(token.expires).min();
                    teams.extend(token.grants.into_iter().filter_map(|grant| grant.team));
                }
            }
            match page.next {
                Some(next) => after = Some(next),
                None => return Ok(Sight { teams: Arc::new(teams), until }),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::Ordering;

    use skein_ledger::{Entry, Grant, Name, RuleSet, TokenIssued, TokenRevoked};
    use skein_types::{Blake3, Role, Timestamp, TokenId};
    use uuid::Uuid;

    use crate::control::Control;
    use crate::datasets::rules::Meant;
    use crate::scene::{HandClock, campaign, open_for, planned_for, token};

    fn name(text: &str) -> Name {
        Name::new(text).unwrap()
    }

    /// A token of these roles.
    fn of(number: u128, roles: &[(Option<&str>, Role)], expires: Option<u64>) -> TokenIssued {
        let grant = |(team, role): &(Option<&str>, Role)| Grant { team: team.map(name), role: *role };
        TokenIssued {
            grants: roles.iter().map(grant).collect(),
            ..token(number, &format!("t{number}"), expires)
        }
    }

    fn reads(control: &Control, team: &str) -> bool {
        control.readers(&name("shop")).unwrap().have(Some(&name(team)))
    }

    #[test]
    fn a_team_reads_as_long_as_one_of_it_holds_a_token_for_both() {
        let (place, clock) = (tempfile::tempdir().unwrap(), Arc::new(HandClock::default()));
        let control = open_for(place.path(), &clock, false);
        let issue = |one: TokenIssued| control.write(control.itself.unit().decide(one)).unwrap();
        let (bi, shop) = (Some("bi"), Some("shop"));
        let owns = control.readers(&name("shop")).unwrap().have(None) && reads(&control, "shop");
        assert!(owns, "its owner does, whether or not anybody holds a token");
        // Each of one team alone, and somebody who may look at everything.
        issue(of(1, &[(bi, Role::Author)], None));
        issue(of(2, &[(shop, Role::Operator)], None));
        issue(of(3, &[(None, Role::PlatformAdmin)], None));
        assert!(!reads(&control, "bi"));
        // Of a team, and somebody who may look at everything.
        issue(of(5, &[(bi, Role::Author), (None, Role::Auditor)], None));
        assert!(reads(&control, "bi") && !reads(&control, "pay"));
        issue(of(4, &[(bi, Role::Viewer), (shop, Role::Viewer)], Some(90)));
        let gone =
            TokenRevoked { token: TokenId::new(Uuid::from_u128(5)), reason: skein_ledger::Text::clip("") };
        control.write(control.itself.unit().decide(gone)).unwrap();
        assert!(reads(&control, "bi"));
        clock.0.store(90, Ordering::SeqCst);
        assert!(!reads(&control, "bi"));
        let alone = open_for(&place.path().join("alone"), &clock, true);
        assert!(reads(&alone, "bi"));
    }

    #[test]
    fn tokens_are_read_once_until_one_of_them_changes_or_ends() {
        let (place, clock) = (tempfile::tempdir().unwrap(), Arc::new(HandClock::default()));
        let control = open_for(place.path(), &clock, false);
        let issue = |one: TokenIssued| control.write(control.itself.unit().decide(one)).unwrap();
        let teams = || control.readers(&name("shop")).unwrap().teams.unwrap();
        let both =
            |number, until| of(number, &[(Some("bi"), Role::Viewer), (Some("shop"), Role::Viewer)], until);
        issue(both(1, Some(90)));
        let (first, second) = (teams(), teams());
        assert!(Arc::ptr_eq(&first, &second) && first.contains(&name("bi")), "{first:?}");
        // Of another team it is another reading, and the first stays.
        control.readers(&name("pay")).unwrap();
        assert!(Arc::ptr_eq(&first, &teams()));
        clock.0.store(90, Ordering::SeqCst);
        assert!(!teams().contains(&name("bi")), "it is over");
        issue(both(2, None));
        assert!(teams().contains(&name("bi")), "another was issued");
    }

    #[test]
    fn a_rule_of_a_team_that_does_not_read_the_dataset_is_not_taken() {
        let (place, clock) = (tempfile::tempdir().unwrap(), Arc::new(HandClock::default()));
        let control = open_for(place.path(), &clock, false);
        planned_for(&control, &["shop"]);
        let run = control.ledger.run(campaign(), 0).unwrap().unwrap();
        let dataset = control.ledger.dataset(run.dataset).unwrap().unwrap();
        let body = serde_json::json!({ "rule": { "name": "ids", "unique": ["id"] } });
        let asked: skein_api::RulePut = serde_json::from_value(body).unwrap();
        let put = || {
            let of = (&dataset, Some(name("bi")), "ids", crate::settings::Seen::Any);
            control.put_rule(control.everybody(), of, &asked)
        };
        let refused = put().unwrap_err();
        assert_eq!(refused.code, skein_types::codes::RULE_INVALID);
        assert!(refused.message.contains("bi") && refused.hint.is_some(), "{refused:?}");
        assert_eq!(control.ledger.rules(dataset.id, skein_ledger::Limit::MAX).unwrap(), []);
        let both = of(1, &[(Some("bi"), Role::Author), (Some("shop"), Role::Viewer)], None);
        control.write(control.itself.unit().decide(both)).unwrap();
        assert!(!put().unwrap().unseen);
    }

    #[test]
    fn a_rule_of_a_team_that_reads_no_more_is_given_to_no_node_but_as_one_that_holds() {
        let (place, clock) = (tempfile::tempdir().unwrap(), Arc::new(HandClock::default()));
        let control = open_for(place.path(), &clock, false);
        planned_for(&control, &["shop"]);
        let run = control.ledger.run(campaign(), 0).unwrap().unwrap();
        let set = |rule: &str, text: &str| {
            let (bytes, blob) = (text.as_bytes().to_vec(), Blake3::of(text.as_bytes()));
            let kept = Entry::PutBlob { bytes, keep_until: Timestamp(0) };
            let rule = RuleSet { dataset: run.dataset, consumer: Some(name("bi")), name: name(rule), blob };
            control.write(control.itself.unit().then(kept).decide(rule)).unwrap();
        };
        set("same", r#"{"name":"same","sql":"select true from t","with":{"t":"d0"}}"#);
        // One that is looked at again after the publish, too.
        set("some", r#"{"name":"some","row_count":{"min":1}}"#);
        let given = |meant: Meant| {
            let mut state = control.state();
            let live = control.live(&mut state, campaign()).unwrap();
            control.task_rules((campaign(), live), run.dataset, meant).unwrap()
        };
        let unseen = given(Meant::All).unwrap();
        assert!(unseen.rules.iter().all(|rule| rule.unseen) && unseen.others.is_empty(), "{unseen:?}");
        assert_eq!(unseen.rules.len(), 2);
        // Nothing waits for it after the publish.
        assert_eq!(given(Meant::Again(Timestamp(9))), None);
        let both = of(1, &[(Some("bi"), Role::Author), (Some("shop"), Role::Viewer)], None);
        control.write(control.itself.unit().decide(both)).unwrap();
        let seen = given(Meant::All).unwrap();
        assert!(seen.rules.iter().all(|rule| !rule.unseen) && seen.others.len() == 1, "{seen:?}");
        let again = given(Meant::Again(Timestamp(9))).unwrap();
        assert_eq!((again.rules.len(), again.rules[0].unseen), (1, false));
    }
}
