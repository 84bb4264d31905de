//! `skein policy`: rules that campaigns can name.

mod change;

use std::path::PathBuf;

use clap::{Args, Subcommand};
use skein_api::{NamedPolicy, PolicyPut, Text};
use skein_control::whole_policy;
use skein_types::codes;

use crate::args::{ListArgs, ServerArgs};
use crate::commands::campaign::{plan, policy_file};
use crate::failure::{CommandResult, Failure};
use crate::question::confirmed;
use crate::render;
use crate::server::{Server, encoded};
use crate::settings::Settings;
use crate::view::{Row, View};

/// Set, show and remove policies that campaigns can name.
///
/// A campaign that is made with `--policy-named NAME` has the rules as they are then; setting the policy anew changes no campaign.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  skein policy set careful careful.toml --dry-run      what would be another
  skein policy set careful careful.toml --note 'for everything with money'
  skein policy show careful
  skein campaign create c --module columns@1 --policy-named careful")]
pub(crate) struct PolicyArgs {
    #[command(subcommand)]
    pub(crate) verb: PolicyVerb,
    #[command(flatten)]
    pub(crate) server: ServerArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum PolicyVerb {
    /// Set one, from a file as `campaign create --policy` takes it.
    Set {
        /// What campaigns call it.
        name: String,
        /// The rules, as TOML; a key that is left out keeps its default.
        #[arg(value_name = "FILE.toml")]
        file: PathBuf,
        /// For people [default: what it was].
        #[arg(long)]
        note: Option<String>,
        /// Refused unless the policy is at this version still; 0: unless there is none [default: the version that is there now].
        #[arg(long, value_name = "VERSION")]
        if_version: Option<u64>,
        /// Show what would be another, and set nothing.
        #[arg(long)]
        dry_run: bool,
    },
    /// Show one with all that holds.
    Show {
        /// Which.
        name: String,
    },
    /// List policies.
    List {
        #[command(flatten)]
        list: ListArgs,
    },
    /// Remove one. Campaigns that were made with it have it still.
    Remove {
        /// Which.
        name: String,
        /// Do not ask.
        #[arg(long)]
        yes: bool,
    },
}

impl Row for NamedPolicy {
    const HEADS: &'static [&'static str] = &["policy", "version", "since", "note"];
    fn cells(&self) -> Vec<String> {
        vec![self.name.to_string(), self.version.to_string(), self.since.to_string(), self.note.to_string()]
    }
}

pub(crate) fn policy(settings: &Settings, args: &PolicyArgs) -> CommandResult {
    let (server, view) = (Server::of(settings, &args.server)?, View::of(settings, &args.server));
    match &args.verb {
        PolicyVerb::Set { name, file, note, if_version, dry_run } => {
            let there = there(&server, name)?;
            let before = there.as_ref().map(|there| there.version);
            let note = match (note, &there) {
                (Some(note), _) => Text::new(note.clone())
                    .map_err(|error| Failure::text(codes::USAGE, format!("--note: {error}")))?,
                (None, Some(there)) => there.note.clone(),
                (None, None) => Text::default(),
            };
            let asked = PolicyPut { policy: policy_file::read(file)?, note };
            if *dry_run {
                return change::shown(view, (name, there.as_ref()), &asked);
            }
            let seen = if_version.map_or(before, |version| Some(version).filter(|version| *version > 0));
            view.one(&server.set::<NamedPolicy>(&path(name), &asked, seen)?);
        }
        PolicyVerb::Show { name } => {
            let policy: NamedPolicy = server.get(&path(name))?;
            let all = whole_policy(policy.policy.clone())
                .map_err(|error| Failure::text(error.code, error.message))?;
            view.told(&policy, || {
                let note = if policy.note.is_empty() { String::new() } else { format!(": {}", policy.note) };
                render::line(&format!(
                    "{} at version {}, since {}{note}",
                    policy.name, policy.version, policy.since
                ));
                plan::policy(&all);
            });
        }
        PolicyVerb::List { list } => view.list::<NamedPolicy>(&server, ("policies", ""), list)?,
        PolicyVerb::Remove { name, yes } => {
            let there: NamedPolicy = server.get(&path(name))?;
            let question = format!("remove policy {}? New campaigns cannot name it", there.name);
            confirmed(settings, *yes, &question)?;
            view.one(&server.remove::<NamedPolicy>(&path(name), there.version)?);
        }
    }
    Ok(())
}

fn path(name: &str) -> String {
    format!("policies/{}", encoded(name))
}

/// As it is now, if it is.
fn there(server: &Server, name: &str) -> Result<Option<NamedPolicy>, Failure> {
    match server.get(&path(name)) {
        Ok(there) => Ok(Some(there)),
        Err(failure) if failure.code() == codes::NOT_FOUND => Ok(None),
        Err(failure) => Err(failure),
    }
}
