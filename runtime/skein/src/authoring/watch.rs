//! Whether something in a crate changed, by looking: sizes and times of its files.
//!
//! Looking works on every file system and asks the system for nothing; a crate has few files. What building itself writes is
//! left out, else each round would be the reason for the next.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// Far more than any crate has; what is beyond is not watched.
const FILES_MAX: usize = 10_000;
const DEPTH_MAX: usize = 16;

/// A crate's files at one time.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Sight(BTreeMap<PathBuf, (u64, Option<SystemTime>)>);

impl Sight {
    /// Looks. What cannot be read counts as absent: it will be seen when it can.
    pub(crate) fn of(directory: &Path) -> Self {
        let mut sight = Self::default();
        sight.look(directory, 0);
        sight
    }

    fn look(&mut self, directory: &Path, depth: usize) {
        for entry in std::fs::read_dir(directory).into_iter().flatten().flatten() {
            let name = entry.file_name();
            let Some(metadata) = entry.metadata().ok().filter(|_| self.0.len() < FILES_MAX) else { continue };
            if metadata.is_dir() {
                if depth < DEPTH_MAX && !is_built(&name.to_string_lossy()) {
                    self.look(&entry.path(), depth + 1);
                }
            } else if !is_built(&name.to_string_lossy()) {
                self.0.insert(entry.path(), (metadata.len(), metadata.modified().ok()));
            }
        }
    }
}

/// What cargo, editors and Skein leave in a crate.
fn is_built(name: &str) -> bool {
    name.starts_with('.')
        || name == "target"
        || name == "Cargo.lock"
        || name.contains(".wasm")
        || name.ends_with('~')
}

#[cfg(test)]
mod tests {
    use super::is_built;

    #[test]
    fn what_a_round_writes_is_no_reason_for_the_next() {
        for name in
            ["target", ".skein", ".lib.rs.swp", "Cargo.lock", "orders.wasm", "orders.wasm.part-7", "lib.rs~"]
        {
            assert!(is_built(name), "{name}");
        }
        for name in ["lib.rs", "Cargo.toml", "source.parquet"] {
            assert!(!is_built(name), "{name}");
        }
    }
}
