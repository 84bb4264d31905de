//! The exchange itself, for publish, rollback and recovery: reads where old and new are by inode and goes on from
//! there. Every step is its own resume point; the lock must be held.

use std::sync::atomic::AtomicBool;

use cap_std::fs::Dir;
use rustix::fs::AtFlags;

use crate::crash_point;
use crate::dataset::{Dataset, State, StateError};
use crate::fault::{During as _, IoFault};
use crate::given_up::ASIDE;
use crate::listing::{Change, FileStat, Listing, changes};
use crate::log::file_name;
use crate::log::machine::UndoneBy;
use crate::log::record::{Body, FileRecord, Intent, Operation, Refusal, RevertReason};
use crate::place::{Kind, PlaceError};
use crate::store;

/// Directory below the state for rejected rows.
pub(crate) const QUARANTINE: &str = "quarantine";
/// Between intent and done nobody is asked to stop.
static TO_THE_END: AtomicBool = AtomicBool::new(false);

/// How an exchange ended.
#[derive(Debug, PartialEq)]
pub(crate) enum Decision {
    /// New is live, old is kept and is what it was.
    Forward,
    /// Old is live, as its writers left it; new is where it was before, or set aside. All of that is durable.
    Back(Back),
}

/// An exchange that did not happen or was undone.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Back {
    pub(crate) by: UndoneBy,
    /// Where new is if others wrote into it.
    pub(crate) set_aside: Option<String>,
}

impl Back {
    /// The record that says so.
    pub(crate) fn record(&self) -> Body {
        let set_aside = self.set_aside.clone();
        Body::Revert(match self.by.clone() {
            UndoneBy::Drift { changes } => RevertReason::Drift { changes: in_bounds(changes), set_aside },
            UndoneBy::Refused(refusal) => RevertReason::Refused { refusal, set_aside },
        })
    }
}

/// Most bytes of changes in a revert. It must be written whatever others did, so it cannot be refused for its size.
const CHANGES_MAX: usize = 64 << 20;

/// As many changes, from the first on, as have room in a record.
fn in_bounds(mut changes: Vec<Change>) -> Vec<Change> {
    let mut bytes = 0;
    let fit = changes.iter().take_while(|change| {
        bytes += change.to_string().len() + 64;
        bytes <= CHANGES_MAX
    });
    let fit = fit.count();
    changes.truncate(fit);
    changes
}

/// Where old and new are.
#[derive(Debug, PartialEq)]
enum Found {
    /// Old is live, new is where it was staged.
    Staged,
    /// Old is live, new is in the slot.
    Slotted,
    /// New is live, old is in the slot.
    Exchanged,
    /// Old is live, new was taken back and set aside, because others had written into it.
    SetAside,
    /// Something else is live, new is not: the exchange did not happen and must not.
    Replaced,
}

/// One exchange that an intent record announced.
#[derive(Debug)]
pub(crate) struct Swap<'a> {
    pub(crate) dataset: &'a Dataset,
    pub(crate) state: &'a State,
    pub(crate) intent: &'a Intent,
    /// Number of the intent record; names what is set aside.
    pub(crate) number: u64,
    /// Files of the version that is displaced.
    pub(crate) base: &'a [FileRecord],
}

