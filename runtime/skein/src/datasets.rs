//! Opening datasets the way this machine works on them.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use skein_dataset::{Dataset, NO_STATE, Options, Place, PlaceError, ProbeCache, StateError};
use skein_types::{Clock, codes};

use crate::failure::{CommandResult, Failure};
use crate::settings::{Settings, States};

/// How long a publish, rollback or recovery waits for another one on the same dataset.
const LOCK_WAIT: Duration = Duration::from_secs(30);

/// The dataset at a path, with its state where the settings say.
pub(crate) fn open(
    settings: &Settings,
    path: &Path,
    clock: Arc<dyn Clock>,
    threads: usize,
) -> Result<Dataset, Failure> {
    open_with(settings, path, (clock, threads), &Arc::default())
}

/// One of many datasets, which share what is known of their file systems.
pub(crate) fn open_with(
    settings: &Settings,
    path: &Path,
    (clock, threads): (Arc<dyn Clock>, usize),
    probes: &Arc<ProbeCache>,
) -> Result<Dataset, Failure> {
    let place = Place::resolve(path).and_then(|place| with_state(settings, place));
    let place = place.map_err(|error| from_place(&error))?;
    Dataset::open(place, clock, options(threads, probes)).map_err(|error| from_state(&error))
}

/// How this machine works on datasets.
pub(crate) fn options(threads: usize, probes: &Arc<ProbeCache>) -> Options {
    Options { lock_wait: LOCK_WAIT, threads, probes: Arc::clone(probes) }
}

/// The place with its state where the settings say.
pub(crate) fn with_state(settings: &Settings, place: Place) -> Result<Place, PlaceError> {
    match settings.states_for(&place.path()) {
        Some(States::Asked(states)) => place.with_states_in(states),
        // What has a state keeps it, wherever it came from: a rule is about those that have none.
        Some(States::Rule(states)) if !place.is_registered() => place.with_states_in(states),
        Some(States::Rule(_)) | None => Ok(place),
    }
}

/// Refuses what no run has taken yet, where a command is about what runs left.
pub(crate) fn with_history(dataset: &Dataset) -> CommandResult {
    if dataset.is_registered() {
        return Ok(());
    }
    let text = format!("{} has no history", dataset.path().display());
    Err(Failure::text(codes::NO_HISTORY, text).hint(Some(NO_STATE)))
}

/// Workers for this machine.
pub(crate) fn default_threads() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

pub(crate) fn from_place(error: &PlaceError) -> Failure {
    let failure = Failure::new(error.code(), error).hint(error.hint());
    if let PlaceError::NotFound { path } = error {
        return failure.hint(instead_of(&path.to_string_lossy()));
    }
    failure
}

/// What other tools would take for a dataset.
fn instead_of(path: &str) -> Option<&'static str> {
    if path.contains("://") {
        return Some("local files only: copy it here, or mount it");
    }
    path.contains(['*', '?', '[']).then_some("give the directory, and --include for a part of its files")
}

pub(crate) fn from_state(error: &StateError) -> Failure {
    Failure::new(error.code(), error).hint(error.hint())
}
