//! What was a file when it was listed can be a pipe or a link when it is opened: nothing waits for it or goes where it leads.

use std::path::Path;

use rustix::fs::{CWD, Mode, Timespec, Timestamps};
use skein_dataset::{Dataset, VersionFiles};

use crate::world::{World, put};

/// Puts a pipe or a link to `to` where a file is.
fn replace(path: &Path, to: Option<&Path>) {
    std::fs::remove_file(path).unwrap();
    match to {
        Some(to) => std::os::unix::fs::symlink(to, path).unwrap(),
        None => rustix::fs::mkfifoat(CWD, path, Mode::from_raw_mode(0o644)).unwrap(),
    }
}

fn refusal(dataset: &Dataset, version: u64) -> (&'static str, String) {
    let refused = VersionFiles::find(dataset, Some(version)).unwrap_err();
    (refused.code().id, refused.to_string())
}

/// The only data file below a directory.
fn only(dir: &Path) -> std::path::PathBuf {
    let mut entries = std::fs::read_dir(dir).unwrap();
    let only = entries.next().unwrap().unwrap().path();
    assert!(entries.next().is_none());
    only
}

#[test]
fn an_export_does_not_wait_for_a_pipe_or_follow_a_link() {
    for link in [false, true] {
        let world = World::new();
        world.put("t/a.parquet", b"a");
        world.put("copy", b"a+m");
        let dataset = world.dataset("t");
        world.migrate(&dataset, "m").unwrap();
        let copy = world.path("copy");
        let to = link.then_some(copy.as_path());
        let live = only(&world.path("t"));
        let name = live.file_name().unwrap().to_str().unwrap().to_owned();
        replace(&live, to);
        let drifted = ("SK0514", format!("{name} was changed by others since version 1"));
        assert_eq!(refusal(&dataset, 1), drifted);
        replace(&dataset.state_path().join("kept/0/a.parquet"), to);
        assert_eq!(refusal(&dataset, 0), ("SK0524", "version 0 is damaged: a.parquet".to_owned()));
    }
}

#[test]
fn a_pinned_file_that_became_a_pipe_or_a_link_has_changed() {
    for link in [false, true] {
        let world = World::new();
        world.put("t/a.parquet", b"a");
        world.put("copy", b"a");
        let dataset = world.dataset("t");
        let snapshot = dataset.look().unwrap();
        let copy = world.path("copy");
        replace(&world.path("t/a.parquet"), link.then_some(copy.as_path()));
        let refused = snapshot.open_file(&snapshot.files()[0]).unwrap_err();
        assert_eq!(refused.code().id, "SK0525", "{refused}");
    }
}

#[test]
fn a_pipe_in_place_of_a_lock_or_a_record_is_an_error_and_no_wait() {
    let world = World::new();
    world.put("t/a.parquet", b"a");
    let dataset = world.dataset("t");
    world.migrate(&dataset, "m").unwrap();
    let state = dataset.state_path();
    replace(&state.join("run.lock"), None);
    let refused = dataset.lock_run(world.run()).unwrap_err();
    assert_eq!((refused.code().id, refused.to_string()), ("SK0004", "cannot open run.lock".to_owned()));
    replace(&state.join("log/00000000000000000001.json"), None);
    let refused = dataset.history().unwrap_err();
    assert_eq!(std::error::Error::source(&refused).unwrap().to_string(), "it is no regular file");
}

#[test]
fn an_export_reads_what_was_overwritten_with_its_time_set_back() {
    for single in [false, true] {
        let world = World::new();
        let (name, path) = if single { ("t.parquet", "t.parquet") } else { ("t", "t/a.parquet") };
        world.put(path, b"a");
        let dataset = world.dataset(name);
        world.migrate(&dataset, "m").unwrap();
        let live = if single { world.path(path) } else { only(&world.path("t")) };
        let kept = dataset.state_path().join(if single { "kept/0" } else { "kept/0/a.parquet" });
        for (version, file, evil) in [(1, live, "b+m"), (0, kept, "b")] {
            assert_eq!(VersionFiles::find(&dataset, Some(version)).unwrap().version(), version);
            let before = rustix::fs::stat(&file).unwrap();
            put(&file, evil.as_bytes());
            let at =
                Timespec { tv_sec: before.st_mtime, tv_nsec: i64::try_from(before.st_mtime_nsec).unwrap() };
            let times = Timestamps { last_access: at, last_modification: at };
            rustix::fs::utimensat(CWD, &file, &times, rustix::fs::AtFlags::empty()).unwrap();
            let code = if version == 1 { "SK0514" } else { "SK0524" };
            assert_eq!(refusal(&dataset, version).0, code, "{name} {version}");
        }
    }
}
