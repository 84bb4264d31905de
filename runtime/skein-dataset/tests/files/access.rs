//! Who may not read a dataset may not read what is staged for it or rejected from it either.

use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use skein_dataset::{NameRule, Staging};

use crate::world::{World, publish, reject, staged};

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

fn chmod(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn unfinished_files_are_nobody_elses() {
    let world = World::new();
    world.put("t/a.parquet", b"a");
    chmod(&world.path("t/a.parquet"), 0o640);
    let dataset = world.dataset("t");
    let lock = dataset.lock_run(world.run()).unwrap();
    let snapshot = dataset.pin(&lock).unwrap();
    let staging = Staging::create(&dataset, &lock, &snapshot, 0).unwrap();
    let mut data = staging.file(snapshot.data_files().next().unwrap()).unwrap();
    let mut rejects = staging.quarantine(&snapshot).unwrap();
    data.write_all(b"b").unwrap();
    rejects.write_all(b"r").unwrap();
    let stage = dataset.state_path().join("stage");
    let attempt = std::fs::read_dir(stage).unwrap().next().unwrap().unwrap().path();
    assert_eq!(mode(&attempt), 0o700);
    let parts: Vec<_> =
        std::fs::read_dir(&attempt).unwrap().map(|e| e.unwrap().path()).filter(|p| p.is_file()).collect();
    assert_eq!(parts.len(), 2);
    assert!(parts.iter().all(|part| mode(part) == 0o600), "{parts:?}");
    let name = data.finish(NameRule::Keep).unwrap().path;
    assert_eq!(mode(&attempt.join("data/t").join(name)), 0o640);
}

#[test]
fn rejected_rows_are_for_those_who_may_read_every_file() {
    // Modes of a, b, the directory of b and the dataset, and the one of the quarantine that follows.
    for (a, b, dir, root, expected) in [
        (0o644, 0o644, 0o755, 0o755, 0o644),
        (0o600, 0o644, 0o755, 0o755, 0o600),
        (0o640, 0o604, 0o755, 0o755, 0o600),
        (0o640, 0o644, 0o755, 0o755, 0o640),
        (0o644, 0o644, 0o750, 0o755, 0o640),
        (0o644, 0o644, 0o755, 0o700, 0o600),
        (0o444, 0o666, 0o755, 0o755, 0o644),
    ] {
        let world = World::new();
        world.put("t/a.parquet", b"a");
        world.put("t/k=1/b.parquet", b"b");
        for (path, mode) in [("t/a.parquet", a), ("t/k=1/b.parquet", b), ("t/k=1", dir), ("t", root)] {
            chmod(&world.path(path), mode);
        }
        let dataset = world.dataset("t");
        let lock = dataset.lock_run(world.run()).unwrap();
        let ready = staged(&dataset, &lock, "m");
        reject(&ready);
        publish(ready).unwrap();
        let quarantine = dataset.state_path().join(format!("quarantine/{}.parquet", lock.run));
        assert_eq!(mode(&quarantine), expected, "{a:o} {b:o} {dir:o} {root:o}");
    }
}
