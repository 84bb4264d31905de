//! `skein gc`: what dead processes left behind is removed.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use serde::Serialize;
use skein_dataset::{Dataset, STATE, StateError, Swept, collect_forgotten, is_forgotten};
use skein_types::{Bytes, SystemClock, codes};

use crate::args::Output;
use crate::commands::recover;
use crate::datasets;
use crate::failure::{CommandResult, Failure, severity};
use crate::render;
use crate::settings::Settings;

/// Remove what no log needs: attempts that died, rests of versions that were given up, temporary files.
///
/// The next run on a dataset does the same. This is for having the space back now, for one dataset or for all in a
/// directory, each on its own: one that cannot be opened stops no other. Datasets on which a run is at work are left
/// alone, and so are those that a server manages: it removes such things itself. Versions that are kept or held, rejected
/// rows and what others wrote are never removed by it.
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
    /// Datasets of a directory from which nothing could be removed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    refused: Vec<Refused>,
    bytes: Bytes,
}

#[derive(Serialize)]
struct Refused {
    dataset: String,
    error: serde_json::Value,
    #[serde(skip)]
    failure: Failure,
}

#[derive(Serialize)]
struct Collected {
    dataset: String,
    /// A run is at work: nothing was removed.
    busy: bool,
    /// Address of the server that manages the dataset and removes such things itself: nothing was removed here.
    #[serde(skip_serializing_if = "Option::is_none")]
    managed_by: Option<String>,
    removed: Vec<Removed>,
    bytes: Bytes,
    /// What rejected rows take, which stay.
    quarantine: Bytes,
}

#[derive(Serialize)]
struct Removed {
    what: String,
    bytes: Bytes,
}

pub(crate) fn gc(settings: &Settings, args: &GcArgs) -> CommandResult {
    let Below { datasets: places, orphans } = match places(&args.place)? {
        Some(found) => found,
        None => {
            let only = collect(settings, &args.place)?;
            let (bytes, datasets) = (only.bytes, vec![only]);
            print(args.output, &Summary { datasets, orphans: Vec::new(), refused: Vec::new(), bytes });
            return Ok(());
        }
    };
    let (mut datasets, mut refused) = (Vec::new(), Vec::new());
    for place in &places {
        match collect(settings, place) {
            Ok(collected) => datasets.push(collected),
            Err(failure) => {
                let (dataset, error) = (place.display().to_string(), failure.to_json());
                refused.push(Refused { dataset, error, failure });
            }
        }
    }
    let forgotten = rest_of_forgotten(&args.place)?;
    let bytes = datasets.iter().map(|collected| collected.bytes).chain([forgotten]).sum();
    let summary = Summary { datasets, orphans, refused, bytes };
    print(args.output, &summary);
    refusal(&summary, places.len()).map_or(Ok(()), |failure| {
        Err(if args.output == Output::Json { failure.on_stderr() } else { failure })
    })
}

fn print(output: Output, summary: &Summary) {
    match output {
        Output::Json => render::json(summary),
        Output::Table => told(summary),
    }
}

/// The failure that is the worst one's, if there was any.
fn refusal(summary: &Summary, all: usize) -> Option<Failure> {
    let code = summary.refused.iter().map(|refused| refused.failure.code()).max_by_key(severity)?;
    let text = format!("nothing was removed from {} of {all} datasets", summary.refused.len());
    let details = summary.refused.iter().map(|Refused { dataset, failure, .. }| {
        format!("{dataset}: {}: {}", failure.code().id, failure.message())
    });
    Some(Failure::text(code, text).details(details))
}

/// What there is to collect in a directory.
struct Below {
    datasets: Vec<PathBuf>,
    orphans: Vec<String>,
}

/// The datasets of a directory, and states without one; `None` if it is no directory of datasets.
fn places(place: &Path) -> Result<Option<Below>, Failure> {
    let below = place.join(STATE);
    if !below.is_dir() {
        return Ok(None);
    }
    let (mut datasets, mut orphans) = (Vec::new(), Vec::new());
    let entries = std::fs::read_dir(&below).map_err(|error| Failure::new(codes::IO, &error).about(&below))?;
    for entry in entries {
        let entry = entry.map_err(|error| Failure::new(codes::IO, &error).about(&below))?;
        if entry.file_name().to_str().is_some_and(is_forgotten) {
            continue;
        }
        let dataset = place.join(entry.file_name());
        match dataset.symlink_metadata() {
            // A link's dataset is where it leads, and so is its state: this one has lost its own.
            Ok(found) if !found.is_symlink() => datasets.push(dataset),
            Ok(_) | Err(_) => orphans.push(entry.path().display().to_string()),
        }
    }
    datasets.sort();
    orphans.sort();
    Ok(Some(Below { datasets, orphans }))
}

/// A `skein forget` that died left it.
fn rest_of_forgotten(place: &Path) -> Result<Bytes, Failure> {
    collect_forgotten(place).map_err(|error| datasets::from_state(&error).about(place))
}

fn collect(settings: &Settings, place: &Path) -> Result<Collected, Failure> {
    let clock = Arc::new(SystemClock::start());
    let dataset = datasets::open(settings, place, clock, datasets::default_threads())?;
    let shown = dataset.path().display().to_string();
    let Collection { busy, managed_by, removed } = swept(&dataset)?;
    let bytes = removed.iter().map(|removed| removed.bytes).sum();
    let quarantine = skein_dataset::quarantine_of(&dataset).map_err(|error| datasets::from_state(&error))?;
    Ok(Collected { dataset: shown, busy, managed_by, removed, bytes, quarantine: quarantine.left_bytes })
}

/// What came of the sweep of one dataset.
#[derive(Default)]
struct Collection {
    busy: bool,
    managed_by: Option<String>,
    removed: Vec<Removed>,
}

fn swept(dataset: &Dataset) -> Result<Collection, Failure> {
    match skein_dataset::collect(dataset) {
        Err(StateError::Locked { .. }) => Ok(Collection { busy: true, ..Collection::default() }),
        Err(StateError::Managed(manager)) => {
            Ok(Collection { managed_by: Some(manager.address), ..Collection::default() })
        }
        Err(error) => Err(datasets::from_state(&error).about(&dataset.path())),
        Ok(swept) => {
            let of = |swept: Swept| Removed { what: recover::told(&swept.step), bytes: swept.bytes };
            let removed = swept.into_iter().map(of);
            Ok(Collection { removed: removed.collect(), ..Collection::default() })
        }
    }
}

fn told(summary: &Summary) {
    for Collected { dataset, busy, managed_by, removed, quarantine, .. } in &summary.datasets {
        if let Some(address) = managed_by {
            render::line(&format!("{dataset}: left to the server at {address}, which manages it"));
        }
        if *busy {
            render::line(&format!("{dataset}: a run is at work, nothing was removed"));
        }
        for Removed { what, bytes } in removed {
            render::line(&format!("{dataset}: {what}, {bytes}"));
        }
        if quarantine.0 > 0 {
            render::line(&format!(
                "{dataset}: {quarantine} of rejected rows stay; see `skein finalize --quarantine`"
            ));
        }
    }
    for orphan in &summary.orphans {
        render::line(&format!(
            "{orphan}: its dataset is not there any more; remove it if its old versions are not needed"
        ));
    }
    render::line(&format!(
        "freed {} in {}",
        summary.bytes,
        render::counted(summary.datasets.len() as u64, "dataset")
    ));
}
