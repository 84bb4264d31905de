//! `skein`: migrate datasets with code that need not be trusted.
//!
//! The composition root: reads the environment once ([`settings`]), parses the command line ([`args`]) and hands over
//! to one file per command. Everything that decides anything lives in the crates below.

mod args;
mod authoring;
mod commands;
mod datasets;
mod failure;
mod home;
mod interrupt;
mod modules;
mod progress;
mod question;
mod render;
mod secrets;
mod settings;

use std::process::ExitCode;

use clap::Parser as _;

use crate::args::{Cli, Command};
use crate::settings::Settings;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return failure::usage(&error),
    };
    let settings = Settings::from_environment();
    settings.start_logging(cli.verbose);
    let output = cli.command.output();
    let result = match cli.command {
        Command::New(args) => commands::new::new(&settings, &args),
        Command::Build(args) => commands::build::build(&settings, &args),
        Command::Dev(args) => commands::dev::dev(&settings, &args),
        Command::Run(args) => commands::run::run(&settings, &args),
        Command::Check(args) => commands::check::check(&settings, &args),
        Command::History(args) => commands::history::history(&settings, &args),
        Command::Publish(args) => commands::publish::publish(&settings, &args),
        Command::Discard(args) => commands::discard::discard(&settings, &args),
        Command::Rollback(args) => commands::rollback::rollback(&settings, &args),
        Command::Finalize(args) => commands::finalize::finalize(&settings, &args),
        Command::Gc(args) => commands::gc::gc(&settings, &args),
        Command::Recover(args) => commands::recover::recover(&settings, &args),
        Command::Completion(args) => commands::completion::completion(&args),
        Command::Reference(args) => commands::reference::reference(&args),
        Command::Compile { limits } => return skein_sandbox::jail::child_main(&limits),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(output),
    }
}
