//! `skein new`: the crate of a migration that builds and passes its test at once.
//!
//! Everything is made in a directory [`aside`], which takes the new name only when it is whole and only if nothing has that
//! name: a command that dies leaves at most a hidden directory, two at once cannot mix, and nobody can put a file of theirs
//! among those of the crate, whose build script or settings cargo would follow.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_schema::{DataType, Field, Schema};
use serde::Serialize;
use skein_types::codes;

use crate::args::{NewArgs, Output};
use crate::aside::{self, Readers};
use crate::authoring::name::CrateName;
use crate::authoring::scaffold::{self, Purpose};
use crate::authoring::schemas::{self, Origin};
use crate::authoring::{rows, sdk};
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
    place(&directory, &files, origin.real)?;
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

/// Lets the crate appear. Rows of a dataset are for whoever made it to show, whoever may read the crate.
fn place(directory: &Path, files: &[(&str, Vec<u8>)], real_rows: bool) -> Result<(), Failure> {
    if directory.file_name().is_none() {
        return Err(exists(directory));
    }
    let readers = |path: &str| match real_rows && path.starts_with("fixture/") {
        true => Readers::Owner,
        false => Readers::All,
    };
    let files = files.iter().map(|(path, bytes)| (*path, bytes.as_slice(), readers(path)));
    aside::directory(directory, files).map_err(|error| match error.kind() {
        // Not what leads to it.
        ErrorKind::AlreadyExists if directory.symlink_metadata().is_ok() => exists(directory),
        _ => Failure::new(codes::IO, &error).about(directory),
    })
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
    let next = [&format!("cd {directory}"), "cargo test", "skein dev", "skein build --release"];
    render::to_stderr("next:");
    next.iter().for_each(|command| render::to_stderr(&format!("  {command}")));
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::os::unix::fs::symlink;

    use super::place;

    #[test]
    fn nothing_that_others_put_in_the_way_gets_into_the_crate() {
        let shared = tempfile::tempdir().unwrap();
        let file = |name: &str, bytes: &[u8]| {
            std::fs::File::create(shared.path().join(name)).unwrap().write_all(bytes).unwrap();
        };
        // The name that a process could be expected to use.
        let planted = format!(".orders.new-{}", std::process::id());
        std::fs::create_dir(shared.path().join(&planted)).unwrap();
        file("theirs", b"keep me");
        file(&format!("{planted}/build.rs"), b"fn main() { /* runs as whoever builds */ }");
        symlink(shared.path().join("theirs"), shared.path().join(&planted).join("README.md")).unwrap();
        let directory = shared.path().join("orders");
        place(&directory, &[("README.md", b"ours".to_vec())], false).unwrap();
        let names: Vec<_> = directory.read_dir().unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(names, ["README.md"]);
        assert_eq!(std::fs::read(directory.join("README.md")).unwrap(), b"ours");
        assert_eq!(std::fs::read(shared.path().join("theirs")).unwrap(), b"keep me");
    }
}
