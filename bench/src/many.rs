//! Thousands of small datasets: `skein run --manifest` in one process beside a loop of DuckDB.
//!
//! Skein's time is that of the whole process, from its start to its last dataset durable, verified and recorded; DuckDB's
//! that of a loop that writes each file once, in a process that is warm, without any of that. Every round works on fresh
//! copies that were synced before the clock starts. What one dataset takes in which phase is measured apart, in this process
//! and one dataset at a time.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use skein_bench::report::{Contender, Figure, Report};
use skein_bench::rival::{Kind, Python, Rival, Took, Work};
use skein_bench::rounds::{MIN_ROUNDS, alternate, ratio_to_best};
use skein_bench::rows;
use skein_bench::series::Series;
use skein_dataset::{Dataset, NameRule, Options, Place, ProbeCache};
use skein_node::{
    FileChoice, Params, Preparation, Progress, Resize, RunRequest, Staged, prepare, publish_all,
};
use skein_sandbox::{Limits, Module};
use skein_types::{Clock, RunId, VerifyLevel};
use uuid::Uuid;

use crate::copies;

pub(crate) const MODULE: &str = "lineitem-v2";
/// Datasets whose phases are measured; more say the same.
const PHASED: usize = 512;
/// As `skein run --manifest` publishes.
const LOT: usize = 64;

/// What takes part.
pub(crate) struct Many<'a> {
    pub(crate) sources: Vec<PathBuf>,
    /// Directory for copies and outputs.
    pub(crate) desk: PathBuf,
    pub(crate) skein: &'a Path,
    pub(crate) component: PathBuf,
    pub(crate) module: Module,
    pub(crate) params: Params,
    pub(crate) python: &'a Python,
    pub(crate) threads: usize,
    pub(crate) clock: Arc<dyn Clock>,
}

enum Who {
    Skein,
    DuckDb(Box<Rival>),
}

