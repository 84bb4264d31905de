//! The log: order, atomicity, causes, heads, bounds.

use skein_types::{Blake3, Millis, Timestamp};

use super::Places;
use super::scene::{self, Scene, by, campaign, cause, joined, registered};
use crate::bounds::{BLOB_MAX, ENTRIES_MAX, UNITS_MAX};
use crate::chain::Head;
use crate::entry::Entry;
use crate::error::{Damage, LedgerError};
use crate::event::dataset::DatasetRemoved;
use crate::guard::{Found, Guard};
use crate::ledger::{Retention, Swept};
use crate::page::Limit;
use crate::unit::{RefusedAt, Span, UnitOutcome};
use crate::view::EventFilter;

/// Each event is one further and its hash another, also over a reopen.
pub fn positions_count_from_one_and_each_hash_covers_the_one_before(places: Places<'_>) {
    let mut scene = Scene::new(places);
    assert_eq!(scene.ledger().head().expect("a head"), Head::GENESIS);
    for number in 1..=5 {
        let span = scene.applied(by().decide(joined(number, 1)));
        assert_eq!(span, Some(Span { first: number, last: number }));
        scene.reopen();
    }
    let events = scene.ledger().events(0, &EventFilter::default(), Limit::MAX).expect("events").items;
    assert_eq!(events.iter().map(|event| event.position).collect::<Vec<_>>(), [1, 2, 3, 4, 5]);
    let head = Head { position: 5, hash: events[4].hash };
    assert_eq!(scene.ledger().head().expect("a head"), head);
    assert!(events.iter().all(|event| event.actor.as_str() == "person:ada" && event.at == scene::START));
    scene.is_sound();
}

/// A unit in the middle fails at its last entry.
pub fn a_unit_is_written_whole_or_not_at_all_and_the_others_do_not_mind(places: Places<'_>) {
    let scene = Scene::new(places);
    let units = vec![
        by().decide(joined(1, 1)),
        by().decide(joined(2, 1)).decide(joined(3, 1)).decide(joined(1, 1)),
        by().decide(joined(4, 1)),
    ];
    let outcomes = scene.ledger().commit(units).expect("written");
    let found = Found::Node { state: crate::view::NodeState::Joined, incarnation: 1 };
    let expected = [
        UnitOutcome::Applied(Some(Span { first: 1, last: 1 })),
        UnitOutcome::Refused { at: RefusedAt::Entry(2), found },
        UnitOutcome::Applied(Some(Span { first: 2, last: 2 })),
    ];
    assert_eq!(outcomes, expected);
    assert_eq!(scene.ledger().node(scene::node(2)).expect("read"), None);
    scene.is_sound();
}

/// A retry is told what became of the first try; also within one call, and with other content.
pub fn a_known_cause_does_nothing_and_says_where_it_was_done(places: Places<'_>) {
    let mut scene = Scene::new(places);
    let unit = || by().caused(cause(1)).decide(joined(1, 1)).decide(joined(2, 1));
    let span = Some(Span { first: 1, last: 2 });
    let both = scene.ledger().commit(vec![unit(), unit()]).expect("written");
    assert_eq!(both, [UnitOutcome::Applied(span), UnitOutcome::Known(span)]);
    scene.reopen();
    assert_eq!(scene.commit(by().caused(cause(1)).decide(joined(9, 1))), UnitOutcome::Known(span));
    let quiet = || by().caused(cause(2)).then(Entry::PutBlob { bytes: vec![1], keep_until: scene::START });
    assert_eq!(scene.commit(quiet()), UnitOutcome::Applied(None));
    assert_eq!(scene.commit(quiet()), UnitOutcome::Known(None));
    assert_eq!(scene.ledger().head().expect("a head").position, 2);
}

/// What was refused may be asked for again when it fits.
pub fn a_refused_unit_leaves_its_cause_unknown(places: Places<'_>) {
    let scene = Scene::new(places);
    let removed = DatasetRemoved { dataset: scene::dataset(1), reason: scene::text("gone") };
    let unit = || by().caused(cause(1)).decide(removed.clone());
    let refused = UnitOutcome::Refused { at: RefusedAt::Entry(0), found: Found::Nothing };
    assert_eq!(scene.commit(unit()), refused);
    scene.applied(by().decide(registered(1, "orders", "shop", &[])));
    assert_eq!(scene.applied(unit()), Some(Span { first: 2, last: 2 }));
}

/// Times go back, positions do not.
pub fn a_clock_that_steps_back_does_not_change_the_order(places: Places<'_>) {
    let scene = Scene::new(places);
    for (number, now) in [(1, 5_000), (2, 1_000), (3, u64::MAX), (4, 0)] {
        scene.clock.set(Timestamp(now));
        scene.applied(by().decide(joined(number, 1)));
    }
    let events = scene.ledger().events(0, &EventFilter::default(), Limit::MAX).expect("events").items;
    let times: Vec<_> = events.iter().map(|event| (event.position, event.at.0)).collect();
    assert_eq!(times, [(1, 5_000), (2, 1_000), (3, (1 << 53) - 1), (4, 0)]);
    scene.is_sound();
}

