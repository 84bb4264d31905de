//! Random walks of the protocol, against a model that a reader can check by eye, and every record out of place.

use std::collections::BTreeMap;

use proptest::prelude::*;
use skein_types::{Blake3, ModuleDigest, ParamsDigest, RunId, Timestamp};

use super::{History, Illegal, UndoneBy, Unsettled};
use crate::listing::{Change, FileStat, Role};
use crate::log::record::{
    Body, Denial, FileRecord, Hold, Intent, Operation, Origin, PublishFacts, Record, Refusal, RevertReason,
    RowCounts,
};
use crate::log::{open, seal};
use crate::store::Node;

fn run(n: u64) -> RunId {
    RunId::new(uuid::Uuid::from_u128(u128::from(n)))
}

fn publish(n: u64) -> Operation {
    Operation::Publish(Box::new(PublishFacts {
        run: run(n),
        migration: "m".to_owned(),
        migration_version: "1".to_owned(),
        module: ModuleDigest([0; 32]),
        params: ParamsDigest([0; 32]),
        plan: Blake3([0; 32]),
        schema: serde_json::json!({"fields": [1, 2.5, "x"]}),
        rows: RowCounts::default(),
        dropped: Vec::new(),
        quarantine: None,
        presented: BTreeMap::new(),
        ext: serde_json::Value::Null,
    }))
}

fn intent(history: &History, operation: Operation) -> Intent {
    let version = history.next_version();
    let source = match operation {
        Operation::Publish(_) => "stage/x/data".to_owned(),
        Operation::RollBack { to } => format!("kept/{}", history.slot_of(to).unwrap_or(u64::MAX)),
    };
    let node = Node { dev: 1, ino: u64::MAX };
    let base = version.saturating_sub(1);
    let (files, dirs) = (Vec::new(), Vec::new());
    Intent { operation, version, base, old: node, new: node, source, files, dirs }
}

fn announce(history: &History, operation: Operation) -> Body {
    Body::Intent(Box::new(intent(history, operation)))
}

fn apply(history: &mut History, body: Body) -> Result<(), Illegal> {
    let record = Record::new(history.next_number(), history.last(), Timestamp(0), body);
    let bytes = seal(&record);
    assert_eq!(open(&bytes).as_ref(), Ok(&record), "every record survives its file");
    history.apply(record, Blake3::of(&bytes))
}

fn adopted() -> History {
    let mut history = History::default();
    apply(&mut history, Body::Adopt { files: Vec::new(), dirs: Vec::new(), origin: None }).unwrap();
    history
}

fn observe(version: u64) -> Body {
    let changes = vec![Change::Added("x".to_owned())];
    Body::Observe { version, changes, files: Vec::new(), dirs: Vec::new() }
}

fn touch(version: u64) -> Body {
    Body::Observe { version, changes: Vec::new(), files: Vec::new(), dirs: Vec::new() }
}

fn refused() -> Body {
    let problem = "cannot exchange t: Operation not permitted (os error 1)".to_owned();
    let refusal = Refusal { denial: Denial::Permission, problem };
    Body::Revert(RevertReason::Refused { refusal, set_aside: None })
}

fn drift() -> Body {
    Body::Revert(RevertReason::Drift { changes: Vec::new(), set_aside: None })
}

#[derive(Debug, Clone, Copy)]
enum Act {
    Observe,
    Touch,
    Publish { lost: bool },
    RollBack { to: u64, lost: bool },
}

/// What the disk would hold: content of the live place and of each slot.
#[derive(Debug, Default)]
struct Disk {
    live: u64,
    kept: BTreeMap<u64, u64>,
    fresh: u64,
    contents: Vec<u64>,
}

impl Disk {
    fn write(&mut self) {
        self.fresh += 1;
        self.live = self.fresh;
        self.contents.push(self.live);
    }
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let act = prop_oneof![
        1 => Just(Act::Observe),
        2 => Just(Act::Touch),
        4 => prop::bool::weighted(0.2).prop_map(|lost| Act::Publish { lost }),
        4 => (0..12_u64, prop::bool::weighted(0.2)).prop_map(|(to, lost)| Act::RollBack { to, lost }),
    ];
    proptest::collection::vec(act, 0..24)
}

