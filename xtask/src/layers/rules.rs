//! The rules, one function each.

use super::manifest::{Kind, Manifest};
use super::table::{Tables, matches};
use crate::finding::Finding;
use crate::source_tree::SourceTree;

/// A Cargo.toml that is neither a member nor a workspace of its own escapes every check.
pub(super) fn strangers(tree: &SourceTree, members: &[Manifest]) -> Vec<Finding> {
    tree.ending("/Cargo.toml")
        .filter(|(path, text)| !members.iter().any(|m| m.path == *path) && !text.contains("[workspace]"))
        .map(|(path, _)| Finding::in_file(path, "is not a member of the workspace"))
        .collect()
}

/// Every member has one row, every row a member.
pub(super) fn table_and_workspace_agree(
    tables: &Tables,
    members: &[Manifest],
    document: &str,
) -> Vec<Finding> {
    let missing = members.iter().filter(|m| tables.find(&m.name).is_none()).map(|m| {
        Finding::in_file(&m.path, format!("{} has no row in the layers table of {document}", m.name))
    });
    let stale = tables.crates.iter().filter(|row| !members.iter().any(|m| m.name == row.name)).map(|row| {
        Finding::in_file(document, format!("the layers table names {}, which does not exist", row.name))
    });
    let twice = tables
        .crates
        .iter()
        .enumerate()
        .filter(|(at, row)| tables.crates[..*at].iter().any(|earlier| earlier.name == row.name));
    let twice = twice
        .map(|(_, row)| Finding::in_file(document, format!("the layers table names {} twice", row.name)));
    missing.chain(stale).chain(twice).collect()
}

/// Own crates only from lower levels. A crate that names itself does so for its tests, with another feature.
pub(super) fn levels(tables: &Tables, members: &[Manifest], of: &Manifest) -> Vec<Finding> {
    let Some(row) = tables.find(&of.name) else { return Vec::new() };
    let others = of.dependencies.iter().filter(|d| d.package != of.name);
    let own = others.filter(|d| members.iter().any(|m| m.name == d.package));
    own.filter_map(|dependency| {
        let other = tables.find(&dependency.package)?;
        let fine = row.level.may_know(other.level) || row.also.contains(&dependency.package);
        let (own, theirs) = (row.level, other.level);
        (!fine).then(|| {
            let what = format!("{} ({own:?}) may not know {} ({theirs:?})", of.name, dependency.package);
            Finding::in_file(&of.path, what)
        })
    })
    .collect()
}

/// Foreign crates only where they belong.
pub(super) fn owners(tables: &Tables, of: &Manifest) -> Vec<Finding> {
    let mut findings = Vec::new();
    let never = tables.find(&of.name).map_or(&[][..], |row| &row.never);
    for dependency in &of.dependencies {
        let package = &dependency.package;
        if never.iter().any(|pattern| matches(pattern, package)) {
            findings.push(Finding::in_file(&of.path, format!("{} must not name {package}", of.name)));
        }
        for row in tables.owned.iter().filter(|row| matches(&row.pattern, package)) {
            let in_tests = row.tests && dependency.kind == Kind::Dev;
            if !row.owners.contains(&of.name) && !in_tests {
                let what = match row.owners.is_empty() {
                    true => format!("nobody may name {package}"),
                    false => format!("only {} may name {package}", row.owners.join(", ")),
                };
                findings.push(Finding::in_file(&of.path, what));
            }
        }
    }
    findings
}

/// Lints and versions come from the workspace.
pub(super) fn inherits(of: &Manifest) -> Vec<Finding> {
    let lints = (!of.workspace_lints).then(|| Finding::in_file(&of.path, "needs [lints] workspace = true"));
    let versions = of.dependencies.iter().filter(|d| !d.inherited && d.package != of.name).map(|d| {
        let what = format!("{} must come from [workspace.dependencies]: workspace = true", d.package);
        Finding::in_file(&of.path, what)
    });
    lints.into_iter().chain(versions).collect()
}
