//! `skein webhook`: receivers that a server tells what happens.

use std::io::Read as _;
use std::path::Path;
use std::time::Duration;

use clap::{Args, Subcommand};
use skein_api::{
    Interest, List, SigningSecret, Text, Webhook, WebhookCreate, WebhookDelivery, WebhookPut, WebhookRotate,
    WebhookSigned,
};
use skein_campaign::Span;
use skein_types::{ReceiverKind, codes};

use crate::args::{ListArgs, ServerArgs};
use crate::failure::{CommandResult, Failure};
use crate::question;
use crate::render;
use crate::server::{Server, encoded};
use crate::settings::Settings;
use crate::view::{Row, View};

const FILE_BYTES_MAX: u64 = 16 << 10;
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// A try of the server ends within 15 seconds, and may wait for one before it.
const LOOKS_MAX: u32 = 400;

/// Tell programs, chats and people what happens to campaigns of a server.
///
/// A receiver is a URL that gets signed events, an incoming webhook of Slack or of what takes the same form, or addresses of mail. It
/// hears of one team, or of everything where no team is named by who may see all. It is told of topics (`campaign.halted`), or of
/// all that begin so (`campaign.*`).
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  skein webhook add ops --url https://ops.example.com/skein --events 'campaign.*,run.failed'
  skein webhook add chat --slack @slack-url.txt --team payments
  skein webhook add people --mail a@example.com,b@example.com --events campaign.halted
  skein webhook test ops
  skein webhook deliveries ops
  skein webhook redeliver ops dlv_0198c0de0000700080000000000000ab