impl Swap<'_> {
    /// Brings the exchange to its end from wherever it is.
    pub(crate) fn run(&self) -> Result<Decision, StateError> {
        let slot = self.intent.base.to_string();
        let (parent, name) = (&self.dataset.place.parent, self.dataset.place.name.as_str());
        let found = self.locate()?;
        match found {
            Found::Staged | Found::Slotted => {
                let changed = self.changed(self.dataset.place.list(), None)?;
                if !changed.is_empty() {
                    return self.take_back(UndoneBy::Drift { changes: changed });
                }
                if let Err(error) = self.forward(&found) {
                    let StateError::Io(fault) = &error else { return Err(error) };
                    let Some(refusal) = Refusal::of(fault) else { return Err(error) };
                    if !self.is_ours()? {
                        return Err(StateError::NotOurs { refusal });
                    }
                    return self.take_back(UndoneBy::Refused(refusal));
                }
                crash_point!("swap.after-exchange").during("exchange", name)?;
            }
            Found::Exchanged => {}
            Found::SetAside => {
                let changes = self.changed(self.dataset.place.list(), None)?;
                return self.take_back(UndoneBy::Drift { changes });
            }
            Found::Replaced => {
                let changes = vec![Change::Modified(name.to_owned())];
                return self.take_back(UndoneBy::Drift { changes });
            }
        }
        let displaced =
            self.changed(self.list_at(&self.state.kept, &slot), Some((&self.state.kept, &slot)))?;
        if displaced.is_empty() {
            return Ok(Decision::Forward);
        }
        if store::node(parent, name)? != Some(self.intent.new) {
            return Err(StateError::Replaced {
                found: format!("{name} is new, and kept/{slot} was written to"),
            });
        }
        store::exchange(parent, name, &self.state.kept, &slot).map_err(unfinished)?;
        crash_point!("swap.after-exchange-back").during("exchange", name)?;
        self.take_back(UndoneBy::Drift { changes: displaced })
    }

    /// Whether this user announced the exchange. What another one announced, that one may be able to finish: it is not
    /// for us to say that nobody is.
    fn is_ours(&self) -> Result<bool, IoFault> {
        let name = file_name(self.number);
        let record =
            rustix::fs::statat(&self.state.log, &name, AtFlags::SYMLINK_NOFOLLOW).during("look at", &name)?;
        Ok(record.st_uid == rustix::process::geteuid().as_raw())
    }

    /// The steps to the exchange and the exchange itself.
    fn forward(&self, found: &Found) -> Result<(), StateError> {
        let slot = self.intent.base.to_string();
        let (parent, name) = (&self.dataset.place.parent, self.dataset.place.name.as_str());
        if *found == Found::Staged {
            let (dir, source) = self.source()?;
            if !store::rename_new(&dir, &source, &self.state.kept, &slot)? {
                return Err(StateError::Exists { name: format!("kept/{slot}") });
            }
            crash_point!("swap.after-slot").during("exchange", name)?;
        }
        Ok(store::exchange(parent, name, &self.state.kept, &slot)?)
    }

    /// Does the exchange of a decided intent again if it is not there: a record can be durable before the names are.
    pub(crate) fn repeat_lost(&self) -> Result<(), StateError> {
        let found = self.locate()?;
        if !matches!(found, Found::Staged | Found::Slotted) {
            return Ok(());
        }
        // The old version has been live again since. What others wrote to it must not vanish into the kept ones.
        let (parent, name) = (&self.dataset.place.parent, self.dataset.place.name.as_str());
        let changed = self.changed(self.dataset.place.list(), Some((parent, name)))?;
        if let Some(first) = changed.first() {
            let found = format!("the version was recorded, its exchange was lost, and since then: {first}");
            return Err(StateError::Replaced { found });
        }
        match self.forward(&found) {
            Err(StateError::Io(fault)) => Err(unfinished(fault)),
            other => other,
        }
    }

    fn locate(&self) -> Result<Found, StateError> {
        let (old, new) = (Some(self.intent.old), Some(self.intent.new));
        let live = store::node(&self.dataset.place.parent, &self.dataset.place.name)?;
        let slot = store::node(&self.state.kept, &self.intent.base.to_string())?;
        let source = store::node(&self.state.root, &self.intent.source)?;
        let aside = store::node(&self.state.root, &self.aside())?;
        if live == old && source == new {
            Ok(Found::Staged)
        } else if live == old && slot == new {
            Ok(Found::Slotted)
        } else if slot == old {
            Ok(Found::Exchanged)
        } else if live == old && aside == new {
            Ok(Found::SetAside)
        } else if live != new && [source, slot, aside].contains(&new) {
            Ok(Found::Replaced)
        } else {
            let name = &self.dataset.place.name;
            let shown = |node: Option<store::Node>| match node {
                _ if node == old => "the old version",
                _ if node == new => "the new version",
                Some(_) => "something else",
                None => "nothing",
            };
            let found = format!("{name} is {}, kept/{} is {}", shown(live), self.intent.base, shown(slot));
            Err(StateError::Replaced { found })
        }
    }

    /// How a listing differs from the version that is displaced, where `moved` says that an exchange put it there. What no
    /// dataset may hold counts as added.
    fn changed(
        &self,
        listing: Result<Listing, PlaceError>,
        moved: Option<(&Dir, &str)>,
    ) -> Result<Vec<Change>, StateError> {
        let listing = match listing {
            Ok(listing) => listing,
            Err(PlaceError::Io(fault)) => return Err(fault.into()),
            Err(
                PlaceError::Symlink { path }
                | PlaceError::Special { path }
                | PlaceError::TableFormat { path, .. },
            ) => {
                return Ok(vec![Change::Added(path)]);
            }
            Err(other) => return Ok(vec![Change::Added(other.to_string())]),
        };
        let base = || self.base.iter().map(|f| &f.stat);
        // The exchange sets the ctime of what it moves: of a single file, not of files in a directory.
        if let (Some((dir, name)), Kind::File) = (moved, self.dataset.place.kind) {
            let found = changes(base(), &listing.files, FileStat::same_but_ctime);
            if let (true, Some(file)) = (found.is_empty(), self.base.first())
                && store::hash_file(dir, name, &TO_THE_END)?.0 != file.blake3
            {
                return Ok(vec![Change::Modified(file.stat.path.clone())]);
            }
            return Ok(found);
        }
        Ok(changes(base(), &listing.files, FileStat::same))
    }

    /// Puts new back where it was staged and makes that durable, for the record that follows is the last that anybody
    /// looks at.
    fn take_back(&self, by: UndoneBy) -> Result<Decision, StateError> {
        let slot = self.intent.base.to_string();
        if store::node(&self.state.kept, &slot)? == Some(self.intent.new) {
            let (dir, source) = self.source()?;
            if !store::rename_new(&self.state.kept, &slot, &dir, &source)? {
                return Err(StateError::Exists { name: self.intent.source.clone() });
            }
        }
        let set_aside = self.set_aside()?;
        crash_point!("swap.after-take-back").during("exchange", &self.dataset.place.name)?;
        let staged = self.intent.source.rsplit_once('/').map_or(".", |(dir, _)| dir);
        let mut dirs =
            vec![(&self.dataset.place.parent, "."), (&self.state.kept, "."), (&self.state.root, staged)];
        // A kept or held version that others wrote to stays where it is, until it is given up.
        if set_aside.as_deref() == Some(self.aside().as_str()) {
            dirs.extend([(&self.state.root, ASIDE), (&self.state.root, ".")]);
        }
        for (dir, name) in dirs {
            store::sync_dir(dir, name)?;
        }
        Ok(Decision::Back(Back { by, set_aside }))
    }

    /// Where new goes if it is not only ours any more.
    fn aside(&self) -> String {
        format!("{ASIDE}/{}", self.number)
    }

    /// What others wrote into the new version while it was live is theirs: it is not removed with the staged files.
    fn set_aside(&self) -> Result<Option<String>, StateError> {
        if store::node(&self.state.root, &self.aside())? == Some(self.intent.new) {
            return Ok(Some(self.aside()));
        }
        let (dir, source) = self.source()?;
        let same = match self.dataset.place.kind {
            Kind::File => FileStat::same_but_ctime,
            Kind::Directory => FileStat::same,
        };
        let written = match self.list_at(&dir, &source) {
            Ok(now) => !changes(self.intent.files.iter().map(|f| &f.stat), &now.files, same).is_empty(),
            Err(PlaceError::Io(fault)) if fault.is_missing() => false,
            Err(PlaceError::Io(fault)) => return Err(fault.into()),
            Err(_) => true,
        };
        if !written {
            return Ok(None);
        }
        if !self.intent.is_staged() {
            return Ok(Some(self.intent.source.clone()));
        }
        store::ensure_dir(&self.state.root, ASIDE)?;
        let aside = self.state.root.open_dir(ASIDE).during("open", ASIDE)?;
        if !store::rename_new(&dir, &source, &aside, &self.number.to_string())? {
            return Err(StateError::Exists { name: self.aside() });
        }
        Ok(Some(self.aside()))
    }

    fn list_at(&self, dir: &Dir, name: &str) -> Result<Listing, PlaceError> {
        match self.dataset.place.kind {
            Kind::Directory => Listing::of_directory(dir.open_dir(name).during("open", name)?),
            Kind::File => Listing::of_file_as(dir, name, &self.dataset.place.name),
        }
    }

    /// The directory and name under which new was staged.
    fn source(&self) -> Result<(Dir, String), IoFault> {
        split(&self.state.root, &self.intent.source)
    }
}

