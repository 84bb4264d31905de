//! `skein attempt replay`: an attempt of a server's node once more, here, and whether it ends as it did there.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use serde::Serialize;
use serde_json::{Map, Value};
use skein_api::{MODULE_BYTES_MAX, Replay, RunRows, SourceSeen, Why};
use skein_dataset::RowCounts;
use skein_node::{Progress, Repeat, Repeated, RunError, repeat};
use skein_types::{Clock, ModuleDigest, RunId, SystemClock, chain, codes};

use super::{parsed, told};
use crate::args::ParamArgs;
use crate::datasets;
use crate::failure::{CommandResult, Failure};
use crate::home::Home;
use crate::interrupt;
use crate::modules;
use crate::progress::ProgressView;
use crate::render;
use crate::secrets;
use crate::server::{Server, encoded};
use crate::settings::Settings;
use crate::view::View;

#[derive(Debug, Args)]
pub(crate) struct ReplayArgs {
    /// Which.
    pub(crate) attempt: String,
    /// The files to read, if not where the server has the dataset: a copy, or an older version.
    #[arg(long, value_name = "PATH")]
    pub(crate) dataset: Option<PathBuf>,
    /// A secret that the parameters name; read from FILE without its last line break. The server does not give its own.
    #[arg(long = "secret", value_name = "NAME=@FILE")]
    pub(crate) secrets: Vec<String>,
    /// Agents at work at the same time [default: the machine's cores].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub(crate) threads: Option<u16>,
}

/// How both ended.
#[derive(Serialize)]
struct Compared<'a> {
    attempt: &'a str,
    /// Whether both ended in the same way.
    same: bool,
    /// How it failed there, if it did.
    there: Option<&'a Why>,
    /// How it failed here, if it did.
    here: Option<Why>,
    /// What became of the rows here, if it did not.
    rows: Option<RunRows>,
    /// All had been through this before, here.
    already_migrated: bool,
    /// The files are not those that were read there; none if it is not known.
    source_moved: Option<bool>,
    /// What was said here.
    lines: Vec<Value>,
}

pub(super) fn replay(
    settings: &Settings,
    server: &Server,
    (args, view): (&ReplayArgs, View),
) -> CommandResult {
    let at = format!("attempts/{}", encoded(&args.attempt));
    let told: Replay = server.get(&format!("{at}/replay"))?;
    let bytes = server.bytes(&format!("{at}/module"), MODULE_BYTES_MAX)?;
    let repeated = once_more(settings, (&told, &bytes), args)?;
    if let Err(error) = &repeated.end
        && error.code() == codes::CANCELLED
    {
        return Err(Failure::text(codes::CANCELLED, "interrupted; nothing was changed"));
    }
    let compared = compare(args, &told, repeated);
    view.told(&compared, || shown(&compared));
    if compared.same {
        return Ok(());
    }
    let failure = Failure::text(codes::REPLAY_DIFFERS, differs(&compared)).hint(hint(&compared, &told));
    Err(if view.is_table() { failure } else { failure.on_stderr() })
}

fn once_more(
    settings: &Settings,
    (told, bytes): (&Replay, &[u8]),
    args: &ReplayArgs,
) -> Result<Repeated, Failure> {
    let found = ModuleDigest::of(bytes);
    if found != told.module {
        let text = format!("the server sent {found} as the module, and it was {}", told.module);
        return Err(Failure::text(codes::BLOB_MISMATCH, text));
    }
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::start());
    let home = Home::at(&settings.home);
    let given = secrets::given(&ParamArgs { params: None, secrets: args.secrets.clone() }, &home)?;
    let params = if told.params.is_null() { Value::Object(Map::new()) } else { told.params.clone() };
    let params = given.params(params)?;
    let threads = args.threads.map_or_else(datasets::default_threads, usize::from);
    let path = args.dataset.as_deref().unwrap_or_else(|| Path::new(told.location.as_str()));
    let dataset = datasets::open(settings, path, Arc::clone(&clock), threads)?;
    let module = modules::of_bytes(bytes, &home, &clock)?;
    let scratch = tempfile::tempdir_in(&settings.home).map_err(|error| Failure::new(codes::IO, &error))?;
    let progress = Arc::new(Progress::on_record());
    interrupt::cancels(&progress);
    let _view = ProgressView::start(Arc::clone(&progress), settings.interactive);
    let asked = Repeat::of(told, params, (RunId::new(uuid::Uuid::now_v7()), threads));
    Ok(repeat(dataset, &module, asked, &scratch.path().join("made"), (clock, &progress)))
}

fn compare<'a>(args: &'a ReplayArgs, told: &'a Replay, repeated: Repeated) -> Compared<'a> {
    let Repeated { source, lines, end } = repeated;
    let lines = lines.iter().map(|line| parsed(line)).collect();
    let there = told.why.as_ref();
    let (here, rows, already_migrated) = ended(&end);
    let alike = |a: &Why, b: &Why| (&a.code, &a.message) == (&b.code, &b.message);
    let same = match (there, &here) {
        (Some(there), Some(here)) => alike(there, here),
        (None, None) => !already_migrated,
        (Some(_), None) | (None, Some(_)) => false,
    };
    let is_other = |(there, here): (SourceSeen, SourceSeen)| there.digest != here.digest;
    let source_moved = told.source.zip(source).map(is_other);
    Compared { attempt: &args.attempt, same, there, here, rows, already_migrated, source_moved, lines }
}

/// The failure, the rows, and whether there was nothing to do.
fn ended(end: &Result<Option<RowCounts>, RunError>) -> (Option<Why>, Option<RunRows>, bool) {
    match end {
        Ok(Some(RowCounts { read, written, rejected, filtered })) => {
            let (read, written, rejected, filtered) = (*read, *written, *rejected, *filtered);
            (None, Some(RunRows { read, written, rejected, filtered }), false)
        }
        Ok(None) => (None, None, true),
        Err(error) => (Some(Why::new(error.code(), &chain(error), error.hint().as_deref())), None, false),
    }
}

fn shown(compared: &Compared<'_>) {
    compared.lines.iter().for_each(|line| render::line(&told(line)));
    match compared.source_moved {
        Some(true) => render::to_stderr("warning: the files are not those that the attempt read"),
        Some(false) => render::to_stderr("the files are those that the attempt read"),
        None => {}
    }
    if !compared.same {
        return;
    }
    match &compared.here {
        Some(here) => render::line(&format!("the same failure: {}: {}", here.code, here.message)),
        None => render::line("the same end: it did not fail, here as there"),
    }
}

fn differs(compared: &Compared<'_>) -> String {
    let ended = |why: Option<&Why>| match why {
        Some(why) => format!("{}: {}", why.code, why.message),
        None => "no failure".to_owned(),
    };
    if compared.already_migrated {
        return format!("here all files have been through it; there it ended with {}", ended(compared.there));
    }
    format!("here it ended with {}; there with {}", ended(compared.here.as_ref()), ended(compared.there))
}

fn hint(compared: &Compared<'_>, told: &Replay) -> Option<String> {
    let moved = compared.already_migrated || compared.source_moved == Some(true);
    let version = told.source.map(|source| source.version);
    moved.then(|| match version {
        Some(version) => format!(
            "take what it read: skein export {} --version {version} --to DIR, then --dataset DIR",
            told.location
        ),
        None => "take what it read, with --dataset DIR".to_owned(),
    })
}
