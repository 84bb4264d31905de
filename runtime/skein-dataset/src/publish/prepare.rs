//! Everything of a publish that needs no lock: hashes, attributes of directories, the sealed records.

use std::collections::BTreeMap;

use cap_std::fs::Dir;
use skein_types::Timestamp;

use crate::crash_point;
use crate::dataset::{Dataset, Fence, State, StateError};
use crate::fault::{During as _, IoFault};
use crate::listing::Listing;
use crate::log::Sealed;
use crate::log::machine::Version;
use crate::log::record::{Body, FileRecord, Intent, Operation, Parent, PublishFacts, Record};
use crate::made::Made;
use crate::place::{Kind, STATE};
use crate::publish::source::Source;
use crate::publish::{FileFacts, Publish, PublishError};
use crate::recover;
use crate::snapshot::{Snapshot, node_of, observed};
use crate::staging::{DATA, QUARANTINE, StagedEntry};
use crate::store::barrier::Barrier;
use crate::store::{self, Node};

/// Names of the records in the attempt's directory.
pub(crate) const BASE_RECORD: &str = "base.json";
pub(crate) const INTENT_RECORD: &str = "intent.json";

/// An exchange with its records sealed and written where its source has them.
#[derive(Debug)]
pub(crate) struct Prepared<'a> {
    pub(crate) dataset: &'a Dataset,
    pub(crate) source: Source<'a>,
    pub(crate) intent: Intent,
    /// The log's last record when the others were sealed.
    pub(crate) last: Option<Parent>,
    /// The version that will be displaced.
    pub(crate) base: Base,
    pub(crate) announce: Sealed,
    pub(crate) decision: Sealed,
}

/// Records that are sealed one after another, each the parent of the next.
#[derive(Debug)]
pub(crate) struct Chain {
    last: Option<Parent>,
    now: Timestamp,
    record_max: u64,
}

impl Chain {
    /// What follows this record of a dataset's log.
    pub(crate) fn after(dataset: &Dataset, last: Option<Parent>) -> Self {
        Self { last, now: dataset.clock.now(), record_max: dataset.record_max }
    }

    pub(crate) fn seal(&mut self, body: Body) -> Result<Sealed, StateError> {
        Ok(self.seal_and_return(body)?.0)
    }

    /// For what is large and needed afterwards.
    pub(crate) fn seal_and_return(&mut self, body: Body) -> Result<(Sealed, Body), StateError> {
        let number = self.last.map_or(0, |last| last.number + 1);
        let record = Record::new(number, self.last, self.now, body);
        let sealed = Sealed::new(&record, self.record_max)?;
        self.last = Some(sealed.as_parent);
        Ok((sealed, record.body))
    }
}

/// The version that a run read: its number, and its record if the log does not have it yet.
#[derive(Debug)]
pub(crate) struct Base {
    pub(crate) version: u64,
    pub(crate) record: Option<Sealed>,
    pub(crate) files: Vec<FileRecord>,
}

impl Base {
    /// Needs every hash.
    pub(crate) fn of(snapshot: &Snapshot, chain: &mut Chain) -> Result<Self, StateError> {
        Self::over(snapshot.head.as_deref(), (snapshot.records(), snapshot.dirs.clone()), chain)
    }

    /// What these files and directories are to the version that the log calls current.
    pub(crate) fn over(
        head: Option<&Version>,
        (files, dirs): (Vec<FileRecord>, Vec<String>),
        chain: &mut Chain,
    ) -> Result<Self, StateError> {
        let now = files.iter().map(|file| (&file.stat, Some(file.blake3)));
        let (body, version) = match head.map(|head| (head.version, observed(head, now, &dirs))) {
            None => (Some(Body::Adopt { files: files.clone(), dirs, origin: None }), 0),
            Some((version, None)) => (None, version),
            Some((before, Some(changes))) => {
                let version = before + 1;
                (Some(Body::Observe { version, changes, files: files.clone(), dirs }), version)
            }
        };
        Ok(Self { version, record: body.map(|body| chain.seal(body)).transpose()?, files })
    }
}

impl<'a> Prepared<'a> {
    /// A publish that an earlier one of the same run gave back may have left its records: they are written anew.
    pub(crate) fn run(publish: Publish<'a>) -> Result<Self, PublishError> {
        let dataset = publish.dataset;
        crash_point!("publish.before-data-sync").during("publish", &dataset.place.name)?;
        if matches!(publish.lock.fence, Fence::Ledger(_)) {
            let problem = "what a server's attempt stages is handed over to it".to_owned();
            return Err(PublishError::Staged { problem });
        }
        publish.snapshot.hash(dataset)?;
        publish.staging.finish_dirs()?;
        let last = publish.snapshot.last;
        let mut chain = Chain::after(dataset, last);
        let base = Base::of(&publish.snapshot, &mut chain)?;
        let intent = intent(&publish, base.version)?;
        Self::seal((dataset, Source::Run(Box::new(publish))), intent, base, (last, chain))
    }