/// An exchange that must happen and may not: of a decided version, or back from one whose predecessor others wrote to. To
/// take it back would be what was refused, and a record that it is over would be untrue, so it stays until it can be done.
fn unfinished(fault: IoFault) -> StateError {
    match Refusal::of(&fault) {
        Some(refusal) => StateError::Unfinished { refusal },
        None => fault.into(),
    }
}

/// Opens the directory that a path below the state names the entry of.
pub(crate) fn split(root: &Dir, path: &str) -> Result<(Dir, String), IoFault> {
    let (dir, name) = path.rsplit_once('/').unwrap_or((".", path));
    Ok((root.open_dir(dir).during("open", dir)?, name.to_owned()))
}

/// Where below the state the rejects of a publish go, if it has any.
pub(crate) fn quarantine(intent: &Intent) -> Option<&str> {
    match &intent.operation {
        Operation::Publish(facts) => facts.quarantine.as_deref(),
        Operation::RollBack { .. } => None,
    }
}

/// Moves the rejects of a decided publish to the quarantine. Does nothing the second time. Whoever calls it syncs the
/// [directory](QUARANTINE) before `done` exists, also if there was nothing left to move: whoever moved may have died.
pub(crate) fn move_quarantine(state: &State, intent: &Intent) -> Result<(), IoFault> {
    let Some(target) = quarantine(intent) else { return Ok(()) };
    let attempt = intent.source.split('/').take(2).collect::<Vec<_>>().join("/");
    let from = format!("{attempt}/{}", crate::staging::QUARANTINE);
    if store::node(&state.root, &from)?.is_none() {
        return Ok(());
    }
    let ((from, old), (to, new)) = (split(&state.root, &from)?, split(&state.root, target)?);
    store::rename_new(&from, &old, &to, &new)?;
    Ok(())
}

/// ctime of a single file that was just put in place; what later comparisons go by.
pub(crate) fn live_ctime(dataset: &Dataset, intent: &Intent) -> Result<Option<i64>, StateError> {
    if dataset.place.kind == Kind::Directory {
        return Ok(None);
    }
    let now = dataset.place.list()?.files.into_iter().next();
    let expected = intent.files.first().map(|f| &f.stat);
    let same = now.as_ref().zip(expected).is_some_and(|(now, expected)| expected.same_but_ctime(now));
    Ok(now.filter(|_| same).map(|file| file.ctime_ns))
}
