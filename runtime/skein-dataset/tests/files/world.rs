//! A directory of its own for each test, and a migration that appends its name to every file.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use skein_dataset::{
    Applied, CommitData, Dataset, FileFacts, NameRule, Options, Outcome, PinnedFile, Place, ProbeCache,
    Publish, PublishError, Role, RowCounts, RunLock, Snapshot, Staging, hold, publish_many,
};
use skein_types::{Blake3, ModuleDigest, ParamsDigest, Rows, RunId, SystemClock};

pub(crate) struct World {
    pub(crate) dir: tempfile::TempDir,
    next_run: std::cell::Cell<u128>,
}

/// What [`reject`] writes.
pub(crate) const REJECTED: &[u8] = b"a rejected row";

pub(crate) type Bytes = BTreeMap<String, Vec<u8>>;

impl World {
    pub(crate) fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap(), next_run: std::cell::Cell::new(1) }
    }

    /// With a dataset `t` of one file, `a.parquet`, which holds `a`.
    pub(crate) fn with_one_file() -> (Self, Dataset) {
        let world = Self::new();
        world.put("t/a.parquet", b"a");
        let dataset = world.dataset("t");
        (world, dataset)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn put(&self, name: &str, bytes: &[u8]) {
        put(&self.path(name), bytes);
    }

    pub(crate) fn dataset(&self, name: &str) -> Dataset {
        open(&self.path(name))
    }

    pub(crate) fn run(&self) -> RunId {
        self.next_run.set(self.next_run.get() + 1);
        RunId::new(uuid::Uuid::from_u128(self.next_run.get()))
    }

    /// Everything that a reader of the dataset sees.
    pub(crate) fn bytes(&self, name: &str) -> Bytes {
        bytes(&self.path(name))
    }

    /// Runs the migration `migration` once.
    pub(crate) fn migrate(&self, dataset: &Dataset, migration: &str) -> Result<Outcome, PublishError> {
        let run = dataset.lock_run(self.run()).unwrap();
        publish(staged(dataset, &run, migration))
    }

    /// Runs the migration once and holds its result.
    pub(crate) fn hold(&self, dataset: &Dataset, migration: &str) -> RunId {
        let base = dataset.head().unwrap().map_or(0, |head| head.version);
        self.hold_over(dataset, migration, base)
    }

    /// The same where the base is another version than the last in the log.
    pub(crate) fn hold_over(&self, dataset: &Dataset, migration: &str, base: u64) -> RunId {
        let lock = dataset.lock_run(self.run()).unwrap();
        let ready = staged(dataset, &lock, migration);
        assert_eq!(hold(ready).answer.unwrap(), Outcome::Held { base });
        lock.run
    }
}

/// A run up to its publish: what the dataset holds, pinned, and the migration's output.
pub(crate) fn staged<'a>(dataset: &'a Dataset, lock: &'a RunLock, migration: &str) -> Publish<'a> {
    let snapshot = dataset.pin(lock).unwrap();
    let (staging, commit) = stage(dataset, lock, &snapshot, migration);
    Publish { dataset, lock, snapshot, staging, commit }
}

/// Adds a rejected row to what is staged.
pub(crate) fn reject(ready: &Publish<'_>) {
    let mut rejects = ready.staging.quarantine(&ready.snapshot).unwrap();
    rejects.write_all(REJECTED).unwrap();
    rejects.finish(NameRule::Keep).unwrap();
}

/// Entries of a directory of the dataset's state.
pub(crate) fn left(dataset: &Dataset, part: &str) -> usize {
    std::fs::read_dir(dataset.state_path().join(part)).unwrap().count()
}

pub(crate) fn publish(publish: Publish<'_>) -> Result<Outcome, PublishError> {
    publish_many(vec![publish]).pop().unwrap()
}

pub(crate) fn put(path: &Path, bytes: &[u8]) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let mut file = std::fs::File::create(path).unwrap();
    file.write_all(bytes).unwrap();
}

