//! What stays the same whatever the names are, and whatever the clock says: ACLs, attributes, odd names, the order of
//! versions.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use skein_dataset::{Dataset, Outcome, Place, VersionFiles, crash, roll_back};
use skein_types::{Clock, Timestamp};

use crate::world::{World, bytes, options};

const ACCESS: &str = "system.posix_acl_access";
const DEFAULT: &str = "system.posix_acl_default";

/// An ACL as the kernel has it: version 2, then tag, permissions and id of each entry. User 1234 may read.
fn acl() -> Vec<u8> {
    const NOBODY: u32 = u32::MAX;
    let entries =
        [(1_u16, 6_u16, NOBODY), (2, 4, 1234), (4, 4, NOBODY), (0x10, 4, NOBODY), (0x20, 0, NOBODY)];
    let mut bytes = 2_u32.to_le_bytes().to_vec();
    for (tag, permissions, id) in entries {
        bytes.extend_from_slice(&tag.to_le_bytes());
        bytes.extend_from_slice(&permissions.to_le_bytes());
        bytes.extend_from_slice(&id.to_le_bytes());
    }
    bytes
}

fn set(path: &Path, name: &str, value: &[u8]) {
    rustix::fs::setxattr(path, name, value, rustix::fs::XattrFlags::empty()).unwrap();
}

fn get(path: &Path, name: &str) -> Vec<u8> {
    let mut value = [0; 256];
    let length = rustix::fs::getxattr(path, name, &mut value[..]).unwrap();
    value[..length].to_vec()
}

#[test]
fn acls_and_attributes_stay_with_files_sidecars_and_directories_of_odd_names() {
    let world = World::new();
    let names = ["k=a b%25/x #1.parquet", "k=a b%25/quo'te \"é=\".parquet", "k=a b%25/READ ME #%.txt"];
    names.iter().for_each(|name| world.put(&format!("t/{name}"), name.as_bytes()));
    for name in names {
        let path = world.path("t").join(name);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
        set(&path, ACCESS, &acl());
        set(&path, "user.origin", name.as_bytes());
    }
    let directory = world.path("t/k=a b%25");
    set(&directory, DEFAULT, &acl());
    set(&directory, "user.origin", b"directory");

    assert_eq!(world.migrate(&world.dataset("t"), "m").unwrap(), Outcome::Committed { version: 1 });
    let after = bytes(&world.path("t"));
    assert_eq!(after.len(), names.len());
    for name in names {
        let stem = name.rsplit_once('.').unwrap().0;
        let path = after.keys().find(|path| path.starts_with(stem)).unwrap();
        let path = world.path("t").join(path);
        assert_eq!(get(&path, ACCESS), acl(), "{}", path.display());
        assert_eq!(get(&path, "user.origin"), name.as_bytes());
    }
    assert_eq!(get(&directory, DEFAULT), acl());
    assert_eq!(get(&directory, "user.origin"), b"directory");
}

/// Says an hour less each time that it is asked for the time of day.
#[derive(Debug)]
struct Backwards(AtomicU64);

impl Clock for Backwards {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.fetch_sub(3_600_000, Ordering::Relaxed))
    }

    fn elapsed(&self) -> Duration {
        Duration::ZERO
    }
}

#[test]
fn a_clock_that_is_set_back_changes_no_order_and_no_answer() {
    let world = World::new();
    world.put("t/a.parquet", b"a");
    let clock = Arc::new(Backwards(AtomicU64::new(1_700_000_000_000)));
    let open = || {
        let clock = Arc::<Backwards>::clone(&clock);
        Dataset::open(Place::resolve(&world.path("t")).unwrap(), clock, options()).unwrap()
    };
    for version in 1..4 {
        let name = format!("m{version}");
        assert_eq!(world.migrate(&open(), &name).unwrap(), Outcome::Committed { version });
    }
    assert_eq!(roll_back(&open(), None).unwrap().to, 2);
    let history = open().history().unwrap();
    let times: Vec<Timestamp> = history.versions().iter().map(|version| version.time).collect();
    // The version that was found and the one in its place come with one look at the clock.
    assert!(times[1..].windows(2).all(|pair| pair[1] < pair[0]), "{times:?}");
    let versions: Vec<u64> = history.versions().iter().map(|version| version.version).collect();
    assert_eq!(versions, [0, 1, 2, 3, 4]);
    assert_eq!(bytes(&world.path("t")).into_values().next().unwrap(), b"a+m1+m2");
}

#[test]
fn a_copy_that_has_its_name_is_said_to_be_there_whatever_fails_then() {
    let world = World::new();
    world.put("t/a.parquet", b"a");
    let dataset = world.dataset("t");
    world.migrate(&dataset, "m").unwrap();
    let files = VersionFiles::find(&dataset, Some(0)).unwrap();
    crash::fail_at("store.before-dir-sync");
    let error = files.copy_to(&dataset, &world.path("copy"), "1").unwrap_err();
    let said = format!(
        "{} is there and complete, but not all of its mode and name may be durable",
        world.path("copy").display()
    );
    assert_eq!((error.to_string(), error.code().id), (said, "SK0004"));
    assert!(error.hint().unwrap().contains("take it as it is"));
    assert_eq!(world.bytes("copy")["a.parquet"], b"a");
}
