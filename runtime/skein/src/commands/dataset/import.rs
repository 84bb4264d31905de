//! `skein dataset import`: all datasets of a file are registered, or none.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use clap::Args;
use skein_api::{DatasetsImported, IMPORT_BYTES_MAX};
use skein_types::codes;

use crate::failure::{CommandResult, Failure};
use crate::render;
use crate::server::{Server, encoded};
use crate::view::View;

/// A list of datasets.
#[derive(Debug, Args)]
pub(crate) struct ImportArgs {
    /// A CSV table with the columns `name`, `path`, `owner` and `labels` (`key=value;key=value`), or one JSON object with these fields a line.
    file: PathBuf,
    /// The team of datasets whose line does not say one.
    #[arg(long)]
    owner: Option<String>,
    /// Only look whether all of it could be registered.
    #[arg(long)]
    dry_run: bool,
}

pub(super) fn import(server: &Server, args: &ImportArgs, view: View) -> CommandResult {
    let bytes = list(&args.file)?;
    // A list of objects starts with one; anything else is a table.
    let first = bytes.iter().find(|byte| !byte.is_ascii_whitespace());
    let kind = if first == Some(&b'{') { "application/x-ndjson" } else { "text/csv" };
    let owner = args.owner.as_ref().map(|owner| format!("&owner={}", encoded(owner))).unwrap_or_default();
    let path = format!("datasets/import?dry_run={}{owner}", args.dry_run);
    let done: DatasetsImported = server.post_list(&path, kind, bytes)?;
    view.told(&done, || {
        let DatasetsImported { datasets, added, known, dry_run } = &done;
        let became = if *dry_run { "would be added" } else { "added" };
        render::line(&format!(
            "{}: {added} {became}, {known} known before",
            render::counted(*datasets, "dataset")
        ));
    });
    Ok(())
}

fn list(path: &Path) -> Result<Vec<u8>, Failure> {
    let refused = |problem: String| Failure::text(codes::MANIFEST_UNREADABLE, problem).about(path);
    let mut bytes = Vec::new();
    let most = IMPORT_BYTES_MAX as u64;
    let read = File::open(path).and_then(|file| file.take(most + 1).read_to_end(&mut bytes));
    match read {
        Err(error) => Err(Failure::unread(path, codes::MANIFEST_UNREADABLE, &error)),
        Ok(_) if bytes.len() as u64 > most => {
            Err(refused(format!("it is larger than {}", skein_types::Bytes(most))))
        }
        Ok(_) => Ok(bytes),
    }
}
