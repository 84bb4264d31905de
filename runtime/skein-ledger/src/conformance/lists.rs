//! Pages: whatever the filter and the size, their sum is the list, in order, without gaps and twins.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::fmt::Debug;

use skein_types::{Bytes, CampaignId, CampaignState, ModuleDigest, Name, RunState, Timestamp, Verdict};

use super::Places;
use super::scene::{self, Scene, by, campaign, dataset, enqueue, intended, name, node, planned, registered};
use crate::ModulesOf;
use crate::bounds::OWNERS_MAX;
use crate::entry::Entry;
use crate::event::Subject;
use crate::event::campaign::{CampaignCreated, CampaignMoved, WavePlanned};
use crate::event::dataset::{DatasetChanged, DatasetRemoved, Labels};
use crate::event::module::ModuleSubmitted;
use crate::event::run::{RunFailed, RunPlanned};
use crate::guard::{Found, Guard};
use crate::page::{Limit, Page};
use crate::task::{PhaseName, SizeClass};
use crate::unit::{RefusedAt, UnitOutcome};
use crate::view::{CampaignFilter, CampaignsFrom, DatasetFilter, EventFilter, RunFilter, TaskFilter};

/// Reads a whole list in pages of three.
pub(super) fn all<T, K: Clone + Debug>(mut page: impl FnMut(Option<&K>, Limit) -> Page<T, K>) -> Vec<T> {
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let next = page(after.as_ref(), Limit::new(3));
        assert!(next.items.len() <= 3, "a page of {}", next.items.len());
        all.extend(next.items);
        after = match next.next {
            Some(key) => Some(key),
            None => return all,
        };
    }
}

fn labels(of: &[(&str, &str)]) -> Labels {
    of.iter().map(|(key, value)| (name(key), name(value))).collect()
}

/// Owner, labels, prefix, driver and several at once, against a list made by hand.
pub fn datasets_are_paged_by_name_through_every_filter(places: Places<'_>) {
    let scene = Scene::new(places);
    for number in 0..20_u64 {
        let owner = if number % 2 == 0 { "shop" } else { "billing" };
        let env = if number % 3 == 0 { "prod" } else { "test" };
        let tier = if number % 5 == 0 { "gold" } else { "tin" };
        let called = format!("{}-{number:02}", if number < 10 { "orders" } else { "ördérs" });
        let event = registered(number, &called, owner, &[("env", env), ("tier", tier)]);
        scene.applied(by().decide(event));
    }
    let found = |filter: &DatasetFilter| {
        let rows = all(|after, limit| scene.ledger().datasets(filter, after, limit).expect("read"));
        let numbers: Vec<u64> =
            rows.iter().map(|row| (0..20).find(|n| dataset(*n) == row.id).expect("ours")).collect();
        numbers
    };
    let expect = |filter: DatasetFilter, fits: fn(u64) -> bool| {
        assert_eq!(found(&filter), (0..20).filter(|n| fits(*n)).collect::<Vec<_>>(), "{filter:?}");
    };
    let none = DatasetFilter::default;
    expect(none(), |_| true);
    expect(DatasetFilter { owner: Some(name("shop")), ..none() }, |n| n % 2 == 0);
    expect(DatasetFilter { labels: labels(&[("env", "prod")]), ..none() }, |n| n % 3 == 0);
    let both = labels(&[("env", "prod"), ("tier", "gold")]);
    expect(DatasetFilter { labels: both.clone(), ..none() }, |n| n % 15 == 0);
    expect(DatasetFilter { prefix: Some(name("ör")), ..none() }, |n| n >= 10);
    expect(DatasetFilter { driver: Some(name("delta")), ..none() }, |_| false);
    let two = Some(vec![name("shop"), name("billing"), name("shop")]);
    expect(DatasetFilter { owners: two.clone(), ..none() }, |_| true);
    let prefix = Some(name("ör"));
    expect(DatasetFilter { owners: two.clone(), prefix, ..none() }, |n| n >= 10);
    expect(DatasetFilter { owners: Some(vec![name("shop"), name("ops")]), ..none() }, |n| n % 2 == 0);
    expect(DatasetFilter { owners: two.clone(), owner: Some(name("shop")), ..none() }, |n| n % 2 == 0);
    expect(DatasetFilter { owners: two, labels: labels(&[("env", "prod")]), ..none() }, |n| n % 3 == 0);
    expect(DatasetFilter { owners: Some(Vec::new()), ..none() }, |_| false);
    let many = DatasetFilter { owners: Some(vec![name("shop"); OWNERS_MAX + 1]), ..none() };
    let error = scene.ledger().datasets(&many, None, Limit::MAX).expect_err("too many");
    assert_eq!((error.code().id, error.to_string().as_str()), ("SK0608", "66 teams; 65 are allowed"));
    let prefix = Some(name("orders-0"));
    let several = DatasetFilter {
        owner: Some(name("billing")),
        labels: both,
        prefix,
        driver: Some(name("files")),
        ..none()
    };
    expect(several, |n| n < 10 && n % 2 == 1 && n % 15 == 0);

    // Labels and names that change are found as they are now.
    let (called, owner) = (name("aaa"), name("shop"));
    let changed = DatasetChanged {
        dataset: dataset(19),
        name: called.clone(),
        owner,
        labels: labels(&[("env", "prod")]),
    };
    scene.applied(by().decide(changed));
    scene.applied(by().decide(DatasetRemoved { dataset: dataset(0), reason: scene::text("gone") }));
    let prod = found(&DatasetFilter { labels: labels(&[("env", "prod")]), ..none() });
    assert_eq!(prod, [19, 3, 6, 9, 12, 15, 18]);
    let one = scene.ledger().dataset_named(&called).expect("read").expect("there is one");
    assert_eq!((one.version, &one.owner), (21, &name("shop")), "as the last of 21 decisions says it");
    assert_eq!(Some(one), scene.ledger().dataset(dataset(19)).expect("read"));
    assert_eq!(scene.ledger().dataset(dataset(0)).expect("read"), None);
    scene.is_sound();
}