What is signed, and how a receiver verifies it: docs/how-to/notifications.md.")]
pub(crate) struct WebhookArgs {
    #[command(subcommand)]
    pub(crate) verb: WebhookVerb,
    #[command(flatten)]
    pub(crate) server: ServerArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum WebhookVerb {
    /// Add a receiver. A signing secret that is made is printed now and never again.
    Add(AddArgs),
    /// List receivers.
    List {
        #[command(flatten)]
        list: ListArgs,
    },
    /// Show a receiver.
    Show {
        /// Its id, or its name if only one has it.
        webhook: String,
    },
    /// Change a receiver; what is not given stays.
    Set(SetArgs),
    /// Remove a receiver. It is told nothing more.
    Remove {
        /// Its id, or its name if only one has it.
        webhook: String,
        /// Do not ask.
        #[arg(long)]
        yes: bool,
    },
    /// Give a receiver another signing secret. For a while events are signed with both.
    Rotate {
        /// Its id, or its name if only one has it.
        webhook: String,
        /// The secret, whsec_ and base64, in a file [default: one is made].
        #[arg(long, value_name = "@FILE")]
        secret: Option<String>,
        /// For how long the one before counts, too.
        #[arg(long, value_name = "TIME", default_value = "24h")]
        overlap: Span,
        /// Do not ask.
        #[arg(long)]
        yes: bool,
    },
    /// Send a test to a receiver, and wait until it was taken or not.
    Test {
        /// Its id, or its name if only one has it.
        webhook: String,
    },
    /// List what a receiver was told in the last days, and what became of it.
    Deliveries {
        /// Its id, or its name if only one has it.
        webhook: String,
        #[command(flatten)]
        list: ListArgs,
    },
    /// Send something again, with the same id and the same words.
    Redeliver {
        /// Id or name of the receiver.
        webhook: String,
        /// Which: `skein webhook deliveries` lists them.
        delivery: String,
    },
}

#[derive(Debug, Args)]
pub(crate) struct AddArgs {
    /// What to call it.
    pub(crate) name: String,
    #[command(flatten)]
    pub(crate) place: Place,
    /// The team that it hears of [default: the only one that the token is for, else everything].
    #[arg(long)]
    pub(crate) team: Option<String>,
    /// Topics, or beginnings with *, with commas between [default: everything].
    #[arg(long, value_name = "TOPICS", value_delimiter = ',')]
    pub(crate) events: Vec<String>,
    /// What events are signed with, whsec_ and base64, in a file [default: one is made].
    #[arg(long, value_name = "@FILE", requires = "url")]
    pub(crate) secret: Option<String>,
    /// Tell it nothing yet.
    #[arg(long)]
    pub(crate) off: bool,
}

#[derive(Debug, Args)]
pub(crate) struct SetArgs {
    /// Its id, or its name if only one has it.
    pub(crate) webhook: String,
    /// What to call it from now on.
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// Another place, of the same kind.
    #[command(flatten)]
    pub(crate) place: Place,
    /// Topics, or beginnings with *, with commas between.
    #[arg(long, value_name = "TOPICS", value_delimiter = ',')]
    pub(crate) events: Vec<String>,
    /// Tell it again.
    #[arg(long, conflicts_with = "off")]
    pub(crate) on: bool,
    /// Tell it nothing.
    #[arg(long)]
    pub(crate) off: bool,
}

/// Where a receiver is, which says what it is.
#[derive(Debug, Args)]
#[group(multiple = false)]
pub(crate) struct Place {
    /// A program: its URL, or @FILE with it where it holds a secret.
    #[arg(long, value_name = "URL|@FILE")]
    pub(crate) url: Option<String>,
    /// A chat: the URL of its incoming webhook. Whoever has it can write there, so it is better read from a file.
    #[arg(long, value_name = "URL|@FILE")]
    pub(crate) slack: Option<String>,
    /// People: addresses of mail with commas between.
    #[arg(long, value_name = "ADDRESSES")]
    pub(crate) mail: Option<String>,
}

impl Place {
    fn said(&self) -> Result<Option<(ReceiverKind, String)>, Failure> {
        let said = [
            (ReceiverKind::Http, &self.url),
            (ReceiverKind::Slack, &self.slack),
            (ReceiverKind::Mail, &self.mail),
        ];
        let said = said.into_iter().find_map(|(kind, place)| Some((kind, place.as_ref()?)));
        said.map(|(kind, place)| Ok((kind, from_file(place)?))).transpose()
    }
}

pub(crate) fn webhook(settings: &Settings, args: &WebhookArgs) -> CommandResult {
    let (server, view) = (Server::of(settings, &args.server)?, View::of(settings, &args.server));
    match &args.verb {
        WebhookVerb::Add(asked) => signed(view, &server.post("webhooks", &create(asked)?)?),
        WebhookVerb::List { list } => view.list::<Webhook>(&server, ("webhooks", ""), list)?,
        WebhookVerb::Show { webhook } => shown(view, &named(&server, webhook)?),
        WebhookVerb::Set(asked) => {
            let now = named(&server, &asked.webhook)?;
            let body = put(asked, &now)?;
            shown(view, &server.set(&path(&now), &body, Some(now.version))?);
        }
        WebhookVerb::Remove { webhook, yes } => {
            let now = named(&server, webhook)?;
            question::confirmed(
                settings,
                *yes,
                &format!("Tell {} ({}) nothing more?", now.name, now.target),
            )?;
            shown(view, &server.remove::<Webhook>(&path(&now), now.version)?);
        }
        WebhookVerb::Rotate { webhook, secret, overlap, yes } => {
            let now = named(&server, webhook)?;
            let question =
                format!("Sign for {} with another secret, and in {overlap} with no other?", now.name);
            question::confirmed(settings, *yes, &question)?;
            let secret = secret.as_deref().map(signing).transpose()?;
            let body = WebhookRotate { secret, overlap_ms: Some(overlap.length()) };
            signed(view, &server.post(&format!("{}/actions/rotate", path(&now)), &body)?);
        }
        WebhookVerb::Test { webhook } => return test(&server, &named(&server, webhook)?, view),
        WebhookVerb::Deliveries { webhook, list } => {
            let path = format!("{}/deliveries", path(&named(&server, webhook)?));
            view.list::<WebhookDelivery>(&server, (&path, ""), list)?;
        }
        WebhookVerb::Redeliver { webhook, delivery } => {
            let path = format!("{}/deliveries/{}", path(&named(&server, webhook)?), encoded(delivery));
            let again: WebhookDelivery = server.post(&format!("{path}/actions/redeliver"), &())?;
            view.one(&again);
        }
    }
    Ok(())
}

/// Asks for a test, and waits for its first try.
fn test(server: &Server, webhook: &Webhook, view: View) -> CommandResult {
    let mut test: WebhookDelivery = server.post(&format!("{}/actions/test", path(webhook)), &())?;
    let before = test.tries;
    let at = format!("{}/deliveries/{}", path(webhook), test.delivery);
    for _ in 0..LOOKS_MAX {
        if test.tries > before || &*test.state != "waiting" {
            break;
        }
        std::thread::sleep(LOOK_EVERY);
        test = server.get(&at)?;
    }
    view.one(&test);
    if &*test.state == "done" {
        return Ok(());
    }
    let why = test.error.as_ref().map_or_else(|| "nobody has tried yet".to_owned(), ToString::to_string);
    let code = codes::ALL.iter().find(|code| why.starts_with(code.id)).copied();
    let failure = Failure::text(code.unwrap_or(codes::RECEIVER_UNREACHABLE), format!("not taken: {why}"));
    Err(if view.is_table() { failure } else { failure.on_stderr() })
}

fn create(asked: &AddArgs) -> Result<WebhookCreate, Failure> {
    let (kind, target) = asked.place.said()?.ok_or_else(|| {
        Failure::text(codes::USAGE, "it is not said where the receiver is")
            .hint(Some("--url https://…, --slack @FILE or --mail ADDRESSES"))
    })?;
    Ok(WebhookCreate {
        name: fit("the name", &asked.name)?,
        team: asked.team.as_deref().map(|team| fit("--team", team)).transpose()?,
        kind,
        target: fit("the target", &target)?,
        events: interests(&asked.events)?,
        active: !asked.off,
        secret: asked.secret.as_deref().map(signing).transpose()?,
    })
}

fn put(asked: &SetArgs, now: &Webhook) -> Result<WebhookPut, Failure> {
    let target = match asked.place.said()? {
        Some((kind, _)) if kind != now.kind => {
            let text = format!("{} is a receiver of the kind {} and stays one", now.name, now.kind);
            return Err(Failure::text(codes::USAGE, text).hint(Some("add another one, and remove this")));
        }
        said => said.map(|(_, target)| fit("the target", &target)).transpose()?,
    };
    Ok(WebhookPut {
        name: asked.name.as_deref().map_or_else(|| Ok(now.name.clone()), |name| fit("--name", name))?,
        target,
        events: if asked.events.is_empty() { now.events.clone() } else { interests(&asked.events)? },
        active: (now.active || asked.on) && !asked.off,
    })
}

fn interests(words: &[String]) -> Result<List<Interest, { skein_api::INTERESTS_MAX }>, Failure> {
    let words = words.iter().map(|word| fit("--events", word.trim())).collect::<Result<_, _>>()?;
    List::new(words).map_err(|error| Failure::text(codes::USAGE, format!("--events: {error}")))
}

fn fit<const MAX: usize, const MIN: usize>(what: &str, text: &str) -> Result<Text<MAX, MIN>, Failure> {
    Text::new(text).map_err(|error| Failure::text(codes::USAGE, format!("{what}: {error}")))
}

fn signing(file: &str) -> Result<SigningSecret, Failure> {
    if !file.starts_with('@') {
        // The text may be the secret itself: it is not repeated.
        return Err(Failure::text(codes::USAGE, "--secret takes @FILE")
            .hint(Some("on the command line other users could see it")));
    }
    fit("--secret", &from_file(file)?)
}

/// What was written, or what is in the file that it names.
fn from_file(text: &str) -> Result<String, Failure> {
    let Some(path) = text.strip_prefix('@') else { return Ok(text.to_owned()) };
    let failed = |error: std::io::Error| Failure::text(codes::USAGE, format!("cannot read {path}: {error}"));
    let mut content = String::new();
    let file = std::fs::File::open(Path::new(path)).map_err(failed)?;
    file.take(FILE_BYTES_MAX).read_to_string(&mut content).map_err(failed)?;
    Ok(content.trim().to_owned())
}

/// A receiver by its id, or by its name if only one has it.
fn named(server: &Server, webhook: &str) -> Result<Webhook, Failure> {
    if webhook.starts_with("whk_") {
        return server.get(&format!("webhooks/{}", encoded(webhook)));
    }
    let mut all = server.pages::<Webhook>("webhooks")?;
    all.retain(|one| &*one.name == webhook);
    match (all.pop(), all.len()) {
        (Some(one), 0) => Ok(one),
        (None, _) => Err(Failure::text(codes::NOT_FOUND, format!("there is no webhook {webhook:?}"))
            .hint(Some("skein webhook list"))),
        (Some(_), more) => {
            let text = format!("{} receivers are called {webhook:?}", more + 1);
            Err(Failure::text(codes::USAGE, text).hint(Some("name it by its id: skein webhook list")))
        }
    }
}

fn path(webhook: &Webhook) -> String {
    format!("webhooks/{}", webhook.webhook)
}

impl Row for Webhook {
    const HEADS: &'static [&'static str] = &["name", "team", "kind", "target", "events", "told", "id"];
    fn cells(&self) -> Vec<String> {
        let events: Vec<String> = self.events.iter().map(ToString::to_string).collect();
        vec![
            self.name.to_string(),
            self.team.as_ref().map_or_else(|| "all".to_owned(), ToString::to_string),
            self.kind.to_string(),
            self.target.to_string(),
            render::first_of(&events, 4),
            if self.active { "on".to_owned() } else { "off".to_owned() },
            self.webhook.to_string(),
        ]
    }
}

