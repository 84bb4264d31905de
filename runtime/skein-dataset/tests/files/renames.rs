//! Files that their owner renames, copies or touches: what is known of their content stays known.

use skein_dataset::{Change, Dataset, Outcome, Snapshot, VersionKind, roll_back};
use skein_types::Rows;

use crate::world::{World, applied};

/// A dataset of `a` and `k=1/b`, both migrated once by `m1`.
fn migrated(world: &World) -> Dataset {
    world.put("t/a.parquet", b"a");
    world.put("t/k=1/b.parquet", b"bb");
    let dataset = world.dataset("t");
    assert_eq!(world.migrate(&dataset, "m1").unwrap(), Outcome::Committed { version: 1 });
    dataset
}

/// The path that a migrated file has now, below the dataset.
fn path_of(world: &World, content: &[u8]) -> String {
    world.bytes("t").into_iter().find(|(_, bytes)| bytes == content).unwrap().0
}

/// Of each data file: path, number of migrations, whether rows are known.
fn known(snapshot: &Snapshot) -> Vec<(String, usize, bool)> {
    let known = |f: &skein_dataset::PinnedFile| f.known().is_some_and(|k| k.rows == Some(Rows(1)));
    snapshot.data_files().map(|f| (f.stat.path.clone(), f.applied().len(), known(f))).collect()
}

fn rename(world: &World, from: &str, to: &str) {
    std::fs::rename(world.path("t").join(from), world.path("t").join(to)).unwrap();
}

#[test]
fn a_renamed_file_is_still_migrated() {
    let world = World::new();
    let dataset = migrated(&world);
    rename(&world, &path_of(&world, b"a+m1"), "renamed.parquet");
    rename(&world, "k=1", "k=2");
    let b = path_of(&world, b"bb+m1");
    let snapshot = dataset.look().unwrap();
    assert_eq!(known(&snapshot), [(b, 1, true), ("renamed.parquet".into(), 1, true)]);
    assert_eq!(snapshot.applied_to_all(), [applied("m1")]);
}

#[test]
fn a_copy_of_a_migrated_file_is_migrated_and_another_file_of_its_size_is_not() {
    let world = World::new();
    let dataset = migrated(&world);
    let b = path_of(&world, b"bb+m1");
    std::fs::copy(world.path("t").join(&b), world.path("t/copy.parquet")).unwrap();
    world.put("t/other.parquet", b"cc+m1");
    let a = path_of(&world, b"a+m1");
    let found = known(&dataset.look().unwrap());
    let expected =
        [(a, 1, true), ("copy.parquet".into(), 1, true), (b, 1, true), ("other.parquet".into(), 0, false)];
    assert_eq!(found, expected);
}

#[test]
fn two_files_that_swap_names_keep_what_is_known_of_each_and_count_as_changed() {
    let world = World::new();
    world.put("t/a.parquet", b"a");
    let dataset = world.dataset("t");
    world.migrate(&dataset, "m1").unwrap();
    world.put("t/late.parquet", b"l+m1");
    world.migrate(&dataset, "m2").unwrap();
    let (one, two) = (path_of(&world, b"a+m1+m2"), path_of(&world, b"l+m1+m2"));
    rename(&world, &one, "x");
    rename(&world, &two, &one);
    rename(&world, "x", &two);
    let snapshot = dataset.look().unwrap();
    let applied = |path: &str| snapshot.data_files().find(|f| f.stat.path == path).unwrap().applied().len();
    assert_eq!((applied(&one), applied(&two)), (1, 2));
    let refused = roll_back(&dataset, None).unwrap_err();
    assert_eq!(refused.code().id, "SK0521", "{refused}");
}

#[test]
fn an_observed_rename_keeps_rows_statistics_and_migrations_in_the_log() {
    let world = World::new();
    let dataset = migrated(&world);
    let a = path_of(&world, b"a+m1");
    rename(&world, &a, "renamed.parquet");
    assert_eq!(world.migrate(&dataset, "m2").unwrap(), Outcome::Committed { version: 3 });
    let history = dataset.history().unwrap();
    let observed = history.version(2).unwrap();
    let changes = vec![Change::Removed(a), Change::Added("renamed.parquet".into())];
    assert_eq!(observed.kind, VersionKind::Observed { changes });
    let file = observed.files.iter().find(|f| f.stat.path == "renamed.parquet").unwrap();
    assert_eq!(file.rows, Some(Rows(1)));
    assert_eq!(file.stats, Some(serde_json::json!({"n": 1})));
    assert_eq!(file.applied, [applied("m1")]);
}

#[test]
fn a_file_that_was_written_to_under_a_new_name_with_its_old_time_is_not_taken_for_the_old_one() {
    let world = World::new();
    let dataset = migrated(&world);
    let path = world.path("t").join(path_of(&world, b"a+m1"));
    let time = std::fs::metadata(&path).unwrap().modified().unwrap();
    std::fs::rename(&path, world.path("t/renamed.parquet")).unwrap();
    let mut file = std::fs::File::options().write(true).open(world.path("t/renamed.parquet")).unwrap();
    std::io::Write::write_all(&mut file, b"A+m1").unwrap();
    file.set_modified(time).unwrap();
    let found = known(&dataset.look().unwrap());
    assert!(found.contains(&("renamed.parquet".into(), 0, false)), "{found:?}");
}

#[test]
fn a_touched_dataset_still_has_the_content_of_the_version_before() {
    let world = World::new();
    let dataset = migrated(&world);
    let touched = world.path("t").join(path_of(&world, b"a+m1"));
    let now = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_700_000_000);
    std::fs::File::options().write(true).open(touched).unwrap().set_modified(now).unwrap();
    assert_eq!(roll_back(&dataset, Some(0)).unwrap().version, 3);

    let history = dataset.history().unwrap();
    assert_eq!(history.version(2).unwrap().kind, VersionKind::Observed { changes: Vec::new() });
    assert_eq!(history.version(2).unwrap().content, history.version(1).unwrap().content);
    assert_eq!((history.slot_of(1), history.slot_of(2)), (Some(2), Some(2)));
    assert!(history.is_current(0) && !history.is_current(1));

    assert_eq!(roll_back(&dataset, Some(1)).unwrap().version, 4);
    assert_eq!(path_of(&world, b"a+m1").len(), "a-12345678.parquet".len());
    let history = dataset.history().unwrap();
    assert!(history.is_current(1) && history.is_current(2) && !history.is_current(0));
    assert!(!roll_back(&dataset, Some(2)).unwrap().changed);
}
