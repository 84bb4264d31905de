//! `skein run`: migrate a dataset and publish the result.

pub(super) mod dry_run;

use std::path::Path;
use std::sync::Arc;

use skein_dataset::check_free;
use skein_node::{
    DryRun, DryRunRequest, Preparation, Progress, PublishMode, RunError, RunOutcome, RunReport, RunRequest,
    prepare, write_aside,
};
use skein_sandbox::Limits;
use skein_types::{Clock, Fuel, RunId, SystemClock, codes};

use crate::args::{Output, RunArgs};
use crate::commands::run_manifest::run_manifest;
use crate::datasets;
use crate::failure::{CommandResult, Failure};
use crate::home::Home;
use crate::interrupt;
use crate::modules;
use crate::progress::ProgressView;
use crate::render;
use crate::secrets;
use crate::selection;
use crate::settings::Settings;

/// Of the attributes that could not be kept; usually it is the same one for every file.
const LOST_SHOWN: usize = 3;

pub(crate) fn run(settings: &Settings, args: &RunArgs) -> CommandResult {
    match (&args.manifest, &args.dataset) {
        (Some(list), _) => run_manifest(settings, args, list),
        (None, Some(path)) => run_one(settings, args, path),
        (None, None) => Err(Failure::text(codes::USAGE, "no dataset is given")),
    }
}

fn run_one(settings: &Settings, args: &RunArgs, path: &Path) -> CommandResult {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::start());
    let home = Home::at(&settings.home);
    let threads = args.threads.map_or_else(datasets::default_threads, usize::from);
    let params = secrets::params(&args.with, &home)?;
    let dataset = datasets::open(settings, path, Arc::clone(&clock), threads)?;
    let module = modules::load(&args.module, &home, &clock)?;
    let request = RunRequest {
        run: RunId::new(uuid::Uuid::now_v7()),
        params,
        name: args.name.clone(),
        again: args.again,
        threads,
        limits: limits(args),
        rejects_max: args.max_rejects,
        allow_empty: args.allow_empty,
        files: selection::choice(&args.selection)?,
        checkpoint_rows: RunRequest::CHECKPOINT_ROWS,
        resize: args.sizes.resize(),
    };
    let progress = Arc::new(Progress::default());
    interrupt::cancels(&progress);
    if args.dry_run {
        let found = look((dataset, args), &module, request, &clock, &progress);
        dry_run::show(&found.map_err(|error| failed(&error))?, (args.output, path), settings.page);
        return Ok(());
    }
    let outcome = {
        let _view = ProgressView::start(Arc::clone(&progress), settings.interactive);
        let outcome = match &args.into {
            Some(to) => write_aside(dataset, &module, request, to, (clock, &progress)),
            None => migrate((dataset, &args.publish), &module, request, clock, &progress),
        };
        outcome.map_err(|error| failed(&error))?
    };
    match args.output {
        Output::Json => render::json(&outcome),
        Output::Table => told(&outcome, (path, selection::is_everything(&args.selection))),
    }
    Ok(())
}

fn look(
    (dataset, args): (skein_dataset::Dataset, &RunArgs),
    module: &skein_sandbox::Module,
    request: RunRequest,
    clock: &Arc<dyn Clock>,
    progress: &Progress,
) -> Result<DryRun, RunError> {
    if let PublishMode::Beside(name) = &args.publish {
        check_free(&dataset, name)?;
    }
    let request = DryRunRequest { run: request, rows: usize::from(args.limit) };
    skein_node::dry_run(dataset, module, &request, clock, progress)
}

fn migrate(
    (dataset, mode): (skein_dataset::Dataset, &PublishMode),
    module: &skein_sandbox::Module,
    request: RunRequest,
    clock: Arc<dyn Clock>,
    progress: &Progress,
) -> Result<RunOutcome, RunError> {
    if let PublishMode::Beside(name) = mode {
        // Asked again in the end; but nobody wants to wait for that.
        check_free(&dataset, name)?;
    }
    match prepare(dataset, module, request, clock, progress)? {
        Preparation::AlreadyMigrated { version, migration } => {
            Ok(RunOutcome::AlreadyMigrated { version, migration })
        }
        Preparation::Ready(prepared) => prepared.stage(progress)?.publish_as(mode),
    }
}

