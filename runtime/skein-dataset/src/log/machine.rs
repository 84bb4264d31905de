//! What a sequence of records means: which versions there were, which one is current, where old ones are kept, and
//! whether an exchange is under way. Pure; refuses every sequence that the protocol cannot have written.
//!
//! ```text
//! nothing --adopt--> settled --observe--> settled         (a single file that was made beside: adopt, done)
//!                    settled --intent--> intended --commit | revert(rolled back)--> decided --done--> settled
//!                                        intended --revert(drift | refused)--> settled
//!                    settled --hold | discard | finalize--> settled
//! ```
//!
//! What is held stays held until it is discarded or an intent that names it is decided; a revert leaves it held.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use skein_types::{Blake3, RunId, Timestamp};

use crate::listing::Change;
use crate::log::record::{
    Body, FileRecord, Hold, Intent, Operation, Origin, Parent, PublishFacts, Record, Refusal, RevertReason,
};

/// A record that cannot follow those before it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Illegal {
    /// Not the next number.
    #[error("it has number {found}, expected {expected}")]
    Number {
        /// In the record.
        found: u64,
        /// Next.
        expected: u64,
    },
    /// Its parent is not the record before it.
    #[error("its parent is not the record before it")]
    Parent,
    /// A kind that the state does not allow.
    #[error("{kind} cannot follow here")]
    Kind {
        /// Of the record.
        kind: &'static str,
    },
    /// A version that does not follow from those before.
    #[error("it names version {found}, expected {expected}")]
    Version {
        /// In the record.
        found: u64,
        /// From the state.
        expected: u64,
    },
    /// A run holds a second version, or one that nobody holds is published or discarded.
    #[error("it does not fit what {run} holds")]
    NotHeld {
        /// Whose.
        run: RunId,
    },
    /// A rollback to a version whose files are not kept, or one that is given up twice.
    #[error("it is about version {to}, which is not kept")]
    NotKept {
        /// Which.
        to: u64,
    },
}

/// Identity of a version's content: the version that first had it. Rolling back makes a new version of old content;
/// so does a change of times or modes alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Content(pub u64);

/// One version of a dataset.
#[derive(Clone, Debug, PartialEq)]
pub struct Version {
    /// From 0, without gaps.
    pub version: u64,
    /// Number of the record that describes it.
    pub number: u64,
    /// When that was written.
    pub time: Timestamp,
    /// How it came to be.
    pub kind: VersionKind,
    /// Which content it has.
    pub content: Content,
    /// Its files, sorted by path.
    pub files: Vec<FileRecord>,
    /// Its directories, sorted.
    pub dirs: Vec<String>,
}

/// How a version came to be.
#[derive(Clone, Debug, PartialEq)]
pub enum VersionKind {
    /// Found in place.
    Adopted,
    /// Made by a run that put it beside the dataset that it read.
    Beside(Box<Origin>),
    /// Others wrote.
    Observed {
        /// What they did; empty if only times or modes changed.
        changes: Vec<Change>,
    },
    /// A run's output.
    Published(Box<PublishFacts>),
    /// An old version, back again.
    RolledBack {
        /// Which.
        to: u64,
    },
}

/// A finished version that waits to become current.
#[derive(Clone, Debug, PartialEq)]
pub struct Held {
    /// Number of its record.
    pub number: u64,
    /// When that was written.
    pub time: Timestamp,
    /// What it is.
    pub hold: Hold,
}

/// An exchange that is not over.
#[derive(Clone, Debug, PartialEq)]
pub enum Unsettled {
    /// Announced; whether it happened, the inodes say.
    Intended(Arc<Intent>),
    /// Happened and recorded; tidying may be left.
    Decided(Arc<Intent>),
}

/// An operation that ended without a new version.
#[derive(Clone, Debug, PartialEq)]
pub struct Undone {
    /// Number of its revert record.
    pub number: u64,
    /// When.
    pub time: Timestamp,
    /// The run, or none for a rollback.
    pub run: Option<RunId>,
    /// What kept it from happening.
    pub by: UndoneBy,
}

/// What undid an operation.
#[derive(Clone, Debug, PartialEq)]
pub enum UndoneBy {
    /// Others had written meanwhile.
    Drift {
        /// What.
        changes: Vec<Change>,
    },
    /// The system did not let the user exchange the dataset.
    Refused(Refusal),
}

