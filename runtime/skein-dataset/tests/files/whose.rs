//! Whose state it is: in a directory that others may write, what they put where a state is looked for is not believed.

use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _, chown, symlink};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use skein_dataset::{
    Dataset, LaterWrites, Outcome, Place, StateError, VersionFiles, collect, examine, recover, roll_back,
    roll_back_over,
};
use skein_types::{RunId, SystemClock};

use crate::mounts::{inside, needs_root};
use crate::world::{World, bytes, open, options, put};

const STRANGER: u32 = 65_534;
const ALICE: u32 = 6001;
const BOB: u32 = 6002;
const TEAM: u32 = 6100;

fn chmod(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().mode() & 0o7777
}

fn give(path: &Path, user: u32) {
    assert!(
        Command::new("chown").args(["-hR", &format!("{user}:{user}")]).arg(path).status().unwrap().success()
    );
}

/// A dataset of root in a directory in which everybody may make things.
fn shared() -> World {
    needs_root();
    let world = World::new();
    world.put("shared/t/a.parquet", b"a");
    chmod(world.dir.path(), 0o755);
    chmod(&world.path("shared"), 0o1777);
    world
}

/// What a command would be refused with: finding the place, or opening the dataset there.
fn refusal(path: &Path) -> (String, String) {
    let opened = Place::resolve(path).map_err(StateError::from);
    let opened = opened.and_then(|place| Dataset::open(place, Arc::new(SystemClock::start()), options()));
    let refused = opened.and_then(|dataset| dataset.lock_run(RunId::new(uuid::Uuid::from_u128(9))).map(drop));
    let refused = refused.unwrap_err();
    assert!(refused.hint().is_some() || refused.code().id != "SK0546");
    (refused.code().id.to_owned(), refused.to_string())
}

fn untrusted(path: &Path, problem: &str) -> (String, String) {
    ("SK0546".to_owned(), format!("{} {problem}", path.display()))
}

const BY_STRANGER: &str = "was made by user 65534, who may not change the dataset";

#[test]
fn a_log_that_a_stranger_made_is_not_acted_upon() {
    let world = shared();
    // A sound log with business for whoever recovers: another dataset's, which its owner has to give.
    world.put("elsewhere/t/a.parquet", b"evil");
    let theirs = world.dataset("elsewhere/t");
    let lock = theirs.lock_run(world.run()).unwrap();
    let snapshot = theirs.pin(&lock).unwrap();
    let (staging, commit) = crate::world::stage(&theirs, &lock, &snapshot, "m");
    skein_dataset::crash::fail_at("publish.after-intent");
    crate::world::publish(skein_dataset::Publish {
        dataset: &theirs,
        lock: &lock,
        snapshot,
        staging,
        commit,
    })
    .unwrap();
    drop(lock);
    let dir = world.path("shared/.skein");
    std::fs::rename(world.path("elsewhere/.skein"), &dir).unwrap();
    give(&dir, STRANGER);
    let before = bytes(&world.path("shared"));
    assert_eq!(refusal(&world.path("shared/t")), untrusted(&dir, BY_STRANGER));
    // Also where only the dataset's own directory is theirs.
    chown(&dir, Some(0), Some(0)).unwrap();
    assert_eq!(refusal(&world.path("shared/t")), untrusted(&dir.join("t"), BY_STRANGER));
    chown(dir.join("t"), Some(0), Some(0)).unwrap();
    assert_eq!(refusal(&world.path("shared/t")), untrusted(&dir.join("t/log"), BY_STRANGER));
    assert_eq!(bytes(&world.path("shared")), before);
}

#[test]
fn a_state_is_not_found_through_links() {
    let world = shared();
    world.put("root/ds/a.parquet", b"a");
    let real = world.dataset("root/ds");
    world.migrate(&real, "m").unwrap();
    let before = bytes(&world.path("root"));
    let (all, own) = (world.path("shared/.skein"), world.path("shared/.skein/t"));
    symlink(world.path("root/.skein"), &all).unwrap();
    assert_eq!(refusal(&world.path("shared/t")), untrusted(&all, "is no directory"));
    std::fs::remove_file(&all).unwrap();
    std::fs::create_dir(&all).unwrap();
    symlink(real.state_path(), &own).unwrap();
    assert_eq!(refusal(&world.path("shared/t")), untrusted(&own, "is no directory"));
    std::fs::remove_file(&own).unwrap();
    std::fs::create_dir(&own).unwrap();
    for part in ["log", "stage", "kept"] {
        symlink(real.state_path().join(part), own.join(part)).unwrap();
    }
    assert_eq!(refusal(&world.path("shared/t")), untrusted(&own.join("log"), "is no directory"));
    assert_eq!(bytes(&world.path("root")), before);
}