pub(crate) fn limits(args: &RunArgs) -> Limits {
    let standard = Limits::STANDARD;
    Limits {
        fuel_per_call: args.fuel.map_or(standard.fuel_per_call, Fuel),
        memory: args.memory.unwrap_or(standard.memory),
        rejects: args.max_rejects,
        ..standard
    }
}

/// The error with what the module said and where it was, in the author's terms.
pub(crate) fn failed(error: &RunError) -> Failure {
    let mut failure = Failure::new(error.code(), error).hint(error.hint());
    if let RunError::Guest { source, .. } = error {
        failure = failure.details(source.backtrace().iter().map(|frame| format!("at {frame}")));
    }
    failure
}

fn told(outcome: &RunOutcome, (path, whole): (&Path, bool)) {
    match outcome {
        RunOutcome::AlreadyMigrated { version, migration } => {
            already_migrated(*version, migration, (path, whole))
        }
        RunOutcome::Published(report) => {
            let dataset = path.display();
            summary(&format!("published {dataset} version {}", report.version), report);
            render::to_stderr(&format!("undo it with: skein rollback {dataset}"));
        }
        RunOutcome::Held(report) => {
            let dataset = path.display();
            summary(&format!("held for {dataset} as version {}", report.version), report);
            render::to_stderr(&format!(
                "look at it, then: skein publish {dataset}   or: skein discard {dataset}"
            ));
        }
        RunOutcome::Beside(report) => {
            summary(&format!("made a dataset beside {}", path.display()), report);
        }
        RunOutcome::Written(report) => summary("wrote plain files", report),
    }
}

fn already_migrated(version: u64, migration: &skein_node::Migration, (path, whole): (&Path, bool)) {
    render::line(&format!(
        "already migrated: {} is at version {version}, {} {} was applied to all {}files",
        path.display(),
        migration.name,
        migration.version,
        if whole { "" } else { "selected " }
    ));
}

fn summary(what: &str, report: &RunReport) {
    let RunReport { rows, columns, cost, migration, .. } = report;
    let count = |rows: skein_types::Rows| render::grouped(rows.0);
    render::line(&format!("{what}: {} {}", migration.name, migration.version));
    report.path.iter().for_each(|path| render::line(&format!("  {:<8} {path}", "place")));
    let mut fates = format!("{} read, {} written", count(rows.read), count(rows.written));
    for (number, word) in [(rows.rejected, "rejected"), (rows.filtered, "filtered out")] {
        if number.0 > 0 {
            fates.push_str(&format!(", {} {word}", count(number)));
        }
    }
    let lines = [
        ("rows", fates),
        (
            "columns",
            format!(
                "{} carried ({} spliced), {} computed, {} preserved, {} dropped",
                columns.carried, columns.spliced, columns.computed, columns.preserved, columns.dropped
            ),
        ),
        (
            "bytes",
            format!(
                "{} read, {} written in {} files, {} of it spliced",
                report.bytes_read, report.bytes_written, report.files, report.bytes_spliced
            ),
        ),
        (
            "cost",
            format!(
                "{} fuel, {} CPU, {} peak per agent, {}",
                render::grouped(cost.fuel.0),
                render::duration(cost.cpu.0),
                cost.memory_peak,
                render::duration(cost.wall.0)
            ),
        ),
    ];
    lines.iter().for_each(|(name, text)| render::line(&format!("  {name:<8} {text}")));
    for (kind, counted) in render::counters::kinds(&report.counters) {
        render::line(&format!("  {kind:<8} {counted}"));
    }
    let note = |name: &str, texts: &[String], most: usize| {
        if !texts.is_empty() {
            render::line(&format!("  {name:<8} {}", render::first_of(texts, most)));
        }
    };
    let keys = report.metadata_dropped.iter().map(|key| render::left_out_key(key));
    let left_out: Vec<String> = keys.chain(report.files_dropped.iter().cloned()).collect();
    if report.files_joined > 0 {
        render::line(&format!("  {:<8} {} files as they were", "joined", report.files_joined));
    }
    note("rejects", report.quarantine.as_slice(), 1);
    note("left out", &left_out, left_out.len());
    note("not kept", &report.attributes_lost, LOST_SHOWN);
    if report.caught_up > 0 {
        render::line(&format!("  {:<8} {} files that others added meanwhile", "took in", report.caught_up));
    }
}
