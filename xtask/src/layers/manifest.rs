//! What the checks need of a member's Cargo.toml.

use anyhow::{Context, Result};
use toml::{Table, Value};

use crate::source_tree::SourceTree;

/// A workspace member.
#[derive(Debug)]
pub(crate) struct Manifest {
    /// `runtime/skein-types/Cargo.toml`.
    pub(crate) path: String,
    /// Package name.
    pub(crate) name: String,
    /// Whether its library is built as a C-style dynamic library: for guests, the component.
    pub(crate) cdylib: bool,
    /// Whether rustdoc looks for examples in its library.
    pub(crate) doctest: bool,
    pub(super) dependencies: Vec<Dependency>,
    pub(super) workspace_lints: bool,
}

#[derive(Debug)]
pub(super) struct Dependency {
    /// The package, whatever it is called locally.
    pub(super) package: String,
    pub(super) kind: Kind,
    /// Whether it says `workspace = true`.
    pub(super) inherited: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Normal,
    Dev,
    Build,
}

const SECTIONS: [(&str, Kind); 3] =
    [("dependencies", Kind::Normal), ("dev-dependencies", Kind::Dev), ("build-dependencies", Kind::Build)];

impl Manifest {
    /// All members that the root's Cargo.toml lists.
    pub(crate) fn members(tree: &SourceTree) -> Result<Vec<Self>> {
        let root = parse(tree, "Cargo.toml")?;
        let members = root.get("workspace").and_then(|w| w.get("members")).and_then(Value::as_array);
        let members = members.context("Cargo.toml lists no workspace members")?;
        members
            .iter()
            .map(|member| {
                let dir = member.as_str().context("a workspace member that is not a string")?;
                Self::read(tree, &format!("{dir}/Cargo.toml"))
            })
            .collect()
    }

    /// The directory, relative to the root.
    pub(crate) fn dir(&self) -> &str {
        self.path.trim_end_matches("/Cargo.toml")
    }

    fn read(tree: &SourceTree, path: &str) -> Result<Self> {
        let table = parse(tree, path)?;
        let name = table.get("package").and_then(|p| p.get("name")).and_then(Value::as_str);
        let crate_types = table.get("lib").and_then(|l| l.get("crate-type")).and_then(Value::as_array);
        let doctest = table.get("lib").and_then(|l| l.get("doctest")).and_then(Value::as_bool);
        let lints = table.get("lints").and_then(|l| l.get("workspace")).and_then(Value::as_bool);
        Ok(Self {
            path: path.to_owned(),
            name: name.with_context(|| format!("{path} has no package name"))?.to_owned(),
            cdylib: crate_types.is_some_and(|types| types.iter().any(|t| t.as_str() == Some("cdylib"))),
            doctest: doctest != Some(false),
            dependencies: dependencies(&table),
            workspace_lints: lints == Some(true),
        })
    }
}

fn parse(tree: &SourceTree, path: &str) -> Result<Table> {
    tree.text(path)?.parse().with_context(|| format!("{path} is not TOML"))
}

/// Of the package itself and of each `[target.'…']`.
fn dependencies(table: &Table) -> Vec<Dependency> {
    let targets = table.get("target").and_then(Value::as_table);
    let targets = targets.into_iter().flat_map(Table::values).filter_map(Value::as_table);
    std::iter::once(table).chain(targets).flat_map(in_sections).collect()
}

fn in_sections(table: &Table) -> impl Iterator<Item = Dependency> {
    SECTIONS.iter().flat_map(move |(section, kind)| {
        let entries = table.get(*section).and_then(Value::as_table);
        entries.into_iter().flatten().map(|(key, value)| Dependency {
            package: value.get("package").and_then(Value::as_str).unwrap_or(key).to_owned(),
            kind: *kind,
            inherited: value.get("workspace").and_then(Value::as_bool) == Some(true),
        })
    })
}
