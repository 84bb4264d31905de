//! `skein run`: migrate a dataset and publish the result.

pub(super) mod dry_run;
mod round_trip;

use std::path::Path;
use std::sync::Arc;

use skein_dataset::check_free;
use skein_node::{
    DryRun, DryRunRequest, Preparation, Progress, PublishMode, RuleAsked, RulesAsked, RunError, RunOutcome,
    RunReport, RunRequest, prepare, write_aside,
};
use skein_sandbox::Limits;
use skein_types::{Clock, Fuel, Rule, RulesLead, RunId, SystemClock, codes};

use crate::args::{Output, RunArgs};
use crate::commands::rule::rules_in;
use crate::commands::run_manifest::run_manifest;
use crate::datasets;
use crate::failure::{CommandResult, Failure};
use crate::home::Home;
use crate::interrupt;
use crate::modules;
use crate::onlookers::Onlookers;
use crate::progress::ProgressView;
use crate::render;
use crate::secrets;
use crate::selection;
use crate::settings::Settings;

/// Of the attributes that could not be kept; usually it is the same one for every file.
pub(crate) const LOST_SHOWN: usize = 3;

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
    let rules = match &args.rules {
        Some(file) => rules_in(file)?,
        None => Vec::new(),
    };
    refuse_swapped(&args.module, path)?;
    let dataset = datasets::open(settings, path, Arc::clone(&clock), threads)?;
    let onlookers = Onlookers::default();
    onlookers.look(&dataset);
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
        verify: args.verify,
        files: selection::choice(&args.selection)?,
        checkpoint_rows: RunRequest::CHECKPOINT_ROWS,
        resize: args.sizes.resize(),
        names: settings.names_for(&dataset.path(), args.names),
        sensitive: Vec::new(),
    };
    let progress = Arc::new(Progress::default());
    interrupt::cancels(&progress);
    if args.dry_run {
        let found = look((dataset, args), &module, request, &clock, &progress);
        dry_run::show(&found.map_err(|error| failed(&error))?, (args.output, path), settings.page);
        return Ok(());
    }
    let mut outcome = {
        let _view = ProgressView::start(Arc::clone(&progress), settings.interactive);
        let outcome = match &args.into {
            Some(to) => write_aside(dataset, &module, request, to, (Arc::clone(&clock), &progress)),
            None => {
                migrate((dataset, &args.publish), &module, (request, &rules), Arc::clone(&clock), &progress)
            }
        };
        outcome.map_err(|error| failed(&error))?
    };
    if let RunOutcome::Published(report) | RunOutcome::Held(report) = &outcome {
        let RunReport { columns, bytes_spliced, bytes_written, caught_up, .. } = &**report;
        let (carried, spliced) = (columns.carried, columns.spliced);
        tracing::info!(carried, spliced, %bytes_spliced, %bytes_written, caught_up, "written");
    }
    let trip = match &mut outcome {
        RunOutcome::Published(report) if args.round_trip => {
            Some(round_trip::made(settings, path, report, (clock, threads))?)
        }
        RunOutcome::Published(_)
        | RunOutcome::Held(_)
        | RunOutcome::Beside(_)
        | RunOutcome::Written(_)
        | RunOutcome::AlreadyMigrated { .. } => None,
    };
    match args.output {
        Output::Json => render::json(&With { outcome: &outcome, round_trip: trip.as_ref() }),
        Output::Table => {
            told(&outcome, (path, selection::is_everything(&args.selection)));
            trip.iter().for_each(round_trip::told);
            onlookers.tell();
        }
    }
    Ok(())
}

/// An outcome and, if it made one, its round trip.
#[derive(serde::Serialize)]
struct With<'a> {
    #[serde(flatten)]
    outcome: &'a RunOutcome,
    #[serde(skip_serializing_if = "Option::is_none")]
    round_trip: Option<&'a round_trip::Shown>,
}

