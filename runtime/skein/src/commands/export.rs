//! `skein export`: the files of a version, for other readers, or out of it as a copy.

mod verify_sql;

use std::sync::Arc;

use arrow_schema::SchemaRef;
use serde::Serialize;
use skein_dataset::parquet::SourceFile;
use skein_dataset::{FileRecord, Role, Statement, VersionFiles};
use skein_types::{Blake3, Bytes, Rows, SystemClock, codes, unify};

use crate::args::{ExportArgs, Output, Reader};
use crate::datasets;
use crate::failure::{CommandResult, Failure};
use crate::render;
use crate::render::text::escaped;
use crate::settings::Settings;

/// Owners and attributes that were not kept and are named; JSON has them all.
const LOST_SHOWN: usize = 3;

#[derive(Serialize)]
struct List {
    version: u64,
    current: bool,
    /// What the relative paths are relative to.
    root: String,
    files: Vec<FileLine>,
}

#[derive(Serialize)]
struct FileLine {
    path: String,
    relative: String,
    role: Role,
    size: Bytes,
    #[serde(skip_serializing_if = "Option::is_none")]
    rows: Option<Rows>,
    blake3: Blake3,
}

#[derive(Serialize)]
struct Copied {
    version: u64,
    directory: String,
    files: usize,
    bytes: Bytes,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    attributes_lost: Vec<String>,
}

pub(crate) fn export(settings: &Settings, args: &ExportArgs) -> CommandResult {
    let clock = Arc::new(SystemClock::start());
    let dataset = datasets::open(settings, &args.dataset, clock, datasets::default_threads())?;
    let failed = |error: &skein_dataset::ExportError| Failure::new(error.code(), error).hint(error.hint());
    let found = VersionFiles::find(&dataset, args.version).map_err(|error| failed(&error))?;
    if let Some(to) = &args.to {
        let id = uuid::Uuid::now_v7().simple().to_string();
        let made = found.copy_to(&dataset, to, &id).map_err(|error| failed(&error))?;
        copied(&found, made, args.output);
        return Ok(());
    }
    if args.output == Output::Table {
        refuse_odd(&found)?;
    }
    if args.verify_sql {
        return verify_sql::print(&found, &dataset.path(), args.output);
    }
    match args.reader {
        Some(reader) => stated(&found, reader, args.output)?,
        None => listed(&found, args.output),
    }
    Ok(())
}

/// One path a line holds for whoever reads it only if no path has a line break, and a terminal obeys other control
/// characters. JSON can say them.
fn refuse_odd(found: &VersionFiles) -> CommandResult {
    let mut odd = data(found).map(|file| found.path(file).display().to_string());
    match odd.find(|path| path.contains(char::is_control)) {
        None => Ok(()),
        Some(path) => {
            Err(Failure::text(codes::USAGE, format!("{path:?} has control characters in its name"))
                .hint(Some("-o json lists it, as every other file")))
        }
    }
}

fn data(found: &VersionFiles) -> impl Iterator<Item = &FileRecord> {
    found.files().iter().filter(|file| file.stat.role == Role::Data)
}

fn copied(found: &VersionFiles, made: skein_dataset::Copied, output: Output) {
    let summary = Copied {
        version: found.version(),
        directory: made.path.display().to_string(),
        files: found.files().len(),
        bytes: found.bytes(),
        attributes_lost: made.lost,
    };
    match output {
        Output::Json => render::json(&summary),
        Output::Table => {
            render::line(&format!(
                "copied version {} to {}: {} of {}, every hash as recorded",
                summary.version,
                summary.directory,
                render::counted(summary.files as u64, "file"),
                summary.bytes
            ));
            if !summary.attributes_lost.is_empty() {
                let lost = render::first_of(&summary.attributes_lost, LOST_SHOWN);
                render::line(&format!("  not kept {lost}"));
            }
        }
    }
}

fn stated(found: &VersionFiles, reader: Reader, output: Output) -> CommandResult {
    let paths: Vec<String> = data(found).map(|file| found.path(file).display().to_string()).collect();
    let partitions = skein_dataset::Partitions::of(data(found).map(|file| file.stat.path.as_str()));
    let root = found.root.display().to_string();
    let differing = differ(found)?;
    let statement =
        Statement { root: &root, paths: &paths, partitioned: !partitions.keys().is_empty(), differing };
    let text = match reader {
        Reader::Duckdb => statement.duckdb(),
        Reader::Spark => statement.spark(),
        Reader::Polars => statement.polars(),
        Reader::Pyarrow => statement.pyarrow(),
    };
    match output {
        Output::Json => render::json(&serde_json::json!({ "version": found.version(), "statement": text })),
        Output::Table => render::as_is(&text),
    }
    Ok(())
}

/// Whether the files have differing columns. Refused if a column's types do not meet: then no statement reads it, and
/// readers either fail or, worse, make something of it.
fn differ(found: &VersionFiles) -> Result<bool, Failure> {
    let mut schemas: Vec<(SchemaRef, &str)> = Vec::new();
    for record in data(found) {
        let name = record.stat.path.as_str();
        let file =
            found.read(record).map_err(|error| Failure::new(error.code(), &error).hint(error.hint()))?;
        let opened = SourceFile::open(file, name)
            .map_err(|error| Failure::new(error.code(), &error).hint(error.hint()))?;
        if !schemas.iter().any(|(known, _)| known == opened.view()) {
            schemas.push((Arc::clone(opened.view()), name));
        }
    }
    let views: Vec<SchemaRef> = schemas.iter().map(|(schema, _)| Arc::clone(schema)).collect();
    let unified = unify(&views, &[]).map_err(|error| {
        let hint =
            "read the files of each kind by themselves, with the list that export prints without --for";
        Failure::new(codes::FILE_TOO_MANY_ROW_GROUPS, &error).hint(Some(hint))
    })?;
    let Some(first) = unified.first() else { return Ok(false) };
    for (view, (_, name)) in unified.iter().zip(&schemas) {
        let pairs = first.schema.fields().iter().zip(view.schema.fields());
        let apart = pairs.into_iter().find(|(one, other)| one.data_type() != other.data_type());
        if let Some((one, other)) = apart {
            let column = escaped(one.name());
            let (one, other, before) = (one.data_type(), other.data_type(), schemas[0].1);
            let text =
                format!("column {column:?} is {one} in {before} and {other} in {name}: these do not meet");
            let hint =
                "cast the column with `skein run columns`, or read the files of each kind by themselves";
            return Err(Failure::text(codes::PLAN_GROUPS_DIFFER, text).hint(Some(hint)));
        }
    }
    Ok(schemas.len() > 1)
}

/// For people and pipes the data files, one a line; as JSON every file and what is known of it.
fn listed(found: &VersionFiles, output: Output) {
    match output {
        Output::Table => data(found).for_each(|file| render::as_is(&found.path(file).display().to_string())),
        Output::Json => render::json(&List {
            version: found.version(),
            current: found.current,
            root: found.root.display().to_string(),
            files: found
                .files()
                .iter()
                .map(|file| FileLine {
                    path: found.path(file).display().to_string(),
                    relative: file.stat.path.clone(),
                    role: file.stat.role,
                    size: Bytes(file.stat.size),
                    rows: file.rows,
                    blake3: file.blake3,
                })
                .collect(),
        }),
    }
}
