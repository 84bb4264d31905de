//! Quotas, policies, secrets, receivers, the fleet, and what people want of nodes.

use std::collections::BTreeMap;

use skein_types::{
    Blake3, Bounds, Excess, Fuel, FuelBudget, Millis, Name, NodeMark, QuotaOf, ReceiverKind, Resource,
    Timestamp, WebhookId,
};
use uuid::Uuid;

use super::Places;
use super::lists::all;
use super::scene::{START, Scene, by, campaign, content, dataset, joined, name, node, registered, text};
use crate::entry::{Entry, Renew};
use crate::error::LedgerError;
use crate::event::access::{TeamCreated, TeamRemoved};
use crate::event::node::{NodeLeft, NodeMarked};
use crate::event::settings::*;
use crate::event::{Event, Subject};
use crate::guard::{Found, Guard};
use crate::ledger::Retention;
use crate::page::Limit;
use crate::unit::{RefusedAt, UnitOutcome};
use crate::view::{EventFilter, Fleet, NodeState, Policy, Quota, Secret, Webhook};

fn refuses(scene: &Scene, event: impl Into<Event>, found: Found) {
    let refused = UnitOutcome::Refused { at: RefusedAt::Entry(0), found };
    assert_eq!(scene.commit(by().decide(event)), refused);
}

fn positions(scene: &Scene, of: Subject) -> Vec<u64> {
    let of = EventFilter::about(Some(of));
    let events = scene.ledger().events(0, &of, Limit::MAX).expect("read").items;
    events.iter().map(|event| event.position).collect()
}

fn quota(of: QuotaOf, weight: u32) -> QuotaSet {
    let bounds = Bounds { guaranteed: 2_000, limit: Some(4_000), lendable: None };
    let slots = Bounds { guaranteed: 0, limit: None, lendable: Some(1) };
    let bounds = BTreeMap::from([(Resource::Slots, slots), (Resource::Cpu, bounds)]);
    let fuel = (weight > 1).then_some(FuelBudget { fuel: Fuel(7), per: Millis(60_000) });
    QuotaSet { of, weight, bounds, fuel, excess: Excess::Throttle }
}

/// Set whole, each time; what is not there cannot be removed.
pub fn a_quota_is_what_was_set_last(places: Places<'_>) {
    let mut scene = Scene::new(places);
    let team = || QuotaOf::Team(name("shop"));
    let every = [QuotaOf::Campaign(campaign(1)), QuotaOf::Default, QuotaOf::Org, team()];
    for of in every.clone() {
        scene.applied(by().decide(quota(of, 2)));
    }
    scene.clock.set(Timestamp(START.0 + 5));
    let set = quota(team(), 1);
    scene.applied(by().decide(set.clone()));
    scene.reopen();
    let QuotaSet { of, weight, bounds, fuel, excess } = set;
    let expected = Quota { of, weight, bounds, fuel, excess, since: Timestamp(START.0 + 5), version: 5 };
    assert_eq!(scene.ledger().quota(&team()).expect("read"), Some(expected));
    let rows = all(|after: Option<&QuotaOf>, limit| scene.ledger().quotas(after, limit).expect("read"));
    assert_eq!(rows.iter().map(|row| row.of.clone()).collect::<Vec<_>>(), every);
    assert_eq!(rows[0].fuel, Some(FuelBudget { fuel: Fuel(7), per: Millis(60_000) }));
    assert_eq!(positions(&scene, Subject::Quota(team())), [4, 5]);
    let removed = QuotaRemoved { of: QuotaOf::Org, reason: text("") };
    scene.applied(by().decide(removed.clone()));
    refuses(&scene, removed, Found::Nothing);
    assert_eq!(scene.ledger().quota(&QuotaOf::Org).expect("read"), None);
    scene.is_sound();
}

