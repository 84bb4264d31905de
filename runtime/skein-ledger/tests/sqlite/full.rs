//! A full disk, a real one.

use skein_ledger::{Entry, Ledger as _, Unit, UnitOutcome};
use skein_types::{CauseId, ErrorClass, Timestamp};
use uuid::Uuid;

use crate::again::{in_namespace, inside};
use crate::{by, joined, node, open};

fn unit(number: u64) -> Unit {
    let bytes = vec![number as u8; 48 << 10];
    let cause = CauseId::new(Uuid::from_u128(number.into()));
    by().caused(cause).decide(joined(number)).then(Entry::PutBlob { bytes, keep_until: Timestamp(0) })
}

#[test]
fn a_full_disk_loses_nothing_and_writing_goes_on_when_there_is_space_again() {
    let test = "full::a_full_disk_loses_nothing_and_writing_goes_on_when_there_is_space_again";
    let Some(directory) = inside() else {
        let directory = tempfile::tempdir().unwrap();
        return in_namespace(test, directory.path(), "mount -t tmpfs -o size=6m tmpfs $W");
    };
    let ballast = directory.join("ballast");
    std::fs::File::create(&ballast).unwrap();
    std::io::Write::write_all(&mut std::fs::File::create(&ballast).unwrap(), &vec![0; 2 << 20]).unwrap();
    let state = directory.join("state");
    let ledger = open(&state);
    let full = (1..1_000).find_map(|n| ledger.commit(vec![unit(n)]).err().map(|error| (n, error)));
    let (number, error) = full.unwrap();
    assert_eq!((error.code().id, error.class()), ("SK0606", ErrorClass::Transient), "{error:?}");
    assert!(number > 10, "{number}");
    // Reading goes on, and so does refusing.
    assert_eq!(ledger.head().unwrap().position, number - 1);
    assert!(ledger.node(node(number)).unwrap().is_none());
    assert_eq!(ledger.commit(vec![unit(number)]).unwrap_err().code().id, "SK0606");

    std::fs::remove_file(&ballast).unwrap();
    assert!(matches!(ledger.commit(vec![unit(number)]).unwrap()[0], UnitOutcome::Applied(_)));
    let units = (1..=number).map(unit).collect();
    let known = ledger.commit(units).unwrap();
    assert!(known.iter().all(|outcome| matches!(outcome, UnitOutcome::Known(_))));
    let head = ledger.head().unwrap();
    assert_eq!(head.position, number);
    assert_eq!(ledger.rebuild().unwrap().head, head);
    drop(ledger);
    assert_eq!(open(&state).verify(Some(head)).unwrap(), head);
}
