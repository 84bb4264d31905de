//! `cargo xtask reference`: the pages of docs that are made from the code, as the binary prints them.
//!
//! A test compares the committed pages with what the binary prints; this writes them after a change on purpose.

use std::fs::File;
use std::io::Write as _;
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::process;
use crate::project::Project;
use crate::test;

/// What `skein reference` calls a page, and where below `docs` it is committed.
const PAGES: [(&str, &str); 6] = [
    ("cli", "reference/cli.md"),
    ("exit-codes", "reference/exit-codes.md"),
    ("limits", "reference/limits.md"),
    ("contract", "reference/contract.md"),
    ("errors", "errors/README.md"),
    ("openapi", "reference/openapi.json"),
];

pub(crate) fn write(project: &Project) -> Result<()> {
    let skein = test::build_skein(project)?;
    for (page, path) in PAGES {
        let text = process::stdout(Command::new(&skein).args(["reference", page]))?;
        let path = project.root().join("docs").join(path);
        let mut file = File::create(&path).with_context(|| path.display().to_string())?;
        file.write_all(text.as_bytes())?;
        println!("{}", path.display());
    }
    Ok(())
}
