//! `cargo xtask layers`: every Cargo.toml against the tables in ARCHITECTURE.md.
//!
//! A crate knows only lower levels and crates of one level never know each other; some dependencies belong to one crate
//! alone; versions and lints come from the workspace. The tables are the rule, this is only its reader.

mod manifest;
mod rules;
mod table;

use anyhow::{Context, Result};

use crate::finding::Finding;
use crate::source_tree::SourceTree;

pub(crate) use manifest::Manifest;

const TABLES: &str = "ARCHITECTURE.md";

pub(crate) fn check(tree: &SourceTree) -> Result<Vec<Finding>> {
    let tables = table::Tables::parse(tree.text(TABLES)?).context(TABLES)?;
    let manifests = Manifest::members(tree)?;
    let mut findings = rules::strangers(tree, &manifests);
    findings.extend(rules::table_and_workspace_agree(&tables, &manifests, TABLES));
    for manifest in &manifests {
        findings.extend(rules::levels(&tables, &manifests, manifest));
        findings.extend(rules::owners(&tables, manifest));
        findings.extend(rules::inherits(manifest));
    }
    Ok(findings)
}

#[cfg(test)]
mod tests;
