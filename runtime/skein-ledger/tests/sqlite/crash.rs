//! kill -9 while four callers commit: whatever was told is there, and everything hangs together.
//!
//! `SKEIN_SOAK_ROUNDS` says how often, `SKEIN_SEED` when.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use skein_ledger::{Enqueue, Entry, Ledger as _, SizeClass, Span, TaskKind, Unit, UnitOutcome};
use skein_types::{Bytes, CauseId, Clock as _, SystemClock, TaskId, Timestamp};
use uuid::Uuid;

use crate::again::{again, inside, setting};
use crate::{by, joined, open};

const TEST: &str = "crash::whatever_was_told_before_the_kill_is_there_after_it";
const CALLERS: u64 = 4;
/// More than a child gets to before it is killed.
const CALLS: u64 = 100_000;

/// What call `number` writes: events, a queue row and a blob.
fn unit(number: u64) -> Unit {
    let uuid = Uuid::from_u128(number.into());
    let enqueue = Enqueue {
        task: TaskId::new(uuid),
        campaign: None,
        seq: None,
        kind: TaskKind::Scan,
        class: SizeClass::Small,
        cost: Bytes(1),
        payload: "{}".to_owned(),
        input: None,
        not_before: Timestamp(0),
    };
    let blob = Entry::PutBlob { bytes: number.to_be_bytes().repeat(100), keep_until: Timestamp(0) };
    let events = by().decide(joined(number * 2)).decide(joined(number * 2 + 1));
    events.caused(CauseId::new(uuid)).then(Entry::Enqueue(enqueue)).then(blob)
}

/// Commits until it is killed, and tells each call that was acknowledged.
fn child(directory: &Path) {
    let ledger = open(directory);
    let first = ledger.head().unwrap().position * CALLS;
    std::thread::scope(|scope| {
        for caller in 0..CALLERS {
            let ledger = &ledger;
            scope.spawn(move || {
                for call in 0..CALLS {
                    let number = first + call * CALLERS + caller;
                    let outcome = ledger.commit(vec![unit(number)]).unwrap().remove(0);
                    let UnitOutcome::Applied(Some(span)) = outcome else { panic!("{outcome:?}") };
                    println!("told {number} {} {}", span.first, span.last);
                }
            });
        }
    });
}

/// `told NUMBER FIRST LAST`; a line that the kill cut is none.
fn told(line: &str) -> Option<(u64, Span)> {
    let mut words = line.strip_prefix("told ")?.split(' ').map(str::parse);
    let mut next = || words.next()?.ok();
    let (number, first, last) = (next()?, next()?, next()?);
    (last == first + 1).then_some((number, Span { first, last }))
}

fn kill_in_the_middle(directory: &Path, calls: u64, pause: Duration) -> Vec<(u64, Span)> {
    let mut child = again(TEST, directory).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    let mut all: Vec<_> = lines.by_ref().filter_map(|line| told(&line)).take(calls as usize).collect();
    // Not a wait for something: the moment of the kill within a commit is what the seed chooses.
    std::thread::sleep(pause);
    child.kill().unwrap();
    all.extend(lines.filter_map(|line| told(&line)));
    child.wait().unwrap();
    all
}

#[test]
fn whatever_was_told_before_the_kill_is_there_after_it() {
    if let Some(directory) = inside() {
        return child(&directory);
    }
    let rounds = setting("SKEIN_SOAK_ROUNDS", 20);
    let seed = setting("SKEIN_SEED", SystemClock::start().now().0);
    println!("SKEIN_SEED={seed} SKEIN_SOAK_ROUNDS={rounds}");
    let directory = tempfile::tempdir().unwrap();
    let mut dice = seed | 1;
    let mut roll = move |below: u64| {
        // xorshift64: enough to choose moments.
        dice ^= dice << 13;
        dice ^= dice >> 7;
        dice ^= dice << 17;
        dice % below
    };
    let mut all = Vec::new();
    for round in 0..rounds {
        let told = kill_in_the_middle(directory.path(), roll(60), Duration::from_micros(roll(4_000)));
        let ledger = open(directory.path());
        let head = ledger.verify(None).unwrap();
        assert!(told.iter().all(|(_, span)| span.last <= head.position), "round {round}, seed {seed}");
        for chunk in told.chunks(1_000) {
            let again = ledger.commit(chunk.iter().map(|(number, _)| unit(*number)).collect()).unwrap();
            let known: Vec<_> = chunk.iter().map(|(_, span)| UnitOutcome::Known(Some(*span))).collect();
            assert_eq!(again, known, "round {round}, seed {seed}");
        }
        assert_eq!(ledger.head().unwrap(), head, "round {round}, seed {seed}");
        assert_eq!(ledger.rebuild().unwrap().head, head, "round {round}, seed {seed}");
        for (number, _) in &told {
            let task = ledger.task(TaskId::new(Uuid::from_u128((*number).into()))).unwrap();
            assert!(task.is_some(), "round {round}, seed {seed}: {number}");
        }
        all.extend(told);
    }
    println!("{rounds} kills, {} calls acknowledged, none lost", all.len());
    assert!(all.len() as u64 > rounds, "the children got to work: {}", all.len());
}
