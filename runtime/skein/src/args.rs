//! The command line: what every command has, the list of commands, and one file for each below.
//!
//! A noun of a server has its arguments with its commands in `commands/<noun>.rs`; here it is one line of [`Command`].

mod authoring;
mod check;
mod given;
mod machine;
#[cfg(test)]
mod printed;
mod resize;
mod run;
mod server;
mod size;
mod versions;

use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};

use crate::commands::approval::ApprovalArgs;
use crate::commands::attempt::AttemptArgs;
use crate::commands::audit::AuditArgs;
use crate::commands::backup::BackupArgs;
use crate::commands::campaign::CampaignArgs;
use crate::commands::context::ContextArgs;
use crate::commands::dataset::DatasetArgs;
use crate::commands::discard::DiscardArgs;
use crate::commands::explain::ExplainArgs;
use crate::commands::finalize::FinalizeArgs;
use crate::commands::fleet::FleetArgs;
use crate::commands::forget::ForgetArgs;
use crate::commands::gc::GcArgs;
use crate::commands::module::ModuleArgs;
use crate::commands::node::NodeArgs;
use crate::commands::policy::PolicyArgs;
use crate::commands::portal::PortalArgs;
use crate::commands::publish::PublishArgs;
use crate::commands::quota::QuotaArgs;
use crate::commands::restore::RestoreArgs;
use crate::commands::rule::RuleArgs;
use crate::commands::secret::SecretArgs;
use crate::commands::serve::ServeArgs;
use crate::commands::team::TeamArgs;
use crate::commands::token::TokenArgs;
use crate::commands::use_of::UsageArgs;
use crate::commands::webhook::WebhookArgs;
use crate::logging::LogArgs;
pub(crate) use authoring::{BuildArgs, DevArgs, NewArgs};
pub(crate) use check::CheckArgs;
pub(crate) use given::{ParamArgs, SelectionArgs};
pub(crate) use machine::{CompletionArgs, DoctorArgs, Page, ReferenceArgs};
pub(crate) use resize::ResizeArgs;
pub(crate) use run::{Names, RunArgs};
pub(crate) use server::{Format, ListArgs, ServerArgs};
pub(crate) use versions::{ExportArgs, HistoryArgs, Later, Reader, RecoverArgs, RollbackArgs};

const EXAMPLES: &str = "\
Examples:
  skein check prefs.wasm --dataset /data/prefs
  skein run prefs.wasm /data/prefs --params '{\"zone\":\"UTC\"}' --dry-run
  skein run prefs.wasm /data/prefs --params '{\"zone\":\"UTC\"}'
  skein run columns /data/users --params @drop-phone.toml
  skein history /data/prefs
  skein rollback /data/prefs

Exit codes: 0 done (or nothing to do), 1 it failed, 3 a person has to go on, 4 no token, 5 not found, 6 conflict, 7 denied,
64 usage, 65 bad input, 70 a mistake in Skein, 75 try again later, 124 --timeout, 130 interrupted.
Each error has a page: skein explain SK0311.";