#[test]
fn a_pointer_is_followed_only_if_it_is_a_file_of_somebody_who_may_change_the_dataset() {
    let world = shared();
    world.put("root/ds/a.parquet", b"a");
    let states = world.path("root/states");
    std::fs::create_dir(&states).unwrap();
    let place = Place::resolve(&world.path("root/ds")).unwrap().with_states_in(&states).unwrap();
    let real = Dataset::open(place, Arc::new(SystemClock::start()), options()).unwrap();
    world.migrate(&real, "m").unwrap();
    let line = format!("{}\n", real.state_path().display());
    let (own, pointer) = (world.path("shared/.skein/t"), world.path("shared/.skein/t/state"));
    put(&pointer, line.as_bytes());
    chown(&pointer, Some(STRANGER), Some(STRANGER)).unwrap();
    assert_eq!(refusal(&world.path("shared/t")), untrusted(&pointer, BY_STRANGER));
    chown(&pointer, Some(0), Some(0)).unwrap();
    chmod(&pointer, 0o666);
    assert_eq!(
        refusal(&world.path("shared/t")),
        untrusted(&pointer, "can be changed by everybody, and the dataset cannot")
    );
    std::fs::remove_file(&pointer).unwrap();
    symlink(world.path("root/.skein/ds/state"), &pointer).unwrap();
    assert_eq!(refusal(&world.path("shared/t")), untrusted(&pointer, "is no regular file"));
    std::fs::remove_file(&pointer).unwrap();
    rustix::fs::mkfifoat(rustix::fs::CWD, &pointer, rustix::fs::Mode::from_raw_mode(0o644)).unwrap();
    assert_eq!(refusal(&world.path("shared/t")), untrusted(&pointer, "is no regular file"));
    std::fs::remove_file(&pointer).unwrap();

    // The owner of a dataset cannot have root act on a state that is not theirs.
    put(&pointer, line.as_bytes());
    give(&world.path("shared/t"), STRANGER);
    give(&own, STRANGER);
    let problem = "was made by user 0, who may not change the dataset";
    assert_eq!(refusal(&world.path("shared/t")), untrusted(&real.state_path(), problem));
    assert_eq!(open(&world.path("root/ds")).history().unwrap().versions().len(), 2);
}

#[test]
fn a_directory_for_a_state_that_was_there_before_is_not_used_if_others_may_write_it() {
    let world = shared();
    let states = world.path("states");
    std::fs::create_dir(&states).unwrap();
    chmod(&states, 0o1777);
    let resolve = || Place::resolve(&world.path("shared/t")).unwrap().with_states_in(&states).unwrap();
    let at = || Dataset::open(resolve(), Arc::new(SystemClock::start()), options()).unwrap();
    let leaf = at().state_path();
    std::fs::DirBuilder::new().mode(0o777).create(&leaf).unwrap();
    chmod(&leaf, 0o777);
    for (user, problem) in
        [(STRANGER, BY_STRANGER), (0, "can be changed by everybody, and the dataset cannot")]
    {
        chown(&leaf, Some(user), Some(user)).unwrap();
        let refused = at().lock_run(world.run()).unwrap_err();
        assert_eq!((refused.code().id.to_owned(), refused.to_string()), untrusted(&leaf, problem));
        assert_eq!(std::fs::read_dir(&leaf).unwrap().count(), 0);
    }
    std::fs::remove_dir(&leaf).unwrap();
    chmod(&states, 0o777);
    let refused = at().lock_run(world.run()).unwrap_err();
    let problem = "can be changed by everybody, and the dataset cannot";
    assert_eq!((refused.code().id.to_owned(), refused.to_string()), untrusted(&states, problem));
    chmod(&states, 0o1777);
    world.migrate(&at(), "m").unwrap();
    assert_eq!(mode(&leaf), 0o755);
    assert_eq!(roll_back(&open(&world.path("shared/t")), None).unwrap().to, 0);
}

