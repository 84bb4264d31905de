//! `skein forget`: a dataset's state goes, the dataset stays.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use serde::Serialize;
use skein_dataset::{ForgetError, Holding, holdings};
use skein_types::SystemClock;

use crate::args::Output;
use crate::datasets;
use crate::failure::{CommandResult, Failure};
use crate::question;
use crate::render;
use crate::settings::Settings;

/// Remove all that Skein knows of a dataset: its log, which migrations were applied, old versions, rejected rows.
///
/// The dataset's own files are not touched. After it the dataset is like one that no run has taken: nothing can be rolled
/// back, a migration that was applied may be applied again, and the directory that holds the dataset can be a dataset
/// itself. While the state holds what would be lost (old versions, a held version, rejected rows, what others wrote) that
/// is listed, and has to be confirmed. No log says that it happened, because the log is gone.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  skein finalize /data/prefs --now      give old versions up first
  skein forget /data/prefs
  skein forget /data/prefs --yes        whatever the state still holds")]
pub(crate) struct ForgetArgs {
    /// The dataset.
    pub(crate) dataset: PathBuf,
    /// Do not ask, and lose what is listed.
    #[arg(long)]
    pub(crate) yes: bool,
    /// How to print the result.
    #[arg(short = 'o', long = "format", value_enum, default_value_t = Output::Table)]
    pub(crate) output: Output,
}

#[derive(Serialize)]
struct Summary {
    dataset: String,
    state: String,
    /// What went with it.
    lost: Vec<String>,
}

pub(crate) fn forget(settings: &Settings, args: &ForgetArgs) -> CommandResult {
    let clock = Arc::new(SystemClock::start());
    let dataset = datasets::open(settings, &args.dataset, clock, datasets::default_threads())?;
    let holds = holdings(&dataset).map_err(failed)?;
    let path = dataset.path().display().to_string();
    if !args.yes {
        if !settings.can_ask && !holds.is_empty() {
            return Err(failed(ForgetError::Holds { holdings: holds }));
        }
        holds.iter().for_each(|holding| render::to_stderr(&format!("would be lost: {holding}")));
        question::confirmed(settings, false, &format!("Remove the state of {path} for good?"))?;
    }
    let state = dataset.state_path().display().to_string();
    // Who was not asked about something has not agreed to lose it.
    let lost = skein_dataset::forget(&dataset, args.yes || !holds.is_empty()).map_err(failed)?;
    let summary = Summary { dataset: path, state, lost: lost.iter().map(Holding::to_string).collect() };
    match args.output {
        Output::Json => render::json(&summary),
        Output::Table => {
            render::line(&format!(
                "forgot {}: its files are as they were, {} is gone",
                summary.dataset, summary.state
            ));
            summary.lost.iter().for_each(|what| render::line(&format!("  lost     {what}")));
        }
    }
    Ok(())
}

fn failed(error: ForgetError) -> Failure {
    let listed = match &error {
        ForgetError::Holds { holdings } => holdings.iter().map(Holding::to_string).collect(),
        ForgetError::NoHistory | ForgetError::State(_) => Vec::new(),
    };
    Failure::new(error.code(), &error).hint(error.hint()).details(listed)
}
