//! Large datasets beside small ones in one campaign: neither may starve the other.
//!
//! Each kind is also measured alone. Served one after the other, the kind that comes second would be done only after both
//! times; what counts is when the last of each kind is published when they share the nodes.

use std::path::{Path, PathBuf};

use skein_bench::report::{Contender, Figure, Report};
use skein_bench::rows;
use skein_types::CampaignState;

use super::passage::Yard;
use super::{beside, series};
use crate::copies;

/// At scale factor 1; of the small ones there are 2,000 where that many sources are.
const LARGE: f64 = 20.0;
const SMALL: f64 = 2_000.0;

/// When the last of each kind was published, in seconds from the start.
struct Last {
    small: f64,
    large: f64,
}

pub(super) fn measure(
    yard: &Yard<'_>,
    sources: &[PathBuf],
    (large, sf): (&Path, f64),
) -> anyhow::Result<Report> {
    let count = (SMALL * sf).round().clamp(2.0, sources.len() as f64) as usize;
    let small: Vec<(&Path, String)> = sources[..count]
        .iter()
        .enumerate()
        .map(|(at, path)| (path.as_path(), format!("small-{at:05}.parquet")))
        .collect();
    let count = (LARGE * sf).round().clamp(2.0, LARGE) as usize;
    let large: Vec<(&Path, String)> =
        (0..count).map(|at| (large, format!("large-{at:02}.parquet"))).collect();
    let both: Vec<(&Path, String)> = small.iter().chain(&large).cloned().collect();
    let small_alone = through(yard, &small)?.small;
    let large_alone = through(yard, &large)?.large;
    let Last { small: small_together, large: large_together } = through(yard, &both)?;
    let together = small_together.max(large_together);
    let figures = vec![
        Figure { value: together / (small_alone + large_alone), ..rows::mixed_together() },
        beside("last small one: together / alone", "", small_together / small_alone),
        beside("last large one: together / alone", "", large_together / large_alone),
    ];
    let one = |name: String, seconds| -> anyhow::Result<Contender> {
        Ok(Contender { name, seconds: series(vec![seconds])?, bytes: None })
    };
    Ok(Report {
        name: "campaign, mixed",
        timed: "datasets of 6 million rows beside small ones, from the start to the last published of each kind",
        cores: std::thread::available_parallelism().map_or(1, usize::from),
        contenders: vec![
            one(format!("{} small ones alone", small.len()), small_alone)?,
            one(format!("{} large ones alone", large.len()), large_alone)?,
            one("small ones beside large ones".to_owned(), small_together)?,
            one("large ones beside small ones".to_owned(), large_together)?,
        ],
        figures,
    })
}

/// One campaign over copies of these; nothing where there is none of a kind.
fn through(yard: &Yard<'_>, named: &[(&Path, String)]) -> anyhow::Result<Last> {
    let copies = copies::add(named, &copies::emptied(yard.home())?)?;
    let underway = yard.drafted(&copies)?;
    underway.moved("plan", CampaignState::Planned)?;
    let published = underway.published()?;
    anyhow::ensure!(published.len() == copies.len(), "{} of {} runs", published.len(), copies.len());
    let last = |kind: &str| {
        let of_kind = published.iter().filter(|(name, _)| name.starts_with(kind));
        of_kind.map(|(_, seconds)| *seconds).fold(0.0, f64::max)
    };
    Ok(Last { small: last("small"), large: last("large") })
}
