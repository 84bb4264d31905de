//! `skein completion`.

use clap::CommandFactory as _;

use crate::args::{Cli, CompletionArgs};
use crate::failure::CommandResult;

pub(crate) fn completion(args: &CompletionArgs) -> CommandResult {
    clap_complete::generate(args.shell, &mut Cli::command(), "skein", &mut std::io::stdout());
    Ok(())
}
