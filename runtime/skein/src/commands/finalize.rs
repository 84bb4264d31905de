//! `skein finalize`: old versions are given up.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use serde::Serialize;
use skein_dataset::{Finalized, ROLLBACK_WINDOW, Waiting};
use skein_types::{Bytes, SystemClock};

use crate::args::Output;
use crate::datasets;
use crate::failure::CommandResult;
use crate::question;
use crate::render;
use crate::settings::Settings;

/// Give up old versions that are past their rollback window, and free what they take.
///
/// Every publish keeps the version before, so that it can be rolled back to. After seven days this command removes it;
/// with --now at once. The log says which versions were given up, how many files and bytes that was. The current
/// version, what is held, rejected rows and what others wrote are not touched.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  skein history /data/prefs       what is kept, and what it takes
  skein finalize /data/prefs      versions that ceased to be current more than seven days ago
  skein finalize /data/prefs --now --yes")]
pub(crate) struct FinalizeArgs {
    /// The dataset.
    pub(crate) dataset: PathBuf,
    /// Give up every old version, however new: there is no way back after it.
    #[arg(long)]
    pub(crate) now: bool,
    /// Do not ask.
    #[arg(long)]
    pub(crate) yes: bool,
    /// How to print the result.
    #[arg(short = 'o', long = "format", value_enum, default_value_t = Output::Table)]
    pub(crate) output: Output,
}

#[derive(Serialize)]
struct Summary {
    versions: Vec<u64>,
    files: u64,
    bytes: Bytes,
    /// Where files are that others had written into those versions.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    set_aside: Vec<String>,
    waiting: Vec<StillKept>,
}

#[derive(Serialize)]
struct StillKept {
    version: u64,
    since: String,
    /// That time has not come yet by this machine's clock.
    ahead: bool,
    bytes: Bytes,
}

pub(crate) fn finalize(settings: &Settings, args: &FinalizeArgs) -> CommandResult {
    let clock = Arc::new(SystemClock::start());
    let dataset = datasets::open(settings, &args.dataset, clock, datasets::default_threads())?;
    let which = if args.now { "all old versions" } else { "the old versions past their rollback window" };
    let question = format!("Remove {which} of {} for good?", dataset.path().display());
    question::confirmed(settings, args.yes, &question)?;
    let window = if args.now { Duration::ZERO } else { ROLLBACK_WINDOW };
    let done = skein_dataset::finalize(&dataset, window).map_err(|error| datasets::from_state(&error))?;
    match args.output {
        Output::Json => render::json(&summary(&done)),
        Output::Table => told(&done),
    }
    Ok(())
}

fn summary(done: &Finalized) -> Summary {
    let kept = |waiting: &Waiting| StillKept {
        version: waiting.version,
        since: waiting.since.to_string(),
        ahead: waiting.ahead,
        bytes: waiting.bytes,
    };
    Summary {
        versions: done.versions.clone(),
        files: done.files,
        bytes: done.bytes,
        set_aside: done.set_aside.iter().map(|path| path.display().to_string()).collect(),
        waiting: done.waiting.iter().map(kept).collect(),
    }
}

fn told(done: &Finalized) {
    match done.versions.as_slice() {
        [] => render::line("nothing to give up"),
        versions => {
            let versions: Vec<String> = versions.iter().map(ToString::to_string).collect();
            let files = render::grouped(done.files);
            render::line(&format!("gave up version {}: {files} files, {}", versions.join(", "), done.bytes));
        }
    }
    done.set_aside.iter().for_each(|path| render::line(&render::theirs(&path.display().to_string())));
    for Waiting { version, since, ahead, bytes } in &done.waiting {
        let why = match ahead {
            true => "a time that has not come yet: the clock was set back since",
            false => "its rollback window has not passed",
        };
        render::line(&format!("version {version} stays, {bytes}: not current since {since}, {why}"));
    }
}
