//! The rehearsal of a rollback: what was just published goes back and forth once, and every byte is looked at on the way.
//!
//! ```text
//! published   version p of a run over version b, as its publish left it
//! back        the exchange of a rollback; then every file is read and compared with what the log says of b
//! proof       every file of the kept result is read and compared with what the log says of p
//! forward     the same exchange again, with the kept result; then its files are those that were just read, by their numbers
//! ```
//! How far it is stands in the dataset's log, as records of ordinary rollbacks, and nowhere else: whoever died on the way
//! calls it again. Whatever goes wrong after the way back leaves the old version current.
//!
//! | crash | it is called again |
//! |---|---|
//! | after the publish | goes back |
//! | after the way back, or after the proof | reads both versions again, goes forward |
//! | after the way forward | reads what is current again, and answers as it would have |

use skein_types::{Blake3, Bytes, Code, RunId, codes};

use crate::dataset::{Dataset, StateError};
use crate::fault::IoFault;
use crate::intact::{self, By, Proof};
use crate::log::LogError;
use crate::log::machine::{History, Version, VersionKind};
use crate::made::Tree;
use crate::publish::handed::settled;
use crate::publish::{Conflict, Outcome, resolve};
use crate::rollback::{RollbackError, Undo, roll_back_many, roll_forward_many};

/// A part of the way, told when it is behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leg {
    /// The old version is current again.
    Back,
    /// Both versions were read in full and are what the log says.
    Proof,
    /// The new version is current again.
    Forward,
}

/// A way back and forth that ended well.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rehearsed {
    /// The version before the run.
    pub base: u64,
    /// As which the run published first.
    pub published: u64,
    /// As which the old content came back.
    pub back: u64,
    /// As which the new content is current.
    pub forward: u64,
    /// Files that were read, of both.
    pub files: u64,
    /// Their size.
    pub bytes: Bytes,
    /// Of names, sizes and contents of the old version: that of its [`Tree`].
    pub before: Blake3,
    /// The like of the new version.
    pub after: Blake3,
}

/// What there is to say of a rehearsal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rehearsal {
    /// It ended well: the run's result is current.
    Passed(Rehearsed),
    /// Others wrote to the new version before it could go back; that is not undone, and the run's result is current with it.
    Overtaken {
        /// What is current.
        version: u64,
        /// What they did, in words.
        by: String,
    },
}

