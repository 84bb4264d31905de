//! Which teams read a dataset, as far as this server knows: those that may look at it now (`sight`), and those that have rules there.
//!
//! Who reads files past the server, it does not know: such a team says so by a rule.

use std::collections::BTreeMap;

use skein_api::{CONSUMERS_MAX, Consumer, Consumers, List, Text};
use skein_ledger::{Dataset, Limit, Name};

use super::ALL_MAX;
use crate::control::Control;
use crate::error::ServiceError;

impl Control {
    /// Teams that read a dataset, without the one whose it is.
    pub(crate) fn consumers(&self, dataset: &Dataset) -> Result<Consumers, ServiceError> {
        let readers = self.readers(&dataset.owner)?;
        let mut ruling: BTreeMap<Name, u64> = BTreeMap::new();
        for rule in self.ledger.rules(dataset.id, Limit::new(ALL_MAX))? {
            if let Some(team) = rule.consumer {
                *ruling.entry(team).or_default() += 1;
            }
        }
        let looking = readers.teams().filter(|team| **team != dataset.owner && !ruling.contains_key(*team));
        let looking: Vec<&Name> = looking.collect();
        let room = CONSUMERS_MAX.saturating_sub(ruling.len());
        let more = looking.len().saturating_sub(room) as u64;
        let named = |team: &Name, rules| Consumer {
            team: Text::escaped(team.as_str()),
            rules,
            reads: readers.have(Some(team)),
        };
        let mut teams: Vec<Consumer> = ruling.iter().map(|(team, rules)| named(team, *rules)).collect();
        teams.extend(looking.into_iter().take(room).map(|team| named(team, 0)));
        teams.sort_unstable_by(|one, other| one.team.as_str().cmp(other.team.as_str()));
        Ok(Consumers { teams: List::first(teams).0, more, everybody: readers.are_all() })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use skein_ledger::{Entry, Grant, Name, RuleSet, TokenIssued, TokenRevoked};
    use skein_types::{Blake3, Role, Timestamp, TokenId, codes};
    use uuid::Uuid;

    use super::{CONSUMERS_MAX, Consumer, Consumers, List, Text};
    use crate::access::{Principal, Right};
    use crate::control::Control;
    use crate::scene::{HandClock, open_for, planned_for, token};

    fn name(text: &str) -> Name {
        Name::new(text).unwrap()
    }

    /// A server where `d0` is of `shop`, with a rule of its own and two of `risk`.
    fn with_rules(place: &std::path::Path, single_user: bool) -> Arc<Control> {
        let control = open_for(place, &Arc::new(HandClock::default()), single_user);
        planned_for(&control, &["shop"]);
        let row = control.ledger.dataset_named(&name("d0")).unwrap().unwrap();
        let bytes = br#"{"name":"some","row_count":{"min":1}}"#.to_vec();
        let blob = Blake3::of(&bytes);
        let kept = Entry::PutBlob { bytes, keep_until: Timestamp(u64::MAX >> 12) };
        let set = |consumer: Option<&str>, rule: &str| RuleSet {
            dataset: row.id,
            consumer: consumer.map(name),
            name: name(rule),
            blob,
        };
        let unit = control.itself.unit().then(kept).decide(set(None, "own"));
        control.write(unit.decide(set(Some("risk"), "a")).decide(set(Some("risk"), "b"))).unwrap();
        control
    }

    fn issue(control: &Control, number: u128, teams: &[&str]) {
        let grant = |team: &&str| Grant { team: Some(name(team)), role: Role::Viewer };
        let grants = teams.iter().map(grant).collect();
        let issued = TokenIssued { grants, ..token(number, &format!("t{number}"), None) };
        control.write(control.itself.unit().decide(issued)).unwrap();
    }

    fn of(team: &str, rules: u64, reads: bool) -> Consumer {
        Consumer { team: Text::escaped(team), rules, reads }
    }

    fn list(teams: Vec<Consumer>) -> List<Consumer, CONSUMERS_MAX> {
        List::new(teams).unwrap()
    }

    fn seen(control: &Arc<Control>, team: &str) -> Result<Consumers, skein_types::Code> {
        let right = Right { team: Some(name(team)), role: Role::Viewer };
        let who = Principal::with(skein_ledger::Actor::new("vi").unwrap(), vec![right]);
        control.desk(&who).consumers("d0").map_err(|refused| refused.code)
    }

    #[test]
    fn a_team_that_may_look_and_one_with_rules_are_known() {
        let place = tempfile::tempdir().unwrap();
        let control = with_rules(place.path(), false);
        let risk = list(vec![of("risk", 2, false)]);
        assert_eq!(seen(&control, "shop").unwrap().teams, risk);
        issue(&control, 1, &["bi", "shop"]);
        issue(&control, 2, &["risk", "shop"]);
        // Of one team alone nobody reads what is another's.
        issue(&control, 3, &["pay"]);
        let known = Consumers {
            teams: list(vec![of("bi", 0, true), of("risk", 2, true)]),
            more: 0,
            everybody: false,
        };
        assert_eq!(seen(&control, "shop"), Ok(known));
        for number in [1, 2] {
            let token = TokenId::new(Uuid::from_u128(number));
            let gone = TokenRevoked { token, reason: skein_ledger::Text::clip("") };
            control.write(control.itself.unit().decide(gone)).unwrap();
        }
        assert_eq!(seen(&control, "shop").unwrap().teams, risk);
        // It is for those who see the dataset.
        assert_eq!(seen(&control, "risk"), Err(codes::NOT_FOUND));
    }

    #[test]
    fn of_many_teams_those_with_rules_are_told_and_how_many_others_there_are() {
        let place = tempfile::tempdir().unwrap();
        let control = with_rules(place.path(), false);
        let teams: Vec<String> = (0..=CONSUMERS_MAX).map(|number| format!("a{number:03}")).collect();
        for (number, some) in (1..).zip(teams.chunks(20)) {
            let some: Vec<&str> = some.iter().map(String::as_str).chain(["shop"]).collect();
            issue(&control, number, &some);
        }
        let known = seen(&control, "shop").unwrap();
        assert_eq!((known.teams.len(), known.more), (CONSUMERS_MAX, 2));
        assert_eq!(known.teams.last(), Some(&of("risk", 2, false)));
    }

    #[test]
    fn where_nobody_has_to_be_anybody_only_rules_say_who_reads() {
        let place = tempfile::tempdir().unwrap();
        let control = with_rules(place.path(), true);
        let known = Consumers { teams: list(vec![of("risk", 2, true)]), more: 0, everybody: true };
        assert_eq!(seen(&control, "shop"), Ok(known));
    }
}
