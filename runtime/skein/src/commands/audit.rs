//! `skein audit`: what was decided, whether the record is what it was, and who signed for what was published.

mod attest;
mod export;
mod keys;
mod trust;
mod verify;

use clap::{Args, Subcommand};
use skein_api::{AuditEvent, ChainHead, Event, Time};

use crate::args::{ListArgs, ServerArgs};
use crate::failure::CommandResult;
use crate::render;
use crate::server::{Server, encoded};
use crate::settings::Settings;
use crate::view::{Row, View};
use attest::AttestArgs;
use export::ExportArgs;
use keys::KeysVerb;
use verify::VerifyArgs;

/// Read what was decided, verify that nothing of it was edited or cut, and check who signed for what was published.
///
/// Each decision is a record whose hash covers the one before it; the last one's, the head, stands for all. Keep heads elsewhere
/// (notices carry them, `skein serve --anchor` writes them to a file, `skein audit head` prints one) and a ledger that was cut or written
/// anew does not pass. Of each published dataset there is a signed statement, which verifies without a server.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  skein audit list --team pay --since 2026-12-01T00:00:00.000Z
  skein audit show 4711
  skein audit head > head.txt                    keep it where the server cannot write
  skein audit verify --against \"$(cat head.txt)\"
  skein audit export --save audit.ndjson && skein audit verify audit.ndjson
  skein audit attest orders --save orders.json
  skein audit attest --verify orders.json --key key.pem --dataset /data/orders")]
pub(crate) struct AuditArgs {
    #[command(subcommand)]
    pub(crate) verb: AuditVerb,
    #[command(flatten)]
    pub(crate) server: ServerArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum AuditVerb {
    /// List decisions, the oldest first. All conditions that are given hold. With -o json also what was set before and after.
    List {
        #[command(flatten)]
        conditions: Box<Conditions>,
        /// Those that come after this position.
        #[arg(long, value_name = "POSITION")]
        after: Option<u64>,
        #[command(flatten)]
        list: ListArgs,
    },
    /// Show a decision: who, when, from where, with which token, and what was set before and after.
    Show {
        /// Its position, as the list says it.
        position: u64,
    },
    /// Print the head: position and hash of the last decision.
    Head,
    /// Check each record against the one before it, and all of them against heads that were kept elsewhere; tables, blobs, modules and
    /// statements too. Of a server, of one that is stopped (--dir), or of an exported file, which needs no server.
    Verify(VerifyArgs),
    /// Write all records as they are hashed, one a line, into a file that verifies without a server.
    Export(ExportArgs),
    /// Fetch the signed statement of a published dataset, or verify a statement or a signed report without a server.
    Attest(AttestArgs),
    /// The keys that statements are signed with.
    Keys {
        #[command(subcommand)]
        verb: KeysVerb,
    },
}

/// Which decisions.
#[derive(Debug, Args)]
pub(crate) struct Conditions {
    /// Decided by this one.
    #[arg(long)]
    actor: Option<String>,
    /// With this token: its id.
    #[arg(long)]
    token: Option<String>,
    /// Of this kind, such as run.published, or of all that begin so: campaign.
    #[arg(long)]
    kind: Option<String>,
    /// About this: an id, or team:NAME and the like, as the list shows it.
    #[arg(long)]
    subject: Option<String>,
    /// About this team: it, what is its, and its campaigns and datasets.
    #[arg(long)]
    team: Option<String>,
    /// About this campaign and its runs.
    #[arg(long)]
    campaign: Option<String>,
    /// Not before this time.
    #[arg(long, alias = "from", value_name = "TIME")]
    since: Option<Time>,
    /// Before this time.
    #[arg(long, alias = "to", value_name = "TIME")]
    until: Option<Time>,
}

impl Conditions {
    /// As a query, each with `&` before it.
    fn query(&self) -> String {
        let time = |time: &Option<Time>| time.map(|time| time.to_string());
        let conditions = [
            ("actor", self.actor.clone()),
            ("token", self.token.clone()),
            ("kind", self.kind.clone()),
            ("subject", self.subject.clone()),
            ("team", self.team.clone()),
            ("campaign", self.campaign.clone()),
            ("from", time(&self.since)),
            ("to", time(&self.until)),
        ];
        let said = |(key, value): (&str, Option<String>)| Some(format!("&{key}={}", encoded(&value?)));
        conditions.into_iter().filter_map(said).collect()
    }
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

impl Row for AuditEvent {
    const HEADS: &'static [&'static str] =
        &["position", "at", "kind", "actor", "from", "token", "subject", "body"];
    fn cells(&self) -> Vec<String> {
        vec![
            self.position.to_string(),
            self.at.to_string(),
            self.kind.to_string(),
            self.actor.to_string(),
            self.from.as_ref().map(ToString::to_string).unwrap_or_default(),
            self.token.map(|token| token.to_string()).unwrap_or_default(),
            self.subject.to_string(),
            self.body.to_string(),
        ]
    }
}

pub(crate) fn audit(settings: &Settings, args: &AuditArgs) -> CommandResult {
    let view = View::of(settings, &args.server);
    // What needs no server looks for none.
    let server = || Server::of(settings, &args.server);
    match &args.verb {
        AuditVerb::List { conditions, after, list } => {
            let after = after.map(|after| after.to_string());
            view.list_after::<AuditEvent>(&server()?, ("audit", &conditions.query()), (list, after))
        }
        AuditVerb::Show { position } => {
            let event: AuditEvent = server()?.get(&format!("audit/{position}"))?;
            view.told(&event, || shown(&event));
            Ok(())
        }
        AuditVerb::Head => {
            let head: ChainHead = server()?.get("audit/head")?;
            view.told(&head, || render::line(&head.to_string()));
            Ok(())
        }
        AuditVerb::Verify(args) => verify::verify((settings, view), server, args),
        AuditVerb::Export(args) => export::export(view, &server()?, args),
        AuditVerb::Attest(args) => attest::attest(view, server, args),
        AuditVerb::Keys { verb } => keys::keys(view, &server()?, verb),
    }
}

fn shown(event: &AuditEvent) {
    let mut facts = vec![
        ("position", event.position.to_string()),
        ("what", event.kind.to_string()),
        ("about", event.subject.to_string()),
        ("when", event.at.to_string()),
        ("who", event.actor.to_string()),
    ];
    facts.extend(event.from.as_ref().map(|from| ("from", from.to_string())));
    facts.extend(event.token.map(|token| ("token", token.to_string())));
    facts.extend(event.trace.map(|trace| ("trace", trace.to_string())));
    match &event.change {
        Some(change) => {
            let said = |value: &Option<serde_json::Value>| {
                value.as_ref().map_or_else(|| "nothing".to_owned(), ToString::to_string)
            };
            let at = change.before_at.map(|at| format!(" (position {at})")).unwrap_or_default();
            facts.push(("before", format!("{}{at}", said(&change.before))));
            facts.push(("after", said(&change.after)));
        }
        None => facts.push(("body", event.body.to_string())),
    }
    facts.push(("hash", event.hash.to_string()));
    for (what, said) in facts {
        render::line(&format!("{what:<10} {said}"));
    }
}
