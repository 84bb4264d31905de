//! `skein restore`: a server's directory from a backup.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use serde::Serialize;
use skein_control::{Restored, ServiceError};
use skein_types::{Blake3, Clock, RunId, ServerId, SystemClock, codes};

use crate::args::Output;
use crate::failure::{CommandResult, Failure};
use crate::home::Home;
use crate::render;
use crate::settings::Settings;

/// Make the directory of a server from a backup, where none is.
///
/// Everything in the backup is checked before anything is made: each file, and the chain of the ledger. Stop the old server before
/// you start this one: both are the same to the datasets. What was published after the backup is listed; the datasets have it, and
/// the new server finds it done when it comes to it.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  skein restore /backups/skein-2026-08-01
  skein restore /backups/skein-2026-08-01 --dir /var/lib/skein/server")]
pub(crate) struct RestoreArgs {
    /// A directory that `skein backup` wrote.
    pub(crate) backup: PathBuf,
    /// The server's directory, not there yet or empty [default: server in $SKEIN_HOME].
    #[arg(long, value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,
    /// How to print the result.
    #[arg(short = 'o', long = "format", value_enum, default_value_t = Output::Table)]
    pub(crate) output: Output,
}

#[derive(Serialize)]
struct Shown {
    server: ServerId,
    made: String,
    position: u64,
    hash: Blake3,
    files: u64,
    keys: bool,
    /// Versions that were published after the backup was made: how many, and the first of them.
    published_since: u64,
    newer: Vec<Newer>,
    /// Datasets whose logs could not be read, so that it is not known.
    unread: u64,
}

#[derive(Serialize)]
struct Newer {
    dataset: String,
    version: u64,
    run: RunId,
    at: String,
}

pub(crate) fn restore(settings: &Settings, args: &RestoreArgs) -> CommandResult {
    let absolute =
        |path: &PathBuf| std::path::absolute(path).map_err(|error| Failure::new(codes::IO, &error));
    let backup = absolute(&args.backup)?;
    let dir = args.dir.as_ref().map_or_else(|| Ok(settings.home.join("server")), absolute)?;
    let (home, keys) = (Home::at(&settings.home), backup.join("keys"));
    if keys.is_dir() {
        home.keys_fit(&keys)?;
    }
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::start());
    let take_keys =
        || home.take_keys(&keys).map_err(|error| ServiceError::new(error.code(), error.message()));
    let restored = skein_control::restore(&backup, &dir, &clock, take_keys)
        .map_err(|error| Failure::text(error.code, error.message).hint(error.hint))?;
    let shown = shown(restored);
    match args.output {
        Output::Table => table(&shown, &dir.display().to_string()),
        Output::Json => render::json(&shown),
    }
    Ok(())
}

fn shown(restored: Restored) -> Shown {
    let newer = restored.newer.into_iter().map(|one| {
        let at = one.at.0.to_string();
        Newer { dataset: one.dataset, version: one.version, run: one.run, at }
    });
    Shown {
        server: restored.server,
        made: restored.made.0.to_string(),
        position: restored.position,
        hash: restored.hash,
        files: restored.files,
        keys: restored.keys,
        published_since: restored.newer_count,
        newer: newer.collect(),
        unread: restored.unread,
    }
}

fn table(shown: &Shown, dir: &str) {
    let Shown { server, made, position, published_since, unread, .. } = shown;
    render::line(&format!("{server} as of {made}, event {position}, is in {dir}"));
    if *published_since > 0 {
        render::line(&format!(
            "{published_since} versions were published after that; runs of them will be found done:"
        ));
        for Newer { dataset, version, run, at } in &shown.newer {
            render::line(&format!("  {dataset} version {version}, {at}, {run}"));
        }
    }
    if *unread > 0 {
        render::line(&format!(
            "the logs of {unread} datasets cannot be read now, so of them it is not known"
        ));
    }
    render::line(&format!("start it with `skein serve --dir {dir}`, when the old server has ended"));
}
