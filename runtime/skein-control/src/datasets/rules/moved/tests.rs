//! Rules of owners and readers that are set, changed, removed and passed over while a plan waits or is carried out.

use std::sync::Arc;

use skein_api::{RuleIgnore, RulePut};
use skein_ledger::{Actor, Dataset, Grant, Name, RunHeld, Text, TokenIssued};
use skein_types::{AttemptId, CampaignState, Role, SliceState, TokenKind, codes};
use uuid::Uuid;

use super::super::By;
use crate::access::Principal;
use crate::control::Control;
use crate::reconcile::tests::look;
use crate::scene::{HandClock, approved, campaign, open_for, planned, running, token};
use crate::settings::Seen;

fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}

fn person(text: &str) -> Principal {
    Principal { kind: TokenKind::Person, ..Principal::with(Actor::new(text).unwrap(), Vec::new()) }
}

fn dataset(control: &Control) -> Dataset {
    control.ledger.dataset_named(&name("d0")).unwrap().unwrap()
}

fn set(control: &Control, consumer: Option<&str>, least: u64) {
    let rule = format!(r#"{{"name":"some","row_count":{{"min":{least}}}}}"#);
    let asked = RulePut { rule: serde_json::from_str(&rule).unwrap() };
    let of = (&dataset(control), consumer.map(name), "some", Seen::Any);
    control.put_rule(&person("olga"), of, &asked).unwrap();
}

fn remove(control: &Control, consumer: Option<&str>, by: By) {
    let of = (&dataset(control), consumer.map(name), "some", Seen::Any);
    control.remove_rule(&person("olga"), of, by).unwrap();
}

fn ignore(control: &Control, who: &Principal, ignored: bool) -> Result<(), skein_types::Code> {
    let asked = RuleIgnore { ignored, reason: skein_api::Text::escaped("gaps are meant") };
    let ignored = control.ignore_rule(who, (&dataset(control), name("bi"), "some"), &asked);
    ignored.map(|_| ()).map_err(|refused| refused.code)
}

fn state(control: &Control) -> (CampaignState, String) {
    let row = control.ledger.campaign(campaign()).unwrap().unwrap();
    (row.state, row.reason.to_string())
}

fn approve(control: &Control) {
    let unit = control.itself.unit().decide(approved("ada", false)).decide(approved("ben", true));
    control.write(unit).unwrap();
}

/// A server of people with tokens, and a campaign that is planned and approved, or runs.
fn with(place: &std::path::Path, scene: impl Fn(&Control), rules: &[(Option<&str>, u64)]) -> Arc<Control> {
    let clock = Arc::new(HandClock::default());
    let control = open_for(place, &clock, false);
    scene(&control);
    drop(control);
    let control = open_for(place, &clock, false);
    look(&control);
    let who = token(1, "ada", None);
    // Readers are those of whom somebody may look at the dataset, which is nobody's.
    let grant = |team: Option<&str>| Grant { team: team.map(name), role: Role::Viewer };
    let grants = [Some("bi"), Some("risk"), None].map(grant).to_vec();
    let reader = TokenIssued { grants, ..token(3, "rea", None) };
    control.write(control.itself.unit().decide(who).decide(token(2, "ben", None)).decide(reader)).unwrap();
    approve(&control);
    rules.iter().for_each(|(consumer, least)| set(&control, *consumer, *least));
    drop(control);
    let control = open_for(place, &clock, false);
    look(&control);
    control
}

#[test]
fn a_plan_is_stale_when_its_dataset_must_hold_less_than_when_it_was_approved() {
    type Moves = fn(&Control);
    let stale = "rules_moved: of d0, rule some";
    let of_owner: [(Moves, &str); 3] = [
        (|control| remove(control, None, By::Owner), "was removed"),
        (|control| set(control, None, 2), "says something else"),
        (|control| set(control, None, 1), ""),
    ];
    let of_reader: [(Moves, &str); 5] = [
        (|control| ignore(control, &person("olga"), true).unwrap(), "of bi is passed over"),
        (|control| remove(control, Some("bi"), By::Owner), "was removed"),
        // One's own, and more than there was.
        (|control| remove(control, Some("bi"), By::Reader), ""),
        (|control| set(control, Some("bi"), 2), ""),
        (|control| set(control, None, 1), ""),
    ];
    let cases = of_owner.map(|case| (None, case)).into_iter().chain(of_reader.map(|case| (Some("bi"), case)));
    for (place, (consumer, (moves, why))) in cases.enumerate() {
        let dir = tempfile::tempdir().unwrap();
        let control = with(dir.path(), planned, &[(consumer, 1)]);
        assert_eq!(state(&control).0, CampaignState::Approved);
        moves(&control);
        let (is, reason) = state(&control);
        match why {
            "" => assert_eq!(is, CampaignState::Approved, "{place}: {reason}"),
            _ => assert_eq!((is, reason), (CampaignState::Stale, format!("{stale} {why}")), "{place}"),
        }
    }
}

#[test]
fn a_campaign_that_runs_makes_no_run_of_the_team_before_it_approved_anew() {
    let dir = tempfile::tempdir().unwrap();
    let control = with(dir.path(), running, &[(None, 1)]);
    let opens = || {
        let run = control.ledger.run(campaign(), 0).unwrap().unwrap();
        let mut state = control.state();
        control.live(&mut state, campaign()).unwrap().gate_open(&run, control.clock.now())
    };
    let slice = || control.slices(campaign()).unwrap()[0].state;
    assert!(opens());
    set(&control, Some("bi"), 1);
    assert!(opens());
    remove(&control, None, By::Owner);
    assert!(!opens());
    assert_eq!((state(&control).0, slice()), (CampaignState::Running, SliceState::Undecided));
    assert!(control.approvals(campaign()).unwrap().is_empty());
    approve(&control);
    control.gates(&mut control.state(), campaign()).unwrap();
    assert!(opens());
}

#[test]
fn only_a_person_passes_a_rule_over_and_a_program_may_have_it_looked_at_again() {
    let dir = tempfile::tempdir().unwrap();
    let control = with(dir.path(), planned, &[(Some("bi"), 1)]);
    let program = Principal { kind: TokenKind::Service, ..person("bot") };
    assert_eq!(ignore(&control, &program, true), Err(codes::APPROVER_NOT_A_PERSON));
    assert_eq!(state(&control).0, CampaignState::Approved);
    assert_eq!(ignore(&control, &program, false), Ok(()));
}

#[test]
fn who_may_not_let_a_run_through_takes_no_rule_away_while_one_is_kept_back() {
    let dir = tempfile::tempdir().unwrap();
    let control = with(dir.path(), running, &[(None, 1), (Some("bi"), 1)]);
    let attempt = AttemptId::new(Uuid::from_u128(5));
    let (reason, consumers) = (Text::clip("few rows"), Vec::new());
    let held = RunHeld { campaign: campaign(), seq: 0, attempt, reason, consumers };
    control.write(control.itself.unit().decide(held)).unwrap();
    let program = Principal { kind: TokenKind::Service, ..person("bot") };
    for (consumer, by) in [(None, By::Owner), (Some("bi"), By::Reader)] {
        let row = dataset(&control);
        let of = || (&row, consumer.map(name), "some", Seen::Any);
        let refused = control.remove_rule(&program, of(), by).unwrap_err();
        assert_eq!(refused.code, codes::APPROVER_NOT_A_PERSON);
        let weaker = RulePut { rule: serde_json::from_str(r#"{"name":"some","reconcile":true}"#).unwrap() };
        let refused = control.put_rule(&program, of(), &weaker).unwrap_err();
        assert_eq!(refused.code, codes::APPROVER_NOT_A_PERSON);
        remove(&control, consumer, by);
    }
}

#[test]
fn one_reader_leaves_room_for_the_others() {
    let dir = tempfile::tempdir().unwrap();
    let control = with(dir.path(), planned, &[]);
    let put = |team: &str, number: usize| {
        let rule = format!(r#"{{"name":"r{number}","reconcile":true}}"#);
        let asked = RulePut { rule: serde_json::from_str(&rule).unwrap() };
        let of = (&dataset(&control), Some(name(team)), &*format!("r{number}"), Seen::Nothing);
        control.put_rule(&person("olga"), of, &asked)
    };
    let taken = (0..64).take_while(|number| put("bi", *number).is_ok()).count();
    assert_eq!(taken, 12);
    let full = put("bi", 99).unwrap_err();
    assert_eq!(full.code, codes::RULE_INVALID);
    assert!(full.message.contains("12 rules of bi"), "{full}");
    put("risk", 0).unwrap();
}
