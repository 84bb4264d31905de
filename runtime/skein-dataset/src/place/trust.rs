//! Whose state it is: what lies at the place of a dataset's state is believed only if nobody put it there who may not
//! change the dataset itself. What a log says decides what is exchanged and removed, whoever runs the command.
//!
//! | what | made by | may also be written by |
//! |---|---|---|
//! | `.skein` | root, this user, the dataset's owner; the group of dataset or parent that may write it | whoever may write the parent; anybody if it is sticky |
//! | a directory that was chosen for states | anybody: somebody named it | everybody only if it is sticky |
//! | a dataset's own directory in either, its parts, the pointer | root, this user, the dataset's owner; the dataset's group if that may write it | whoever may write the dataset |
//!
//! A sticky parent lets nobody replace what is another's, so there its writers are not believed. A group is told by what
//! it made, so only where others can make nothing: a directory with set-gid gives its group to whatever anybody makes in
//! it. What a pointer leads to is at most as good as the pointer: one that is not root's or this user's own leads to
//! states of its owner alone, for others can be named but not made.
//!
//! Everything is opened without following links and judged by its descriptor, which is then the one that is used.

use std::fmt;
use std::path::{Path, PathBuf};

use cap_std::ambient_authority;
use cap_std::fs::Dir;
use rustix::fs::{AtFlags, FileType, Stat};
use rustix::io::Errno;

use crate::fault::{During as _, IoFault};
use crate::place::state::{POINTER, StateSite};
use crate::place::{Place, PlaceError, STATE};
use crate::store;

const GROUP_WRITES: u32 = 0o020;
const OTHERS_WRITE: u32 = 0o002;
const STICKY: u32 = 0o1000;

/// Why something is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doubt {
    /// A link, or what it is not supposed to be.
    Kind {
        /// What it should be.
        wanted: &'static str,
    },
    /// Somebody made it who may not change the dataset.
    Owner {
        /// Who.
        uid: u32,
    },
    /// A group may change it that may not change the dataset.
    Group {
        /// Which.
        gid: u32,
    },
    /// Everybody may change it, and not the dataset.
    Everybody,
}

impl fmt::Display for Doubt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Kind { wanted } => write!(f, "is no {wanted}"),
            Self::Owner { uid } => write!(f, "was made by user {uid}, who may not change the dataset"),
            Self::Group { gid } => {
                write!(f, "can be changed by group {gid}, which may not change the dataset")
            }
            Self::Everybody => f.write_str("can be changed by everybody, and the dataset cannot"),
        }
    }
}

/// Owner, group and mode of what is judged or judged by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Rights {
    uid: u32,
    gid: u32,
    mode: u32,
}

impl Rights {
    const fn has(self, bits: u32) -> bool {
        self.mode & bits != 0
    }
}

impl From<&Stat> for Rights {
    fn from(stat: &Stat) -> Self {
        Self { uid: stat.st_uid, gid: stat.st_gid, mode: stat.st_mode }
    }
}

/// Who may have made, and may change, what is believed.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Trust {
    users: Vec<u32>,
    groups: Vec<u32>,
    everybody: bool,
}

impl Trust {
    /// In what concerns one dataset.
    fn in_dataset(dataset: Rights, this_user: u32) -> Self {
        Self {
            users: vec![0, this_user, dataset.uid],
            groups: dataset.has(GROUP_WRITES).then_some(dataset.gid).into_iter().collect(),
            everybody: dataset.has(OTHERS_WRITE),
        }
    }

    /// In what lies in the parent: who may rename there may replace the dataset.
    fn in_parent(mut self, parent: Rights) -> Self {
        if !parent.has(STICKY) {
            self.groups.extend(parent.has(GROUP_WRITES).then_some(parent.gid));
            self.everybody |= parent.has(OTHERS_WRITE);
        }
        self
    }

    /// In what a pointer of this user leads to.
    fn through(mut self, pointer: u32, this_user: u32) -> Self {
        if pointer != 0 && pointer != this_user {
            self.users = vec![pointer];
        }
        self
    }

    /// What speaks against something that lies in `holder`.
    fn doubt(&self, found: Rights, holder: Rights) -> Option<Doubt> {
        let by_group = self.groups.contains(&found.gid) && !holder.has(OTHERS_WRITE);
        if !self.users.contains(&found.uid) && !by_group {
            return Some(Doubt::Owner { uid: found.uid });
        }
        self.doubt_writers(found)
    }

    fn doubt_writers(&self, found: Rights) -> Option<Doubt> {
        if found.has(OTHERS_WRITE) && !self.everybody {
            return Some(Doubt::Everybody);
        }
        let group = found.has(GROUP_WRITES) && !self.groups.contains(&found.gid) && !self.everybody;
        group.then_some(Doubt::Group { gid: found.gid })
    }

    /// [`Trust::doubt`] of a directory in which each dataset has its own: if it is sticky, who may write it can only add.
    fn doubt_shared(&self, found: Rights, holder: Rights) -> Option<Doubt> {
        let closed = Rights { mode: found.mode & !(GROUP_WRITES | OTHERS_WRITE), ..found };
        self.doubt(if found.has(STICKY) { closed } else { found }, holder)
    }
}

