//! Real mounts and real users: a full disk, a read-only mount, a mount inside, a user without rights.
//!
//! Each test runs the test binary again, as root in a mount namespace of its own or as an unprivileged user. Where the
//! process that runs the tests is not root, they fail: what was not tried must not count as passed.

use std::io::Write as _;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;

use skein_dataset::{NameRule, Place, Publish, Staging, roll_back};
use skein_types::RunId;

use crate::world::{World, bytes, open, publish, put, stage};

const INSIDE: &str = "SKEIN_TEST_INSIDE";

/// The advice of `cargo xtask test`.
const ADVICE: &str = "run the tests as root, with unshare and mount of util-linux and chattr of e2fsprogs";

/// Fails unless root runs the tests.
#[track_caller]
pub(crate) fn needs_root() {
    let uid = rustix::process::geteuid();
    assert!(
        uid.is_root(),
        "this test mounts and changes users, which user {} may not; {ADVICE}",
        uid.as_raw()
    );
}

/// Runs `test` again in a new mount namespace after `prepare`, a shell script with `$W` as its directory.
fn in_namespace(test: &str, prepare: &str) {
    needs_root();
    let world = World::new();
    let script =
        format!("set -e; mount --make-rprivate /; {prepare}; exec \"$T\" --exact mounts::{test} --nocapture");
    let output = Command::new("unshare")
        .args(["-m", "sh", "-c", &script])
        .env("W", world.dir.path())
        .env("T", std::env::current_exe().unwrap())
        .env(INSIDE, world.dir.path())
        .output()
        .unwrap();
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && out.contains("1 passed"), "{out}{err}");
}

pub(crate) fn inside() -> Option<std::path::PathBuf> {
    std::env::var_os(INSIDE).map(Into::into)
}

fn run(n: u128) -> RunId {
    RunId::new(uuid::Uuid::from_u128(n))
}

fn no_stage(path: &Path) {
    assert_eq!(std::fs::read_dir(open(path).state_path().join("stage")).unwrap().count(), 0);
}

#[test]
fn a_full_disk_is_said_before_the_work_and_during_it_and_leaves_nothing() {
    let Some(dir) = inside() else {
        return in_namespace(
            "a_full_disk_is_said_before_the_work_and_during_it_and_leaves_nothing",
            "mkdir $W/d; mount -t tmpfs -o size=8m tmpfs $W/d",
        );
    };
    let path = dir.join("d/t");
    put(&path.join("a.parquet"), &vec![7; 3 << 20]);
    let before = bytes(&path);
    let dataset = open(&path);
    let lock = dataset.lock_run(run(1)).unwrap();
    let snapshot = dataset.pin(&lock).unwrap();
    let staging = Staging::create(&dataset, &lock, &snapshot, 0).unwrap();
    let mut out = staging.file(snapshot.data_files().next().unwrap()).unwrap();
    let error = (0..16).find_map(|_| out.write_all(&vec![1; 1 << 20]).err()).unwrap();
    assert_eq!(error.kind(), std::io::ErrorKind::StorageFull);
    drop(out);
    assert_eq!(staging.take_fault().unwrap().code().id, "SK0515");
    drop(staging);
    no_stage(&path);

    put(&dir.join("d/ballast"), &vec![0; 3 << 20]);
    let refused = Staging::create(&dataset, &lock, &snapshot, 1).unwrap_err();
    assert_eq!(refused.code().id, "SK0515");
    no_stage(&path);
    assert_eq!(bytes(&path), before);

    std::fs::remove_file(dir.join("d/ballast")).unwrap();
    let (staging, commit) = stage(&dataset, &lock, &snapshot, "m");
    publish(Publish { dataset: &dataset, lock: &lock, snapshot, staging, commit }).unwrap();
    roll_back(&dataset, None).unwrap();
    assert_eq!(bytes(&path), before, "tmpfs does all that the protocol needs");
}

