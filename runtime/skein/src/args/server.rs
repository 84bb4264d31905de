//! Options of every command that asks a server.

use clap::Args;

use super::Output;

/// Which server, shared by the commands that ask one.
#[derive(Debug, Args)]
pub(crate) struct ServerArgs {
    /// Where the server is [default: $SKEIN_SERVER, or http://127.0.0.1:7447].
    #[arg(long, global = true, value_name = "URL")]
    pub(crate) server: Option<String>,
    /// How to print the result.
    #[arg(short = 'o', long = "format", global = true, value_enum, default_value_t = Output::Table)]
    pub(crate) output: Output,
}