/// Twice registered, renamed onto another, free again after it is removed.
pub fn names_and_locations_belong_to_one_dataset(places: Places<'_>) {
    let scene = Scene::new(places);
    scene.applied(by().decide(registered(1, "orders", "shop", &[])).decide(registered(
        2,
        "users",
        "shop",
        &[],
    )));
    let refuse = |entry: Entry, dataset| {
        let refused = UnitOutcome::Refused { at: RefusedAt::Entry(0), found: Found::Dataset { dataset } };
        assert_eq!(scene.commit(by().then(entry)), refused);
    };
    refuse(Entry::Decide(registered(1, "other", "shop", &[]).into()), dataset(1));
    refuse(Entry::Decide(registered(3, "users", "shop", &[]).into()), dataset(2));
    let mut there = registered(3, "third", "shop", &[]);
    there.location = scene::text("/data/2");
    refuse(Entry::Decide(there.into()), dataset(2));
    let onto = DatasetChanged {
        dataset: dataset(1),
        name: name("users"),
        owner: name("shop"),
        labels: Labels::new(),
    };
    refuse(Entry::Decide(onto.into()), dataset(2));
    let free = || by().if_(Guard::DatasetNameFree { name: name("users") });
    let taken =
        UnitOutcome::Refused { at: RefusedAt::Guard(0), found: Found::Dataset { dataset: dataset(2) } };
    assert_eq!(scene.commit(free()), taken);
    scene.applied(by().decide(DatasetRemoved { dataset: dataset(2), reason: scene::text("gone") }));
    scene.applied(free().decide(registered(3, "users", "shop", &[])));
    scene.is_sound();
}