    /// Seals what announces and what decides an exchange, after its base, and writes what is needed first.
    pub(crate) fn seal(
        (dataset, source): (&'a Dataset, Source<'a>),
        intent: Intent,
        base: Base,
        (last, mut chain): (Option<Parent>, Chain),
    ) -> Result<Self, PublishError> {
        let (announce, body) = chain.seal_and_return(Body::Intent(Box::new(intent)))?;
        let Body::Intent(intent) = body else {
            return Err(PublishError::Staged { problem: "their record became another one".to_owned() });
        };
        let decision = chain.seal(recover::decision(&intent))?;
        write_records(source.dir(), &base, &announce)?;
        Ok(Self { dataset, source, intent: *intent, last, base, announce, decision })
    }

    /// What must be durable before the intent may exist.
    pub(crate) fn first_barrier<'r>(
        &'r self,
        owner: usize,
        barrier: &mut Barrier<'r>,
    ) -> Result<(), PublishError> {
        match &self.source {
            Source::Run(publish) => staged(publish, &self.intent, &self.base, (owner, barrier)),
            Source::Handed(shell) | Source::Kept(shell) => {
                Ok(records(&shell.dir, &self.base, (owner, barrier))?)
            }
        }
    }

    /// What will be current, of a publish.
    pub(crate) fn made(&self) -> Option<Made> {
        let (base, intent) = (&self.base, &self.intent);
        match &intent.operation {
            Operation::Publish(facts) => {
                Some(Made::new((base.version, &base.files), (intent.version, &intent.files), facts))
            }
            Operation::RollBack { .. } => None,
        }
    }

    pub(crate) fn state(&self) -> &'a State {
        self.dataset.state().expect("whatever is exchanged was found in the dataset's state")
    }
}

/// Writes what the log will get beside what is staged.
pub(crate) fn write_records(attempt: &Dir, base: &Base, announce: &Sealed) -> Result<(), IoFault> {
    for (name, record) in [(BASE_RECORD, base.record.as_ref()), (INTENT_RECORD, Some(announce))] {
        store::remove_tree(attempt, name)?;
        if let Some(record) = record {
            store::write_new(attempt, name, &record.bytes)?;
        }
    }
    Ok(())
}

/// What the log will get, and its directory.
fn records<'r>(
    attempt: &'r Dir,
    base: &Base,
    (owner, barrier): (usize, &mut Barrier<'r>),
) -> Result<(), IoFault> {
    if base.record.is_some() {
        barrier.add(owner, attempt, BASE_RECORD)?;
    }
    barrier.add(owner, attempt, INTENT_RECORD)?;
    barrier.add(owner, attempt, ".")
}

/// Everything that was staged and its records.
pub(crate) fn staged<'r>(
    publish: &'r Publish<'_>,
    intent: &Intent,
    base: &Base,
    (owner, barrier): (usize, &mut Barrier<'r>),
) -> Result<(), PublishError> {
    let shared = &publish.staging.shared;
    data(publish, intent, (owner, barrier))?;
    if publish.staging.quarantined() {
        barrier.add(owner, &shared.dir, QUARANTINE)?;
    }
    records(&shared.dir, base, (owner, barrier))?;
    registration(publish, (owner, barrier))
}

/// The staged files and their directories, but those that a barrier before has synced.
pub(crate) fn data<'r>(
    publish: &'r Publish<'_>,
    intent: &Intent,
    (owner, barrier): (usize, &mut Barrier<'r>),
) -> Result<(), PublishError> {
    let shared = &publish.staging.shared;
    let files = intent.files.iter().map(|file| file.stat.path.as_str());
    let all = files.chain(intent.dirs.iter().map(String::as_str)).chain(["."]);
    for path in all.filter(|path| publish.staging.is_unsynced(path)) {
        barrier.add(owner, &shared.data, path)?;
    }
    Ok(barrier.add(owner, &shared.dir, DATA)?)
}

/// The directories that lead to an attempt; those of the state itself only once.
pub(crate) fn registration<'r>(
    publish: &'r Publish<'_>,
    (owner, barrier): (usize, &mut Barrier<'r>),
) -> Result<(), PublishError> {
    let dataset = publish.dataset;
    let state = dataset.state().expect("a run lock is taken in the dataset's state");
    if publish.snapshot.last.is_none() {
        barrier.add(owner, &state.root, ".")?;
        barrier.add(owner, &dataset.place.parent, STATE)?;
        barrier.add(owner, &dataset.place.parent, ".")?;
    }
    Ok(barrier.add(owner, &state.stage, ".")?)
}

/// The new version as it lies staged, over the version that it was made from.
pub(crate) fn intent(publish: &Publish<'_>, base: u64) -> Result<Intent, PublishError> {
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
        presented: commit.presented.clone(),
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
        let joined = publish.snapshot.file(&entry.from).and_then(|file| file.known());
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
