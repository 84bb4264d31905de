//! A dataset at its place with its state: log, locks, staged, kept and quarantined files.
//!
//! Two locks. `run.lock` says that a run is at work, from pin to publish; it keeps a second run away and tells the
//! sweeper which staged files are nobody's. `lock` is held for the moments in which records are created and names
//! exchanged, by whoever does that: publish, rollback, recovery. Who holds it re-reads log and inodes first.
//!
//! Runs of a dataset that a server [manages](crate::managed) do without the first: the server's ledger fences them.

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use cap_std::fs::Dir;
use rustix::fs::{AtFlags, Mode};
use rustix::io::Errno;
use skein_types::{AttemptId, Clock, Code, ErrorClass, RunId, ServerId, codes};

use crate::crash_point;
use crate::fault::{During as _, IoFault};
use crate::log::machine::{History, Version};
use crate::log::record::Refusal;
use crate::log::{self, LogError};
use crate::managed::Manager;
use crate::place::probe::ProbeCache;
use crate::place::state::StateSite;
use crate::place::{Kind, Place, PlaceError, STATE};
use crate::recover;
use crate::staging::QUARANTINE;
use crate::store;
use crate::store::lock::{self, Lock};

pub(crate) const RUN_LOCK: &str = "run.lock";
const LOCK: &str = "lock";
const QUARANTINED: &str = "quarantine";
pub(crate) const PARTS: [&str; 4] = ["log", "stage", "kept", QUARANTINED];

/// How a process works on datasets.
#[derive(Clone, Debug)]
pub struct Options {
    /// How long publish, rollback and recovery wait for each other.
    pub lock_wait: Duration,
    /// Threads for hashing.
    pub threads: usize,
    /// Shared by all datasets of the process.
    pub probes: Arc<ProbeCache>,
}

/// A dataset. Cheap to open; nothing is written before [`Dataset::lock_run`].
#[derive(Debug)]
pub struct Dataset {
    pub(crate) place: Place,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) options: Options,
    /// Set by whoever wants the run to stop.
    pub(crate) stop: Arc<AtomicBool>,
    /// Bytes of a record of its log.
    pub(crate) record_max: u64,
    /// On whose behalf it was opened.
    pub(crate) server: Option<ServerId>,
    state: OnceLock<State>,
}

/// The directories of a dataset's state.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) root: Dir,
    pub(crate) log: Dir,
    pub(crate) stage: Dir,
    pub(crate) kept: Dir,
}

/// Held while a run is at work on a dataset.
#[derive(Debug)]
pub struct RunLock {
    /// Whose.
    pub run: RunId,
    pub(crate) fence: Fence,
}

/// What keeps a run from another one's way.
#[derive(Debug)]
pub(crate) enum Fence {
    /// No other is at work while this is held.
    Lock { _lock: Lock },
    /// Others may be, and cannot become current: the server knows which attempt may.
    Ledger(AttemptId),
}