/// Its blob is brought, and kept for as long as it is set.
pub fn a_policys_blob_is_kept_while_the_policy_is_set(places: Places<'_>) {
    let scene = Scene::new(places);
    let bytes = b"waves = 3".to_vec();
    let blob = Blake3::of(&bytes);
    let set = |called: &str| PolicySet { name: name(called), blob, note: text("careful") };
    refuses(&scene, set("a"), Found::NoBlob { digest: blob });
    scene.applied(by().then(Entry::PutBlob { bytes, keep_until: START }).decide(set("a")));
    for called in ["d", "b", "c"] {
        scene.applied(by().decide(set(called)));
    }
    let expected = Policy { name: name("b"), blob, note: text("careful"), since: START, version: 3 };
    assert_eq!(scene.ledger().policy(&name("b")).expect("read"), Some(expected));
    let rows = all(|after: Option<&Name>, limit| scene.ledger().policies(after, limit).expect("read"));
    assert_eq!(rows.iter().map(|row| row.name.as_str()).collect::<Vec<_>>(), ["a", "b", "c", "d"]);
    let sweep = || {
        scene.clock.set(Timestamp(START.0 + 10));
        scene
            .ledger()
            .sweep(Retention { causes: Millis(u64::MAX), charges: Millis(u64::MAX) })
            .expect("swept")
            .blobs
    };
    for called in ["a", "b", "c"] {
        scene.applied(by().decide(PolicyRemoved { name: name(called), reason: text("") }));
        assert_eq!(sweep(), 0);
    }
    scene.applied(by().decide(PolicyRemoved { name: name("d"), reason: text("") }));
    refuses(&scene, PolicyRemoved { name: name("d"), reason: text("") }, Found::Nothing);
    assert_eq!(sweep(), 1);
    assert_eq!(positions(&scene, Subject::Policy(name("c"))), [4, 7]);
    scene.is_sound();
}

/// Only a later value takes the place of one; what two names run together make is nobody else's history.
pub fn a_secret_has_a_later_value_or_none(places: Places<'_>) {
    let scene = Scene::new(places);
    let set = |team: &str, called: &str, version| SecretSet {
        team: name(team),
        name: name(called),
        version,
        digest: Blake3::of(&[version as u8]),
    };
    for (team, called) in [("shop", "b"), ("shop", "a"), ("billing", "a"), ("shop/b", "c"), ("shop", "b/c")] {
        scene.applied(by().decide(set(team, called, 1)));
    }
    scene.applied(by().decide(set("shop", "a", 3)));
    for late in [1, 3] {
        refuses(&scene, set("shop", "a", late), Found::Setting { version: 3 });
    }
    let digest = Blake3::of(&[3]);
    let expected = Secret { team: name("shop"), name: name("a"), version: 3, digest, since: START };
    assert_eq!(scene.ledger().secret(&name("shop"), &name("a")).expect("read"), Some(expected));
    let of = |team: Option<&str>| {
        let team = team.map(name);
        let rows = all(|after, limit| scene.ledger().secrets(team.as_ref(), after, limit).expect("read"));
        rows.iter().map(|row| format!("{} {}", row.team, row.name)).collect::<Vec<_>>()
    };
    assert_eq!(of(None), ["billing a", "shop a", "shop b", "shop b/c", "shop/b c"]);
    assert_eq!(of(Some("shop")), ["shop a", "shop b", "shop b/c"]);
    assert_eq!(positions(&scene, Subject::Secret(name("shop/b"), name("c"))), [4]);
    assert_eq!(positions(&scene, Subject::Secret(name("shop"), name("b/c"))), [5]);
    let removed = SecretRemoved { team: name("shop"), name: name("a"), reason: text("") };
    scene.applied(by().decide(removed.clone()));
    refuses(&scene, removed, Found::Nothing);
    scene.applied(by().decide(set("shop", "a", 4)));
    scene.is_sound();
}