/// Migrate datasets with code that need not be trusted.
///
/// A migration module is a WebAssembly component. Skein runs it in a sandbox over each row group of a Parquet
/// dataset, copies the columns that the module does not touch, checks what comes out, publishes the result
/// atomically and keeps the old version so that it can be rolled back.
#[derive(Debug, Parser)]
#[command(name = "skein", version, after_help = EXAMPLES, propagate_version = true)]
pub(crate) struct Cli {
    /// Say more on stderr (-v decisions, -vv everything).
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
    /// Directory in which the dataset's state (log, kept versions, quarantine) lies [default: .skein beside the
    /// dataset, or as skein.toml says]. On the dataset's own device; a dataset keeps the state that it has.
    #[arg(long, global = true, value_name = "DIR")]
    pub(crate) state: Option<PathBuf>,
    /// Settings of this machine [default: skein.toml in $SKEIN_HOME, if it is there].
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What has no words here has them, more of them, where its arguments are.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make the crate of a new migration.
    New(NewArgs),
    /// Build a migration's crate into a module.
    Build(BuildArgs),
    /// Build a migration again and again while it is written, and show what it does to a few rows.
    Dev(DevArgs),
    /// Migrate a dataset with a module and publish the result.
    Run(RunArgs),
    /// Look at a module, and at what it would do to a dataset, without doing it.
    Check(CheckArgs),
    /// List the versions of a dataset.
    History(HistoryArgs),
    /// Make current what a run with `--publish hold` has finished.
    Publish(PublishArgs),
    /// Give up what a run with `--publish hold` has finished.
    Discard(DiscardArgs),
    /// Make an older version of a dataset current again.
    Rollback(RollbackArgs),
    /// Give up old versions and free what they take.
    Finalize(FinalizeArgs),
    /// Remove all that Skein knows of a dataset, and leave the dataset.
    Forget(ForgetArgs),
    /// Remove what dead processes left behind.
    Gc(GcArgs),
    /// Finish or undo what a killed process left behind. Safe to run at any time.
    Recover(RecoverArgs),
    /// Print the files of a version, or copy them out.
    Export(ExportArgs),
    /// Say what this machine and the places of datasets are fit for.
    Doctor(DoctorArgs),
    Serve(ServeArgs),
    /// Copy a server while it runs, or while it does not.
    Backup(BackupArgs),
    /// Make a server's directory from a backup.
    Restore(RestoreArgs),
    Module(ModuleArgs),
    Dataset(DatasetArgs),
    Campaign(CampaignArgs),
    Attempt(AttemptArgs),
    Fleet(FleetArgs),
    Team(TeamArgs),
    Token(TokenArgs),
    Policy(PolicyArgs),
    Portal(PortalArgs),
    Rule(RuleArgs),
    Secret(SecretArgs),
    Approval(ApprovalArgs),
    Audit(AuditArgs),
    Context(ContextArgs),
    /// Set and show who may take how much of a server's fleet.
    Quota(QuotaArgs),
    /// Show what work took of a server's fleet.
    Usage(UsageArgs),
    /// Say who a server tells what happens: programs, chats, people.
    Webhook(WebhookArgs),
    /// Print the page of an error code.
    Explain(ExplainArgs),
    /// Print a completion script for a shell.
    Completion(CompletionArgs),
    /// Print a page of the reference.
    #[command(hide = true)]
    Reference(ReferenceArgs),
    /// Carry out tasks of a server; started by `skein serve`.
    #[command(hide = true)]
    Node(NodeArgs),
    /// Evaluate rules from stdin; started by Skein itself under limits.
    #[command(hide = true)]
    Evaluate {
        /// The limits, as the parent passes them.
        #[arg(trailing_var_arg = true)]
        limits: Vec<String>,
    },
    /// Ask a compiled module from stdin what it is; started by Skein itself under limits.
    #[command(hide = true)]
    Describe {
        /// What it is signed with, as the parent passes it.
        #[arg(trailing_var_arg = true)]
        key: Vec<String>,
    },
    /// Compile one module from stdin; started by Skein itself under limits.
    #[command(hide = true)]
    Compile {
        /// The limits, as the parent passes them.
        #[arg(trailing_var_arg = true)]
        limits: Vec<String>,
    },
}

impl Command {
    /// What runs for long says how it logs, and under which name its spans are sent.
    pub(crate) const fn logs(&self) -> Option<(&'static str, &LogArgs)> {
        if let Self::Serve(serve) = self {
            Some(("skein-control", &serve.logs))
        } else if let Self::Node(node) = self {
            Some(("skein-node", &node.logs))
        } else {
            None
        }
    }

    /// How errors of it are printed.
    pub(crate) fn format(&self) -> Format {
        let output = match self {
            Self::New(a) => a.output,
            Self::Build(a) => a.output,
            Self::Run(a) => a.output,
            Self::Check(a) => a.output,
            Self::History(a) => a.output,
            Self::Publish(a) => a.output,
            Self::Discard(a) => a.output,
            Self::Rollback(a) => a.output,
            Self::Finalize(a) => a.output,
            Self::Forget(a) => a.output,
            Self::Gc(a) => a.output,
            Self::Recover(a) => a.output,
            Self::Export(a) => a.output,
            Self::Doctor(a) => a.output,
            Self::Module(a) => return a.server.format,
            Self::Dataset(a) => return a.server.format,
            Self::Campaign(a) => return a.server.format,
            Self::Fleet(a) => return a.server.format,
            Self::Context(a) => return a.server.format,
            Self::Team(a) => return a.server.format,
            Self::Token(a) => return a.server.format,
            Self::Policy(a) => return a.server.format,
            Self::Portal(a) => return a.server.format,
            Self::Rule(a) => return a.server.format,
            Self::Secret(a) => return a.server.format,
            Self::Approval(a) => return a.server.format,
            Self::Audit(a) => return a.server.format,
            Self::Restore(a) => a.output,
            Self::Attempt(a) => return a.server.format,
            Self::Backup(a) => return a.server.format,
            Self::Quota(a) => return a.server.format,
            Self::Usage(a) => return a.server.format,
            Self::Webhook(a) => return a.server.format,
            Self::Dev(_)
            | Self::Serve(_)
            | Self::Node(_)
            | Self::Explain(_)
            | Self::Completion(_)
            | Self::Reference(_)
            | Self::Evaluate { .. }
            | Self::Describe { .. }
            | Self::Compile { .. } => Output::Table,
        };
        output.into()
    }
}

/// How results are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Output {
    /// For people.
    Table,
    /// One JSON document on stdout.
    Json,
}

impl From<Output> for Format {
    fn from(output: Output) -> Self {
        match output {
            Output::Table => Self::Table,
            Output::Json => Self::Json,
        }
    }
}
