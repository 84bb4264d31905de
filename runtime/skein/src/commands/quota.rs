//! `skein quota`: who may take how much of a server's fleet.

mod explain;
mod file;

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use skein_api::{List, Quota, QuotaChange, QuotaPut, QuotasApplied, QuotasApply};
use skein_types::{Bounds, Bytes, Resource, codes, grouped};

use crate::args::ServerArgs;
use crate::failure::{CommandResult, Failure};
use crate::question::confirmed;
use crate::render;
use crate::server::{Server, encoded};
use crate::settings::Settings;
use crate::view::{Row, View};

/// Set and show what teams and campaigns are guaranteed of a server's fleet, and what they may take at most.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  skein quota apply quotas.toml --dry-run      what would change, and what does not add up
  skein quota apply quotas.toml
  skein quota show
  skein quota show team:shop
  skein quota explain team:shop                what it has now, and why not more

A file has a table for each quota that it sets; others stay as they are:
  [org]
  cpu = { limit = \"16 cores\" }
  [default]
  slots = { limit = 4 }
  [team.shop]
  weight = 2
  cpu = { guaranteed = \"2 cores\", limit = \"8 cores\", lendable = \"1 core\" }
  memory = { limit = \"16GiB\" }
  read = { limit = \"50MiB/s\" }
  fuel = { fuel = 2_000_000_000_000, per = \"1h\" }
  excess = \"throttle\"")]
pub(crate) struct QuotaArgs {
    #[command(subcommand)]
    pub(crate) verb: QuotaVerb,
    #[command(flatten)]
    pub(crate) server: ServerArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum QuotaVerb {
    /// Set all quotas of a file, or none of them where they do not add up.
    Apply {
        /// TOML.
        file: PathBuf,
        /// Say what would change and what does not add up, and set nothing.
        #[arg(long)]
        dry_run: bool,
    },
    /// Show quotas.
    Show {
        /// Whose: org, default, team:NAME or campaign:ID [default: all].
        of: Option<String>,
    },
    /// Show what somebody has of the fleet now, and why not more.
    Explain {
        /// Whose: org, default, team:NAME or campaign:ID.
        of: String,
    },
    /// Remove one: it is as if it had never been set.
    Remove {
        /// Whose: org, default, team:NAME or campaign:ID.
        of: String,
        /// Do not ask.
        #[arg(long)]
        yes: bool,
    },
}

pub(crate) fn quota(settings: &Settings, args: &QuotaArgs) -> CommandResult {
    let (server, view) = (Server::of(settings, &args.server)?, View::of(settings, &args.server));
    match &args.verb {
        QuotaVerb::Apply { file, dry_run } => {
            let quotas = List::new(file::read(file)?)
                .map_err(|error| Failure::text(codes::QUOTA_INVALID, error.to_string()).about(file))?;
            let asked = QuotasApply { quotas, dry_run: *dry_run };
            applied(view, &server.post("quotas/actions/apply", &asked)?)
        }
        QuotaVerb::Show { of: None } => {
            view.all::<Quota>(&server.pages("quotas")?);
            Ok(())
        }
        QuotaVerb::Show { of: Some(of) } => {
            view.one::<Quota>(&server.get(&path(of))?);
            Ok(())
        }
        QuotaVerb::Explain { of } => {
            explain::shown(view, &server.get(&format!("{}/explain", path(of)))?);
            Ok(())
        }
        QuotaVerb::Remove { of, yes } => {
            let there: Quota = server.get(&path(of))?;
            let question = format!("remove the quota of {}? What it guarantees and limits ends", there.of);
            confirmed(settings, *yes, &question)?;
            view.one::<Quota>(&server.remove(&path(of), there.version)?);
            Ok(())
        }
    }
}

fn path(of: &str) -> String {
    format!("quotas/{}", encoded(of))
}

/// What became of a file. One that does not add up is told with its findings, and ends as a refusal.
fn applied(view: View, answer: &QuotasApplied) -> CommandResult {
    view.told(answer, || told(answer));
    if answer.findings.is_empty() { Ok(()) } else { Err(Failure::told(codes::QUOTAS_DO_NOT_ADD_UP)) }
}

fn told(answer: &QuotasApplied) {
    for change in answer.changes.iter() {
        render::line(&said(change));
    }
    let count = render::counted(answer.changes.len() as u64, "quota");
    render::line(&match (answer.applied, answer.changes.is_empty()) {
        (_, true) => "nothing changes".to_owned(),
        (true, false) => format!("{count} set"),
        (false, false) => format!("{count} would change; nothing is set"),
    });
    for finding in answer.findings.iter() {
        render::line(&format!("does not add up: {finding}"));
    }
}

/// What changes of one, part by part.
fn said(change: &QuotaChange) -> String {
    let (before, after) = (change.before.as_ref().map(cells), cells(&change.after));
    let none = || "-".to_owned();
    let parts = HEADER.iter().skip(1).zip(after).enumerate().filter_map(|(place, (part, after))| {
        let before = before.as_ref().map_or_else(none, |cells| cells[place].clone());
        (before != after).then(|| format!("{part} {before} -> {after}"))
    });
    let new = if change.before.is_none() { " (new)" } else { "" };
    format!("{}{new}: {}", change.of, parts.collect::<Vec<_>>().join(", "))
}

const HEADER: [&str; 9] = ["of", "weight", "cpu", "memory", "slots", "read", "write", "fuel", "excess"];

fn cells(quota: &QuotaPut) -> [String; 8] {
    let of = |resource| bounds(resource, &quota.bounds);
    let fuel = quota.fuel.map_or_else(
        || "-".to_owned(),
        |budget| format!("{} per {}", grouped(budget.fuel.0), render::duration(budget.per.0)),
    );
    [
        quota.weight.to_string(),
        of(Resource::Cpu),
        of(Resource::Memory),
        of(Resource::Slots),
        of(Resource::Read),
        of(Resource::Write),
        fuel,
        quota.excess.to_string(),
    ]
}

/// `2 to 8 cores, lends 1`: guaranteed, limit and what is lent of it.
fn bounds(resource: Resource, all: &BTreeMap<Resource, Bounds>) -> String {
    let Some(bounds) = all.get(&resource) else { return "-".to_owned() };
    let limit = bounds.limit.map_or_else(|| "all".to_owned(), |limit| amount(resource, limit));
    let lends = bounds.lendable.map(|lent| format!(", lends {}", amount(resource, lent)));
    format!("{} to {limit}{}", amount(resource, bounds.guaranteed), lends.unwrap_or_default())
}

pub(super) fn amount(resource: Resource, number: u64) -> String {
    match resource {
        Resource::Cpu if number.is_multiple_of(1_000) => (number / 1_000).to_string(),
        Resource::Cpu => format!("{}.{:03}", number / 1_000, number % 1_000),
        Resource::Memory => Bytes(number).to_string(),
        Resource::Slots => number.to_string(),
        Resource::Read | Resource::Write => format!("{}/s", Bytes(number)),
    }
}

impl Row for Quota {
    const HEADS: &'static [&'static str] = &HEADER;
    fn cells(&self) -> Vec<String> {
        std::iter::once(self.of.to_string()).chain(cells(&self.quota)).collect()
    }
}