#[test]
fn a_directory_of_states_behind_another_mount_of_the_same_device_is_refused() {
    let Some(dir) = inside() else {
        return in_namespace(
            "a_directory_of_states_behind_another_mount_of_the_same_device_is_refused",
            "mkdir -p $W/d/t $W/d/states $W/bound; echo a > $W/d/t/a.parquet; mount --bind $W/d/states $W/bound",
        );
    };
    let place = || Place::resolve(&dir.join("d/t")).unwrap();
    let refused = place().with_states_in(&dir.join("bound")).unwrap_err();
    assert_eq!(refused.code().id, "SK0537");
    assert!(refused.to_string().ends_with("is on another device or mount than the dataset"), "{refused}");
    assert!(place().with_states_in(&dir.join("d/states")).is_ok(), "the same directory without the mount");
}

#[test]
fn a_read_only_mount_is_refused() {
    let Some(dir) = inside() else {
        return in_namespace(
            "a_read_only_mount_is_refused",
            "mkdir -p $W/d/t; echo a > $W/d/t/a.parquet; mount --bind $W/d $W/d; mount -o remount,bind,ro $W/d",
        );
    };
    let path = dir.join("d/t");
    assert_eq!(open(&path).lock_run(run(1)).unwrap_err().code().id, "SK0516");
    assert_eq!(bytes(&path).len(), 1);
    assert!(!dir.join("d/.skein").exists());
}

#[test]
fn a_mount_point_and_a_mount_inside_are_refused_also_of_the_same_device() {
    let Some(dir) = inside() else {
        return in_namespace(
            "a_mount_point_and_a_mount_inside_are_refused_also_of_the_same_device",
            "mkdir -p $W/t/in $W/u/in $W/other; echo a > $W/t/a.parquet; \
             mount --bind $W/other $W/t/in; mount -t tmpfs tmpfs $W/u/in",
        );
    };
    let refusal = |name: &str| {
        let refused = Place::resolve(&dir.join(name)).unwrap_err();
        (refused.code().id, refused.to_string())
    };
    assert_eq!(refusal("t"), ("SK0511", "in is a mount point".to_owned()));
    assert_eq!(refusal("u"), ("SK0511", "in is on another device than its dataset".to_owned()));
    assert_eq!(refusal("t/in").0, "SK0511");
    assert_eq!(refusal("u/in").0, "SK0511");
}

/// In a container's own layer a file has another device number than its directory: the type is what is to be named.
#[test]
fn an_overlay_is_refused_by_its_type_for_directories_and_files() {
    let Some(dir) = inside() else {
        return in_namespace(
            "an_overlay_is_refused_by_its_type_for_directories_and_files",
            "mkdir -p $W/low/t $W/up $W/d; echo a > $W/low/t/a.parquet; mount -t tmpfs tmpfs $W/up; \
             mkdir $W/up/data $W/up/work; \
             mount -t overlay overlay -o lowerdir=$W/low,upperdir=$W/up/data,workdir=$W/up/work $W/d",
        );
    };
    for name in ["d/t", "d/t/a.parquet"] {
        let refused = Place::resolve(&dir.join(name)).unwrap_err();
        assert_eq!(refused.code().id, "SK0512", "{name}: {refused}");
        assert_eq!(refused.to_string(), "the file system overlayfs cannot rename directories atomically");
    }
    assert!(!dir.join("d/.skein").exists());
}

/// A call of `test` as a user without rights.
fn nobody(test: &str, world: &World) -> Command {
    let binary = world.path("test-binary");
    // By a process of its own: another test's thread that forks while this one writes gives its child the descriptor,
    // and until that child has become its program nobody can execute the file ("text file busy").
    let copied = Command::new("cp").arg(std::env::current_exe().unwrap()).arg(&binary).status().unwrap();
    assert!(copied.success(), "{copied}");
    std::fs::set_permissions(world.dir.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let mut command = Command::new(&binary);
    command.args(["--exact", test, "--nocapture"]).current_dir("/").uid(65_534).gid(65_534);
    command
}

/// Runs `test` again as a user without rights.
pub(crate) fn as_nobody(test: &str, world: &World) {
    let output = nobody(test, world).env(INSIDE, world.dir.path()).output().unwrap();
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && out.contains("1 passed"), "{out}{err}");
}

