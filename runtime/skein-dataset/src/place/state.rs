//! Where the state of a dataset lies: beside it, or in a directory that somebody chose for states.
//!
//! ```text
//! <parent>/.skein/<name>/log/                 the state is here
//! <parent>/.skein/<name>/state                the state is elsewhere: its path, on one line
//! <chosen>/<name>.<16 hex of the real path>/  the state elsewhere
//! <chosen>/<name>.<16 hex>/.skein-dataset     whose it is: the dataset's real path
//! ```
//! There are never two logs for one place. Whoever registers a dataset holds the lock in `<parent>/.skein/<name>/`,
//! looks there again and makes one of the two. The pointer comes last, when what it names is durable: a pointer to
//! nothing means that somebody took the state away, and nothing is begun anew.
//!
//! A pointer can be copied along with a dataset's parent. So it is believed only if the state names this dataset back,
//! or one that is not there any more: then the parent was moved, and whoever takes the lock next writes the new path.

use std::io::{Error, ErrorKind};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use cap_std::ambient_authority;
use cap_std::fs::Dir;
use rustix::fs::{AtFlags, StatxFlags};
use skein_types::Blake3;

use crate::fault::{During as _, IoFault};
use crate::place::{Place, PlaceError, STATE, refuse_outer};
use crate::store::{self, Node};

/// Marks a registered dataset; what it is called in a state's directory.
const LOG: &str = "log";
/// Names the state if it is elsewhere.
pub(super) const POINTER: &str = "state";
const POINTER_PART: &str = ".state-part";
/// Names the dataset of a state that is elsewhere.
pub(crate) const OWNER: &str = ".skein-dataset";
const OWNER_PART: &str = ".skein-dataset-part";
/// Longest path that a pointer holds.
const PATH_MAX: u64 = 4096;
/// So much of a dataset's name as leaves room for the rest in a file name.
const NAME_BYTES: usize = 200;

/// Where a dataset's state is, or will be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum StateSite {
    /// `<parent>/.skein/<name>/`.
    Beside,
    /// Below a directory that was chosen.
    Chosen {
        /// The directory of states.
        dir: PathBuf,
        /// The dataset's own in it.
        leaf: String,
    },
}

/// What lies at the place of the state beside a dataset.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// No state: no run has taken the dataset.
    Nothing,
    /// The state.
    Here,
    /// A pointer to it.
    Elsewhere(PathBuf),
}

/// Looks at `<parent>/.skein/<name>/`.
pub(crate) fn find(place: &Place) -> Result<Found, PlaceError> {
    let Some(beside) = place.open_beside()? else { return Ok(Found::Nothing) };
    if store::node(&beside, LOG)?.is_some() {
        return Ok(Found::Here);
    }
    if place.pointer(&beside)?.is_none() {
        return Ok(Found::Nothing);
    }
    let pointer = place.beside().join(POINTER);
    let shown = pointer.display().to_string();
    let gone = |named: String| PlaceError::StateGone { pointer: pointer.clone(), named };
    let text = store::read_bounded(&beside, POINTER, PATH_MAX)?;
    let text = text.ok_or_else(|| gone("more than a path".to_owned()))?;
    let text = String::from_utf8(text).map_err(|_| gone("no path".to_owned()))?;
    let root = PathBuf::from(text.trim_end_matches('\n'));
    if !root.is_absolute() {
        return Err(gone(format!("{text:?}")));
    }
    match root.join(LOG).try_exists() {
        Ok(true) => Ok(Found::Elsewhere(root)),
        Ok(false) => Err(gone(root.display().to_string())),
        Err(error) => Err(error).during("follow", shown)?,
    }
}

impl StateSite {
    /// The site of a state that a pointer names.
    fn at(root: &Path) -> Option<Self> {
        let leaf = root.file_name()?.to_str()?.to_owned();
        Some(Self::Chosen { dir: root.parent()?.to_owned(), leaf })
    }
}

impl Place {
    /// `<parent>/.skein/<name>/`, whatever is there.
    pub(crate) fn beside(&self) -> PathBuf {
        self.parent_path.join(STATE).join(&self.name)
    }