/// Teams, state, both, neither.
pub fn campaigns_are_paged_by_id_through_every_filter(places: Places<'_>) {
    let scene = Scene::set(places);
    for number in 2..20_u64 {
        let owner = name(["shop", "billing", "ops"][number as usize % 3]);
        scene.applied(by().decide(CampaignCreated { owner, ..scene::created(campaign(number)) }));
        if number % 2 == 0 {
            let (from, to) = (CampaignState::Draft, CampaignState::Planning);
            let moved = CampaignMoved { campaign: campaign(number), from, to, reason: scene::text("") };
            scene.applied(by().decide(moved));
        }
    }
    let found = |filter: CampaignFilter, fits: fn(u64) -> bool| {
        let listed = |from: CampaignsFrom| ids(&scene, &filter, &from);
        let expected: Vec<_> = (1..20).filter(|n| fits(*n)).map(campaign).collect();
        assert_eq!(listed(CampaignsFrom::Oldest(None)), expected, "{filter:?}");
        let last: Vec<_> = expected.iter().rev().copied().collect();
        assert_eq!(listed(CampaignsFrom::Newest(None)), last, "{filter:?}");
        // Nothing failed yet, and all have one name: what is alike is in the order of its making.
        assert_eq!(listed(CampaignsFrom::Named(None)), expected, "{filter:?}");
        assert_eq!(listed(CampaignsFrom::Failed(None)), last, "{filter:?}");
        assert_eq!(listed(CampaignsFrom::Moved(None)), last, "{filter:?}");
    };
    let expect = |owners: Option<&[&str]>, state, fits: fn(u64) -> bool| {
        let owners = owners.map(|owners| owners.iter().map(|owner| name(owner)).collect());
        found(CampaignFilter { owners, state, ..CampaignFilter::default() }, fits);
    };
    // The first is a shop's, and it is planning.
    let planning = Some(CampaignState::Planning);
    expect(None, None, |_| true);
    expect(None, planning, |n| n == 1 || n % 2 == 0);
    expect(Some(&["billing"]), None, |n| n != 1 && n % 3 == 1);
    expect(Some(&["shop", "ops"]), None, |n| n == 1 || n % 3 != 1);
    expect(Some(&["shop", "billing"]), planning, |n| n == 1 || (n % 3 != 2 && n % 2 == 0));
    expect(Some(&[]), planning, |_| false);
    expect(Some(&["nobody"]), None, |_| false);
    let called = CampaignCreated { name: name("ördérs"), ..scene::created(campaign(20)) };
    scene.applied(by().decide(CampaignCreated { module: ModuleDigest::of(b"other"), ..called }));
    let begins = |prefix: &str| CampaignFilter { prefix: Some(name(prefix)), ..CampaignFilter::default() };
    let last = |filter: CampaignFilter| {
        let page =
            scene.ledger().campaigns(&filter, &CampaignsFrom::Newest(None), Limit::new(3)).expect("read");
        page.items.iter().map(|row| row.id).collect::<Vec<_>>()
    };
    assert_eq!(last(begins("ör")), [campaign(20)]);
    assert_eq!(last(begins("örx")), []);
    let module = Some(ModuleDigest::of(b"other"));
    assert_eq!(last(CampaignFilter { module, ..CampaignFilter::default() }), [campaign(20)]);
}

