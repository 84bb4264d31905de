//! Where things are: the repository, its target directory, and the binary under test.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

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
