//! `skein`: migrate datasets with code that need not be trusted.
//!
//! The composition root: reads the environment once ([`settings`]), parses the command line ([`args`]) and hands over
//! to one file per command. Everything that decides anything lives in the crates below.

mod advice;
mod args;
mod aside;
mod authoring;
mod commands;
mod contexts;
mod datasets;
mod descriptors;
#[cfg(test)]
mod documented;
mod failure;
mod home;
mod interrupt;
mod logging;
mod machine;
mod manifest;
mod modules;
mod oidc;
mod onlookers;
mod otlp;
mod progress;
mod question;
mod render;
mod scrape;
mod secrets;
mod selection;
mod server;
mod settings;
mod toml_text;
mod usage;
mod view;

use std::process::ExitCode;

use clap::Parser as _;

use crate::args::{Cli, Command};
use crate::failure::CommandResult;
use crate::settings::Settings;

fn main() -> ExitCode {
    choose_tls();
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return usage::refused(error),
    };
    let settings = Settings::from_environment();
    let format = cli.command.format();
    if let Command::Compile { limits } = &cli.command {
        logging::start(&settings, cli.verbose, None);
        return skein_sandbox::jail::child_main(limits);
    }
    if let Command::Describe { key } = &cli.command {
        return skein_sandbox::jail::describe_main(key);
    }
    if let Command::Evaluate { limits } = &cli.command {
        return skein_node::evaluate_main(limits);
    }
    let result = settings.with_options(cli.state, cli.config.as_deref()).and_then(|settings| {
        let _spans = logging::start(&settings, cli.verbose, cli.command.logs());
        command(&settings, cli.command)
    });
    let result = result.and_then(|()| failure::of_output());
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(format),
    }
}

/// Whoever asks a server, a node too, makes a client that needs one. Only a second choice could be refused, and there is none.
fn choose_tls() {
    rustls::crypto::ring::default_provider().install_default().unwrap_or_default();
}

fn command(settings: &Settings, command: Command) -> CommandResult {
    match command {
        Command::New(args) => commands::new::new(settings, &args),
        Command::Build(args) => commands::build::build(settings, &args),
        Command::Dev(args) => commands::dev::dev(settings, &args),
        Command::Run(args) => commands::run::run(settings, &args),
        Command::Check(args) => commands::check::check(settings, &args),
        Command::History(args) => commands::history::history(settings, &args),
        Command::Publish(args) => commands::publish::publish(settings, &args),
        Command::Discard(args) => commands::discard::discard(settings, &args),
        Command::Rollback(args) => commands::rollback::rollback(settings, &args),
        Command::Finalize(args) => commands::finalize::finalize(settings, &args),
        Command::Forget(args) => commands::forget::forget(settings, &args),
        Command::Gc(args) => commands::gc::gc(settings, &args),
        Command::Recover(args) => commands::recover::recover(settings, &args),
        Command::Export(args) => commands::export::export(settings, &args),
        Command::Explain(args) => commands::explain::explain(&args),
        Command::Doctor(args) => commands::doctor::doctor(settings, &args),
        Command::Serve(args) => commands::serve::serve(settings, &args),
        Command::Backup(args) => commands::backup::backup(settings, &args),
        Command::Restore(args) => commands::restore::restore(settings, &args),
        Command::Node(args) => commands::node::node(&args),
        Command::Module(args) => commands::module::module(settings, &args),
        Command::Dataset(args) => commands::dataset::dataset(settings, &args),
        Command::Campaign(args) => commands::campaign::campaign(settings, &args),
        Command::Attempt(args) => commands::attempt::attempt(settings, &args),
        Command::Fleet(args) => commands::fleet::fleet(settings, &args),
        Command::Team(args) => commands::team::team(settings, &args),
        Command::Token(args) => commands::token::token(settings, &args),
        Command::Rule(args) => commands::rule::rule(settings, &args),
        Command::Portal(args) => commands::portal::portal(settings, &args),
        Command::Policy(args) => commands::policy::policy(settings, &args),
        Command::Secret(args) => commands::secret::secret(settings, &args),
        Command::Approval(args) => commands::approval::approval(settings, &args),
        Command::Audit(args) => commands::audit::audit(settings, &args),
        Command::Context(args) => commands::context::context(settings, &args),
        Command::Quota(args) => commands::quota::quota(settings, &args),
        Command::Usage(args) => commands::use_of::usage(settings, &args),
        Command::Webhook(args) => commands::webhook::webhook(settings, &args),
        Command::Completion(args) => commands::completion::completion(&args),
        Command::Reference(args) => commands::reference::reference(&args),
        Command::Evaluate { .. } | Command::Describe { .. } | Command::Compile { .. } => {
            unreachable!("handled before the settings are read")
        }
    }
}
