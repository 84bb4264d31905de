//! `skein attempt`: what ran on a server's nodes, what it said, and the same once more where you are.

mod follow;
mod replay;

use clap::{Args, Subcommand};
use serde_json::Value;
use skein_api::{Attempt, AttemptAtWork, AttemptEnding};
use skein_types::AttemptId;

use crate::args::{ListArgs, ServerArgs};
use crate::commands::module::word;
use crate::failure::{CommandResult, Failure};
use crate::render;
use crate::server::{Server, encoded};
use crate::settings::Settings;
use crate::view::{Row, View};
use replay::ReplayArgs;

/// Of a log or of rejected rows; a server keeps no more.
const LINES_BYTES_MAX: usize = 2 << 20;

/// Look at what ran, read its log, and repeat it where you are.
///
/// An attempt is one try at a task on one node: a run, a part of one, a plan. What became of it, what its module and its node said
/// and which rows were refused is kept for 30 days. One that has been at work for a second is listed and shown, too.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  skein attempt list cmp_0198... --failed
  skein attempt list cmp_0198... orders
  skein attempt logs att_0198...
  skein attempt logs att_0198... --follow
  skein attempt replay att_0198...
  skein attempt replay att_0198... --dataset /tmp/orders-3 --secret pepper=@pepper.txt")]
pub(crate) struct AttemptArgs {
    #[command(subcommand)]
    pub(crate) verb: Verb,
    #[command(flatten)]
    pub(crate) server: ServerArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// List the attempts of a campaign, or at one of its runs.
    List {
        /// Which.
        campaign: String,
        /// Only at the run of this dataset; its name, or the run's number.
        dataset: Option<String>,
        /// Only those that failed.
        #[arg(long)]
        failed: bool,
        #[command(flatten)]
        list: ListArgs,
    },
    /// Show one.
    Show {
        /// Which.
        attempt: String,
    },
    /// Print what its module and its node said; of one that is at work, the last of it so far.
    Logs {
        /// Which.
        attempt: String,
        /// Go on as it is said, until the attempt is over.
        #[arg(long)]
        follow: bool,
    },
    /// Print how many rows its module refused and why, and name some of them.
    Rejects {
        /// Which.
        attempt: String,
    },
    /// Do the same once more, here: the same module, parameters, limits, batch borders and seeds over the same rows. Nothing is
    /// published, and the dataset is only read.
    Replay(ReplayArgs),
}

pub(crate) fn attempt(settings: &Settings, args: &AttemptArgs) -> CommandResult {
    let (server, view) = (Server::of(settings, &args.server)?, View::of(settings, &args.server));
    match &args.verb {
        Verb::List { campaign, dataset, failed, list } => {
            let campaign = encoded(campaign);
            let path = match dataset {
                Some(dataset) => format!("campaigns/{campaign}/runs/{}/attempts", encoded(dataset)),
                None => format!("campaigns/{campaign}/attempts"),
            };
            let query = if *failed { "&failed=true" } else { "" };
            view.list::<Attempt>(&server, (&path, query), list)?;
        }
        Verb::Show { attempt } => {
            let there = one(&server, attempt)?;
            view.told(&there, || show(&there));
        }
        Verb::Logs { attempt, follow: true } => follow::log(&server, attempt, view)?,
        Verb::Logs { attempt, follow: false } => {
            let lines = lines(&server, &format!("attempts/{}/log", encoded(attempt)))?;
            view.listed(&lines, || match lines.is_empty() {
                true => render::to_stderr("it said nothing"),
                false => lines.iter().for_each(|line| render::line(&told(line))),
            });
        }
        Verb::Rejects { attempt } => rejects(view, &server, attempt)?,
        Verb::Replay(args) => return replay::replay(settings, &server, (args, view)),
    }
    Ok(())
}

fn one(server: &Server, attempt: &str) -> Result<Attempt, Failure> {
    server.get(&format!("attempts/{}", encoded(attempt)))
}

/// Lines as a node wrote them. One that is none is shown as it is.
fn lines(server: &Server, path: &str) -> Result<Vec<Value>, Failure> {
    let bytes = server.bytes(path, LINES_BYTES_MAX)?;
    Ok(String::from_utf8_lossy(&bytes).lines().map(parsed).collect())
}

fn parsed(line: &str) -> Value {
    serde_json::from_str(line).unwrap_or_else(|_| Value::String(line.to_owned()))
}

/// A line of a log for people.
fn told(line: &Value) -> String {
    let text = |key: &str| line[key].as_str().unwrap_or_default();
    let mut told = format!("{:<5} {:<7}", text("level"), text("from"));
    match (line["file"].as_str(), line["row_group"].as_u64()) {
        (Some(file), Some(row_group)) => told.push_str(&format!(" {file} row group {row_group}:")),
        // What was said about a plan: of one of several datasets.
        (Some(file), None) => told.push_str(&format!(" {} {file}:", text("dataset"))),
        (None, _) => {}
    }
    told.push_str(&format!(" {}", text("message")));
    if let Some(fields) = line["fields"].as_object() {
        for (name, value) in fields {
            told.push_str(&format!(" {name}={}", value.as_str().unwrap_or_default()));
        }
    }
    if line["cut"] == Value::Bool(true) {
        told.push_str(" (cut)");
    }
    told
}