/// A log, folded.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct History {
    versions: Vec<Arc<Version>>,
    kept: BTreeMap<u64, Content>,
    unsettled: Option<Unsettled>,
    undone: Vec<Undone>,
    held: Vec<Arc<Held>>,
    /// What is not held any more, with the number of the record that ended it: a discard or a commit.
    once_held: Vec<(u64, Arc<Held>)>,
    /// Slots that were given up, likewise.
    finalized: BTreeMap<u64, u64>,
    rejects_gone: BTreeSet<RunId>,
    last: Option<Parent>,
}

impl History {
    /// Takes the next record; `hash` is that of its bytes.
    pub fn apply(&mut self, record: Record, hash: Blake3) -> Result<(), Illegal> {
        let expected = self.next_number();
        if record.number != expected {
            return Err(Illegal::Number { found: record.number, expected });
        }
        if record.parent != self.last {
            return Err(Illegal::Parent);
        }
        let parent = Parent { number: record.number, blake3: hash };
        self.fold(record)?;
        self.last = Some(parent);
        Ok(())
    }

    fn fold(&mut self, record: Record) -> Result<(), Illegal> {
        let (number, time) = (record.number, record.time);
        match (record.body, self.unsettled.clone()) {
            (Body::Adopt { files, dirs, origin }, None) if self.versions.is_empty() => {
                let kind = origin.map_or(VersionKind::Adopted, VersionKind::Beside);
                self.push(Version { version: 0, number, time, kind, content: Content(0), files, dirs });
            }
            (Body::Observe { version, changes, files, dirs }, None) if !self.versions.is_empty() => {
                self.expect_version(version)?;
                // Nothing but times or modes: what lies there is still what the version before put there.
                let touched = self.head().filter(|_| changes.is_empty()).map(|head| head.content);
                let content = touched.unwrap_or(Content(version));
                let kind = VersionKind::Observed { changes };
                self.push(Version { version, number, time, kind, content, files, dirs });
            }
            (Body::Intent(intent), None) if !self.versions.is_empty() => {
                self.expect_version(intent.version)?;
                self.check_intent(&intent)?;
                self.unsettled = Some(Unsettled::Intended(Arc::from(intent)));
            }
            (Body::Commit { version, run }, Some(Unsettled::Intended(intent))) => {
                self.expect_version(version)?;
                match &intent.operation {
                    Operation::Publish(facts) if facts.run == run => {
                        self.decide(&intent, VersionKind::Published(facts.clone()), number, time);
                    }
                    Operation::Publish(_) | Operation::RollBack { .. } => {
                        return Err(Illegal::Kind { kind: "commit" });
                    }
                }
            }
            (Body::Revert(RevertReason::RolledBack { version, to }), Some(Unsettled::Intended(intent))) => {
                self.expect_version(version)?;
                if intent.operation != (Operation::RollBack { to }) {
                    return Err(Illegal::Kind { kind: "revert" });
                }
                self.decide(&intent, VersionKind::RolledBack { to }, number, time);
            }
            (Body::Revert(RevertReason::Drift { changes, .. }), Some(Unsettled::Intended(intent))) => {
                self.undo(&intent, UndoneBy::Drift { changes }, number, time);
            }
            (Body::Revert(RevertReason::Refused { refusal, .. }), Some(Unsettled::Intended(intent))) => {
                self.undo(&intent, UndoneBy::Refused(refusal), number, time);
            }
            (Body::Done { version, ctime_ns }, Some(Unsettled::Decided(intent))) => {
                if version != intent.version {
                    return Err(Illegal::Version { found: version, expected: intent.version });
                }
                self.unsettled = None;
                self.note_ctime(ctime_ns);
            }
            (Body::Done { version: 0, ctime_ns }, None) if self.is_just_made() => self.note_ctime(ctime_ns),
            (Body::Hold(hold), None) if !self.versions.is_empty() => {
                let head = self.versions.last().map_or(0, |v| v.version);
                if hold.base != head {
                    return Err(Illegal::Version { found: hold.base, expected: head });
                }
                if self.held_by(hold.facts.run).is_some() {
                    return Err(Illegal::NotHeld { run: hold.facts.run });
                }
                self.held.push(Arc::new(Held { number, time, hold: *hold }));
            }
            (Body::Discard { run }, None) if !self.versions.is_empty() => {
                if self.held_by(run).is_none() {
                    return Err(Illegal::NotHeld { run });
                }
                self.let_go(run, number);
            }
            (Body::Finalize { versions, rejects, .. }, None) if !self.versions.is_empty() => {
                if let Some(to) = versions.iter().find(|slot| !self.kept.contains_key(slot)) {
                    return Err(Illegal::NotKept { to: *to });
                }
                self.kept.retain(|slot, _| !versions.contains(slot));
                self.finalized.extend(versions.into_iter().map(|slot| (slot, number)));
                self.rejects_gone.extend(rejects);
            }
            (body, _) => return Err(Illegal::Kind { kind: body.kind() }),
        }
        Ok(())
    }

