//! Many files and few descriptors.

use std::process::Command;

use rustix::process::{Resource, Rlimit};
use skein_dataset::{Outcome, roll_back};

use crate::world::{World, open};

const INSIDE: &str = "SKEIN_TEST_DESCRIPTORS";
const FILES: usize = 2_000;
/// What a test binary, its threads and the handles of one dataset need, and the syncs that are in flight at once.
const LIMIT: u64 = 128;

#[test]
fn a_publish_of_more_files_than_a_process_may_open_succeeds() {
    let Some(path) = std::env::var_os(INSIDE) else {
        let world = World::new();
        for i in 0..FILES {
            world.put(&format!("t/k={}/{i}.parquet", i % 7), b"a");
        }
        // The limit is the whole process's: the other tests must not share it.
        let output = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "descriptors::a_publish_of_more_files_than_a_process_may_open_succeeds"])
            .args(["--nocapture", "--test-threads=1"])
            .env(INSIDE, world.path("t"))
            .output()
            .unwrap();
        let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success() && out.contains("1 passed"), "{out}{err}");
        assert_eq!(world.bytes("t").len(), FILES);
        assert!(world.bytes("t").into_values().all(|bytes| bytes == b"a"));
        return;
    };
    rustix::process::setrlimit(Resource::Nofile, Rlimit { current: Some(LIMIT), maximum: Some(LIMIT) })
        .unwrap();
    let world = World::new();
    let dataset = open(path.as_ref());
    assert_eq!(world.migrate(&dataset, "m").unwrap(), Outcome::Committed { version: 1 });
    assert_eq!(roll_back(&dataset, None).unwrap().files, FILES);
}
