//! Where datasets may not live, and what is kept of those that may.

use std::io::Write as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};

use skein_dataset::{NameRule, Outcome, Place, StagedEntry, Staging};

use crate::world::{REJECTED, World, bytes, left, open, publish, reject, staged};

fn refusal(path: &std::path::Path) -> (&'static str, String) {
    let refused = Place::resolve(path).unwrap_err();
    (refused.code().id, refused.to_string())
}

#[test]
fn what_no_dataset_may_hold_is_refused_by_name() {
    type Act = fn(&World);
    let acts: [(Act, &str, &str); 8] = [
        (|w| w.put("t/_delta_log/0.json", b"{}"), "SK0511", "_delta_log belongs to Delta Lake"),
        (|w| w.put("t/.hoodie/x", b""), "SK0511", ".hoodie belongs to Apache Hudi"),
        (
            |w| w.put("t/metadata/v1.metadata.json", b"{}"),
            "SK0511",
            "metadata/v1.metadata.json belongs to Apache Iceberg",
        ),
        (
            |w| w.put("t/k=1/_spark_metadata/0", b""),
            "SK0511",
            "k=1/_spark_metadata belongs to a Spark streaming sink",
        ),
        (
            |w| w.put("t/k=1/.skein/x/log/0", b""),
            "SK0511",
            "k=1/x inside is a dataset of its own, with its state in k=1/.skein",
        ),
        (
            |w| symlink("/etc/passwd", w.path("t/l.parquet")).unwrap(),
            "SK0509",
            "l.parquet is a symbolic link",
        ),
        (|w| symlink("a.parquet", w.path("t/l.parquet")).unwrap(), "SK0509", "l.parquet is a symbolic link"),
        (
            |w| drop(std::os::unix::net::UnixListener::bind(w.path("t/s")).unwrap()),
            "SK0510",
            "s is not a regular file",
        ),
    ];
    for (act, code, message) in acts {
        let world = World::new();
        world.put("t/a.parquet", b"a");
        act(&world);
        assert_eq!(refusal(&world.path("t")), (code, message.to_owned()));
        assert!(!world.path(".skein").exists(), "nothing is written for a refused place");
    }
}

#[test]
fn a_path_that_is_not_there_or_not_text_or_a_root_is_refused() {
    let world = World::new();
    assert_eq!(refusal(&world.path("none")).0, "SK0501");
    assert_eq!(refusal(std::path::Path::new("/")).0, "SK0511");
    assert_eq!(refusal(std::path::Path::new("/dev/null")).0, "SK0510");
    let odd = world.dir.path().join(std::ffi::OsStr::from_bytes(b"\xff\xfe"));
    std::fs::create_dir(&odd).unwrap();
    assert_eq!(refusal(&odd).0, "SK0511");
    std::fs::create_dir(world.path("t")).unwrap();
    std::fs::File::create(world.path("t").join(std::ffi::OsStr::from_bytes(b"\xff.parquet"))).unwrap();
    assert_eq!(refusal(&world.path("t")).0, "SK0511");
}

#[test]
fn datasets_do_not_nest() {
    let world = World::new();
    world.put("outer/inner/a.parquet", b"a");
    world.migrate(&world.dataset("outer"), "m").unwrap();
    assert_eq!(refusal(&world.path("outer/inner")).0, "SK0511");
    let (file, _) = world.bytes("outer").into_iter().next().unwrap();
    assert_eq!(refusal(&world.path("outer").join(file)).0, "SK0511");
    assert_eq!(refusal(&world.path(".skein/outer")).0, "SK0511");

    let world = World::new();
    world.put("outer/inner/a.parquet", b"a");
    world.migrate(&world.dataset("outer/inner"), "m").unwrap();
    assert_eq!(
        refusal(&world.path("outer")),
        ("SK0511", "inner inside is a dataset of its own, with its state in .skein".to_owned())
    );
}

#[test]
fn two_names_for_one_place_meet_in_one_log() {
    let world = World::new();
    world.put("t/a.parquet", b"a");
    symlink("t", world.path("alias")).unwrap();
    world.migrate(&open(&world.path("alias")), "m1").unwrap();
    assert_eq!(
        world.migrate(&open(&world.path("./alias/../t/")), "m2").unwrap(),
        Outcome::Committed { version: 2 }
    );
    assert!(std::fs::symlink_metadata(world.path("alias")).unwrap().is_symlink());
}