/// By name, by failed runs, by when they moved; of all, of some teams, in one state, with a prefix.
pub fn campaigns_are_sorted_by_name_failures_and_last_move(places: Places<'_>) {
    const NAMES: [&str; 4] = ["users", "ördérs", "orders", "a:b"];
    let scene = Scene::new(places);
    let blob = Entry::PutBlob { bytes: scene::CONTENT.to_vec(), keep_until: scene::START };
    scene.applied(by().then(blob));
    // What is made later moves earlier now and then, names come again, and so do numbers of failures.
    let (called, fail) = (|n: u64| NAMES[n as usize % 4], |n: u64| n * 7 % 4);
    let team = |n: u64| ["shop", "billing"][n as usize % 2];
    let (draft, planning) = (CampaignState::Draft, CampaignState::Planning);
    for number in 0..10_u64 {
        let (name, owner) = (name(called(number)), name(team(number)));
        scene.applied(by().decide(CampaignCreated { name, owner, ..scene::created(campaign(number)) }));
    }
    let at = |n: u64| if n.is_multiple_of(5) { 0 } else { n * 3 % 8 + 1 };
    for step in 1..=8 {
        scene.clock.set(Timestamp(scene::START.0 + step));
        for number in (0..10).filter(|n| at(*n) == step) {
            let of = campaign(number);
            let wave = WavePlanned { campaign: of, wave: 0, budget: 3 };
            let mut unit =
                by().decide(CampaignMoved { campaign: of, ..scene::moved(draft, planning) }).decide(wave);
            for seq in 0..fail(number) {
                let run = scene::run_id(number, seq);
                unit = unit.decide(RunPlanned { campaign: of, run, ..planned(seq, 0) });
                unit = unit.decide(RunFailed { campaign: of, ..scene::failed(seq, RunState::Planned) });
            }
            scene.applied(unit);
        }
    }
    let failures = |n: u64| if at(n) == 0 { 0 } else { fail(n) };
    let expect = |filter: CampaignFilter, fits: &dyn Fn(u64) -> bool| {
        let listed = |from| ids(&scene, &filter, &from);
        let sorted = |by: &dyn Fn(u64) -> (Reverse<u64>, &'static str, u64)| {
            let mut numbers: Vec<_> = (0..10).filter(|n| fits(*n)).collect();
            numbers.sort_by_key(|n| by(*n));
            numbers.into_iter().map(campaign).collect::<Vec<_>>()
        };
        assert_eq!(listed(CampaignsFrom::Named(None)), sorted(&|n| (Reverse(0), called(n), n)), "{filter:?}");
        let failed = sorted(&|n| (Reverse(failures(n)), "", 10 - n));
        assert_eq!(listed(CampaignsFrom::Failed(None)), failed, "{filter:?}");
        assert_eq!(
            listed(CampaignsFrom::Moved(None)),
            sorted(&|n| (Reverse(at(n)), "", 10 - n)),
            "{filter:?}"
        );
    };
    let none = CampaignFilter::default;
    let owners = |of: &[&str]| Some(of.iter().map(|owner| name(owner)).collect());
    expect(none(), &|_| true);
    expect(CampaignFilter { owners: owners(&["billing", "nobody"]), ..none() }, &|n| team(n) == "billing");
    expect(CampaignFilter { owners: owners(&[]), ..none() }, &|_| false);
    expect(CampaignFilter { state: Some(planning), ..none() }, &|n| at(n) > 0);
    expect(CampaignFilter { prefix: Some(name("o")), ..none() }, &|n| called(n) == "orders");
    let both = CampaignFilter { owners: owners(&["shop", "billing"]), state: Some(draft), ..none() };
    expect(both, &|n| at(n) == 0);
    scene.is_sound();
}

fn ids(scene: &Scene, filter: &CampaignFilter, from: &CampaignsFrom) -> Vec<CampaignId> {
    let rows = all(|after: Option<&CampaignsFrom>, limit| {
        // As a key of a page goes out and comes back.
        let from =
            after.map_or(from.clone(), |after| from.at(&after.to_string()).expect("a key of this order"));
        scene.ledger().campaigns(filter, &from, limit).expect("read")
    });
    rows.iter().map(|row| row.id).collect()
}

