//! `skein publish`: what a run held becomes current.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use serde::Serialize;
use skein_dataset::publish_held;
use skein_types::{RunId, SystemClock};

use crate::args::Output;
use crate::datasets;
use crate::failure::{CommandResult, Failure};
use crate::render;
use crate::settings::Settings;

/// Make current what `skein run --publish hold` has finished.
///
/// The held version takes the place of the version that it was made from, in one atomic step; that one is kept and can
/// be rolled back to. If the dataset has changed since, the publish is refused and nothing is touched: discard what is
/// held and run the migration again.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  skein run prefs.wasm /data/prefs --publish hold   prints where the result lies; look at it
  skein publish /data/prefs
  skein history /data/prefs                         lists what is held")]
pub(crate) struct PublishArgs {
    /// The dataset.
    pub(crate) dataset: PathBuf,
    /// Whose version, if more than one is held.
    #[arg(long, value_name = "RUN")]
    pub(crate) run: Option<RunId>,
    /// How to print the result.
    #[arg(short = 'o', long = "format", value_enum, default_value_t = Output::Table)]
    pub(crate) output: Output,
}

#[derive(Serialize)]
struct Summary {
    version: u64,
}

pub(crate) fn publish(settings: &Settings, args: &PublishArgs) -> CommandResult {
    let clock = Arc::new(SystemClock::start());
    let dataset = datasets::open(settings, &args.dataset, clock, datasets::default_threads())?;
    let version = publish_held(&dataset, args.run)
        .map_err(|error| Failure::new(error.code(), &error).hint(error.hint()))?;
    match args.output {
        Output::Json => render::json(&Summary { version }),
        Output::Table => {
            render::line(&format!("published {} version {version}", args.dataset.display()));
            render::to_stderr(&format!("undo it with: skein rollback {}", args.dataset.display()));
        }
    }
    Ok(())
}
