//! A module with state is saved and opened again on the way, and nobody can tell from the result.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use arrow_array::RecordBatch;
use arrow_array::cast::AsArray as _;
use arrow_array::types::Int64Type;
use host_tests::guard::{Tree, tree};
use host_tests::{Site, fixture};
use serde_json::{Value, json};
use skein_node::{Agent, AgentSource, Progress, RunReport, RunRequest, SchemaGroup};
use skein_sandbox::{
    AgentRequest, CancelFlag, GuestConfig, GuestError, Limits, Module, Processed, Seed, Source, Usage,
};
use skein_types::{Rows, StateKind};

use crate::Shop;

/// Distinct keys: 97 customers times 25 years. All are seen in the first rows, in order.
const KEYS: u64 = 97 * 25;
const ROW_GROUP: usize = 1_000;

fn keys() -> Value {
    json!({ "keys": ["customer", "year"] })
}

/// Two files of 5,000 rows.
fn dataset(site: &Site) -> PathBuf {
    let dataset = site.directory("data/orders");
    fixture::write(&dataset.join("a.parquet"), &fixture::orders(0, 5_000), ROW_GROUP);
    fixture::write(&dataset.join("b.parquet"), &fixture::orders(5_000, 10_000), ROW_GROUP);
    dataset
}

fn request(checkpoint_rows: Rows) -> RunRequest {
    RunRequest { checkpoint_rows, ..Shop::request(&keys()) }
}

/// A run as everybody's, but for the border.
fn sandboxed(shop: &Shop, module: &Module, border: Rows) -> (Tree, RunReport) {
    let site = Site::new();
    let dataset = dataset(&site);
    let report = shop.run(module, &dataset, request(border)).unwrap();
    (tree(&dataset), report)
}

/// What an agent was asked, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Asked {
    /// With so many keys in the state, if there is one.
    Open(Option<usize>),
    Save(usize),
    Finish,
}

type Notes = Arc<Mutex<Vec<Asked>>>;

/// Opens the same agents and notes what they are asked.
struct Noting {
    module: Module,
    source: Source,
    proposed: skein_types::ProposedPlan,
    plan: skein_types::SchemaPlan,
    notes: Notes,
}

struct Noted {
    agent: skein_sandbox::Agent,
    notes: Notes,
}

/// 16 bytes a key, and their number in front.
fn in_state(state: &[u8]) -> usize {
    state.len() / 16
}

impl Noting {
    fn new(module: &Module, params: &str, group: &SchemaGroup, notes: &Notes) -> Self {
        let schema = Arc::clone(group.plan.source());
        let source = Source { schema, params: params.to_owned(), applied: Vec::new() };
        let (proposed, plan) = (group.proposed.clone(), group.plan.clone());
        Self { module: module.clone(), source, proposed, plan, notes: Arc::clone(notes) }
    }
}

impl AgentSource for Noting {
    fn open(&self, seed: Seed, state: Option<Vec<u8>>) -> Result<Box<dyn Agent>, GuestError> {
        self.notes.lock().unwrap().push(Asked::Open(state.as_deref().map(in_state)));
        let agent = self.module.agent(AgentRequest {
            source: &self.source,
            proposed: &self.proposed,
            plan: &self.plan,
            state_kind: StateKind::Sequential,
            state,
            seed,
            limits: &Limits::STANDARD,
            config: Arc::new(GuestConfig::default()),
            cancel: CancelFlag::default(),
        })?;
        Ok(Box::new(Noted { agent, notes: Arc::clone(&self.notes) }))
    }
}

impl Agent for Noted {
    fn reseed(&mut self, seed: Seed) {
        self.agent.reseed(seed);
    }

    fn process(&mut self, first_row: u64, batch: &RecordBatch) -> Result<Processed, GuestError> {
        self.agent.process(first_row, batch)
    }

    fn finish(&mut self) -> Result<Vec<RecordBatch>, GuestError> {
        self.notes.lock().unwrap().push(Asked::Finish);
        self.agent.finish()
    }

    fn save(&mut self) -> Result<Option<Vec<u8>>, GuestError> {
        let state = self.agent.save()?;
        self.notes.lock().unwrap().push(Asked::Save(state.as_deref().map_or(0, in_state)));
        Ok(state)
    }

    fn usage(&self) -> Usage {
        self.agent.usage()
    }
}

/// The same run, with what its agents were asked.
fn noted(shop: &Shop, module: &Module, border: Rows) -> (Tree, Vec<Asked>) {
    let site = Site::new();
    let dataset = dataset(&site);
    let notes = Notes::default();
    let progress = Progress::default();
    let prepared = shop.prepare(module, &dataset, request(border), &progress).unwrap();
    let params = keys().to_string();
    let agents = |group: &SchemaGroup| -> Box<dyn AgentSource> {
        Box::new(Noting::new(module, &params, group, &notes))
    };
    prepared.stage_with(&progress, agents).unwrap().publish().unwrap();
    let asked = notes.lock().unwrap().clone();
    (tree(&dataset), asked)
}

/// Ids in a file whose name begins so.
fn ids(dataset: &Path, stem: &str) -> Vec<i64> {
    let mut files = std::fs::read_dir(dataset).unwrap().map(|file| file.unwrap().path());
    let file = files.find(|file| file.file_name().unwrap().to_str().unwrap().starts_with(stem)).unwrap();
    fixture::read(&file).column_by_name("id").unwrap().as_primitive::<Int64Type>().values().to_vec()
}

#[test]
fn state_survives_every_checkpoint_and_the_bytes_are_those_of_a_run_without_one() {
    let shop = Shop::new();
    let module = shop.module("dedupe-keys");
    let (undisturbed, report) = sandboxed(&shop, &module, RunRequest::CHECKPOINT_ROWS);
    assert_eq!((report.rows.read, report.rows.written), (Rows(10_000), Rows(KEYS)));
    assert_eq!(
        noted(&shop, &module, RunRequest::CHECKPOINT_ROWS),
        (undisturbed.clone(), vec![Asked::Open(None), Asked::Finish],)
    );

    // Borders at 2,000, 4,000, 6,000 and 8,000 rows: two in each file, the first while keys are still new.
    let border = Rows(2_000);
    assert_eq!(sandboxed(&shop, &module, border).0, undisturbed);
    let (noted, asked) = noted(&shop, &module, border);
    assert_eq!(noted, undisturbed);
    let saved = [2_000, 2_425, 2_425, 2_425].map(|keys| [Asked::Save(keys), Asked::Open(Some(keys))]);
    let expected = [vec![Asked::Open(None)], saved.concat(), vec![Asked::Finish]].concat();
    assert_eq!(asked, expected);
}

#[test]
fn what_was_kept_before_a_checkpoint_is_not_kept_again_after_it() {
    let shop = Shop::new();
    let module = shop.module("dedupe-keys");
    let site = Site::new();
    let dataset = dataset(&site);
    // A border is rounded up to the next row group, so this is every row group.
    shop.run(&module, &dataset, request(Rows(1))).unwrap();
    assert_eq!(ids(&dataset, "a-"), (0..2_425).collect::<Vec<_>>());
    assert_eq!(ids(&dataset, "b-"), Vec::<i64>::new());
}
