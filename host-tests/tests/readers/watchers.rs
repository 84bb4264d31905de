//! The engines that read, and what they saw.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use host_tests::python::Worker;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::subject::{IDS, ROWS};

const ENGINES: [&str; 4] = ["duckdb", "polars", "pyarrow", "spark"];

/// One engine.
#[derive(Debug)]
pub(crate) struct Engine {
    pub(crate) name: &'static str,
    /// In all rounds.
    pub(crate) seen: Seen,
    worker: Worker,
}

/// What an engine saw.
#[derive(Debug, Clone, Default, Deserialize)]
pub(crate) struct Seen {
    pub(crate) reads: u64,
    /// Distinct ones, summed over rounds.
    pub(crate) versions: u64,
    pub(crate) mixes: u64,
    pub(crate) such_as: Vec<String>,
    /// Without files that vanished while the engine was listing.
    short: u64,
    /// With rows of another version than columns, because the engine opened a single file twice.
    reopened: u64,
    errors: BTreeMap<String, u64>,
}

impl Seen {
    fn add(&mut self, other: Self) {
        self.reads += other.reads;
        self.versions += other.versions;
        self.mixes += other.mixes;
        self.such_as.extend(other.such_as);
        self.short += other.short;
        self.reopened += other.reopened;
        for (kind, times) in other.errors {
            *self.errors.entry(kind).or_default() += times;
        }
    }

    /// Reads that a swap was in the way of: they failed, or saw less.
    pub(crate) fn hurt(&self) -> u64 {
        self.short + self.errors.values().sum::<u64>()
    }

    /// Reads that were one version in full.
    pub(crate) fn whole(&self) -> u64 {
        self.reads - self.mixes - self.short - self.reopened - self.errors.values().sum::<u64>()
    }
}

impl Engine {
    fn ask(&mut self, question: &Value) -> Seen {
        serde_json::from_value(self.worker.ask(question)).unwrap()
    }
}

/// All engines.
#[derive(Debug)]
pub(crate) struct Watchers(Vec<Engine>);

impl Watchers {
    pub(crate) fn start() -> Self {
        let start = |name| Engine {
            name,
            seen: Seen::default(),
            worker: Worker::start("reader.py", &[Path::new(name)]),
        };
        Self(ENGINES.map(start).into())
    }

    /// Starts reading these in turn, again and again.
    pub(crate) fn watch<'p>(&mut self, paths: impl IntoIterator<Item = &'p Path>) {
        let paths: Vec<&Path> = paths.into_iter().collect();
        let question = json!({ "do": "watch", "paths": paths, "rows": ROWS, "ids": IDS });
        for engine in &mut self.0 {
            engine.ask(&question);
        }
    }

    fn count(&mut self) -> Vec<Seen> {
        self.0.iter_mut().map(|engine| engine.ask(&json!({ "do": "count" }))).collect()
    }

    /// Of the engine that has read fewest in this round.
    pub(crate) fn fewest_whole(&mut self) -> u64 {
        self.count().iter().map(Seen::whole).min().unwrap_or(0)
    }

    /// Whether there is no engine that has not seen one in this round.
    pub(crate) fn all_saw_a_mix(&mut self) -> bool {
        self.count().iter().all(|seen| seen.mixes > 0)
    }

    /// Waits until every engine has finished a read that it began after this.
    pub(crate) fn wait_for_a_read(&mut self) {
        self.0.iter_mut().for_each(|engine| engine.worker.say(&json!({ "do": "read" })));
        for engine in &mut self.0 {
            engine.worker.answer();
        }
    }

    /// Ends the round and adds up what was seen in it.
    pub(crate) fn end_round(&mut self) {
        for engine in &mut self.0 {
            let seen = engine.ask(&json!({ "do": "stop" }));
            engine.seen.add(seen);
        }
    }

    pub(crate) fn engines(&self) -> &[Engine] {
        &self.0
    }

    /// For people.
    pub(crate) fn table(&self) -> String {
        let mut text = String::from("engine      reads   whole  versions  mixes  short  reopened  errors\n");
        for Engine { name, seen, .. } in &self.0 {
            let Seen { reads, versions, mixes, short, reopened, errors, .. } = seen;
            let whole = seen.whole();
            writeln!(
                text,
                "{name:<8}{reads:>9}{whole:>8}{versions:>10}{mixes:>7}{short:>7}{reopened:>10}  {errors:?}"
            )
            .unwrap();
        }
        text
    }
}
