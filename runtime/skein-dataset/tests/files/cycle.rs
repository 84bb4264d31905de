//! Publish, roll back, roll forward: directories and single files, bytes compared.

use skein_dataset::{Outcome, VersionKind, recover, roll_back};

use crate::world::{World, applied};

#[test]
fn a_directory_is_migrated_and_comes_back_byte_for_byte() {
    let world = World::new();
    world.put("t/a.parquet", b"a");
    world.put("t/x=1/y=%20é #/b c.parquet", b"b");
    world.put("t/_SUCCESS", b"");
    world.put("t/_metadata", b"m");
    std::fs::create_dir(world.path("t/x=2")).unwrap();
    let before = world.bytes("t");
    let dataset = world.dataset("t");

    assert_eq!(world.migrate(&dataset, "m1").unwrap(), Outcome::Committed { version: 1 });
    let after = world.bytes("t");
    let mut contents: Vec<&[u8]> = after.values().map(Vec::as_slice).collect();
    contents.sort_unstable();
    assert_eq!(contents, [b"".as_slice(), b"a+m1", b"b+m1"]);
    assert!(after.keys().all(|path| !before.contains_key(path) || path == "_SUCCESS"), "{:?}", after.keys());
    assert!(after.keys().any(|path| path.starts_with("x=1/y=%20é #/b c-")), "{:?}", after.keys());
    assert!(world.path("t/x=2").is_dir(), "an empty directory is kept");

    let back = roll_back(&dataset, None).unwrap();
    assert_eq!((back.version, back.to, back.changed), (2, 0, true));
    assert_eq!(world.bytes("t"), before);

    let forward = roll_back(&dataset, Some(1)).unwrap();
    assert_eq!((forward.version, forward.to), (3, 1));
    assert_eq!(world.bytes("t"), after);

    let again = roll_back(&dataset, Some(1)).unwrap();
    assert_eq!((again.version, again.changed), (3, false));

    let history = dataset.history().unwrap();
    let kinds: Vec<&str> = history
        .versions()
        .iter()
        .map(|v| match &v.kind {
            VersionKind::Adopted => "adopted",
            VersionKind::Beside(_) => "beside",
            VersionKind::Observed { .. } => "observed",
            VersionKind::Published(_) => "published",
            VersionKind::RolledBack { .. } => "rolled back",
        })
        .collect();
    assert_eq!(kinds, ["adopted", "published", "rolled back", "rolled back"]);
    assert_eq!(recover(&dataset).unwrap().steps, []);
}

#[test]
fn a_single_file_is_migrated_and_comes_back_under_its_name() {
    let world = World::new();
    world.put("one file.parquet", b"1");
    let dataset = world.dataset("one file.parquet");
    let contents = || std::fs::read(world.path("one file.parquet")).unwrap();

    assert_eq!(world.migrate(&dataset, "m1").unwrap(), Outcome::Committed { version: 1 });
    assert_eq!(contents(), b"1+m1");
    assert_eq!(world.migrate(&dataset, "m2").unwrap(), Outcome::Committed { version: 2 });
    assert_eq!(contents(), b"1+m1+m2");
    assert_eq!(roll_back(&dataset, Some(0)).unwrap().version, 3);
    assert_eq!(contents(), b"1");
    assert_eq!(roll_back(&dataset, Some(2)).unwrap().version, 4);
    assert_eq!(contents(), b"1+m1+m2");
    assert_eq!(roll_back(&dataset, Some(1)).unwrap().version, 5);
    assert_eq!(contents(), b"1+m1");
    assert_eq!(world.migrate(&dataset, "m3").unwrap(), Outcome::Committed { version: 6 });
    assert_eq!(contents(), b"1+m1+m3");
}

#[test]
fn applied_migrations_are_remembered_per_file_and_forgotten_by_a_rollback() {
    let world = World::new();
    world.put("t/a.parquet", b"a");
    let dataset = world.dataset("t");
    world.migrate(&dataset, "m1").unwrap();
    world.migrate(&dataset, "m2").unwrap();
    let all = |run| {
        let lock = dataset.lock_run(run).unwrap();
        dataset.pin(&lock).unwrap().applied_to_all()
    };
    assert_eq!(all(world.run()), [applied("m1"), applied("m2")]);
    roll_back(&dataset, None).unwrap();
    assert_eq!(all(world.run()), [applied("m1")]);
    world.put("t/new.parquet", b"n");
    assert_eq!(all(world.run()), []);
    roll_back(&dataset, Some(0)).unwrap_err();
}

#[test]
fn names_do_not_grow_over_many_migrations() {
    let world = World::new();
    world.put("t/part-0.parquet", b"a");
    let dataset = world.dataset("t");
    for i in 0..3 {
        world.migrate(&dataset, &format!("m{i}")).unwrap();
    }
    let names: Vec<String> = world.bytes("t").into_keys().collect();
    assert_eq!(names.len(), 1);
    assert_eq!(names[0].len(), "part-0-12345678.parquet".len(), "{names:?}");
}
