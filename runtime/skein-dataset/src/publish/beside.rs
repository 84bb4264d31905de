//! Beside: a run's output becomes a new dataset next to the one that it read, which is not touched.
//!
//! ```text
//! prepare    the new dataset's state is made in the attempt's directory: its log holds one record, adopt, with what
//!            each file has been through and where it comes from; a note names the new dataset
//! barrier    staged files, that state, the note                                             (no lock held)
//! check      lock; head and files as pinned? else conflict
//! state      rename the state to .skein/<name>, which must not exist; sync .skein
//! data       rename the staged version to <name>, which must not exist: now it is there; sync the parent
//! done       of a single file alone: record the ctime that the rename gave it; sync the new log
//! ```
//!
//! | crash | `<name>` | `.skein/<name>` | recovery of the dataset that was read |
//! |---|---|---|---|
//! | before the state | - | - | sweeps the attempt's directory |
//! | before the data | - | ours | moves it back into the attempt's directory, sweeps that |
//! | after the data | complete | ours | sweeps the attempt's directory |
//!
//! Its state is there before the dataset is, so a dataset without the record of what made it is never seen. What is
//! in the way of either rename is somebody else's and stays.
//!
//! The log of the dataset that was read does not grow: it did not change. The new log says where it comes from.

use std::io::ErrorKind;
use std::path::PathBuf;

use cap_std::fs::Dir;
use rustix::fs::AtFlags;
use serde::{Deserialize, Serialize};
use skein_types::{Blake3, Code, RunId, codes};

use crate::crash_point;
use crate::dataset::{Dataset, PARTS, RUN_LOCK, State, StateError};
use crate::fault::{During as _, IoFault};
use crate::listing::FileStat;
use crate::log::record::{Body, Intent, Operation, Origin, Record};
use crate::log::{self, Sealed, file_name};
use crate::place::{Kind, STATE};
use crate::publish::batch::{self, Attempted, Ended};
use crate::publish::prepare;
use crate::publish::swap;
use crate::publish::{Outcome, Publish, PublishError};
use crate::recover;
use crate::staging::QUARANTINE;
use crate::store::barrier::Barrier;
use crate::store::lock::Lock;
use crate::store::{self, Node};

/// The note in the attempt's directory.
const NOTE: &str = "beside.json";
/// The new dataset's state while it is made, and again when it is taken back.
const MADE: &str = "state";
/// Largest note that is read.
const MAX_NOTE: u64 = 64 << 10;

/// The name of a dataset that is to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name(String);

/// Not the name of a dataset.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is not a name for a dataset: one file name without a slash or control characters that does not begin with -"
)]
pub struct BadName(String);

impl BadName {
    /// The code of this error.
    pub fn code(&self) -> Code {
        codes::USAGE
    }
}

impl std::str::FromStr for Name {
    type Err = BadName;

    fn from_str(text: &str) -> Result<Self, BadName> {
        let bad = matches!(text, "" | "." | ".." | STATE)
            // Commands would take it for an option, and terminals obey it.
            || text.starts_with('-')
            || text.contains(|c: char| c == '/' || c.is_control())
            || text.len() > 255;
        if bad { Err(BadName(text.to_owned())) } else { Ok(Self(text.to_owned())) }
    }
}

impl std::fmt::Display for Name {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// What recovery has to know of an attempt.
#[derive(Debug, Serialize, Deserialize)]
struct Note {
    name: String,
    run: RunId,
    new: Node,
    /// Of the bytes of the new log's only record.
    record: Blake3,
}

struct Prepared<'a> {
    publish: Publish<'a>,
    intent: Intent,
    made: Dir,
    record: Sealed,
}

/// Makes a staged run a dataset of its own. [`Outcome::Committed`] is about the new dataset.
pub fn beside<'a>(publish: Publish<'a>, name: &Name) -> Attempted<'a> {
    match try_beside(publish, &name.0) {
        Ok(outcome) => Attempted { answer: Ok(outcome), returned: None },
        Err(ended) => *ended,
    }
}

