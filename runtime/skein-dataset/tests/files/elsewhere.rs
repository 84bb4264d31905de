//! State that lies elsewhere: found by every command, never beside a second one, over crashes and races.

use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use skein_dataset::{Dataset, Outcome, Place, PlaceError, StateError, roll_back};
use skein_types::{RunId, SystemClock};

use crate::world::{World, bytes, open, options, put};

const DATASET: &str = "SKEIN_TEST_ELSEWHERE_DATASET";
const STATES: &str = "SKEIN_TEST_ELSEWHERE_STATES";

fn elsewhere(path: &Path, states: &Path) -> Result<Dataset, PlaceError> {
    let place = Place::resolve(path)?.with_states_in(states)?;
    Ok(Dataset::open(place, Arc::new(SystemClock::start()), options()).unwrap())
}

/// A dataset and a directory for states.
fn world() -> (World, PathBuf, PathBuf) {
    let world = World::new();
    world.put("data/t/a.parquet", b"a");
    let states = world.path("states");
    std::fs::create_dir(&states).unwrap();
    let path = world.path("data/t");
    (world, path, states)
}

fn refusal(answer: Result<Dataset, PlaceError>) -> (&'static str, String) {
    let refused = answer.unwrap_err();
    (refused.code().id, refused.to_string())
}

fn run(n: u128) -> RunId {
    RunId::new(uuid::Uuid::from_u128(n))
}

#[test]
fn state_elsewhere_is_found_by_whoever_comes_later_under_any_name() {
    let (world, path, states) = world();
    let dataset = elsewhere(&path, &states).unwrap();
    assert!(!dataset.is_registered());
    assert_eq!(world.migrate(&dataset, "m1").unwrap(), Outcome::Committed { version: 1 });
    assert!(dataset.state_path().starts_with(&states));

    std::os::unix::fs::symlink(world.path("data"), world.path("alias")).unwrap();
    let again = open(&world.path("alias/t"));
    assert_eq!(again.state_path(), dataset.state_path());
    assert_eq!(world.migrate(&again, "m2").unwrap(), Outcome::Committed { version: 2 });
    assert_eq!(roll_back(&elsewhere(&path, &states).unwrap(), Some(0)).unwrap().version, 3);
    assert_eq!(bytes(&path)["a.parquet"], b"a");
    let beside = bytes(&world.path("data/.skein/t"));
    assert_eq!(
        beside,
        [
            ("lock".to_owned(), Vec::new()),
            ("state".to_owned(), format!("{}\n", dataset.state_path().display()).into_bytes())
        ]
        .into()
    );
}

#[test]
fn a_dataset_keeps_the_state_that_it_has() {
    let (world, path, states) = world();
    world.migrate(&open(&path), "m").unwrap();
    let (code, message) = refusal(elsewhere(&path, &states));
    assert_eq!(code, "SK0536");
    let beside = world.path("data/.skein/t");
    assert!(message.starts_with(&format!("the dataset's state is in {}, not in ", beside.display())));
    assert_eq!(std::fs::read_dir(&states).unwrap().count(), 0);

    world.put("data/u/a.parquet", b"a");
    let other = world.path("other states");
    std::fs::create_dir(&other).unwrap();
    world.migrate(&elsewhere(&world.path("data/u"), &states).unwrap(), "m").unwrap();
    assert_eq!(refusal(elsewhere(&world.path("data/u"), &other)).0, "SK0536");
    assert_eq!(std::fs::read_dir(&other).unwrap().count(), 0);
}

#[test]
fn of_two_first_runs_that_put_the_state_in_two_places_the_second_is_refused() {
    for beside_first in [true, false] {
        let (_world, path, states) = world();
        let (beside, chosen) = (open(&path), elsewhere(&path, &states).unwrap());
        let (first, second) = if beside_first { (&beside, &chosen) } else { (&chosen, &beside) };
        drop(first.lock_run(run(1)).unwrap());
        let refused = second.lock_run(run(2)).unwrap_err();
        assert_eq!(refused.code().id, "SK0536", "{refused}");
        assert!(matches!(refused, StateError::Place(PlaceError::StateElsewhere { .. })));
        assert_eq!(open(&path).state_path(), first.state_path());
    }
}