impl Place {
    /// `.skein` in the parent if it is there.
    pub(crate) fn open_all(&self) -> Result<Option<Dir>, PlaceError> {
        let path = self.parent_path().join(STATE);
        let Some(all) = enter(&self.parent, STATE, &path)? else { return Ok(None) };
        let parent = rights(&self.parent)?;
        let doubt = self.trust()?.in_parent(parent).doubt_shared(rights(&all)?, parent);
        refuse(doubt, &path)?;
        Ok(Some(all))
    }

    /// `.skein/<name>` in the parent if it is there. Nobody who has none minds whose `.skein` it is.
    pub(crate) fn open_beside(&self) -> Result<Option<Dir>, PlaceError> {
        let Some(all) = enter(&self.parent, STATE, &self.parent_path().join(STATE))? else { return Ok(None) };
        if store::node(&all, &self.name)?.is_none() {
            return Ok(None);
        }
        let Some(all) = self.open_all()? else { return Ok(None) };
        self.open_own(&all, &self.name, &self.beside())
    }

    /// A directory of this dataset alone in `holder` if it is there.
    pub(crate) fn open_own(&self, holder: &Dir, name: &str, path: &Path) -> Result<Option<Dir>, PlaceError> {
        let Some(own) = enter(holder, name, path)? else { return Ok(None) };
        refuse(self.trust()?.doubt(rights(&own)?, rights(holder)?), path)?;
        Ok(Some(own))
    }

    /// The chosen directory in which states are.
    pub(crate) fn open_chosen(&self, dir: &Path) -> Result<Dir, PlaceError> {
        let shown = || dir.display().to_string();
        let opened = Dir::open_ambient_dir(dir, ambient_authority()).during("open", shown())?;
        let found = rights(&opened)?;
        let open = found.has(OTHERS_WRITE) && !found.has(STICKY) && !self.trust()?.everybody;
        refuse(open.then_some(Doubt::Everybody), dir)?;
        Ok(opened)
    }

    /// The dataset's state, which must be there.
    pub(crate) fn open_state(&self) -> Result<Dir, PlaceError> {
        let path = self.state_path();
        let gone =
            || IoFault { action: "open", path: path.display().to_string(), source: Errno::NOENT.into() };
        match &self.site {
            StateSite::Beside => Ok(self.open_beside()?.ok_or_else(gone)?),
            StateSite::Chosen { dir, leaf } => {
                let beside = self.open_beside()?.ok_or_else(gone)?;
                let holder = self.open_chosen(dir)?;
                let state = enter(&holder, leaf, path)?.ok_or_else(gone)?;
                let trust = match self.pointer(&beside)? {
                    Some(pointer) => self.trust()?.through(pointer.st_uid, this_user()),
                    None => self.trust()?,
                };
                refuse(trust.doubt(rights(&state)?, rights(&holder)?), path)?;
                Ok(state)
            }
        }
    }

    /// A directory of the state, which must be there.
    pub(crate) fn open_part(&self, state: &Dir, name: &str) -> Result<Dir, PlaceError> {
        let path = self.state_path().join(name);
        let gone = || IoFault { action: "open", path: name.to_owned(), source: Errno::NOENT.into() };
        Ok(self.open_own(state, name, &path)?.ok_or_else(gone)?)
    }

    /// The pointer's file, judged, if it is there.
    pub(crate) fn pointer(&self, beside: &Dir) -> Result<Option<Stat>, PlaceError> {
        let path = self.beside().join(POINTER);
        let stat = match rustix::fs::statat(beside, POINTER, AtFlags::SYMLINK_NOFOLLOW) {
            Err(Errno::NOENT) => return Ok(None),
            other => other.during("look at", path.display().to_string())?,
        };
        let is_file = FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile;
        let kind = (!is_file).then_some(Doubt::Kind { wanted: "regular file" });
        let doubt = || Ok::<_, PlaceError>(self.trust()?.doubt((&stat).into(), rights(beside)?));
        refuse(kind.map_or_else(doubt, |kind| Ok(Some(kind)))?, &path)?;
        Ok(Some(stat))
    }

    fn trust(&self) -> Result<Trust, IoFault> {
        let dataset = rustix::fs::statat(&self.parent, self.name.as_str(), AtFlags::SYMLINK_NOFOLLOW)
            .during("look at", &self.name)?;
        Ok(Trust::in_dataset((&dataset).into(), this_user()))
    }
}

fn this_user() -> u32 {
    rustix::process::geteuid().as_raw()
}

fn rights(dir: &Dir) -> Result<Rights, IoFault> {
    Ok((&rustix::fs::fstat(dir).during("look at", ".")?).into())
}

/// Opens a directory itself; `None` if there is nothing.
fn enter(holder: &Dir, name: &str, path: &Path) -> Result<Option<Dir>, PlaceError> {
    match store::open_dir(holder, name) {
        Ok(dir) => Ok(Some(dir)),
        Err(fault) if fault.is_missing() => Ok(None),
        Err(fault) if fault.source.kind() == std::io::ErrorKind::NotADirectory => {
            Err(untrusted(Doubt::Kind { wanted: "directory" }, path))
        }
        Err(fault) => Err(fault.into()),
    }
}