fn step(history: &mut History, disk: &mut Disk, act: Act) -> Result<(), Illegal> {
    let version = history.next_version();
    let decision = match act {
        Act::Observe => {
            disk.write();
            return apply(history, observe(version));
        }
        Act::Touch => {
            disk.contents.push(disk.live);
            return apply(history, touch(version));
        }
        Act::Publish { lost } => {
            apply(history, announce(history, publish(version)))?;
            (lost, Body::Commit { version, run: run(version) })
        }
        Act::RollBack { to, lost } => {
            apply(history, announce(history, Operation::RollBack { to }))?;
            (lost, Body::Revert(RevertReason::RolledBack { version, to }))
        }
    };
    let (lost, body) = decision;
    if lost {
        return apply(history, if version.is_multiple_of(2) { drift() } else { refused() });
    }
    let back = match act {
        Act::RollBack { to, .. } => history.slot_of(to).and_then(|slot| disk.kept.remove(&slot)),
        Act::Observe | Act::Touch | Act::Publish { .. } => None,
    };
    disk.kept.insert(version - 1, disk.live);
    match back {
        Some(content) => {
            disk.live = content;
            disk.contents.push(content);
        }
        None => disk.write(),
    }
    apply(history, body)?;
    apply(history, Body::Done { version, ctime_ns: None })
}

proptest! {
    #[test]
    fn the_folded_log_knows_where_the_content_of_every_version_is(acts in acts()) {
        let (mut history, mut disk) = (adopted(), Disk { contents: vec![0], ..Disk::default() });
        for act in acts {
            let kept = match act {
                Act::RollBack { to, .. } => history.slot_of(to).is_some(),
                Act::Observe | Act::Touch | Act::Publish { .. } => true,
            };
            prop_assert_eq!(step(&mut history, &mut disk, act).is_ok(), kept, "{:?}", act);
        }
        prop_assert_eq!(history.versions().len(), disk.contents.len());
        for (version, content) in (0..).zip(&disk.contents) {
            prop_assert_eq!(history.is_current(version), disk.live == *content);
            let found = history.slot_of(version).map(|slot| disk.kept[&slot]);
            let on_disk = disk.kept.values().find(|kept| *kept == content).copied();
            prop_assert_eq!(found, on_disk, "version {}", version);
        }
    }

    #[test]
    fn a_record_with_another_number_or_parent_is_refused(number in 2..5_u64, byte in 0..32_usize) {
        let mut history = adopted();
        let mut record = Record::new(number, history.last(), Timestamp(0), observe(1));
        let wrong = Err(Illegal::Number { found: number, expected: 1 });
        prop_assert_eq!(history.apply(record.clone(), Blake3([0; 32])), wrong);
        record.number = 1;
        record.parent.as_mut().unwrap().blake3.0[byte] ^= 1;
        prop_assert_eq!(history.apply(record, Blake3([0; 32])), Err(Illegal::Parent));
    }
}

#[test]
fn every_kind_out_of_place_is_refused() {
    let mut states = vec![("nothing", History::default())];
    let mut history = adopted();
    states.push(("settled", history.clone()));
    let body = announce(&history, publish(1));
    apply(&mut history, body).unwrap();
    assert!(matches!(history.unsettled(), Some(Unsettled::Intended(_))));
    states.push(("intended", history.clone()));
    apply(&mut history, Body::Commit { version: 1, run: run(1) }).unwrap();
    assert!(matches!(history.unsettled(), Some(Unsettled::Decided(_))));
    states.push(("decided", history.clone()));

    for (state, history) in states {
        let version = history.versions().len() as u64;
        let done = if state == "decided" { version - 1 } else { version };
        let adopt = Body::Adopt { files: Vec::new(), dirs: Vec::new(), origin: None };
        let kinds = [
            ("adopt", adopt, state == "nothing"),
            ("observe", observe(version), state == "settled"),
            ("intent", announce(&history, publish(9)), state == "settled"),
            ("commit", Body::Commit { version, run: run(1) }, state == "intended"),
            ("commit", Body::Commit { version, run: run(2) }, false),
            ("done", Body::Done { version: done, ctime_ns: None }, state == "decided"),
            ("revert", drift(), state == "intended"),
            ("revert", refused(), state == "intended"),
            ("revert", Body::Revert(RevertReason::RolledBack { version, to: 0 }), false),
            ("hold", hold(&history, 5), state == "settled"),
            ("discard", Body::Discard { run: run(5) }, false),
        ];
        for (kind, body, allowed) in kinds {
            let expected = match (kind, state) {
                _ if allowed => Ok(()),
                ("discard", "settled") => Err(Illegal::NotHeld { run: run(5) }),
                _ => Err(Illegal::Kind { kind }),
            };
            assert_eq!(apply(&mut history.clone(), body), expected, "{kind} after {state}");
        }
    }
}