impl Row for WebhookDelivery {
    const HEADS: &'static [&'static str] =
        &["noted", "topic", "state", "tries", "status", "next", "delivery", "error"];
    fn cells(&self) -> Vec<String> {
        vec![
            self.at.to_string(),
            self.topic.to_string(),
            self.state.to_string(),
            self.tries.to_string(),
            self.status.map(|status| status.to_string()).unwrap_or_default(),
            self.due.map(|due| due.to_string()).unwrap_or_default(),
            self.delivery.to_string(),
            self.error.as_ref().map(ToString::to_string).unwrap_or_default(),
        ]
    }
}

fn shown(view: View, webhook: &Webhook) {
    view.one(webhook);
    if let Some(why) = webhook.why.as_ref().filter(|_| view.is_table()) {
        render::to_stderr(&format!("{} is off: {why}", webhook.name));
    }
}

/// What it is signed with alone on standard output, so that it can be put where it belongs; what it is about beside it.
fn signed(view: View, made: &WebhookSigned) {
    view.told(made, || {
        let webhook = &made.webhook;
        render::to_stderr(&format!("{} ({}), {}", webhook.name, webhook.target, webhook.webhook));
        if let Some(secret) = &made.secret {
            render::to_stderr("this is the only time that what it is signed with is shown:");
            render::line(secret);
        }
    });
}
