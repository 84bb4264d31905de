//! A node that is killed while it is at work on a part of a large dataset: how soon somebody is at work on that part again.
//!
//! Seen from outside, in the dataset's own directory: an attempt that was not there before has begun, and has made its first
//! checkpoint. Between the two lie opening the dataset, taking over what is behind the last checkpoint, and the row group that
//! was under way, made again.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use skein_bench::report::{Figure, Report};
use skein_bench::rows;
use skein_types::CampaignState;

use super::passage::Yard;
use super::{beside, series};
use crate::copies;

/// So many that when the last node is killed there is one that nobody has begun: a node may have handed its own over just then.
const DATASETS: usize = 9;
const KILLS: usize = 5;
const LOOK_EVERY: Duration = Duration::from_millis(1);
/// Nothing of it takes as long: beyond it is stuck.
const PATIENCE: Duration = Duration::from_secs(60);

/// Attempts by where they are staged, with their checkpoints.
type Attempts = BTreeMap<PathBuf, usize>;

pub(super) fn measure(yard: &Yard<'_>, large: &Path) -> anyhow::Result<Report> {
    let named: Vec<(&Path, String)> =
        (0..DATASETS).map(|at| (large, format!("large-{at:02}.parquet"))).collect();
    let copies = copies::add(&named, &copies::emptied(yard.home())?)?;
    let underway = yard.drafted(&copies)?;
    underway.moved("plan", CampaignState::Planned)?;
    underway.asked("start")?;
    let stages: Vec<PathBuf> = copies.iter().map(|copy| stage(copy)).collect::<anyhow::Result<_>>()?;
    let (mut begun, mut kept) = (Vec::new(), Vec::new());
    for _ in 0..KILLS {
        // Both nodes are at work: what waits to be published lies there as well, and nobody is lost with the node that made it.
        let before = attempts(&stages);
        let known = until(yard, || Some(attempts(&stages)).filter(|now| growing(&before, now) > 1))?;
        let node = underway.nodes()?.into_iter().next().context("a node")?;
        let killed = yard.clock.elapsed();
        anyhow::ensure!(kill(node)?, "the node {node} is not there any more");
        let since = || (yard.clock.elapsed() - killed).as_secs_f64();
        let fresh = |at_least: usize| {
            let now = attempts(&stages);
            now.iter().any(|(place, made)| !known.contains_key(place) && *made >= at_least).then(since)
        };
        begun.push(until(yard, || fresh(0))?);
        kept.push(until(yard, || fresh(1))?);
    }
    underway.ends(CampaignState::Soaking)?;
    let worst = begun.iter().copied().fold(0.0, f64::max);
    let figures = vec![
        Figure { value: series(begun)?.summary().median, ..rows::resumed() },
        beside("the longest of them", "s", worst),
        beside("killed to the next checkpoint", "s", series(kept)?.summary().median),
    ];
    Ok(Report {
        name: "campaign, killed",
        timed: "kill -9 of a node at work on datasets of 6 million rows, to the next attempt's begin",
        cores: std::thread::available_parallelism().map_or(1, usize::from),
        contenders: Vec::new(),
        figures,
    })
}

/// Attempts that have made a checkpoint since. The canary is one alone, of which the other node knows nothing.
fn growing(before: &Attempts, now: &Attempts) -> usize {
    now.iter().filter(|(place, made)| **made > before.get(*place).copied().unwrap_or_default()).count()
}

fn until<T>(yard: &Yard<'_>, mut found: impl FnMut() -> Option<T>) -> anyhow::Result<T> {
    let end = yard.clock.elapsed() + PATIENCE;
    while yard.clock.elapsed() < end {
        if let Some(found) = found() {
            return Ok(found);
        }
        std::thread::sleep(LOOK_EVERY);
    }
    anyhow::bail!("nothing happened for {PATIENCE:?}")
}

/// Where attempts at a dataset are staged.
fn stage(copy: &Path) -> anyhow::Result<PathBuf> {
    let name = copy.file_name().context("a dataset's name")?;
    Ok(copy.with_file_name(skein_dataset::STATE).join(name).join("stage"))
}

/// All that are there; one that goes while it is looked at is not.
fn attempts(stages: &[PathBuf]) -> Attempts {
    let within = |place: &PathBuf| std::fs::read_dir(place).into_iter().flatten().flatten();
    let all = stages.iter().flat_map(within).map(|entry| entry.path());
    all.map(|place| {
        let made = within(&place.join("pieces")).count();
        (place, made)
    })
    .collect()
}

fn kill(process: u32) -> anyhow::Result<bool> {
    let status = std::process::Command::new("kill").args(["-KILL", &process.to_string()]).status()?;
    Ok(status.success())
}
