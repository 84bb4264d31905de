//! Guest components for tests, built on first use.
//!
//! `SKEIN_TEST_GUESTS` may name a directory with prebuilt ones (`guest_raw.wasm` for package `guest-raw`); else a
//! nested cargo builds the package into a target directory of its own, so that it never waits for the outer build's
//! lock. Knows nothing of what is inside a component.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};

static BUILT: Mutex<BTreeMap<String, &'static [u8]>> = Mutex::new(BTreeMap::new());

/// The component of a guest package. Kept for the life of the process.
///
/// # Panics
/// If the package does not build: a test cannot go on without it.
pub fn component(package: &str) -> &'static [u8] {
    let mut built = BUILT.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(bytes) = built.get(package) {
        return bytes;
    }
    let bytes: &'static [u8] = Vec::leak(load(package));
    built.insert(package.to_owned(), bytes);
    bytes
}

#[expect(
    clippy::disallowed_methods,
    reason = "where prebuilt guests are is a matter of the test run's environment"
)]
fn load(package: &str) -> Vec<u8> {
    let file = format!("{}.wasm", package.replace('-', "_"));
    let directory = match std::env::var("SKEIN_TEST_GUESTS") {
        Ok(prebuilt) => PathBuf::from(prebuilt),
        Err(_) => build(package),
    };
    let path = directory.join(file);
    std::fs::read(&path).unwrap_or_else(|error| unreadable(&path, &error))
}

#[expect(clippy::panic, reason = "a test without its guest cannot go on")]
fn unreadable(path: &Path, error: &std::io::Error) -> Vec<u8> {
    panic!("{}: {error}", path.display())
}

fn build(package: &str) -> PathBuf {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../..");
    let target = target_directory(&workspace).join("guests");
    let status = Command::new(env!("CARGO"))
        .current_dir(&workspace)
        .args([
            "build",
            "--quiet",
            "--profile",
            "guest",
            "--target",
            "wasm32-wasip2",
            "-p",
            package,
            "--target-dir",
        ])
        .arg(&target)
        .env_remove("RUSTFLAGS")
        .status()
        .expect("cargo runs this test, so it can be run");
    assert!(status.success(), "building {package} failed");
    target.join("wasm32-wasip2/guest")
}

#[expect(clippy::disallowed_methods, reason = "cargo itself reads its target directory from there")]
fn target_directory(workspace: &Path) -> PathBuf {
    std::env::var("CARGO_TARGET_DIR").map_or_else(|_| workspace.join("target"), PathBuf::from)
}
