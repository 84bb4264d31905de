//! Fresh copies of sources, so that every round works on datasets without history.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context as _;

/// An empty directory, whatever was there before.
pub(crate) fn emptied(directory: PathBuf) -> anyhow::Result<PathBuf> {
    if directory.exists() {
        fs::remove_dir_all(&directory)?;
    }
    fs::create_dir_all(&directory)?;
    Ok(directory)
}

/// A copy of each source under its own name in a new `home`, written back before anybody's clock runs.
pub(crate) fn fresh(sources: &[PathBuf], home: PathBuf) -> anyhow::Result<Vec<PathBuf>> {
    let home = emptied(home)?;
    let mut named = Vec::with_capacity(sources.len());
    for source in sources {
        named.push((source.as_path(), source.file_name().context("a file")?.to_owned()));
    }
    add(&named, &home)
}

/// Copies under names of their own beside what is in `home`.
pub(crate) fn add(named: &[(&Path, impl AsRef<Path>)], home: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut copies = Vec::with_capacity(named.len());
    for (source, name) in named {
        let copy = home.join(name.as_ref());
        fs::copy(source, &copy)?;
        copies.push(copy);
    }
    let synced = Command::new("sync").arg("--file-system").arg(home).status()?;
    anyhow::ensure!(synced.success(), "sync ended with {synced}");
    Ok(copies)
}

/// Whether every copy has its source's bytes.
pub(crate) fn equal(sources: &[PathBuf], copies: &[PathBuf]) -> anyhow::Result<()> {
    for (source, copy) in sources.iter().zip(copies) {
        anyhow::ensure!(fs::read(source)? == fs::read(copy)?, "{} is not what it was", copy.display());
    }
    Ok(())
}
