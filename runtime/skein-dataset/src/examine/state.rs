//! The dataset's state: where it is, whether the log is sound, what is not over, what others did since, what is kept.

use cap_std::fs::Dir;
use skein_types::{Bytes, codes};

use crate::dataset::{Dataset, RUN_LOCK, State, StateError};
use crate::examine::{Finding, NAMED, with_cause};
use crate::fault::{During as _, IoFault};
use crate::listing::Listing;
use crate::place::PlaceError;
use crate::place::state::StateSite;
use crate::snapshot::SnapshotError;
use crate::store;
use crate::store::lock::{self, Lock};

/// Adds what there is to say.
pub(super) fn look(dataset: &Dataset, findings: &mut Vec<Finding>) {
    let at = dataset.state_path();
    let Some(state) = dataset.state() else {
        let files = dataset.place.list().map(|listing| listing.files).unwrap_or_default();
        if let Some(moved) = dataset.moved(files.iter()) {
            let text = format!("{}: the dataset was called {:?} before", moved.state.display(), moved.from);
            findings.push(Finding::problem("state", codes::DATASET_MOVED, text, Some(&moved.hint)));
            return;
        }
        // Whose directory it would be made in, a run that made it would find out.
        findings.push(match dataset.place.open_all() {
            Ok(_) => Finding::ok("state", format!("{}, which the first run makes", at.display())),
            Err(error) => Finding::problem("state", error.code(), with_cause(&error), error.hint()),
        });
        return;
    };
    let elsewhere = match &dataset.place.site {
        StateSite::Beside => "beside the dataset",
        StateSite::Chosen { .. } => "elsewhere; a pointer beside the dataset names it",
    };
    findings.push(Finding::ok("state", format!("{}, {elsewhere}", at.display())));
    findings.extend(managed(dataset));
    findings.push(log(dataset));
    findings.extend(business(dataset, state));
    findings.extend(held(dataset));
    findings.extend(drift(dataset));
    findings.push(match kept(state) {
        Ok(text) => Finding::ok("kept", text),
        Err(fault) => Finding::problem("kept", fault.code(), with_cause(&fault), None),
    });
}

/// Whose it is, if it is a server's.
fn managed(dataset: &Dataset) -> Option<Finding> {
    const CHECK: &str = "managed";
    match dataset.manager() {
        Ok(None) => None,
        Ok(Some(manager)) if dataset.server == Some(manager.server) => {
            Some(Finding::ok(CHECK, format!("by {} at {}", manager.server, manager.address)))
        }
        Ok(Some(manager)) => {
            let error = StateError::Managed(manager);
            Some(Finding::problem(CHECK, error.code(), error.to_string(), error.hint()))
        }
        Err(error) => Some(Finding::problem(CHECK, error.code(), with_cause(&error), error.hint())),
    }
}

fn log(dataset: &Dataset) -> Finding {
    match dataset.history() {
        Err(error) => Finding::problem(
            "log",
            error.code(),
            with_cause(&error),
            Some("restore the state from a backup; nothing is done on a log that cannot be right"),
        ),
        Ok(history) => {
            let (records, versions) = (history.next_number(), history.versions().len());
            Finding::ok("log", format!("{records} records and {versions} versions, every hash checked"))
        }
    }
}

/// Versions that wait for somebody to decide; nothing where the log cannot be used, which is a finding of its own.
fn held(dataset: &Dataset) -> Option<Finding> {
    let history = dataset.history().ok()?;
    let runs: Vec<String> = history.held().iter().map(|held| held.hold.facts.run.to_string()).collect();
    if runs.is_empty() {
        return None;
    }
    let named = runs[..runs.len().min(NAMED)].join(", ");
    let text = format!("{} waiting for `skein publish` or `skein discard`: {named}", runs.len());
    Some(Finding::ok("held", text))
}

/// What somebody has begun and not ended.
fn business(dataset: &Dataset, state: &State) -> Option<Finding> {
    const CHECK: &str = "business";
    let hint = Some("`skein recover` finishes or undoes it");
    if dataset.history().is_ok_and(|history| history.unsettled().is_some()) {
        return Some(Finding::warning(CHECK, "a publish or rollback is not over", hint));
    }
    let staged = match store::names(&state.stage, "stage") {
        Ok(names) => names.len(),
        Err(fault) => return Some(Finding::problem(CHECK, fault.code(), with_cause(&fault), None)),
    };
    if dataset.manager().is_ok_and(|manager| manager.is_some()) {
        let text = format!("{staged} attempts of its server are staged");
        return (staged > 0).then(|| Finding::ok(CHECK, text));
    }
    match dataset.idle(state) {
        Ok(Some(free)) => {
            drop::<Lock>(free);
            (staged > 0).then(|| {
                Finding::warning(CHECK, format!("{staged} attempts were left staged by a dead process"), hint)
            })
        }
        Ok(None) => {
            let holder = lock::read_note(&state.root, RUN_LOCK).unwrap_or_default();
            Some(Finding::warning(CHECK, format!("{holder} is at work"), None))
        }
        Err(fault) => Some(Finding::problem(CHECK, fault.code(), with_cause(&fault), None)),
    }
}

/// What others did to the dataset since its last version. Nothing where the log or the contents cannot be used, which are
/// findings of their own, or while a publish is not over.
fn drift(dataset: &Dataset) -> Option<Finding> {
    const CHECK: &str = "drift";
    let history = dataset.history().ok()?;
    let head = history.head().filter(|_| history.unsettled().is_none())?.version;
    let live = match dataset.snapshot(&history) {
        Err(SnapshotError::Place(PlaceError::Io(fault)) | SnapshotError::Io(fault)) => {
            return Some(Finding::problem(CHECK, fault.code(), with_cause(&fault), None));
        }
        Err(_) => return None,
        Ok(live) => live,
    };
    let changes = live.observed().unwrap_or_default();
    if changes.is_empty() {
        return Some(Finding::ok(CHECK, format!("the files are those of version {head}")));
    }
    let named: Vec<String> = changes.iter().take(NAMED).map(ToString::to_string).collect();
    let more = changes.len() - named.len();
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let text = format!("{} changes since version {head}: {}{more}", changes.len(), named.join(", "));
    let hint = "the next run records them; a rollback is refused unless it keeps them: --later-writes keep";
    Some(Finding::warning(CHECK, text, Some(hint)))
}

/// Bytes of each directory of the state that has any.
fn kept(state: &State) -> Result<String, IoFault> {
    let mut parts = Vec::new();
    for name in store::names(&state.root, ".")? {
        let Ok(dir) = state.root.open_dir(&name) else { continue };
        let bytes = bytes_below(&dir, &name)?;
        if bytes.0 > 0 {
            parts.push(format!("{name} {bytes}"));
        }
    }
    Ok(if parts.is_empty() { "nothing".to_owned() } else { parts.join(", ") })
}

fn bytes_below(dir: &Dir, name: &str) -> Result<Bytes, IoFault> {
    match Listing::survey(dir) {
        Ok((listing, _)) => Ok(Bytes(listing.bytes())),
        Err(PlaceError::Io(fault)) => Err(fault),
        Err(other) => Err(std::io::Error::other(other.to_string())).during("list", name),
    }
}