#[test]
fn a_stranger_cannot_have_root_change_the_mode_of_what_a_name_was_changed_to() {
    let world = shared();
    let secret = world.path("secret");
    std::fs::create_dir(&secret).unwrap();
    chmod(&secret, 0o700);
    let all = world.path("shared/.skein");
    std::fs::create_dir(&all).unwrap();
    symlink(&secret, all.join("t")).unwrap();
    assert_eq!(refusal(&world.path("shared/t")), untrusted(&all.join("t"), "is no directory"));
    assert_eq!(mode(&secret), 0o700);
}

#[test]
fn nobody_minds_whose_directory_of_states_it_is_before_there_is_a_state() {
    let world = shared();
    let all = world.path("shared/.skein");
    std::fs::create_dir(&all).unwrap();
    give(&all, STRANGER);
    let dataset = world.dataset("shared/t");
    assert!(dataset.look().is_ok());
    let found = examine(&dataset);
    let about = found.iter().find(|finding| finding.check == "state").unwrap();
    assert_eq!(
        (about.code.unwrap().id, &*about.text),
        ("SK0546", &*format!("{} {BY_STRANGER}", all.display()))
    );
    assert!(about.hint.is_some());
    assert_eq!(refusal(&world.path("shared/t")), untrusted(&all, BY_STRANGER));

    // Root's own, in which everybody may have a directory, is what a shared directory needs.
    chown(&all, Some(0), Some(0)).unwrap();
    chmod(&all, 0o1777);
    give(&world.path("shared/t"), STRANGER);
    as_user(STRANGER, STRANGER, &world, "a_state_of_ones_own_works_in_a_shared_directory");
    assert_eq!(std::fs::metadata(all.join("t")).unwrap().uid(), STRANGER);
    assert_eq!(recover(&world.dataset("shared/t")).unwrap().steps, []);
}

/// Not a test of its own: what a child of others does.
#[test]
fn a_state_of_ones_own_works_in_a_shared_directory() {
    let Some(dir) = inside() else { return };
    // The sticky parent lets nobody but root exchange what is in it with what is elsewhere, so nothing is published.
    let dataset = open(&dir.join("shared/t"));
    drop(dataset.lock_run(RunId::new(uuid::Uuid::from_u128(1))).unwrap());
    assert!(dataset.is_registered());
}

/// Runs `test` again as somebody, with a umask under which a group shares files.
fn as_user(user: u32, group: u32, world: &World, test: &str) {
    let binary = world.path("test-binary");
    if !binary.exists() {
        std::fs::copy(std::env::current_exe().unwrap(), &binary).unwrap();
    }
    let mut command = Command::new("sh");
    command.args(["-c", "umask 002; exec \"$0\" --exact \"whose::$1\" --nocapture"]).arg(&binary).arg(test);
    command.current_dir("/").uid(user).gid(group).env("SKEIN_TEST_INSIDE", world.dir.path());
    let output = command.output().unwrap();
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && out.contains("1 passed"), "{out}{err}");
}

/// Not a test of its own: what members of a group do in turn.
#[test]
fn a_member_of_a_group_migrates_and_rolls_back() {
    let Some(dir) = inside() else { return };
    let (world, dataset) = (World::new(), open(&dir.join("shared/t")));
    assert!(matches!(world.migrate(&dataset, "m").unwrap(), Outcome::Committed { .. }));
    roll_back(&dataset, None).unwrap();
    assert!(collect(&dataset).is_ok());
}

#[test]
fn members_of_a_group_take_turns_on_a_dataset_that_the_group_may_write() {
    let world = shared();
    for dir in ["shared", "shared/t"] {
        chown(world.path(dir), Some(ALICE), Some(TEAM)).unwrap();
        chmod(&world.path(dir), 0o2775);
    }
    chown(world.path("shared/t/a.parquet"), Some(ALICE), Some(TEAM)).unwrap();
    for user in [BOB, ALICE, BOB] {
        as_user(user, TEAM, &world, "a_member_of_a_group_migrates_and_rolls_back");
    }
    let own = world.path("shared/.skein/t");
    let made = std::fs::metadata(&own).unwrap();
    assert_eq!((made.uid(), made.gid(), made.mode() & 0o7777), (BOB, TEAM, 0o2775));
    assert_eq!(mode(&own.join("log")), 0o2775);
    // Root, too, and the owner whoever that is now.
    assert_eq!(roll_back(&world.dataset("shared/t"), Some(0)).unwrap().to, 0);
    // The dataset is closed to the group, the state is not.
    chown(world.path("shared/t"), Some(BOB), Some(TEAM)).unwrap();
    chmod(&world.path("shared/t"), 0o2755);
    let problem = "can be changed by group 6100, which may not change the dataset";
    assert_eq!(refusal(&world.path("shared/t")), untrusted(&own, problem));
}