/// Set, set again, listed, removed; so many patterns and no more.
pub fn a_receiver_is_told_of_what_was_set_last(places: Places<'_>) {
    let scene = Scene::new(places);
    let id = |number: u128| WebhookId::new(Uuid::from_u128(number));
    let set = |number, patterns| WebhookSet {
        webhook: id(number),
        name: name("ops"),
        team: (number == 2).then(|| name("shop")),
        kind: ReceiverKind::ALL[number as usize % 3],
        target: text("https://receiver.example/hook"),
        events: vec![name("campaign.*"); patterns],
        active: number != 3,
    };
    for number in 1..=4 {
        scene.applied(by().decide(set(number, 1)));
    }
    scene.applied(by().decide(set(2, PATTERNS_MAX)));
    match scene.ledger().commit(vec![by().decide(set(2, PATTERNS_MAX + 1))]) {
        Err(LedgerError::Invalid(invalid)) => {
            assert_eq!(invalid.what, "webhook.set: 33 patterns; 32 are allowed");
        }
        other => panic!("{other:?}"),
    }
    let WebhookSet { webhook, name, team, kind, target, events, active } = set(2, PATTERNS_MAX);
    let (id_of, since, version) = (webhook, START, 5);
    let expected = Webhook { id: id_of, name, team, kind, target, events, active, since, version };
    assert_eq!(scene.ledger().webhook(id(2)).expect("read"), Some(expected));
    let rows =
        all(|after: Option<&WebhookId>, limit| scene.ledger().webhooks(after.copied(), limit).expect("read"));
    assert_eq!(
        rows.iter().map(|row| (row.id, row.active)).collect::<Vec<_>>(),
        [(id(1), true), (id(2), true), (id(3), false), (id(4), true)]
    );
    let removed = WebhookRemoved { webhook: id(3), reason: text("") };
    scene.applied(by().decide(removed.clone()));
    refuses(&scene, removed, Found::Nothing);
    assert_eq!(positions(&scene, Subject::Webhook(id(3))), [3, 6]);
    scene.is_sound();
}

/// Once each way.
pub fn a_fleet_is_frozen_or_it_is_not(places: Places<'_>) {
    let mut scene = Scene::new(places);
    let never = Fleet { frozen: false, reason: text(""), since: Timestamp(0), version: 0 };
    assert_eq!(scene.ledger().fleet().expect("read"), never);
    let (frozen, thawed) = (FleetFrozen { reason: text("fire") }, FleetThawed { reason: text("out") });
    refuses(&scene, thawed.clone(), Found::Fleet { frozen: false });
    scene.applied(by().decide(frozen.clone()));
    scene.reopen();
    let now = Fleet { frozen: true, reason: text("fire"), since: START, version: 1 };
    assert_eq!(scene.ledger().fleet().expect("read"), now);
    refuses(&scene, frozen, Found::Fleet { frozen: true });
    scene.applied(by().decide(thawed));
    let fleet = scene.ledger().fleet().expect("read");
    assert_eq!((fleet.frozen, fleet.reason, fleet.version), (false, text("out"), 2));
    assert_eq!(positions(&scene, Subject::Fleet), [1, 2]);
    scene.is_sound();
}

