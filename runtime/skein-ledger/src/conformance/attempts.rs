//! Attempts.

use skein_types::{Blake3, ErrorClass, Millis, Timestamp};

use super::Places;
use super::lists::all;
use super::scene::{START, Scene, attempt as id, by, campaign, name, node, task, text};
use crate::attempt::{Attempt, AttemptFilter, Ending};
use crate::bounds::NOTES_MAX;
use crate::entry::Entry;
use crate::error::{Damage, LedgerError};
use crate::ledger::{Retention, Swept};
use crate::task::TaskKind;
use crate::view::Failure;

/// Attempts at three runs of two campaigns, and at what is about no run.
fn attempt(number: u64) -> Attempt {
    let ending = Ending::ALL[number as usize % Ending::ALL.len()];
    let failed = ending == Ending::Failed;
    let seq = (!number.is_multiple_of(4)).then_some(number % 4);
    Attempt {
        id: id(number),
        campaign: campaign(number % 2),
        seq,
        task: task(number),
        kind: if seq.is_some() { TaskKind::Run } else { TaskKind::Plan },
        node: node(1),
        incarnation: 1,
        began: (ending != Ending::Lost).then_some(Timestamp(START.0 + number)),
        ended: Timestamp(START.0 + 2 * number),
        ending,
        failure: failed.then(|| Failure { class: ErrorClass::Fault, code: name("SK0311") }),
        message: text(if failed { "row 17" } else { "" }),
        notes: "{}".to_owned(),
        log: failed.then(|| Blake3::of(b"log")),
        rejects: None,
        keep_until: Timestamp(START.0 + number),
    }
}

/// Every filter, in pages of every size; and what failed last at a run.
pub fn attempts_are_listed_by_campaign_and_run_and_the_failed_ones_found(places: Places<'_>) {
    let mut scene = Scene::new(places);
    for number in 0..60 {
        scene.applied(by().then(Entry::PutAttempt(Box::new(attempt(number)))));
    }
    scene.reopen();
    assert_eq!(scene.ledger().attempt(id(7)).expect("read"), Some(attempt(7)));
    assert_eq!(scene.ledger().attempt(id(60)).expect("read"), None);
    for campaign in [campaign(0), campaign(1), campaign(2)] {
        for seq in [None, Some(1), Some(2), Some(9)] {
            for failed in [false, true] {
                let filter = AttemptFilter { campaign, seq, failed };
                let rows =
                    all(|after, limit| scene.ledger().attempts(filter, after.copied(), limit).expect("read"));
                let fits = |one: &Attempt| {
                    one.campaign == campaign
                        && seq.is_none_or(|seq| one.seq == Some(seq))
                        && (!failed || one.ending == Ending::Failed)
                };
                assert_eq!(rows, (0..60).map(attempt).filter(fits).collect::<Vec<_>>(), "{filter:?}");
                let back = all(|before, limit| {
                    scene.ledger().newest_attempts(filter, before.copied(), limit).expect("read")
                });
                assert!(back.iter().rev().eq(&rows), "{filter:?}: {back:?}");
            }
            let Some(seq) = seq else { continue };
            let last = (0..60)
                .map(attempt)
                .rfind(|one| (one.campaign, one.seq, one.ending) == (campaign, Some(seq), Ending::Failed));
            assert_eq!(scene.ledger().last_failed(campaign, seq).expect("read"), last);
        }
    }
}

/// What is said of it later changes nothing, and when its time is over it goes.
pub fn an_attempt_ends_once_and_is_kept_for_its_time(places: Places<'_>) {
    let scene = Scene::new(places);
    let put = |attempt: Attempt| by().then(Entry::PutAttempt(Box::new(attempt)));
    scene.applied(put(attempt(1)).then(Entry::PutAttempt(Box::new(attempt(2)))));
    scene.applied(put(Attempt { ending: Ending::Lost, ..attempt(1) }));
    assert_eq!(scene.ledger().attempt(id(1)).expect("read"), Some(attempt(1)));
    let long = Attempt { notes: format!("\"{}\"", "x".repeat(NOTES_MAX)), ..attempt(3) };
    match scene.ledger().commit(vec![put(long)]) {
        Err(LedgerError::Invalid(invalid)) => {
            assert_eq!(invalid.what, "what is kept of an attempt of 32770 bytes; 32768 are allowed");
        }
        other => panic!("{other:?}"),
    }
    scene.clock.set(Timestamp(START.0 + 2));
    let retention = Retention { causes: Millis(u64::MAX), charges: Millis(u64::MAX) };
    let swept = scene.ledger().sweep(retention).expect("swept");
    assert_eq!(swept, Swept { attempts: 1, ..Swept::default() });
    let there = |number| scene.ledger().attempt(id(number)).expect("read").is_some();
    assert_eq!([1, 2].map(there), [false, true]);
}

/// What was swept because its time was over, or was in no copy, is not missed; what is gone before is.
pub fn what_was_swept_with_its_attempt_is_not_missed(places: Places<'_>) {
    let scene = Scene::set(places);
    let missed = || match scene.ledger().verify_blobs() {
        Ok(_) => None,
        Err(LedgerError::Damaged(Damage::BlobGone { digest, table, column, .. })) => {
            Some((digest, table, column))
        }
        Err(other) => panic!("{other:?}"),
    };
    let digest = Blake3::of;
    let until = |more: u64| Timestamp(START.0 + more);
    let rows = |bytes: &[u8], more| Entry::PutRows { bytes: bytes.to_vec(), keep_until: until(more) };
    let tried = |number, log: &[u8], more| {
        let log = Some(digest(log));
        Entry::PutAttempt(Box::new(Attempt {
            log,
            rejects: None,
            keep_until: until(more),
            ..attempt(number)
        }))
    };
    scene.applied(by().then(rows(b"first", 5)).then(tried(1, b"first", 5)));
    scene.applied(by().then(rows(b"second", 9)).then(tried(2, b"second", 9)));
    assert_eq!(missed(), None);
    let sweep = |more| {
        scene.clock.set(until(more));
        let retention = Retention { causes: Millis(u64::MAX), charges: Millis(u64::MAX) };
        scene.ledger().sweep(retention).expect("swept")
    };
    // The scene's own blob is kept by its campaign.
    assert_eq!(sweep(6), Swept { blobs: 1, attempts: 1, ..Swept::default() });
    assert_eq!(missed(), None);
    // A log that nobody brought stands for one that somebody removed.
    scene.applied(by().then(tried(3, b"nowhere", 20)));
    assert_eq!(missed(), Some((digest(b"nowhere"), "attempt", "log")));
    scene.clock.set(until(21));
    assert_eq!(missed(), None);
}
