//! The directory, the copy, and who is told.

use std::sync::{Arc, Mutex};

use skein_ledger::{
    Entry, EventFilter, Head, Ledger as _, LedgerError, Limit, Options, Span, Sqlite, TaskFilter, UnitOutcome,
};
use skein_types::{ErrorClass, SystemClock, Timestamp};

use crate::again::{again, inside};
use crate::{by, joined, node, open, try_open};

#[test]
fn what_was_committed_is_there_after_the_ledger_is_opened_again() {
    let directory = tempfile::tempdir().unwrap();
    let ledger = open(directory.path());
    let outcomes = ledger.commit(vec![by().decide(joined(1))]).unwrap();
    assert_eq!(outcomes, [UnitOutcome::Applied(Some(Span { first: 1, last: 1 }))]);
    let head = ledger.head().unwrap();
    drop(ledger);

    let ledger = open(directory.path());
    assert_eq!(ledger.head().unwrap(), head);
    assert_eq!(
        ledger.events(0, &EventFilter::default(), Limit::MAX).unwrap().items[0].event,
        joined(1).into()
    );
    assert_eq!(ledger.verify(Some(head)).unwrap(), head);
}

#[test]
fn a_directory_belongs_to_one_process_and_the_other_is_told_whose_it_is() {
    let test = "engine::a_directory_belongs_to_one_process_and_the_other_is_told_whose_it_is";
    if let Some(directory) = inside() {
        let error = try_open(&directory).unwrap_err();
        println!("said {} {}", error.code(), error);
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let ledger = open(directory.path());
    let said = || {
        let output = again(test, directory.path()).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    let expected =
        format!("said SK0600 {} belongs to process {}\n", directory.path().display(), std::process::id());
    assert!(said().contains(&expected), "{}", said());
    let twice = try_open(directory.path()).unwrap_err();
    assert_eq!((twice.code().id, twice.class()), ("SK0600", ErrorClass::Conflict));
    // The lock goes with its process, and a file with an old number in it is no lock.
    drop(ledger);
    assert!(!said().contains("SK0600"));
    open(directory.path());
}

#[test]
fn a_directory_that_cannot_be_made_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("file");
    std::fs::File::create(&file).unwrap();
    let error = try_open(&file.join("state")).unwrap_err();
    assert_eq!(error.code().id, "SK0601");
    assert_eq!(error.to_string(), format!("cannot use {}", file.join("state").display()));
}

#[test]
fn a_copy_is_a_ledger_of_the_next_generation_and_never_takes_a_place() {
    let directory = tempfile::tempdir().unwrap();
    let (live, copy) = (directory.path().join("live"), directory.path().join("copy"));
    let ledger = open(&live);
    let blob = Entry::PutBlob { bytes: b"policy".to_vec(), keep_until: Timestamp(0) };
    ledger.commit(vec![by().then(blob).decide(joined(1))]).unwrap();
    std::fs::create_dir(&copy).unwrap();
    let path = copy.join(Sqlite::FILE);
    let head = ledger.backup_to(&path).unwrap();
    assert_eq!(head, ledger.head().unwrap());
    let taken = ledger.backup_to(&path).unwrap_err();
    assert_eq!(taken.code().id, "SK0609");
    ledger.commit(vec![by().decide(joined(2))]).unwrap();
    assert_eq!(ledger.generation().unwrap(), 1);

    let restored = open(&copy);
    assert_eq!((restored.generation().unwrap(), restored.head().unwrap()), (2, head));
    assert_eq!(restored.blob(skein_types::Blake3::of(b"policy")).unwrap().unwrap(), b"policy");
    assert_eq!(restored.node(node(2)).unwrap(), None);
    assert_eq!(restored.tasks(TaskFilter::default(), 0, Limit::MAX).unwrap().items, []);
    restored.rebuild().unwrap();
    assert_eq!(
        std::fs::read_dir(&copy)
            .unwrap()
            .filter(|f| f.as_ref().unwrap().path().extension().is_some_and(|e| e == "partial"))
            .count(),
        0
    );
}

#[test]
fn a_copy_has_nothing_of_users_rows_but_what_is_also_needed_otherwise() {
    let directory = tempfile::tempdir().unwrap();
    let (live, copy) = (directory.path().join("live"), directory.path().join("copy.db"));
    let ledger = open(&live);
    let rows = |bytes: &[u8]| Entry::PutRows { bytes: bytes.to_vec(), keep_until: Timestamp(u64::MAX >> 12) };
    let long = b"a row's value, ".repeat(1_000);
    let both = Entry::PutBlob { bytes: b"policy".to_vec(), keep_until: Timestamp(0) };
    ledger.commit(vec![by().then(rows(&long)).then(rows(b"policy")).then(both)]).unwrap();
    assert_eq!(ledger.blob(skein_types::Blake3::of(&long)).unwrap().unwrap(), long);
    ledger.backup_to(&copy).unwrap();
    let bytes = std::fs::read(&copy).unwrap();
    assert!(!bytes.windows(15).any(|some| some == b"a row's value, "));
    assert!(bytes.windows(6).any(|some| some == b"policy"));
}

#[test]
fn whoever_wants_to_know_is_told_of_each_head_and_only_of_new_ones() {
    let directory = tempfile::tempdir().unwrap();
    let heads = Arc::new(Mutex::new(Vec::<Head>::new()));
    let told = Arc::clone(&heads);
    let notify = Box::new(move |head| told.lock().unwrap().push(head));
    let options = Options { clock: Arc::new(SystemClock::start()), notify: Some(notify) };
    let ledger = Sqlite::open(directory.path(), options).unwrap();
    ledger.commit(vec![by().decide(joined(1)), by().decide(joined(2))]).unwrap();
    ledger.commit(vec![by().decide(joined(1))]).unwrap();
    ledger.commit(vec![by().then(Entry::PutBlob { bytes: vec![], keep_until: Timestamp(0) })]).unwrap();
    assert_eq!(*heads.lock().unwrap(), [ledger.head().unwrap()]);
}

#[test]
fn one_callers_trouble_is_nobody_elses_and_over_when_it_is_told() {
    let directory = tempfile::tempdir().unwrap();
    // The writer is held after the first commit, so that what comes meanwhile becomes one group.
    let (go, gate) = std::sync::mpsc::sync_channel::<()>(1);
    let gate = Mutex::new(Some(gate));
    let wait = Box::new(move |_| {
        gate.lock().unwrap().take().map(|gate| gate.recv());
    });
    let options = Options { clock: Arc::new(SystemClock::start()), notify: Some(wait) };
    let ledger = Sqlite::open(directory.path(), options).unwrap();
    // A mistake of ours, as one that nobody thought of would look: a statement that fails in the middle of a transaction. There is
    // no number of which this is the amount.
    let least = "CASE substr(id, -1) WHEN '7' THEN -9223372036854775807 - 1 ELSE 1 END";
    let theirs = rusqlite::Connection::open(directory.path().join(Sqlite::FILE)).unwrap();
    theirs.execute_batch(&format!("CREATE INDEX t ON node (abs({least}))")).unwrap();
    let calls = std::sync::Barrier::new(4);
    let outcomes = std::thread::scope(|scope| {
        let first = scope.spawn(|| ledger.commit(vec![by().decide(joined(1))]));
        let others: Vec<_> = [6, 7, 8]
            .map(|number| {
                let (ledger, calls) = (&ledger, &calls);
                scope.spawn(move || {
                    calls.wait();
                    ledger.commit(vec![by().decide(joined(number))])
                })
            })
            .into();
        calls.wait();
        go.send(()).unwrap();
        first.join().unwrap().unwrap();
        others.into_iter().map(|caller| caller.join().unwrap()).collect::<Vec<_>>()
    });
    assert!(outcomes[0].is_ok() && outcomes[2].is_ok(), "{outcomes:?}");
    let error = outcomes[1].as_ref().unwrap_err();
    assert_eq!((error.code().id, error.class()), ("SK0001", ErrorClass::Bug));
    assert!(matches!(ledger.commit(vec![by().decide(joined(9))]).unwrap()[0], UnitOutcome::Applied(_)));
    theirs.execute_batch("DROP INDEX t").unwrap();
    assert_eq!(ledger.rebuild().unwrap().head.position, 4);
}

#[test]
fn errors_have_codes_classes_and_hints() {
    let error = LedgerError::Newer { found: 2, known: 1 };
    assert_eq!((error.code().id, error.class()), ("SK0603", ErrorClass::Denied));
    assert_eq!(error.hint(), Some("use the version of skein that wrote it, or a newer one"));
}
