//! Authors' crates in tests: they all build into one target directory, so that the SDK's dependencies are built once.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Once;

use crate::{Call, Site, project};

/// What cargo and rustup need to know of where they are installed.
const INSTALLED: [&str; 3] = ["HOME", "CARGO_HOME", "RUSTUP_HOME"];

fn shared() -> PathBuf {
    project::target().join("authors")
}

/// Variables of an author's shell, without a path.
pub fn environment() -> Vec<(&'static str, OsString)> {
    let installed = INSTALLED.iter().filter_map(|name| Some((*name, std::env::var_os(name)?)));
    let own = [
        // A home of its own and always the same: a copy of the SDK in another place would be built again.
        ("SKEIN_HOME", shared().join("home").into_os_string()),
        ("CARGO_TARGET_DIR", shared().join("target").into_os_string()),
        ("CARGO_TERM_COLOR", "never".into()),
    ];
    installed.chain(own).collect()
}

/// Builds the SDK for the sandbox, which may take longer than any call is given. Once per process.
pub fn prepare() {
    static DONE: Once = Once::new();
    DONE.call_once(|| {
        let site = Site::new();
        skein(&site, "new").arg("first").finish().succeeded();
        let mut cargo = cargo(&site, "first");
        let output = cargo.args(["build", "--lib", "--target", "wasm32-wasip2"]).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    });
}

fn cargo(site: &Site, name: &str) -> Command {
    let mut cargo = Command::new("cargo");
    cargo.current_dir(site.path(name)).env_clear();
    cargo.envs(environment()).env("PATH", std::env::var_os("PATH").unwrap_or_default());
    cargo
}

/// A call of `skein` by an author.
pub fn skein(site: &Site, command: &str) -> Call {
    environment().into_iter().fold(site.skein(command), |call, (name, value)| call.env(name, value))
}

/// `cargo test` in a crate of the site; fails with what `context` says of the crate unless it succeeds.
#[track_caller]
pub fn cargo_test(site: &Site, name: &str, context: &str) -> String {
    let output = cargo(site, name).arg("test").output().unwrap();
    let said =
        [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    assert!(output.status.success(), "{context}{said}");
    said
}