/// A rehearsal that did not end well.
#[derive(Debug, thiserror::Error)]
pub enum RehearseError {
    /// The log does not know the run's version, or something else became current over it.
    #[error("the run's version is not what is current")]
    NotCurrent,
    /// There is no way back: the run's version stays current.
    #[error("no way back: {0}")]
    Back(#[source] RollbackError),
    /// The old version came back and is not what it was; it stays current.
    #[error("after the way back {path} is not what it was in version {version}")]
    OldDiffers {
        /// What it should be.
        version: u64,
        /// The first file.
        path: String,
    },
    /// The kept result is not what was staged; the old version stays current.
    #[error("{path} is not what was staged as version {version}")]
    NewDiffers {
        /// What it should be.
        version: u64,
        /// The first file.
        path: String,
    },
    /// Others wrote while the old version was current; it stays so.
    #[error("others wrote during the round trip: {0}")]
    Disturbed(String),
    /// There is no way forward; the old version stays current.
    #[error("no way forward: {0}")]
    Forward(#[source] RollbackError),
    /// The dataset's state cannot be used just now.
    #[error(transparent)]
    State(#[from] StateError),
    /// The system said no.
    #[error(transparent)]
    Io(#[from] IoFault),
}

impl RehearseError {
    /// The code of this error.
    pub fn code(&self) -> Code {
        match self {
            Self::NotCurrent => codes::RUN_NOT_CURRENT,
            Self::Back(error) | Self::Forward(error) => error.code(),
            Self::OldDiffers { .. } => codes::REHEARSAL_OLD_DIFFERS,
            Self::NewDiffers { .. } => codes::REHEARSAL_NEW_DIFFERS,
            Self::Disturbed(_) => codes::REHEARSAL_DISTURBED,
            Self::State(error) => error.code(),
            Self::Io(error) => error.code(),
        }
    }

    /// Whether the run's version is current all the same, as far as the error alone can tell.
    pub const fn leaves_new(&self) -> bool {
        match self {
            Self::Back(_) | Self::NotCurrent => true,
            Self::OldDiffers { .. }
            | Self::NewDiffers { .. }
            | Self::Disturbed(_)
            | Self::Forward(_)
            | Self::State(_)
            | Self::Io(_) => false,
        }
    }
}

/// Whether the run's version is current after a rehearsal that did not end well. What could not be read, locked or found out may
/// have been so on either side of the way back, or behind the way forward: then the log says it.
pub fn left_new(dataset: &Dataset, run: RunId, error: &RehearseError) -> Result<bool, LogError> {
    Ok(error.leaves_new() || dataset.history()?.run_of_current() == Some(run))
}

/// How far it is, by the log.
enum Far {
    Published,
    Back,
    Forward { back: u64, forward: u64 },
}

/// Takes a version that a run has just published over version `base` back and forth, from wherever it is by the log. Told to
/// `reached` is each part of the way that is behind; what that answers ends it.
pub fn rehearse(
    dataset: &Dataset,
    (run, base): (RunId, u64),
    mut reached: impl FnMut(Leg) -> Result<(), IoFault>,
) -> Result<Rehearsal, RehearseError> {
    let (state, mut history) = settled(dataset)?;
    if let Some(Far::Published) = history.far((run, base)) {
        if let Some(overtaken) = go_back((dataset, run), base + 1)? {
            return Ok(overtaken);
        }
        reached(Leg::Back)?;
        history = settled(dataset)?.1;
    }
    if let Some(Far::Back) = history.far((run, base)) {
        let (old, new) = (history.version(base), history.version(base + 1));
        let (Some(old), Some(new), Some(slot)) = (old, new, history.slot_of(base + 1)) else {
            return Err(RehearseError::NotCurrent);
        };
        let live = (&dataset.place.parent, dataset.place.name.as_str());
        if let Some(path) = differing(intact::prove_by(dataset, live, (&old.files, By::Bytes))?) {
            return Err(RehearseError::OldDiffers { version: old.version, path });
        }
        let slot = slot.to_string();
        let kept = (&state.kept, slot.as_str());
        if let Some(path) = differing(intact::prove_by(dataset, kept, (&new.files, By::Bytes))?) {
            return Err(RehearseError::NewDiffers { version: new.version, path });
        }
        reached(Leg::Proof)?;
        go_forward((dataset, run))?;
        reached(Leg::Forward)?;
        history = settled(dataset)?.1;
    }
    let Some(Far::Forward { back, forward }) = history.far((run, base)) else {
        return Err(RehearseError::NotCurrent);
    };
    let (old, new) = (history.version(base), history.version(base + 1));
    let (Some(old), Some(new)) = (old, new) else { return Err(RehearseError::NotCurrent) };
    // Those that were just read, moved by a rename; a process that begins here reads them again where that shows.
    let live = (&dataset.place.parent, dataset.place.name.as_str());
    let now = history.head().map_or(&new.files, |head| &head.files);
    if let Some(path) = differing(intact::prove(dataset, live, now)?) {
        return Ok(Rehearsal::Overtaken { version: forward, by: format!("others wrote {path}") });
    }
    let both = || old.files.iter().chain(&new.files);
    Ok(Rehearsal::Passed(Rehearsed {
        base,
        published: new.version,
        back,
        forward,
        files: both().count() as u64,
        bytes: both().map(|file| Bytes(file.stat.size)).sum(),
        before: Tree::recorded(&old.files).digest,
        after: Tree::recorded(&new.files).digest,
    }))
}

/// [`resolve`] for a run that may have been tried before over another version: what that try published is not this one's.
pub fn resolve_over(dataset: &Dataset, run: RunId, base: u64) -> Result<Outcome, StateError> {
    let outcome = resolve(dataset, run)?;
    Ok(match outcome {
        Outcome::Committed { version } if base.checked_add(1) != Some(version) => {
            Outcome::Conflict { reason: Conflict::NotPublished }
        }
        known @ (Outcome::Committed { .. }
        | Outcome::Held { .. }
        | Outcome::Conflict { .. }
        | Outcome::Refused { .. }
        | Outcome::Unknown { .. }) => known,
    })
}

fn go_back((dataset, run): (&Dataset, RunId), published: u64) -> Result<Option<Rehearsal>, RehearseError> {
    match roll_back_many(&[(dataset, run)]).pop() {
        Some(Ok(Undo::Undone(_) | Undo::AlreadyUndone { .. })) => Ok(None),
        Some(Ok(Undo::NotCurrent { .. })) | None => Err(RehearseError::NotCurrent),
        Some(Err(error @ RollbackError::LaterWrites { .. })) => {
            Ok(Some(Rehearsal::Overtaken { version: published, by: error.to_string() }))
        }
        Some(Err(error)) => Err(RehearseError::Back(error)),
    }
}

fn go_forward((dataset, run): (&Dataset, RunId)) -> Result<(), RehearseError> {
    match roll_forward_many(&[(dataset, run)]).pop() {
        Some(Ok(Undo::Undone(_) | Undo::AlreadyUndone { .. })) => Ok(()),
        Some(Ok(Undo::NotCurrent { .. })) | None => Err(RehearseError::NotCurrent),
        Some(Err(error @ RollbackError::LaterWrites { .. })) => {
            Err(RehearseError::Disturbed(error.to_string()))
        }
        Some(Err(RollbackError::Damaged { version, path })) => {
            Err(RehearseError::NewDiffers { version, path })
        }
        Some(Err(error)) => Err(RehearseError::Forward(error)),
    }
}

/// The first file that is not what was recorded.
pub(crate) fn differing(proof: Proof) -> Option<String> {
    match proof {
        Proof::Intact(..) => None,
        Proof::Missing => Some("all of it".to_owned()),
        Proof::Damaged(path) => Some(path),
    }
}

impl History {
    /// How far the rehearsal of a run is that published over this version; nothing if it did not, or something came over it.
    fn far(&self, (run, base): (RunId, u64)) -> Option<Far> {
        let published = self.version(base.checked_add(1)?)?;
        let by_run = matches!(&published.kind, VersionKind::Published(facts) if facts.run == run);
        let (new, old) = (published.version, base);
        let after = |from: u64, content: u64| {
            let content = self.version(content).map(|version| version.content);
            let back = |version: &&std::sync::Arc<Version>| {
                matches!(version.kind, VersionKind::RolledBack { .. })
                    && version.version > from
                    && Some(version.content) == content
            };
            self.versions().iter().find(back).map(|version| version.version)
        };
        match after(new, old).map(|back| (back, after(back, new))) {
            _ if !by_run => None,
            None => self.is_current(new).then_some(Far::Published),
            Some((_, None)) => self.is_current(old).then_some(Far::Back),
            Some((back, Some(forward))) => self.is_current(new).then_some(Far::Forward { back, forward }),
        }
    }

    /// Whether a version that a run published was gone back from and did not come again.
    pub(crate) fn was_left(&self, version: u64) -> bool {
        let content = |version: u64| self.version(version).map(|version| version.content);
        let rolled = |content: Option<crate::Content>| {
            let last = self.versions().iter().rev().find(|later| {
                later.version > version
                    && matches!(later.kind, VersionKind::RolledBack { .. })
                    && Some(later.content) == content
            });
            last.map(|last| last.version)
        };
        let back = version.checked_sub(1).and_then(|before| rolled(content(before)));
        back.is_some() && rolled(content(version)) < back
    }
}