#[test]
fn datasets_do_not_nest_in_those_that_have_their_state_elsewhere() {
    let (world, path, states) = world();
    world.put("data/t/inner/b.parquet", b"b");
    let dataset = elsewhere(&path, &states).unwrap();
    world.migrate(&dataset, "m").unwrap();
    let refused = |path: &Path| Place::resolve(path).unwrap_err().to_string();
    let inner = path.join("inner");
    assert_eq!(refused(&inner), format!("{} lies inside the dataset {}", inner.display(), path.display()));
    assert_eq!(refused(&world.path("data")), "t inside is a dataset of its own, with its state in .skein");
    let kept = dataset.state_path().join("kept/0");
    assert_eq!(refused(&kept), format!("{} cannot be a dataset", kept.display()));
    put(&states.join("c.parquet"), b"c");
    let owner = dataset.state_path().file_name().unwrap().to_str().unwrap().to_owned();
    assert_eq!(refused(&states), format!("another dataset keeps its state in {owner}/.skein-dataset"));
}

#[test]
fn a_directory_that_cannot_hold_states_is_refused() {
    let (world, path, states) = world();
    world.put("file", b"");
    world.put("data/other/b.parquet", b"b");
    world.migrate(&world.dataset("data/other"), "m").unwrap();
    for (dir, code, problem) in [
        (world.path("none"), "SK0537", "does not exist"),
        (world.path("file"), "SK0537", "is no directory"),
        (path.clone(), "SK0537", "lies inside the dataset"),
        (PathBuf::from("/dev/shm"), "SK0537", "is on another device or mount than the dataset"),
        (world.path("data/other"), "SK0511", "lies inside the dataset"),
    ] {
        let (found, message) = refusal(elsewhere(&path, &dir));
        assert!(found == code && message.contains(problem), "{}: {found} {message}", dir.display());
    }
    assert!(!world.path("data/.skein/t").exists());
    assert!(elsewhere(&path, &states).is_ok());
}

#[test]
fn a_pointer_to_nothing_is_refused_and_begins_nothing() {
    let (world, path, states) = world();
    let dataset = elsewhere(&path, &states).unwrap();
    world.migrate(&dataset, "m").unwrap();
    let pointer = world.path("data/.skein/t/state");
    std::fs::rename(&states, world.path("moved")).unwrap();
    let refused = Place::resolve(&path).unwrap_err();
    assert_eq!(refused.code().id, "SK0538");
    let named = dataset.state_path().display().to_string();
    let message = format!("{} says that the state is {named}, and there is none", pointer.display());
    assert_eq!(refused.to_string(), message);
    std::fs::create_dir(&states).unwrap();
    assert_eq!(refusal(elsewhere(&path, &states)).0, "SK0538", "also with the same directory asked for");
    std::fs::remove_dir(&states).unwrap();
    std::fs::rename(world.path("moved"), &states).unwrap();
    assert_eq!(open(&path).history().unwrap().versions().len(), 2);

    for damaged in ["", "relative/path\n", &"/x".repeat(4000)] {
        put(&pointer, damaged.as_bytes());
        assert_eq!(Place::resolve(&path).unwrap_err().code().id, "SK0538", "{damaged:.20}");
    }
}

fn copy(from: &Path, to: &Path) {
    assert!(Command::new("cp").arg("-a").args([from, to]).status().unwrap().success());
}

#[test]
fn a_copied_parent_gets_a_state_of_its_own_and_never_the_originals() {
    let (world, path, states) = world();
    let original = elsewhere(&path, &states).unwrap();
    world.migrate(&original, "m1").unwrap();
    copy(&world.path("data"), &world.path("data2"));
    let twin = world.path("data2/t");
    let refused = Dataset::open(Place::resolve(&twin).unwrap(), Arc::new(SystemClock::start()), options());
    let refused = refused.unwrap_err();
    assert_eq!((refused.code().id, refused.class()), ("SK0541", skein_types::ErrorClass::Conflict));
    let state = original.state_path();
    assert_eq!(
        refused.to_string(),
        format!("the state in {} is that of {}", state.display(), path.display())
    );
    assert!(refused.hint().unwrap().contains("remove the file `state`"));
    let asked = Place::resolve(&twin).unwrap().with_states_in(&states);
    assert_eq!(asked.unwrap_err().code().id, "SK0536");

    std::fs::remove_file(world.path("data2/.skein/t/state")).unwrap();
    let copied = elsewhere(&twin, &states).unwrap();
    assert_eq!(world.migrate(&copied, "m2").unwrap(), Outcome::Committed { version: 1 });
    assert_ne!(copied.state_path(), state);
    assert_eq!(roll_back(&open(&path), None).unwrap().to, 0);
    assert_eq!(bytes(&path)["a.parquet"], b"a");
    assert_eq!(bytes(&twin).into_values().next().unwrap(), b"a+m1+m2");
}

