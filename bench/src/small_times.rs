//! Times of the sandbox alone: instantiate, compile, first batch, stop.

use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use arrow_array::RecordBatch;
use arrow_schema::Schema;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder,
};
use skein_bench::pair::small_time;
use skein_bench::report::Report;
use skein_bench::rows;
use skein_sandbox::{
    AgentRequest, CancelFlag, GuestConfig, GuestError, Limits, Module, Processed, Seed, Source,
};
use skein_types::{Millis, SchemaPlan};

use crate::workshop::{Workshop, read};

/// The module that file rows use, with Arrow and the SDK in it.
const MODULE: &str = "lineitem-v2";
const INSTANCES: usize = 2_000;
const WARM_UP: usize = 100;
/// Twice what a run hands over at most, so the figure errs on the safe side.
const BATCH_ROWS: usize = 32 * 1024;
const RUNAWAY: &str = include_str!("runaway.wat");

/// An instance, ready to be called, and thrown away.
pub(crate) fn instantiate(workshop: &Workshop) -> anyhow::Result<Report> {
    let module = workshop.module(MODULE)?;
    let mut seconds = Vec::with_capacity(INSTANCES);
    for round in 0..WARM_UP + INSTANCES {
        let (took, ()) = workshop.timed(|| Ok(module.instantiate_once(&Limits::STANDARD)?))?;
        if round >= WARM_UP {
            seconds.push(took);
        }
    }
    let timed = "store and instance of lineitem-v2 made and dropped again, one after the other";
    small_time("instantiate", timed, seconds, rows::instantiate())
}

/// From module bytes to a signed artifact.
pub(crate) fn compile(workshop: &Workshop, rounds: usize) -> anyhow::Result<Report> {
    let component = workshop.component(MODULE)?;
    let seconds = (0..rounds)
        .map(|_| Ok(workshop.timed(|| workshop.compile(&component))?.0))
        .collect::<anyhow::Result<_>>()?;
    let timed = "lineitem-v2 checked and compiled in the jail's child process, and signed";
    small_time("compile", timed, seconds, rows::compile())
}

/// From an artifact's file to the answer to the first batch of `source`; `desk` is a directory for the artifact.
pub(crate) fn first_batch(
    workshop: &Workshop,
    source: &Path,
    desk: &Path,
    rounds: usize,
) -> anyhow::Result<Report> {
    std::fs::create_dir_all(desk)?;
    let path = desk.join("artifact.skein");
    let artifact = workshop.compile(&workshop.component(MODULE)?)?;
    std::io::Write::write_all(&mut std::fs::File::create(&path)?, &artifact)?;
    let table = first_rows(source)?;
    let mut seconds = Vec::with_capacity(rounds);
    for _ in 0..rounds {
        let (took, processed) = workshop.timed(|| first_answer(&workshop.load(&read(&path)?)?, &table))?;
        anyhow::ensure!(processed.selection.kept() == table.num_rows(), "rows went missing");
        seconds.push(took);
    }
    let timed =
        "artifact read, verified, loaded; described, planned, opened; first batch answered and checked";
    small_time("first-batch", timed, seconds, rows::first_batch())
}

/// Stops a guest that never returns.
pub(crate) fn stop(workshop: &Workshop, rounds: usize) -> anyhow::Result<Report> {
    let wall = Millis(100);
    let module = workshop.load(&workshop.compile(&wat::parse_str(RUNAWAY)?)?)?;
    let limits = Limits { wall_per_call: wall, ..Limits::STANDARD };
    let mut seconds = Vec::with_capacity(rounds);
    for _ in 0..rounds {
        let (took, ended) = workshop.timed(|| Ok(module.describe(&limits)))?;
        match ended {
            Err(GuestError::Wall { .. }) => seconds.push(took - wall.0 as f64 / 1e3),
            other => anyhow::bail!("the runaway guest ended with {other:?}"),
        }
    }
    let timed = "from the end of the time of a guest in an endless loop to the caller having its error";
    small_time("stop", timed, seconds, rows::stop())
}

/// The first batch of a table.
fn first_rows(source: &Path) -> anyhow::Result<RecordBatch> {
    let file = std::fs::File::open(source)?;
    let metadata =
        ArrowReaderMetadata::load(&file, ArrowReaderOptions::new().with_skip_arrow_metadata(true))?;
    let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(file, metadata);
    let mut batches = builder.with_batch_size(BATCH_ROWS).build()?;
    Ok(batches.next().context("a table with rows")??)
}

/// What a run asks of a module until the first batch is done.
fn first_answer(module: &Module, table: &RecordBatch) -> anyhow::Result<Processed> {
    let limits = Limits::STANDARD;
    let config = Arc::new(GuestConfig::default());
    let manifest = module.describe(&limits)?;
    let schema = Arc::new(Schema::new(table.schema().fields().clone()));
    let source = Source { schema: Arc::clone(&schema), params: "{}".to_owned(), applied: Vec::new() };
    let proposed = module.plan(&source, Arc::clone(&config), &limits)?;
    let plan = SchemaPlan::check(schema, &proposed)?;
    let names: Vec<usize> = plan
        .guest_input()
        .fields()
        .iter()
        .map(|field| table.schema().index_of(field.name()))
        .collect::<Result<_, _>>()?;
    let mut agent = module.agent(AgentRequest {
        source: &source,
        proposed: &proposed,
        plan: &plan,
        state_kind: manifest.state,
        state: None,
        seed: Seed([0; 32]),
        limits: &limits,
        config,
        cancel: CancelFlag::default(),
    })?;
    Ok(agent.process(0, &table.project(&names)?)?)
}
