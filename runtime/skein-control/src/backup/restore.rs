//! A server's directory from a backup.
//!
//! Everything is checked before anything is made, and the directory is made aside: it is there whole or not at all. The
//! ledger that is made of the copy has a generation of its own, so what the old server gave its nodes is good for nothing in the new
//! one, and neither is what another one gave that was made of the same copy. Its first event is that it was restored, of what and by whom
//! (`server.restored`): it is in the directory before that has its name, so no server goes on behind a backup without it.
//!
//! Datasets went on after the copy was made. Their logs say so, and the new server heeds them as any server does: a run that
//! was published meanwhile is found done when its turn comes. Which those are is told here.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use skein_api::Time;
use skein_dataset::{Dataset, Options as DatasetOptions, Place, ProbeCache, VersionKind};
use skein_ledger::{Actor, DatasetFilter, Head, Ledger, Limit, Options, ServerRestored, Sqlite, Text, Unit};
use skein_types::{Blake3, Clock, RunId, RunState, ServerId, Timestamp, codes};
use uuid::Uuid;

use super::manifest::Manifest;
use super::{LEDGER, SERVER, aside, copy_file, failed, make_dir, sync, verify};
use crate::decide;
use crate::error::ServiceError;

/// Newer versions that are listed one by one.
const LISTED: usize = 1_000;

/// What was restored.
#[derive(Debug, Clone)]
pub struct Restored {
    /// Who it is.
    pub server: ServerId,
    /// When the backup was made.
    pub made: Time,
    /// The last event.
    pub position: u64,
    /// Its hash.
    pub hash: Blake3,
    /// Files that were put in place.
    pub files: u64,
    /// Whether the backup has the keys.
    pub keys: bool,
    /// Versions of datasets of which the restored ledger knows nothing; the first thousand.
    pub newer: Vec<NewerVersion>,
    /// How many there are.
    pub newer_count: u64,
    /// Datasets whose logs could not be read, so that it is not known.
    pub unread: u64,
}

/// A version that was published after the backup was made.
#[derive(Debug, Clone)]
pub struct NewerVersion {
    /// Of this dataset.
    pub dataset: String,
    /// Which.
    pub version: u64,
    /// The run that made it.
    pub run: RunId,
    /// When.
    pub at: Time,
}

/// Makes a server's directory, which must not be there or be empty, from a backup. If the backup has the keys, `take_keys` is
/// called before the directory is in its place: where they cannot be taken, all of it can be asked for again.
pub fn restore(
    backup: &Path,
    dir: &Path,
    clock: &Arc<dyn Clock>,
    take_keys: impl FnOnce() -> Result<(), ServiceError>,
) -> Result<Restored, ServiceError> {
    let refused = |why: &str| {
        ServiceError::new(codes::RESTORE_PLACE, format!("{} {why}", dir.display()))
            .hint(Some("name a directory that is not there yet, beside which you may write"))
    };
    let empty = match std::fs::read_dir(dir) {
        Ok(mut entries) => entries.next().is_none(),
        Err(error) => error.kind() == std::io::ErrorKind::NotFound,
    };
    if !empty {
        return Err(refused("is not empty"));
    }
    let parent = dir.parent().filter(|_| dir.is_absolute()).ok_or_else(|| refused("is no absolute path"))?;
    let manifest = Manifest::check(backup)?;
    let aside = aside(parent)?;
    for file in &manifest.files {
        let Some(path) = file.path.strip_prefix(SERVER).and_then(|path| path.strip_prefix('/')) else {
            continue;
        };
        let to = aside.path().join(path);
        to.parent().map_or(Ok(()), make_dir)?;
        copy_file(&backup.join(&file.path), &to)?;
        to.parent().map_or(Ok(()), sync)?;
    }
    let (ledger, head) =
        (aside.path().join(LEDGER), Head { position: manifest.position, hash: manifest.hash });
    verify(&ledger, head, clock)?;
    let mut restored = Restored {
        server: manifest.server,
        made: manifest.made,
        position: head.position,
        hash: head.hash,
        files: manifest.files.len() as u64,
        keys: manifest.keys,
        newer: Vec::new(),
        newer_count: 0,
        unread: 0,
    };
    let (_, chance) = Uuid::now_v7().as_u64_pair();
    Sqlite::set_apart(&ledger, clock.now().0 / 1_000, chance)?;
    restored.look_for_newer(&ledger, clock)?;
    restored.note(&ledger, backup, clock)?;
    verify(&ledger, head, clock)?;
    sync(aside.path())?;
    if manifest.keys {
        take_keys()?;
    }
    std::fs::rename(aside.path(), dir).map_err(|error| failed("name", dir, &error))?;
    // It has another name now, and is not to be removed.
    let _gone = aside.keep();
    sync(parent)?;
    Ok(restored)
}

