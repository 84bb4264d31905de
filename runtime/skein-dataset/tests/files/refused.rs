//! The system refuses the exchange itself, and goes on refusing: everything is taken back and the dataset stays usable.

use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::Path;
use std::process::Command;

use skein_dataset::{
    Dataset, Denial, ExchangeError, Outcome, RollbackError, StateError, Step, UndoneBy, crash, recover,
    resolve, roll_back,
};

use crate::mounts::{as_nobody, inside, needs_root};
use crate::world::{World, bytes, left, open, publish, staged};

/// `chattr +i` on a dataset's directory, taken off again at the end.
struct Immutable<'a>(&'a Path);

impl<'a> Immutable<'a> {
    fn set(path: &'a Path) -> Self {
        chattr("+i", path);
        Self(path)
    }
}

impl Drop for Immutable<'_> {
    fn drop(&mut self) {
        chattr("-i", self.0);
    }
}

fn chattr(how: &str, path: &Path) {
    assert!(Command::new("chattr").arg(how).arg(path).status().unwrap().success());
}

/// Only the log may have grown.
fn is_as_before(dataset: &Dataset, before: &crate::world::Bytes, kept: usize) {
    assert_eq!(bytes(&dataset.path()), *before);
    assert_eq!(std::fs::read_dir(dataset.state_path().join("kept")).unwrap().count(), kept);
    assert_eq!(dataset.history().unwrap().unsettled(), None);
}

fn refusal(outcome: &Outcome) -> (&'static str, Denial, String) {
    match outcome {
        Outcome::Refused { refusal } => (outcome.code().unwrap().id, refusal.denial, refusal.problem.clone()),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_publish_whose_exchange_is_refused_is_taken_back_and_recorded() {
    needs_root();
    let world = World::new();
    world.put("one.parquet", b"a");
    let (dataset, before, path) =
        (world.dataset("one.parquet"), world.bytes("one.parquet"), world.path("one.parquet"));
    let immutable = Immutable::set(&path);
    let lock = dataset.lock_run(world.run()).unwrap();
    let ready = staged(&dataset, &lock, "m");
    let outcome = publish(ready).unwrap();
    let problem = "cannot exchange one.parquet: Operation not permitted (os error 1)".to_owned();
    assert_eq!(refusal(&outcome), ("SK0517", Denial::Permission, problem));
    assert_eq!(resolve(&dataset, lock.run).unwrap(), outcome);
    drop(lock);
    is_as_before(&dataset, &before, 0);
    assert_eq!(recover(&dataset).unwrap().steps, [], "nothing staged is left");
    drop(immutable);
    assert!(matches!(world.migrate(&dataset, "m").unwrap(), Outcome::Committed { .. }));
    assert_eq!(std::fs::read(path).unwrap(), b"a+m");
}

#[test]
fn a_recovery_whose_exchange_is_refused_takes_it_back() {
    needs_root();
    for point in ["publish.after-intent", "swap.after-slot"] {
        let world = World::new();
        world.put("t/a.parquet", b"a");
        let (dataset, before, path) = (world.dataset("t"), world.bytes("t"), world.path("t"));
        let lock = dataset.lock_run(world.run()).unwrap();
        let ready = staged(&dataset, &lock, "m");
        crash::fail_at(point);
        publish(ready).unwrap();
        let run = lock.run;
        drop(lock);
        let immutable = Immutable::set(&path);
        let steps = recover(&dataset).unwrap().steps;
        assert!(
            matches!(&steps[..], [Step::Refused { refusal, set_aside: None }, Step::Swept { .. }]
                if refusal.denial == Denial::Permission),
            "{steps:?}"
        );
        is_as_before(&dataset, &before, 0);
        assert_eq!(refusal(&resolve(&dataset, run).unwrap()).0, "SK0517");
        drop(immutable);
        assert_eq!(world.migrate(&dataset, "m").unwrap(), Outcome::Committed { version: 1 });
    }
}

#[test]
fn a_rollback_whose_exchange_is_refused_is_taken_back() {
    needs_root();
    let world = World::new();
    world.put("one.parquet", b"a");
    let (dataset, path) = (world.dataset("one.parquet"), world.path("one.parquet"));
    world.migrate(&dataset, "m").unwrap();
    let before = world.bytes("one.parquet");
    let immutable = Immutable::set(&path);
    let refused = roll_back(&dataset, None).unwrap_err();
    let denied = |r: &ExchangeError| matches!(r, ExchangeError::Refused(r) if r.denial == Denial::Permission);
    assert!(matches!(&refused, RollbackError::Exchange(e) if denied(e)), "{refused}");
    assert_eq!(refused.code().id, "SK0517");
    assert!(refused.hint().unwrap().contains("chattr"), "{:?}", refused.hint());
    is_as_before(&dataset, &before, 1);
    let history = dataset.history().unwrap();
    assert!(matches!(history.undone(), [u] if matches!(u.by, UndoneBy::Refused(_)) && u.run.is_none()));
    drop(immutable);
    assert_eq!(roll_back(&dataset, None).unwrap().to, 0);
    assert_eq!(std::fs::read(path).unwrap(), b"a");
}

#[test]
fn a_sticky_parent_of_somebody_else_does_not_wedge_the_dataset() {
    let Some(dir) = inside() else {
        needs_root();
        let world = World::new();
        world.put("open/t/a.parquet", b"a");
        let chmod = |name: &str, mode| {
            std::fs::set_permissions(world.path(name), std::fs::Permissions::from_mode(mode)).unwrap();
        };
        chmod("open", 0o1777);
        chmod("open/t", 0o777);
        chown(world.path("open/t"), Some(1), Some(1)).unwrap();
        as_nobody("refused::a_sticky_parent_of_somebody_else_does_not_wedge_the_dataset", &world);
        return;
    };
    let world = World::new();
    let dataset = open(&dir.join("open/t"));
    let before = bytes(&dataset.path());
    for _ in 0..2 {
        let outcome = world.migrate(&dataset, "m").unwrap();
        assert_eq!(refusal(&outcome).0, "SK0517");
        assert_eq!(bytes(&dataset.path()), before);
        assert_eq!(dataset.history().unwrap().unsettled(), None);
    }
    assert_eq!(left(&dataset, "stage"), 0);
}

#[test]
fn another_users_exchange_is_left_to_that_user() {
    if let Some(dir) = inside() {
        let dataset = open(&dir.join("open/t"));
        for _ in 0..2 {
            let refused = recover(&dataset).unwrap_err();
            assert_eq!(
                (refused.code().id, refused.hint()),
                ("SK0517", Some("recover as the user who began it, or as root"))
            );
            assert!(
                dataset.history().unwrap().unsettled().is_some(),
                "no final record of somebody who could not"
            );
        }
        return;
    }
    needs_root();
    let world = World::new();
    world.put("open/t/a.parquet", b"a");
    let all_may =
        |path: &Path| std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o777)).unwrap();
    all_may(&world.path("open/t"));
    std::fs::set_permissions(world.path("open"), std::fs::Permissions::from_mode(0o1777)).unwrap();
    let dataset = world.dataset("open/t");
    let lock = dataset.lock_run(world.run()).unwrap();
    let ready = staged(&dataset, &lock, "m");
    crash::fail_at("publish.after-intent");
    publish(ready).unwrap();
    drop(lock);
    let opened = Command::new("chmod").args(["-R", "a+rwX"]).arg(world.path("open/.skein")).status().unwrap();
    assert!(opened.success());
    as_nobody("refused::another_users_exchange_is_left_to_that_user", &world);
    assert_eq!(recover(&dataset).unwrap().steps[0], Step::Finished { version: 1 });
    assert_eq!(bytes(&dataset.path()).into_values().next().unwrap(), b"a+m");
}

