//! The nine steps. Each prints what came out, how long it took, and the line that does the same by hand.

use std::fs;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use super::hostile;
use super::imprint::Imprint;
use super::judge::Judge;
use super::skein::Skein;
use super::stage::Stage;
use crate::process;
use crate::project::Project;
use crate::stopwatch::Stopwatch;
use crate::surroundings::Surroundings;

const STEPS: usize = 9;
const LINEITEM: [&str; 3] = ["run", "modules/lineitem_v2.wasm", "lineitem"];
const ORDERS: [&str; 5] = ["run", "modules/columns.wasm", "orders.parquet", "--params", "@orders.toml"];

/// What a step says.
struct Told {
    result: String,
    /// More of it, as the binary said it.
    details: Vec<String>,
    /// What a person would type.
    lines: Vec<String>,
}

impl Told {
    const fn new(result: String, lines: Vec<String>) -> Self {
        Self { result, details: Vec::new(), lines }
    }
}

struct Story<'a> {
    project: &'a Project,
    stage: &'a Stage,
    skein: Skein<'a>,
    judge: Judge,
    /// Lineitem and orders as they were made.
    before: Option<[Imprint; 2]>,
}

pub(super) fn tell(project: &Project, surroundings: &Surroundings, stage: &Stage) -> Result<()> {
    let script = project.root().join("xtask/demo/compare.py");
    let mut story = Story {
        project,
        stage,
        skein: Skein { binary: surroundings.skein.clone(), stage },
        judge: Judge { python: surroundings.python.clone(), script },
        before: None,
    };
    step(1, "tables", || story.make_tables())?;
    step(2, "check", || story.check())?;
    step(3, "refuse", || story.refuse_a_hostile_module())?;
    step(4, "refuse", || story.refuse_a_damaged_file())?;
    step(5, "migrate", || story.migrate(&LINEITEM))?;
    step(6, "migrate", || story.migrate(&ORDERS))?;
    step(7, "compare", || story.compare())?;
    step(8, "again", || story.again())?;
    step(9, "undo", || story.undo())
}

fn step(number: usize, name: &str, work: impl FnOnce() -> Result<Told>) -> Result<()> {
    let watch = Stopwatch::start();
    let told = work().with_context(|| format!("step {number} of {STEPS} ({name})"))?;
    println!("[{number}/{STEPS}] {name:<8} {:<78} {:>8}", told.result, watch.read());
    told.details.iter().for_each(|detail| println!("      {detail}"));
    told.lines.iter().for_each(|line| println!("      $ {line}"));
    Ok(())
}

