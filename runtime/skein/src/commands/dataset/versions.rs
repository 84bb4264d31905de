//! `skein dataset history`, `rollback` and `export`: the versions of a server's dataset.

use clap::Args;
use skein_api::{DatasetExport, DatasetRollback, DatasetRolledBack, DatasetVersion, Text};
use skein_types::{RunState, codes};

use crate::args::{ListArgs, Reader};
use crate::failure::{CommandResult, Failure};
use crate::question;
use crate::render;
use crate::server::{Server, encoded};
use crate::settings::Settings;
use crate::view::{Row, View};

/// Whose versions.
#[derive(Debug, Args)]
pub(crate) struct HistoryArgs {
    /// The dataset's name or id.
    dataset: String,
    #[command(flatten)]
    list: ListArgs,
}

/// What is to be undone.
#[derive(Debug, Args)]
#[command(disable_version_flag = true)]
pub(crate) struct RollbackArgs {
    /// The dataset's name or id.
    dataset: String,
    /// The version that is to be undone; the current one if nothing is said.
    #[arg(long)]
    version: Option<u64>,
    /// For the record.
    #[arg(long)]
    reason: Option<String>,
    /// Do not ask.
    #[arg(long)]
    yes: bool,
}

/// What is to be read.
#[derive(Debug, Args)]
#[command(disable_version_flag = true)]
pub(crate) struct ExportArgs {
    /// The dataset's name or id.
    dataset: String,
    /// Which version; the current one if nothing is said.
    #[arg(long)]
    version: Option<u64>,
    /// A statement for this reader, and not the paths.
    #[arg(long = "for", value_name = "READER")]
    reader: Option<Reader>,
}

fn path(dataset: &str, what: &str) -> String {
    format!("datasets/{}/{what}", encoded(dataset))
}

pub(super) fn history(server: &Server, args: &HistoryArgs, view: View) -> CommandResult {
    view.list::<DatasetVersion>(server, (&path(&args.dataset, "history"), ""), &args.list)
}

pub(super) fn rollback(
    settings: &Settings,
    server: &Server,
    args: &RollbackArgs,
    view: View,
) -> CommandResult {
    let expect = match args.version {
        Some(version) => version,
        None => current(server, &args.dataset)?,
    };
    let question = format!("Undo version {expect} of {}?", args.dataset);
    question::confirmed(settings, args.yes, &question)?;
    let reason = args.reason.clone().map(Text::new).transpose();
    let reason = reason.map_err(|error| Failure::text(codes::USAGE, format!("--reason: {error}")))?;
    let done: DatasetRolledBack =
        server.post(&path(&args.dataset, "rollback"), &DatasetRollback { expect, reason })?;
    let why = done.run.why.as_ref();
    view.told(&done, || {
        let DatasetRolledBack { undoes, run, .. } = &done;
        render::line(&match (run.state, run.version) {
            (RunState::Reverted, Some(version)) => {
                format!("version {undoes} is undone: version {version} is current")
            }
            (RunState::RevertFailed, _) => {
                let why = why.map(|why| format!(": {} {}", why.code, why.message)).unwrap_or_default();
                format!("version {undoes} could not be undone{why}")
            }
            (state, _) => {
                format!("version {undoes} is being undone ({state}); ask again to see how that ends")
            }
        });
    });
    match why.filter(|_| done.run.state == RunState::RevertFailed) {
        None => Ok(()),
        Some(why) => {
            let code = codes::ALL.iter().find(|code| code.id == why.code.as_str()).copied();
            Err(Failure::told(code.unwrap_or(codes::BUG)))
        }
    }
}

fn current(server: &Server, dataset: &str) -> Result<u64, Failure> {
    let versions: Vec<DatasetVersion> = server.pages(&path(dataset, "history"))?;
    let current = versions.iter().find(|version| version.current);
    current
        .map(|version| version.version)
        .ok_or_else(|| Failure::text(codes::NO_HISTORY, format!("{dataset} has no history")))
}

pub(super) fn export(server: &Server, args: &ExportArgs, view: View) -> CommandResult {
    let version = args.version.map(|version| format!("?version={version}")).unwrap_or_default();
    let export: DatasetExport = server.get(&format!("{}{version}", path(&args.dataset, "export")))?;
    view.told(&export, || match args.reader {
        None => export.files.iter().for_each(|file| render::as_is(&file.path)),
        Some(reader) => {
            render::as_is(match reader {
                Reader::Duckdb => &export.duckdb,
                Reader::Spark => &export.spark,
                Reader::Polars => &export.polars,
                Reader::Pyarrow => &export.pyarrow,
            });
        }
    });
    Ok(())
}

impl Row for DatasetVersion {
    const HEADS: &'static [&'static str] =
        &["version", "time", "kind", "what", "campaign", "files", "size", "rows", "kept"];
    fn cells(&self) -> Vec<String> {
        let kept = match (self.current, self.available, self.kept) {
            (true, _, _) => "current".to_owned(),
            (false, true, Some(kept)) => kept.to_string(),
            (false, true, None) => "yes".to_owned(),
            (false, false, _) => "no".to_owned(),
        };
        vec![
            self.version.to_string(),
            self.since.to_string(),
            self.kind.to_string(),
            self.what.to_string(),
            self.campaign.map(|campaign| campaign.to_string()).unwrap_or_default(),
            self.files.to_string(),
            self.bytes.to_string(),
            self.rows.map(|rows| render::grouped(rows.0)).unwrap_or_default(),
            kept,
        ]
    }
}
