//! `skein completion`.

use clap::CommandFactory as _;

use crate::args::{Cli, CompletionArgs};
use crate::failure::CommandResult;
use crate::render;

pub(crate) fn completion(args: &CompletionArgs) -> CommandResult {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "skein", &mut script);
    render::raw(&String::from_utf8_lossy(&script));
    Ok(())
}
