//! `skein publish`: what a run held becomes current.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use serde::Serialize;
use skein_dataset::{Dataset, PublishedHeld, publish_held};
use skein_node::rules_found;
use skein_types::{RuleResult, RunId, SystemClock};

use crate::args::Output;
use crate::commands::run::LOST_SHOWN;
use crate::datasets;
use crate::failure::{CommandResult, Failure};
use crate::render;
use crate::settings::Settings;

/// Make current what `skein run --publish hold` has finished.
///
/// The held version takes the place of the version that it was made from, in one atomic step; that one is kept and can
/// be rolled back to. Files that were only added since join it as they are, if they have its schema; the next run migrates
/// them. If the dataset has changed otherwise, the publish is refused and nothing is touched: discard what is held and
/// run the migration again.
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
    /// How many files that others added since are part of it as they are.
    #[serde(skip_serializing_if = "Option::is_none")]
    joined: Option<usize>,
    /// What its run found of rules.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    rules: Vec<RuleResult>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    attributes_lost: Vec<String>,
    /// Where files are that others had written into what was held.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    set_aside: Vec<String>,
}

pub(crate) fn publish(settings: &Settings, args: &PublishArgs) -> CommandResult {
    let clock = Arc::new(SystemClock::start());
    let dataset = datasets::open(settings, &args.dataset, clock, datasets::default_threads())?;
    let PublishedHeld { version, joined, attributes_lost, set_aside } = publish_held(&dataset, args.run)
        .map_err(|error| Failure::new(error.code(), &error).hint(error.hint()))?;
    let set_aside: Vec<String> = set_aside.iter().map(|path| path.display().to_string()).collect();
    let rules = rules_of(&dataset, version);
    match args.output {
        Output::Json => {
            let joined = (!joined.is_empty()).then_some(joined.len());
            render::json(&Summary { version, joined, rules, attributes_lost, set_aside });
        }
        Output::Table => {
            render::line(&format!("published {} version {version}", args.dataset.display()));
            render::rules::lines(&rules).iter().for_each(|text| render::line(&format!("  {text}")));
            if !joined.is_empty() {
                let joined = joined.len();
                render::line(&format!(
                    "  {joined} files were added since; they are kept as they are and will be migrated by the next run"
                ));
            }
            if !attributes_lost.is_empty() {
                render::line(&format!("  not kept {}", render::first_of(&attributes_lost, LOST_SHOWN)));
            }
            set_aside.iter().for_each(|path| render::line(&render::theirs(path)));
            render::to_stderr(&format!("undo it with: skein rollback {}", args.dataset.display()));
        }
    }
    Ok(())
}

/// What the run found of rules that made a version. It is published whatever becomes of saying so.
fn rules_of(dataset: &Dataset, version: u64) -> Vec<RuleResult> {
    let Ok(history) = dataset.history() else { return Vec::new() };
    let made = history.versions().iter().find(|made| made.version == version);
    made.and_then(|made| history.told(made).facts).map(|facts| rules_found(&facts.ext)).unwrap_or_default()
}