#[test]
fn a_hard_linked_copy_of_a_single_file_is_a_copy() {
    let (world, _, states) = world();
    world.put("one/f.parquet", b"a");
    let original = elsewhere(&world.path("one/f.parquet"), &states).unwrap();
    world.migrate(&original, "m").unwrap();
    let linked = Command::new("cp").arg("-al").args([world.path("one"), world.path("two")]).status();
    assert!(linked.unwrap().success());
    let place = Place::resolve(&world.path("two/f.parquet")).unwrap();
    let refused = Dataset::open(place, Arc::new(SystemClock::start()), options()).unwrap_err();
    assert_eq!(refused.code().id, "SK0541");
}

#[test]
fn a_moved_parent_is_the_same_dataset_and_the_state_learns_its_path() {
    let (world, path, states) = world();
    let first = elsewhere(&path, &states).unwrap();
    world.migrate(&first, "m1").unwrap();
    let owner = first.state_path().join(".skein-dataset");
    let owned_by = |path: &Path| {
        assert_eq!(std::fs::read(&owner).unwrap(), format!("{}\n", path.display()).into_bytes());
    };
    owned_by(&path);
    std::fs::rename(world.path("data"), world.path("moved")).unwrap();
    let moved = world.dataset("moved/t");
    assert_eq!(moved.history().unwrap().versions().len(), 2);
    // Reading writes nothing.
    owned_by(&path);
    assert_eq!(roll_back(&moved, None).unwrap().to, 0);
    owned_by(&world.path("moved/t"));

    // What takes its old place is another dataset, also where its state would be called the same.
    world.put("data/t/b.parquet", b"b");
    let refused = elsewhere(&path, &states).unwrap().lock_run(run(9)).unwrap_err();
    assert_eq!(refused.code().id, "SK0541", "{refused}");
    assert_eq!(bytes(&world.path("moved/t"))["a.parquet"], b"a");
    world.migrate(&open(&path), "m").unwrap();
    assert_eq!(open(&path).history().unwrap().versions().len(), 2);
}

#[test]
fn of_a_moved_dataset_and_its_copy_the_first_that_writes_has_the_state() {
    let (world, path, states) = world();
    world.migrate(&elsewhere(&path, &states).unwrap(), "m").unwrap();
    std::fs::rename(world.path("data"), world.path("moved")).unwrap();
    copy(&world.path("moved"), &world.path("twin"));
    let (moved, twin) = (world.dataset("moved/t"), world.dataset("twin/t"));
    roll_back(&moved, None).unwrap();
    let refused = roll_back(&twin, None).unwrap_err();
    assert_eq!(refused.code().id, "SK0541", "{refused}");
    assert_eq!(bytes(&world.path("twin/t")).into_values().next().unwrap(), b"a+m");
}

/// Not a test of its own: what the child of the next one does.
#[test]
fn a_child_runs_with_its_state_elsewhere() {
    let (Some(path), Some(states)) = (std::env::var_os(DATASET), std::env::var_os(STATES)) else { return };
    let dataset = elsewhere(Path::new(&path), Path::new(&states)).unwrap();
    World::new().migrate(&dataset, "m").unwrap();
}

#[test]
fn killed_at_any_sync_of_its_registration_a_dataset_has_one_log_or_none() {
    let child = |path: &Path, states: &Path, at: &str| {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "elsewhere::a_child_runs_with_its_state_elsewhere", "--test-threads=1"]);
        command.env(DATASET, path).env(STATES, states).env("SKEIN_CRASH_AT", at);
        command.output().unwrap().status.signal() == Some(9)
    };
    let (mut kills, mut unpointed) = (0, 0);
    let syncs = (1..).map(|nth| format!("store.before-dir-sync:{nth}"));
    for at in ["register.before-probe", "register.after-place"].map(str::to_owned).into_iter().chain(syncs) {
        let (world, path, states) = world();
        if !child(&path, &states, &at) {
            break;
        }
        kills += 1;
        unpointed += usize::from(!world.path("data/.skein/t/state").exists());
        // Whoever comes without the option next finds the log that was begun, or begins one beside the dataset; with the
        // option it is the other way round refused, and never a second one.
        let found = open(&path);
        world.migrate(&found, "n").unwrap();
        let logs = [world.path("data/.skein/t/log"), elsewhere_log(&states)];
        let begun =
            logs.iter().filter(|log| std::fs::read_dir(log).is_ok_and(|mut dir| dir.next().is_some()));
        assert_eq!(begun.count(), 1, "{at}");
        assert_eq!(open(&path).state_path(), found.state_path(), "{at}");
    }
    assert!(kills > 5 && unpointed > 2 && unpointed < kills, "{kills} kills, {unpointed} before the pointer");
}

fn elsewhere_log(states: &Path) -> PathBuf {
    let below = std::fs::read_dir(states).unwrap().next();
    below.map_or_else(|| states.join("none"), |entry| entry.unwrap().path().join("log"))
}
