//! A published version that goes back and forth, and what is looked at after it was published.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use skein_dataset::{
    Damage, Dataset, Flow, Health, IoFault, Leg, Outcome, Pace, Rehearsal, RehearseError, Rehearsed, Undo,
    finalize_displaced_by, left_new, made, paced, publish_many, rehearse, resolve_over, roll_back_many,
    scrub,
};
use skein_types::RunId;

use crate::world::{World, left, put, staged};

fn published(dataset: &Dataset, run: RunId) -> Outcome {
    let lock = dataset.lock_run(run).unwrap();
    publish_many(vec![staged(dataset, &lock, "m")]).pop().unwrap().unwrap()
}

fn there(_: Leg) -> Result<(), IoFault> {
    Ok(())
}

fn passed(dataset: &Dataset, run: RunId, base: u64) -> Rehearsed {
    match rehearse(dataset, (run, base), there).unwrap() {
        Rehearsal::Passed(passed) => passed,
        other => panic!("{other:?}"),
    }
}

/// The first file below a directory.
fn file_below(dir: &Path) -> PathBuf {
    std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).find(|path| path.is_file()).unwrap()
}

/// Changes one byte and puts the time of the last write back.
fn flip(path: &Path) {
    let was = std::fs::metadata(path).unwrap().modified().unwrap();
    let mut bytes = std::fs::read(path).unwrap();
    bytes[0] ^= 1;
    let file = std::fs::File::options().write(true).open(path).unwrap();
    std::os::unix::fs::FileExt::write_all_at(&file, &bytes, 0).unwrap();
    file.set_modified(was).unwrap();
}

#[test]
fn a_result_goes_back_and_forth_and_every_byte_is_the_same() {
    for name in ["t", "t.parquet"] {
        let world = World::new();
        world.put(if name == "t" { "t/k=1/a.parquet" } else { name }, b"a");
        let (dataset, run) = (world.dataset(name), world.run());
        assert_eq!(published(&dataset, run), Outcome::Committed { version: 1 });
        let new = world.bytes(name);
        let first = passed(&dataset, run, 0);
        assert_eq!((first.base, first.published, first.back, first.forward), (0, 1, 2, 3));
        assert_eq!((first.files, first.bytes.0), (2, 1 + 3));
        assert_ne!(first.before, first.after);
        // As they are signed for.
        let made = made(&dataset, run).unwrap().unwrap();
        assert_eq!((first.before, first.after), (made.input.digest, made.output.digest));
        assert_eq!(world.bytes(name), new);
        // Again, by whoever does not know that it was made.
        assert_eq!(passed(&dataset, run, 0), first);
        assert_eq!(dataset.history().unwrap().versions().len(), 4);
        // Its migration is known as before, it can be undone, and what it displaced is its own to give up.
        assert_eq!(dataset.look().unwrap().applied_to_all().len(), 1);
        let health = dataset.health(run).unwrap();
        assert!(matches!(health, Health::Current(found) if found.version == 3 && found.missing.is_empty()));
        let undone = roll_back_many(&[(&dataset, run)]).pop().unwrap().unwrap();
        assert!(matches!(undone, Undo::Undone(back) if back.to == 0), "{name}");
        let again = world.run();
        published(&dataset, again);
        passed(&dataset, again, 4);
        let gone = finalize_displaced_by(&dataset, again).unwrap();
        assert_eq!((gone.versions.as_slice(), gone.files), (&[6][..], 1));
        assert_eq!(finalize_displaced_by(&dataset, again).unwrap().versions, [6], "said again after a crash");
        assert_eq!(
            finalize_displaced_by(&dataset, run).unwrap().versions,
            [0; 0],
            "another's are not its own"
        );
    }
}

