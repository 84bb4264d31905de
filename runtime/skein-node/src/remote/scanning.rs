//! A page of a scan: the datasets below a directory that come after the last one of the page before.

use std::path::Path;

use skein_api::node::{Found, Outcome, ScanTask, Scanned};
use skein_api::{List, Location, Meters, Why};
use skein_dataset::{ScanError, Sighting};
use skein_types::{Bytes, codes};

use crate::progress::Progress;

/// Datasets of a page.
const PAGE: usize = 1_000;

/// Looks through a page.
pub(super) fn scan(task: &ScanTask, progress: &Progress) -> Outcome {
    let below = Path::new(task.below.as_str());
    let after = task.after.as_ref().map(|after| Path::new(after.as_str()));
    match skein_dataset::scan(below, after, PAGE, &progress.files()) {
        Ok((sighted, more)) => page(sighted, more),
        Err(ScanError::Stopped) => Outcome::Revoked,
        Err(error) => failed(Why::new(error.code(), &skein_types::chain(&error), error.hint())),
    }
}

/// What is told of them. A path that is no plain text cannot be told, and a page cannot end with one: the next page would not
/// know where to begin.
fn page(sighted: Vec<Sighting>, more: bool) -> Outcome {
    let some = !sighted.is_empty();
    let last = sighted.iter().rposition(|one| location(&one.path).is_some());
    let told: usize = if more { last.map_or(0, |last| last + 1) } else { sighted.len() };
    let found: Vec<Found> = sighted.into_iter().take(told).map(found).collect();
    if more && some && found.is_empty() {
        let message = "paths of datasets here are no plain text, so that the scan cannot go on behind them";
        return failed(Why::new(codes::PLACE_REFUSED, message, Some("rename them")));
    }
    Outcome::Scanned(Scanned { found: List::first(found).0, more })
}

fn found(one: Sighting) -> Found {
    let why = one.refused.map(|error| Why::new(error.code(), &skein_types::chain(&error), error.hint()));
    let (location, why) = match location(&one.path) {
        Some(location) => (location, why),
        None => {
            let told = Why::new(codes::PLACE_REFUSED, "its path is no plain text", Some("rename it"));
            (Location::escaped(&one.path.to_string_lossy()), Some(told))
        }
    };
    Found { location, bytes: Bytes(one.bytes), files: one.files, why }
}

fn location(path: &Path) -> Option<Location> {
    path.to_str().and_then(|path| Location::new(path).ok())
}

fn failed(why: Why) -> Outcome {
    Outcome::Failed { why, meters: Meters::default() }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::{Outcome, Sighting, page};

    fn told(paths: &[&str], more: bool) -> Outcome {
        let sighting =
            |path: &&str| Sighting { path: PathBuf::from(path), bytes: 1, files: 1, refused: None };
        page(paths.iter().map(sighting).collect(), more)
    }

    #[test]
    fn a_page_ends_where_the_next_one_can_begin() {
        let Outcome::Scanned(scanned) = told(&["/d/a", "/d/b\n", "/d/c", "/d/e\n"], true) else {
            panic!("no page");
        };
        let told_of: Vec<(&str, bool)> =
            scanned.found.iter().map(|one| (one.location.as_str(), one.why.is_some())).collect();
        assert_eq!(told_of, [("/d/a", false), (r"/d/b\n", true), ("/d/c", false)]);
        assert!(matches!(told(&["/d/e\n"], true), Outcome::Failed { .. }));
        assert!(matches!(told(&["/d/e\n"], false), Outcome::Scanned(last) if last.found.len() == 1));
    }
}
