//! A dataset that was given another name without its state: the log beside its old name knows it, and a run would begin a
//! second one that knows nothing.
//!
//! A state is an orphan if nothing lies at the name that it is for. An orphan is a dataset's own if a data file of its
//! current version is one of the dataset's: the same inode, size and time of the last write, which a copy does not have.
//! Only what lies in the same directory is looked at, so renaming the state is all that there is to do. What cannot be
//! read, or others could have made, is no answer: whose state it is nobody can say then.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use crate::dataset::Dataset;
use crate::forget::is_forgotten;
use crate::listing::{FileStat, Role};
use crate::log;
use crate::place::{Place, STATE};
use crate::store;

/// More orphans in one directory are not read.
const ORPHANS_MAX: usize = 1_000;

/// A dataset's state under the dataset's old name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moved {
    /// The name.
    pub from: String,
    /// Where the state is.
    pub state: PathBuf,
    /// The command that takes it along, in a sentence.
    pub hint: String,
}

impl Moved {
    fn new(states: &Path, (from, to): (&str, &str)) -> Self {
        let state = states.join(from);
        let command = format!("mv {} {}", shell_word(&state), shell_word(&states.join(to)));
        Self { from: from.to_owned(), state, hint: format!("`{command}` takes it along") }
    }
}

/// A path as a shell takes it for one word.
fn shell_word(path: &Path) -> String {
    let text = path.display().to_string();
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '.' | '_' | '-' | '=' | '+' | ':');
    if !text.starts_with('-') && text.chars().all(plain) {
        return text;
    }
    format!("'{}'", text.replace('\'', "'\\''"))
}

/// What identifies a file wherever it is.
type Identity = (u64, u64, i64);

fn identity(stat: &FileStat) -> Identity {
    (stat.ino, stat.size, stat.mtime_ns)
}

/// The orphans of directories, for a process with many datasets in one of them: they are looked for once.
#[derive(Debug, Default)]
pub(crate) struct Orphans {
    by_parent: Mutex<BTreeMap<PathBuf, Arc<BTreeMap<Identity, String>>>>,
}

impl Orphans {
    fn of(&self, place: &Place) -> Arc<BTreeMap<Identity, String>> {
        let mut known = self.by_parent.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(known.entry(place.parent_path().to_owned()).or_insert_with(|| Arc::new(orphans(place))))
    }
}

/// The data files of the current versions of all orphans, with the name that each state is for.
fn orphans(place: &Place) -> BTreeMap<Identity, String> {
    let mut files = BTreeMap::new();
    let Ok(Some(states)) = place.open_all() else { return files };
    // What is forgotten is to be: its dataset begins anew.
    let is_gone = |name: &String| !is_forgotten(name) && matches!(store::node(&place.parent, name), Ok(None));
    let names = store::names(&states, STATE).unwrap_or_default();
    for name in names.into_iter().filter(is_gone).take(ORPHANS_MAX) {
        let path = place.parent_path().join(STATE).join(&name);
        let Ok(Some(state)) = place.open_own(&states, &name, &path) else { continue };
        let Ok(Some(log)) = place.open_own(&state, "log", &path.join("log")) else { continue };
        let Ok(history) = log::read(&log) else { continue };
        let head = history.head().into_iter().flat_map(|head| &head.files);
        files.extend(head.filter(|f| f.stat.role == Role::Data).map(|f| (identity(&f.stat), name.clone())));
    }
    files
}

impl Dataset {
    /// Where this dataset's state is, if it has none under its name and one under another that nobody has any more.
    pub(crate) fn moved<'a>(&self, files: impl Iterator<Item = &'a FileStat>) -> Option<Moved> {
        if self.is_registered() {
            return None;
        }
        let orphans = self.options.probes.orphans.of(&self.place);
        if orphans.is_empty() {
            return None;
        }
        let mut known = files.filter_map(|stat| orphans.get(&identity(stat)));
        let from = known.next()?;
        Some(Moved::new(&self.place.parent_path().join(STATE), (from, &self.place.name)))
    }
}

#[cfg(test)]
mod tests {
    use super::Moved;
    use std::path::Path;

    #[test]
    fn the_command_can_be_pasted_whatever_the_names_are() {
        let hint = |from: &str| Moved::new(Path::new("/d/.skein"), (from, "new")).hint;
        assert_eq!(hint("old"), "`mv /d/.skein/old /d/.skein/new` takes it along");
        assert_eq!(hint("it's $HOME"), r"`mv '/d/.skein/it'\''s $HOME' /d/.skein/new` takes it along");
    }
}