impl Many<'_> {
    /// Both of them, alternately.
    pub(crate) fn measure(&self, rounds: usize) -> anyhow::Result<Report> {
        anyhow::ensure!(rounds >= MIN_ROUNDS, "fewer than {MIN_ROUNDS} rounds say nothing about a median");
        let rival = Rival::start(Kind::DuckDb, self.python, self.threads)?;
        let rival_name = format!("{} {}", rival.hello.name, rival.hello.version);
        let mut contenders = [Who::Skein, Who::DuckDb(Box::new(rival))];
        // Untimed: compiles the module, warms the rival, and shows that both do the same.
        self.compare(&mut contenders)?;
        let taken = alternate(&mut contenders, rounds, |who| self.run(who))?;
        let series: Vec<Series> = taken
            .iter()
            .map(|taken| Series::new(taken.iter().map(|took| took.seconds).collect()).context("rounds"))
            .collect::<anyhow::Result<_>>()?;
        let each = |series: &Series| series.summary().median * 1e3 / self.sources.len() as f64;
        let ratio = ratio_to_best(&series[0], &[&series[1]]);
        let beside = |what, unit, value| Figure { what, unit, value, must: None, aim: None };
        let mut figures = vec![
            Figure { value: each(&series[0]), ..rows::each_small() },
            beside("DuckDB, ms per dataset, not durable", "ms", each(&series[1])),
            beside("Skein durable / DuckDB not durable", "", ratio),
        ];
        figures.extend(self.phases()?);
        let names = ["Skein, durable".to_owned(), format!("{rival_name}, not durable")];
        let contenders = names.into_iter().zip(series).zip(&taken).map(|((name, seconds), taken)| {
            Contender { name, seconds, bytes: taken.last().map(|took| took.bytes) }
        });
        Ok(Report {
            name: "small",
            timed: "small datasets of one file each, from the first to the last published",
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            contenders: contenders.collect(),
            figures,
        })
    }

    fn run(&self, who: &mut Who) -> anyhow::Result<Took> {
        match who {
            Who::Skein => {
                let copies = self.fresh_copies(self.sources.len())?;
                self.run_skein(&copies)
            }
            Who::DuckDb(rival) => rival.run_all(&self.work(), &self.sources, &self.outputs()?),
        }
    }

    fn work(&self) -> Work {
        Work {
            job: "lineitem",
            source: PathBuf::new(),
            codec: "snappy",
            row_group_rows: rows::ROW_GROUP_ROWS,
        }
    }

    fn outputs(&self) -> anyhow::Result<PathBuf> {
        copies::emptied(self.desk.join("duckdb"))
    }

    fn run_skein(&self, copies: &[PathBuf]) -> anyhow::Result<Took> {
        let list = self.desk.join("datasets.csv");
        let mut text = File::create(&list)?;
        writeln!(text, "dataset")?;
        copies.iter().try_for_each(|copy| writeln!(text, "{}", copy.display()))?;
        drop(text);
        let mut command = Command::new(self.skein);
        command.arg("run").arg(&self.component).arg("--manifest").arg(&list);
        command.arg("--threads").arg(self.threads.to_string()).arg("--params").arg(self.params.json());
        command.env("SKEIN_HOME", self.desk.join("home")).stdout(Stdio::null());
        let started = self.clock.elapsed();
        let status = command.status().context("the binary does not start")?;
        let seconds = (self.clock.elapsed() - started).as_secs_f64();
        anyhow::ensure!(status.success(), "skein ended with {status}");
        let sizes = copies.iter().map(|copy| Ok(fs::metadata(copy)?.len()));
        Ok(Took { seconds, bytes: sizes.sum::<anyhow::Result<u64>>()? })
    }

    /// The first and the last dataset have the same rows.
    fn compare(&self, contenders: &mut [Who]) -> anyhow::Result<()> {
        let copies = self.fresh_copies(self.sources.len())?;
        self.run_skein(&copies)?;
        let [_, Who::DuckDb(rival)] = contenders else { anyhow::bail!("a rival that is none") };
        let outputs = self.outputs()?;
        rival.run_all(&self.work(), &self.sources, &outputs)?;
        for copy in [copies.first(), copies.last()].into_iter().flatten() {
            let theirs = outputs.join(copy.file_name().context("a file")?);
            rival.compare(copy, &theirs)?.must_be_equal()?;
        }
        Ok(())
    }

    /// Milliseconds that one dataset takes in each phase, one after the other on one thread.
    fn phases(&self) -> anyhow::Result<Vec<Figure>> {
        let copies = self.fresh_copies(PHASED.min(self.sources.len()))?;
        let probes = Arc::new(ProbeCache::default());
        let progress = Progress::default();
        let [mut open, mut plan, mut stage, mut publish] = [Duration::ZERO; 4];
        for lot in copies.chunks(LOT) {
            let mut staged: Vec<Staged> = Vec::with_capacity(LOT);
            for copy in lot {
                let mut lap = Lap { clock: &*self.clock, from: self.clock.elapsed() };
                let options = Options { lock_wait: Duration::ZERO, threads: 1, probes: Arc::clone(&probes) };
                let dataset = Dataset::open(Place::resolve(copy)?, Arc::clone(&self.clock), options)?;
                open += lap.next();
                let clock = Arc::clone(&self.clock);
                let prepared = prepare(dataset, &self.module, self.request(), clock, &progress)?;
                let Preparation::Ready(prepared) = prepared else { anyhow::bail!("migrated already") };
                plan += lap.next();
                staged.push(prepared.stage(&progress)?);
                stage += lap.next();
            }
            let mut lap = Lap { clock: &*self.clock, from: self.clock.elapsed() };
            publish_all(staged).into_iter().try_for_each(|ended| ended.map(drop))?;
            publish += lap.next();
        }
        let each = |what, took: Duration| Figure {
            what,
            unit: "ms",
            value: took.as_secs_f64() * 1e3 / copies.len() as f64,
            must: None,
            aim: None,
        };
        Ok(vec![
            each("phase, one at a time: open", open),
            each("phase: lock, pin, footers, plan", plan),
            each("phase: transform, seal, hash", stage),
            each("phase: publish, 64 at a time, three barriers", publish),
        ])
    }

    fn request(&self) -> RunRequest {
        RunRequest {
            run: RunId::new(Uuid::now_v7()),
            params: self.params.clone(),
            name: None,
            again: false,
            threads: 1,
            limits: Limits::STANDARD,
            rejects_max: 0,
            allow_empty: true,
            verify: VerifyLevel::STANDARD,
            files: FileChoice::everything(),
            checkpoint_rows: RunRequest::CHECKPOINT_ROWS,
            resize: Resize::NONE,
            names: NameRule::Hashed,
            sensitive: Vec::new(),
        }
    }

    /// Copies of the first sources.
    fn fresh_copies(&self, count: usize) -> anyhow::Result<Vec<PathBuf>> {
        copies::fresh(&self.sources[..count], self.desk.join("datasets"))
    }
}

/// Time since the last look.
struct Lap<'a> {
    clock: &'a dyn Clock,
    from: Duration,
}

impl Lap<'_> {
    fn next(&mut self) -> Duration {
        let now = self.clock.elapsed();
        now - std::mem::replace(&mut self.from, now)
    }
}
