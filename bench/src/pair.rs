//! Rows that compare Skein with itself, or one thing with a limit: sandboxed against native, and small times.

use anyhow::Context as _;

use crate::report::{Contender, Figure, Report};
use crate::rounds::{MIN_ROUNDS, alternate};
use crate::series::Series;

/// One way of doing the work; answers seconds and the size of the output.
pub struct Way<'a> {
    /// Shown.
    pub name: &'static str,
    /// Does the work once.
    pub run: Box<dyn FnMut() -> anyhow::Result<(f64, u64)> + 'a>,
}

/// Times two ways alternately; the figure is the ratio of their medians.
pub fn ratio(
    name: &'static str,
    ways: [Way<'_>; 2],
    rounds: usize,
    figure: Figure,
) -> anyhow::Result<Report> {
    anyhow::ensure!(rounds >= MIN_ROUNDS, "fewer than {MIN_ROUNDS} rounds say nothing about a median");
    let mut ways = ways;
    let taken = alternate(&mut ways, rounds, |way| (way.run)())?;
    let series = |at: usize| {
        let seconds: Vec<f64> = taken[at].iter().map(|(seconds, _): &(f64, u64)| *seconds).collect();
        Series::new(seconds).context("rounds")
    };
    let (first, second) = (series(0)?, series(1)?);
    let value = first.summary().median / second.summary().median;
    let contender = |at: usize, seconds: Series| Contender {
        name: ways[at].name.to_owned(),
        seconds,
        bytes: taken[at].last().map(|(_, bytes)| *bytes),
    };
    let contenders = vec![contender(0, first), contender(1, second)];
    let timed = "from opening the source to the output written and hashed, without fsync";
    let cores = std::thread::available_parallelism()?.get();
    Ok(Report { name, timed, cores, contenders, figures: vec![Figure { value, ..figure }] })
}

/// A time that is measured many times: its figures are median and 99th percentile, in the unit of `figure`; the limits
/// are those of the median.
pub fn small_time(
    name: &'static str,
    timed: &'static str,
    seconds: Vec<f64>,
    figure: Figure,
) -> anyhow::Result<Report> {
    let factor = match figure.unit {
        "us" => 1e6,
        "ms" => 1e3,
        _ => 1.0,
    };
    let summary = Series::new(seconds).context("at least one measurement")?.summary();
    let tail =
        Figure { what: "99th percentile", value: summary.p99 * factor, must: None, aim: None, ..figure };
    let median = Figure { value: summary.median * factor, ..figure };
    let cores = std::thread::available_parallelism()?.get();
    Ok(Report { name, timed, cores, contenders: Vec::new(), figures: vec![median, tail] })
}

#[cfg(test)]
mod tests {
    use super::{Way, ratio, small_time};
    use crate::report::{Figure, Verdict};

    fn figure(unit: &'static str) -> Figure {
        Figure { what: "figure", unit, value: 0.0, must: Some(1.2), aim: Some(1.1) }
    }

    #[test]
    fn the_ratio_of_two_ways_is_that_of_their_medians() {
        let way = |name, seconds| Way { name, run: Box::new(move || Ok((seconds, 7))) };
        let report = ratio("native", [way("sandboxed", 3.0), way("native", 2.5)], 5, figure("")).unwrap();
        assert_eq!(report.figures[0].value, 1.2);
        assert_eq!(report.figures[0].verdict(), Verdict::Pass);
        assert_eq!(report.contenders[1].bytes, Some(7));
        let way = |name| Way { name, run: Box::new(|| Ok((1.0, 0))) };
        assert!(ratio("native", [way("a"), way("b")], 4, figure("")).is_err(), "too few rounds");
    }

    #[test]
    fn a_small_time_is_shown_in_its_unit() {
        let report =
            small_time("instantiate", "", vec![0.000_001, 0.000_001, 0.000_003], figure("us")).unwrap();
        let values: Vec<_> = report.figures.iter().map(|figure| figure.value.round()).collect();
        assert_eq!(values, [1.0, 3.0]);
        assert_eq!(report.figures[0].verdict(), Verdict::Aim);
    }
}
