//! Answers, notices, and what was used.

use skein_types::{Blake3, Bytes, DeliveryId, Fuel, Millis, ModuleDigest, Name, Timestamp, WebhookId};
use uuid::Uuid;

use super::Places;
use super::lists::all;
use super::scene::{START, Scene, by, campaign, joined, name, text};
use crate::bounds::{ANSWER_MAX, ANSWERS_MAX, ENTRIES_MAX};
use crate::canonical::INTEGER_MAX;
use crate::entry::Entry;
use crate::error::LedgerError;
use crate::guard::Found;
use crate::kept::{
    Answer, Charge, Delivery, DeliveryFilter, DeliveryState, Scrubbed, Usage, UsageBy, UsageFilter, UsageOf,
    Used,
};
use crate::ledger::{Retention, Swept};
use crate::page::Limit;
use crate::unit::{RefusedAt, UnitOutcome};

const HOUR: u64 = 3_600_000;

fn answer(key: &str, request: &[u8], keep: u64) -> Answer {
    let (key, request) = (name(key), Blake3::of(request));
    Answer { key, request, status: 201, body: b"{}".to_vec(), keep_until: Timestamp(START.0 + keep) }
}

fn sweep(scene: &Scene, charges: u64) -> Swept {
    let retention = Retention { causes: Millis(u64::MAX), charges: Millis(charges) };
    scene.ledger().sweep(retention).expect("swept")
}

fn invalid(scene: &Scene, entry: Entry) -> String {
    match scene.ledger().commit(vec![by().then(entry)]) {
        Err(LedgerError::Invalid(invalid)) => invalid.what,
        other => panic!("{other:?}"),
    }
}

/// The first answer stays, another request is refused, and what is over makes place.
pub fn a_request_that_is_asked_again_has_the_first_answer(places: Places<'_>) {
    let mut scene = Scene::new(places);
    let keep = |answer: &Answer| by().then(Entry::KeepAnswer(answer.clone()));
    let read = |scene: &Scene| scene.ledger().answer(&name("k")).expect("read");
    assert_eq!(read(&scene), None);
    let first = answer("k", b"make a", 10);
    assert_eq!(scene.applied(keep(&first)), None);
    let again = Answer { status: 500, body: vec![], ..answer("k", b"make a", 20) };
    scene.applied(keep(&again).then(Entry::KeepAnswer(answer("k", b"make a", 5))));
    scene.reopen();
    let kept = Answer { keep_until: again.keep_until, ..first };
    assert_eq!(read(&scene), Some(kept.clone()));
    let other = answer("k", b"make b", 90);
    let refused =
        UnitOutcome::Refused { at: RefusedAt::Entry(1), found: Found::Answer { request: kept.request } };
    assert_eq!(scene.commit(by().decide(joined(1, 1)).then(Entry::KeepAnswer(other.clone()))), refused);
    assert_eq!(scene.ledger().head().expect("a head").position, 0);
    scene.clock.set(Timestamp(START.0 + 21));
    scene.applied(keep(&other));
    assert_eq!(read(&scene), Some(other));
    let large = Answer { body: vec![0; ANSWER_MAX + 1], ..answer("l", b"", 1) };
    assert_eq!(invalid(&scene, Entry::KeepAnswer(large)), "an answer of 65537 bytes; 65536 are allowed");
    scene.clock.set(Timestamp(START.0 + 91));
    assert_eq!(sweep(&scene, u64::MAX), Swept { answers: 1, ..Swept::default() });
    assert_eq!(read(&scene), None);
}

/// Whoever asks without end does not fill the disk.
pub fn there_are_so_many_answers_and_the_first_to_go_goes(places: Places<'_>) {
    let scene = Scene::new(places);
    let numbers: Vec<u64> = (0..ANSWERS_MAX + 2).collect();
    for chunk in numbers.chunks(ENTRIES_MAX) {
        let entry = |number: &u64| Entry::KeepAnswer(answer(&format!("k{number}"), b"", *number));
        scene.applied(chunk.iter().fold(by(), |unit, number| unit.then(entry(number))));
    }
    let there = |number: u64| scene.ledger().answer(&name(&format!("k{number}"))).expect("read").is_some();
    assert_eq!([0, 1, 2, ANSWERS_MAX + 1].map(there), [false, false, true, true]);
    scene.clock.set(Timestamp(START.0 + ANSWERS_MAX));
    assert_eq!(sweep(&scene, u64::MAX).answers, ANSWERS_MAX - 2);
    assert_eq!([ANSWERS_MAX - 1, ANSWERS_MAX].map(there), [false, true]);
}

