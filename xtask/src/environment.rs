//! The environment, read here and nowhere else.

use std::path::PathBuf;

/// The cargo that runs us, so that children use the same toolchain.
pub(crate) fn cargo() -> PathBuf {
    std::env::var_os("CARGO").map_or_else(|| PathBuf::from("cargo"), PathBuf::from)
}