    /// Whether a run has taken the dataset before.
    pub fn is_registered(&self) -> bool {
        let pointed = || match &self.site {
            StateSite::Beside => true,
            // What was made before its pointer is nobody's yet.
            StateSite::Chosen { .. } => self.beside().join(POINTER).is_file(),
        };
        self.state_path().join(LOG).is_dir() && pointed()
    }

    /// Whether a directory of this dataset is its state, or points to it.
    pub(crate) fn is_taken(&self, own: &Dir) -> Result<bool, IoFault> {
        Ok(store::node(own, LOG)?.is_some() || self.is_pointed_to(own)?)
    }

    /// Follows what lies beside the dataset.
    pub(super) fn follow(mut self) -> Result<Self, PlaceError> {
        if let Found::Elsewhere(root) = find(&self)? {
            let named = || root.display().to_string();
            self.site = StateSite::at(&root).ok_or_else(|| PlaceError::StateGone {
                pointer: self.beside().join(POINTER),
                named: named(),
            })?;
            self.state_root = root;
        }
        Ok(self)
    }

    /// The same place with its state below `dir`, a directory of states. Refused if the dataset has a state that is
    /// not there: there is one log for one place.
    pub fn with_states_in(mut self, dir: &Path) -> Result<Self, PlaceError> {
        let refused = |problem: &'static str| PlaceError::StatePlace { path: dir.to_owned(), problem };
        let real = match std::fs::canonicalize(dir) {
            Err(e) if e.kind() == ErrorKind::NotFound => return Err(refused("does not exist")),
            other => other.during("find", dir.display().to_string())?,
        };
        if real.to_str().is_none() {
            return Err(refused("has a name that is not utf-8"));
        }
        if real.starts_with(self.path()) {
            return Err(refused("lies inside the dataset"));
        }
        refuse_outer(&real.join("state"))?;
        let handle = match Dir::open_ambient_dir(&real, ambient_authority()) {
            Err(e) if e.kind() == ErrorKind::NotADirectory => {
                return Err(refused("is no directory"));
            }
            other => other.during("open", real.display().to_string())?,
        };
        if !self.shares_mount_with(&handle)? {
            return Err(refused("is on another device or mount than the dataset"));
        }
        let leaf = leaf(&self.name, &self.path());
        let root = real.join(&leaf);
        if self.is_registered() && self.state_root != root {
            return Err(PlaceError::StateElsewhere { found: self.state_root, wanted: root });
        }
        self.site = StateSite::Chosen { dir: real, leaf };
        self.state_root = root;
        Ok(self)
    }

    /// Whether a rename between a directory and the dataset's parent can work.
    pub(crate) fn shares_mount_with(&self, dir: &Dir) -> Result<bool, IoFault> {
        let mount =
            |of: &Dir| rustix::fs::statx(of, "", AtFlags::EMPTY_PATH, StatxFlags::MNT_ID | StatxFlags::INO);
        let stat = rustix::fs::fstat(dir).during("look at", ".")?;
        let (ours, theirs) =
            (mount(&self.parent).during("look at", ".")?, mount(dir).during("look at", ".")?);
        // A kernel that does not say leaves both at 0.
        Ok(stat.st_dev == self.dev && ours.stx_mnt_id == theirs.stx_mnt_id)
    }

    /// Under the lock of registration: what is beside the dataset now must be what this place was resolved to.
    pub(crate) fn refuse_other_state(&self) -> Result<(), PlaceError> {
        let other = match (find(self)?, &self.site) {
            (Found::Nothing, _) | (Found::Here, StateSite::Beside) => return Ok(()),
            (Found::Elsewhere(root), _) if root == self.state_root => return Ok(()),
            (Found::Here, StateSite::Chosen { .. }) => self.beside(),
            (Found::Elsewhere(root), _) => root,
        };
        Err(PlaceError::StateElsewhere { found: other, wanted: self.state_root.clone() })
    }

    /// Durably: whose state `root` is, then beside the dataset that it is there.
    pub(crate) fn point(&self, root: &Dir, dir: &Dir, beside: &Dir) -> Result<(), IoFault> {
        if self.is_pointed_to(beside)? {
            return Ok(());
        }
        self.write_owner(root)?;
        store::sync_dir(dir, ".")?;
        store::remove_tree(beside, POINTER_PART)?;
        write(beside, POINTER_PART, &line(&self.state_root))?;
        store::rename_new(beside, POINTER_PART, beside, POINTER)?;
        store::sync_dir(beside, ".")
    }

