//! The file rows of the table: one Parquet file in, one out, Skein beside DuckDB and Polars.
//!
//! Results are compared before a time counts: what each contender writes in an untimed first round must have DuckDB's
//! rows, none more and none less. The timed rounds remove their output untimed.

use std::path::{Path, PathBuf};

use anyhow::Context as _;

use crate::report::{Contender, Figure, Report};
use crate::rival::{Kind, Python, Rival, Took, Work};
use crate::rounds::{MIN_ROUNDS, alternate, ratio_to_best};
use crate::series::Series;

/// What a row is measured with.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Interpreter and scripts of the rivals.
    pub python: Python,
    /// Directory for outputs; on the disk that counts.
    pub outputs: PathBuf,
    /// Threads of every contender.
    pub threads: usize,
    /// Timed rounds.
    pub rounds: usize,
}

/// One row: a name, the work, and how much time it may take.
#[derive(Clone, Debug)]
pub struct Row {
    /// Name on the command line.
    pub name: &'static str,
    /// The same work for all.
    pub work: Work,
    /// Largest ratio to the best rival that is good enough.
    pub must: f64,
    /// The ratio to aim at.
    pub aim: f64,
}

/// What one round of Skein took.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SkeinTook {
    /// From open to staged and hashed, without fsync: what compares with rivals, who do not sync.
    pub staged: Took,
    /// From open to published: synced, logged and current.
    pub durable_seconds: f64,
}

/// Skein as a contender. Leaves its output at `out`.
pub type SkeinRun<'a> = dyn FnMut(&Work, &Path) -> anyhow::Result<SkeinTook> + 'a;

enum Who<'a, 'b> {
    Skein(&'a mut SkeinRun<'b>),
    Rival(Rival),
}

/// Compares the results and times the row.
pub fn measure(row: &Row, settings: &Settings, skein: &mut SkeinRun<'_>) -> anyhow::Result<Report> {
    anyhow::ensure!(
        settings.rounds >= MIN_ROUNDS,
        "fewer than {MIN_ROUNDS} rounds say nothing about a median"
    );
    std::fs::create_dir_all(&settings.outputs)?;
    let mut contenders = vec![Who::Skein(skein)];
    for kind in Kind::ALL {
        contenders.push(Who::Rival(Rival::start(kind, &settings.python, settings.threads)?));
    }
    results_are_equal(row, settings, &mut contenders)?;
    let out = settings.outputs.join("timed.parquet");
    let taken = alternate(&mut contenders, settings.rounds, |who| {
        let took = who.run(&row.work, &out);
        std::fs::remove_file(&out).with_context(|| out.display().to_string())?;
        took
    })?;
    report(row, &contenders, &taken)
}

impl Who<'_, '_> {
    fn name(&self) -> String {
        match self {
            Self::Skein(_) => format!("Skein {}", env!("CARGO_PKG_VERSION")),
            Self::Rival(rival) => format!("{} {}", rival.hello.name, rival.hello.version),
        }
    }

    fn run(&mut self, work: &Work, out: &Path) -> anyhow::Result<(Took, Option<f64>)> {
        match self {
            Self::Skein(run) => run(work, out).map(|took| (took.staged, Some(took.durable_seconds))),
            Self::Rival(rival) => rival.run(work, out).map(|took| (took, None)),
        }
    }
}

/// Everybody's rows are those of the first rival, DuckDB, which also is the judge.
fn results_are_equal(row: &Row, settings: &Settings, contenders: &mut [Who<'_, '_>]) -> anyhow::Result<()> {
    let mut outputs = Vec::new();
    for (at, who) in contenders.iter_mut().enumerate() {
        let out = settings.outputs.join(format!("compared-{at}.parquet"));
        who.run(&row.work, &out).with_context(|| who.name())?;
        outputs.push(out);
    }
    let names: Vec<String> = contenders.iter().map(Who::name).collect();
    let judge = contenders.iter_mut().find_map(|who| match who {
        Who::Rival(rival) if rival.hello.name == "DuckDB" => Some(rival),
        Who::Rival(_) | Who::Skein(_) => None,
    });
    let judge = judge.context("DuckDB takes part")?;
    let reference = names.iter().position(|name| name.starts_with("DuckDB")).context("DuckDB takes part")?;
    for (at, out) in outputs.iter().enumerate().filter(|(at, _)| *at != reference) {
        let compared = judge.compare(&outputs[reference], out)?;
        compared.must_be_equal().with_context(|| format!("{} and {}", names[reference], names[at]))?;
    }
    for out in outputs {
        std::fs::remove_file(&out).with_context(|| out.display().to_string())?;
    }
    Ok(())
}

type Round = (Took, Option<f64>);

fn report(row: &Row, contenders: &[Who<'_, '_>], taken: &[Vec<Round>]) -> anyhow::Result<Report> {
    let seconds = |rounds: &[Round]| Series::new(rounds.iter().map(|round| round.0.seconds).collect());
    let series =
        taken.iter().map(|rounds| seconds(rounds).context("rounds")).collect::<anyhow::Result<Vec<_>>>()?;
    let durable =
        Series::new(taken[0].iter().filter_map(|round| round.1).collect()).context("rounds of Skein")?;
    let rivals: Vec<&Series> = series[1..].iter().collect();
    let bytes = |at: usize| taken[at].last().map(|round| round.0.bytes);
    let mut shown: Vec<Contender> = contenders
        .iter()
        .zip(&series)
        .enumerate()
        .map(|(at, (who, series))| Contender { name: who.name(), seconds: series.clone(), bytes: bytes(at) })
        .collect();
    let figures = vec![
        Figure {
            what: "Skein / best of DuckDB and Polars",
            unit: "",
            value: ratio_to_best(&series[0], &rivals),
            must: Some(row.must),
            aim: Some(row.aim),
        },
        Figure {
            what: "the same, durable: synced, logged, published",
            unit: "",
            value: ratio_to_best(&durable, &rivals),
            must: None,
            aim: None,
        },
    ];
    shown.insert(1, Contender { name: "Skein, durable".to_owned(), seconds: durable, bytes: bytes(0) });
    Ok(Report {
        name: row.name,
        timed: "from opening the source to the output written and (Skein) hashed, without fsync",
        cores: std::thread::available_parallelism()?.get(),
        contenders: shown,
        figures,
    })
}
