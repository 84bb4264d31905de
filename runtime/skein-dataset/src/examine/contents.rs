//! What the dataset holds: entries that no dataset may hold, files by role, rows, schemas, files that are not sound.

use std::sync::Arc;

use arrow_schema::SchemaRef;
use skein_types::{Bytes, codes};

use crate::examine::{Finding, push_some, with_cause};
use crate::listing::{FileStat, Listing, Role};
use crate::parquet::SourceFile;
use crate::place::{Kind, Place, PlaceError};
use crate::store;

const CHECK: &str = "contents";
const FILES: &str = "files";

/// What the dataset holds, and findings about what it may not; nothing if it cannot be listed.
pub(super) fn listed(place: &Place, findings: &mut Vec<Finding>) -> Option<Listing> {
    let surveyed = match place.kind {
        Kind::File => place.list().map(|listing| (listing, Vec::new())),
        Kind::Directory => {
            place.open_root().map_err(PlaceError::from).and_then(|root| Listing::survey(&root))
        }
    };
    let (listing, refused) = match surveyed {
        Ok((listing, refused)) => (Some(listing), refused),
        Err(error) => (None, vec![error]),
    };
    if refused.is_empty() {
        findings.push(Finding::ok(CHECK, "no links, special files, mounts, table formats or other datasets"));
    }
    let code = refused.first().map(PlaceError::code);
    let about = |error: &PlaceError| Finding::problem(CHECK, error.code(), with_cause(error), error.hint());
    push_some(findings, refused.iter().map(about).collect(), |more| {
        let code = code.unwrap_or(codes::PLACE_REFUSED);
        Finding::problem(CHECK, code, format!("{more} more entries that no dataset may hold"), None)
    });
    listing
}

/// Files by role, and what their footers say.
pub(super) fn files(place: &Place, listing: &Listing, findings: &mut Vec<Finding>) {
    let of = |role| listing.files.iter().filter(move |file| file.role == role);
    if of(Role::Data).next().is_none() {
        let hint = "data files end in .parquet, .parq or .pq and are not hidden";
        findings.push(Finding::problem(FILES, codes::DATASET_EMPTY, "no Parquet files", Some(hint)));
    } else {
        footers(place, of(Role::Data), findings);
    }
    if of(Role::Sidecar).next().is_some() {
        let text =
            format!("{} that are no data are copied: {}", count(of(Role::Sidecar)), some(of(Role::Sidecar)));
        findings.push(Finding::ok("sidecars", text));
    }
    if of(Role::Dropped).next().is_some() {
        let text = format!(
            "{} that describe the old data files would not be taken over: {}",
            count(of(Role::Dropped)),
            some(of(Role::Dropped))
        );
        let hint = "let their writer make them again after the run";
        findings.push(Finding::warning("left out", text, Some(hint)));
    }
}

/// Schemas with the number of their files and the first one's path.
type Schemas<'a> = Vec<(SchemaRef, usize, &'a str)>;

fn footers<'a>(place: &Place, data: impl Iterator<Item = &'a FileStat> + Clone, findings: &mut Vec<Finding>) {
    let (mut rows, mut schemas, mut unsound) = (0, Schemas::new(), Vec::new());
    for file in data.clone() {
        match footer(place, &file.path) {
            Ok(source) => {
                rows += source.rows().0;
                match schemas.iter_mut().find(|(known, ..)| known == source.view()) {
                    Some((_, files, _)) => *files += 1,
                    None => schemas.push((Arc::clone(source.view()), 1, &file.path)),
                }
            }
            Err(finding) => unsound.push(finding),
        }
    }
    let columns = schemas.first().map_or(0, |(schema, ..)| schema.fields().len());
    findings.push(Finding::ok(FILES, format!("{}, {rows} rows, {columns} columns", count(data))));
    if schemas.len() > 1 {
        let groups = schemas.iter().map(|(schema, files, first)| {
            format!("{} columns in {files} such as {first}", schema.fields().len())
        });
        let text = format!("{} different: {}", schemas.len(), groups.take(3).collect::<Vec<_>>().join("; "));
        let hint = "`skein check MODULE --dataset` shows whether one plan fits them all";
        findings.push(Finding::warning("schemas", text, Some(hint)));
    }
    let code = unsound.first().and_then(|finding| finding.code).unwrap_or(codes::FILE_NOT_PARQUET);
    push_some(findings, unsound, |more| {
        Finding::problem(FILES, code, format!("{more} more files that cannot be read"), None)
    });
}

fn footer(place: &Place, path: &str) -> Result<SourceFile, Finding> {
    let opened = place
        .open_root()
        .and_then(|root| store::open_file(&root, path))
        .map_err(|fault| Finding::problem(FILES, fault.code(), with_cause(&fault), None))?;
    SourceFile::open(opened.into_std(), path)
        .map_err(|error| Finding::problem(FILES, error.code(), with_cause(&error), error.hint()))
}

fn count<'a>(files: impl Iterator<Item = &'a FileStat>) -> String {
    let (number, bytes) = files.fold((0, 0), |(number, bytes), file| (number + 1, bytes + file.size));
    format!("{number} {} of {}", if number == 1 { "file" } else { "files" }, Bytes(bytes))
}

fn some<'a>(files: impl Iterator<Item = &'a FileStat>) -> String {
    let paths: Vec<&str> = files.map(|file| file.path.as_str()).collect();
    let more = paths.len().saturating_sub(3);
    let tail = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{}{tail}", paths[..paths.len() - more].join(", "))
}