/// Not a test of its own: what somebody does whose umask takes nothing away.
#[test]
fn a_user_without_a_umask_migrates() {
    let Some(dir) = inside() else { return };
    rustix::process::umask(rustix::fs::Mode::empty());
    let (world, dataset) = (World::new(), open(&dir.join("shared/t")));
    world.migrate(&dataset, "m").unwrap();
    roll_back(&dataset, None).unwrap();
}

#[test]
fn a_state_is_never_made_for_more_to_write_than_the_dataset() {
    let world = shared();
    for (name, mode) in [("shared", 0o755), ("shared/t", 0o755), ("shared/t/a.parquet", 0o644)] {
        chown(world.path(name), Some(ALICE), Some(TEAM)).unwrap();
        chmod(&world.path(name), mode);
    }
    as_user(ALICE, TEAM, &world, "a_user_without_a_umask_migrates");
    let all = world.path("shared/.skein");
    let mut below = vec![all];
    while let Some(path) = below.pop() {
        // What is locked holds nothing that anybody acts upon.
        let is_lock = path.file_name().is_some_and(|name| name == "lock" || name == "run.lock");
        assert!(is_lock || mode(&path) & 0o022 == 0, "{} {:o}", path.display(), mode(&path));
        if path.is_dir() {
            below.extend(std::fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        }
    }
}

/// Not a test of its own: what a user does whose directories keep them out.
#[test]
fn a_run_without_rights_sweeps_what_was_closed_to_it() {
    let Some(dir) = inside() else { return };
    let path = dir.join("shared/t");
    let dataset = open(&path);
    drop(dataset.lock_run(RunId::new(uuid::Uuid::from_u128(1))).unwrap());
    let left = dataset.state_path().join("stage/dead.0");
    put(&left.join("data/t/deep/a.parquet"), b"a");
    for (name, mode) in [("data/t/deep", 0), ("data/t", 0o500), ("data", 0o300)] {
        chmod(&left.join(name), mode);
    }
    assert_eq!(recover(&dataset).unwrap().steps.len(), 1);
    assert!(!left.exists());
}

#[test]
fn directories_that_keep_their_own_user_out_are_removed_by_that_user() {
    let world = shared();
    give(&world.path("shared"), STRANGER);
    as_user(STRANGER, STRANGER, &world, "a_run_without_rights_sweeps_what_was_closed_to_it");
}

/// Not a test of its own: what a user gets of files that another one wrote.
#[test]
fn a_user_copies_what_belongs_to_others() {
    let Some(dir) = inside() else { return };
    let dataset = open(&dir.join("shared/t"));
    let copied = VersionFiles::find(&dataset, Some(0)).unwrap();
    let copied = copied.copy_to(&dataset, &dir.join("shared/out"), "1").unwrap();
    assert_eq!(copied.path, dir.join("shared/out").canonicalize().unwrap());
    assert_eq!(copied.lost, ["owner of a.parquet"]);
    let back = roll_back_over(&dataset, Some(0), LaterWrites::Keep).unwrap();
    let [kept] = &back.set_aside[..] else { panic!("{back:?}") };
    assert_eq!(kept.lost, ["owner of late.parquet"]);
}

#[test]
fn owners_that_a_copy_cannot_keep_are_listed() {
    let world = shared();
    chown(world.path("shared"), Some(ALICE), Some(ALICE)).unwrap();
    chown(world.path("shared/t"), Some(ALICE), Some(ALICE)).unwrap();
    let dataset = world.dataset("shared/t");
    world.migrate(&dataset, "m").unwrap();
    give(&world.path("shared/.skein"), ALICE);
    give(&world.path("shared/t"), ALICE);
    chown(dataset.state_path().join("kept/0/a.parquet"), Some(0), Some(0)).unwrap();
    world.put("shared/t/late.parquet", b"late");
    as_user(ALICE, ALICE, &world, "a_user_copies_what_belongs_to_others");
}