/// A dataset's state cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// Another run is at work.
    #[error("{holder} is at work on this dataset")]
    Locked {
        /// Run and process, as the holder noted them.
        holder: String,
    },
    /// A server manages the dataset, and this was not opened for it.
    #[error("the dataset is managed by {} at {}", .0.server, .0.address)]
    Managed(Manager),
    /// Something says that a server manages the dataset, and not which.
    #[error("the dataset is managed by a server, and managed.json, which says by which, {problem}")]
    Marker {
        /// What is the matter with it.
        problem: String,
    },
    /// The server for which this was opened does not manage the dataset, or it was opened for none.
    #[error("{} the dataset", match server { Some(server) => format!("{server} does not manage"), None => "no server manages".to_owned() })]
    NotManaged {
        /// Which.
        server: Option<ServerId>,
    },
    /// A publish or rollback of a managed dataset is under way.
    #[error("a publish or rollback is under way")]
    Unsettled,
    /// Another publish, rollback or recovery did not end in time.
    #[error("another publish, rollback or recovery did not end within {waited:?}")]
    Busy {
        /// [`Options::lock_wait`].
        waited: Duration,
    },
    /// An exchange is under way and the names stand for things that the log does not know. Nothing was touched.
    #[error("the dataset was replaced during an exchange: {found}")]
    Replaced {
        /// What was found where.
        found: String,
    },
    /// Something in the state has a name that only we give, under a lock that we have.
    #[error("{name} exists already in the dataset's state")]
    Exists {
        /// Which.
        name: String,
    },
    /// A file does not hold still.
    #[error("{path} changes while it is copied")]
    Changing {
        /// Which.
        path: String,
    },
    /// Another user's exchange is under way, and the system does not let this one finish it.
    #[error("another user's exchange cannot be finished: {refusal}")]
    NotOurs {
        /// What the system said.
        refusal: Refusal,
    },
    /// The system does not let anybody like this user do what is left of an exchange.
    #[error("an exchange cannot be finished: {refusal}")]
    Unfinished {
        /// What the system said.
        refusal: Refusal,
    },
    /// The place is not fit.
    #[error(transparent)]
    Place(#[from] PlaceError),
    /// The log is not fit.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The system said no.
    #[error(transparent)]
    Io(#[from] IoFault),
}

impl StateError {
    /// The code of this error.
    pub fn code(&self) -> Code {
        match self {
            Self::Locked { .. } | Self::Busy { .. } | Self::Unsettled | Self::Exists { .. } => {
                codes::DATASET_LOCKED
            }
            Self::Managed(_) | Self::Marker { .. } => codes::DATASET_MANAGED,
            Self::NotManaged { .. } => codes::DATASET_NOT_MANAGED,
            Self::Replaced { .. } | Self::Changing { .. } => codes::DATASET_DRIFT,
            Self::NotOurs { refusal } | Self::Unfinished { refusal } => refusal.code(),
            Self::Place(e) => e.code(),
            Self::Log(e) => e.code(),
            Self::Io(e) => e.code(),
        }
    }

    /// Blame.
    pub fn class(&self) -> ErrorClass {
        self.code().class
    }

    /// What a person can do about it.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Locked { .. } => Some("wait for it, or end that process: its lock ends with it"),
            Self::Managed(_) => {
                Some("ask that server for it, or have it give the dataset back; looking is not refused")
            }
            Self::Marker { .. } => Some("put that file back; without it nobody knows which server to ask"),
            Self::NotManaged { .. } => Some("have the server take it over"),
            Self::Replaced { .. } => Some("put the old or the new directory back in place, then recover"),
            Self::Exists { .. } => Some(
                "something else than Skein writes there, or does not see our locks: stop it, run `skein recover`, try again",
            ),
            Self::Changing { .. } => Some("try again when whoever writes it is done"),
            Self::Unfinished { refusal } => Some(refusal.hint()),
            Self::NotOurs { .. } => Some("recover as the user who began it, or as root"),
            Self::Place(e) => e.hint(),
            Self::Io(e) => e.hint(),
            Self::Log(e) => e.hint(),
            Self::Busy { .. } | Self::Unsettled => None,
        }
    }
}

impl Dataset {
    /// The dataset at a place, registered or not.
    pub fn open(place: Place, clock: Arc<dyn Clock>, options: Options) -> Result<Self, StateError> {
        let (stop, record_max) = (Arc::default(), log::MAX_RECORD);
        let dataset = Self { place, clock, options, stop, record_max, server: None, state: OnceLock::new() };
        if dataset.place.is_registered() {
            dataset.attach()?;
        }
        Ok(dataset)
    }

    /// What copies or hashes files of this dataset ends with `SK0002` soon after `stop` is set. Between the intent of a
    /// publish or rollback and its end nothing looks at it.
    #[must_use]
    pub fn stopped_by(self, stop: Arc<AtomicBool>) -> Self {
        Self { stop, ..self }
    }

    /// Refuses to write records of more bytes than this, instead of what can be read.
    #[must_use]
    pub fn with_records_up_to(self, record_max: u64) -> Self {
        Self { record_max: record_max.min(log::MAX_RECORD), ..self }
    }

    /// Works on this dataset on behalf of a server, which must [manage](crate::managed) it by the time that anything is to
    /// be changed.
    #[must_use]
    pub fn managed_by(self, server: ServerId) -> Self {
        Self { server: Some(server), ..self }
    }

    /// Where the dataset is.
    pub fn path(&self) -> PathBuf {
        self.place.path()
    }

    /// Directory or file.
    pub fn kind(&self) -> Kind {
        self.place.kind
    }

    /// Where its state is.
    pub fn state_path(&self) -> PathBuf {
        self.place.state_path().to_owned()
    }

