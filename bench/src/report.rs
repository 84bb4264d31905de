//! What a benchmark says: contenders, and figures against what they must and should be.

use std::fmt;

use serde::Serialize;

use crate::series::Series;

/// The answer of one benchmark.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Its name on the command line.
    pub name: &'static str,
    /// What is timed, in one sentence.
    pub timed: &'static str,
    /// Cores of the machine.
    pub cores: usize,
    /// Who took part.
    pub contenders: Vec<Contender>,
    /// What counts.
    pub figures: Vec<Figure>,
}

/// One way of doing the work.
#[derive(Clone, Debug, Serialize)]
pub struct Contender {
    /// Library and version.
    pub name: String,
    /// Seconds per round.
    pub seconds: Series,
    /// Size of the output.
    pub bytes: Option<u64>,
}

/// One line of the table of numbers.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Figure {
    /// What it is.
    pub what: &'static str,
    /// Unit of the values; empty for ratios.
    pub unit: &'static str,
    /// Measured.
    pub value: f64,
    /// The largest value that is good enough; none where the figure only stands beside.
    pub must: Option<f64>,
    /// The value to aim at.
    pub aim: Option<f64>,
}

/// How a figure compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// At or below the aim.
    Aim,
    /// At or below what it must be.
    Pass,
    /// Above what it must be.
    Short,
    /// A bound, without an aim beside it: at or below it.
    Holds,
    /// Above it.
    Broken,
    /// Nothing was asked of it.
    Beside,
}

impl Figure {
    /// How the value compares.
    pub fn verdict(&self) -> Verdict {
        match (self.must, self.aim) {
            (_, Some(aim)) if self.value <= aim => Verdict::Aim,
            (Some(must), Some(_)) if self.value <= must => Verdict::Pass,
            (Some(_), Some(_)) => Verdict::Short,
            (Some(must), None) if self.value <= must => Verdict::Holds,
            (Some(_), None) => Verdict::Broken,
            (None, _) => Verdict::Beside,
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Aim => "aim",
            Self::Pass => "pass",
            Self::Short => "SHORT",
            Self::Holds => "holds",
            Self::Broken => "DOES NOT HOLD",
            Self::Beside => "",
        })
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}: {} ({} cores)", self.name, self.timed, self.cores)?;
        if !self.contenders.is_empty() {
            writeln!(
                f,
                "  {:<32} {:>9} {:>9} {:>9} {:>7} {:>13}",
                "", "median s", "min", "max", "rounds", "output bytes"
            )?;
        }
        for contender in &self.contenders {
            let s = contender.seconds.summary();
            let bytes = contender.bytes.map_or(String::new(), |bytes| bytes.to_string());
            writeln!(
                f,
                "  {:<32} {:>9.3} {:>9.3} {:>9.3} {:>7} {bytes:>13}",
                contender.name, s.median, s.min, s.max, s.count
            )?;
        }
        writeln!(f, "  {:<52} {:>10} {:>8} {:>8}", "", "measured", "must", "aim")?;
        for figure in &self.figures {
            let limit = |limit: Option<f64>| limit.map_or(String::new(), |limit| format!("<= {limit}"));
            let value = format!(
                "{:.3}{}{}",
                figure.value,
                if figure.unit.is_empty() { "" } else { " " },
                figure.unit
            );
            let (must, aim, verdict) = (limit(figure.must), limit(figure.aim), figure.verdict());
            writeln!(f, "  {:<52} {value:>10} {must:>8} {aim:>8} {verdict}", figure.what)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{Contender, Figure, Report, Verdict};
    use crate::series::Series;

    fn ratio(value: f64) -> Figure {
        Figure { what: "Skein / best", unit: "", value, must: Some(0.95), aim: Some(0.75) }
    }

    #[test]
    fn a_figure_is_judged_by_its_own_limits() {
        assert_eq!(ratio(0.75).verdict(), Verdict::Aim);
        assert_eq!(ratio(0.95).verdict(), Verdict::Pass);
        assert_eq!(ratio(0.96).verdict(), Verdict::Short);
        assert_eq!(Figure { must: None, aim: None, ..ratio(9.0) }.verdict(), Verdict::Beside);
        assert_eq!(Figure { aim: None, ..ratio(0.95) }.verdict(), Verdict::Holds);
        assert_eq!(Figure { aim: None, ..ratio(0.96) }.verdict(), Verdict::Broken);
    }

    #[test]
    fn the_table_shows_contenders_limits_and_verdicts() {
        let seconds = Series::new(vec![1.0, 2.0, 3.0]).unwrap();
        let report = Report {
            name: "lineitem",
            timed: "from open to written",
            cores: 2,
            contenders: vec![Contender { name: "DuckDB 2.0.0".into(), seconds, bytes: Some(123) }],
            figures: vec![ratio(1.2)],
        };
        let text = report.to_string();
        let lines: Vec<Vec<&str>> = text.lines().map(|line| line.split_whitespace().collect()).collect();
        assert_eq!(lines[2], ["DuckDB", "2.0.0", "2.000", "1.000", "3.000", "3", "123"]);
        assert_eq!(lines[4], ["Skein", "/", "best", "1.200", "<=", "0.95", "<=", "0.75", "SHORT"]);
        let json = serde_json::to_value(&report).unwrap();
        assert_eq!(json["contenders"][0]["seconds"]["median"], 2.0);
    }
}