#[test]
fn whoever_died_on_the_way_is_gone_on_from_there() {
    for stops in [Leg::Back, Leg::Proof, Leg::Forward] {
        let (world, dataset) = World::with_one_file();
        let run = world.run();
        let old = world.bytes("t");
        published(&dataset, run);
        let new = world.bytes("t");
        let dies = |leg: Leg| match leg == stops {
            true => {
                Err(IoFault { action: "die", path: String::new(), source: std::io::Error::other("here") })
            }
            false => Ok(()),
        };
        let error = rehearse(&dataset, (run, 0), dies).unwrap_err();
        assert!(matches!(error, RehearseError::Io(_)));
        assert_eq!(left_new(&dataset, run, &error).unwrap(), stops == Leg::Forward);
        assert_eq!(world.bytes("t"), if stops == Leg::Forward { new.clone() } else { old });
        let passed = passed(&dataset, run, 0);
        assert_eq!((passed.back, passed.forward), (2, 3), "{stops:?}");
        assert_eq!(world.bytes("t"), new);
    }
}

#[test]
fn a_byte_that_changes_on_the_way_leaves_the_old_version_current_and_is_named() {
    for kept in [true, false] {
        let (world, dataset) = World::with_one_file();
        let run = world.run();
        published(&dataset, run);
        let dir = if kept { dataset.state_path().join("kept/1") } else { world.path("t") };
        let change = |leg| {
            if leg == Leg::Back && kept {
                flip(&file_below(&dir));
            }
            Ok(())
        };
        if !kept {
            // What was displaced changes before it comes back by an exchange that looks at numbers alone.
            assert!(matches!(
                rehearse(&dataset, (run, 0), |leg| match leg {
                    Leg::Back =>
                        Err(IoFault { action: "die", path: String::new(), source: std::io::Error::other("") }),
                    Leg::Proof | Leg::Forward => Ok(()),
                }),
                Err(RehearseError::Io(_))
            ));
            flip(&file_below(&dir));
        }
        let error = rehearse(&dataset, (run, 0), change).unwrap_err();
        let code = error.code().id;
        assert_eq!(code, if kept { "SK0361" } else { "SK0360" }, "{error}");
        assert!(error.to_string().contains(".parquet"), "{error}");
        assert!(!error.leaves_new());
        // Whoever asks again hears the same; nothing goes forward.
        assert_eq!(rehearse(&dataset, (run, 0), there).unwrap_err().code().id, code);
        let old = std::fs::read(file_below(&world.path("t"))).unwrap();
        assert_eq!(old.len(), 1, "the old version is current");
        // Tried again, the run is another try: what its first one made is not its result.
        assert_eq!(left(&dataset, "stage"), 0);
        if kept {
            assert_eq!(published(&dataset, run), Outcome::Committed { version: 3 });
            assert_eq!(resolve_over(&dataset, run, 2).unwrap(), Outcome::Committed { version: 3 });
            passed(&dataset, run, 2);
        }
    }
}

#[test]
fn what_others_write_is_never_undone_by_a_rehearsal() {
    let (world, dataset) = World::with_one_file();
    let run = world.run();
    published(&dataset, run);
    let late = world.path("t/late.parquet");
    put(&late, b"late");
    let overtaken = rehearse(&dataset, (run, 0), there).unwrap();
    assert!(matches!(&overtaken, Rehearsal::Overtaken { version: 1, by } if by.contains("late.parquet")));
    assert_eq!(std::fs::read(&late).unwrap(), b"late");

    let (world, dataset) = World::with_one_file();
    let run = world.run();
    published(&dataset, run);
    let late = world.path("t/late.parquet");
    let disturbs = |leg| {
        if leg == Leg::Proof {
            put(&late, b"late");
        }
        Ok(())
    };
    let error = rehearse(&dataset, (run, 0), disturbs).unwrap_err();
    assert_eq!((error.code().id, error.leaves_new()), ("SK0362", false));
    assert_eq!(world.bytes("t").len(), 2);
    assert_eq!(std::fs::read(&late).unwrap(), b"late");
}

