//! What is about to be made current, wherever it comes from: the batch treats all alike but for what becomes of it when it
//! is not.

use cap_std::fs::Dir;
use skein_types::RunId;

use crate::fault::IoFault;
use crate::publish::Publish;
use crate::store;

/// Where a version comes from.
#[derive(Debug)]
pub(crate) enum Source<'a> {
    /// A run of this process staged it. If it does not become current it is given back or removed.
    Run(Box<Publish<'a>>),
    /// An attempt of another process handed it over. If it does not become current it stays until its server removes it.
    Handed(Shell),
    /// It is kept, and stays so if it does not become current.
    Kept(Shell),
}

/// A directory below `stage` in which records wait.
#[derive(Debug)]
pub(crate) struct Shell {
    /// What for.
    pub(crate) run: RunId,
    pub(crate) stage: Dir,
    pub(crate) name: String,
    pub(crate) dir: Dir,
}

impl Shell {
    fn remove(&self) -> Result<(), IoFault> {
        store::remove_tree(&self.stage, &self.name)
    }
}

impl<'a> Source<'a> {
    fn run(&self) -> RunId {
        match self {
            Self::Run(publish) => publish.lock.run,
            Self::Handed(shell) | Self::Kept(shell) => shell.run,
        }
    }

    /// Where its records wait.
    pub(crate) fn dir(&self) -> &Dir {
        match self {
            Self::Run(publish) => &publish.staging.shared.dir,
            Self::Handed(shell) | Self::Kept(shell) => &shell.dir,
        }
    }

    /// A barrier has synced all of it.
    pub(crate) fn note_synced(&self) {
        match self {
            Self::Run(publish) => publish.staging.note_synced(),
            Self::Handed(_) | Self::Kept(_) => {}
        }
    }

    /// From here on its files may be part of the dataset.
    pub(crate) fn keep(&self) {
        match self {
            Self::Run(publish) => publish.staging.keep(),
            Self::Handed(_) | Self::Kept(_) => {}
        }
    }

    /// It is known again that they are not: the run, which may try again.
    pub(crate) fn give_back(self) -> Option<Publish<'a>> {
        match self {
            Self::Run(publish) => {
                publish.staging.let_go();
                Some(*publish)
            }
            Self::Handed(_) | Self::Kept(_) => None,
        }
    }

    /// Removes what is left of it where it did not become current and will not.
    pub(crate) fn give_up(&self) {
        match self {
            Self::Run(_) | Self::Kept(_) => self.clear(),
            Self::Handed(_) => {}
        }
    }

    /// Removes what is left of it. The outcome stands whether or not this works; a sweep removes what it leaves.
    pub(crate) fn clear(&self) {
        let cleared = match self {
            Self::Run(publish) => publish.staging.clear(),
            Self::Handed(shell) | Self::Kept(shell) => shell.remove(),
        };
        if let Err(fault) = cleared {
            tracing::warn!(run = %self.run(), error = %fault, "staged files left behind");
        }
    }
}
