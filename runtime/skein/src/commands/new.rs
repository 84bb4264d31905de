//! `skein new`: the crate of a migration that builds and passes its test at once.
//!
//! Everything is made in a directory aside, which takes the new name only when it is whole and only if nothing has that
//! name: a command that dies leaves at most a hidden directory, and two at once cannot mix.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_schema::{DataType, Field, Schema};
use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;
use serde::Serialize;
use skein_types::codes;

use crate::args::{NewArgs, Output};
use crate::authoring::name::CrateName;
use crate::authoring::scaffold::{self, Purpose};
use crate::authoring::schemas::{self, Origin};
use crate::authoring::{self, rows, sdk};
use crate::failure::{CommandResult, Failure};
use crate::render;
use crate::settings::Settings;

#[derive(Serialize)]
struct Made {
    directory: PathBuf,
    migration: String,
    sdk: PathBuf,
    files: Vec<String>,
    columns: usize,
    rows: usize,
    real_rows: bool,
}

pub(crate) fn new(settings: &Settings, args: &NewArgs) -> CommandResult {
    let name = CrateName::new(&args.name).map_err(|what| Failure::text(codes::USAGE, what))?;
    let directory = args.dir.clone().unwrap_or_else(|| PathBuf::from(name.package()));
    if directory.symlink_metadata().is_ok() {
        return Err(exists(&directory));
    }
    let origin = origin(settings, args)?;
    let target = args.to.as_deref().map(|path| schemas::target(settings, path)).transpose()?;
    let given = args.sdk.as_deref().or(settings.sdk.as_deref());
    let sdk = sdk::locate(&settings.home, given)?;
    let purpose = Purpose {
        name: &name,
        directory: &directory,
        sdk: &sdk,
        own_sdk: given.is_none(),
        dataset: args.from.as_deref(),
        source: &origin.schema,
        target: target.as_deref(),
        rows: origin.rows.num_rows(),
        real: origin.real,
    };
    let files = contents(&purpose, &origin)?;
    place(&directory, &files)?;
    let files = files.into_iter().map(|(path, _)| path.to_owned()).collect();
    let made = Made::of(&origin, name.package(), files, (directory, sdk));
    match args.output {
        Output::Json => render::json(&made),
        Output::Table => told(&made),
    }
    Ok(())
}

impl Made {
    fn of(
        origin: &Origin,
        migration: &str,
        files: Vec<String>,
        (directory, sdk): (PathBuf, PathBuf),
    ) -> Self {
        let (columns, rows) = (origin.schema.fields().len(), origin.rows.num_rows());
        Self { directory, migration: migration.to_owned(), sdk, files, columns, rows, real_rows: origin.real }
    }
}

/// What the migration starts from.
fn origin(settings: &Settings, args: &NewArgs) -> Result<Origin, Failure> {
    match &args.from {
        Some(dataset) => schemas::origin(settings, dataset, !args.no_sample),
        None => schemas::invented(Arc::new(example())),
    }
}

/// Columns of a crate that is made for no dataset yet.
fn example() -> Schema {
    Schema::new(vec![
        Field::new("id", DataType::Int64, false),
        Field::new("name", DataType::Utf8, true),
        Field::new("amount", DataType::Float64, true),
    ])
}

fn contents(purpose: &Purpose<'_>, origin: &Origin) -> Result<Vec<(&'static str, Vec<u8>)>, Failure> {
    let stream = rows::stream(&origin.rows).map_err(|error| Failure::new(codes::BUG, &error))?;
    let mut parquet = Vec::new();
    rows::parquet(&origin.rows, &mut parquet).map_err(|error| schemas::from_file(&error))?;
    let mut files: Vec<(&'static str, Vec<u8>)> =
        scaffold::files(purpose).into_iter().map(|(path, text)| (path, text.into_bytes())).collect();
    files.extend([("fixture/source.arrows", stream), ("fixture/source.parquet", parquet)]);
    files.sort_by_key(|(path, _)| *path);
    Ok(files)
}

/// Writes all files, then lets the directory appear.
fn place(directory: &Path, files: &[(&str, Vec<u8>)]) -> Result<(), Failure> {
    let io = |error: std::io::Error| Failure::new(codes::IO, &error).about(directory);
    let name = directory.file_name().ok_or_else(|| exists(directory))?;
    let aside = directory.with_file_name(format!(".{}.new-{}", name.display(), std::process::id()));
    let written = write_all(&aside, files).map_err(io).and_then(|()| {
        renameat_with(CWD, &aside, CWD, directory, RenameFlags::NOREPLACE).map_err(|error| match error {
            Errno::EXIST => exists(directory),
            other => io(other.into()),
        })
    });
    if written.is_err() && aside.exists() {
        std::fs::remove_dir_all(&aside).map_err(io)?;
    }
    written
}

fn write_all(aside: &Path, files: &[(&str, Vec<u8>)]) -> std::io::Result<()> {
    for (path, bytes) in files {
        let path = aside.join(path);
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent)?;
        }
        authoring::write(&path, bytes)?;
    }
    Ok(())
}

fn exists(directory: &Path) -> Failure {
    Failure::text(codes::DIRECTORY_EXISTS, format!("{} exists already", directory.display()))
        .hint(Some("give another name, or another directory with --dir"))
}

fn told(made: &Made) {
    let directory = made.directory.display();
    let rows = if made.real_rows { "real rows" } else { "invented rows" };
    render::line(&format!(
        "made {directory}: migration {}, {} source columns, {} {rows} to test with",
        made.migration, made.columns, made.rows
    ));
    if made.real_rows {
        render::line(
            "  the rows in fixture/ come from the dataset: see fixture/README.md before you share them",
        );
    }
    render::to_stderr(&format!(
        "next:\n  cd {directory}\n  cargo test\n  skein dev\n  skein build --release"
    ));
}
