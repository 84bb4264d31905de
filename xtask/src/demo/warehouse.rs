//! The datasets of the story: 300 of three teams, most of them small, three large, eight migrated before and one damaged.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use super::imprint::Imprint;
use super::stage::Stage;
use crate::process;

/// Who owns what.
pub(super) const TEAMS: [&str; 3] = ["payments", "catalogue", "growth"];
const SMALL: usize = 296;
const LARGE: usize = 3;
/// Migrated by `skein run` before there was a server.
pub(super) const MIGRATED: usize = 8;

/// One dataset, a file.
#[derive(Debug)]
pub(super) struct Dataset {
    /// Below the stage: `warehouse/<team>/<name>.parquet`.
    pub(super) place: String,
    pub(super) team: usize,
    before: Imprint,
}

#[derive(Debug)]
pub(super) struct Warehouse {
    pub(super) datasets: Vec<Dataset>,
    pub(super) rows: u64,
    /// What a person would type.
    pub(super) lines: Vec<String>,
}

impl Warehouse {
    /// Writes tables with `skein-bench`, deals them out to the teams and sets copies of all aside, for DuckDB.
    pub(super) fn make(stage: &Stage, bench: &Path) -> Result<Self> {
        let mut lines = Vec::new();
        let mut rows = 0;
        let mut sources = Vec::new();
        for (scale, files) in [("1", LARGE), ("0.2", SMALL)] {
            let out = format!("tables-{files}");
            let mut command = Command::new(bench);
            command.current_dir(stage.root()).args(["tables", "--sf", scale, "--out", &out]);
            command.args(["--tables", "lineitem", "--files", &files.to_string()]);
            rows += total_rows(&process::stdout(&mut command)?)?;
            lines.push(process::shown(&command));
            sources.extend(files_of(&stage.path(&out).join("lineitem"))?);
        }
        let mut datasets = Vec::new();
        for (number, source) in sources.iter().enumerate() {
            datasets.push(place(stage, source, number)?);
        }
        datasets.push(damaged(stage, &sources[LARGE], sources.len())?);
        Ok(Self { datasets, rows, lines })
    }

    /// The small ones that are migrated before the story begins.
    pub(super) fn migrated_before(&self) -> &[Dataset] {
        &self.datasets[LARGE..LARGE + MIGRATED]
    }

    /// The one of which half is missing.
    pub(super) fn damaged(&self) -> &Dataset {
        &self.datasets[LARGE + SMALL]
    }

    /// Remembers how what was migrated before the story begins is now.
    pub(super) fn look_again(&mut self, stage: &Stage) -> Result<()> {
        for dataset in &mut self.datasets[LARGE..LARGE + MIGRATED] {
            dataset.before = Imprint::of(&stage.path(&dataset.place))?;
        }
        Ok(())
    }
}

impl Dataset {
    /// Whether the server calls it so: by its file, with or without how that ends.
    pub(super) fn is_called(&self, name: &str) -> bool {
        let file = self.place.rsplit('/').next().unwrap_or_default();
        name == file || name == file.trim_end_matches(".parquet")
    }

    pub(super) fn is_as_before(&self, stage: &Stage) -> Result<bool> {
        Ok(Imprint::of(&stage.path(&self.place))? == self.before)
    }
}

fn place(stage: &Stage, source: &Path, number: usize) -> Result<Dataset> {
    let team = number % TEAMS.len();
    let place = format!("warehouse/{}/orders-{number:03}.parquet", TEAMS[team]);
    let (target, aside) = (stage.path(&place), stage.path("originals").join(&place));
    for path in [&target, &aside] {
        fs::create_dir_all(path.parent().context("a team's directory")?)?;
    }
    fs::copy(source, aside)?;
    fs::rename(source, &target)?;
    let before = Imprint::of(&target)?;
    Ok(Dataset { place, team, before })
}

fn damaged(stage: &Stage, like: &Path, number: usize) -> Result<Dataset> {
    let of =
        stage.path(&format!("originals/warehouse/{}/orders-{LARGE:03}.parquet", TEAMS[LARGE % TEAMS.len()]));
    fs::copy(of, like)?;
    let dataset = place(stage, like, number)?;
    fs::remove_file(stage.path("originals").join(&dataset.place))?;
    let whole = fs::metadata(stage.path(&dataset.place))?.len();
    fs::File::options().write(true).open(stage.path(&dataset.place))?.set_len(whole / 2)?;
    let before = Imprint::of(&stage.path(&dataset.place))?;
    Ok(Dataset { before, ..dataset })
}

fn files_of(directory: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(directory).with_context(|| format!("no tables in {}", directory.display()))?;
    let mut files = entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    files.sort();
    Ok(files)
}

/// `skein-bench tables` prints a line per file: its path, its rows, its bytes.
fn total_rows(said: &str) -> Result<u64> {
    let mut rows = 0_u64;
    for line in said.lines() {
        let before = line.split(" rows").next().and_then(|text| text.split_whitespace().last());
        rows += before
            .and_then(|number| number.parse::<u64>().ok())
            .with_context(|| format!("no rows in {line:?}"))?;
    }
    ensure!(rows > 0, "no tables were written");
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::total_rows;

    #[test]
    fn rows_are_added_up_over_the_files() {
        assert_eq!(total_rows("a/b.parquet  12 rows  3 KiB\nc 30 rows  1 B\n").unwrap(), 42);
        assert!(total_rows("a/b.parquet").is_err());
    }
}
