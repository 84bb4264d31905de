//! What the tests share: an engine, compiled modules, a source of two columns, agents.

use std::path::PathBuf;
use std::sync::{Arc, LazyLock};

use arrow_array::{Int64Array, RecordBatch, StringArray};
use arrow_schema::{DataType, Field, Schema};
use skein_sandbox::jail::{JailOptions, compile_in_jail};
use skein_sandbox::{
    Agent, AgentRequest, ArtifactKey, CancelFlag, Engine, GuestConfig, GuestError, Limits, Module, Processed,
    Seed, Source,
};
use skein_types::{Bytes, Fuel, Millis, SchemaPlan, Shape, StateKind, SystemClock};

/// Rows of the test batch: they fill no byte of a bitmap.
pub(crate) const ROWS: usize = 13;
/// Number of its first row.
pub(crate) const FIRST: u64 = 100;

pub(crate) fn jail() -> JailOptions {
    let exe = PathBuf::from(env!("CARGO_BIN_EXE_skein-sandbox-jail"));
    JailOptions { args: Vec::new(), ..JailOptions::standard(exe) }
}

pub(crate) fn engine() -> Engine {
    Engine::runtime(Arc::new(SystemClock::start())).unwrap()
}

pub(crate) fn load(engine: &Engine, package: &str) -> Module {
    load_bytes(engine, skein_test_guests::component(package))
}

pub(crate) fn load_bytes(engine: &Engine, module: &[u8]) -> Module {
    let compiled = compile_in_jail(&jail(), module).unwrap();
    let key = ArtifactKey::generate().unwrap();
    Module::load(engine, &key.sign(&compiled), &key.trust()).unwrap()
}

/// One engine for all tests: each shows that it survives the others.
pub(crate) fn engine_of_all() -> &'static Engine {
    static ENGINE: LazyLock<Engine> = LazyLock::new(engine);
    &ENGINE
}

pub(crate) fn hostile() -> &'static Module {
    static MODULE: LazyLock<Module> = LazyLock::new(|| load(engine_of_all(), "guest-hostile"));
    &MODULE
}

/// Small enough that a test ends soon, large enough for whoever behaves.
pub(crate) fn limits() -> Limits {
    Limits {
        fuel_per_call: Fuel(2_000_000_000),
        wall_per_call: Millis(20_000),
        memory: Bytes::mib(8),
        output_bytes_per_call: Bytes::mib(1),
        log_lines: 100,
        rejects: 100,
        state_bytes: Bytes::mib(1),
        drains_per_batch: 50,
        metric_names: 10,
        ..Limits::STANDARD
    }
}

pub(crate) fn source(behave: &str, shape: Shape) -> Source {
    let schema = Arc::new(Schema::new(vec![
        Field::new("n", DataType::Int64, false),
        Field::new("s", DataType::Utf8, true),
    ]));
    let params = format!(r#"{{"behave":"{behave}","shape":"{shape}"}}"#);
    Source { schema, params, applied: Vec::new() }
}

pub(crate) fn batch(rows: usize) -> RecordBatch {
    let numbers: Int64Array = (0..i64::try_from(rows).unwrap()).collect();
    let texts: StringArray = (0..rows).map(|n| (n % 3 != 0).then(|| format!("text {n}"))).collect();
    let schema = SchemaPlan::check(
        source("", Shape::Same).schema,
        &hostile().plan(&source("", Shape::Same), Arc::default(), &limits()).unwrap(),
    )
    .unwrap()
    .guest_input();
    RecordBatch::try_new(Arc::new(schema), vec![Arc::new(numbers), Arc::new(texts)]).unwrap()
}

/// How an agent of [`hostile`] starts.
pub(crate) struct Start {
    pub(crate) shape: Shape,
    pub(crate) state_kind: StateKind,
    pub(crate) limits: Limits,
    pub(crate) seed: Seed,
    pub(crate) cancel: CancelFlag,
}

impl Default for Start {
    fn default() -> Self {
        Self {
            shape: Shape::Same,
            state_kind: StateKind::None,
            limits: limits(),
            seed: Seed([1; 32]),
            cancel: CancelFlag::default(),
        }
    }
}

impl Start {
    pub(crate) fn agent(self, behave: &str) -> Result<Agent, GuestError> {
        self.agent_of(hostile(), behave)
    }

    pub(crate) fn agent_of(self, module: &Module, behave: &str) -> Result<Agent, GuestError> {
        let source = source(behave, self.shape);
        self.agent_over(module, &source)
    }

    pub(crate) fn agent_over(self, module: &Module, source: &Source) -> Result<Agent, GuestError> {
        let proposed = hostile().plan(source, Arc::default(), &self.limits).unwrap();
        let plan = SchemaPlan::check(Arc::clone(&source.schema), &proposed).unwrap();
        module.agent(AgentRequest {
            source,
            proposed: &proposed,
            plan: &plan,
            state_kind: self.state_kind,
            state: None,
            seed: self.seed,
            limits: &self.limits,
            config: Arc::new(GuestConfig::default()),
            cancel: self.cancel,
        })
    }

    pub(crate) fn process(self, behave: &str) -> Result<Processed, GuestError> {
        self.agent(behave)?.process(FIRST, &batch(ROWS))
    }
}

/// A well-behaved agent in the same engine gives back what it got.
pub(crate) fn assert_healthy() {
    let given = batch(ROWS);
    let processed = Start::default().process("").unwrap();
    assert_eq!(processed.data, [given]);
    assert_eq!((processed.selection.kept(), processed.rejects.len()), (ROWS, 0));
}
