//! Where things are: the repository, its target directory, and the binary under test.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::SystemTime;

/// Root of the repository.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// Where builds go.
pub fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}

/// A path given in the environment, which must exist then.
pub(crate) fn given(variable: &str) -> Option<PathBuf> {
    let path = PathBuf::from(std::env::var_os(variable)?);
    assert!(path.exists(), "{variable} names {}, which does not exist", path.display());
    Some(path)
}

/// The `skein` binary with crash points: `SKEIN_BIN`, else built once per process. The build has a target directory of
/// its own, because the one that runs the tests is locked while they run.
pub fn skein() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| given("SKEIN_BIN").unwrap_or_else(build_skein))
}

/// Keys and compiled modules of one build of the binary, shared by all sites: each module is compiled once, and again by
/// the next build.
pub(crate) fn home() -> &'static Path {
    static HOME: OnceLock<PathBuf> = OnceLock::new();
    HOME.get_or_init(|| {
        let homes = target().join("host-tests-homes");
        let built = std::fs::metadata(skein()).unwrap().modified().unwrap();
        let built = built.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_nanos().to_string();
        for entry in std::fs::read_dir(&homes).into_iter().flatten().flatten() {
            if entry.file_name().to_str() != Some(built.as_str()) {
                // Of an earlier build. Another process may be removing it too.
                std::fs::remove_dir_all(entry.path()).ok();
            }
        }
        let home = homes.join(built);
        std::fs::create_dir_all(&home).unwrap();
        home
    })
}

fn build_skein() -> PathBuf {
    let target = target().join("host-tests");
    let status = Command::new(env!("CARGO"))
        .current_dir(root())
        .args(["build", "--quiet", "-p", "skein", "--features", "crash-points", "--target-dir"])
        .arg(&target)
        .status()
        .unwrap();
    assert!(status.success(), "the skein binary does not build");
    target.join("debug/skein")
}
