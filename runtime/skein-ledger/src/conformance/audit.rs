//! The log as a list for those who look for something in it: by whom, what, when, and in which trace.

use skein_types::{Actor, Timestamp, TokenId, TraceId};

use super::Places;
use super::lists::all;
use super::scene::{START, Scene, by, campaign, joined, name, node, planned, text};
use crate::bounds::EXAMINED_MAX;
use crate::chain::{Head, Recorded};
use crate::event::access::{TeamChanged, TeamCreated};
use crate::event::key::KeyIntroduced;
use crate::event::server::BackupMade;
use crate::event::{Kind, Subject};
use crate::origin::{Origin, Whence};
use crate::page::Limit;
use crate::record::Follow;
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
        vec![Kind::CampaignMoved, Kind::WavePlanned, Kind::TeamChanged],
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
                    let filter = EventFilter { of, actor, kinds, from, to, token: None };
                    let rows = all(|after: Option<&u64>, limit| {
                        scene.ledger().events(after.copied().unwrap_or(0), &filter, limit).expect("read")
                    });
                    let expected: Vec<_> = log.iter().filter(|one| fits(&filter, one)).cloned().collect();
                    assert_eq!(rows, expected, "{filter:?}");
                    let back = all(|before: Option<&u64>, limit| {
                        scene.ledger().newest_events(before.copied(), &filter, limit).expect("read")
                    });
                    assert!(back.iter().rev().eq(&expected), "{filter:?}: {back:?}");
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
    let back = |before| scene.ledger().newest_events(before, &filter, Limit::MAX).expect("read");
    let last = scene.ledger().head().expect("read").position;
    let stopped = last - most + 1;
    assert_eq!((back(None).items.len(), back(None).next), (0, Some(stopped)));
    assert_eq!((back(Some(stopped)).items.len(), back(Some(stopped)).next), (0, None));
    let of = EventFilter::about(Some(Subject::Node(node(2))));
    let page = scene.ledger().events(0, &of, Limit::MAX).expect("read");
    assert_eq!((page.items.len(), page.next), (1, None));
}

/// From where, with which token and in which trace something was decided stands with its unit's events and nobody else's, and
/// moves the chain.
pub fn where_it_came_from_is_kept_with_the_events_of_a_unit(places: Places<'_>) {
    let mut scene = Scene::new(places);
    let trace = TraceId::new([7; 16]).expect("a trace");
    let token = TokenId::new(uuid::Uuid::from_u128(9));
    let origin = Origin { from: Whence::Client([10, 0, 0, 7].into()), token: Some(token) };
    let unit = by().from(origin).traced(trace).decide(joined(1, 1)).decide(joined(2, 1));
    let of_node = Origin { from: Whence::Node(node(3)), token: None };
    let outcomes =
        scene.ledger().commit(vec![unit, by().decide(joined(3, 1)), by().from(of_node).decide(joined(4, 1))]);
    assert!(outcomes.expect("written").iter().all(crate::unit::UnitOutcome::is_done));
    scene.reopen();
    let events = scene.ledger().events(0, &EventFilter::default(), Limit::MAX).expect("read").items;
    assert_eq!(
        events.iter().map(|one| (one.origin, one.trace)).collect::<Vec<_>>(),
        [
            (Some(origin), Some(trace)),
            (Some(origin), Some(trace)),
            (Some(Origin::default()), None),
            (Some(of_node), None),
        ]
    );
    let filter = EventFilter { token: Some(token), ..EventFilter::default() };
    let shown = scene.ledger().events(0, &filter, Limit::MAX).expect("read").items;
    assert_eq!(shown, events[..2]);
    let filter = EventFilter { of: Some(Subject::Node(node(2))), ..filter };
    assert_eq!(scene.ledger().events(0, &filter, Limit::MAX).expect("read").items, events[1..2]);
    let others: Vec<Origin> = vec![
        Origin { from: Whence::Control, ..origin },
        Origin { token: None, ..origin },
        Origin { token: Some(TokenId::new(uuid::Uuid::from_u128(8))), ..origin },
    ];
    let mut hashes: Vec<_> = others
        .into_iter()
        .map(|origin| first_hash(places, by().from(origin).traced(trace).decide(joined(1, 1))))
        .collect();
    hashes.push(first_hash(places, by().from(origin).decide(joined(1, 1))));
    assert!(!hashes.contains(&events[0].hash), "something of it is not hashed");
    assert_eq!(first_hash(places, by().from(origin).traced(trace).decide(joined(1, 1))), events[0].hash);
    scene.is_sound();
}

