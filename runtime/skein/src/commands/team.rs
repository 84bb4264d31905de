//! `skein team`: the teams of a server.

use clap::{Args, Subcommand};
use skein_api::{Team, TeamPut, Text};
use skein_types::codes;

use crate::args::{ListArgs, ServerArgs};
use crate::failure::{CommandResult, Failure};
use crate::question::confirmed;
use crate::server::{Server, encoded};
use crate::settings::Settings;
use crate::view::{Row, View};

/// Make, show and remove the teams of a server.
///
/// Datasets, modules, campaigns and secrets belong to a team; tokens say what their holders may do in which.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  skein team add payments --note '#payments-data'
  skein team list
  skein team remove payments")]
pub(crate) struct TeamArgs {
    #[command(subcommand)]
    pub(crate) verb: TeamVerb,
    #[command(flatten)]
    pub(crate) server: ServerArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum TeamVerb {
    /// Make a team, or say something else about it.
    Add {
        /// Its name, which stays.
        team: String,
        /// What it is, where it is reached.
        #[arg(long, default_value = "")]
        note: String,
    },
    /// List the teams that the token may see.
    List {
        #[command(flatten)]
        list: ListArgs,
    },
    /// Show one.
    Show {
        /// Which.
        team: String,
    },
    /// Remove one that has nothing left.
    Remove {
        /// Which.
        team: String,
        /// Do not ask.
        #[arg(long)]
        yes: bool,
    },
}

impl Row for Team {
    const HEADS: &'static [&'static str] = &["team", "since", "note"];
    fn cells(&self) -> Vec<String> {
        vec![self.team.to_string(), self.since.to_string(), self.note.to_string()]
    }
}

pub(crate) fn team(settings: &Settings, args: &TeamArgs) -> CommandResult {
    let (server, view) = (Server::of(settings, &args.server)?, View::of(settings, &args.server));
    let path = |team: &str| format!("teams/{}", encoded(team));
    match &args.verb {
        TeamVerb::Add { team, note } => {
            let note = Text::new(note.clone());
            let note = note.map_err(|error| Failure::text(codes::USAGE, format!("--note: {error}")))?;
            view.one(&server.set::<Team>(&path(team), &TeamPut { note }, None)?);
        }
        TeamVerb::List { list } => view.list::<Team>(&server, ("teams", ""), list)?,
        TeamVerb::Show { team } => view.one(&server.get::<Team>(&path(team))?),
        TeamVerb::Remove { team, yes } => {
            let there: Team = server.get(&path(team))?;
            confirmed(settings, *yes, &format!("remove team {} from the server?", there.team))?;
            view.one(&server.delete::<Team>(&path(team))?);
        }
    }
    Ok(())
}
