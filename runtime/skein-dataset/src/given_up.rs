//! What others wrote into a version that is given up, moved out of it before it is removed.
//!
//! A version that was live for a moment and taken back, a held one or a kept one, may hold files of whoever wrote to the
//! dataset just then; so may one whose path somebody was shown for reading. Only what the version's record names, as it
//! names it, is ours to remove. The rest goes to `aside/<number of the record that gave the version up>/` under the
//! paths that it has, or the whole version if it holds what no dataset may and so nobody can list it.
//!
//! Each file is one rename, and all are durable before anything is removed: dead in between, the sweep goes on.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::AtomicBool;

use cap_std::fs::Dir;
use rustix::fs::Mode;

use crate::crash_point;
use crate::dataset::{Dataset, State, StateError};
use crate::fault::{During as _, IoFault};
use crate::listing::{FileStat, Listing};
use crate::log::record::FileRecord;
use crate::place::{Kind, PlaceError};
use crate::publish::swap;
use crate::store;

/// Directory below the state for what others wrote into versions that did not stay.
pub(crate) const ASIDE: &str = "aside";
/// Directories of one number: more than one only if others wrote again after a removal that died.
const MOST: usize = 100;

/// A version that a record gave up.
pub(crate) struct GivenUp<'a> {
    /// The directory that holds it.
    pub(crate) dir: &'a Dir,
    /// Its name there.
    pub(crate) name: &'a str,
    /// Its files by the log.
    pub(crate) files: &'a [FileRecord],
    /// Of the record that gave it up.
    pub(crate) number: u64,
}

/// Moves what is not the version's own, durably; answers where that is now, below the state. The lock must be held.
pub(crate) fn set_aside(
    dataset: &Dataset,
    state: &State,
    version: &GivenUp<'_>,
) -> Result<Vec<String>, StateError> {
    if store::node(version.dir, version.name)?.is_none() {
        return Ok(Vec::new());
    }
    let (root, foreign) = match dataset.place.kind {
        Kind::File => {
            let listing = Listing::of_file_as(version.dir, version.name, &dataset.place.name);
            (None, foreign(version, listing, (dataset, version.dir))?)
        }
        Kind::Directory => {
            let root = version.dir.open_dir(version.name).during("open", version.name)?;
            let foreign = foreign(version, Listing::of_directory(&root), (dataset, &root))?;
            (Some(root), foreign)
        }
    };
    let mut aside = Aside::of(state, version.number);
    match (root, foreign) {
        (_, Foreign::Files(paths)) if paths.is_empty() => return Ok(Vec::new()),
        (Some(root), Foreign::Files(paths)) => paths.iter().try_for_each(|path| aside.take(&root, path))?,
        (_, Foreign::Everything) | (None, Foreign::Files(_)) => {
            aside.take_as((version.dir, version.name), &dataset.place.name)?;
        }
    }
    crash_point!("aside.after-move").during("set aside", &dataset.place.name)?;
    aside.finish()
}

/// What is not a version's own.
enum Foreign {
    /// These files.
    Files(Vec<String>),
    /// It cannot be told.
    Everything,
}

fn foreign(
    version: &GivenUp<'_>,
    listing: Result<Listing, PlaceError>,
    (dataset, root): (&Dataset, &Dir),
) -> Result<Foreign, IoFault> {
    let listing = match listing {
        Ok(listing) => listing,
        Err(PlaceError::Io(fault)) => return Err(fault),
        Err(_) => return Ok(Foreign::Everything),
    };
    let recorded: BTreeMap<&str, &FileRecord> =
        version.files.iter().map(|file| (file.stat.path.as_str(), file)).collect();
    let mut foreign = Vec::new();
    for found in listing.files {
        let on_disk = if dataset.place.kind == Kind::File { version.name } else { &found.path };
        let own = match recorded.get(found.path.as_str()) {
            Some(record) => is_own(record, &found, (dataset, root, on_disk))?,
            None => false,
        };
        if !own {
            foreign.push(found.path);
        }
    }
    Ok(Foreign::Files(foreign))
}

/// By its numbers, else by its bytes: somebody may have changed a mode, and renames change the ctime of a single file.
fn is_own(
    record: &FileRecord,
    found: &FileStat,
    (dataset, root, name): (&Dataset, &Dir, &str),
) -> Result<bool, IoFault> {
    let same = match dataset.place.kind {
        Kind::File => record.stat.same_but_ctime(found),
        Kind::Directory => record.stat.same(found),
    };
    if same || record.stat.size != found.size {
        return Ok(same);
    }
    Ok(store::hash_file(root, name, &NEVER)?.0 == record.blake3)
}

/// Few files are hashed here, and nobody is asked to stop half way through a removal.
static NEVER: AtomicBool = AtomicBool::new(false);

/// The directories of one number, as far as something came into them.
struct Aside<'a> {
    state: &'a State,
    number: u64,
    used: BTreeSet<String>,
    /// Whose entries have to be durable.
    touched: BTreeSet<String>,
}

impl<'a> Aside<'a> {
    fn of(state: &'a State, number: u64) -> Self {
        Self { state, number, used: BTreeSet::new(), touched: BTreeSet::new() }
    }

    fn take(&mut self, root: &Dir, path: &str) -> Result<(), StateError> {
        // By its descriptor: others may write here and put a link in its place, which leads nowhere out of the version.
        let (parent, name) = swap::split(root, path)?;
        let stat = rustix::fs::fstat(&parent).during("look at", path)?;
        // The version's own directories may deny it to us; a foreign one that does is an error, and everything stays.
        if stat.st_uid == rustix::process::geteuid().as_raw() {
            store::set_dir_mode(&parent, Mode::RWXU, path)?;
        }
        self.take_as((&parent, &name), path)
    }

    fn take_as(&mut self, (from, name): (&Dir, &str), path: &str) -> Result<(), StateError> {
        for nth in 1..=MOST {
            let home = match nth {
                1 => format!("{ASIDE}/{}", self.number),
                _ => format!("{ASIDE}/{}.{nth}", self.number),
            };
            let target = format!("{home}/{path}");
            for (at, _) in target.match_indices('/') {
                store::ensure_dir(&self.state.root, &target[..at])?;
            }
            let (to, new) = swap::split(&self.state.root, &target)?;
            if store::rename_new(from, name, &to, &new)? {
                self.touched.extend(target.match_indices('/').map(|(at, _)| target[..at].to_owned()));
                self.used.insert(home);
                return Ok(());
            }
        }
        Err(StateError::Exists { name: format!("{ASIDE}/{}/{path}, with {MOST} more,", self.number) })
    }

    fn finish(self) -> Result<Vec<String>, StateError> {
        for dir in self.touched.iter().rev().map(String::as_str).chain(["."]) {
            store::sync_dir(&self.state.root, dir)?;
        }
        Ok(self.used.into_iter().collect())
    }
}