#[test]
fn a_scrub_names_each_file_that_is_not_what_the_log_says() {
    for name in ["t", "t.parquet"] {
        let world = World::new();
        world.put(if name == "t" { "t/a.parquet" } else { name }, b"a");
        let (dataset, run) = (world.dataset(name), world.run());
        assert_eq!(scrub(&dataset).unwrap(), []);
        published(&dataset, run);
        let told = |dataset: &Dataset| -> Vec<(u64, bool, Vec<&'static str>)> {
            let read = scrub(dataset).unwrap();
            let how =
                |one: &skein_dataset::Scrubbed| one.damaged.iter().map(|file| file.how.as_str()).collect();
            read.iter().map(|one| (one.version, one.current, how(one))).collect()
        };
        assert_eq!(told(&dataset), [(0, false, vec![]), (1, true, vec![])]);
        let kept = dataset.state_path().join("kept/0");
        flip(&if name == "t" { file_below(&kept) } else { kept });
        assert_eq!(told(&dataset), [(0, false, vec!["it is not what the log says"]), (1, true, vec![])]);
        let live = if name == "t" { file_below(&world.path("t")) } else { world.path(name) };
        flip(&live);
        // A single file's ctime moves with it, so that nobody can tell who wrote to it.
        let how = if name == "t" {
            "somebody has written to it"
        } else {
            "its bytes are others, and nobody has written to it"
        };
        assert_eq!(told(&dataset)[1].2, [how]);
        std::fs::remove_file(&live).unwrap();
        if name == "t" {
            world.put("t/late.parquet", b"theirs");
            assert_eq!(told(&dataset)[1].2, ["it is not there"]);
        }
    }
}

/// Adds a byte to a file while the second piece of all is read.
#[derive(Debug)]
struct Writing {
    to: PathBuf,
    pieces: AtomicU64,
}

impl Pace for Writing {
    fn pass(&self, _: Flow, _: u64) {
        if self.pieces.fetch_add(1, Ordering::Relaxed) == 1 {
            std::fs::File::options().append(true).open(&self.to).unwrap().write_all(b"x").unwrap();
        }
    }
}

#[test]
fn who_writes_to_a_file_while_it_is_read_has_written_and_no_disk_is_blamed() {
    let (world, dataset) = World::with_one_file();
    published(&dataset, world.run());
    let to = file_below(&world.path("t"));
    // The kept version is one piece, then comes the current one.
    let writing = Arc::new(Writing { to, pieces: AtomicU64::new(0) });
    let read = paced(Some(writing), || scrub(&dataset)).unwrap();
    assert_eq!((read[0].damaged.len(), read[1].damaged[0].how), (0, Damage::Written));
}

#[test]
fn what_is_missing_resized_or_arrived_is_found_by_names_and_sizes() {
    let (world, dataset) = World::with_one_file();
    let (run, other) = (world.run(), world.run());
    assert_eq!(dataset.health(run).unwrap(), Health::Unknown);
    published(&dataset, run);
    let found = |dataset: &Dataset| match dataset.health(run).unwrap() {
        Health::Current(found) => (found.missing.len(), found.resized.len(), found.arrived),
        other => panic!("{other:?}"),
    };
    assert_eq!(found(&dataset), (0, 0, vec![]));
    let file = file_below(&world.path("t"));
    world.put("t/late.parquet", b"late");
    put(&file, b"longer than it was");
    assert_eq!(found(&dataset), (0, 1, vec!["late.parquet".to_owned()]));
    assert_eq!(dataset.written_over(run).unwrap().len(), 2);
    std::fs::remove_file(&file).unwrap();
    assert_eq!(found(&dataset), (1, 0, vec!["late.parquet".to_owned()]));
    published(&dataset, other);
    assert!(matches!(dataset.health(run).unwrap(), Health::Superseded { .. }));
    assert_eq!(dataset.history().unwrap().run_of_current(), Some(other));
}