fn refuse(doubt: Option<Doubt>, path: &Path) -> Result<(), PlaceError> {
    doubt.map_or(Ok(()), |doubt| Err(untrusted(doubt, path)))
}

fn untrusted(doubt: Doubt, path: &Path) -> PlaceError {
    PlaceError::StateUntrusted { path: PathBuf::from(path), doubt }
}

#[cfg(test)]
mod tests {
    use super::{Doubt, Rights, Trust};

    const ME: u32 = 10;
    const OWNER: u32 = 20;
    const STRANGER: u32 = 30;
    const TEAM: u32 = 5;
    const THEIRS: u32 = 6;

    const fn of(uid: u32, gid: u32, mode: u32) -> Rights {
        Rights { uid, gid, mode }
    }

    #[test]
    fn a_state_is_that_of_who_may_change_the_dataset() {
        let closed = of(0, 0, 0o755);
        let private = of(OWNER, TEAM, 0o750);
        let shared = of(OWNER, TEAM, 0o2770);
        let open = of(OWNER, TEAM, 0o777);
        for (dataset, holder, state, doubt) in [
            (private, closed, of(0, 0, 0o755), None),
            (private, closed, of(ME, THEIRS, 0o700), None),
            (private, closed, of(OWNER, THEIRS, 0o755), None),
            (private, closed, of(STRANGER, TEAM, 0o755), Some(Doubt::Owner { uid: STRANGER })),
            (private, closed, of(OWNER, TEAM, 0o775), Some(Doubt::Group { gid: TEAM })),
            (private, closed, of(0, 0, 0o757), Some(Doubt::Everybody)),
            (private, closed, of(0, 0, 0o1777), Some(Doubt::Everybody)),
            (shared, closed, of(STRANGER, TEAM, 0o2770), None),
            (shared, closed, of(STRANGER, THEIRS, 0o2770), Some(Doubt::Owner { uid: STRANGER })),
            (shared, closed, of(OWNER, THEIRS, 0o2770), Some(Doubt::Group { gid: THEIRS })),
            // Set-gid gave the group to what anybody made here.
            (shared, of(0, TEAM, 0o3777), of(STRANGER, TEAM, 0o700), Some(Doubt::Owner { uid: STRANGER })),
            (open, closed, of(OWNER, THEIRS, 0o777), None),
            (open, closed, of(STRANGER, THEIRS, 0o777), Some(Doubt::Owner { uid: STRANGER })),
        ] {
            let found = Trust::in_dataset(dataset, ME).doubt(state, holder);
            assert_eq!(found, doubt, "{dataset:?} {holder:?} {state:?}");
        }
    }

    #[test]
    fn the_directory_of_states_is_that_of_who_may_change_the_parent() {
        let dataset = of(OWNER, OWNER, 0o755);
        for (parent, all, doubt) in [
            (of(0, 0, 0o755), of(0, 0, 0o755), None),
            (of(0, 0, 0o1777), of(OWNER, OWNER, 0o755), None),
            (of(0, 0, 0o1777), of(STRANGER, STRANGER, 0o755), Some(Doubt::Owner { uid: STRANGER })),
            (of(0, 0, 0o777), of(STRANGER, STRANGER, 0o755), Some(Doubt::Owner { uid: STRANGER })),
            (of(0, 0, 0o777), of(ME, ME, 0o777), None),
            (of(0, 0, 0o1777), of(ME, ME, 0o777), Some(Doubt::Everybody)),
            (of(0, 0, 0o1777), of(0, 0, 0o1777), None),
            (of(0, TEAM, 0o2775), of(STRANGER, TEAM, 0o2775), None),
            (of(0, TEAM, 0o2775), of(STRANGER, THEIRS, 0o755), Some(Doubt::Owner { uid: STRANGER })),
            (of(0, TEAM, 0o3775), of(STRANGER, TEAM, 0o2775), Some(Doubt::Owner { uid: STRANGER })),
            (of(0, TEAM, 0o2755), of(ME, TEAM, 0o2775), Some(Doubt::Group { gid: TEAM })),
        ] {
            let found = Trust::in_dataset(dataset, ME).in_parent(parent).doubt_shared(all, parent);
            assert_eq!(found, doubt, "{parent:?} {all:?}");
        }
    }

    #[test]
    fn a_pointer_leads_to_states_of_who_made_it() {
        let (dataset, holder) = (of(OWNER, OWNER, 0o755), of(0, 0, 0o755));
        for (pointer, state, doubt) in [
            (0, 0, None),
            (0, OWNER, None),
            (ME, OWNER, None),
            (OWNER, OWNER, None),
            (OWNER, ME, Some(Doubt::Owner { uid: ME })),
            (OWNER, 0, Some(Doubt::Owner { uid: 0 })),
        ] {
            let trust = Trust::in_dataset(dataset, ME).through(pointer, ME);
            assert_eq!(trust.doubt(of(state, state, 0o755), holder), doubt, "{pointer} to {state}");
        }
    }
}
