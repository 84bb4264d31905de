//! What others wrote after a version, kept before a rollback hides it.
//!
//! Every version that others made since has a directory `later/<version>` below the state, with the files that they
//! added or changed, under the paths that they gave them. There no reader takes them for part of a dataset, and
//! nothing of Skein removes them. A file that they themselves overwrote or removed later is not there any more.
//!
//! It is made in `stage`, synced, and renamed: it is there complete before the rollback announces anything. A rollback
//! that does not come about, or is done again after a crash, finds it there.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::rc::Rc;

use cap_std::fs::Dir;
use skein_types::{Blake3, Bytes};

use crate::crash_point;
use crate::dataset::{Dataset, State, StateError};
use crate::fault::{During as _, IoFault};
use crate::listing::{Change, Listing};
use crate::log::machine::{History, Version, VersionKind};
use crate::log::record::FileRecord;
use crate::place::Kind;
use crate::store::{self, attributes, copy};

/// Directory below the state, one entry per version.
const LATER: &str = "later";
/// Directories that the same version may have: more only if somebody changed what lies there.
const MOST: usize = 100;

/// Later writes that were kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetAside {
    /// The version that others made.
    pub version: u64,
    /// Where its files are.
    pub path: PathBuf,
    /// How many.
    pub files: usize,
    /// Their size.
    pub bytes: Bytes,
    /// Owners and attributes that could not be kept.
    pub lost: Vec<String>,
}

/// One file and where its bytes are now.
struct Late<'a> {
    record: &'a FileRecord,
    root: Rc<Dir>,
    /// In that directory.
    name: String,
}

/// Keeps what others wrote since version `since` was current. Everything that they did must be in the log; the lock
/// must be held.
pub(crate) fn set_aside(
    dataset: &Dataset,
    state: &State,
    history: &History,
    since: u64,
) -> Result<Vec<SetAside>, StateError> {
    let mut kept = Vec::new();
    for version in history.versions().iter().filter(|version| version.version > since) {
        let VersionKind::Observed { changes } = &version.kind else { continue };
        let late = late(dataset, state, history, (version, changes))?;
        if !late.is_empty() {
            kept.push(keep(dataset, state, version.version, &late)?);
        }
    }
    Ok(kept)
}

/// Files that a version brought, as far as they are still somewhere.
fn late<'a>(
    dataset: &Dataset,
    state: &State,
    history: &History,
    (version, changes): (&'a Version, &[Change]),
) -> Result<Vec<Late<'a>>, StateError> {
    let brought: BTreeSet<&str> = changes.iter().filter_map(brought).collect();
    let mut wanted = BTreeMap::<Blake3, Vec<&FileRecord>>::new();
    for record in version.files.iter().filter(|file| brought.contains(file.stat.path.as_str())) {
        wanted.entry(record.blake3).or_default().push(record);
    }
    let mut late = Vec::new();
    for holder in history.versions().iter().filter(|holder| holder.version >= version.version) {
        if wanted.is_empty() {
            break;
        }
        let Some((root, single)) = at(dataset, state, history, holder)? else { continue };
        let root = Rc::new(root);
        for same in &holder.files {
            let name = single.as_ref().unwrap_or(&same.stat.path);
            let found = wanted.remove(&same.blake3).into_iter().flatten();
            late.extend(found.map(|record| Late { record, root: Rc::clone(&root), name: name.clone() }));
        }
    }
    late.sort_by(|a, b| a.record.stat.path.cmp(&b.record.stat.path));
    Ok(late)
}

fn brought(change: &Change) -> Option<&str> {
    match change {
        Change::Added(path) | Change::Modified(path) => Some(path),
        Change::Removed(_) => None,
    }
}

/// The directory of a version that is live or kept, and what its file is called there if it is a single one.
fn at(
    dataset: &Dataset,
    state: &State,
    history: &History,
    version: &Version,
) -> Result<Option<(Dir, Option<String>)>, StateError> {
    let live = history.head().is_some_and(|head| head.version == version.version);
    let slot = history.slot_of(version.version).map(|slot| slot.to_string());
    Ok(match (dataset.place.kind, live, slot) {
        (_, true, _) => Some((dataset.place.open_root()?, None)),
        (_, false, None) => None,
        (Kind::Directory, false, Some(slot)) => {
            Some((state.kept.open_dir(&slot).during("open", &slot)?, None))
        }
        (Kind::File, false, Some(slot)) => Some((state.kept.try_clone().during("open", "kept")?, Some(slot))),
    })
}

