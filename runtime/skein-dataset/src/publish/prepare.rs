//! Everything of a publish that needs no lock: hashes, attributes of directories, the sealed records.

use std::collections::BTreeMap;

use crate::crash_point;
use crate::dataset::State;
use crate::fault::During as _;
use crate::listing::Listing;
use crate::log::Sealed;
use crate::log::record::{Body, FileRecord, Intent, Operation, Parent, PublishFacts, Record};
use crate::place::{Kind, STATE};
use crate::publish::{FileFacts, Publish, PublishError};
use crate::snapshot::node_of;
use crate::staging::{QUARANTINE, StagedEntry};
use crate::store::barrier::Barrier;
use crate::store::{self, Node};

/// Names of the records in the attempt's directory.
pub(crate) const BASE_RECORD: &str = "base.json";
pub(crate) const INTENT_RECORD: &str = "intent.json";

/// A publish with its records sealed and written beside the staged files.
#[derive(Debug)]
pub(crate) struct Prepared<'a> {
    pub(crate) publish: Publish<'a>,
    pub(crate) intent: Intent,
    /// The version that will be displaced, if it is not in the log yet: adopt or observe.
    pub(crate) base: Option<Sealed>,
    /// Files of the version that will be displaced.
    pub(crate) base_files: Vec<FileRecord>,
    pub(crate) announce: Sealed,
    pub(crate) decision: Sealed,
}

impl<'a> Prepared<'a> {
    pub(crate) fn new(publish: Publish<'a>) -> Result<Self, PublishError> {
        crash_point!("publish.before-data-sync").during("publish", &publish.dataset.place.name)?;
        publish.snapshot.hash(publish.dataset)?;
        publish.staging.finish_dirs()?;
        let now = publish.dataset.clock.now();
        let (snapshot, mut last) = (&publish.snapshot, publish.snapshot.last);
        let mut seal = |body: Body| {
            let sealed = Sealed::new(&Record::new(number(last), last, now, body));
            last = Some(sealed.as_parent);
            sealed
        };
        let (files, dirs) = (snapshot.records(), snapshot.dirs.clone());
        let (base, base_version) = match (&snapshot.head, snapshot.observed()) {
            (None, _) => (Some(Body::Adopt { files: files.clone(), dirs }), 0),
            (Some(head), None) => (None, head.version),
            (Some(head), Some(changes)) => {
                let version = head.version + 1;
                (Some(Body::Observe { version, changes, files: files.clone(), dirs }), version)
            }
        };
        let base = base.map(&mut seal);
        let intent = intent(&publish, base_version)?;
        let announce = seal(Body::Intent(Box::new(intent.clone())));
        let decision = seal(Body::Commit { version: intent.version, run: publish.lock.run });
        let attempt = &publish.staging.shared.dir;
        if let Some(base) = &base {
            store::write_new(attempt, BASE_RECORD, &base.bytes)?;
        }
        store::write_new(attempt, INTENT_RECORD, &announce.bytes)?;
        Ok(Self { publish, intent, base, base_files: files, announce, decision })
    }

    /// What must be durable before the intent may exist.
    pub(crate) fn first_barrier<'r>(
        &'r self,
        owner: usize,
        barrier: &mut Barrier<'r>,
    ) -> Result<(), PublishError> {
        let staging = &self.publish.staging;
        let shared = &staging.shared;
        for file in &self.intent.files {
            barrier.add(owner, &shared.data, &file.stat.path)?;
        }
        for dir in self.intent.dirs.iter().map(String::as_str).chain(["."]) {
            barrier.add(owner, &shared.data, dir)?;
        }
        if staging.quarantined() {
            barrier.add(owner, &shared.dir, QUARANTINE)?;
        }
        if self.base.is_some() {
            barrier.add(owner, &shared.dir, BASE_RECORD)?;
        }
        if self.publish.snapshot.last.is_none() {
            let place = &self.publish.dataset.place;
            barrier.add(owner, &self.state().root, ".")?;
            barrier.add(owner, &place.parent, STATE)?;
            barrier.add(owner, &place.parent, ".")?;
        }
        barrier.add(owner, &shared.dir, INTENT_RECORD)?;
        barrier.add(owner, &shared.dir, ".")?;
        Ok(barrier.add(owner, &self.state().stage, ".")?)
    }

    pub(crate) fn state(&self) -> &'a State {
        self.publish.dataset.state().expect("a run lock is taken in the dataset's state")
    }
}

