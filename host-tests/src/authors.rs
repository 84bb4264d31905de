//! Authors' crates in tests: they all build into one target directory, so that the SDK's dependencies are built once.

use std::ffi::OsString;
use std::path::PathBuf;

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

/// A call of `skein` by an author.
pub fn skein(site: &Site, command: &str) -> Call {
    environment().into_iter().fold(site.skein(command), |call, (name, value)| call.env(name, value))
}
