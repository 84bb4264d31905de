//! The guest SDK, unpacked from the binary to where cargo finds it.
//!
//! ```text
//! <home>/sdk/<version>-<digest>/Cargo.toml                  a workspace of the SDK alone, versions and lints as in Skein's
//!                               guest-sdk/rust/skein-sdk/   the crate
//!                               wit/skein-migration/        the contract that it reads while it is built
//! ```
//! A copy is made aside and renamed into place, so that two commands at once agree and one that dies leaves nothing that
//! looks whole. Each use compares the copy with the binary: one that a person or a crash changed is made again.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use skein_types::codes;
use toml::{Table, Value};

use super::embedded;
use crate::aside::{self, Readers};
use crate::failure::Failure;

/// The crate inside a copy, and inside a clone of Skein.
const CRATE: &str = "guest-sdk/rust/skein-sdk";
/// Of the root's Cargo.toml, what concerns other crates.
const OF_OTHERS: [&str; 3] = ["members", "exclude", "default-members"];

/// Where the SDK is that a crate shall use: a given directory, else the copy of this binary.
pub(crate) fn locate(home: &Path, given: Option<&Path>) -> Result<PathBuf, Failure> {
    match given {
        Some(path) => of_author(path),
        None => unpack(home).map_err(|error| Failure::new(codes::IO, &error).about(&copy_at(home))),
    }
}

/// The copy of this binary's SDK, made or mended if need be.
pub(crate) fn unpack(home: &Path) -> std::io::Result<PathBuf> {
    let copy = copy_at(home);
    let files = files();
    if !is_whole(&copy, &files) {
        make_room(&copy)?;
        match aside::directory(&copy, files.iter().map(|(path, text)| (*path, text.as_bytes(), Readers::All)))
        {
            // Somebody else was faster with the same.
            Err(error) if error.kind() == ErrorKind::AlreadyExists && is_whole(&copy, &files) => {}
            other => other?,
        }
    }
    copy.join(CRATE).canonicalize()
}

/// Only whole copies ever appear, so one that is not was damaged later.
fn make_room(copy: &Path) -> std::io::Result<()> {
    let damaged = aside::beside(copy, "damaged");
    match std::fs::rename(copy, &damaged) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        other => other.and_then(|()| std::fs::remove_dir_all(&damaged)),
    }
}

fn copy_at(home: &Path) -> PathBuf {
    home.join("sdk").join(format!("{}-{}", env!("CARGO_PKG_VERSION"), embedded::digest().short()))
}

/// A directory that the author names: the crate itself, or a clone of Skein.
fn of_author(path: &Path) -> Result<PathBuf, Failure> {
    let is_sdk = |dir: &Path| {
        let manifest = super::read(&dir.join("Cargo.toml")).ok()?.parse::<Table>().ok()?;
        (manifest.get("package")?.get("name")?.as_str()? == "skein-sdk").then(|| dir.canonicalize().ok())?
    };
    is_sdk(path).or_else(|| is_sdk(&path.join(CRATE))).ok_or_else(|| {
        Failure::text(codes::USAGE, format!("{} is not the crate skein-sdk", path.display()))
            .hint(Some("name a clone of Skein, or guest-sdk/rust/skein-sdk in it; or leave it away: the binary has its own"))
    })
}

/// Files of a copy.
fn files() -> Vec<(&'static str, String)> {
    let ours = |path: &str| path.starts_with(CRATE) || path.starts_with("wit/");
    let kept = embedded::FILES.iter().filter(|(path, _)| ours(path));
    let kept = kept.map(|(path, text)| (*path, (*text).to_owned()));
    kept.chain([("Cargo.toml", workspace(embedded::text("Cargo.toml")))]).collect()
}

fn is_whole(copy: &Path, files: &[(&str, String)]) -> bool {
    files.iter().all(|(path, text)| super::read(&copy.join(path)).is_ok_and(|found| found == *text))
}

/// The root's Cargo.toml with the SDK as its only member.
fn workspace(root: &str) -> String {
    let mut manifest: Table = root.parse().expect("cargo read it when it built this binary");
    manifest.retain(|key, _| key == "workspace");
    if let Some(workspace) = manifest.get_mut("workspace").and_then(Value::as_table_mut) {
        workspace.retain(|key, _| !OF_OTHERS.contains(&key));
        workspace.insert("members".to_owned(), Value::Array(vec![Value::from(CRATE)]));
        if let Some(all) = workspace.get_mut("dependencies").and_then(Value::as_table_mut) {
            all.retain(|_, dependency| dependency.get("path").is_none());
        }
    }
    manifest.to_string()
}

#[cfg(test)]
mod tests {
    use super::workspace;

    #[test]
    fn the_workspace_of_a_copy_has_the_sdk_alone() {
        let root = "[workspace]\nresolver = \"3\"\nmembers = [\"a\", \"b\"]\nexclude = [\"c\"]\n\
                    [workspace.dependencies]\na = { path = \"a\" }\nserde = \"1\"\n[profile.dev]\ndebug = false\n";
        let made = workspace(root);
        let expected = "[workspace]\nmembers = [\"guest-sdk/rust/skein-sdk\"]\nresolver = \"3\"\n\n\
                        [workspace.dependencies]\nserde = \"1\"\n";
        assert_eq!(made, expected);
    }
}
