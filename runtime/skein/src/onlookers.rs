//! Readers that take whatever Parquet lies below a directory: for them old versions beside a dataset are data.
//!
//! A reader that is given the dataset's own directory meets nothing of Skein. With `**/*.parquet` of a directory above it
//! DuckDB and Polars go down into `.skein` as well. A person hears of it once, from the run that makes `.skein` there.

use std::path::{Path, PathBuf};
use std::sync::Mutex;

use skein_dataset::{Dataset, Finding, STATE};

use crate::render;

/// Parts of a state in which rows lie.
const WITH_ROWS: [&str; 2] = ["kept", "quarantine"];

/// Directories in which no dataset had its state when this was looked at.
#[derive(Debug, Default)]
pub(crate) struct Onlookers {
    without: Mutex<Vec<PathBuf>>,
}

impl Onlookers {
    /// Before a run on this dataset.
    pub(crate) fn look(&self, dataset: &Dataset) {
        if let Some(beside) = beside(dataset).filter(|beside| !beside.exists())
            && let Ok(mut without) = self.without.lock()
            && !without.contains(&beside)
        {
            without.push(beside);
        }
    }

    /// After the runs: names the first directory that has states now, and how many more there are.
    pub(crate) fn tell(&self) {
        let Ok(without) = self.without.lock() else { return };
        let mut made = without.iter().filter(|beside| beside.exists());
        let Some(first) = made.next() else { return };
        let more = match made.count() {
            0 => String::new(),
            more => format!(" (and in {more} more)"),
        };
        render::to_stderr(&format!(
            "note: old versions and rejected rows are kept in {}{more}; DuckDB and Polars take them for data when \
             they read {}/**/*.parquet: `--state DIR` puts them elsewhere",
            first.display(),
            first.parent().unwrap_or(first).display()
        ));
    }
}

/// What `skein doctor` says: a warning where there are such rows.
pub(crate) fn finding(dataset: &Dataset) -> Finding {
    const CHECK: &str = "onlookers";
    let Some(beside) = beside(dataset) else {
        return Finding::ok(CHECK, "old versions lie elsewhere: no reader takes them for data");
    };
    let above = beside.parent().unwrap_or(&beside).display().to_string();
    let what = format!("old versions to DuckDB and Polars when they read {above}/**/*.parquet as data");
    let has_rows = |part: &&str| {
        let entries = std::fs::read_dir(dataset.state_path().join(part));
        entries.is_ok_and(|mut entries| entries.next().is_some())
    };
    if WITH_ROWS.iter().any(has_rows) {
        let hint = "read the dataset's own directory, or keep the state elsewhere from the first run on: --state DIR";
        return Finding::warning(CHECK, format!("{} shows {what}", beside.display()), Some(hint));
    }
    Finding::ok(
        CHECK,
        format!("a run will keep old versions in {}; --state DIR puts them elsewhere", beside.display()),
    )
}

/// `.skein` beside the dataset, if its state is or will be there.
fn beside(dataset: &Dataset) -> Option<PathBuf> {
    let state = dataset.state_path();
    state.parent().filter(|parent| parent.ends_with(STATE)).map(Path::to_owned)
}