/// Who read something else is told, whatever it is that was set, and also if it was removed and set again.
pub fn a_setting_that_moved_since_it_was_read_refuses(places: Places<'_>) {
    let scene = Scene::new(places);
    let webhook = WebhookId::new(Uuid::from_u128(1));
    let at = |setting: &Subject, version| by().if_(Guard::SettingAt { setting: setting.clone(), version });
    let blob = Entry::PutBlob { bytes: super::scene::CONTENT.to_vec(), keep_until: START };
    scene.applied(by().then(blob));
    let (team, target) = (None, text("https://receiver.example"));
    let set: [(Subject, Event); 6] = [
        (Subject::Team(name("shop")), TeamCreated { team: name("shop"), note: text("") }.into()),
        (Subject::Quota(QuotaOf::Org), quota(QuotaOf::Org, 1).into()),
        (Subject::Policy(name("p")), PolicySet { name: name("p"), blob: content(), note: text("") }.into()),
        (
            Subject::Secret(name("shop"), name("s")),
            SecretSet { team: name("shop"), name: name("s"), version: 4, digest: content() }.into(),
        ),
        (
            Subject::Webhook(webhook),
            WebhookSet {
                webhook,
                name: name("w"),
                team,
                kind: ReceiverKind::Http,
                target,
                events: vec![],
                active: true,
            }
            .into(),
        ),
        (Subject::Dataset(dataset(1)), registered(1, "orders", "shop", &[]).into()),
    ];
    let guarded =
        |outcome, found| assert_eq!(outcome, UnitOutcome::Refused { at: RefusedAt::Guard(0), found });
    for (version, (setting, event)) in (1..).zip(set) {
        guarded(scene.commit(at(&setting, Some(version)).decide(event.clone())), Found::Nothing);
        scene.applied(at(&setting, None).decide(event));
        guarded(scene.commit(at(&setting, None)), Found::Setting { version });
        guarded(scene.commit(at(&setting, Some(version + 1))), Found::Setting { version });
        scene.applied(at(&setting, Some(version)));
    }
    scene.applied(at(&Subject::Fleet, Some(0)).decide(FleetFrozen { reason: text("") }));
    guarded(scene.commit(at(&Subject::Fleet, Some(0))), Found::Setting { version: 7 });
    // The same words again are another setting.
    let shop = Subject::Team(name("shop"));
    scene.applied(by().decide(TeamRemoved { team: name("shop"), reason: text("") }));
    scene.applied(at(&shop, None).decide(TeamCreated { team: name("shop"), note: text("") }));
    guarded(scene.commit(at(&shop, Some(1))), Found::Setting { version: 9 });
    let what = match scene.ledger().commit(vec![at(&Subject::Node(node(1)), None)]) {
        Err(LedgerError::Invalid(invalid)) => invalid.what,
        other => panic!("{other:?}"),
    };
    assert_eq!(what, format!("{} is no setting", node(1)));
    scene.is_sound();
}

/// Marks stay for the next life of a node, and touch no lease.
pub fn a_nodes_mark_is_there_until_it_is_taken_back(places: Places<'_>) {
    let scene = Scene::new(places);
    let marked = |mark| NodeMarked { node: node(1), mark, reason: text("disk") };
    refuses(&scene, marked(NodeMark::Cordoned), Found::Nothing);
    scene.applied(by().decide(joined(1, 1)));
    let renew = Renew { node: node(1), incarnation: 1, until: Timestamp(9), usage: "{}".to_owned() };
    scene.applied(by().then(Entry::Renew(renew)));
    let read = || scene.ledger().node(node(1)).expect("read").expect("there is one");
    assert_eq!((read().mark, read().mark_reason), (NodeMark::None, text("")));
    scene.applied(by().decide(marked(NodeMark::Cordoned)));
    assert_eq!(
        (read().mark, read().mark_reason, read().state),
        (NodeMark::Cordoned, text("disk"), NodeState::Joined)
    );
    assert!(read().lease.is_some());
    scene.applied(by().decide(NodeLeft { node: node(1), incarnation: 1 }).decide(joined(1, 2)));
    assert_eq!((read().mark, read().mark_reason), (NodeMark::Cordoned, text("disk")));
    scene.applied(by().decide(marked(NodeMark::Draining)).decide(joined(1, 3)));
    assert_eq!((read().mark, read().mark_reason), (NodeMark::Draining, text("disk")));
    scene.applied(by().decide(marked(NodeMark::Cordoned)).decide(marked(NodeMark::None)));
    assert_eq!((read().mark, read().mark_reason), (NodeMark::None, text("disk")));
    assert_eq!(positions(&scene, Subject::Node(node(1))).len(), 8);
    scene.is_sound();
}