impl Story<'_> {
    fn make_tables(&mut self) -> Result<Told> {
        let mut lines = Vec::new();
        for (table, files) in [("lineitem", "4"), ("orders", "1")] {
            let mut command = Command::new(self.project.target().join("release/skein-bench"));
            command.current_dir(self.stage.root());
            command.args(["tables", "--sf", "0.1", "--out", ".", "--tables", table, "--files", files]);
            process::stdout(&mut command)?;
            lines.push(process::shown(&command));
        }
        fs::copy(self.project.root().join("xtask/demo/orders.toml"), self.stage.path("orders.toml"))?;
        self.set_originals_aside()?;
        let before = self.imprints()?;
        self.before = Some(before);
        let [lineitem, orders] = before.map(Imprint::short);
        Ok(Told::new(format!("lineitem {lineitem}, orders {orders}"), lines))
    }

    /// DuckDB is asked about the tables as they were.
    fn set_originals_aside(&self) -> Result<()> {
        let aside = self.stage.path("originals");
        fs::create_dir_all(aside.join("lineitem"))?;
        for entry in fs::read_dir(self.stage.path("lineitem"))? {
            let entry = entry?;
            fs::copy(entry.path(), aside.join("lineitem").join(entry.file_name()))?;
        }
        fs::copy(self.stage.path("orders.parquet"), aside.join("orders.parquet"))?;
        Ok(())
    }

    fn check(&self) -> Result<Told> {
        let answer = self.skein.succeed(&["check", LINEITEM[1], "--dataset", LINEITEM[2]])?;
        self.must_be_as_before()?;
        let details = answer.details(usize::MAX);
        Ok(Told { result: answer.first_line().to_owned(), details, lines: vec![answer.line] })
    }

    fn refuse_a_hostile_module(&self) -> Result<Told> {
        write(self.stage, "modules/evil.wasm", &hostile::component())?;
        let answer = self.skein.refuse(&["run", "modules/evil.wasm", "lineitem"], "SK0107", 65)?;
        self.must_be_as_before()?;
        Ok(Told::new(answer.first_line().to_owned(), vec![answer.line]))
    }

    fn refuse_a_damaged_file(&self) -> Result<Told> {
        let mut bytes = fs::read(self.stage.path("originals/orders.parquet"))?;
        bytes.truncate(bytes.len() / 2);
        write(self.stage, "damaged.parquet", &bytes)?;
        let damaged = Imprint::of(&self.stage.path("damaged.parquet"))?;
        let arguments = ["run", ORDERS[1], "damaged.parquet", ORDERS[3], ORDERS[4]];
        let answer = self.skein.refuse(&arguments, "SK0504", 65)?;
        ensure!(Imprint::of(&self.stage.path("damaged.parquet"))? == damaged, "the damaged file was touched");
        Ok(Told::new(answer.first_line().to_owned(), vec![answer.line]))
    }

    fn migrate(&self, arguments: &[&str]) -> Result<Told> {
        let answer = self.skein.succeed(arguments)?;
        let details = answer.details(5);
        Ok(Told { result: answer.first_line().to_owned(), details, lines: vec![answer.line] })
    }

    fn compare(&self) -> Result<Told> {
        let root = self.project.root();
        let aside = self.stage.path("originals");
        let sql = root.join("migrations-wasm/lineitem-v2/equivalent.sql");
        let lineitem = self.judge.compare(&aside.join("lineitem"), &self.stage.path("lineitem"), &sql)?;
        let (source, result) = (aside.join("orders.parquet"), self.stage.path("orders.parquet"));
        let orders = self.judge.compare(&source, &result, &root.join("xtask/demo/orders.sql"))?;
        let result =
            format!("{lineitem} lineitem and {orders} orders rows, equal to DuckDB's, none more or less");
        Ok(Told::new(result, Vec::new()))
    }

    fn again(&self) -> Result<Told> {
        let migrated = self.imprints()?;
        let answer = self.skein.succeed(&LINEITEM)?;
        answer.says("already migrated")?;
        ensure!(self.imprints()? == migrated, "a second run touched the dataset");
        Ok(Told::new("already migrated; nothing touched".to_owned(), vec![answer.line]))
    }

    fn undo(&self) -> Result<Told> {
        let mut lines = Vec::new();
        for dataset in ["lineitem", "orders.parquet"] {
            lines.push(self.skein.succeed(&["history", dataset])?.line);
            lines.push(self.skein.succeed(&["rollback", dataset, "--yes"])?.line);
        }
        self.must_be_as_before()?;
        let [lineitem, orders] = self.imprints()?.map(Imprint::short);
        Ok(Told::new(format!("bytes identical: lineitem {lineitem}, orders {orders}"), lines))
    }

    fn imprints(&self) -> Result<[Imprint; 2]> {
        Ok([Imprint::of(&self.stage.path("lineitem"))?, Imprint::of(&self.stage.path("orders.parquet"))?])
    }

    fn must_be_as_before(&self) -> Result<()> {
        let now = self.imprints()?;
        ensure!(self.before == Some(now), "the tables are not as they were made");
        Ok(())
    }
}

#[expect(clippy::disallowed_methods, reason = "files of the demo, which nobody will miss")]
fn write(stage: &Stage, name: &str, bytes: &[u8]) -> Result<()> {
    fs::write(stage.path(name), bytes).with_context(|| format!("cannot write {name}"))
}
