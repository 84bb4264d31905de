//! Tries on the spot whether a file system does what the commit protocol stands on, by content and not by errno alone:
//! some answer "done" to an exchange that they did not do.

use std::collections::BTreeSet;
use std::io::{Read as _, Write as _};
use std::sync::{Mutex, PoisonError};

use cap_std::fs::Dir;
use rustix::fs::RenameFlags;
use rustix::io::Errno;

use crate::fault::{During as _, IoFault};
use crate::moved::Orphans;
use crate::place::PlaceError;
use crate::place::filesystem::FileSystem;
use crate::store;

pub(crate) const DIR: &str = "probe";

/// Devices that passed, so that a process with many datasets on one device asks once.
#[derive(Debug, Default)]
pub struct ProbeCache {
    passed: Mutex<BTreeSet<u64>>,
    /// States without a dataset, of the directories that were looked at.
    pub(crate) orphans: Orphans,
}

impl ProbeCache {
    /// Probes in `state` unless its device has passed already.
    pub(crate) fn check(&self, state: &Dir, dev: u64) -> Result<(), PlaceError> {
        if self.passed.lock().unwrap_or_else(PoisonError::into_inner).contains(&dev) {
            return Ok(());
        }
        let answer = run(state);
        store::remove_tree(state, DIR)?;
        if let Some(problem) = answer? {
            let statfs = rustix::fs::fstatfs(state).during("ask the file system of", DIR)?;
            let filesystem = FileSystem::from_magic(statfs.f_type.cast_unsigned()).to_string();
            return Err(PlaceError::FileSystem { filesystem, problem });
        }
        self.passed.lock().unwrap_or_else(PoisonError::into_inner).insert(dev);
        Ok(())
    }
}

/// What the commit protocol stands on, in the order in which it is tried.
pub(crate) const TRIED: &str = "atomic exchange, rename without replacing, fsync";

/// `Some(problem)` if the file system falls short. Everything is in `state/<DIR>`, which stays.
fn run(state: &Dir) -> Result<Option<&'static str>, IoFault> {
    store::remove_tree(state, DIR)?;
    state.create_dir(DIR).during("create", DIR)?;
    try_in(&state.open_dir(DIR).during("open", DIR)?)
}

/// The same in a directory of its own below `parent`, which is removed: for looking at a place without taking it.
pub(crate) fn try_below(parent: &Dir, name: &str) -> Result<Option<&'static str>, IoFault> {
    parent.create_dir(name).during("create", name)?;
    let answer = parent.open_dir(name).during("open", name).and_then(|dir| try_in(&dir));
    store::remove_tree(parent, name)?;
    answer
}

fn try_in(dir: &Dir) -> Result<Option<&'static str>, IoFault> {
    for side in ["a", "b"] {
        dir.create_dir(side).during("create", side)?;
        write(dir, &format!("{side}/f"), side)?;
        write(dir, &format!("{side}.f"), side)?;
    }
    for (left, right, inside) in [("a", "b", "a/f"), ("a.f", "b.f", "a.f")] {
        match rustix::fs::renameat_with(dir, left, dir, right, RenameFlags::EXCHANGE) {
            Ok(()) => {}
            Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => return Ok(Some("has no atomic exchange")),
            Err(other) => return Err(other).during("exchange", left),
        }
        if read(dir, inside)? != "b" {
            return Ok(Some("says that it exchanged two names but did not"));
        }
    }
    match rustix::fs::renameat_with(dir, "a.f", dir, "b.f", RenameFlags::NOREPLACE) {
        Err(Errno::EXIST) => {}
        Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => {
            return Ok(Some("has no rename without replacing"));
        }
        Ok(()) => return Ok(Some("replaces where it was told not to")),
        Err(other) => return Err(other).during("rename", "a.f"),
    }
    store::sync_dir(dir, ".")?;
    Ok((read(dir, "b.f")? != "a").then_some("lost what was synced"))
}

fn write(dir: &Dir, name: &str, text: &str) -> Result<(), IoFault> {
    let mut file = dir.create(name).during("create", name)?;
    file.write_all(text.as_bytes()).during("write", name)?;
    file.sync_all().during("sync", name)
}

fn read(dir: &Dir, name: &str) -> Result<String, IoFault> {
    let mut text = String::new();
    dir.open(name).and_then(|f| f.take(16).read_to_string(&mut text)).during("read", name)?;
    Ok(text)
}