fn hold(history: &History, n: u64) -> Body {
    let Operation::Publish(facts) = publish(n) else { unreachable!() };
    let (base, new) = (history.next_version().saturating_sub(1), Node { dev: 1, ino: 2 });
    let source = format!("held/{n}/data/t");
    Body::Hold(Box::new(Hold { facts: *facts, base, new, source, files: Vec::new(), dirs: Vec::new() }))
}

#[test]
fn what_is_held_stays_held_until_it_is_published_or_discarded() {
    let mut history = adopted();
    let holds = |history: &History| history.held().iter().map(|h| h.hold.facts.run).collect::<Vec<_>>();
    let hold_5 = hold(&history, 5);
    apply(&mut history, hold_5.clone()).unwrap();
    assert_eq!(apply(&mut history.clone(), hold_5), Err(Illegal::NotHeld { run: run(5) }), "twice");
    let hold_6 = hold(&history, 6);
    apply(&mut history, hold_6).unwrap();
    assert_eq!(holds(&history), [run(5), run(6)]);

    let of_held = |history: &History, n: u64, source: &str| {
        let mut intent = intent(history, publish(n));
        intent.source = source.to_owned();
        Body::Intent(Box::new(intent))
    };
    for (n, source) in [(5, "held/6/data/t"), (5, "kept/0"), (7, "held/5/data/t")] {
        let body = of_held(&history, n, source);
        assert_eq!(
            apply(&mut history.clone(), body),
            Err(Illegal::NotHeld { run: run(n) }),
            "{n} from {source}"
        );
    }
    // A copy that others' files have joined takes its place.
    let mut copied = history.clone();
    apply(&mut copied, observe(1)).unwrap();
    assert_eq!(copied.moved_on(0), None);
    let copy = of_held(&copied, 5, "stage/x/data");
    apply(&mut copied, copy).unwrap();
    apply(&mut copied, Body::Commit { version: 2, run: run(5) }).unwrap();
    assert_eq!((holds(&copied), copied.moved_on(0), copied.moved_on(2)), (vec![run(6)], Some(2), None));
    // Taken back: it is held as before. Decided: it is not held any more, and the other's base is not current.
    let body = of_held(&history, 5, "held/5/data/t");
    apply(&mut history, body.clone()).unwrap();
    apply(&mut history, drift()).unwrap();
    assert_eq!(holds(&history), [run(5), run(6)]);
    apply(&mut history, body).unwrap();
    apply(&mut history, Body::Commit { version: 1, run: run(5) }).unwrap();
    assert_eq!(holds(&history), [run(6)]);
    apply(&mut history, Body::Done { version: 1, ctime_ns: None }).unwrap();
    let stale = of_held(&history, 6, "held/6/data/t");
    let Body::Intent(mut stale) = stale else { unreachable!() };
    stale.base = 0;
    let refused = apply(&mut history.clone(), Body::Intent(stale));
    assert_eq!(refused, Err(Illegal::Version { found: 0, expected: 1 }));
    apply(&mut history, Body::Discard { run: run(6) }).unwrap();
    assert_eq!(holds(&history), []);
    assert_eq!(apply(&mut history, Body::Discard { run: run(6) }), Err(Illegal::NotHeld { run: run(6) }));
}