fn try_beside<'a>(publish: Publish<'a>, name: &str) -> Result<Outcome, Ended<'a>> {
    let dataset = publish.dataset;
    free(dataset, name).map_err(batch::failed)?;
    let mut prepared = Prepared::new(publish, name).map_err(batch::refuse)?;
    prepared.sync().map_err(batch::refuse)?;
    let state = dataset.state().expect("a run lock is taken in the dataset's state");
    crash_point!("beside.after-sync").during("publish", name).map_err(batch::failed)?;
    let lock = dataset.lock_publish(state).map_err(batch::failed)?;
    // Nobody takes the new dataset for a run before it is there.
    let _taken = Lock::try_take(&prepared.made, RUN_LOCK).map_err(batch::failed)?;
    prepared.publish = batch::unchanged(prepared.publish)?;
    let all = dataset.all().map_err(StateError::from).map_err(batch::failed)?;
    prepared.publish.staging.keep();
    let moved = prepared.rename((dataset, state), &all, name);
    drop(lock);
    match moved {
        Ok(true) => {
            if let Err(fault) = prepared.publish.staging.clear() {
                tracing::warn!(run = %prepared.publish.lock.run, error = %fault, "staged files left behind");
            }
            Ok(Outcome::Committed { version: 0 })
        }
        Ok(false) => {
            prepared.publish.staging.let_go();
            Err(batch::failed(PublishError::NameTaken { path: taken(dataset, name) }))
        }
        Err(fault) => Ok(batch::unknown_because(&fault)),
    }
}

/// Whether a dataset can be made under this name: a run that cannot end well need not begin.
pub fn check_free(dataset: &Dataset, name: &Name) -> Result<(), PublishError> {
    free(dataset, &name.0)
}

/// Where the state of a dataset lies that was made beside another, wherever that one has its own.
pub fn state_beside(dataset: &Dataset, name: &Name) -> PathBuf {
    dataset.path().with_file_name(STATE).join(&name.0)
}

/// Neither a dataset nor what is left of one has the name.
fn free(dataset: &Dataset, name: &str) -> Result<(), PublishError> {
    let parent = &dataset.place.parent;
    let state = format!("{STATE}/{name}");
    if store::node(parent, name)?.is_some() || store::node(parent, &state)?.is_some() {
        return Err(PublishError::NameTaken { path: taken(dataset, name) });
    }
    Ok(())
}

fn taken(dataset: &Dataset, name: &str) -> PathBuf {
    let there = dataset.path().with_file_name(name);
    // What cannot be looked at is in the way as well.
    match store::node(&dataset.place.parent, name) {
        Ok(None) => dataset.path().with_file_name(STATE).join(name),
        Ok(Some(_)) | Err(_) => there,
    }
}

impl<'a> Prepared<'a> {
    fn new(publish: Publish<'a>, name: &str) -> Result<Self, PublishError> {
        publish.staging.finish_dirs()?;
        let intent = prepare::intent(&publish, 0)?;
        let Operation::Publish(facts) = &intent.operation else {
            return Err(PublishError::Staged { problem: "only a run's output can be published".to_owned() });
        };
        let origin = Origin {
            dataset: publish.dataset.place.name.clone(),
            version: publish.snapshot.version(),
            facts: (**facts).clone(),
        };
        let (mut files, dirs, origin) = (intent.files.clone(), intent.dirs.clone(), Some(Box::new(origin)));
        if publish.dataset.place.kind == Kind::File {
            // A dataset that is a file has its name.
            files.iter_mut().for_each(|file| file.stat.path = name.to_owned());
        }
        let record = recover::seal(publish.dataset, None, Body::Adopt { files, dirs, origin })
            .map_err(StateError::from)?;
        let made = make_state(&publish, &record)?;
        let note = Note {
            name: name.to_owned(),
            run: publish.lock.run,
            new: intent.new,
            record: record.as_parent.blake3,
        };
        let note = serde_json::to_vec(&note).expect("a note holds only text and numbers");
        let attempt = &publish.staging.shared.dir;
        store::remove_tree(attempt, NOTE)?;
        store::write_new(attempt, NOTE, &note)?;
        Ok(Self { publish, intent, made, record })
    }

    fn sync(&self) -> Result<(), PublishError> {
        let mut barrier = Barrier::default();
        let shared = &self.publish.staging.shared;
        prepare::data(&self.publish, &self.intent, (0, &mut barrier))?;
        for name in PARTS.into_iter().chain([".", &format!("log/{}", file_name(self.record.number))]) {
            barrier.add(0, &self.made, name)?;
        }
        if let Some(quarantine) = swap::quarantine(&self.intent)
            && self.publish.staging.quarantined()
        {
            barrier.add(0, &self.made, quarantine)?;
        }
        for name in [NOTE, "."] {
            barrier.add(0, &shared.dir, name)?;
        }
        prepare::registration(&self.publish, (0, &mut barrier))?;
        let failed = barrier.wait(batch::SYNCS);
        failed.into_iter().next().map_or(Ok(()), |(_, fault)| Err(PublishError::from(fault)))?;
        self.publish.staging.note_synced();
        Ok(())
    }