fn keep(dataset: &Dataset, state: &State, version: u64, late: &[Late<'_>]) -> Result<SetAside, StateError> {
    let made = format!("{LATER}.{version}");
    store::remove_tree(&state.stage, &made)?;
    state.stage.create_dir(&made).during("create", &made)?;
    let root = state.stage.open_dir(&made).during("open", &made)?;
    let (mut dirs, mut lost) = (BTreeSet::new(), Vec::new());
    for file in late {
        lost.extend(fill(dataset, &root, file, &mut dirs)?);
    }
    let mut roots: Vec<&Rc<Dir>> = Vec::new();
    for file in late {
        if !roots.iter().any(|root| Rc::ptr_eq(root, &file.root)) {
            roots.push(&file.root);
        }
    }
    // Inner ones first: a directory is synced after what it holds, and closed to us after it was filled.
    for dir in dirs.iter().rev() {
        let from = roots.iter().find_map(|root| root.open_dir(dir).ok());
        if let (Some(from), Kind::Directory) = (from, dataset.place.kind) {
            let to = store::readable(&root, dir)?;
            lost.extend(attributes::copy(store::readable(&from, ".")?, to, dir)?);
        }
        store::sync_dir(&root, dir)?;
    }
    crash_point!("later.before-rename").during("keep later writes of", &dataset.place.name)?;
    let name = place(state, &made, version, late)?;
    crash_point!("later.after-rename").during("keep later writes of", &dataset.place.name)?;
    Ok(SetAside {
        version,
        path: dataset.state_path().join(LATER).join(name),
        files: late.len(),
        bytes: late.iter().map(|file| Bytes(file.record.stat.size)).sum(),
        lost,
    })
}

fn fill(
    dataset: &Dataset,
    root: &Dir,
    file: &Late<'_>,
    dirs: &mut BTreeSet<String>,
) -> Result<Vec<String>, StateError> {
    let path = &file.record.stat.path;
    dirs.insert(".".to_owned());
    for (at, _) in path.match_indices('/') {
        if dirs.insert(path[..at].to_owned()) {
            root.create_dir(&path[..at]).during("create", path)?;
        }
    }
    let from = store::open_file(&file.root, &file.name)?.into_std();
    let (to, blake3) = copy::make(&from, (root, path), path, &dataset.stop)?;
    if blake3 != file.record.blake3 {
        return Err(StateError::Changing { path: path.clone() });
    }
    let lost = attributes::copy(&from, &to, path)?;
    copy::set_modified(&to, file.record.stat.mtime_ns, path)?;
    store::sync_file(root, path)?;
    Ok(lost)
}

/// Gives it its name, or finds that it is there already.
fn place(state: &State, made: &str, version: u64, late: &[Late<'_>]) -> Result<String, StateError> {
    store::ensure_dir(&state.root, LATER)?;
    // Also if it was there: whoever made it may have died before this.
    store::sync_dir(&state.root, ".")?;
    let all = state.root.open_dir(LATER).during("open", LATER)?;
    for nth in 1..=MOST {
        let name = if nth == 1 { version.to_string() } else { format!("{version}.{nth}") };
        if store::rename_new(&state.stage, made, &all, &name)? {
            store::sync_dir(&all, ".")?;
            return Ok(name);
        }
        if is_there(&all, &name, late)? {
            store::remove_tree(&state.stage, made)?;
            return Ok(name);
        }
    }
    Err(StateError::Exists { name: format!("{LATER}/{version}, with {MOST} more,") })
}

fn is_there(all: &Dir, name: &str, late: &[Late<'_>]) -> Result<bool, IoFault> {
    let dir = all.open_dir(name).during("open", name)?;
    let Ok(listing) = Listing::of_directory(&dir) else { return Ok(false) };
    if listing.files.len() != late.len() {
        return Ok(false);
    }
    for file in late {
        let there = listing.find(&file.record.stat.path);
        let same = there.is_some_and(|found| found.size == file.record.stat.size)
            && store::hash_file(&dir, &file.record.stat.path, &NEVER)?.0 == file.record.blake3;
        if !same {
            return Ok(false);
        }
    }
    Ok(true)
}

/// What was kept once is small beside what a rollback has to look at anyway: nobody is asked to stop here.
static NEVER: std::sync::atomic::AtomicBool = std::sync::atomic::AtomicBool::new(false);