fn number(last: Option<Parent>) -> u64 {
    last.map_or(0, |last| last.number + 1)
}

fn intent(publish: &Publish<'_>, base: u64) -> Result<Intent, PublishError> {
    let (staging, commit, run) = (&publish.staging, &publish.commit, publish.lock.run);
    let listing = match Listing::of_directory(&staging.shared.data) {
        Ok(listing) => listing,
        Err(e) => return Err(PublishError::Staged { problem: e.to_string() }),
    };
    let new = match publish.snapshot.kind {
        Kind::Directory => node_of(&staging.shared.data)?,
        Kind::File => {
            Node { dev: publish.snapshot.node.dev, ino: listing.files.first().map_or(0, |f| f.ino) }
        }
    };
    let not_dropped = |f: &&crate::snapshot::PinnedFile| f.stat.role == crate::listing::Role::Dropped;
    let facts = PublishFacts {
        run,
        migration: commit.migration.clone(),
        migration_version: commit.migration_version.clone(),
        module: commit.module,
        params: commit.params,
        plan: commit.plan,
        schema: commit.schema.clone(),
        rows: commit.rows,
        dropped: publish.snapshot.files().iter().filter(not_dropped).map(|f| f.stat.path.clone()).collect(),
        quarantine: staging.quarantined().then(|| format!("quarantine/{run}.parquet")),
        ext: commit.ext.clone(),
    };
    Ok(Intent {
        operation: Operation::Publish(Box::new(facts)),
        version: base + 1,
        base,
        old: publish.snapshot.node,
        new,
        source: staging.source(&publish.dataset.place.name),
        files: file_records(publish, listing.files)?,
        dirs: if publish.snapshot.kind == Kind::Directory { listing.dirs } else { Vec::new() },
    })
}

/// Joins what lies in the staged directory with what was finished and what the caller knows.
fn file_records(
    publish: &Publish<'_>,
    listed: Vec<crate::listing::FileStat>,
) -> Result<Vec<FileRecord>, PublishError> {
    let bad = |problem: String| PublishError::Staged { problem };
    let mut entries: BTreeMap<String, StagedEntry> =
        publish.staging.entries().into_iter().map(|entry| (entry.path.clone(), entry)).collect();
    let mut facts: BTreeMap<&str, &FileFacts> =
        publish.commit.files.iter().map(|facts| (facts.path.as_str(), facts)).collect();
    let mut records = Vec::with_capacity(listed.len());
    for mut stat in listed {
        let entry = entries.remove(&stat.path).ok_or_else(|| bad(format!("{} is foreign", stat.path)))?;
        if entry.size != stat.size {
            return Err(bad(format!("{} has {} bytes of {}", stat.path, stat.size, entry.size)));
        }
        stat.role = entry.role;
        let joined =
            publish.snapshot.files().iter().find(|f| f.stat.path == entry.from).and_then(|f| f.known());
        let record = match (facts.remove(stat.path.as_str()), joined) {
            (Some(facts), _) => FileRecord {
                rows: Some(facts.rows),
                stats: Some(facts.stats.clone()),
                applied: facts.applied.clone(),
                blake3: entry.blake3,
                stat,
            },
            (None, Some(known)) => FileRecord { blake3: entry.blake3, stat, ..known.clone() },
            (None, None) => {
                FileRecord { blake3: entry.blake3, stat, rows: None, stats: None, applied: Vec::new() }
            }
        };
        records.push(record);
    }
    match (entries.into_keys().next(), facts.into_keys().next()) {
        (None, None) if !records.is_empty() => Ok(records),
        (None, None) => Err(bad("there are none".to_owned())),
        (Some(path), _) => Err(bad(format!("{path} is missing"))),
        (None, Some(path)) => Err(bad(format!("{path} was never staged"))),
    }
}
