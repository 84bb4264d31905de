//! `skein rollback`: an older version becomes current again.

use std::io::{BufRead as _, Write as _};
use std::sync::Arc;

use serde::Serialize;
use skein_dataset::{Dataset, RolledBack, roll_back};
use skein_types::{Bytes, SystemClock, codes};

use crate::args::{Output, RollbackArgs};
use crate::datasets;
use crate::failure::{CommandResult, Failure};
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
    if !args.yes && !confirmed(settings, &dataset, args)? {
        return Err(Failure::text(codes::CANCELLED, "nothing was changed"));
    }
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

/// Asks on a terminal; elsewhere `--yes` is needed, because nobody could answer.
fn confirmed(settings: &Settings, dataset: &Dataset, args: &RollbackArgs) -> Result<bool, Failure> {
    if !settings.can_ask {
        return Err(Failure::text(codes::USAGE, "rolling back wants to be confirmed").hint(Some("add --yes")));
    }
    let target = args.to.map_or_else(|| "the version before".to_owned(), |to| format!("version {to}"));
    let asked = std::io::stderr()
        .write_all(format!("Make {target} of {} current again? [y/N] ", dataset.path().display()).as_bytes());
    let mut answer = String::new();
    let read = asked.and_then(|()| std::io::stdin().lock().read_line(&mut answer));
    read.map_err(|error| Failure::new(codes::IO, &error))?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}
