//! `skein dataset scan`: what lies below a directory, and registering it.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use skein_api::{DatasetAdded, Layout, Scan, ScanAsk, ScanFound, Text};
use skein_types::codes;

use super::{there, words};
use crate::commands::campaign::{label, labels};
use crate::failure::{CommandResult, Failure};
use crate::render;
use crate::server::{Server, encoded};
use crate::settings::Settings;
use crate::view::{Row, View, nothing_begins};

const LOOK_EVERY: Duration = Duration::from_millis(200);
/// Without a terminal, every so many looks a line is enough.
const LINE_EVERY: u32 = 50;

/// Where to look.
#[derive(Debug, Args)]
pub(crate) struct ScanArgs {
    /// A directory. What lies below it in directories with Parquet files are datasets, and so is each Parquet file right in it.
    directory: PathBuf,
    /// The team that what is found belongs to; `local` if neither this nor the layout says it.
    #[arg(long)]
    owner: Option<String>,
    /// What the parts of the path from the directory say, such as `{owner}/{label:region}/**`: the team, a label's value, `*` any
    /// name, `**` at the end one or more; anything else is that name. What does not fit is refused.
    #[arg(long)]
    layout: Option<Layout>,
    /// A label for all that is found. May be given more than once.
    #[arg(long = "label", value_name = "KEY=VALUE", value_parser = label)]
    labels: Vec<(String, String)>,
    /// Put before the path from the directory to make a name.
    #[arg(long, value_name = "TEXT")]
    name_prefix: Option<String>,
    /// Register what is found. From then on `skein run` leaves it to the server.
    #[arg(long)]
    register: bool,
}

pub(super) fn scan(settings: &Settings, server: &Server, args: &ScanArgs, view: View) -> CommandResult {
    let begun: Scan = server.post("scans", &asked(server, args)?)?;
    let (mut looks, mut waited) = (0_u32, false);
    let ended = loop {
        let now: Scan = server.get(&format!("scans/{}", begun.scan))?;
        if now.done {
            break now;
        }
        if !settings.interactive && looks.is_multiple_of(LINE_EVERY) {
            let cancel = format!("skein dataset scans {} --cancel", now.scan);
            render::to_stderr(&format!("{} found so far; to end it: {cancel}", now.found));
        }
        if let Some(waits) = now.waits.as_ref().filter(|_| !waited) {
            waited = true;
            render::to_stderr(&nothing_begins(waits));
        }
        looks += 1;
        std::thread::sleep(LOOK_EVERY);
    };
    one(server, &ended, view)
}

fn asked(server: &Server, args: &ScanArgs) -> Result<ScanAsk, Failure> {
    let real = there(server, &args.directory)?;
    let usage =
        |what: &str, error: skein_api::TooLong| Failure::text(codes::USAGE, format!("{what}: {error}"));
    let said = args.layout.as_ref().is_some_and(Layout::has_owner);
    let owner = args.owner.clone().or_else(|| (!said).then(|| "local".to_owned()));
    let owner = owner.map(Text::new).transpose().map_err(|error| usage("--owner", error))?;
    let prefix = args.name_prefix.as_ref().map(|prefix| Text::new(prefix.clone())).transpose();
    Ok(ScanAsk {
        below: Text::new(real.to_string_lossy()).map_err(|error| usage("directory", error))?,
        owner,
        layout: args.layout.clone(),
        labels: labels(&args.labels)?,
        prefix: prefix.map_err(|error| usage("--name-prefix", error))?,
        look_only: !args.register,
    })
}

/// One that was begun before.
pub(super) fn named(server: &Server, (scan, cancel): (&str, bool), view: View) -> CommandResult {
    let path = format!("scans/{}", encoded(scan));
    if cancel {
        view.one(&server.delete::<Scan>(&path)?);
        return Ok(());
    }
    one(server, &server.get(&path)?, view)
}

/// One scan with what it found. It fails if the scan did, or if something was to be registered and is not.
fn one(server: &Server, scan: &Scan, view: View) -> CommandResult {
    let found: Vec<ScanFound> = server.pages(&format!("scans/{}/found", scan.scan))?;
    view.told(&serde_json::json!({ "scan": scan, "found": found }), || {
        view.all(&found);
        render::line(&summary(scan));
    });
    let why = scan.why.as_ref().map(|why| why.code.clone());
    let refused = scan.refused.first().filter(|_| !scan.asked.look_only).map(|(_, why)| why.code.clone());
    match why.or(refused) {
        None => Ok(()),
        Some(code) => {
            let code = codes::ALL.iter().find(|known| known.id == code.as_str()).copied();
            Err(Failure::told(code.unwrap_or(codes::BUG)))
        }
    }
}

fn became(one: &ScanFound) -> String {
    let said = |why: &skein_api::Why| format!("{} {}", why.code, why.message);
    match (&one.became, &one.why) {
        (Some(DatasetAdded::Added(_)), _) => "added".to_owned(),
        (Some(DatasetAdded::Known(_)), _) => "known before".to_owned(),
        (Some(DatasetAdded::Refused(why)), _) | (None, Some(why)) => said(why),
        (None, None) => String::new(),
    }
}

fn summary(scan: &Scan) -> String {
    let count = render::counted(scan.found, "dataset");
    let became = match scan.asked.look_only {
        true => format!("{} known before, {} cannot be registered", scan.known, scan.refusals),
        false => {
            format!("{} added, {} known before, {} refused", scan.added, scan.known, scan.refusals)
        }
    };
    let ended = match (&scan.why, scan.done) {
        (Some(why), _) => format!("; ended early: {} {}", why.code, why.message),
        (None, false) => match &scan.waits {
            Some(waits) => format!("; not through yet: {}", nothing_begins(waits)),
            None => "; not through yet".to_owned(),
        },
        (None, true) => String::new(),
    };
    format!("{count} found, {became}{ended}")
}

impl Row for ScanFound {
    const HEADS: &'static [&'static str] = &["name", "team", "labels", "location", "size", "files", "became"];
    fn cells(&self) -> Vec<String> {
        vec![
            self.name.to_string(),
            self.owner.as_deref().unwrap_or_default().to_owned(),
            words(&self.labels),
            self.location.to_string(),
            self.bytes.to_string(),
            self.files.to_string(),
            became(self),
        ]
    }
}

impl Row for Scan {
    const HEADS: &'static [&'static str] =
        &["scan", "below", "since", "done", "found", "added", "refused", "why"];
    fn cells(&self) -> Vec<String> {
        let why = self.why.as_ref().map(|why| format!("{} {}", why.code, why.message));
        vec![
            self.scan.to_string(),
            self.asked.below.to_string(),
            self.since.to_string(),
            self.done.to_string(),
            self.found.to_string(),
            self.added.to_string(),
            self.refusals.to_string(),
            why.unwrap_or_default(),
        ]
    }
}