#[test]
fn without_root_these_tests_fail_and_say_what_they_need() {
    needs_root();
    let world = World::new();
    let output = nobody("mounts::a_read_only_mount_is_refused", &world).output().unwrap();
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert_eq!(output.status.code(), Some(101), "{said}");
    assert!(
        said.contains("which user 65534 may not; run the tests as root, with unshare and mount"),
        "{said}"
    );
}

#[test]
fn a_user_without_rights_is_told_so_before_any_work() {
    let Some(dir) = inside() else {
        needs_root();
        let world = World::new();
        world.put("closed/t/a.parquet", b"a");
        world.put("open/t/a.parquet", b"a");
        chown(world.path("open"), Some(65_534), Some(65_534)).unwrap();
        as_nobody("mounts::a_user_without_rights_is_told_so_before_any_work", &world);
        assert!(!world.path("closed/.skein").exists());
        // Not through a dataset: this user does not believe a state that one made who may not change it.
        assert_eq!(std::fs::read_dir(world.path("open/.skein/t/stage")).unwrap().count(), 0);
        return;
    };
    // The parent is somebody else's: there is not even a place for the state.
    assert_eq!(open(&dir.join("closed/t")).lock_run(run(1)).unwrap_err().code().id, "SK0517");
    // The parent is ours but the directory is not: moving it would rewrite its `..`.
    let dataset = open(&dir.join("open/t"));
    let lock = dataset.lock_run(run(2)).unwrap();
    let snapshot = dataset.pin(&lock).unwrap();
    assert_eq!(Staging::create(&dataset, &lock, &snapshot, 0).unwrap_err().code().id, "SK0517");
}

#[test]
fn an_owner_that_cannot_be_kept_is_listed() {
    let Some(dir) = inside() else {
        needs_root();
        let world = World::new();
        world.put("open/t/a.parquet", b"a");
        chown(world.path("open"), Some(65_534), Some(65_534)).unwrap();
        chown(world.path("open/t"), Some(65_534), Some(65_534)).unwrap();
        as_nobody("mounts::an_owner_that_cannot_be_kept_is_listed", &world);
        return;
    };
    let dataset = open(&dir.join("open/t"));
    let lock = dataset.lock_run(run(1)).unwrap();
    let snapshot = dataset.pin(&lock).unwrap();
    let staging = Staging::create(&dataset, &lock, &snapshot, 0).unwrap();
    let out = staging.file(snapshot.data_files().next().unwrap()).unwrap();
    out.finish(NameRule::Hashed).unwrap();
    assert_eq!(staging.lost_attributes(), ["owner of a.parquet"]);
}

#[test]
fn a_group_that_cannot_be_kept_gives_no_rights_to_another_one() {
    let Some(dir) = inside() else {
        needs_root();
        let world = World::new();
        world.put("open/t/a.parquet", b"a");
        world.put("open/t/b.parquet", b"b");
        for (path, mode) in
            [("open", 0o755), ("open/t", 0o755), ("open/t/a.parquet", 0o640), ("open/t/b.parquet", 0o664)]
        {
            std::fs::set_permissions(world.path(path), std::fs::Permissions::from_mode(mode)).unwrap();
            let group = if mode == 0o755 { 65_534 } else { 1 };
            chown(world.path(path), Some(65_534), Some(group)).unwrap();
        }
        as_nobody("mounts::a_group_that_cannot_be_kept_gives_no_rights_to_another_one", &world);
        return;
    };
    let dataset = open(&dir.join("open/t"));
    let lock = dataset.lock_run(run(1)).unwrap();
    let snapshot = dataset.pin(&lock).unwrap();
    let (staging, _) = stage(&dataset, &lock, &snapshot, "m");
    assert_eq!(staging.lost_attributes(), ["owner of a.parquet", "owner of b.parquet"]);
    let data = std::fs::read_dir(dataset.state_path().join("stage")).unwrap().next().unwrap().unwrap();
    let mut modes: Vec<_> = std::fs::read_dir(data.path().join("data/t"))
        .unwrap()
        .map(|e| e.unwrap().metadata().unwrap().permissions().mode() & 0o777)
        .collect();
    modes.sort_unstable();
    assert_eq!(modes, [0o600, 0o644]);
}
