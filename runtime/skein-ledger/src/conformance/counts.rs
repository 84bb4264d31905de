//! What a ledger says of its own writing.

use skein_types::{Bytes, Millis};

use super::Places;
use super::scene::{Scene, by, cause, joined};
use crate::event::Event;
use crate::ledger::Retention;
use crate::written::{CommitTimes, Written};

/// One call is one transaction, however many units it has; a transaction that changes nothing waits for no disk.
pub fn what_is_written_is_counted_and_what_is_refused_or_known_is_not(places: Places<'_>) {
    let mut scene = Scene::new(places);
    assert_eq!(scene.ledger().written(), Written::default());
    let body = |number| Event::from(joined(number, 1)).body().map_or(0, |body| body.len() as u64);
    let (two, refused) = (by().caused(cause(1)).decide(joined(1, 1)).decide(joined(2, 1)), joined(1, 1));
    scene.ledger().commit(vec![two.clone(), by().decide(refused), two.clone()]).expect("written");
    // How long it took is the machine's.
    let written = |scene: &Scene| Written { times: CommitTimes::default(), ..scene.ledger().written() };
    let bytes = Bytes(body(1) + body(2));
    let expected = Written { transactions: 1, syncs: 1, events: 2, bytes, times: CommitTimes::default() };
    assert_eq!(written(&scene), expected);
    scene.ledger().commit(vec![two]).expect("known");
    assert_eq!(written(&scene), Written { transactions: 2, ..expected });
    scene.ledger().sweep(Retention { causes: Millis(1 << 40), charges: Millis(u64::MAX) }).expect("swept");
    assert_eq!(written(&scene), Written { transactions: 3, ..expected });
    assert!(scene.ledger().size().expect("a size") > Bytes(0));
    scene.reopen();
    assert_eq!(scene.ledger().written(), Written::default());
}