    /// Where the version lies that a run holds, for reading; `None` if it holds none.
    pub fn held_path(&self, run: RunId) -> Result<Option<PathBuf>, LogError> {
        let history = self.history()?;
        Ok(history.held_by(run).map(|held| self.state_path().join(&held.hold.source)))
    }

    /// Where the rejects of a run lie that holds a version.
    pub fn held_rejects(&self, run: RunId) -> Result<Option<PathBuf>, LogError> {
        let path = self.held_path(run)?;
        let attempt = path.as_deref().and_then(|path| path.ancestors().nth(2));
        Ok(attempt.map(|attempt| attempt.join(QUARANTINE)).filter(|path| path.exists()))
    }

    /// Whether a run has taken the dataset before, also one that came after this was opened. Until then nothing of Skein
    /// is beside it.
    pub fn is_registered(&self) -> bool {
        self.state().is_some() || self.place.is_registered()
    }

    /// Reads and checks the whole log. Empty for a dataset that no run has touched.
    pub fn history(&self) -> Result<History, LogError> {
        self.state().map_or_else(|| Ok(History::default()), |state| log::read(&state.log))
    }

    /// The current version by the log; `None` for a dataset that no run has published to.
    pub fn head(&self) -> Result<Option<Arc<Version>>, LogError> {
        Ok(self.history()?.head().cloned())
    }

    /// Takes the dataset for a run: registers it the first time, finishes or undoes what a dead process left, removes
    /// staged files of dead attempts.
    pub fn lock_run(&self, run: RunId) -> Result<RunLock, StateError> {
        let lock = self.keep_runs_away(&run.to_string())?;
        recover::settle_and_sweep(self)?;
        Ok(RunLock { run, fence: Fence::Lock { _lock: lock } })
    }

    /// Begins an attempt of a run on a dataset that the server manages for which this was opened. Nobody is kept away, and
    /// nothing that others left is settled or swept: that is the server's.
    pub fn attempt(&self, run: RunId, attempt: AttemptId) -> Result<RunLock, StateError> {
        let not_managed = StateError::NotManaged { server: self.server };
        let state = match self.state() {
            Some(state) => state,
            None if self.place.is_registered() => self.attach()?,
            None => return Err(not_managed),
        };
        self.check_manager(state)?;
        if self.server.is_none() {
            return Err(not_managed);
        }
        Ok(RunLock { run, fence: Fence::Ledger(attempt) })
    }

    /// The run lock for what is not a run and must not meet one. `what` is noted for whoever is kept away.
    pub(crate) fn keep_runs_away(&self, what: &str) -> Result<Lock, StateError> {
        let state = self.register()?;
        let Some(mut lock) = Lock::try_take(&state.root, RUN_LOCK)? else {
            return Err(StateError::Locked { holder: lock::read_note(&state.root, RUN_LOCK)? });
        };
        lock.note(&format!("{what} (process {})", rustix::process::getpid().as_raw_nonzero()))?;
        Ok(lock)
    }

    pub(crate) fn state(&self) -> Option<&State> {
        self.state.get()
    }

    /// The run lock if nobody has it, for sweeping.
    pub(crate) fn idle(&self, state: &State) -> Result<Option<Lock>, IoFault> {
        Lock::try_take(&state.root, RUN_LOCK)
    }

    /// The lock under which records are created and names exchanged, for who may do that.
    pub(crate) fn lock_publish(&self, state: &State) -> Result<Lock, StateError> {
        let lock = self.take_lock(state)?;
        self.check_manager(state)?;
        Ok(lock)
    }

    /// The same lock, whoever manages the dataset.
    pub(crate) fn take_lock(&self, state: &State) -> Result<Lock, StateError> {
        let waited = self.options.lock_wait;
        let lock = Lock::take(&state.root, LOCK, &*self.clock, waited)?.ok_or(StateError::Busy { waited })?;
        // Of a dataset that was moved and its copy the first one has the state.
        self.place.claim(&state.root)?;
        Ok(lock)
    }

