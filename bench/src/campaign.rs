//! A campaign over thousands of small datasets through `skein serve`, beside a loop of DuckDB over the same.
//!
//! Skein's time goes from `start` to the last publish: durable, recorded in the ledger, through canary and waves. Each phase
//! has a time of its own, and what it cost is the server's own account (`skein fleet status`), held against the bounds that the
//! design sets. Every round has fresh copies, a new server and an empty ledger; what was published must have DuckDB's rows, and
//! what is rolled back must be what it was to the byte.

mod bounds;
mod killed;
mod mixed;
mod passage;

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use skein_bench::report::{Contender, Figure, Report};
use skein_bench::rival::{Kind, Python, Rival, Took, Work};
use skein_bench::rounds::alternate;
use skein_bench::rows;
use skein_bench::series::Series;
use skein_types::Clock;

use crate::copies;
use passage::{Passage, Yard};

/// What takes part.
pub(crate) struct Campaigns<'a> {
    pub(crate) sources: Vec<PathBuf>,
    /// Directory for copies, outputs and the server's state.
    pub(crate) desk: PathBuf,
    pub(crate) skein: &'a Path,
    pub(crate) component: PathBuf,
    pub(crate) python: &'a Python,
    pub(crate) threads: usize,
    pub(crate) clock: Arc<dyn Clock>,
}

/// Looked at on every result: three of the rules that a stranger would write first, and a query.
const RULES: &str = r#"
rules = [
  { name = "keys", not_null = ["order_key", "line_number"] },
  { name = "one-row-a-line", unique = ["order_key", "line_number"] },
  { name = "delays", range = { column = "ship_delay_days", min = 1, max = 30 } },
  { name = "no-loss", sql = "select (select count(*) from before) = (select count(*) from after)" },
]
"#;

enum Who<'a> {
    /// Over these, perhaps with rules of a file.
    Campaign(&'a [PathBuf], Option<&'a Path>),
    DuckDb(&'a mut Rival),
}

enum Done {
    Campaign(Box<Passage>),
    DuckDb(Took),
}

impl Campaigns<'_> {
    /// All datasets, a tenth of them, and the loop, alternately.
    pub(crate) fn measure(&self, rounds: usize) -> anyhow::Result<Report> {
        let mut rival = Rival::start(Kind::DuckDb, self.python, self.threads)?;
        let rival_name = format!("{} {}, not durable", rival.hello.name, rival.hello.version);
        // Untimed: warms the rival, and what it writes is what others must write.
        let judged = copies::emptied(self.desk.join("judged"))?;
        rival.run_all(&work(), &self.sources, &judged)?;
        let mut judge = Rival::start(Kind::DuckDb, self.python, self.threads)?;
        let tenth = self.sources.len().div_ceil(10);
        let rules = self.desk.join("rules.toml");
        File::create(&rules)?.write_all(RULES.as_bytes())?;
        let mut contenders = [
            Who::Campaign(&self.sources, None),
            Who::Campaign(&self.sources[..tenth], None),
            Who::Campaign(&self.sources, Some(&rules)),
            Who::DuckDb(&mut rival),
        ];
        let taken = alternate(&mut contenders, rounds, |who| match who {
            Who::Campaign(sources, policy) => {
                let check = |copies: &[PathBuf]| same_rows(&mut judge, copies, &judged);
                let yard = Yard { policy: *policy, ..self.yard() };
                Ok(Done::Campaign(Box::new(yard.pass(sources, check)?)))
            }
            Who::DuckDb(rival) => {
                let outputs = copies::emptied(self.desk.join("duckdb"))?;
                Ok(Done::DuckDb(rival.run_all(&work(), &self.sources, &outputs)?))
            }
        })?;
        self.report(&taken, rival_name)
    }

    /// Small datasets beside large ones.
    pub(crate) fn mixed(&self, large: &Path, sf: f64) -> anyhow::Result<Report> {
        mixed::measure(&self.yard(), &self.sources, (large, sf))
    }

    /// Large datasets under a node that is killed.
    pub(crate) fn killed(&self, large: &Path) -> anyhow::Result<Report> {
        killed::measure(&self.yard(), large)
    }

    fn yard(&self) -> Yard<'_> {
        let (desk, skein, component, clock) = (&self.desk, self.skein, &self.component, &*self.clock);
        Yard { desk, skein, component, clock, policy: None }
    }

    fn report(&self, taken: &[Vec<Done>], rival: String) -> anyhow::Result<Report> {
        let passages = |at: usize| -> Vec<&Passage> {
            let some = taken[at].iter().filter_map(|done| match done {
                Done::Campaign(passage) => Some(&**passage),
                Done::DuckDb(_) => None,
            });
            some.collect()
        };
        let (all, tenth, ruled) = (passages(0), passages(1), passages(2));
        let loops: Vec<f64> = taken[3]
            .iter()
            .filter_map(|done| match done {
                Done::DuckDb(took) => Some(took.seconds),
                Done::Campaign(_) => None,
            })
            .collect();
        let seconds = |of: &[&Passage]| series(of.iter().map(|passage| passage.run).collect());
        let (whole, part, rivals) = (seconds(&all)?, seconds(&tenth)?, series(loops)?);
        let with_rules = seconds(&ruled)?;
        let last = *all.last().context("a round")?;
        let mut figures = bounds::times(&all)?;
        let each = |series: &Series, of: &Passage| series.summary().median * 1e3 / of.datasets as f64;
        let few = *tenth.last().context("a round")?;
        figures.extend([
            Figure { value: each(&with_rules, last), ..rows::campaign_each_with_rules() },
            Figure { value: each(&whole, last) / each(&part, few), ..rows::flat() },
            beside("ms per dataset of a tenth of the datasets", "ms", each(&part, few)),
            beside("DuckDB, ms per dataset, not durable", "ms", each(&rivals, last)),
            beside("campaign / DuckDB not durable", "", each(&whole, last) / each(&rivals, last)),
        ]);
        figures.extend(bounds::spent(last));
        let contender = |name: String, seconds| Contender { name, seconds, bytes: None };
        Ok(Report {
            name: "campaign",
            timed: "small datasets of one file each, a campaign from its start to the last published",
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            contenders: vec![
                contender(format!("campaign over {}", last.datasets), whole),
                contender(format!("campaign over {}", few.datasets), part),
                contender(format!("campaign over {}, with four rules", last.datasets), with_rules),
                contender(rival, rivals),
            ],
            figures,
        })
    }
}

fn series(seconds: Vec<f64>) -> anyhow::Result<Series> {
    Series::new(seconds).context("rounds")
}

fn beside(what: &'static str, unit: &'static str, value: f64) -> Figure {
    Figure { what, unit, value, must: None, aim: None }
}

fn work() -> Work {
    Work { job: "lineitem", source: PathBuf::new(), codec: "snappy", row_group_rows: rows::ROW_GROUP_ROWS }
}

/// The first and the last have the rows of the rival.
fn same_rows(judge: &mut Rival, copies: &[PathBuf], judged: &Path) -> anyhow::Result<()> {
    for copy in [copies.first(), copies.last()].into_iter().flatten() {
        let theirs = judged.join(copy.file_name().context("a file")?);
        judge.compare(copy, &theirs)?.must_be_equal()?;
    }
    Ok(())
}