/// Everybody's, some teams', nobody's.
pub fn modules_are_paged_by_name_and_version_for_some_teams_or_all(places: Places<'_>) {
    let scene = Scene::new(places);
    for number in 0..12_u64 {
        let owner =
            [None, Some(name("shop")), Some(name("billing")), Some(name("ops"))][number as usize % 4].clone();
        let (called, version) = (name(&format!("m{}", number % 5)), name(&format!("{number:02}")));
        let source = owner.is_some().then(|| scene::text("https://git.example/m"));
        let commit = (number == 1).then(|| name("9f3c2ab"));
        let module = ModuleDigest::of(&number.to_be_bytes());
        let bytes = Bytes(number);
        scene.applied(by().decide(ModuleSubmitted {
            module,
            name: called,
            version,
            bytes,
            owner,
            source,
            commit,
        }));
    }
    let of = |owners: Option<&[&str]>| {
        let owners: Option<Vec<_>> = owners.map(|owners| owners.iter().map(|owner| name(owner)).collect());
        all(|after, limit| scene.ledger().modules(owners.as_deref(), after, limit).expect("read"))
    };
    let expect = |owners: Option<&[&str]>, fits: fn(u64) -> bool| {
        let mut expected: Vec<u64> = (0..12).filter(|n| fits(*n)).collect();
        expected.sort_unstable_by_key(|n| (n % 5, *n));
        assert_eq!(
            of(owners).iter().map(|module| module.bytes.0).collect::<Vec<_>>(),
            expected,
            "{owners:?}"
        );
    };
    expect(None, |_| true);
    expect(Some(&["shop"]), |n| n % 4 == 1);
    let versions = |owners: Option<&[Name]>| {
        let rows = all(|after, limit| {
            scene.ledger().module_versions(&name("m1"), owners, after, limit).expect("read")
        });
        rows.iter().map(|module| module.bytes.0).collect::<Vec<_>>()
    };
    assert_eq!(versions(None), [1, 6, 11]);
    assert_eq!(versions(Some(&[name("shop")])), [1]);
    assert_eq!(versions(Some(&[])), [0_u64; 0]);
    expect(Some(&["ops", "shop", "nobody"]), |n| n % 4 == 1 || n % 4 == 3);
    expect(Some(&[]), |_| false);
    let has = |owner: &str| scene.ledger().modules_of(&name(owner)).expect("read");
    assert_eq!(has("shop"), ModulesOf { versions: 3, bytes: Bytes(1 + 5 + 9) });
    assert_eq!(has("nobody"), ModulesOf { versions: 0, bytes: Bytes(0) });
    let first = scene.ledger().module_named(&name("m1"), &name("01")).expect("read").expect("there is one");
    assert_eq!(
        (first.source, first.commit),
        (Some(scene::text("https://git.example/m")), Some(name("9f3c2ab")))
    );
    let other = scene.ledger().module_named(&name("m0"), &name("00")).expect("read").expect("there is one");
    assert_eq!((other.source, other.commit), (None, None));
    scene.is_sound();
}

/// All, a campaign's with its runs', one run's, a node's.
pub fn events_are_paged_by_position_for_each_subject(places: Places<'_>) {
    let scene = Scene::set(places);
    for seq in 0..5 {
        scene.applied(by().decide(planned(seq, 1)));
    }
    scene.applied(by().decide(intended(3)));
    let of = |subject| {
        let filter = EventFilter::about(subject);
        let rows = all(|after: Option<&u64>, limit| {
            scene.ledger().events(after.copied().unwrap_or(0), &filter, limit).expect("read")
        });
        rows.iter().map(|event| event.position).collect::<Vec<_>>()
    };
    assert_eq!(of(None), (1..=12).collect::<Vec<_>>());
    assert_eq!(of(Some(Subject::Campaign(campaign(1)))), [1, 2, 3, 4, 7, 8, 9, 10, 11, 12]);
    assert_eq!(of(Some(Subject::Run(campaign(1), 3))), [10, 12]);
    assert_eq!(of(Some(Subject::Node(node(2)))), [6]);
    assert_eq!(of(Some(Subject::Dataset(dataset(1)))), Vec::<u64>::new());
    assert_eq!(scene.ledger().events(u64::MAX, &EventFilter::default(), Limit::MAX).expect("read").items, []);
}