/// An earlier head fits, another ledger's does not, and one that is further says that the log was cut.
pub fn a_head_from_elsewhere_fits_only_the_log_that_it_was_taken_from(places: Places<'_>) {
    let (scene, other) = (Scene::new(places), Scene::new(places));
    scene.applied(by().decide(joined(1, 1)));
    let early = scene.ledger().head().expect("a head");
    scene.applied(by().decide(joined(2, 1)));
    let late = scene.ledger().head().expect("a head");
    assert_eq!(scene.ledger().verify(Some(early)).expect("it lies on it"), late);
    assert_eq!(scene.ledger().verify(Some(Head::GENESIS)).expect("it lies on it"), late);

    other.applied(by().decide(joined(7, 1)));
    let damage = |against| match other.ledger().verify(Some(against)) {
        Err(LedgerError::Damaged(damage)) => damage,
        other => panic!("{other:?}"),
    };
    assert_eq!(damage(early), Damage::Edited(1));
    assert_eq!(damage(late), Damage::Cut { found: 1, known: 2 });
    let forged = Head { position: 0, hash: Blake3::of(b"x") };
    assert_eq!(damage(forged), Damage::Edited(0));
}

/// The first unit that cannot be is named; those before it are not written either.
pub fn what_is_out_of_bounds_is_said_before_anything_is_written(places: Places<'_>) {
    let scene = Scene::new(places);
    let blob = |bytes: usize| Entry::PutBlob { bytes: vec![0; bytes], keep_until: scene::START };
    let mut many = by();
    many.entries = vec![blob(0); ENTRIES_MAX + 1];
    let mut enqueue = scene::enqueue(1);
    enqueue.payload = "{".to_owned();
    let late = Guard::CampaignAt { campaign: campaign(1), epoch: u64::MAX };
    for bad in [
        by().then(blob(BLOB_MAX + 1)),
        many,
        by().then(Entry::Enqueue(enqueue)),
        by().if_(late),
        by().decide(joined(1, u64::MAX)),
    ] {
        match scene.ledger().commit(vec![by().decide(joined(1, 1)), bad.clone()]) {
            Err(LedgerError::Invalid(invalid)) => assert_eq!(invalid.unit, 1),
            other => panic!("{other:?}"),
        }
    }
    let units = vec![by(); UNITS_MAX + 1];
    assert!(matches!(scene.ledger().commit(units), Err(LedgerError::Invalid(_))));
    assert_eq!(scene.ledger().head().expect("a head"), Head::GENESIS);
    assert_eq!(scene.applied(by().then(blob(BLOB_MAX))), None);
}

/// Positions of one call's unit are its own, and no position is lost.
pub fn many_callers_at_once_get_positions_of_their_own(places: Places<'_>) {
    let scene = Scene::new(places);
    let ledger = scene.ledger();
    let spans: Vec<Span> = std::thread::scope(|scope| {
        let callers: Vec<_> = (0..8_u64)
            .map(|caller| {
                scope.spawn(move || {
                    let units = (0..10_u64).map(|call| {
                        let number = caller * 100 + call * 2;
                        let unit = by().decide(joined(number, 1)).decide(joined(number + 1, 1));
                        ledger.commit(vec![unit]).expect("written").remove(0)
                    });
                    units.collect::<Vec<_>>()
                })
            })
            .collect();
        let outcomes = callers.into_iter().flat_map(|caller| caller.join().expect("it ends"));
        outcomes
            .map(|outcome| {
                let UnitOutcome::Applied(Some(span)) = outcome else { panic!("{outcome:?}") };
                span
            })
            .collect()
    });
    let mut positions: Vec<u64> = spans.iter().flat_map(|span| span.first..=span.last).collect();
    assert!(spans.iter().all(|span| span.last == span.first + 1));
    positions.sort_unstable();
    assert_eq!(positions, (1..=160).collect::<Vec<_>>());
    scene.is_sound();
}

/// A retry inside the retention is known, one behind it is new.
pub fn causes_are_forgotten_after_their_retention_and_not_before(places: Places<'_>) {
    let scene = Scene::new(places);
    let unit = |number| by().caused(cause(number)).decide(joined(number, 1));
    scene.applied(unit(1));
    scene.clock.set(Timestamp(scene::START.0 + 500));
    scene.applied(unit(2));
    scene.clock.set(Timestamp(scene::START.0 + 1_001));
    let swept =
        scene.ledger().sweep(Retention { causes: Millis(1_000), charges: Millis(u64::MAX) }).expect("swept");
    assert_eq!(swept, Swept { causes: 1, blobs: 0, ..Swept::default() });
    assert!(matches!(scene.commit(unit(1)), UnitOutcome::Refused { .. }));
    assert!(matches!(scene.commit(unit(2)), UnitOutcome::Known(_)));
}
