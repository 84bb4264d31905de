//! `skein dev`: one round after the other while a migration is written.
//!
//! A round builds the crate, plans for the sample and sends the sample through the sandbox: what a run would do to these rows,
//! without anything being published. What goes wrong in a round is told and is no end: the next change may mend it.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use skein_dataset::NameRule;
use skein_node::{DryRun, DryRunRequest, Progress, Resize, RunRequest, dry_run};
use skein_sandbox::Limits;
use skein_types::{Clock, RunId, SystemClock, VerifyLevel};

use crate::advice;
use crate::args::{DevArgs, Format};
use crate::authoring::watch::Sight;
use crate::commands::{build, run};
use crate::datasets;
use crate::failure::CommandResult;
use crate::home::Home;
use crate::interrupt;
use crate::modules;
use crate::render;
use crate::secrets;
use crate::settings::Settings;

/// How often it looks for changes: sooner than a hand comes from the editor to the eye.
const LOOK_EVERY: Duration = Duration::from_millis(300);
/// Rejected rows of a sample are shown, not counted against it.
const REJECTS_MAX: u64 = 10_000;

pub(crate) fn dev(settings: &Settings, args: &DevArgs) -> CommandResult {
    let progress = Arc::new(Progress::default());
    let asked = interrupt::ends(&progress);
    if args.once {
        return round(settings, args, &progress);
    }
    let mut seen = Sight::default();
    loop {
        let now = Sight::of(&args.dir);
        if now != seen {
            // As it was before the round: what changes meanwhile is a reason for another.
            seen = now;
            if let Err(failure) = round(settings, args, &progress) {
                failure.report(Format::Table);
            }
            if is_asked(&asked, Duration::ZERO) {
                return Ok(());
            }
            render::to_stderr("");
            render::to_stderr(&format!("waiting for changes in {}; Ctrl-C ends", args.dir.display()));
        }
        if is_asked(&asked, LOOK_EVERY) {
            return Ok(());
        }
    }
}

fn is_asked(asked: &Receiver<()>, wait: Duration) -> bool {
    !matches!(asked.recv_timeout(wait), Err(RecvTimeoutError::Timeout))
}

fn round(settings: &Settings, args: &DevArgs, progress: &Progress) -> CommandResult {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::start());
    let home = Home::at(&settings.home);
    let params = secrets::params(&args.with, &home)?;
    let (module, fresh) = build::compiled(settings, &args.dir, false, &clock)?;
    let dataset = datasets::open(settings, &sample(args), Arc::clone(&clock), 1)?;
    let limits = Limits::STANDARD;
    let request = RunRequest {
        run: RunId::new(uuid::Uuid::now_v7()),
        params,
        name: None,
        again: true,
        threads: 1,
        limits: limits.clone(),
        rejects_max: REJECTS_MAX,
        allow_empty: true,
        verify: VerifyLevel::Counts,
        files: skein_node::FileChoice::everything(),
        checkpoint_rows: RunRequest::CHECKPOINT_ROWS,
        resize: Resize::NONE,
        names: NameRule::Hashed,
        sensitive: Vec::new(),
    };
    let request = DryRunRequest { run: request, rows: args.rows, into: None };
    let found =
        dry_run(dataset, &fresh.module, &request, &clock, progress).map_err(|error| run::failed(&error))?;
    let manifest = modules::describe(&fresh.module, &limits)?;
    render::line(&format!("{}: {} {}", module.display(), manifest.name, manifest.version));
    match &found {
        DryRun::WouldRun(forecast) => run::dry_run::rows_told(forecast, settings.page),
        // It was asked for again.
        DryRun::AlreadyMigrated { .. } => {}
    }
    advice::told(&advice::of_module(&fresh.report, &manifest, &limits));
    Ok(())
}

/// The fixture, whose directory is a dataset of one file.
fn sample(args: &DevArgs) -> PathBuf {
    args.dataset.clone().unwrap_or_else(|| args.dir.join("fixture"))
}
