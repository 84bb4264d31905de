//! What only this engine has: its directory, its file, its writer.

use std::sync::Arc;

use skein_ledger::{Actor, Ledger as _, Limit, Name, NodeJoined, Options, Span, Sqlite, Unit, UnitOutcome};
use skein_types::{NodeId, SystemClock};

fn open(directory: &std::path::Path) -> Sqlite {
    Sqlite::open(directory, Options { clock: Arc::new(SystemClock::start()), notify: None }).unwrap()
}

#[test]
fn what_was_committed_is_there_after_the_ledger_is_opened_again() {
    let directory = tempfile::tempdir().unwrap();
    let ledger = open(directory.path());
    let node = NodeId::new(uuid::Uuid::from_u128(1));
    let joined = NodeJoined { node, name: Name::new("n").unwrap(), incarnation: 1 };
    let unit = Unit::by(Actor::new("control").unwrap()).decide(joined.clone());
    let outcomes = ledger.commit(vec![unit]).unwrap();
    assert_eq!(outcomes, [UnitOutcome::Applied(Some(Span { first: 1, last: 1 }))]);
    let head = ledger.head().unwrap();
    drop(ledger);

    let ledger = open(directory.path());
    assert_eq!(ledger.head().unwrap(), head);
    let page = ledger.events(0, None, Limit::MAX).unwrap();
    assert_eq!(page.items.len(), 1);
    assert_eq!(page.items[0].event, joined.into());
    assert_eq!(ledger.verify(Some(head)).unwrap(), head);
    assert_eq!(ledger.rebuild().unwrap().head, head);
}
