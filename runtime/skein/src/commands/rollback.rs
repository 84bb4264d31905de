//! `skein rollback`: an older version becomes current again.

use std::sync::Arc;

use serde::Serialize;
use skein_dataset::{RolledBack, roll_back};
use skein_types::{Bytes, SystemClock};

use crate::args::{Output, RollbackArgs};
use crate::datasets;
use crate::failure::{CommandResult, Failure};
use crate::question;
use crate::render;
use crate::settings::Settings;

#[derive(Serialize)]
struct Summary {
    version: u64,
    to: u64,
    files: usize,
    bytes: Bytes,
    changed: bool,
}

pub(crate) fn rollback(settings: &Settings, args: &RollbackArgs) -> CommandResult {
    let clock = Arc::new(SystemClock::start());
    let dataset = datasets::open(settings, &args.dataset, clock, datasets::default_threads())?;
    let target = args.to.map_or_else(|| "the version before".to_owned(), |to| format!("version {to}"));
    let question = format!("Make {target} of {} current again?", dataset.path().display());
    question::confirmed(settings, args.yes, &question)?;
    let done = roll_back(&dataset, args.to)
        .map_err(|error| Failure::new(error.code(), &error).hint(error.hint()))?;
    match args.output {
        Output::Json => render::json(&summary(&done)),
        Output::Table => render::line(&told(&done)),
    }
    Ok(())
}

fn summary(done: &RolledBack) -> Summary {
    let RolledBack { version, to, files, bytes, changed } = *done;
    Summary { version, to, files, bytes, changed }
}

fn told(done: &RolledBack) -> String {
    if !done.changed {
        return format!("version {} is current already, nothing was touched", done.to);
    }
    format!("version {} is back as version {}: {} files, {}", done.to, done.version, done.files, done.bytes)
}
