//! The repository's own files in memory, so that every check is a function from text to findings and its tests need
//! no disk.
//!
//! Paths are relative to the root, with `/`. Build output, version control and links are left out. A file that is not
//! UTF-8 is kept by name only.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read;
use std::path::Path;

use anyhow::{Context, Result, bail};

const FILE_LIMIT: u64 = 8 << 20;
const FILES_LIMIT: usize = 20_000;
/// In a worktree `.git` is a file.
const SKIPPED: [&str; 4] = ["target", ".git", "node_modules", ".skein"];

/// All files below a root.
#[derive(Debug, Default)]
pub(crate) struct SourceTree {
    files: BTreeMap<String, Option<String>>,
}

impl SourceTree {
    pub(crate) fn load(root: &Path) -> Result<Self> {
        let mut tree = Self::default();
        tree.add_dir(root, "")?;
        Ok(tree)
    }

    #[cfg(test)]
    pub(crate) fn of<const N: usize>(files: [(&str, &str); N]) -> Self {
        let files = files.into_iter().map(|(path, text)| (path.to_owned(), Some(text.to_owned())));
        Self { files: files.collect() }
    }

    /// The text of one file.
    pub(crate) fn text(&self, path: &str) -> Result<&str> {
        match self.files.get(path) {
            Some(Some(text)) => Ok(text),
            Some(None) => bail!("{path} is not UTF-8"),
            None => bail!("{path} does not exist"),
        }
    }

    /// Path and text of all text files, in order of path.
    pub(crate) fn texts(&self) -> impl Iterator<Item = (&str, &str)> {
        self.files.iter().filter_map(|(path, text)| Some((path.as_str(), text.as_deref()?)))
    }

    /// Path and text of all files whose name ends in `suffix`.
    pub(crate) fn ending(&self, suffix: &'static str) -> impl Iterator<Item = (&str, &str)> {
        self.texts().filter(move |(path, _)| path.ends_with(suffix))
    }

    /// Whether a file or directory of this path exists.
    pub(crate) fn has(&self, path: &str) -> bool {
        let below = format!("{path}/");
        path.is_empty() || self.files.contains_key(path) || self.files.keys().any(|p| p.starts_with(&below))
    }

    fn add_dir(&mut self, dir: &Path, prefix: &str) -> Result<()> {
        for entry in fs::read_dir(dir).with_context(|| format!("cannot list {}", dir.display()))? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let path = format!("{prefix}{name}");
            let kind = entry.file_type()?;
            if SKIPPED.contains(&name.as_str()) {
                continue;
            }
            if kind.is_dir() {
                self.add_dir(&entry.path(), &format!("{path}/"))?;
            } else if kind.is_file() {
                self.files.insert(path, String::from_utf8(read(&entry.path())?).ok());
                if self.files.len() > FILES_LIMIT {
                    bail!("more than {FILES_LIMIT} files below the root: is build output among them?");
                }
            }
        }
        Ok(())
    }
}

/// Reads at most [`FILE_LIMIT`] bytes: what is longer is no source of ours.
fn read(path: &Path) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let file = File::open(path).with_context(|| format!("cannot open {}", path.display()))?;
    file.take(FILE_LIMIT)
        .read_to_end(&mut bytes)
        .with_context(|| format!("cannot read {}", path.display()))?;
    Ok(bytes)
}
