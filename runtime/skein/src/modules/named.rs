//! Which file a module argument means: a path, or the name of a module that is installed.
//!
//! `skein run columns` means `modules/columns.wasm` beside the executable, else the same in Skein's home, whatever lies in
//! the directory that it is called in: others may have put it there. A file is named as one, by a path (`./columns`) or by its
//! ending (`columns.wasm`). In file names `_` may stand for `-`, as cargo writes them.

use std::path::{Path, PathBuf};

use skein_types::{codes, nearest};

use crate::failure::Failure;
use crate::home::Home;

const SUFFIX: &str = ".wasm";

/// The file of a module.
pub(crate) fn locate(given: &Path, home: &Home) -> Result<PathBuf, Failure> {
    let bytes = given.as_os_str().as_encoded_bytes();
    let is_path = given.components().count() != 1 || bytes.ends_with(b"/");
    let is_file = bytes.ends_with(SUFFIX.as_bytes()) && given.exists();
    let places = places(home);
    if is_path && !given.exists() {
        return not_there(given, &places);
    }
    let name = given.to_str().filter(|_| !is_path && !is_file);
    let Some(name) = name else { return Ok(given.to_owned()) };
    let name = name.strip_suffix(SUFFIX).unwrap_or(name);
    let files = [format!("{name}{SUFFIX}"), format!("{}{SUFFIX}", name.replace('-', "_"))];
    let candidates = places.iter().flat_map(|place| files.iter().map(|file| place.join(file)));
    match candidates.into_iter().find(|candidate| candidate.is_file()) {
        Some(found) => Ok(found),
        None if given.exists() => {
            Err(missing(name, &places).hint(Some(format!("the file of that name here is ./{name}"))))
        }
        None => Err(missing(name, &places)),
    }
}

/// A path to nothing, when what it ends in can be called by name.
fn not_there(given: &Path, places: &[PathBuf]) -> Result<PathBuf, Failure> {
    let stem = given.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default().replace('_', "-");
    let is_installed = places.iter().flat_map(|place| installed(place)).any(|name| name == stem);
    let hint = is_installed.then(|| format!("`{stem}` is installed: leave the path out"));
    let message = format!("cannot read module {}: it does not exist", given.display());
    Err(Failure::text(codes::MODULE_NOT_FOUND, message).hint(hint))
}

fn places(home: &Home) -> Vec<PathBuf> {
    let beside = std::env::current_exe().ok().and_then(|exe| Some(exe.parent()?.join("modules")));
    beside.into_iter().chain([home.modules()]).collect()
}

fn missing(name: &str, places: &[PathBuf]) -> Failure {
    let there: Vec<String> = places.iter().flat_map(|place| installed(place)).collect();
    let hint = match nearest(name, there.iter().map(String::as_str)) {
        Some(near) => format!("did you mean {near}?"),
        None if there.is_empty() => "give the path of a .wasm file".to_owned(),
        None => format!("installed: {}", there.join(", ")),
    };
    let looked = places.iter().map(|place| format!("looked in {}", place.display()));
    Failure::text(
        codes::MODULE_NOT_FOUND,
        format!("no module {name:?} is installed, and it is no path of a file"),
    )
    .details(looked)
    .hint(Some(hint))
}

/// Names of the modules in a directory, in order.
fn installed(place: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(place).into_iter().flatten().flatten();
    let files = entries.filter_map(|entry| entry.file_name().into_string().ok());
    let mut names: Vec<String> =
        files.filter_map(|file| Some(file.strip_suffix(SUFFIX)?.replace('_', "-"))).collect();
    names.sort();
    names
}