/// Both are paths, and easily given the other way round.
fn refuse_swapped(module: &Path, dataset: &Path) -> CommandResult {
    let is =
        |path: &Path, extension: &str| path.extension().is_some_and(|e| e.eq_ignore_ascii_case(extension));
    if is(dataset, "wasm") || is(module, "parquet") || (module.is_dir() && !dataset.is_dir()) {
        let message =
            format!("{} is given as the module and {} as the dataset", module.display(), dataset.display());
        return Err(
            Failure::text(codes::USAGE, message).hint(Some("MODULE comes first: skein run MODULE DATASET"))
        );
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
    let request = DryRunRequest { run: request, rows: usize::from(args.limit), into: args.into.clone() };
    skein_node::dry_run(dataset, module, &request, clock, progress)
}

fn migrate(
    (dataset, mode): (skein_dataset::Dataset, &PublishMode),
    module: &skein_sandbox::Module,
    (request, rules): (RunRequest, &[Rule]),
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
        Preparation::Ready(prepared) => {
            let mut staged = prepared.stage(progress)?;
            judged(&mut staged, rules, (mode, progress))?;
            staged.publish_as(mode)
        }
    }
}

/// Refuses a result that breaks rules. One that is only to be kept back may be held, as whoever asks for that will look at it.
fn judged(
    staged: &mut skein_node::Staged,
    rules: &[Rule],
    (mode, progress): (&PublishMode, &Progress),
) -> Result<(), RunError> {
    let rules = rules.iter().cloned().map(RuleAsked::here).collect();
    let lead = staged.judge(&skein_node::jail(1), &RulesAsked { rules, others: Vec::new() }, progress);
    let of = |lead: RulesLead| {
        let results = staged.report().rules.iter();
        results.filter(|result| result.leads() == lead).cloned().collect::<Vec<_>>()
    };
    match lead {
        RulesLead::Fail => Err(RunError::RuleBroken(of(lead))),
        RulesLead::Hold if *mode != PublishMode::Hold => Err(RunError::RulesHold(of(lead))),
        RulesLead::Hold | RulesLead::On => Ok(()),
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
    if error.code() == codes::CANCELLED {
        // Where it was when it was asked to stop is nobody's concern.
        let message = "interrupted; nothing was published, the dataset is as it was";
        return Failure::text(codes::CANCELLED, message);
    }
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
    let migration = &report.migration;
    render::line(&format!("{what}: {} {}", migration.name, migration.version));
    let say = |name: &str, text: &str| render::line(&format!("  {name:<8} {text}"));
    report.path.iter().for_each(|path| say("place", path));
    figures(report).iter().for_each(|(name, text)| say(name, text));
    render::rules::lines(&report.rules).iter().for_each(|text| say("rules", text));
    render::counters::kinds(&report.counters).iter().for_each(|(kind, counted)| say(kind, counted));
    if report.files_joined > 0 {
        say("joined", &format!("{} as they were", render::counted(report.files_joined as u64, "file")));
    }
    let keys = report.metadata_dropped.iter().map(|key| render::left_out_key(key));
    let left_out: Vec<String> = keys.chain(report.files_dropped.iter().cloned()).collect();
    for (name, texts, most) in [
        ("rejects", report.quarantine.as_slice(), 1),
        ("left out", &left_out, left_out.len()),
        ("not kept", &report.attributes_lost, LOST_SHOWN),
    ] {
        if !texts.is_empty() {
            say(name, &render::first_of(texts, most));
        }
    }
    if report.caught_up > 0 {
        let late = match report.left_for_next {
            0 => String::new(),
            late => format!("; {late} came last and are as they were: the next run migrates them"),
        };
        let files = render::counted(report.caught_up as u64, "file");
        say("took in", &format!("{files} that others added meanwhile{late}"));
    }
}

/// What every run has.
fn figures(report: &RunReport) -> [(&'static str, String); 4] {
    let RunReport { columns, cost, .. } = report;
    [
        ("rows", fates(report)),
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
                "{} read, {} written in {}, {} of it spliced",
                report.bytes_read,
                report.bytes_written,
                render::counted(report.files as u64, "file"),
                report.bytes_spliced
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
    ]
}

/// What became of the rows.
fn fates(report: &RunReport) -> String {
    let rows = &report.rows;
    let mut fates =
        format!("{} read, {} written", render::grouped(rows.read.0), render::grouped(rows.written.0));
    for (number, word) in [(rows.rejected, "rejected"), (rows.filtered, "filtered out")] {
        if number.0 > 0 {
            fates.push_str(&format!(", {} {word}", render::grouped(number.0)));
        }
    }
    fates
}
