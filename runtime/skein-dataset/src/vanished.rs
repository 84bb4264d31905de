//! What is known of a run whose dataset is not where it was.
//!
//! A dataset can be away for a while: not mounted, or moved and about to come back. Then its log decides, when it is there
//! again, and whoever gives the run up before has said what may turn out wrong. So it is given up only if nothing of the
//! dataset can come back with the run in it: either its state lies here and says that the run has nothing under way, or the
//! states of this directory are here and that of the dataset is not among them.

use std::fs::Metadata;
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use cap_std::ambient_authority;
use cap_std::fs::Dir;
use skein_types::RunId;

use crate::log;
use crate::place::STATE;

/// What became of a run of a dataset that cannot be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remains {
    /// It is not known: something is there, or what was there may come back.
    Unclear,
    /// The dataset is gone, and the run was current as this version.
    Published {
        /// Which.
        version: u64,
    },
    /// The dataset is gone, and the run was never current and cannot be.
    Nothing,
}

/// Looks where a dataset was, by the real path that it had. Changes nothing and takes no lock: what it answers for sure
/// stays true.
pub fn remains(path: &Path, run: RunId) -> Remains {
    let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else { return Remains::Unclear };
    let all = parent.join(STATE);
    // An empty directory where something is mounted at other times has no states in it.
    if !is_missing(path) || !is_own_directory(&all) {
        return Remains::Unclear;
    }
    let own = all.join(name);
    if is_missing(&own) {
        return Remains::Nothing;
    }
    if !is_own_directory(&own) || !is_own_directory(&own.join("log")) {
        return Remains::Unclear;
    }
    let log = Dir::open_ambient_dir(own.join("log"), ambient_authority());
    let Some(history) = log.ok().and_then(|log| log::read(&log).ok()) else { return Remains::Unclear };
    match history.published_by(run) {
        Some(version) => Remains::Published { version },
        // Should the dataset come back the exchange will be brought to its end.
        None if history.unsettled().is_some() => Remains::Unclear,
        None => Remains::Nothing,
    }
}

fn is_missing(path: &Path) -> bool {
    path.symlink_metadata().is_err_and(|error| error.kind() == ErrorKind::NotFound)
}

/// A directory that nobody else could have made or can write.
fn is_own_directory(path: &Path) -> bool {
    let own = |found: &Metadata| found.uid() == 0 || found.uid() == rustix::process::geteuid().as_raw();
    path.symlink_metadata().is_ok_and(|found| found.is_dir() && own(&found) && found.mode() & 0o022 == 0)
}
