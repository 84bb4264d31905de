//! The two marked tables of ARCHITECTURE.md: crates with their levels, and dependencies with their owners.

use std::str::FromStr;

use anyhow::{Context, Error, Result, bail};

/// Where a crate stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Level {
    /// `L0` to `L9`: the host.
    Host(u8),
    /// `G0`, `G1`: what runs inside the sandbox. Shares nothing with the host but the contract.
    Guest(u8),
    /// `T`: tests, benchmarks, tasks. They may look at everything but at each other.
    Tool,
}

impl Level {
    /// Whether a crate of this level may know one of `other`.
    pub(super) const fn may_know(self, other: Self) -> bool {
        match (self, other) {
            (Self::Host(own), Self::Host(lower)) | (Self::Guest(own), Self::Guest(lower)) => lower < own,
            (Self::Tool, Self::Host(_) | Self::Guest(_)) => true,
            (Self::Host(_) | Self::Guest(_) | Self::Tool, Self::Tool)
            | (Self::Host(_), Self::Guest(_))
            | (Self::Guest(_), Self::Host(_)) => false,
        }
    }
}

impl FromStr for Level {
    type Err = Error;

    fn from_str(word: &str) -> Result<Self> {
        let number = || word[1..].parse::<u8>().with_context(|| format!("level {word:?}"));
        match word.chars().next() {
            Some('L') => Ok(Self::Host(number()?)),
            Some('G') => Ok(Self::Guest(number()?)),
            Some('T') if word.len() == 1 => Ok(Self::Tool),
            Some(_) | None => bail!("level {word:?} is none of L0.., G0.., T"),
        }
    }
}

/// A row of the table of crates.
#[derive(Debug)]
pub(super) struct CrateRow {
    pub(super) name: String,
    pub(super) level: Level,
    /// Crates of ours that it may know against the levels.
    pub(super) also: Vec<String>,
    /// Patterns of foreign crates that it must not name.
    pub(super) never: Vec<String>,
}

/// A row of the table of owned dependencies.
#[derive(Debug)]
pub(super) struct OwnedRow {
    pub(super) pattern: String,
    pub(super) owners: Vec<String>,
    /// Whether any crate's tests may name it.
    pub(super) tests: bool,
}

#[derive(Debug)]
pub(super) struct Tables {
    pub(super) crates: Vec<CrateRow>,
    pub(super) owned: Vec<OwnedRow>,
}

impl Tables {
    pub(super) fn parse(markdown: &str) -> Result<Self> {
        let crates = rows(markdown, "layers", ["Crate", "Level", "May also use", "Never names"])?;
        let owned = rows(markdown, "owners", ["Dependency", "Only in", "In tests"])?;
        Ok(Self {
            crates: crates.into_iter().map(crate_row).collect::<Result<_>>()?,
            owned: owned.into_iter().map(owned_row).collect::<Result<_>>()?,
        })
    }

    pub(super) fn find(&self, name: &str) -> Option<&CrateRow> {
        self.crates.iter().find(|row| row.name == name)
    }
}

/// `wasmtime*` covers `wasmtime` and `wasmtime-wasi`.
pub(super) fn matches(pattern: &str, package: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(prefix) => package.starts_with(prefix),
        None => package == pattern,
    }
}

fn crate_row([name, level, also, never]: [String; 4]) -> Result<CrateRow> {
    Ok(CrateRow { level: level.parse()?, also: list(&also), never: list(&never), name })
}

fn owned_row([pattern, owners, tests]: [String; 3]) -> Result<OwnedRow> {
    let tests = match tests.as_str() {
        "yes" => true,
        "no" => false,
        other => bail!("{pattern}: {other:?} is neither yes nor no"),
    };
    Ok(OwnedRow { pattern, owners: list(&owners), tests })
}

fn list(cell: &str) -> Vec<String> {
    cell.split(',').map(str::trim).filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

/// The rows between `<!-- name -->` and `<!-- /name -->`, reduced to the wanted columns, without code marks.
fn rows<const N: usize>(markdown: &str, name: &str, columns: [&str; N]) -> Result<Vec<[String; N]>> {
    let (_, rest) =
        markdown.split_once(&format!("<!-- {name} -->")).with_context(|| format!("no {name} table"))?;
    let (table, _) = rest
        .split_once(&format!("<!-- /{name} -->"))
        .with_context(|| format!("the {name} table has no end"))?;
    let mut lines = table.lines().map(str::trim).filter(|line| line.starts_with('|')).map(cells);
    let header = lines.next().with_context(|| format!("the {name} table is empty"))?;
    let mut places = [0; N];
    for (place, column) in places.iter_mut().zip(columns) {
        let found = header.iter().position(|cell| cell == column);
        *place = found.with_context(|| format!("the {name} table has no column {column:?}"))?;
    }
    let body = lines.filter(|row| !row.iter().all(|cell| cell.chars().all(|c| c == '-' || c == ':')));
    Ok(body.map(|row| places.map(|place| row.get(place).cloned().unwrap_or_default())).collect())
}

fn cells(line: &str) -> Vec<String> {
    line.trim_matches('|').split('|').map(|cell| cell.trim().replace('`', "")).collect()
}
