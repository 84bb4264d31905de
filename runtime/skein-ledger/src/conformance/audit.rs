//! The log as a list for those who look for something in it: by whom, what, when, and in which trace.

use skein_types::{Actor, Timestamp, TraceId};

use super::Places;
use super::lists::all;
use super::scene::{START, Scene, by, campaign, joined, name, node, planned, text};
use crate::bounds::EXAMINED_MAX;
use crate::chain::Recorded;
use crate::event::access::{TeamChanged, TeamCreated};
use crate::event::{Kind, Subject};
use crate::page::Limit;
use crate::unit::Unit;
use crate::view::EventFilter;

const HOUR: u64 = 3_600_000;

fn actor(text: &str) -> Actor {
    Actor::new(text).expect("a good actor")
}

/// Decisions of three people over some hours, whose clock goes back twice.
fn told(places: Places<'_>) -> Scene {
    let scene = Scene::set(places);
    for number in 0..60_u64 {
        // Up, a jump back over an hour, up again, and one from long ago.
        let hours = [number / 6, number / 6 + 2, 3, 0][number as usize / 20 % 4];
        scene.clock.set(Timestamp(START.0 + hours * HOUR + number));
        if number == 33 {
            scene.clock.set(Timestamp(7));
        }
        let unit = Unit::by(actor(["ada", "bob", "control"][number as usize % 3]));
        let unit = match number % 4 {
            0 => unit.decide(planned(number, 1)),
            1 => unit.decide(joined(3, number)),
            2 => unit.decide(TeamCreated { team: name(&format!("t{number}")), note: text("") }),
            _ => unit.decide(TeamChanged { team: name("t2"), note: text("") }),
        };
        scene.applied(unit);
    }
    scene
}

fn fits(filter: &EventFilter, one: &Recorded) -> bool {
    let of = |subject: &Subject| match (subject, one.event.subject()) {
        (Subject::Campaign(id), Subject::Run(of, _)) => *id == of,
        (subject, of) => *subject == of,
    };
    filter.of.as_ref().is_none_or(of)
        && filter.actor.as_ref().is_none_or(|actor| *actor == one.actor)
        && (filter.kinds.is_empty() || filter.kinds.contains(&one.event.kind()))
        && filter.from.is_none_or(|from| from <= one.at)
        && filter.to.is_none_or(|to| one.at < to)
}

/// Every combination of conditions, against the whole log looked at one by one.
pub fn events_are_found_by_every_combination_of_conditions(places: Places<'_>) {
    let scene = told(places);
    let log = all(|after: Option<&u64>, limit| {
        scene.ledger().events(after.copied().unwrap_or(0), &EventFilter::default(), limit).expect("read")
    });
    assert_eq!(log.len(), 66);
    let subjects = [None, Some(Subject::Campaign(campaign(1))), Some(Subject::Node(node(3)))];
    let actors = [None, Some(actor("ada")), Some(actor("control")), Some(actor("nobody"))];
    let kinds = [
        vec![],
        vec![Kind::TeamCreated],
        vec![Kind::NodeJoined, Kind::RunPlanned, Kind::NodeJoined, Kind::RunFailed],
        vec![Kind::TokenIssued],
    ];
    let at = |hours: u64| Some(Timestamp(START.0 + hours * HOUR));
    let times = [
        (None, None),
        (at(2), None),
        (None, at(2)),
        (at(1), at(4)),
        (Some(Timestamp(START.0 + 2 * HOUR + 15)), Some(Timestamp(START.0 + 3 * HOUR + 41))),
        (Some(Timestamp(8)), Some(START)),
        (None, Some(Timestamp(8))),
        (Some(Timestamp(u64::MAX)), None),
        (at(4), at(1)),
    ];
    let mut found = 0;
    for of in &subjects {
        for actor in &actors {
            for kinds in &kinds {
                for (from, to) in times {
                    let (of, actor, kinds) = (of.clone(), actor.clone(), kinds.clone());
                    let filter = EventFilter { of, actor, kinds, from, to };
                    let rows = all(|after: Option<&u64>, limit| {
                        scene.ledger().events(after.copied().unwrap_or(0), &filter, limit).expect("read")
                    });
                    let expected: Vec<_> = log.iter().filter(|one| fits(&filter, one)).cloned().collect();
                    assert_eq!(rows, expected, "{filter:?}");
                    found += rows.len();
                }
            }
        }
    }
    assert!(found > 500, "{found}");
    scene.is_sound();
}

/// Who looks for what is not there is answered after a bounded look, and told where to go on.
pub fn a_page_looks_at_so_many_events_and_says_where_it_stopped(places: Places<'_>) {
    let scene = Scene::new(places);
    let most = EXAMINED_MAX as u64;
    for chunk in 0..=2 {
        let lives = (1..=most / 2).map(|life| chunk * most / 2 + life);
        let units = lives.collect::<Vec<_>>();
        for lives in units.chunks(2_500) {
            scene.applied(lives.iter().fold(by(), |unit, life| unit.decide(joined(1, *life))));
        }
    }
    scene.applied(by().decide(joined(2, 1)));
    let filter = EventFilter {
        actor: Some(actor("person:ada")),
        kinds: vec![Kind::NodeLost],
        ..EventFilter::default()
    };
    let first = scene.ledger().events(0, &filter, Limit::MAX).expect("read");
    assert_eq!((first.items.len(), first.next), (0, Some(most)));
    let second = scene.ledger().events(most, &filter, Limit::MAX).expect("read");
    assert_eq!((second.items.len(), second.next), (0, None));
    let of = EventFilter::about(Some(Subject::Node(node(2))));
    let page = scene.ledger().events(0, &of, Limit::MAX).expect("read");
    assert_eq!((page.items.len(), page.next), (1, None));
}

/// A trace stands beside its unit's events and nobody else's, and does not move the chain.
pub fn a_trace_is_kept_beside_the_events_of_its_unit(places: Places<'_>) {
    let (mut scene, other) = (Scene::new(places), Scene::new(places));
    let trace = TraceId::new([7; 16]).expect("a trace");
    for (scene, trace) in [(&scene, Some(trace)), (&other, None)] {
        let unit = by().decide(joined(1, 1)).decide(joined(2, 1));
        let unit = trace.map_or(unit.clone(), |trace| unit.traced(trace));
        let outcomes = scene.ledger().commit(vec![unit, by().decide(joined(3, 1))]).expect("written");
        assert!(outcomes.iter().all(crate::unit::UnitOutcome::is_done));
    }
    scene.reopen();
    let events = scene.ledger().events(0, &EventFilter::default(), Limit::MAX).expect("read").items;
    assert_eq!(events.iter().map(|one| one.trace).collect::<Vec<_>>(), [Some(trace), Some(trace), None]);
    assert_eq!(scene.ledger().head().expect("a head"), other.ledger().head().expect("a head"));
    scene.is_sound();
}