/// What is left of an exchange cannot be done now and is neither: the error says what is missing until it is there.
fn stays_unfinished(dataset: &Dataset) {
    for _ in 0..2 {
        let refused = recover(dataset).unwrap_err();
        assert!(matches!(refused, StateError::Unfinished { .. }), "{refused:?}");
        let problem =
            "an exchange cannot be finished: cannot exchange t: Operation not permitted (os error 1)";
        assert_eq!((refused.code().id, refused.to_string()), ("SK0517", problem.to_owned()));
        assert!(refused.hint().unwrap().contains("chattr"), "{:?}", refused.hint());
    }
}

#[test]
fn an_exchange_that_cannot_be_undone_is_undone_when_it_can() {
    needs_root();
    let world = World::new();
    world.put("t/a.parquet", b"a");
    let (dataset, path) = (world.dataset("t"), world.path("t"));
    let lock = dataset.lock_run(world.run()).unwrap();
    let staged = staged(&dataset, &lock, "m");
    crash::fail_at("swap.after-exchange");
    publish(staged).unwrap();
    drop(lock);
    // Somebody who had the old version open wrote to it: it has to come back.
    std::fs::write(dataset.state_path().join("kept/0/late.parquet"), b"late").unwrap();
    let immutable = Immutable::set(&path);
    stays_unfinished(&dataset);
    drop(immutable);
    let steps = recover(&dataset).unwrap().steps;
    assert!(matches!(&steps[..], [Step::TakenBack { .. }, ..]), "{steps:?}");
    assert_eq!(std::fs::read(path.join("late.parquet")).unwrap(), b"late");
}

#[test]
fn a_lost_exchange_that_cannot_be_repeated_is_repeated_when_it_can() {
    needs_root();
    let world = World::new();
    world.put("t/a.parquet", b"a");
    let (dataset, path) = (world.dataset("t"), world.path("t"));
    let lock = dataset.lock_run(world.run()).unwrap();
    let staged = staged(&dataset, &lock, "m");
    crash::fail_at("swap.after-decision");
    publish(staged).unwrap();
    drop(lock);
    // The record is durable and the names are not: power was lost.
    let kept = dataset.state_path().join("kept/0");
    for (from, to) in [(&path, &world.path("other")), (&kept, &path), (&world.path("other"), &kept)] {
        std::fs::rename(from, to).unwrap();
    }
    let immutable = Immutable::set(&path);
    stays_unfinished(&dataset);
    drop(immutable);
    assert_eq!(recover(&dataset).unwrap().steps[0], Step::Settled { version: 1 });
    assert_eq!(bytes(&path).into_values().collect::<Vec<_>>(), [b"a+m"]);
}
