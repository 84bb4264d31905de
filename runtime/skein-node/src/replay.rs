//! An attempt once more, somewhere else: the same module, parameters, limits, batch borders and seeds over the same files, and
//! nothing is published, recorded or left.
//!
//! What a guest sees of a row group is a function of module, parameters, footer, path and row group, so its failure comes again
//! wherever the files are. What it is not a function of (a store that fails, a node that is killed) does not.

use std::path::Path;
use std::sync::Arc;

use skein_api::{PartOf, Replay, SourceSeen};
use skein_dataset::{Dataset, NameRule, RowCounts, Snapshot, Staging};
use skein_sandbox::Module;
use skein_types::{Blake3, Bytes, Clock, ParamsDigest, RunId, VerifyLevel};

use crate::aside::Begun;
use crate::choice::FileChoice;
use crate::error::RunError;
use crate::inputs::InputFile;
use crate::job::Bench;
use crate::params::Params;
use crate::part::Part;
use crate::progress::Progress;
use crate::remote;
use crate::resize::Resize;
use crate::run::RunRequest;
use crate::staged;

/// What is repeated.
#[derive(Debug)]
pub struct Repeat {
    /// As it was asked for.
    pub run: RunRequest,
    /// Its part, if it was one; else all of it.
    pub part: Option<Part>,
    /// Of the parameters with their secrets, as it was there: what a module takes for time and chance follows from it.
    pub params: Option<ParamsDigest>,
}

impl Repeat {
    /// What a server tells of an attempt, with parameters that have the values of their secrets.
    pub fn of(told: &Replay, params: Params, (run, threads): (RunId, usize)) -> Self {
        let run = RunRequest {
            run,
            params,
            name: told.migration.as_ref().map(ToString::to_string),
            again: told.again,
            threads,
            limits: remote::limits(&told.limits),
            rejects_max: told.rejects_max,
            allow_empty: told.allow_empty,
            verify: VerifyLevel::Counts,
            files: FileChoice::everything(),
            checkpoint_rows: told.checkpoint_rows,
            resize: Resize::NONE,
            names: NameRule::Keep,
            sensitive: Vec::new(),
        };
        let part = told.part.map(|PartOf { part, parts }| Part { number: part, of: parts });
        Self { run, part, params: told.params_digest }
    }
}

/// What came of it.
#[derive(Debug)]
pub struct Repeated {
    /// The files that were read; none if it did not get so far.
    pub source: Option<SourceSeen>,
    /// What its module and this process said, a line of JSON each.
    pub lines: Vec<String>,
    /// Its end; no rows if all has been through this before.
    pub end: Result<Option<RowCounts>, RunError>,
}

/// Does it again. `scratch` does not exist or is empty; what is made there is removed.
pub fn repeat(
    dataset: Dataset,
    module: &Module,
    repeat: Repeat,
    scratch: &Path,
    (clock, progress): (Arc<dyn Clock>, &Progress),
) -> Repeated {
    let end = once_more(dataset, module, repeat, scratch, (clock, progress));
    let mut told = progress.journal().take();
    Repeated { source: told.source, lines: told.lines(), end }
}

fn once_more(
    dataset: Dataset,
    module: &Module,
    Repeat { run: mut request, part, params }: Repeat,
    scratch: &Path,
    (clock, progress): (Arc<dyn Clock>, &Progress),
) -> Result<Option<RowCounts>, RunError> {
    if let Some(digest) = params {
        request.params = request.params.known_as(digest);
    }
    let started = clock.elapsed();
    let dataset = dataset.stopped_by(progress.files());
    let Begun { manifest, migration, output, snapshot, work } =
        Begun::at(scratch, &dataset, module, (&request, progress))?;
    let Some(work) = work else { return Ok(None) };
    progress.journal().reads(seen(&snapshot, &work.files), migration.params);
    let staging = Staging::aside(&output, &dataset, &snapshot, |_: &str| true)?;
    let joined = work.done.clone();
    let mut job = work.job(module, (manifest, migration), request, (started, clock, progress));
    let sandboxes = job.sandboxes(progress);
    let agents: Vec<_> = job.plans.groups.iter().map(|group| sandboxes.for_group(group)).collect();
    let bench =
        Bench { snapshot: &snapshot, staging: &staging, rule: NameRule::Keep, progress, pieces: None };
    if let Some(part) = part {
        return job.part(part, bench, &agents).map(|made| Some(made.rows));
    }
    job.made.transformed = job.transform((&job.files, 0), bench, &agents)?;
    staged::add_the_rest(&mut job, &snapshot, &staging, &joined).map_err(RunError::if_asked_to_stop)?;
    Ok(Some(job.made.transformed.rows))
}

/// What is told of files that are read. Times and inodes are not in it: a copy is the same source.
pub(crate) fn seen(snapshot: &Snapshot, files: &[InputFile]) -> SourceSeen {
    let mut hasher = blake3::Hasher::new_derive_key("skein 2026-11 source seen");
    let mut bytes = 0_u64;
    for file in files {
        let size = file.pinned(snapshot).stat.size;
        bytes = bytes.saturating_add(size);
        hasher.update(&(file.path.len() as u64).to_le_bytes()).update(file.path.as_bytes());
        hasher.update(&size.to_le_bytes()).update(&file.footer.0);
    }
    SourceSeen {
        version: snapshot.version().unwrap_or(0),
        files: files.len() as u64,
        bytes: Bytes(bytes),
        digest: Blake3(*hasher.finalize().as_bytes()),
    }
}
