//! Puts the guest SDK and the contract into the binary, so that `skein new` works where there is no clone of Skein.
//!
//! Error pages go along, so that an error can be looked up where the binary is all there is.
//!
//! Writes `embedded.rs`: path and text of each file, in order of path. It reads the files as they are and knows nothing of
//! what is in them; `src/authoring/sdk.rs` makes a workspace of them again.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// What a file of these is called; an editor's leavings are not.
const EXTENSIONS: [&str; 5] = ["lock", "md", "rs", "toml", "wit"];

/// Relative to the root of the repository: files, and directories with everything in them.
const EMBEDDED: [&str; 5] =
    ["Cargo.lock", "Cargo.toml", "guest-sdk/rust/skein-sdk", "rust-toolchain.toml", "wit/skein-migration"];

/// Pages of error codes.
const PAGES: &str = "docs/errors";

#[expect(
    clippy::disallowed_methods,
    reason = "a build script is told its directories by the environment, and answers cargo on standard output"
)]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let root = PathBuf::from(std::env::var("CARGO_MANIFEST_DIR")?).join("../..").canonicalize()?;
    let mut files = Vec::new();
    for name in EMBEDDED {
        println!("cargo::rerun-if-changed={}", root.join(name).display());
        collect(&root, Path::new(name), &mut files)?;
    }
    files.sort();
    let mut text = String::from("&[\n");
    for file in files {
        writeln!(text, "    ({file:?}, include_str!({:?})),", root.join(&file))?;
    }
    text.push_str("]\n");
    let out = PathBuf::from(std::env::var("OUT_DIR")?);
    std::fs::write(out.join("embedded.rs"), text)?;
    std::fs::write(out.join("pages.rs"), pages(&root)?)?;
    Ok(())
}

/// Code and text of each error page, for `skein explain`.
fn pages(root: &Path) -> Result<String, Box<dyn std::error::Error>> {
    println!("cargo::rerun-if-changed={}", root.join(PAGES).display());
    let mut files = Vec::new();
    collect(root, Path::new(PAGES), &mut files)?;
    files.sort();
    let mut text = String::from("&[\n");
    for file in &files {
        let code = Path::new(file).file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
        if code.starts_with("SK") {
            writeln!(text, "    ({code:?}, include_str!({:?})),", root.join(file))?;
        }
    }
    text.push_str("]\n");
    Ok(text)
}

fn collect(root: &Path, name: &Path, files: &mut Vec<String>) -> Result<(), Box<dyn std::error::Error>> {
    if !root.join(name).is_dir() {
        if name.extension().is_some_and(|found| EXTENSIONS.iter().any(|known| found == *known)) {
            files.push(name.to_str().ok_or("a file's name is not UTF-8")?.to_owned());
        }
        return Ok(());
    }
    for entry in std::fs::read_dir(root.join(name))? {
        collect(root, &name.join(entry?.file_name()), files)?;
    }
    Ok(())
}
