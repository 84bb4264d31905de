//! How often a publish waits for the disk.

use std::io::Write as _;

use skein_dataset::crash::{synced, waits_for_disk};
use skein_dataset::{Dataset, NameRule, Outcome, Publish, RunLock, attempt_many, publish_many};

use crate::world::{World, catch_up, stage};

/// One run over each dataset, every second one with rejects.
fn runs<'a>(datasets: &'a [Dataset], locks: &'a [RunLock], migration: &str) -> Vec<Publish<'a>> {
    let each = datasets.iter().zip(locks).enumerate();
    each.map(|(i, (dataset, lock))| {
        let snapshot = dataset.pin(lock).unwrap();
        let (staging, commit) = stage(dataset, lock, &snapshot, migration);
        if i % 2 == 0 {
            let mut rejects = staging.quarantine(&snapshot).unwrap();
            rejects.write_all(b"a rejected row").unwrap();
            rejects.finish(NameRule::Keep).unwrap();
        }
        Publish { dataset, lock, snapshot, staging, commit }
    })
    .collect()
}

#[test]
fn a_publish_waits_for_the_disk_three_times_however_many_datasets() {
    for count in [1, 8] {
        let world = World::new();
        let name = |i| format!("d{i}");
        let datasets: Vec<_> = (0..count)
            .map(|i| {
                world.put(&format!("d{i}/a.parquet"), b"a");
                world.dataset(&name(i))
            })
            .collect();
        for (nth, migration) in ["first", "second"].into_iter().enumerate() {
            let locks: Vec<_> = datasets.iter().map(|d| d.lock_run(world.run()).unwrap()).collect();
            let runs = runs(&datasets, &locks, migration);
            let before = waits_for_disk();
            let outcomes: Vec<_> = publish_many(runs).into_iter().map(Result::unwrap).collect();
            assert_eq!(waits_for_disk() - before, 3, "{migration} of {count}");
            assert_eq!(outcomes, vec![Outcome::Committed { version: nth as u64 + 1 }; count]);
        }
        for i in 0..count {
            let kept = std::fs::read_dir(world.path(&format!(".skein/d{i}/quarantine"))).unwrap().count();
            assert_eq!(kept, if i % 2 == 0 { 2 } else { 0 }, "d{i}");
        }
    }
}

/// Else whoever adds files to a large dataset would always be faster than the publish.
#[test]
fn a_publish_that_begins_anew_syncs_what_came_since_however_much_was_there_before() {
    let again = [2, 30].map(|count| {
        let world = World::new();
        for i in 0..count {
            world.put(&format!("t/k={i:02}/a.parquet"), b"a");
            world.put(&format!("t/k={i:02}/b.parquet"), format!("{i}").as_bytes());
        }
        let dataset = world.dataset("t");
        let lock = dataset.lock_run(world.run()).unwrap();
        let snapshot = dataset.pin(&lock).unwrap();
        let (staging, commit) = stage(&dataset, &lock, &snapshot, "m");
        world.put("t/k=01/late.parquet", b"late");
        world.put("t/k=99/late.parquet", b"later");
        let before = synced();
        let publish = Publish { dataset: &dataset, lock: &lock, snapshot, staging, commit };
        let attempted = attempt_many(vec![publish]).pop().unwrap();
        assert!(synced() - before > 3 * count, "two files and a directory each");
        let before = synced();
        assert_eq!(catch_up(attempted.returned.unwrap()), Outcome::Committed { version: 1 });
        assert_eq!(world.bytes("t").len(), 2 * count + 2);
        synced() - before
    });
    assert_eq!(again[0], again[1]);
}
