//! Compiled guest components, by the name of their package.

use std::path::PathBuf;

use crate::project;

/// The component of a guest package. `SKEIN_TEST_GUESTS` names the directory, else it is where `cargo xtask` puts them.
pub fn component(package: &str) -> PathBuf {
    let directory = project::given("SKEIN_TEST_GUESTS").unwrap_or_else(|| project::target().join("guests"));
    let path = directory.join(format!("{}.wasm", package.replace('-', "_")));
    assert!(path.is_file(), "no guest at {}; `cargo xtask test` builds them", path.display());
    path
}
