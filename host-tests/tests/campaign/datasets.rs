//! What became of datasets, read from their own logs and files.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use host_tests::fixture;
use host_tests::guard::state_directory;
use host_tests::service::Service;
use skein_dataset::{Dataset, History, Options, Place, ProbeCache, VersionKind};
use skein_types::SystemClock;

/// The folded log of a dataset.
pub(crate) fn history(path: &Path) -> History {
    let place = Place::resolve(path).unwrap();
    let options = Options { lock_wait: Duration::ZERO, threads: 1, probes: Arc::new(ProbeCache::default()) };
    Dataset::open(place, Arc::new(SystemClock::start()), options).unwrap().history().unwrap()
}

/// How many versions of a dataset runs have published, and how many were put back.
pub(crate) fn versions(path: &Path) -> (usize, usize) {
    let history = history(path);
    assert!(history.unsettled().is_none(), "{}: something is under way", path.display());
    let count = |is: fn(&VersionKind) -> bool| history.versions().iter().filter(|v| is(&v.kind)).count();
    let published = count(|kind| matches!(kind, VersionKind::Published(_)));
    let back = |at: u64| match history.version(at).map(|version| &version.kind) {
        Some(VersionKind::RolledBack { to }) => Some(*to),
        _ => None,
    };
    // The canary goes back and forth once.
    let forth = history.versions().iter().filter(|version| {
        let at = version.version;
        at >= 3 && back(at) == Some(at - 2) && back(at - 1) == Some(at - 3)
    });
    (published, count(|kind| matches!(kind, VersionKind::RolledBack { .. })) - 2 * forth.count())
}

/// Rows of a dataset of one file, and its columns.
pub(crate) fn rows(path: &Path) -> (usize, Vec<String>) {
    let mut files: Vec<_> = path.read_dir().unwrap().map(|entry| entry.unwrap().path()).collect();
    let file = files.pop().unwrap();
    assert_eq!(files.len(), 0, "{}", path.display());
    let batch = fixture::read(&file);
    let columns = batch.schema().fields().iter().map(|field| field.name().clone()).collect();
    (batch.num_rows(), columns)
}

/// Adds what attempts have something staged just now. Of one that died it lies there until its run is through the door.
pub(crate) fn note_attempts(service: &Service, seen: &mut BTreeSet<String>) {
    for dataset in &service.datasets {
        let stage = state_directory(dataset).join("stage");
        for entry in stage.read_dir().into_iter().flatten().flatten() {
            seen.insert(entry.file_name().into_string().unwrap());
        }
    }
}
