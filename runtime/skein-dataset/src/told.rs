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
    /// Of the run that made it.
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
    pub fn told<'a>(&self, version: &'a Version) -> VersionTold<'a> {
        let (kind, what, facts, to) = came(version);
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

/// How a version came to be: the kind, the same in words, the run's facts, the version that is back.
fn came(version: &Version) -> (&'static str, String, Option<&PublishFacts>, Option<u64>) {
    let named = |facts: &PublishFacts| format!("{} {}", facts.migration, facts.migration_version);
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
