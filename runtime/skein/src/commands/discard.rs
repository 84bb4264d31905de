//! `skein discard`: what a run held is given up.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use serde::Serialize;
use skein_dataset::Discarded;
use skein_types::{Bytes, RunId, SystemClock};

use crate::args::Output;
use crate::datasets;
use crate::failure::{CommandResult, Failure};
use crate::question;
use crate::render;
use crate::settings::Settings;

/// Give up what `skein run --publish hold` has finished, and remove its files.
///
/// The dataset is not touched. What others wrote into the version is moved to `aside` below the state. The log says that the version was discarded; to have it again, run the migration again.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  skein history /data/prefs            lists what is held
  skein discard /data/prefs
  skein discard /data/prefs --run run_0198... --yes")]
pub(crate) struct DiscardArgs {
    /// The dataset.
    pub(crate) dataset: PathBuf,
    /// Whose version, if more than one is held.
    #[arg(long, value_name = "RUN")]
    pub(crate) run: Option<RunId>,
    /// Do not ask.
    #[arg(long)]
    pub(crate) yes: bool,
    /// How to print the result.
    #[arg(short = 'o', long = "format", value_enum, default_value_t = Output::Table)]
    pub(crate) output: Output,
}

#[derive(Serialize)]
struct Summary {
    run: RunId,
    files: usize,
    bytes: Bytes,
    /// Where files are that others had written into it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    set_aside: Vec<String>,
}

pub(crate) fn discard(settings: &Settings, args: &DiscardArgs) -> CommandResult {
    let clock = Arc::new(SystemClock::start());
    let dataset = datasets::open(settings, &args.dataset, clock, datasets::default_threads())?;
    let which = args.run.map_or_else(|| "what is held".to_owned(), |run| format!("what {run} holds"));
    let question = format!("Remove {which} beside {}?", dataset.path().display());
    question::confirmed(settings, args.yes, &question)?;
    let Discarded { held, set_aside } = skein_dataset::discard(&dataset, args.run)
        .map_err(|error| Failure::new(error.code(), &error).hint(error.hint()))?;
    let files = &held.hold.files;
    let summary = Summary {
        run: held.hold.facts.run,
        files: files.len(),
        bytes: files.iter().map(|file| Bytes(file.stat.size)).sum(),
        set_aside: set_aside.iter().map(|path| path.display().to_string()).collect(),
    };
    match args.output {
        Output::Json => render::json(&summary),
        Output::Table => {
            render::line(&format!(
                "discarded {} of {}: {}, {}",
                held.hold.facts.migration,
                summary.run,
                render::counted(summary.files as u64, "file"),
                summary.bytes
            ));
            summary.set_aside.iter().for_each(|path| render::line(&render::theirs(path)));
        }
    }
    Ok(())
}
