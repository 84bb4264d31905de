//! What `run` and `check` have in common: parameters, secrets, which files.

use clap::Args;

/// What to migrate with, shared by `run` and `check`.
#[derive(Debug, Args)]
pub(crate) struct ParamArgs {
    /// Parameters: JSON, or @FILE with JSON or (if it ends in .toml) TOML, or @- for JSON on standard input.
    #[arg(long, value_name = "JSON|@FILE")]
    pub(crate) params: Option<String>,
    /// A secret that the parameters name as {"$secret":"NAME"}; read from FILE without its last line break.
    #[arg(long = "secret", value_name = "NAME=@FILE")]
    pub(crate) secrets: Vec<String>,
}

/// Heading of [`SelectionArgs`] in the help. Named by each option: `next_help_heading` would go on after them.
const SELECTION: &str = "Selection of files";

/// Which data files to work on, shared by `run` and `check`.
#[derive(Debug, Args)]
pub(crate) struct SelectionArgs {
    /// Work only on data files whose path inside the dataset matches; `*` stays in a directory, `**` does not.
    #[arg(long, value_name = "GLOB", help_heading = SELECTION)]
    pub(crate) include: Vec<String>,
    /// Leave data files out whose path inside the dataset matches.
    #[arg(long, value_name = "GLOB", help_heading = SELECTION)]
    pub(crate) exclude: Vec<String>,
    /// Work only on these hive partitions: KEY=VALUE, KEY=VALUE1,VALUE2 or KEY!=VALUE; all given must hold.
    #[arg(long = "where", value_name = "CONDITION", help_heading = SELECTION)]
    pub(crate) partitions: Vec<String>,
    /// Let files that are not selected keep another schema than those that are.
    #[arg(long, help_heading = SELECTION)]
    pub(crate) mixed_schemas: bool,
}
