//! `skein rollback`: an older version becomes current again.

use std::sync::Arc;

use serde::Serialize;
use skein_dataset::{
    Dataset, LaterWrites, RollbackError, RolledBack, SetAside, VersionKind, previous, roll_back_over,
};
use skein_types::{Bytes, SystemClock};

use crate::args::{Later, Output, RollbackArgs};
use crate::datasets;
use crate::failure::{CommandResult, Failure};
use crate::question;
use crate::render;
use crate::render::text::escaped;
use crate::settings::Settings;

/// Owners and attributes that were not kept and are named; JSON has them all.
const LOST_SHOWN: usize = 3;

#[derive(Serialize)]
struct Summary {
    version: u64,
    to: u64,
    files: usize,
    bytes: Bytes,
    changed: bool,
    #[serde(skip_serializing_if = "<[Kept]>::is_empty")]
    later_writes: Vec<Kept>,
}

#[derive(Serialize)]
struct Kept {
    version: u64,
    files: usize,
    bytes: Bytes,
    path: String,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    attributes_lost: Vec<String>,
}

pub(crate) fn rollback(settings: &Settings, args: &RollbackArgs) -> CommandResult {
    let clock = Arc::new(SystemClock::start());
    let dataset = datasets::open(settings, &args.dataset, clock, datasets::default_threads())?;
    let target = target(&dataset, args.to)?;
    let question = format!("Make {target} of {} current again?", dataset.path().display());
    question::confirmed(settings, args.yes, &question)?;
    let later = match args.later_writes {
        Later::Refuse => LaterWrites::Refuse,
        Later::Keep => LaterWrites::Keep,
    };
    let done = roll_back_over(&dataset, args.to, later).map_err(|error| failed(&error))?;
    match args.output {
        Output::Json => render::json(&summary(&done)),
        Output::Table => {
            render::line(&told(&done));
            for kept in &done.set_aside {
                let SetAside { version, path, files, bytes, lost } = kept;
                let path = path.display();
                render::line(&format!(
                    "  kept     {files} files, {bytes} that others wrote (version {version}): {path}"
                ));
                if !lost.is_empty() {
                    render::line(&format!("  not kept {}", render::first_of(lost, LOST_SHOWN)));
                }
            }
        }
    }
    Ok(())
}

/// The version that would be current, in words: a number alone says little to whoever is asked.
fn target(dataset: &Dataset, to: Option<u64>) -> Result<String, Failure> {
    let history = dataset.history().map_err(|error| datasets::from_state(&error.into()))?;
    let to = match to {
        Some(to) => to,
        None => previous(&history).map_err(|error| failed(&error))?,
    };
    let mut at = history.version(to);
    let what = loop {
        match at.map(|version| &version.kind) {
            Some(VersionKind::RolledBack { to: older }) if *older < to => at = history.version(*older),
            Some(VersionKind::Published(facts)) => {
                break format!(" ({} {})", escaped(&facts.migration), escaped(&facts.migration_version));
            }
            Some(VersionKind::Beside(origin)) => {
                break format!(
                    " ({} {})",
                    escaped(&origin.facts.migration),
                    escaped(&origin.facts.migration_version)
                );
            }
            Some(VersionKind::Adopted) => break " (as it was found)".to_owned(),
            Some(VersionKind::Observed { .. }) => break " (with what others wrote)".to_owned(),
            Some(VersionKind::RolledBack { .. }) | None => break String::new(),
        }
    };
    Ok(format!("version {to}{what}"))
}

fn failed(error: &RollbackError) -> Failure {
    Failure::new(error.code(), error).hint(error.hint()).details(listed(error))
}

/// Every later write that stands in the way.
fn listed(error: &RollbackError) -> Vec<String> {
    match error {
        RollbackError::LaterWrites { changes } => changes.iter().map(ToString::to_string).collect(),
        RollbackError::Version(_)
        | RollbackError::NothingBefore { .. }
        | RollbackError::Damaged { .. }
        | RollbackError::Exchange(_) => Vec::new(),
    }
}

fn summary(done: &RolledBack) -> Summary {
    let RolledBack { version, to, files, bytes, changed, ref set_aside } = *done;
    let kept = |kept: &SetAside| Kept {
        version: kept.version,
        files: kept.files,
        bytes: kept.bytes,
        path: kept.path.display().to_string(),
        attributes_lost: kept.lost.clone(),
    };
    Summary { version, to, files, bytes, changed, later_writes: set_aside.iter().map(kept).collect() }
}

fn told(done: &RolledBack) -> String {
    if !done.changed {
        return format!("version {} is current already, nothing was touched", done.to);
    }
    let files = render::counted(done.files as u64, "file");
    format!("version {} is back as version {}: {files}, {}", done.to, done.version, done.bytes)
}
