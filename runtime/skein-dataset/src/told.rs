//! What a dataset's log says of a version, for whoever lists versions: a command, a server.

use skein_types::{Bytes, Rows};

use crate::listing::Role;
use crate::log::machine::{History, Version, VersionKind};
use crate::log::record::PublishFacts;

/// A version, as its log knows it.
#[derive(Clone, Debug, PartialEq)]
pub struct VersionTold<'a> {
    /// Whether it is the last one.
    pub current: bool,
    /// How it came to be, in one or two words.
    pub kind: &'static str,
    /// The same for people: the migration, what others did, the version that is back.
    pub what: String,
    /// The version that is back.
    pub to: Option<u64>,
    /// Of the run that made it, also where it went back and forward again.
    pub facts: Option<&'a PublishFacts>,
    /// Data files.
    pub files: u64,
    /// Of all files.
    pub bytes: Bytes,
    /// Where the log knows them: nobody counts the rows of files that others wrote.
    pub rows: Option<Rows>,
    /// Whether its files are there: it can be gone back to.
    pub available: bool,
    /// What giving it up would free. Versions of the same content share their files: the one that keeps them has the number.
    pub kept: Option<Bytes>,
}

impl History {
    /// What there is to tell of one of its versions.
    pub fn told<'a>(&'a self, version: &'a Version) -> VersionTold<'a> {
        let (kind, what, facts, to) = match self.forward_of(version) {
            Some((facts, to)) => ("rolled forward", named(facts), Some(facts), Some(to)),
            None => came(version),
        };
        let current = self.head().is_some_and(|head| head.version == version.version);
        let data = || version.files.iter().filter(|file| file.stat.role == Role::Data);
        let rows: Option<Rows> = data().map(|file| file.rows).sum();
        VersionTold {
            current,
            kind,
            what,
            to,
            facts,
            files: data().count() as u64,
            bytes: version.files.iter().map(|file| Bytes(file.stat.size)).sum(),
            rows: rows.filter(|_| data().next().is_some()),
            available: current || self.is_current(version.version) || self.slot_of(version.version).is_some(),
            kept: self.kept_bytes(version.version),
        }
    }
}

impl History {
    /// What a run published, where a version is that again right after it was gone back from.
    fn forward_of(&self, version: &Version) -> Option<(&PublishFacts, u64)> {
        let back_to = |version: &Version| match &version.kind {
            VersionKind::RolledBack { to } => Some(*to),
            VersionKind::Adopted
            | VersionKind::Beside(_)
            | VersionKind::Observed { .. }
            | VersionKind::Published(_) => None,
        };
        let to = back_to(version)?;
        let before = self.version(version.version.checked_sub(1)?)?;
        let round = to.checked_add(2) == Some(version.version) && back_to(before) == to.checked_sub(1);
        match &self.version(to)?.kind {
            VersionKind::Published(facts) if round => Some((&**facts, to)),
            VersionKind::Published(_)
            | VersionKind::Adopted
            | VersionKind::Beside(_)
            | VersionKind::Observed { .. }
            | VersionKind::RolledBack { .. } => None,
        }
    }
}

fn named(facts: &PublishFacts) -> String {
    format!("{} {}", facts.migration, facts.migration_version)
}

/// How a version came to be: the kind, the same in words, the run's facts, the version that is back.
fn came(version: &Version) -> (&'static str, String, Option<&PublishFacts>, Option<u64>) {
    match &version.kind {
        VersionKind::Adopted => ("adopted", "found in place".to_owned(), None, None),
        VersionKind::Beside(origin) => {
            let what = format!("{} of {}", named(&origin.facts), origin.dataset);
            ("beside", what, Some(&origin.facts), None)
        }
        VersionKind::Observed { changes } => {
            let plural = if changes.len() == 1 { "" } else { "s" };
            ("observed", format!("{} change{plural} by others", changes.len()), None, None)
        }
        VersionKind::Published(facts) => ("published", named(facts), Some(facts), None),
        VersionKind::RolledBack { to } => ("rolled back", format!("to version {to}"), None, Some(*to)),
    }
}
