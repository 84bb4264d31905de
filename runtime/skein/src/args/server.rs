//! Options of every command that asks a server: which one, how its answer is printed, and how much of a list.

use std::num::NonZeroUsize;

use clap::{Args, ValueEnum};

/// How what a server answers is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people.
    Table,
    /// One JSON document; of a list, all of it.
    Json,
    /// One JSON document a line, of a list one for each item, as the pages arrive.
    Ndjson,
}

/// Heading of [`ServerArgs`] in the help.
const SERVER: &str = "Server and output";
/// Heading of [`ListArgs`] in the help.
const LIST: &str = "How much of the list";

/// Which server, shared by the commands that ask one.
#[derive(Debug, Args)]
pub(crate) struct ServerArgs {
    /// Where the server is [default: $SKEIN_SERVER, the context's, or the one of this machine].
    #[arg(long, global = true, value_name = "URL", conflicts_with = "context", help_heading = SERVER)]
    pub(crate) server: Option<String>,
    /// The server that `skein context add` called so [default: $SKEIN_CONTEXT, or as `skein context use` says].
    #[arg(long, global = true, value_name = "NAME", help_heading = SERVER)]
    pub(crate) context: Option<String>,
    /// How to print the result.
    #[arg(
        short = 'o', long = "format", global = true, value_enum, default_value_t = Format::Table,
        help_heading = SERVER
    )]
    pub(crate) format: Format,
}

/// How much of a list to show.
#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    /// At most so many items [default: 100 in a table, all in json and ndjson].
    #[arg(long, value_name = "N", help_heading = LIST)]
    pub(crate) limit: Option<NonZeroUsize>,
    /// All items, in a table too.
    #[arg(long, conflicts_with = "limit", help_heading = LIST)]
    pub(crate) all: bool,
    /// Only these columns of the table, in this order, by their heads.
    #[arg(long, value_name = "HEAD,...", value_delimiter = ',', help_heading = LIST)]
    pub(crate) columns: Vec<String>,
}