fn delivery(number: u64) -> Delivery {
    Delivery {
        id: DeliveryId::new(Uuid::from_u128(number.into())),
        webhook: WebhookId::new(Uuid::from_u128(u128::from(number % 2))),
        position: number,
        kind: name("campaign.moved"),
        notice: Blake3::of(&number.to_be_bytes()),
        state: DeliveryState::ALL[number as usize % 3],
        tries: 1,
        due: Timestamp(100 - number),
        status: number.is_multiple_of(4).then_some(503),
        error: text("busy"),
        at: START,
        keep_until: Timestamp(START.0 + number),
    }
}

/// Put again it is as it was put last; listed by receiver and state; due in order.
pub fn notices_are_listed_by_receiver_and_state_and_in_the_order_in_which_they_are_due(places: Places<'_>) {
    let mut scene = Scene::new(places);
    for number in 0..18 {
        scene.applied(by().then(Entry::PutDelivery(delivery(number))));
    }
    let tried = Delivery { state: DeliveryState::Waiting, tries: 2, due: Timestamp(3), ..delivery(10) };
    scene.applied(by().then(Entry::PutDelivery(tried.clone())));
    scene.reopen();
    assert_eq!(scene.ledger().delivery(tried.id).expect("read"), Some(tried.clone()));
    let of = |number: u64| if number == 10 { tried.clone() } else { delivery(number) };
    let expect = |filter: DeliveryFilter, fits: fn(&Delivery) -> bool| {
        let rows = all(|after: Option<&DeliveryId>, limit| {
            scene.ledger().deliveries(filter, after.copied(), limit).expect("read")
        });
        assert_eq!(rows, (0..18).map(of).filter(fits).collect::<Vec<_>>(), "{filter:?}");
        let back = all(|before: Option<&DeliveryId>, limit| {
            scene.ledger().newest_deliveries(filter, before.copied(), limit).expect("read")
        });
        assert!(back.iter().rev().eq(&rows), "{filter:?}: {back:?}");
    };
    let (webhook, state) = (Some(delivery(1).webhook), Some(DeliveryState::Waiting));
    expect(DeliveryFilter::default(), |_| true);
    expect(DeliveryFilter { webhook, state: None }, |one| one.webhook == delivery(1).webhook);
    expect(DeliveryFilter { webhook: None, state }, |one| one.state == DeliveryState::Waiting);
    expect(DeliveryFilter { webhook, state }, |one| {
        one.webhook == delivery(1).webhook && one.state == DeliveryState::Waiting
    });
    scene.clock.set(Timestamp(START.0 + 5));
    assert_eq!(sweep(&scene, u64::MAX), Swept { deliveries: 5, ..Swept::default() });
    assert_eq!(scene.ledger().delivery(delivery(4).id).expect("read"), None);
}

/// From where notices go on.
pub fn what_was_told_of_is_never_untold(places: Places<'_>) {
    let mut scene = Scene::new(places);
    assert_eq!(scene.ledger().notified_to().expect("read"), 0);
    let to = |position| Entry::NotifiedTo { position };
    scene.applied(by().decide(joined(1, 1)).decide(joined(2, 1)).then(to(2)));
    scene.applied(by().then(to(1)));
    let refused = UnitOutcome::Refused { at: RefusedAt::Entry(0), found: Found::Nothing };
    assert_eq!(scene.commit(by().then(to(3))), refused);
    scene.reopen();
    assert_eq!(scene.ledger().notified_to().expect("read"), 2);
}

/// What was last found out stays, and only that.
pub fn a_scrub_is_known_by_its_last_time(places: Places<'_>) {
    let mut scene = Scene::new(places);
    let dataset = skein_types::DatasetId::new(Uuid::from_u128(1));
    assert_eq!(scene.ledger().scrubbed(dataset).expect("read"), None);
    for (at, report) in [(START, "{}"), (Timestamp(START.0 + HOUR), "{\"files\":3}")] {
        let scrubbed = Scrubbed { dataset, at, report: report.to_owned() };
        scene.applied(by().then(Entry::Scrubbed(scrubbed.clone())));
        assert_eq!(scene.ledger().scrubbed(dataset).expect("read"), Some(scrubbed));
        assert_eq!(scene.ledger().last_scrubbed().expect("read"), Some((dataset, at)));
    }
    scene.reopen();
    assert!(scene.ledger().scrubbed(dataset).expect("read").is_some());
}

fn used(cpu: u64) -> Used {
    Used {
        cpu: Millis(cpu),
        fuel: Fuel(2 * cpu),
        bytes_read: Bytes(3 * cpu),
        bytes_written: Bytes(4 * cpu),
        slot: Millis(5 * cpu),
        attempts: 1,
    }
}

/// Work of two teams, three campaigns and no module or one, over five hours.
fn charges() -> Vec<Charge> {
    let one = |number: u64| Charge {
        team: name(if number.is_multiple_of(3) { "shop" } else { "billing" }),
        campaign: (!number.is_multiple_of(4)).then(|| campaign(number % 4)),
        module: number.is_multiple_of(2).then(|| ModuleDigest::of(b"module")),
        hour: Timestamp((number % 5) * HOUR),
        used: used(number),
    };
    (1..=60).map(one).collect()
}

