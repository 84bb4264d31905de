//! Holding: a run's output is finished and waits below the state, for its owner to look at, until
//! [`publish_held`](crate::publish_held) makes it current or [`discard`](crate::discard) gives it up.
//!
//! ```text
//! prepare    as for a publish, with a hold record in place of intent and commit
//! barrier    staged files and directories, records                                        (no lock held)
//! announce   lock; head and files as pinned? else conflict; create [adopt | observe]
//! move       the attempt's directory from stage to held/<run>; sync held and stage
//! record     create hold; sync the log; unlock
//! ```
//!
//! | crash | log ends with | files in | recovery |
//! |---|---|---|---|
//! | before the move | whatever was, adopt or observe | stage | sweeps the attempt's directory |
//! | before the record | the same | held | sweeps it there: nobody was told that it is held |
//! | after the record | hold | held | nothing to do |
//!
//! The record comes last, because a record that names files which may not be there would lose a version. Giving up is
//! the other way round: the record first, and what is in `held` without one is nobody's.

use cap_std::fs::Dir;

use crate::crash_point;
use crate::dataset::{Dataset, State, StateError};
use crate::fault::{During as _, IoFault};
use crate::given_up::{self, GivenUp};
use crate::log::machine::Held;
use crate::log::record::{Body, Hold, Intent, Operation};
use crate::log::{Sealed, file_name};
use crate::publish::batch::{self, Attempted, Ended};
use crate::publish::prepare::{self, BASE_RECORD, Base, Chain, INTENT_RECORD};
use crate::publish::{Outcome, Publish, PublishError};
use crate::staging::DATA;
use crate::store;
use crate::store::barrier::Barrier;

/// Directory below the state for what is held, one entry per run.
pub(crate) const HELD: &str = "held";

struct Prepared<'a> {
    publish: Publish<'a>,
    /// The exchange that would make it current now; describes what is staged.
    intent: Intent,
    base: Base,
    record: Sealed,
}

/// Keeps a staged run for later. Answers as [`publish_many`](crate::publish_many) does, with [`Outcome::Held`].
pub fn hold(publish: Publish<'_>) -> Attempted<'_> {
    match try_hold(publish) {
        Ok(outcome) => Attempted { answer: Ok(outcome), returned: None },
        Err(ended) => *ended,
    }
}

fn try_hold(publish: Publish<'_>) -> Result<Outcome, Ended<'_>> {
    let mut prepared = Prepared::new(publish).map_err(batch::refuse)?;
    prepared.sync().map_err(batch::refuse)?;
    let dataset = prepared.publish.dataset;
    let name = &dataset.place.name;
    crash_point!("hold.after-sync").during("hold", name).map_err(batch::failed)?;
    let state = prepared.state();
    let lock = dataset.lock_publish(state).map_err(batch::failed)?;
    prepared.publish = batch::unchanged(prepared.publish)?;
    let attempt = &prepared.publish.staging.shared.dir;
    if let Some(base) = &prepared.base.record {
        let linked = store::rename_new(attempt, BASE_RECORD, &state.log, &file_name(base.number));
        if !linked.map_err(batch::failed)? {
            return Err(batch::conflict(crate::Conflict::HeadMoved));
        }
    }
    prepared.publish.staging.keep();
    let recorded = prepared.record(state);
    drop(lock);
    match recorded {
        Ok(()) => Ok(Outcome::Held { base: prepared.base.version }),
        Err(e) => Ok(batch::unknown_because(&e)),
    }
}

impl<'a> Prepared<'a> {
    fn new(publish: Publish<'a>) -> Result<Self, PublishError> {
        publish.snapshot.hash(publish.dataset)?;
        publish.staging.finish_dirs()?;
        let mut chain = Chain::after(publish.dataset, publish.snapshot.last);
        let base = Base::of(&publish.snapshot, &mut chain)?;
        let intent = prepare::intent(&publish, base.version)?;
        let record = chain.seal(Body::Hold(Box::new(held(&publish, &intent)?)))?;
        prepare::write_records(&publish.staging.shared.dir, &base, &record)?;
        Ok(Self { publish, intent, base, record })
    }

    fn sync(&self) -> Result<(), PublishError> {
        let mut barrier = Barrier::default();
        prepare::staged(&self.publish, &self.intent, &self.base, (0, &mut barrier))?;
        let failed = barrier.wait(batch::SYNCS);
        failed.into_iter().next().map_or(Ok(()), |(_, fault)| Err(PublishError::from(fault)))?;
        self.publish.staging.note_synced();
        Ok(())
    }

    fn state(&self) -> &'a State {
        self.publish.dataset.state().expect("a run lock is taken in the dataset's state")
    }

    fn record(&self, state: &State) -> Result<(), StateError> {
        let (shared, run) = (&self.publish.staging.shared, self.publish.lock.run.to_string());
        let name = &self.publish.dataset.place.name;
        store::ensure_dir(&state.root, HELD)?;
        // Also if it was there: whoever made it may have died before this.
        store::sync_dir(&state.root, ".")?;
        let held = state.root.open_dir(HELD).during("open", HELD)?;
        // Whoever may enter the state may look at what is held there; its files have the modes of their sources.
        let mode = rustix::fs::Mode::from_raw_mode(0o755);
        store::set_dir_mode(&shared.dir, mode, &shared.name)?;
        if !store::rename_new(&state.stage, &shared.name, &held, &run)? {
            return Err(StateError::Exists { name: format!("{HELD}/{run}") });
        }
        crash_point!("hold.after-move").during("hold", name)?;
        store::sync_dir(&held, ".")?;
        store::sync_dir(&state.stage, ".")?;
        if !store::rename_new(&shared.dir, INTENT_RECORD, &state.log, &file_name(self.record.number))? {
            return Err(StateError::Exists { name: format!("record {}", self.record.number) });
        }
        crash_point!("hold.after-record").during("hold", name)?;
        Ok(store::sync_dir(&state.log, ".")?)
    }
}

fn held(publish: &Publish<'_>, intent: &Intent) -> Result<Hold, PublishError> {
    let Operation::Publish(facts) = &intent.operation else {
        return Err(PublishError::Staged { problem: "only a run's output can be held".to_owned() });
    };
    Ok(Hold {
        facts: (**facts).clone(),
        base: intent.base,
        new: intent.new,
        source: format!("{HELD}/{}/{DATA}/{}", publish.lock.run, publish.dataset.place.name),
        files: intent.files.clone(),
        dirs: intent.dirs.clone(),
    })
}

/// Moves what others wrote into a version that was held and is given up; answers where it is now, below the state.
pub(crate) fn set_aside(
    dataset: &Dataset,
    state: &State,
    (all, held): (&Dir, &Held),
    number: u64,
) -> Result<Vec<String>, StateError> {
    let path = format!("{}/{DATA}", held.hold.facts.run);
    let dir = match all.open_dir(&path) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other.during("open", &path)?,
    };
    let name = dataset.place.name.as_str();
    given_up::set_aside(dataset, state, &GivenUp { dir: &dir, name, files: &held.hold.files, number })
}

/// The directory, if anything was ever held.
pub(crate) fn open(state: &State) -> Result<Option<Dir>, IoFault> {
    match state.root.open_dir(HELD) {
        Ok(dir) => Ok(Some(dir)),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(e).during("open", HELD),
    }
}
