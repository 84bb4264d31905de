//! `skein reference`: pages of the documentation that say what the code says.
//!
//! Hidden: the pages are committed under `docs/`, and a test compares them with what this prints.

mod contract;
mod errors;
mod exit_codes;

use std::fmt::Write as _;

use clap::{Command, CommandFactory as _};
use skein_sandbox::Limits;

use crate::args::{Cli, Page, ReferenceArgs};
use crate::failure::CommandResult;
use crate::render;

/// Help texts are laid out for a page, not for the terminal at hand.
const WIDTH: usize = 110;

pub(crate) fn reference(args: &ReferenceArgs) -> CommandResult {
    let page = match args.page {
        Page::Cli => command_line(),
        Page::Limits => limits(),
        Page::Errors => errors::page(),
        Page::ExitCodes => exit_codes::page(),
        Page::Contract => contract::page(),
        Page::Openapi => skein_server::openapi::text().to_owned(),
    };
    render::as_is(page.trim_end());
    Ok(())
}

fn command_line() -> String {
    let mut root = Cli::command().term_width(WIDTH);
    root.build();
    let mut page = String::from(
        "# Command line\n\nWhat `skein --help` and `skein COMMAND --help` say. Data goes to standard output, everything \
         else to standard\nerror; `-o json` prints one JSON document, also for errors. [Exit codes](exit-codes.md) have a\n\
         page of their own.\n",
    );
    section(&mut page, &mut root, 0);
    page
}

/// One command and those below it. What all verbs of a noun take stands with the noun.
fn section(page: &mut String, command: &mut Command, depth: usize) {
    if depth > 1 {
        *command = command.clone().mut_args(|arg| if arg.is_global_set() { arg.hide(true) } else { arg });
    }
    let help = command.render_long_help().to_string();
    let name = command.get_bin_name().unwrap_or_else(|| command.get_name()).to_owned();
    // Writing to a string cannot fail.
    let _ok = write!(page, "\n## {name}\n\n```text\n{}\n```\n", trimmed(&help));
    for below in command.get_subcommands_mut().filter(|c| !c.is_hide_set() && c.get_name() != "help") {
        section(page, below, depth + 1);
    }
}

fn trimmed(help: &str) -> String {
    help.trim_end().lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
}

fn limits() -> String {
    let mut page = String::from(
        "# Limits\n\nWhat one agent (one sandbox, one task) may use unless somebody says otherwise. Reaching a limit ends the \
         run with the\nlimit's own code and leaves the dataset as it was. None depends on how busy the machine is, but for \
         time on the clock.\n\n| Limit | Standard | Code | Option of `skein run` |\n|---|---|---|---|\n",
    );
    for limit in Limits::STANDARD.listed() {
        let option = limit.option.map_or_else(String::new, |option| format!("`{option}`"));
        let code = limit.code;
        let _ok =
            writeln!(page, "| {} | {} | [{code}](../errors/{code}.md) | {option} |", limit.what, limit.value);
    }
    page.push_str(
        "\n## A server\n\nWhat whoever asks a server may take of it. The same for everybody.\n\n| Limit | Is | Code |\n|---|---|---|\n",
    );
    for limit in skein_server::server_limits() {
        let code = limit.code.map_or_else(String::new, |code| format!("[{code}](../errors/{code}.md)"));
        let _ok = writeln!(page, "| {} | {} | {code} |", limit.what, limit.value);
    }
    page
}
