//! `skein gc`: what dead processes left behind is removed.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use serde::Serialize;
use skein_dataset::{Dataset, StateError, Swept};
use skein_types::{Bytes, SystemClock, codes};

use crate::args::Output;
use crate::commands::recover;
use crate::datasets;
use crate::failure::{CommandResult, Failure};
use crate::render;
use crate::settings::Settings;

/// The directory beside datasets in which their state is kept.
const STATE: &str = ".skein";

/// Remove what no log needs: attempts that died, rests of versions that were given up, temporary files.
///
/// The next run on a dataset does the same. This is for having the space back now, for one dataset or for all in a
/// directory. Datasets on which a run is at work are left alone. Versions that are kept or held, rejected rows and what
/// others wrote are never removed by it.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  skein gc /data/prefs     one dataset
  skein gc /data           every dataset in that directory")]
pub(crate) struct GcArgs {
    /// A dataset, or a directory of datasets [default: the current directory].
    #[arg(default_value = ".", hide_default_value = true)]
    pub(crate) place: PathBuf,
    /// How to print the result.
    #[arg(short = 'o', long = "format", value_enum, default_value_t = Output::Table)]
    pub(crate) output: Output,
}

#[derive(Serialize)]
struct Summary {
    datasets: Vec<Collected>,
    /// States whose dataset is not there any more: they hold its log and its old versions, and stay.
    orphans: Vec<String>,
    bytes: Bytes,
}

#[derive(Serialize)]
struct Collected {
    dataset: String,
    /// A run is at work: nothing was removed.
    busy: bool,
    removed: Vec<Removed>,
    bytes: Bytes,
}

#[derive(Serialize)]
struct Removed {
    what: String,
    bytes: Bytes,
}

pub(crate) fn gc(settings: &Settings, args: &GcArgs) -> CommandResult {
    let (places, orphans) = places(&args.place)?;
    let datasets = places.iter().map(|place| collect(settings, place)).collect::<Result<Vec<_>, _>>()?;
    let bytes = datasets.iter().map(|collected| collected.bytes).sum();
    let summary = Summary { datasets, orphans, bytes };
    match args.output {
        Output::Json => render::json(&summary),
        Output::Table => told(&summary),
    }
    Ok(())
}

/// The datasets to look at, and states without one.
fn places(place: &Path) -> Result<(Vec<PathBuf>, Vec<String>), Failure> {
    let below = place.join(STATE);
    if !below.is_dir() {
        return Ok((vec![place.to_owned()], Vec::new()));
    }
    let (mut places, mut orphans) = (Vec::new(), Vec::new());
    let entries = std::fs::read_dir(&below).map_err(|error| Failure::new(codes::IO, &error).about(&below))?;
    for entry in entries {
        let entry = entry.map_err(|error| Failure::new(codes::IO, &error).about(&below))?;
        let dataset = place.join(entry.file_name());
        match dataset.symlink_metadata() {
            // A link's dataset is where it leads, and so is its state: this one has lost its own.
            Ok(found) if !found.is_symlink() => places.push(dataset),
            Ok(_) | Err(_) => orphans.push(entry.path().display().to_string()),
        }
    }
    places.sort();
    orphans.sort();
    Ok((places, orphans))
}

fn collect(settings: &Settings, place: &Path) -> Result<Collected, Failure> {
    let clock = Arc::new(SystemClock::start());
    let dataset = datasets::open(settings, place, clock, datasets::default_threads())?;
    let shown = dataset.path().display().to_string();
    let (busy, removed) = swept(&dataset)?;
    let bytes = removed.iter().map(|removed| removed.bytes).sum();
    Ok(Collected { dataset: shown, busy, removed, bytes })
}

fn swept(dataset: &Dataset) -> Result<(bool, Vec<Removed>), Failure> {
    match skein_dataset::collect(dataset) {
        Err(StateError::Locked { .. }) => Ok((true, Vec::new())),
        Err(error) => Err(datasets::from_state(&error).about(&dataset.path())),
        Ok(swept) => {
            let of = |swept: Swept| Removed { what: recover::told(&swept.step), bytes: swept.bytes };
            let removed = swept.into_iter().map(of);
            Ok((false, removed.collect()))
        }
    }
}

fn told(summary: &Summary) {
    for Collected { dataset, busy, removed, .. } in &summary.datasets {
        if *busy {
            render::line(&format!("{dataset}: a run is at work, nothing was removed"));
        }
        for Removed { what, bytes } in removed {
            render::line(&format!("{dataset}: {what}, {bytes}"));
        }
    }
    for orphan in &summary.orphans {
        render::line(&format!(
            "{orphan}: its dataset is not there any more; remove it if its old versions are not needed"
        ));
    }
    render::line(&format!("freed {} in {} datasets", summary.bytes, summary.datasets.len()));
}