/// The hash of the first event of a ledger of its own.
fn first_hash(places: Places<'_>, unit: Unit) -> skein_types::Blake3 {
    let scene = Scene::new(places);
    scene.applied(unit);
    scene.ledger().head().expect("a head").hash
}

/// What was so before a decision is what the last one about the same thing says, however many are about others.
pub fn what_was_before_is_the_last_decision_about_the_same(places: Places<'_>) {
    let scene = told(places);
    let kinds = [Kind::TeamCreated, Kind::TeamChanged];
    let about = Subject::Team(name("t2"));
    let log =
        scene.ledger().events(0, &EventFilter::about(Some(about.clone())), Limit::MAX).expect("read").items;
    assert!(log.len() > 3);
    for two in log.windows(2) {
        let before = scene.ledger().event_before(two[1].position, &about, &kinds).expect("read");
        assert_eq!(before.as_ref(), Some(&two[0]));
        assert_eq!(scene.ledger().event(two[1].position).expect("read").as_ref(), Some(&two[1]));
    }
    assert_eq!(scene.ledger().event_before(log[0].position, &about, &kinds).expect("read"), None);
    let created = [Kind::TeamCreated];
    let last = log.last().expect("some").position;
    assert_eq!(scene.ledger().event_before(last, &about, &created).expect("read").as_ref(), Some(&log[0]));
    // A campaign's are not those of its runs.
    let of_campaign = Subject::Campaign(campaign(1));
    assert_eq!(scene.ledger().event_before(last, &of_campaign, &[Kind::RunPlanned]).expect("read"), None);
    assert_eq!(scene.ledger().event(last + 10_000).expect("read"), None);
}

/// Records verify without the ledger, and say the same.
pub fn records_verify_by_themselves(places: Places<'_>) {
    let scene = told(places);
    let records = all(|after: Option<&u64>, limit| {
        scene.ledger().records(after.copied().unwrap_or(0), limit).expect("read")
    });
    let mut follow = Follow::behind(Head::GENESIS);
    for record in &records {
        let text = serde_json::to_string(record).expect("a record is JSON");
        follow.next(&serde_json::from_str(&text).expect("and back")).expect("it follows");
    }
    assert_eq!(follow.head(), scene.ledger().head().expect("a head"));
}

/// The next key takes the place of the last one; another is refused, and so is one that was there.
pub fn keys_follow_one_another(places: Places<'_>) {
    let scene = Scene::new(places);
    let key = |key: &str, before: Option<&str>| KeyIntroduced {
        key: name(key),
        public: text("cA=="),
        at: START,
        before: before.map(name),
        by_key: text("cw=="),
        by_before: before.map(|_| text("dA==")),
    };
    scene.applied(by().decide(key("a", None)));
    for wrong in [key("b", None), key("b", Some("c")), key("a", Some("a"))] {
        assert!(!scene.commit(by().decide(wrong)).is_done());
    }
    scene.applied(by().decide(key("b", Some("a"))));
    let keys = scene.ledger().signing_keys(None, Limit::MAX).expect("read").items;
    assert_eq!(
        keys.iter().map(|key| (key.id.as_str(), key.position)).collect::<Vec<_>>(),
        [("a", 1), ("b", 2)]
    );
    assert_eq!(scene.ledger().signing_keys(Some(1), Limit::MAX).expect("read").items, keys[1..]);
    scene.is_sound();
}

/// A copy of the server is a decision about the server, found as one, and sets nothing.
pub fn a_copy_of_the_server_is_on_record(places: Places<'_>) {
    let mut scene = Scene::set(places);
    let before = scene.ledger().head().expect("a head");
    let made = |with_keys| BackupMade {
        to: text("/backups/a"),
        with_keys,
        position: before.position,
        hash: before.hash,
    };
    scene.applied(by().decide(made(false)));
    scene.applied(by().decide(made(true)));
    scene.reopen();
    let about = EventFilter::about(Some(Subject::Server));
    let found = scene.ledger().events(0, &about, Limit::MAX).expect("read").items;
    assert_eq!(
        found.into_iter().map(|one| (one.position, one.event)).collect::<Vec<_>>(),
        [(before.position + 1, made(false).into()), (before.position + 2, made(true).into())]
    );
    let filter = EventFilter { kinds: vec![Kind::BackupMade], ..EventFilter::default() };
    assert_eq!(scene.ledger().events(0, &filter, Limit::MAX).expect("read").items.len(), 2);
    scene.is_sound();
}