/// Every filter and every grouping, against sums made by hand.
pub fn use_is_summed_by_hour_team_campaign_and_module(places: Places<'_>) {
    let mut scene = Scene::new(places);
    for charge in charges() {
        scene.applied(by().then(Entry::Charge(charge)));
    }
    scene.reopen();
    let module = Some(ModuleDigest::of(b"module"));
    let team = Some(name("shop"));
    let none = UsageFilter::default;
    let filters = [
        none(),
        UsageFilter { team: team.clone(), ..none() },
        UsageFilter { campaign: Some(campaign(2)), ..none() },
        UsageFilter { module, ..none() },
        UsageFilter { team, campaign: Some(campaign(1)), module, ..none() },
        UsageFilter { from: Some(Timestamp(HOUR)), to: Some(Timestamp(3 * HOUR)), ..none() },
        UsageFilter { campaign: Some(campaign(9)), ..none() },
    ];
    for filter in filters {
        for by in [UsageBy::Team, UsageBy::Campaign, UsageBy::Module, UsageBy::Hour] {
            let usage = scene.ledger().usage(&filter, by, Limit::MAX).expect("read");
            assert_eq!(usage, summed(&filter, by), "{filter:?} {by:?}");
        }
    }
    let first = scene.ledger().usage(&none(), UsageBy::Campaign, Limit::new(2)).expect("read");
    let whole = summed(&none(), UsageBy::Campaign);
    assert_eq!((first.sums.as_slice(), first.whole), (&whole.sums[..2], false));
    let latest = scene.ledger().usage(&none(), UsageBy::Hour, Limit::new(2)).expect("read");
    assert_eq!((latest.sums.as_slice(), latest.whole), (&summed(&none(), UsageBy::Hour).sums[3..], false));
}

fn summed(filter: &UsageFilter, by: UsageBy) -> Usage {
    let fits = |one: &Charge| {
        filter.team.as_ref().is_none_or(|team| *team == one.team)
            && filter.campaign.is_none_or(|campaign| Some(campaign) == one.campaign)
            && filter.module.is_none_or(|module| Some(module) == one.module)
            && filter.from.is_none_or(|from| from <= one.hour)
            && filter.to.is_none_or(|to| one.hour < to)
    };
    let mut sums = std::collections::BTreeMap::<UsageOf, Used>::new();
    for one in charges().into_iter().filter(fits) {
        let of = match by {
            UsageBy::Team => UsageOf::Team(one.team),
            UsageBy::Campaign => UsageOf::Campaign(one.campaign),
            UsageBy::Module => UsageOf::Module(one.module),
            UsageBy::Hour => UsageOf::Hour(one.hour),
        };
        let sum = sums.entry(of).or_default();
        *sum = sum.plus(one.used);
    }
    let mut sums: Vec<_> = sums.into_iter().collect();
    if by != UsageBy::Hour {
        sums.sort_by_key(|(_, used)| std::cmp::Reverse(used.cpu));
    }
    Usage { sums, whole: true }
}

/// What is more than a row can hold stays at that; what begins in the middle of an hour is refused; what is old goes.
pub fn use_is_added_up_to_what_a_row_holds_and_kept_for_its_time(places: Places<'_>) {
    let scene = Scene::new(places);
    let charge = |hour, used| {
        Entry::Charge(Charge {
            team: name("shop"),
            campaign: None,
            module: None,
            hour: Timestamp(hour),
            used,
        })
    };
    let most = Used { cpu: Millis(INTEGER_MAX), ..used(1) };
    // More often than a sum that nothing stops would fit into a column.
    let now = START.0 / HOUR * HOUR;
    scene.applied((0..1_100).fold(by(), |unit, _| unit.then(charge(now, most))));
    let read =
        || scene.ledger().usage(&UsageFilter::default(), UsageBy::Team, Limit::MAX).expect("read").sums;
    let expected = Used { attempts: 1_100, ..used(1_100) };
    assert_eq!(read(), [(UsageOf::Team(name("shop")), Used { cpu: Millis(INTEGER_MAX), ..expected })]);
    assert_eq!(invalid(&scene, charge(5, used(1))), "an hour does not begin at 5");
    scene.applied(by().then(charge(0, used(1))));
    assert_eq!(sweep(&scene, START.0 - HOUR), Swept { charges: 1, ..Swept::default() });
    assert_eq!(read().len(), 1);
    let names: Vec<Name> = vec![name("shop")];
    assert_eq!(
        read().into_iter().map(|(of, _)| of).collect::<Vec<_>>(),
        names.into_iter().map(UsageOf::Team).collect::<Vec<_>>()
    );
}
