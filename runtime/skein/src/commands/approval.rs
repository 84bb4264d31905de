//! `skein approval`: what waits for people, over all campaigns.

use clap::{Args, Subcommand};
use skein_api::Waits;

use crate::args::{ListArgs, ServerArgs};
use crate::failure::CommandResult;
use crate::render;
use crate::server::Server;
use crate::settings::Settings;
use crate::view::{Row, View};

/// See what waits for an approval.
///
/// A plan is sliced by the teams whose datasets it is over; by its risk each slice needs nobody, one approver of its team, or two
/// persons. `skein campaign approve` gives an approval, `skein campaign approvals` shows all of one plan.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  skein approval list
  skein approval list --everybody -o json
  skein campaign approve cmp_0198... --slice shop")]
pub(crate) struct ApprovalArgs {
    #[command(subcommand)]
    pub(crate) verb: ApprovalVerb,
    #[command(flatten)]
    pub(crate) server: ServerArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ApprovalVerb {
    /// List what waits for you.
    List {
        /// What waits for anybody, of campaigns that you see.
        #[arg(long)]
        everybody: bool,
        #[command(flatten)]
        list: ListArgs,
    },
}

impl Row for Waits {
    const HEADS: &'static [&'static str] =
        &["campaign", "name", "part", "risk", "datasets", "needs", "since"];
    fn cells(&self) -> Vec<String> {
        let part = match (&self.team, self.wave) {
            (Some(team), _) => team.to_string(),
            (None, wave) => format!("wave {}", wave.unwrap_or_default()),
        };
        let of = match &self.team {
            Some(team) if self.of_owner => format!(", one of {team}"),
            Some(_) | None => String::new(),
        };
        vec![
            self.campaign.to_string(),
            self.name.to_string(),
            part,
            self.risk.to_string(),
            self.datasets.to_string(),
            format!("{}{of}", render::counted(self.approvals.into(), "approval")),
            self.since.to_string(),
        ]
    }
    fn next(listed: &[Self]) -> Option<String> {
        let first = listed.first()?;
        let part = match (&first.team, first.wave) {
            (Some(team), _) => format!("--slice {team}"),
            (None, wave) => format!("--wave {}", wave.unwrap_or_default()),
        };
        // Of the very plan that is listed.
        Some(format!("skein campaign approve {} {part} --plan {}", first.campaign, first.plan))
    }
}

pub(crate) fn approval(settings: &Settings, args: &ApprovalArgs) -> CommandResult {
    let (server, view) = (Server::of(settings, &args.server)?, View::of(settings, &args.server));
    match &args.verb {
        ApprovalVerb::List { everybody, list } => {
            let mine = if *everybody { "" } else { "&waiting_for=me" };
            view.list::<Waits>(&server, ("approvals", mine), list)
        }
    }
}