impl Row for Attempt {
    const HEADS: &'static [&'static str] =
        &["attempt", "run", "dataset", "kind", "ending", "began", "took", "why"];
    fn cells(&self) -> Vec<String> {
        vec![
            self.attempt.to_string(),
            self.run.map(|run| run.to_string()).unwrap_or_default(),
            self.name.as_ref().map(ToString::to_string).unwrap_or_default(),
            kind(self),
            state(self),
            self.began.map(|began| began.to_string()).unwrap_or_default(),
            took(self).unwrap_or_default(),
            why(self),
        ]
    }
}

fn kind(attempt: &Attempt) -> String {
    match attempt.part {
        Some(part) => format!("{} {}/{}", word(&attempt.kind), part.part + 1, part.parts),
        None => word(&attempt.kind),
    }
}

/// What became of it, or what it does.
fn state(attempt: &Attempt) -> String {
    match (&attempt.at_work, &attempt.ending) {
        (Some(at_work), _) => format!("at work: {}", word(&at_work.phase).replace('_', " ")),
        (None, Some(ending)) => word(ending),
        (None, None) => String::new(),
    }
}

/// Nobody knows it of one whose node was given up.
fn took(attempt: &Attempt) -> Option<String> {
    let (began, until) = (attempt.began?, attempt.ended.or(attempt.at_work.as_ref().map(|now| now.said))?);
    Some(render::duration(until.0.0.saturating_sub(began.0.0)))
}

fn why(attempt: &Attempt) -> String {
    attempt.why.as_ref().map(|why| format!("{} {}", why.code, why.message)).unwrap_or_default()
}

fn show(attempt: &Attempt) {
    let id = attempt.attempt;
    let say = |name: &str, text: &str| render::line(&format!("  {name:<8} {text}"));
    render::line(&format!("{id}: {} {}", kind(attempt), state(attempt)));
    if let Some(name) = &attempt.name {
        say("dataset", name);
    }
    let run = attempt.run.map(|run| format!(", run {run}")).unwrap_or_default();
    say("campaign", &format!("{}{run}", attempt.campaign));
    say("node", &format!("{} (incarnation {})", attempt.node, attempt.incarnation));
    match (attempt.began, took(attempt)) {
        (Some(began), Some(took)) => say("time", &format!("{began}, {took}")),
        (None, _) | (_, None) => {
            let ended = attempt.ended.map(|ended| format!(", {ended}")).unwrap_or_default();
            say("time", &format!("not told before its node was given up{ended}"));
        }
    }
    if let Some(at_work) = &attempt.at_work {
        say("rows", &progress(at_work));
        say("memory", &format!("{} of {} for each agent", attempt.meters.memory_peak, at_work.limits.memory));
        let (fuel, most) = (attempt.meters.fuel.0, at_work.limits.fuel_per_task.0);
        say("fuel", &format!("{} of {}", render::grouped(fuel), render::grouped(most)));
    }
    if let Some(why) = &attempt.why {
        say("why", &format!("{}: {}", why.code, why.message));
        why.hint.iter().for_each(|hint| say("hint", hint));
    }
    if attempt.rejected.0 > 0 {
        say("rejects", &refused(attempt));
    }
    if let Some(source) = attempt.source {
        let files = render::counted(source.files, "file");
        say("read", &format!("version {}: {files}, {}", source.version, source.bytes));
    }
    match (attempt.ending, attempt.log) {
        (None, _) => render::line(&format!("next: skein attempt logs {id} --follow")),
        (Some(AttemptEnding::Failed), _) => {
            render::line(&format!("next: {}", next(id)));
        }
        (Some(_), Some(_)) => render::line(&format!("next: skein attempt logs {id}")),
        (Some(_), None) => {}
    }
}

fn progress(at_work: &AttemptAtWork) -> String {
    let rows = render::counted(at_work.rows.0, "row");
    at_work.rows_all.map_or(rows.clone(), |all| format!("{rows} of {}", render::grouped(all.0)))
}

/// What to type about one that failed.
pub(crate) fn next(failed: AttemptId) -> String {
    format!("skein attempt logs {failed}   or: skein attempt replay {failed}")
}

fn refused(attempt: &Attempt) -> String {
    let codes =
        attempt.reject_codes.iter().map(|one| format!("{} {}", one.code, render::grouped(one.rows.0)));
    let codes: Vec<String> = codes.collect();
    format!("{} ({})", render::counted(attempt.rejected.0, "row"), codes.join(", "))
}

fn rejects(view: View, server: &Server, attempt: &str) -> CommandResult {
    let there = one(server, attempt)?;
    let some = lines(server, &format!("attempts/{}/rejects", encoded(attempt)))?;
    let (rows, codes) = (there.rejected, &there.reject_codes);
    let all = serde_json::json!({ "rejected": rows, "codes": codes, "some": some });
    view.told(&all, || refusals(&there, &some));
    Ok(())
}

fn refusals(there: &Attempt, some: &[Value]) {
    if there.rejected.0 == 0 {
        return render::to_stderr("it refused no row");
    }
    render::line(&refused(there));
    let text = |line: &Value, key: &str| match line[key].as_str() {
        Some(text) => text.to_owned(),
        None => line[key].to_string(),
    };
    let row = |line: &Value| ["file", "row", "code", "message"].map(|key| text(line, key)).to_vec();
    render::table(&["file", "row", "code", "message"], some.iter().map(row));
    if (some.len() as u64) < there.rejected.0 {
        render::to_stderr("with their values they are in the quarantine of what the run staged");
    }
}