pub(crate) fn bytes(path: &Path) -> Bytes {
    let mut found = Bytes::new();
    let name = |p: &Path| p.strip_prefix(path).unwrap().to_str().unwrap().to_owned();
    if path.is_file() {
        found.insert(String::new(), std::fs::read(path).unwrap());
        return found;
    }
    let mut below = vec![path.to_owned()];
    while let Some(dir) = below.pop() {
        for entry in std::fs::read_dir(dir).unwrap() {
            let entry = entry.unwrap().path();
            if entry.is_dir() {
                below.push(entry);
            } else {
                found.insert(name(&entry), std::fs::read(&entry).unwrap());
            }
        }
    }
    found
}

pub(crate) fn options() -> Options {
    Options { lock_wait: Duration::from_secs(30), threads: 2, probes: Arc::new(ProbeCache::default()) }
}

pub(crate) fn open(path: &Path) -> Dataset {
    Dataset::open(Place::resolve(path).unwrap(), Arc::new(SystemClock::start()), options()).unwrap()
}

pub(crate) fn applied(migration: &str) -> Applied {
    Applied {
        name: migration.to_owned(),
        version: "1.0.0".to_owned(),
        module: ModuleDigest::of(migration.as_bytes()),
        params: ParamsDigest::of(b"{}"),
        presented: Vec::new(),
    }
}

/// What a run does that gets its publish back: migrates what was added and tries again.
pub(crate) fn catch_up(returned: Publish<'_>) -> Outcome {
    let Publish { dataset, lock, snapshot, mut staging, mut commit } = returned;
    let (snapshot, added) = dataset.pin_again(lock, &snapshot).unwrap();
    staging.extend(&snapshot, &added).unwrap();
    let migration = commit.migration.clone();
    for source in added.iter().map(|place| &snapshot.files()[*place]) {
        match source.stat.role {
            Role::Data => commit.files.push(write(&staging, &snapshot, source, &migration)),
            Role::Sidecar => drop(staging.join(&snapshot, source).unwrap()),
            Role::Dropped => {}
        }
    }
    publish(Publish { dataset, lock, snapshot, staging, commit }).unwrap()
}

/// Writes every data file with `+migration` appended, copies the rest.
pub(crate) fn stage(
    dataset: &Dataset,
    run: &RunLock,
    snapshot: &Snapshot,
    migration: &str,
) -> (Staging, CommitData) {
    let staging = Staging::create(dataset, run, snapshot, 0).unwrap();
    let files = snapshot.data_files().map(|source| write(&staging, snapshot, source, migration)).collect();
    staging.copy_sidecars(snapshot).unwrap();
    (staging, commit(migration, files))
}

fn write(staging: &Staging, snapshot: &Snapshot, source: &PinnedFile, migration: &str) -> FileFacts {
    let mut content = Vec::new();
    std::io::Read::read_to_end(&mut snapshot.open_file(source).unwrap(), &mut content).unwrap();
    content.extend_from_slice(format!("+{migration}").as_bytes());
    let mut out = staging.file(source).unwrap();
    out.write_all(&content).unwrap();
    let path = out.finish(NameRule::Hashed).unwrap().path;
    let mut all = source.applied().to_vec();
    all.push(applied(migration));
    FileFacts { path, rows: Rows(1), stats: serde_json::json!({"n": 1}), applied: all }
}

pub(crate) fn commit(migration: &str, files: Vec<FileFacts>) -> CommitData {
    CommitData {
        migration: migration.to_owned(),
        migration_version: "1.0.0".to_owned(),
        module: ModuleDigest::of(migration.as_bytes()),
        params: ParamsDigest::of(b"{}"),
        plan: Blake3::of(b"plan"),
        schema: serde_json::json!([]),
        rows: RowCounts { read: Rows(1), written: Rows(1), ..RowCounts::default() },
        presented: BTreeMap::new(),
        ext: serde_json::Value::Null,
        files,
    }
}