impl Restored {
    /// Has it on record that this server was made of a backup.
    fn note(&self, ledger: &Path, backup: &Path, clock: &Arc<dyn Clock>) -> Result<(), ServiceError> {
        let ledger = Sqlite::open(ledger, Options { clock: Arc::clone(clock), notify: None })?;
        // Whoever may open these files is the one user of the machine.
        let local = Actor::new("local").map_err(|error| ServiceError::bug(error.to_string()))?;
        let restored = ServerRestored {
            backup: Text::clip(&backup.display().to_string()),
            made: self.made.0,
            position: self.position,
            hash: self.hash,
            with_keys: self.keys,
        };
        ledger.commit(vec![Unit::by(local).decide(restored)])?.iter().try_for_each(decide::done)
    }

    fn look_for_newer(&mut self, ledger: &Path, clock: &Arc<dyn Clock>) -> Result<(), ServiceError> {
        let ledger = Sqlite::open(ledger, Options { clock: Arc::clone(clock), notify: None })?;
        let (probes, mut after) = (Arc::<ProbeCache>::default(), None);
        loop {
            let page = ledger.datasets(&DatasetFilter::default(), after.as_ref(), Limit::MAX)?;
            for row in &page.items {
                let Some(versions) = published(row.location.as_str(), &probes, clock) else {
                    self.unread += 1;
                    continue;
                };
                for (version, run, at) in versions {
                    if knows(&ledger, run, at, self.made.0)? {
                        continue;
                    }
                    self.newer_count += 1;
                    if self.newer.len() < LISTED {
                        let dataset = row.name.as_str().to_owned();
                        self.newer.push(NewerVersion { dataset, version, run, at: Time(at) });
                    }
                }
            }
            match page.next {
                Some(next) => after = Some(next),
                None => return Ok(()),
            }
        }
    }
}

/// Whether the ledger knows that a run was published; what was before the backup and is not the server's it need not know.
fn knows(ledger: &Sqlite, run: RunId, at: Timestamp, made: Timestamp) -> Result<bool, ServiceError> {
    let state = ledger.run_named(run)?.map(|run| run.state);
    Ok(match state {
        None => at < made,
        Some(
            RunState::Published
            | RunState::Finalized
            | RunState::Reverting
            | RunState::Reverted
            | RunState::RevertFailed,
        ) => true,
        Some(
            RunState::Ineligible
            | RunState::Planned
            | RunState::Held
            | RunState::Intended
            | RunState::Failed
            | RunState::Skipped
            | RunState::Stale
            | RunState::Cancelled,
        ) => false,
    })
}

/// Versions that runs have published; none, if the log cannot be read now.
fn published(
    location: &str,
    probes: &Arc<ProbeCache>,
    clock: &Arc<dyn Clock>,
) -> Option<Vec<(u64, RunId, Timestamp)>> {
    let place = Place::resolve(Path::new(location)).ok()?;
    let options = DatasetOptions { lock_wait: Duration::ZERO, threads: 1, probes: Arc::clone(probes) };
    let history = Dataset::open(place, Arc::clone(clock), options).ok()?.history().ok()?;
    let versions = history.versions().iter().filter_map(|version| match &version.kind {
        VersionKind::Published(facts) => Some((version.version, facts.run, version.time)),
        VersionKind::Adopted
        | VersionKind::Beside(_)
        | VersionKind::Observed { .. }
        | VersionKind::RolledBack { .. } => None,
    });
    Some(versions.collect())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::Ordering;

    use skein_ledger::{Ledger as _, Options, Sqlite};
    use skein_types::Clock;

    use super::restore;
    use crate::scene::{HandClock, open, running};

    /// What a server goes by that was made of the copy when it was that time.
    fn restored(place: &std::path::Path, at: u64) -> u64 {
        let (clock, dir) = (HandClock::default(), place.join(format!("server-{at}")));
        clock.0.store(at, Ordering::SeqCst);
        let clock: Arc<dyn Clock> = Arc::new(clock);
        restore(&place.join("copy"), &dir, &clock, || Ok(())).unwrap();
        let options = Options { clock: Arc::clone(&clock), notify: None };
        Sqlite::open(&dir.join("ledger"), options).unwrap().generation().unwrap()
    }

    #[test]
    fn servers_that_are_made_of_one_copy_do_not_take_what_the_others_gave() {
        let place = tempfile::tempdir().unwrap();
        let control = open(&place.path().join("server"), &Arc::new(HandClock::default()));
        running(&control);
        let ask = serde_json::json!({ "to": place.path().join("copy") });
        control.back_up(control.everybody(), &serde_json::from_value(ask).unwrap()).unwrap();
        let old = control.ledger.generation().unwrap();
        // The clock of the third machine is far behind.
        let all = [1_800_000_000_000, 1_800_000_001_000, 1_000].map(|at| restored(place.path(), at));
        assert!(all.iter().all(|generation| *generation > old), "{all:?} after {old}");
        assert!(all[0] != all[1] && all[1] != all[2] && all[0] != all[2], "{all:?}");
        // And of a copy that is later than the clock.
        let ledger = place.path().join("server-1800000000000/ledger");
        let again = [3, 4].map(|chance| Sqlite::set_apart(&ledger, 1, chance).unwrap());
        assert_eq!(again, [all[0] + 4, all[0] + 9]);
    }
}
