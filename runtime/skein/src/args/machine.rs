//! The command line of what is about this machine and this program: `doctor`, `completion`, `reference`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::Output;

#[derive(Debug, Args)]
pub(crate) struct DoctorArgs {
    /// Datasets, or what might become one. Nothing is written but a probe beside each, which is removed.
    pub(crate) datasets: Vec<PathBuf>,
    /// How to print the findings.
    #[arg(short = 'o', long = "format", value_enum, default_value_t = Output::Table)]
    pub(crate) output: Output,
}

#[derive(Debug, Args)]
pub(crate) struct CompletionArgs {
    /// The shell.
    pub(crate) shell: clap_complete::Shell,
}

/// A page that is made from the code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Page {
    /// Commands and options.
    Cli,
    /// Limits of an agent.
    Limits,
    /// Error codes and classes.
    Errors,
    /// Exit codes.
    ExitCodes,
    /// The contract with modules.
    Contract,
    /// What can be asked of a server over HTTP, as OpenAPI.
    Openapi,
}

#[derive(Debug, Args)]
pub(crate) struct ReferenceArgs {
    /// Which page.
    #[arg(value_enum)]
    pub(crate) page: Page,
}