    /// Whether the log holds nothing but how a run made the dataset beside another.
    fn is_just_made(&self) -> bool {
        let made = matches!(self.versions.as_slice(), [only] if matches!(only.kind, VersionKind::Beside(_)));
        made && self.next_number() == 1
    }

    /// What putting a single file in its place made of its ctime.
    fn note_ctime(&mut self, ctime_ns: Option<i64>) {
        if let (Some(ctime_ns), Some(head)) = (ctime_ns, self.versions.last_mut()) {
            Arc::make_mut(head).files.iter_mut().for_each(|file| file.stat.ctime_ns = ctime_ns);
        }
    }

    fn let_go(&mut self, run: RunId, number: u64) {
        let (gone, held) =
            std::mem::take(&mut self.held).into_iter().partition(|held| held.hold.facts.run == run);
        let gone: Vec<Arc<Held>> = gone;
        self.held = held;
        self.once_held.extend(gone.into_iter().map(|held| (number, held)));
    }

    fn check_intent(&self, intent: &Intent) -> Result<(), Illegal> {
        let head = self.versions.last().map_or(0, |v| v.version);
        if intent.base != head {
            return Err(Illegal::Version { found: intent.base, expected: head });
        }
        match &intent.operation {
            Operation::Publish(facts) => {
                // A run that holds a version publishes that one, or a copy that others' files have joined; another run's
                // is none of its business.
                let held = self.held_by(facts.run).is_some_and(|held| held.hold.source == intent.source);
                if held || intent.is_staged() { Ok(()) } else { Err(Illegal::NotHeld { run: facts.run }) }
            }
            Operation::RollBack { to } => match self.slot_of(*to) {
                Some(slot) if intent.source == format!("kept/{slot}") => Ok(()),
                Some(_) | None => Err(Illegal::NotKept { to: *to }),
            },
        }
    }

    fn decide(&mut self, intent: &Arc<Intent>, kind: VersionKind, number: u64, time: Timestamp) {
        let content = match &intent.operation {
            Operation::Publish(_) => Content(intent.version),
            Operation::RollBack { to } => self.content(*to).unwrap_or(Content(*to)),
        };
        if let Some(slot) = intent.source.strip_prefix("kept/").and_then(|s| s.parse().ok()) {
            self.kept.remove(&slot);
        }
        if let Operation::Publish(facts) = &intent.operation {
            self.let_go(facts.run, number);
        }
        if let Some(displaced) = self.content(intent.base) {
            self.kept.insert(intent.base, displaced);
        }
        let (files, dirs) = (intent.files.clone(), intent.dirs.clone());
        self.push(Version { version: intent.version, number, time, kind, content, files, dirs });
        self.unsettled = Some(Unsettled::Decided(intent.clone()));
    }

    fn undo(&mut self, intent: &Intent, by: UndoneBy, number: u64, time: Timestamp) {
        let run = match &intent.operation {
            Operation::Publish(facts) => Some(facts.run),
            Operation::RollBack { .. } => None,
        };
        self.undone.push(Undone { number, time, run, by });
        self.unsettled = None;
    }

    fn push(&mut self, version: Version) {
        self.versions.push(Arc::new(version));
    }

    fn expect_version(&self, found: u64) -> Result<(), Illegal> {
        let expected = self.next_version();
        if found == expected { Ok(()) } else { Err(Illegal::Version { found, expected }) }
    }

