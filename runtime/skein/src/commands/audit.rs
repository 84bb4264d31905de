//! `skein audit`: what was decided, and whether the record is what it was.

use clap::{Args, Subcommand};
use skein_api::{ChainHead, Event, Time};
use skein_types::codes;

use crate::args::{ListArgs, ServerArgs};
use crate::failure::{CommandResult, Failure};
use crate::render::{self, grouped};
use crate::server::{Server, encoded};
use crate::settings::Settings;
use crate::view::{Row, View};

/// Read what was decided, and verify that nothing of it was edited or cut.
///
/// Each decision is a record whose hash covers the one before it; the last one's, the head, stands for all. Keep a head
/// elsewhere (notices carry it, `skein audit head` prints it) and a ledger that was cut or written anew does not pass.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  skein audit list --kind campaign. --from 2026-12-01T00:00:00.000Z
  skein audit list --actor 'ada (tkn_0198...)' -o ndjson
  skein audit head > head.txt                    keep it where the server cannot write
  skein audit verify --against \"$(cat head.txt)\"")]
pub(crate) struct AuditArgs {
    #[command(subcommand)]
    pub(crate) verb: AuditVerb,
    #[command(flatten)]
    pub(crate) server: ServerArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum AuditVerb {
    /// List decisions, the oldest first. All conditions that are given hold.
    List {
        /// Decided by this one.
        #[arg(long)]
        actor: Option<String>,
        /// Of this kind, such as run.published, or of all that begin so: campaign.
        #[arg(long)]
        kind: Option<String>,
        /// About this: an id, or team:NAME and the like, as the list shows it.
        #[arg(long)]
        subject: Option<String>,
        /// Not before this time.
        #[arg(long, value_name = "TIME")]
        from: Option<Time>,
        /// Before this time.
        #[arg(long, value_name = "TIME")]
        to: Option<Time>,
        /// Those that come after this position.
        #[arg(long, value_name = "POSITION")]
        after: Option<u64>,
        #[command(flatten)]
        list: ListArgs,
    },
    /// Print the head: position and hash of the last decision.
    Head,
    /// Check each record against the one before it, and all of them against a head that was kept elsewhere.
    Verify {
        /// Such a head: POSITION:HASH.
        #[arg(long, value_name = "HEAD")]
        against: Option<String>,
    },
}

impl Row for Event {
    const HEADS: &'static [&'static str] = &["position", "at", "kind", "actor", "subject", "body"];
    fn cells(&self) -> Vec<String> {
        vec![
            self.position.to_string(),
            self.at.to_string(),
            self.kind.to_string(),
            self.actor.to_string(),
            self.subject.to_string(),
            self.body.to_string(),
        ]
    }
}

pub(crate) fn audit(settings: &Settings, args: &AuditArgs) -> CommandResult {
    let (server, view) = (Server::of(settings, &args.server)?, View::of(settings, &args.server));
    match &args.verb {
        AuditVerb::List { actor, kind, subject, from, to, after, list } => {
            let time = |time: &Option<Time>| time.map(|time| time.to_string());
            let conditions = [
                ("actor", actor.clone()),
                ("kind", kind.clone()),
                ("subject", subject.clone()),
                ("from", time(from)),
                ("to", time(to)),
            ];
            let said = |(key, value): (&str, Option<String>)| Some(format!("&{key}={}", encoded(&value?)));
            let query: String = conditions.into_iter().filter_map(said).collect();
            view.list_after::<Event>(&server, ("audit", &query), (list, after.map(|after| after.to_string())))
        }
        AuditVerb::Head => {
            let head: ChainHead = server.get("audit/head")?;
            view.told(&head, || render::line(&head.to_string()));
            Ok(())
        }
        AuditVerb::Verify { against } => {
            let query = match against {
                Some(text) => {
                    let head = text.trim().parse::<ChainHead>();
                    let head =
                        head.map_err(|error| Failure::text(codes::USAGE, format!("--against: {error}")))?;
                    format!("?against={}", encoded(&head.to_string()))
                }
                None => String::new(),
            };
            let head: ChainHead = server.get(&format!("audit/verification{query}"))?;
            view.told(&head, || {
                render::line(&format!(
                    "{} records, each as the next one says; the head is",
                    grouped(head.position)
                ));
                render::line(&head.to_string());
            });
            Ok(())
        }
    }
}