#[test]
fn an_empty_directory_has_no_files_to_migrate() {
    let world = World::new();
    world.put("t/README.md", b"soon");
    let dataset = world.dataset("t");
    let lock = dataset.lock_run(world.run()).unwrap();
    assert_eq!(dataset.pin(&lock).unwrap_err().code().id, "SK0502");
}

#[test]
fn mode_owner_and_attributes_stay_with_files_and_directories() {
    let world = World::new();
    world.put("t/k=1/a.parquet", b"a");
    world.put("t/README", b"r");
    let set = |name: &str, mode| {
        let path = world.path(name);
        rustix::fs::setxattr(&path, "user.origin", name.as_bytes(), rustix::fs::XattrFlags::empty()).unwrap();
        std::os::unix::fs::chown(&path, Some(1234), Some(4321)).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
    };
    set("t/k=1/a.parquet", 0o640);
    set("t/README", 0o604);
    set("t/k=1", 0o2750);
    set("t", 0o1755);
    let readme_written = std::fs::metadata(world.path("t/README")).unwrap().mtime();
    let dataset = world.dataset("t");
    assert_eq!(world.migrate(&dataset, "m").unwrap(), Outcome::Committed { version: 1 });
    let out = bytes(&world.path("t")).into_keys().find(|k| k.starts_with("k=1/a-")).unwrap();
    for (name, mode, origin) in [
        (format!("t/{out}"), 0o640, "t/k=1/a.parquet"),
        ("t/README".to_owned(), 0o604, "t/README"),
        ("t/k=1".to_owned(), 0o2750, "t/k=1"),
        ("t".to_owned(), 0o1755, "t"),
    ] {
        let path = world.path(&name);
        let metadata = std::fs::metadata(&path).unwrap();
        assert_eq!((metadata.mode() & 0o7777, metadata.uid(), metadata.gid()), (mode, 1234, 4321), "{name}");
        let mut value = [0; 64];
        let length = rustix::fs::getxattr(&path, "user.origin", &mut value[..]).unwrap();
        assert_eq!(std::str::from_utf8(&value[..length]).unwrap(), origin);
    }
    assert_eq!(std::fs::metadata(world.path("t/README")).unwrap().mtime(), readme_written);
}

#[test]
fn staged_files_are_hashed_counted_named_and_gone_when_dropped() {
    let (world, dataset) = World::with_one_file();
    let lock = dataset.lock_run(world.run()).unwrap();
    let snapshot = dataset.pin(&lock).unwrap();
    let staging = Staging::create(&dataset, &lock, &snapshot, 1).unwrap();
    let source = snapshot.data_files().next().unwrap();
    let content: Vec<u8> = (0..3_000_000_u32).map(|i| i.to_le_bytes()[0] ^ i.to_le_bytes()[2]).collect();
    let write = |chunk: usize| {
        let mut out = staging.file(source).unwrap();
        content.chunks(chunk).for_each(|c| out.write_all(c).unwrap());
        assert_eq!(out.size(), 3_000_000);
        out
    };
    let entry = write(700_001).finish(NameRule::Hashed).unwrap();
    let blake3 = skein_types::Blake3::of(&content);
    let path = format!("a-{}.parquet", blake3.short());
    let from = "a.parquet".to_owned();
    assert_eq!(entry, StagedEntry { path, from, role: skein_dataset::Role::Data, size: 3_000_000, blake3 });
    let stage = dataset.state_path().join("stage");
    let attempt = std::fs::read_dir(&stage).unwrap().next().unwrap().unwrap().path();
    assert_eq!(std::fs::read(attempt.join("data/t").join(&entry.path)).unwrap(), content);
    assert_eq!(write(1000).finish(NameRule::Hashed).unwrap_err().code().id, "SK0527");
    drop(staging);
    assert_eq!(left(&dataset, "stage"), 0);
}

#[test]
fn rejects_reach_the_quarantine_with_the_publish_and_not_before() {
    let (world, dataset) = World::with_one_file();
    let lock = dataset.lock_run(world.run()).unwrap();
    let ready = staged(&dataset, &lock, "m");
    reject(&ready);
    let quarantine = dataset.state_path().join("quarantine").join(format!("{}.parquet", lock.run));
    assert!(!quarantine.exists());
    publish(ready).unwrap();
    assert_eq!(std::fs::read(quarantine).unwrap(), REJECTED);
}
