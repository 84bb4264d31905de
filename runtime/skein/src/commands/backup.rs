//! `skein backup`: a copy of a server, from which another can be made.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use skein_api::{Backup, BackupAsk, Location};
use skein_control::back_up_stopped;
use skein_server::BACKUP_TIME;
use skein_types::{Clock, SystemClock, codes};

use crate::args::ServerArgs;
use crate::contexts;
use crate::failure::{CommandResult, Failure};
use crate::home::Home;
use crate::render;
use crate::server::Server;
use crate::settings::Settings;
use crate::view::View;

/// The server's own limit, and a little more for its answer.
const PATIENCE: Duration = Duration::from_secs(BACKUP_TIME.as_secs() + 30);

/// Copy a server: its ledger, modules, sealed secrets and identity, into a directory that is not there yet.
///
/// A server that runs is asked to do it, goes on meanwhile, and writes it on its own machine, as its own user; that takes an
/// admin. One that does not run is copied from its directory. The copy is checked before it gets its name. Datasets are not in it:
/// they are where they are, with their logs and kept versions.
///
/// The keys that open secrets are not in it either, so it gives none away; keep `keys` of $SKEIN_HOME apart from it, or the
/// secrets have to be set again. `--with-key` puts them in. Of a server that does not run they are taken from this $SKEIN_HOME, if they
/// are those that it ran with.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  skein backup /backups/skein-2026-08-01
  skein backup /backups/skein-2026-08-01 --server https://skein.example.org
  skein backup /backups/stopped --dir /var/lib/skein/server")]
pub(crate) struct BackupArgs {
    /// Where it shall be.
    #[arg(value_name = "DEST")]
    pub(crate) to: PathBuf,
    /// Put the server's keys into it: who has it then has every secret. A server that runs does so for persons alone.
    #[arg(long)]
    pub(crate) with_key: bool,
    /// The directory of a server of this machine; if it runs, it is asked [default: server in $SKEIN_HOME, unless a server is named].
    #[arg(long, value_name = "DIR", conflicts_with_all = ["server", "context"])]
    pub(crate) dir: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) server: ServerArgs,
}

pub(crate) fn backup(settings: &Settings, args: &BackupArgs) -> CommandResult {
    let to = std::path::absolute(&args.to).map_err(|error| Failure::new(codes::IO, &error))?;
    let made = match stopped(settings, args, &to)? {
        Some(made) => made,
        None => {
            let to = to.to_str().and_then(|path| Location::new(path).ok()).ok_or_else(|| {
                Failure::text(codes::USAGE, format!("{} is no path that can be sent", to.display()))
            })?;
            let ask = BackupAsk { to, with_keys: args.with_key };
            asked(settings, args)?.post_long("backups", &ask, PATIENCE)?
        }
    };
    View::of(settings, &args.server).told(&made, || {
        let Backup { at, server, position, files, bytes, .. } = &made;
        render::line(&format!(
            "{server} up to event {position} is in {}: {files} files, {bytes}",
            at.as_str()
        ));
        if !made.keys {
            render::line("the keys of its secrets are not in it: keep `keys` of $SKEIN_HOME apart");
        }
    });
    Ok(())
}

/// The server that runs: the one in the directory that is named, or as for every command.
fn asked(settings: &Settings, args: &BackupArgs) -> Result<Server, Failure> {
    let Some(dir) = &args.dir else { return Server::of(settings, &args.server) };
    let address = contexts::address_in(dir).ok_or_else(|| {
        let message = format!("{} is in use, and does not say by which server", dir.display());
        Failure::text(codes::LEDGER_LOCKED, message).hint(Some("name the server with --server"))
    })?;
    Server::at(contexts::Target { server: address, token: settings.token.clone() })
}

/// A server that does not run is copied here. None: it runs, or another one is meant.
fn stopped(settings: &Settings, args: &BackupArgs, to: &std::path::Path) -> Result<Option<Backup>, Failure> {
    if args.dir.is_none() && contexts::names_one(settings, &args.server)? {
        return Ok(None);
    }
    let usual = Home::at(&settings.home).server();
    let dir = args.dir.as_deref().unwrap_or(&usual);
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::start());
    let keys = args.with_key.then(|| Home::at(&settings.home).keys());
    match back_up_stopped(dir, keys.as_deref(), to, &clock) {
        Ok(made) => Ok(Some(made)),
        Err(error) if error.code == codes::LEDGER_LOCKED => Ok(None),
        Err(error) if error.code == codes::NOT_FOUND && args.dir.is_none() => Ok(None),
        Err(error) => Err(Failure::text(error.code, error.message).hint(error.hint)),
    }
}