/// State, wave, both, neither; and by dataset.
pub fn runs_are_paged_by_number_through_every_filter(places: Places<'_>) {
    let scene = Scene::set(places);
    for seq in 0..20_u64 {
        let mut run = planned(seq, u32::from(seq % 2 == 0));
        run.dataset = dataset(seq % 4);
        if seq % 5 == 0 {
            run.verdict = Verdict::NotApplicable;
        }
        scene.applied(by().decide(run));
    }
    let expect = |filter: RunFilter, fits: fn(u64) -> bool| {
        let rows = all(|after: Option<&u64>, limit| {
            scene.ledger().runs(campaign(1), filter, after.copied(), limit).expect("read")
        });
        let seqs: Vec<u64> = rows.iter().map(|run| run.seq).collect();
        assert_eq!(seqs, (0..20).filter(|n| fits(*n)).collect::<Vec<_>>(), "{filter:?}");
    };
    let (state, wave) = (Some(RunState::Planned), Some(1));
    expect(RunFilter { state: None, wave: None }, |_| true);
    expect(RunFilter { state, wave: None }, |n| n % 5 != 0);
    expect(RunFilter { state: None, wave }, |n| n % 2 == 0);
    expect(RunFilter { state, wave }, |n| n % 2 == 0 && n % 5 != 0);
    let by_state = scene.ledger().run_states(campaign(1)).expect("read");
    let numbers = |fits: fn(&u64) -> bool| (0..20).filter(fits).collect::<Vec<u64>>();
    let (none, planned) = (numbers(|n| n % 5 == 0), numbers(|n| n % 5 != 0));
    assert_eq!(by_state, [(RunState::Ineligible, none), (RunState::Planned, planned)]);
    assert_eq!(scene.ledger().run_states(campaign(2)).expect("read"), []);
    let of =
        all(|after, limit| scene.ledger().runs_of_dataset(dataset(1), after.copied(), limit).expect("read"));
    let last = scene.ledger().last_run_of(dataset(1)).expect("read");
    assert_eq!(last.as_ref(), of.last());
    assert_eq!(scene.ledger().last_run_of(dataset(99)).expect("read"), None);
    assert_eq!(of.iter().map(|run| run.seq).collect::<Vec<_>>(), [1, 5, 9, 13, 17]);
}

/// Whatever is asked for, in one order.
pub fn tasks_are_paged_in_the_order_in_which_they_were_queued(places: Places<'_>) {
    let scene = Scene::set(places);
    for number in (0..20_u64).rev() {
        let mut task = enqueue(number);
        task.seq = Some(number % 4);
        task.cost = Bytes(number);
        task.campaign = (number % 2 == 0).then(|| campaign(1));
        task.class = if number % 3 == 0 { SizeClass::Large } else { SizeClass::Small };
        scene.applied(by().then(Entry::Enqueue(task)));
    }
    for number in [4, 9, 12] {
        scene.applied(by().then(scene::claim(number, scene::token(0, 0), 1 + number % 2, 1)));
    }
    let numbers = |rows: Vec<crate::task::Task>| rows.iter().map(|task| task.cost.0).collect::<Vec<_>>();
    let down = |fits: fn(u64) -> bool| (0..20).rev().filter(|n| fits(*n)).collect::<Vec<u64>>();
    let of = |filter: TaskFilter| {
        numbers(all(|after: Option<&u64>, limit| {
            scene.ledger().tasks(filter, after.copied().unwrap_or(0), limit).expect("read")
        }))
    };
    let none = TaskFilter::default;
    let claimed = |n: u64| BTreeSet::from([4, 9, 12]).contains(&n);
    assert_eq!(of(none()), down(|_| true));
    assert_eq!(of(TaskFilter { campaign: Some(campaign(1)), ..none() }), down(|n| n % 2 == 0));
    assert_eq!(of(TaskFilter { class: Some(SizeClass::Large), ..none() }), down(|n| n % 3 == 0));
    let ready: Vec<u64> = down(|_| true).into_iter().filter(|n| !claimed(*n)).collect();
    assert_eq!(of(TaskFilter { phase: Some(PhaseName::Ready), ..none() }), ready);
    assert_eq!(of(TaskFilter { phase: Some(PhaseName::Claimed), ..none() }), [12, 9, 4]);
    let of_run = all(|after: Option<&u64>, limit| {
        scene.ledger().tasks_of_run(campaign(1), 0, after.copied().unwrap_or(0), limit).expect("read")
    });
    assert_eq!(numbers(of_run), [16, 12, 8, 4, 0]);
    let of_node = all(|after: Option<&u64>, limit| {
        scene.ledger().tasks_of_node(node(1), after.copied().unwrap_or(0), limit).expect("read")
    });
    assert_eq!(numbers(of_node), [12, 4]);
}