    /// Opens the state, making it first if it is not there. Beside the dataset nothing is synced: the first publish
    /// takes that along. Under a lock beside the dataset, also for a state elsewhere: two first runs would probe
    /// through the same names, or begin two logs.
    fn register(&self) -> Result<&State, StateError> {
        if let Some(state) = self.state() {
            return Ok(state);
        }
        crash_point!("register.before-probe").during("register", STATE)?;
        let place = &self.place;
        store::ensure_dir(&place.parent, STATE)?;
        let all = self.all()?;
        let beside = self.own_dir(&all, &place.name, &place.beside())?;
        let waited = self.options.lock_wait;
        let held = Lock::take(&beside, LOCK, &*self.clock, waited)?.ok_or(StateError::Busy { waited })?;
        place.refuse_other_state()?;
        match &place.site {
            StateSite::Beside => self.make_parts(&beside)?,
            StateSite::Chosen { dir, leaf } => {
                let dir = place.open_chosen(dir)?;
                let root = self.own_dir(&dir, leaf, place.state_path())?;
                place.is_owner(&root)?;
                self.make_parts(&root)?;
                place.point(&root, &dir, &beside)?;
                store::sync_dir(&all, ".")?;
                store::sync_dir(&place.parent, ".")?;
            }
        }
        drop(held);
        crash_point!("register.after-place").during("register", STATE)?;
        self.attach()
    }

    fn make_parts(&self, root: &Dir) -> Result<(), StateError> {
        self.options.probes.check(root, self.place.dev)?;
        for part in PARTS.iter().rev() {
            // `log` last: it marks a registered dataset.
            store::ensure_dir(root, part)?;
        }
        Ok(())
    }

    /// `.skein` in the parent, which must be there.
    pub(crate) fn all(&self) -> Result<Dir, PlaceError> {
        let gone = || IoFault { action: "open", path: STATE.to_owned(), source: Errno::NOENT.into() };
        Ok(self.place.open_all()?.ok_or_else(gone)?)
    }

    /// A directory for this dataset's state or the pointer to it. Until it has its mode it is this user's alone; who
    /// died before that comes back to it.
    fn own_dir(&self, holder: &Dir, name: &str, path: &Path) -> Result<Dir, StateError> {
        match rustix::fs::mkdirat(holder, name, Mode::RWXU) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(other) => Err(other).during("create", name)?,
        }
        let gone = || IoFault { action: "open", path: name.to_owned(), source: Errno::NOENT.into() };
        let own = self.place.open_own(holder, name, path)?.ok_or_else(gone)?;
        if !self.place.is_taken(&own)? {
            self.take_over_mode(&own, name)?;
        }
        Ok(own)
    }

    fn attach(&self) -> Result<&State, StateError> {
        let root = self.place.open_state()?;
        let shown = || self.place.state_path().display().to_string();
        let stat = rustix::fs::fstat(&root).during("look at", shown())?;
        if stat.st_dev != self.place.dev || !self.place.shares_mount_with(&root)? {
            let problem = "is on another device or mount than the dataset";
            return Err(PlaceError::StatePlace { path: self.state_path(), problem }.into());
        }
        let part = |name: &str| self.place.open_part(&root, name);
        self.place.is_owner(&root)?;
        let (log, stage, kept) = (part("log")?, part("stage")?, part("kept")?);
        drop(part(QUARANTINED)?);
        let state = State { log, stage, kept, root };
        Ok(self.state.get_or_init(|| state))
    }

    /// Who may read the dataset may read its state, where old versions and rejected rows lie, and nobody else.
    pub(crate) fn take_over_mode(&self, own: &Dir, shown: &str) -> Result<(), IoFault> {
        let made = rustix::fs::fstat(own).during("look at", shown)?;
        if made.st_uid != rustix::process::geteuid().as_raw() {
            return Ok(());
        }
        // Set-gid of the directory above is how a group shares what its members make.
        let mode = self.state_mode()? | (Mode::from_raw_mode(made.st_mode) & Mode::SGID);
        store::set_dir_mode(own, mode, shown)
    }

    /// The mode of a state that those may enter who may read the dataset.
    fn state_mode(&self) -> Result<Mode, IoFault> {
        let name = &self.place.name;
        let stat = rustix::fs::statat(&self.place.parent, name, AtFlags::SYMLINK_NOFOLLOW)
            .during("look at", name)?;
        let mode = match self.place.kind {
            Kind::Directory => stat.st_mode & 0o777,
            Kind::File => (stat.st_mode & 0o666) | ((stat.st_mode & 0o444) >> 2),
        };
        Ok(Mode::from_raw_mode(mode | 0o700))
    }
}
