//! One file of the next version: hashed and counted while it is written, named when it is finished.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};
use std::sync::Arc;

use cap_std::fs::{Dir, File};
use skein_types::Blake3;

use crate::crash_point;
use crate::fault::{During as _, IoFault};
use crate::listing::{FileStat, Role};
use crate::place::Kind;
use crate::snapshot::{PinnedFile, Snapshot};
use crate::staging::readers::Readers;
use crate::staging::{DATA, NameRule, QUARANTINE, Shared, StageError, StagedEntry};
use crate::store::{self, attributes, copy};

/// Bytes gathered before they are hashed and written: large enough for one hash of many lanes and few calls.
const BUFFER: usize = 512 << 10;

#[derive(Debug)]
pub(crate) enum Purpose {
    Data,
    Quarantine(Readers),
}

/// A file being written. Dropped unfinished, it leaves only a temporary name in the attempt's directory.
#[derive(Debug)]
pub struct StagedFile {
    shared: Arc<Shared>,
    file: File,
    temporary: String,
    source: String,
    purpose: Purpose,
    buffer: Vec<u8>,
    hasher: blake3::Hasher,
    size: u64,
}

impl StagedFile {
    pub(crate) fn create(shared: Arc<Shared>, source: &str, purpose: Purpose) -> Result<Self, StageError> {
        let temporary = shared.temporary();
        let file = store::create_private(&shared.dir, &temporary)?;
        Ok(Self {
            file,
            temporary,
            source: source.to_owned(),
            purpose,
            buffer: Vec::with_capacity(BUFFER),
            hasher: blake3::Hasher::new(),
            size: 0,
            shared,
        })
    }

    /// Bytes written so far.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Ends the file and gives it its name. Quarantine files keep theirs whatever the rule.
    pub fn finish(mut self, rule: NameRule) -> Result<StagedEntry, StageError> {
        self.write_out().during("write", &self.source)?;
        let blake3: Blake3 = self.hasher.finalize().into();
        let mut entry = StagedEntry {
            path: self.source.clone(),
            from: self.source.clone(),
            role: Role::Data,
            size: self.size,
            blake3,
        };
        crash_point!("stage.before-file-rename").during("name", &entry.path)?;
        if let Purpose::Quarantine(readers) = &self.purpose {
            readers.let_in(&self.file, &self.source)?;
            if !store::rename_new(&self.shared.dir, &self.temporary, &self.shared.dir, QUARANTINE)? {
                return Err(StageError::NameCollision { path: QUARANTINE.to_owned() });
            }
            self.shared.written().quarantine = Some(entry.clone());
            return Ok(entry);
        }
        let source = store::open_file(&self.shared.source, &self.source)?;
        let lost = attributes::copy(&source, &self.file, &self.source)?;
        self.shared.written().lost.extend(lost);
        if rule == NameRule::Hashed && self.shared.kind == Kind::Directory {
            let plain = self.shared.stems.get(&self.source).unwrap_or(&self.source);
            entry.path = hashed(plain, &blake3);
        }
        place(&self.shared, &self.temporary, &entry.path)?;
        crash_point!("stage.after-file-rename").during("name", &entry.path)?;
        self.shared.written().named(entry.clone());
        Ok(entry)
    }

    fn write_out(&mut self) -> io::Result<()> {
        self.hasher.update(&self.buffer);
        let answer = store::write_all(&mut self.file, &self.buffer);
        self.buffer.clear();
        answer.inspect_err(|e| {
            let source = e.raw_os_error().map_or_else(|| e.kind().into(), io::Error::from_raw_os_error);
            let fault = IoFault { action: "write", path: self.source.clone(), source };
            self.shared.written().fault.get_or_insert(fault);
        })
    }
}

impl Write for StagedFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.buffer.len() + bytes.len() > BUFFER && !self.buffer.is_empty() {
            self.write_out()?;
        }
        // What is larger than the buffer goes through it in pieces; `write_all` comes back for the rest.
        let taken = bytes.len().min(BUFFER);
        self.buffer.extend_from_slice(&bytes[..taken]);
        self.size += taken as u64;
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.write_out()
    }
}

/// `part-0.parquet` and a hash become `part-0-1a2b3c4d.parquet`.
fn hashed(path: &str, blake3: &Blake3) -> String {
    let (dir, name) = path.rsplit_once('/').map_or((None, path), |(dir, name)| (Some(dir), name));
    let (stem, ext) = name.rsplit_once('.').unwrap_or((name, ""));
    let dot = if ext.is_empty() { "" } else { "." };
    let named = format!("{stem}-{}{dot}{ext}", blake3.short());
    dir.map_or_else(|| named.clone(), |dir| format!("{dir}/{named}"))
}