    /// `false`: one of the names is taken, and nothing of ours is left there.
    fn rename(
        &self,
        (dataset, state): (&Dataset, &State),
        all: &Dir,
        name: &str,
    ) -> Result<bool, StateError> {
        let attempt = &self.publish.staging.shared.dir;
        let parent = &dataset.place.parent;
        if !store::rename_new(attempt, MADE, all, name)? {
            return Ok(false);
        }
        crash_point!("beside.after-state").during("publish", name)?;
        store::sync_dir(all, ".")?;
        let (dir, source) = swap::split(&state.root, &self.intent.source)?;
        if !store::rename_new(&dir, &source, parent, name)? {
            store::rename_new(all, name, attempt, MADE)?;
            return Ok(false);
        }
        crash_point!("beside.after-data").during("publish", name)?;
        store::sync_dir(parent, ".")?;
        crash_point!("beside.after-parent-sync").during("publish", name)?;
        if dataset.place.kind == Kind::File {
            self.note_ctime(parent, name)?;
        }
        Ok(true)
    }

    /// The rename has set the ctime of a single file: the new log says which, or its first run would take that for
    /// somebody's touch. Whoever dies before leaves a dataset that is complete.
    fn note_ctime(&self, parent: &Dir, name: &str) -> Result<(), StateError> {
        let stat = rustix::fs::statat(parent, name, AtFlags::SYMLINK_NOFOLLOW).during("look at", name)?;
        if (Node { dev: stat.st_dev, ino: stat.st_ino }) != self.intent.new {
            return Ok(());
        }
        let ctime_ns = Some(FileStat::new(name.to_owned(), &stat).ctime_ns);
        let (adopt, now) = (self.record.as_parent, self.publish.dataset.clock.now());
        let body = Body::Done { version: 0, ctime_ns };
        let log = self.made.open_dir("log").during("open", "log")?;
        let record = Record::new(adopt.number + 1, Some(adopt), now, body);
        Sealed::new(&record, self.publish.dataset.record_max)?.create(&log)?;
        Ok(store::sync_dir(&log, ".")?)
    }
}

/// The new dataset's state, in the attempt's directory; rejected rows are in its quarantine already.
fn make_state(publish: &Publish<'_>, record: &Sealed) -> Result<Dir, PublishError> {
    let shared = &publish.staging.shared;
    store::remove_tree(&shared.dir, MADE)?;
    store::ensure_dir(&shared.dir, MADE)?;
    let made = store::open_dir(&shared.dir, MADE)?;
    publish.dataset.take_over_mode(&made, MADE)?;
    for part in PARTS {
        store::ensure_dir(&made, part)?;
    }
    let log = made.open_dir("log").during("open", "log")?;
    store::write_new(&log, &file_name(record.number), &record.bytes)?;
    if publish.staging.quarantined() {
        let quarantine = made.open_dir("quarantine").during("open", "quarantine")?;
        let name = format!("{}.parquet", publish.lock.run);
        // A link and not a rename: a second try finds it where it was.
        shared.dir.hard_link(QUARANTINE, &quarantine, &name).during("link", QUARANTINE)?;
    }
    Ok(made)
}

/// Takes the state of a dataset back that an attempt was about to make and did not. The lock must be held.
pub(crate) fn take_back(dataset: &Dataset, state: &State, attempt: &str) -> Result<(), StateError> {
    let Some(dir) = below(&state.stage, attempt)? else { return Ok(()) };
    if store::node(&dir, NOTE)?.is_none() {
        return Ok(());
    }
    let bytes = store::read_bounded(&dir, NOTE, MAX_NOTE)?.unwrap_or_default();
    // Torn: the attempt died before its barrier, and nothing was moved.
    let Ok(note) = serde_json::from_slice::<Note>(&bytes) else { return Ok(()) };
    let parent = &dataset.place.parent;
    if store::node(parent, &note.name)? == Some(note.new) {
        return Ok(());
    }
    let all = dataset.all()?;
    if is_ours(&all, &note)? {
        store::rename_new(&all, &note.name, &dir, MADE)?;
    }
    Ok(())
}

/// A directory, if there is one. What cannot be opened for another reason may be ours: then nothing is swept.
fn below(dir: &Dir, path: &str) -> Result<Option<Dir>, IoFault> {
    match dir.open_dir(path) {
        Err(e) if matches!(e.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(None),
        other => other.during("open", path).map(Some),
    }
}

/// Whether a state is the one that the attempt made, and nobody has used it since.
fn is_ours(all: &Dir, note: &Note) -> Result<bool, StateError> {
    let Some(log) = below(all, &format!("{}/log", note.name))? else { return Ok(false) };
    let only = store::names(&log, "log")? == [file_name(0)];
    if !only {
        return Ok(false);
    }
    let bytes = store::read_bounded(&log, &file_name(0), log::MAX_RECORD)?.unwrap_or_default();
    Ok(Blake3::of(&bytes) == note.record)
}
