//! Who is told what of a run that rules keep back.

use std::collections::BTreeSet;
use std::sync::Arc;

use skein_ledger::{EventFilter, HeldFor, Kind, Limit, Name, RunHeld, Text};
use skein_types::AttemptId;
use uuid::Uuid;

use crate::herald::note::Audience;
use crate::scene::{HandClock, campaign, open, running};

fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}

#[test]
fn a_reader_is_told_of_its_own_rules_and_neither_of_others_nor_of_the_campaign() {
    let (place, clock) = (tempfile::tempdir().unwrap(), Arc::new(HandClock::default()));
    let control = open(place.path(), &clock);
    running(&control);
    let of =
        |team: &str| HeldFor { team: name(team), reason: Text::clip(&format!("rule {team}s is broken")) };
    let held = RunHeld {
        campaign: campaign(),
        seq: 0,
        attempt: AttemptId::new(Uuid::from_u128(5)),
        reason: Text::clip("rule margin is broken: 7 violations; rule bis is broken; rule risks is broken"),
        consumers: vec![of("bi"), of("risk")],
    };
    control.write(control.itself.unit().decide(held)).unwrap();
    let kinds = EventFilter { kinds: vec![Kind::RunHeld], ..EventFilter::default() };
    let recorded = control.ledger.events(0, &kinds, Limit::MAX).unwrap().items.pop().unwrap();
    let told = control.facts_of(&recorded).unwrap();
    let teams = |of: &[&str]| Audience::Teams(of.iter().map(|team| name(team)).collect::<BTreeSet<_>>());
    let [all, bi, risk] = &told[..] else { panic!("{told:?}") };
    assert_eq!(all.audience, teams(&["local"]));
    assert!(all.fact.said().data["reason"].as_str().unwrap().contains("margin"));
    assert_eq!(all.fact.said().data["consumers"], serde_json::json!(["bi", "risk"]));
    for (told, team) in [(bi, "bi"), (risk, "risk")] {
        assert_eq!((&told.audience, told.campaign), (&teams(&[team]), None));
        let said = told.fact.said();
        let expected = serde_json::json!({
            "id": "dts_00000000000000000000000000000002",
            "dataset": "d0",
            "team": team,
            "current": false,
            "reason": format!("rule {team}s is broken"),
        });
        assert_eq!((said.topic.as_str(), &said.data), ("rule.broken", &expected));
        let words = format!("{} {}", said.title, said.lines.join(" "));
        assert!(!words.contains("margin") && !words.contains(&campaign().to_string()), "{words}");
    }
}