    /// All versions, oldest first.
    pub fn versions(&self) -> &[Arc<Version>] {
        &self.versions
    }

    /// The current version.
    pub fn head(&self) -> Option<&Arc<Version>> {
        self.versions.last()
    }

    /// One version.
    pub fn version(&self, version: u64) -> Option<&Arc<Version>> {
        self.versions.get(usize::try_from(version).ok()?)
    }

    /// The exchange that is not over, if there is one.
    pub fn unsettled(&self) -> Option<&Unsettled> {
        self.unsettled.as_ref()
    }

    /// Finished versions that wait to become current, oldest first.
    pub fn held(&self) -> &[Arc<Held>] {
        &self.held
    }

    /// What a run holds.
    pub fn held_by(&self, run: RunId) -> Option<&Arc<Held>> {
        self.held.iter().find(|held| held.hold.facts.run == run)
    }

    /// The newest version after `base` that is more than what others wrote: because of it nothing that was made from `base`
    /// can become current.
    pub fn moved_on(&self, base: u64) -> Option<u64> {
        let by_others = |kind: &VersionKind| matches!(kind, VersionKind::Observed { .. });
        let later = self.versions.iter().rev().take_while(|version| version.version > base);
        later
            .map(|version| (version.version, by_others(&version.kind)))
            .find(|(_, others)| !others)
            .map(|(v, _)| v)
    }

    /// Operations that ended in a revert because of drift or a refusal.
    pub fn undone(&self) -> &[Undone] {
        &self.undone
    }

    /// The number that the next record takes.
    pub fn next_number(&self) -> u64 {
        self.last.map_or(0, |last| last.number + 1)
    }

    /// The version that the next change makes.
    pub fn next_version(&self) -> u64 {
        self.versions.last().map_or(0, |v| v.version + 1)
    }

    /// What the next record names as its parent.
    pub(crate) fn last(&self) -> Option<Parent> {
        self.last
    }

    /// Whether a version's content is what is current now.
    pub fn is_current(&self, version: u64) -> bool {
        self.content(version).is_some() && self.content(version) == self.head().map(|head| head.content)
    }

    /// The directory under `kept/` that holds a version's content; `None` if it is current or gone.
    pub fn slot_of(&self, version: u64) -> Option<u64> {
        let content = self.content(version)?;
        self.kept.iter().find(|(_, kept)| **kept == content).map(|(slot, _)| *slot)
    }

    /// The directories under `kept/` that hold something, each with the version whose files those are and the time at
    /// which it ceased to be current.
    pub fn kept(&self) -> impl Iterator<Item = (&Arc<Version>, Timestamp)> {
        // A version is displaced by the next one, once.
        self.kept.keys().filter_map(|slot| Some((self.version(*slot)?, self.version(*slot + 1)?.time)))
    }

    /// The record that gave a directory under `kept/` up; what is left of it may go.
    pub(crate) fn finalized_by(&self, slot: u64) -> Option<u64> {
        self.finalized.get(&slot).copied()
    }

    /// What a run held until the record of this number: a discard gave it up, or it became current. Of its directory all may
    /// go that is its own; if it became current by an exchange, nothing is left of it there.
    pub(crate) fn once_held(&self, run: &str) -> Option<(u64, &Arc<Held>)> {
        let by_run = |(_, held): &&(u64, Arc<Held>)| held.hold.facts.run.to_string() == run;
        self.once_held.iter().rev().find(by_run).map(|(number, held)| (*number, held))
    }

    /// What was recorded of a run beside its files, if it published.
    pub fn ext_of(&self, run: RunId) -> Option<&serde_json::Value> {
        self.versions.iter().rev().find_map(|version| match &version.kind {
            VersionKind::Published(facts) if facts.run == run => Some(&facts.ext),
            VersionKind::Published(_)
            | VersionKind::Adopted
            | VersionKind::Beside(_)
            | VersionKind::Observed { .. }
            | VersionKind::RolledBack { .. } => None,
        })
    }