/// The shapes that logs on disk have: fields are added, never renamed.
#[test]
fn reverts_are_written_in_the_shapes_that_logs_have() {
    let written = |body: Body| {
        let record = serde_json::to_value(Record::new(7, None, Timestamp(0), body)).unwrap();
        let head = ["format", "number", "parent", "time", "tool"];
        let body = record.as_object().unwrap().iter().filter(|(key, _)| !head.contains(&key.as_str()));
        serde_json::Value::Object(body.map(|(key, value)| (key.clone(), value.clone())).collect())
    };
    let changes = vec![Change::Removed("a".to_owned())];
    for (body, golden) in [
        (
            Body::Revert(RevertReason::Drift { changes, set_aside: Some("aside/3".to_owned()) }),
            serde_json::json!({"kind": "revert", "reason": "drift", "set_aside": "aside/3",
                "changes": [{"change": "removed", "path": "a"}]}),
        ),
        (
            refused(),
            serde_json::json!({"kind": "revert", "reason": "refused", "denial": "permission",
                "problem": "cannot exchange t: Operation not permitted (os error 1)", "set_aside": null}),
        ),
        (
            Body::Revert(RevertReason::RolledBack { version: 4, to: 2 }),
            serde_json::json!({"kind": "revert", "reason": "rolled_back", "version": 4, "to": 2}),
        ),
    ] {
        assert_eq!(written(body), golden);
    }
}

#[test]
fn an_undone_operation_is_remembered_with_what_undid_it() {
    let mut history = adopted();
    for (body, version) in [(drift(), 1), (refused(), 1)] {
        let intent = announce(&history, publish(version));
        apply(&mut history, intent).unwrap();
        apply(&mut history, body).unwrap();
    }
    let by: Vec<_> = history.undone().iter().map(|u| (u.number, u.run, &u.by)).collect();
    let Body::Revert(RevertReason::Refused { refusal, .. }) = refused() else { unreachable!() };
    let expected = [(2, UndoneBy::Drift { changes: Vec::new() }), (4, UndoneBy::Refused(refusal))];
    let expected: Vec<_> = expected.iter().map(|(number, by)| (*number, Some(run(1)), by)).collect();
    assert_eq!(by, expected);
    assert_eq!((history.unsettled(), history.next_version()), (None, 1));
}

#[test]
fn a_version_out_of_line_is_refused() {
    let mut history = adopted();
    let wrong = Err(Illegal::Version { found: 7, expected: 1 });
    assert_eq!(apply(&mut history.clone(), observe(7)), wrong);
    let body = announce(&history, publish(1));
    apply(&mut history, body).unwrap();
    assert_eq!(apply(&mut history.clone(), Body::Commit { version: 7, run: run(1) }), wrong);
    apply(&mut history, Body::Commit { version: 1, run: run(1) }).unwrap();
    assert_eq!(apply(&mut history, Body::Done { version: 7, ctime_ns: None }), wrong);
}

#[test]
fn a_single_files_ctime_comes_from_done() {
    let mut history = adopted();
    let mut with_file = intent(&history, publish(1));
    with_file.files = vec![single_file()];
    apply(&mut history, Body::Intent(Box::new(with_file))).unwrap();
    apply(&mut history, Body::Commit { version: 1, run: run(1) }).unwrap();
    assert_eq!(history.head().unwrap().files[0].stat.ctime_ns, 5);
    apply(&mut history, Body::Done { version: 1, ctime_ns: Some(9) }).unwrap();
    assert_eq!(history.head().unwrap().files[0].stat.ctime_ns, 9);
}

#[test]
fn one_that_was_made_beside_has_its_ctime_from_a_done_right_after_and_never_again() {
    let Operation::Publish(facts) = publish(1) else { unreachable!() };
    let origin = Origin { dataset: "d".to_owned(), version: None, facts: *facts };
    let mut history = History::default();
    let adopt = Body::Adopt { files: vec![single_file()], dirs: Vec::new(), origin: Some(Box::new(origin)) };
    apply(&mut history, adopt).unwrap();
    let done = |version| Body::Done { version, ctime_ns: Some(9) };
    let kind = Err(Illegal::Kind { kind: "done" });
    assert_eq!(apply(&mut history.clone(), done(1)), kind);
    apply(&mut history, done(0)).unwrap();
    assert_eq!(history.head().unwrap().files[0].stat.ctime_ns, 9);
    assert_eq!(apply(&mut history, done(0)), kind);
    assert_eq!(apply(&mut adopted(), done(0)), kind);
}

fn single_file() -> FileRecord {
    let (path, role) = ("f".to_owned(), Role::Data);
    let stat = FileStat { path, role, size: 1, mtime_ns: -1, ctime_ns: 5, ino: u64::MAX };
    FileRecord { stat, blake3: Blake3([1; 32]), rows: None, stats: None, applied: Vec::new() }
}