    /// Refuses a state that is another dataset's; answers whether it names this one. If not, what it names is not there.
    pub(crate) fn is_owner(&self, root: &Dir) -> Result<bool, PlaceError> {
        if self.site == StateSite::Beside {
            return Ok(true);
        }
        let text = match store::read_bounded(root, OWNER, PATH_MAX) {
            Err(fault) if fault.is_missing() => return Ok(false),
            other => other?.unwrap_or_default(),
        };
        let text = String::from_utf8_lossy(&text);
        let named = Path::new(text.strip_suffix('\n').unwrap_or(&text));
        if named == self.path() {
            return Ok(true);
        }
        match parent_of(named)? {
            None => Ok(false),
            // Another way to the same directory, as by a bind mount.
            Some(parent) if Some(parent) == store::node(&self.parent, ".")? && self.is_called(named) => {
                Ok(true)
            }
            Some(_) => Err(PlaceError::StateOfAnother {
                pointer: self.beside().join(POINTER),
                state: self.state_root.clone(),
                owner: named.to_owned(),
            }),
        }
    }

    /// Makes a state name this dataset if the one that it names was moved. The state's lock must be held.
    pub(crate) fn claim(&self, root: &Dir) -> Result<(), PlaceError> {
        if self.is_owner(root)? { Ok(()) } else { Ok(self.write_owner(root)?) }
    }

    fn is_called(&self, path: &Path) -> bool {
        path.file_name().is_some_and(|name| name == self.name.as_str())
    }

    /// Durably; there is a whole one at every moment.
    fn write_owner(&self, root: &Dir) -> Result<(), IoFault> {
        store::remove_tree(root, OWNER_PART)?;
        write(root, OWNER_PART, &line(&self.path()))?;
        store::replace(root, OWNER_PART, OWNER)?;
        store::sync_dir(root, ".")
    }

    fn is_pointed_to(&self, beside: &Dir) -> Result<bool, IoFault> {
        Ok(store::node(beside, POINTER)?.is_some())
    }
}

fn line(path: &Path) -> String {
    format!("{}\n", path.display())
}

/// The directory that holds what is at a path; `None` if there is nothing.
fn parent_of(path: &Path) -> Result<Option<Node>, IoFault> {
    let Some(parent) = path.parent() else { return Ok(None) };
    let is_gone = |e: &Error| matches!(e.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory);
    let looked = std::fs::symlink_metadata(path).and_then(|_| std::fs::metadata(parent));
    match looked {
        Ok(found) => Ok(Some(Node { dev: found.dev(), ino: found.ino() })),
        Err(e) if is_gone(&e) => Ok(None),
        Err(e) => Err(e).during("look at", path.display().to_string()),
    }
}

fn write(dir: &Dir, name: &str, text: &str) -> Result<(), IoFault> {
    store::write_new(dir, name, text.as_bytes())?;
    store::sync_file(dir, name)
}

/// Whether a directory is a dataset as far as its parent knows: its state is there, or a pointer to it.
pub(crate) fn is_dataset(parent: &Path, name: &std::ffi::OsStr) -> bool {
    let beside = parent.join(STATE).join(name);
    beside.join(LOG).is_dir() || beside.join(POINTER).is_file()
}

/// Two datasets of one name are told apart by where they are.
fn leaf(name: &str, path: &Path) -> String {
    let hash = Blake3::of(path.as_os_str().as_encoded_bytes()).to_string();
    let hex = hash.rsplit(':').next().unwrap_or_default();
    format!("{}.{}", &name[..name.floor_char_boundary(NAME_BYTES)], &hex[..16])
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::leaf;

    #[test]
    fn a_state_is_called_after_its_dataset_and_where_that_is() {
        let one = leaf("orders", Path::new("/a/orders"));
        assert!(one.starts_with("orders.") && one.len() == "orders.".len() + 16, "{one}");
        assert_ne!(one, leaf("orders", Path::new("/b/orders")));
        assert_eq!(one, leaf("orders", Path::new("/a/orders")));
    }

    #[test]
    fn a_name_as_long_as_names_may_be_still_gives_one() {
        let long = "é".repeat(127);
        assert!(leaf(&long, Path::new("/x")).len() <= 255);
    }
}
