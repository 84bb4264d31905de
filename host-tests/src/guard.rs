//! Remembers a dataset and its state, to show later that nothing was touched or left behind.

use std::collections::BTreeMap;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

/// Relative path -> what is there.
pub type Tree = BTreeMap<String, String>;

/// A dataset as it was.
#[derive(Debug)]
pub struct Guard {
    dataset: PathBuf,
    before: Tree,
    state: Tree,
}

impl Guard {
    /// Remembers a dataset and the state beside it.
    pub fn over(dataset: &Path) -> Self {
        Self { dataset: dataset.to_owned(), before: tree(dataset), state: state_of(dataset) }
    }

    /// Fails unless the dataset is what it was, entry by entry and byte by byte, and its state has no new file.
    #[track_caller]
    pub fn untouched(&self) {
        assert_eq!(tree(&self.dataset), self.before, "the dataset was touched");
        assert_eq!(state_of(&self.dataset), self.state, "something was left behind beside the dataset");
    }

    /// What the dataset was.
    pub fn before(&self) -> &Tree {
        &self.before
    }
}

/// Everything below a path (or the path itself, if it is a file): kind, mode and content. Not the inode and not times:
/// a rollback restores the former and the file system sets the latter when it likes.
pub fn tree(path: &Path) -> Tree {
    let mut found = Tree::new();
    walk(path, String::new(), &mut found);
    found
}

/// Where a dataset's state lies.
pub fn state_directory(dataset: &Path) -> PathBuf {
    dataset.parent().unwrap().join(".skein").join(dataset.file_name().unwrap())
}

/// Files of a dataset's state. Locks are no trace: a refused run may have held them.
fn state_of(dataset: &Path) -> Tree {
    let state = state_directory(dataset);
    let mut found = if state.exists() { tree(&state) } else { Tree::new() };
    found.retain(|name, what| !what.starts_with("directory") && name != "lock" && name != "run.lock");
    found
}

fn walk(path: &Path, name: String, found: &mut Tree) {
    let metadata = path.symlink_metadata().unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let kind = metadata.file_type();
    let mode = metadata.mode() & 0o7777;
    let what = if kind.is_dir() {
        let mut entries: Vec<_> = std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap()).collect();
        entries.sort_by_key(std::fs::DirEntry::file_name);
        for entry in entries {
            let child = entry.file_name().into_string().unwrap();
            let child = if name.is_empty() { child } else { format!("{name}/{child}") };
            walk(&entry.path(), child, found);
        }
        format!("directory {mode:o}")
    } else if kind.is_symlink() {
        format!("link to {}", std::fs::read_link(path).unwrap().display())
    } else if kind.is_fifo() || kind.is_socket() || kind.is_block_device() || kind.is_char_device() {
        format!("special {mode:o}")
    } else {
        format!("file {mode:o} {} {}", metadata.len(), blake3::hash(&std::fs::read(path).unwrap()))
    };
    found.insert(name, what);
}