/// The path to build each output's name on: that of its source without the hash that an earlier run appended, so that
/// names do not grow. A hash is only cut off where it is the file's own and no other file has the shorter name.
pub(crate) fn stems(snapshot: &Snapshot) -> BTreeMap<String, String> {
    let paths: BTreeSet<&str> = snapshot.files().iter().map(|f| f.stat.path.as_str()).collect();
    let mut cut: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for file in snapshot.data_files() {
        let path = &file.stat.path;
        let plain = file.known().and_then(|known| without_hash(path, &known.blake3));
        if let Some(plain) = plain.filter(|plain| !paths.contains(plain.as_str())) {
            cut.entry(plain).or_default().push(path.clone());
        }
    }
    let single = cut.into_iter().filter(|(_, from)| from.len() == 1);
    single.flat_map(|(plain, from)| from.into_iter().map(move |path| (path, plain.clone()))).collect()
}

fn without_hash(path: &str, blake3: &Blake3) -> Option<String> {
    let suffix = format!("-{}.", blake3.short());
    let at = path.rfind(&suffix)?;
    let ext = &path[at + suffix.len()..];
    (!ext.contains(['/', '.'])).then(|| format!("{}.{ext}", &path[..at]))
}

/// Moves a finished file from the attempt's directory to its path in the new version.
fn place(shared: &Shared, temporary: &str, path: &str) -> Result<(), StageError> {
    let (dir, name) = open_parent(shared, path)?;
    if !store::rename_new(&shared.dir, temporary, &dir, name)? {
        return Err(StageError::NameCollision { path: path.to_owned() });
    }
    Ok(())
}

fn open_parent<'p>(shared: &Shared, path: &'p str) -> Result<(Dir, &'p str), StageError> {
    let (dir, name) = path.rsplit_once('/').unwrap_or((".", path));
    if path.split('/').any(|part| matches!(part, "" | "." | "..")) {
        return Err(StageError::BadPath { path: path.to_owned() });
    }
    Ok((shared.data.open_dir(dir).during("open", format!("{DATA}/{dir}"))?, name))
}

/// Takes a file over as it is.
pub(crate) fn join(
    shared: &Shared,
    snapshot: &Snapshot,
    source: &PinnedFile,
) -> Result<StagedEntry, StageError> {
    let from = snapshot.open_file(source)?;
    let copied = copied(shared, &from, &source.stat)?;
    // The source may have been written to while it was copied.
    drop(snapshot.open_file(source)?);
    source.provide_hash(copied.1);
    named(shared, copied, &source.stat)
}

/// Takes over a file of a version that nobody writes to.
pub(crate) fn take_over(
    shared: &Shared,
    from: &std::fs::File,
    stat: &FileStat,
) -> Result<StagedEntry, StageError> {
    named(shared, copied(shared, from, stat)?, stat)
}

/// Takes over rejected rows.
pub(crate) fn take_over_quarantine(shared: &Shared, from: &std::fs::File) -> Result<(), StageError> {
    let stat = FileStat::new(QUARANTINE.to_owned(), &rustix::fs::fstat(from).during("look at", QUARANTINE)?);
    let (temporary, blake3) = copied(shared, from, &stat)?;
    if !store::rename_new(&shared.dir, &temporary, &shared.dir, QUARANTINE)? {
        return Err(StageError::NameCollision { path: QUARANTINE.to_owned() });
    }
    shared.written().quarantine = Some(entry(&stat, blake3));
    Ok(())
}

/// A copy under a temporary name, and the hash of what was written.
fn copied(shared: &Shared, from: &std::fs::File, stat: &FileStat) -> Result<(String, Blake3), StageError> {
    let path = &stat.path;
    let temporary = shared.temporary();
    let (to, blake3) = copy::make(from, (&shared.dir, &temporary), path, &shared.stop)?;
    let lost = attributes::copy(from, &to, path)?;
    shared.written().lost.extend(lost);
    // Times last: nothing may write afterwards.
    copy::set_modified(&to, stat.mtime_ns, path)?;
    Ok((temporary, blake3))
}

fn named(
    shared: &Shared,
    (temporary, blake3): (String, Blake3),
    stat: &FileStat,
) -> Result<StagedEntry, StageError> {
    place(shared, &temporary, &stat.path)?;
    let entry = entry(stat, blake3);
    shared.written().named(entry.clone());
    Ok(entry)
}

fn entry(stat: &FileStat, blake3: Blake3) -> StagedEntry {
    StagedEntry { path: stat.path.clone(), from: stat.path.clone(), role: stat.role, size: stat.size, blake3 }
}

#[cfg(test)]
mod tests {
    use super::{hashed, without_hash};
    use skein_types::Blake3;

    #[test]
    fn a_hash_goes_between_stem_and_extension_and_comes_off_again() {
        let hash = Blake3([0x1a; 32]);
        for (path, named) in [
            ("part-0.parquet", "part-0-1a1a1a1a.parquet"),
            ("x=1/y.z=2/a b.snappy.parquet", "x=1/y.z=2/a b.snappy-1a1a1a1a.parquet"),
            ("#é.pq", "#é-1a1a1a1a.pq"),
        ] {
            assert_eq!(hashed(path, &hash), named);
            assert_eq!(without_hash(named, &hash).as_deref(), Some(path));
            assert_eq!(without_hash(path, &hash), None);
        }
        assert_eq!(without_hash("a-1a1a1a1a.d/b.parquet", &hash), None);
    }
}
