//! `skein secret`: values that parameters name and modules are given. Nothing here prints one.

use std::io::IsTerminal as _;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use skein_api::Secret;
use skein_types::codes;

use crate::args::{ListArgs, ServerArgs};
use crate::failure::{CommandResult, Failure};
use crate::question::confirmed;
use crate::secrets;
use crate::server::{Server, encoded};
use crate::settings::Settings;
use crate::view::{Row, View};

/// Set, list and remove the secrets of a team.
///
/// Parameters name a secret as {"$secret": "NAME"}; the value goes from the server into the module and nowhere else. It is read
/// from standard input or a file, never from the command line, where others on the machine could see it.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  skein secret set people-key --team payments < people.key
  skein secret set people-key --team payments --file people.key
  skein secret list --team payments
  skein secret remove people-key --team payments")]
pub(crate) struct SecretArgs {
    #[command(subcommand)]
    pub(crate) verb: SecretVerb,
    #[command(flatten)]
    pub(crate) server: ServerArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum SecretVerb {
    /// Set one. Campaigns that were made before keep the value that they have.
    Set {
        /// As parameters name it.
        name: String,
        /// The team that it belongs to.
        #[arg(long)]
        team: String,
        /// Where the value is [default: standard input]; read without its last line break.
        #[arg(long, value_name = "FILE")]
        file: Option<PathBuf>,
    },
    /// List the names of a team's secrets.
    List {
        /// Which team.
        #[arg(long)]
        team: String,
        #[command(flatten)]
        list: ListArgs,
    },
    /// Remove one. Campaigns that were made with it keep its value until they are over.
    Remove {
        /// Which.
        name: String,
        /// The team that it belongs to.
        #[arg(long)]
        team: String,
        /// Do not ask.
        #[arg(long)]
        yes: bool,
    },
}

impl Row for Secret {
    const HEADS: &'static [&'static str] = &["team", "secret", "version", "since", "digest"];
    fn cells(&self) -> Vec<String> {
        vec![
            self.team.to_string(),
            self.name.to_string(),
            self.version.to_string(),
            self.since.to_string(),
            self.digest.to_string(),
        ]
    }
}

pub(crate) fn secret(settings: &Settings, args: &SecretArgs) -> CommandResult {
    let (server, view) = (Server::of(settings, &args.server)?, View::of(settings, &args.server));
    let path = |team: &str, name: &str| format!("teams/{}/secrets/{}", encoded(team), encoded(name));
    match &args.verb {
        SecretVerb::Set { name, team, file } => {
            let value = match file {
                Some(file) => secrets::value_in(&file.to_string_lossy())?,
                None if std::io::stdin().is_terminal() => {
                    let failure = Failure::text(codes::USAGE, "a value that is typed would be seen");
                    return Err(failure.hint(Some("redirect standard input from a file, or give --file")));
                }
                None => secrets::value_from_stdin()?,
            };
            view.one(&server.put::<Secret>(&path(team, name), value)?);
        }
        SecretVerb::List { team, list } => {
            view.list::<Secret>(&server, (&format!("teams/{}/secrets", encoded(team)), ""), list)?;
        }
        SecretVerb::Remove { name, team, yes } => {
            let there: Secret = server.get(&path(team, name))?;
            let question =
                format!("remove secret {} of team {}? New campaigns cannot name it", there.name, there.team);
            confirmed(settings, *yes, &question)?;
            view.one(&server.delete::<Secret>(&path(team, name))?);
        }
    }
    Ok(())
}