    /// The version that a run published, if it did.
    pub fn published_by(&self, run: RunId) -> Option<u64> {
        let by_run = |v: &&Arc<Version>| matches!(&v.kind, VersionKind::Published(facts) if facts.run == run);
        self.versions.iter().rev().find(by_run).map(|v| v.version)
    }

    /// Schemas that the files of the current version presented when they were migrated, by digest. Whichever version
    /// recorded them: files join later ones, and rollbacks bring them back.
    pub(crate) fn presented(&self) -> BTreeMap<Blake3, serde_json::Value> {
        let files = self.head().into_iter().flat_map(|head| &head.files);
        let wanted: BTreeSet<Blake3> =
            files.flat_map(|f| &f.applied).flat_map(|a| &a.presented).copied().collect();
        let recorded = self.versions.iter().filter_map(|version| match &version.kind {
            VersionKind::Published(facts) => Some(&facts.presented),
            VersionKind::Beside(origin) => Some(&origin.facts.presented),
            VersionKind::Adopted | VersionKind::Observed { .. } | VersionKind::RolledBack { .. } => None,
        });
        let wanted = recorded.flatten().filter(|(digest, _)| wanted.contains(digest));
        wanted.map(|(digest, schema)| (*digest, schema.clone())).collect()
    }

    /// What others did after version `since` became current: the changes of all observed versions after it.
    pub fn later_writes(&self, since: u64) -> Vec<Change> {
        let observed = self.versions.iter().filter(|v| v.version > since).filter_map(|v| match &v.kind {
            VersionKind::Observed { changes } => Some(changes),
            VersionKind::Adopted
            | VersionKind::Beside(_)
            | VersionKind::Published(_)
            | VersionKind::RolledBack { .. } => None,
        });
        observed.flatten().cloned().collect()
    }

    /// The version that was current before the last publish that is not undone: what a rollback without a target brings
    /// back. If there is none, the oldest version, if there is any.
    pub fn previous(&self) -> Result<u64, Option<u64>> {
        let Some(mut at) = self.head() else { return Err(None) };
        loop {
            let below = match &at.kind {
                VersionKind::Published(_) => return at.version.checked_sub(1).ok_or(Some(at.version)),
                // What it undid is as if it had never been.
                VersionKind::RolledBack { to } => Some(*to),
                // Others wrote over it; whether that stands in the way is for the rollback to see.
                VersionKind::Observed { .. } => at.version.checked_sub(1),
                VersionKind::Adopted | VersionKind::Beside(_) => None,
            };
            // A rollback is to an older version, so this ends.
            match below.filter(|below| *below < at.version).and_then(|below| self.version(below)) {
                Some(older) => at = older,
                None => return Err(Some(at.version)),
            }
        }
    }

    /// Whether a run's rejected rows were given up.
    pub(crate) fn are_rejects_gone(&self, run: RunId) -> bool {
        self.rejects_gone.contains(&run)
    }

    /// Runs whose rejects are rows of a version that is neither current nor kept once these slots are given up: rejected
    /// rows are rows of the version that a run read.
    pub(crate) fn rejects_of_given_up<'a>(&'a self, slots: &'a [u64]) -> impl Iterator<Item = RunId> + 'a {
        let head = self.head().map(|head| head.content);
        let kept = self.kept.iter().filter(|(slot, _)| !slots.contains(slot)).map(|(_, content)| *content);
        let there: BTreeSet<Content> = kept.chain(head).collect();
        self.versions.iter().filter_map(move |version| {
            let VersionKind::Published(facts) = &version.kind else { return None };
            let read = self.content(version.version.checked_sub(1)?)?;
            (!there.contains(&read) && !self.rejects_gone.contains(&facts.run)).then_some(facts.run)
        })
    }

    fn content(&self, version: u64) -> Option<Content> {
        self.version(version).map(|v| v.content)
    }
}

impl Body {
    fn kind(&self) -> &'static str {
        match self {
            Self::Adopt { .. } => "adopt",
            Self::Observe { .. } => "observe",
            Self::Intent(_) => "intent",
            Self::Commit { .. } => "commit",
            Self::Done { .. } => "done",
            Self::Revert(_) => "revert",
            Self::Hold(_) => "hold",
            Self::Discard { .. } => "discard",
            Self::Finalize { .. } => "finalize",
        }
    }
}

#[cfg(test)]
mod tests;
