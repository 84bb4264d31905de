//! What lies in a directory right now: every file with the numbers that betray a change, and what role it plays.
//!
//! The walk goes down by file descriptors and single names, never follows a link and never leaves the device, so what
//! it lists is inside the directory it was given. It refuses what a dataset must not hold. It knows nothing of
//! Parquet: a data file is one by its name.

use std::os::fd::{AsFd, OwnedFd};

use rustix::fs::{AtFlags, FileType, Mode, OFlags, Stat, StatxAttributes, StatxFlags};
use serde::{Deserialize, Serialize};

use crate::fault::During as _;
use crate::forget::is_forgotten;
use crate::place::state::OWNER;
use crate::place::{PlaceError, STATE};

/// Deepest directory below a dataset's root.
const MAX_DEPTH: usize = 64;
/// Most entries of one dataset.
const MAX_ENTRIES: usize = 2_000_000;

/// What a file in a dataset is, by its name alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Rows: `.parquet`, `.parq` or `.pq`, not hidden and not below a hidden directory.
    Data,
    /// Anything else; copied into the next version.
    Sidecar,
    /// Describes the data files of one version (`_metadata`, `_common_metadata`, `.crc`); not taken over.
    Dropped,
}

impl Role {
    /// The role of the file at a relative path. Hidden means a name that starts with `.` or `_`, as readers have it.
    pub fn of(path: &str) -> Self {
        let name = path.rsplit('/').next().unwrap_or(path);
        let lower = name.to_ascii_lowercase();
        if matches!(name, "_metadata" | "_common_metadata") || lower.ends_with(".crc") {
            return Self::Dropped;
        }
        // A hive partition of a column whose name starts with `_` is data all the same.
        let hidden = |part: &str| part.starts_with('.') || (part.starts_with('_') && !part.contains('='));
        let data =
            [".parquet", ".parq", ".pq"].iter().any(|ext| lower.len() > ext.len() && lower.ends_with(ext));
        if data && !path.split('/').any(hidden) { Self::Data } else { Self::Sidecar }
    }
}

/// One file and what identifies its content without reading it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileStat {
    /// Relative to the dataset's root, `/` between parts; the file's own name for a single file.
    pub path: String,
    /// By name.
    pub role: Role,
    /// Bytes.
    pub size: u64,
    /// Last write, nanoseconds since 1970.
    pub mtime_ns: i64,
    /// Last change of inode or content; cannot be set back by a program.
    pub ctime_ns: i64,
    /// Inode.
    pub ino: u64,
}

impl FileStat {
    pub(crate) fn new(path: String, stat: &Stat) -> Self {
        let role = Role::of(&path);
        let ns =
            |s: i64, n: u64| s.saturating_mul(1_000_000_000).saturating_add(i64::try_from(n).unwrap_or(0));
        Self {
            path,
            role,
            size: u64::try_from(stat.st_size).unwrap_or(0),
            mtime_ns: ns(stat.st_mtime, stat.st_mtime_nsec),
            ctime_ns: ns(stat.st_ctime, stat.st_ctime_nsec),
            ino: stat.st_ino,
        }
    }

    /// Same inode, size and times: nobody wrote in between.
    pub fn same(&self, other: &Self) -> bool {
        self.same_but_ctime(other) && self.ctime_ns == other.ctime_ns
    }

    /// [`FileStat::same`] for a single file that an exchange moved, which sets its ctime.
    pub fn same_but_ctime(&self, other: &Self) -> bool {
        self.size == other.size && self.mtime_ns == other.mtime_ns && self.ino == other.ino
    }
}

/// How a file differs from what was expected.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "change", content = "path", rename_all = "snake_case")]
pub enum Change {
    /// There now, not expected.
    Added(String),
    /// Expected, not there.
    Removed(String),
    /// There, but written to or replaced.
    Modified(String),
}

impl std::fmt::Display for Change {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Added(path) => write!(f, "added {path}"),
            Self::Removed(path) => write!(f, "removed {path}"),
            Self::Modified(path) => write!(f, "modified {path}"),
        }
    }
}

/// The files and directories below a root, each sorted by bytes of the path.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listing {
    /// Every file.
    pub files: Vec<FileStat>,
    /// Every directory but the root.
    pub dirs: Vec<String>,
}

impl Listing {
    /// Lists a directory, or answers what in it no dataset may hold.
    pub(crate) fn of_directory(root: impl AsFd) -> Result<Self, PlaceError> {
        Self::walked(root, MAX_ENTRIES, &mut Err)
    }

    /// Lists what it can of a directory, and everything in it that no dataset may hold.
    pub(crate) fn survey(root: impl AsFd) -> Result<(Self, Vec<PlaceError>), PlaceError> {
        Self::survey_up_to(root, MAX_ENTRIES)
    }

    fn survey_up_to(root: impl AsFd, most: usize) -> Result<(Self, Vec<PlaceError>), PlaceError> {
        let mut refused = Vec::new();
        let listing = Self::walked(root, most, &mut |refusal| {
            refused.push(refusal);
            Ok(())
        })?;
        refused.sort_by_cached_key(ToString::to_string);
        Ok((listing, refused))
    }

    fn walked(root: impl AsFd, most: usize, refuse: &mut Refuse<'_>) -> Result<Self, PlaceError> {
        let fd = reopen(root, ".").during("list", ".")?;
        let dev = rustix::fs::fstat(&fd).during("list", ".")?.st_dev;
        let mut walk = Walk { listing: Self::default(), dev, left: most, most, is_full: false, refuse };
        walk.down(&fd, "", 0)?;
        let mut listing = walk.listing;
        listing.files.sort_by(|a, b| a.path.cmp(&b.path));
        listing.dirs.sort();
        Ok(listing)
    }

    /// The listing of a dataset that is one file called `name` in `parent`.
    pub(crate) fn of_file(parent: impl AsFd, name: &str) -> Result<Self, PlaceError> {
        Self::of_file_as(parent, name, name)
    }

    /// As [`Listing::of_file`] for a file that lies under another name at the moment.
    pub(crate) fn of_file_as(parent: impl AsFd, name: &str, known_as: &str) -> Result<Self, PlaceError> {
        let stat = rustix::fs::statat(parent, name, AtFlags::SYMLINK_NOFOLLOW).during("look at", name)?;
        let kind = FileType::from_raw_mode(stat.st_mode);
        if kind == FileType::Symlink {
            return Err(PlaceError::Symlink { path: name.to_owned() });
        }
        if kind != FileType::RegularFile {
            return Err(PlaceError::Special { path: name.to_owned() });
        }
        let mut file = FileStat::new(known_as.to_owned(), &stat);
        file.role = Role::Data;
        Ok(Self { files: vec![file], dirs: Vec::new() })
    }

    /// The file at a path.
    pub(crate) fn find(&self, path: &str) -> Option<&FileStat> {
        let at = self.files.binary_search_by(|file| file.path.as_str().cmp(path)).ok()?;
        Some(&self.files[at])
    }

    /// Sum of all sizes.
    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|f| f.size).sum()
    }
}

/// Ends a walk at what no dataset may hold, or lets it go on without that.
type Refuse<'r> = dyn FnMut(PlaceError) -> Result<(), PlaceError> + 'r;

/// A walk below a root.
struct Walk<'r> {
    listing: Listing,
    dev: u64,
    /// How many more entries there may be.
    left: usize,
    most: usize,
    /// That was said.
    is_full: bool,
    refuse: &'r mut Refuse<'r>,
}

impl Walk<'_> {
    fn down(&mut self, dir: &OwnedFd, prefix: &str, depth: usize) -> Result<(), PlaceError> {
        if depth > MAX_DEPTH {
            return (self.refuse)(PlaceError::TooDeep { path: prefix.to_owned(), most: MAX_DEPTH });
        }
        let mut below = Vec::new();
        for entry in rustix::fs::Dir::read_from(dir).during("list", prefix)? {
            let entry = entry.during("list", prefix)?;
            let name = entry.file_name().to_bytes();
            if matches!(name, b"." | b"..") {
                continue;
            }
            // Said once: whoever goes on would count what is left one by one.
            match self.left.checked_sub(1) {
                None if self.is_full => return Ok(()),
                None => {
                    self.is_full = true;
                    return (self.refuse)(PlaceError::TooManyEntries { most: self.most });
                }
                Some(left) => self.left = left,
            }
            let Ok(name) = std::str::from_utf8(name) else {
                let path = format!("{prefix}{}", String::from_utf8_lossy(name));
                (self.refuse)(PlaceError::NotUtf8 { path })?;
                continue;
            };
            match self.take(dir, name, prefix) {
                Ok(false) => {}
                Ok(true) => below.push(name.to_owned()),
                Err(refusal) => (self.refuse)(refusal)?,
            }
        }
        below.sort();
        for name in below {
            let path = format!("{prefix}{name}");
            match enter(dir, &name, &path) {
                Ok(fd) => {
                    self.listing.dirs.push(path.clone());
                    self.down(&fd, &format!("{path}/"), depth + 1)?;
                }
                Err(refusal) => (self.refuse)(refusal)?,
            }
        }
        Ok(())
    }

    /// Lists one entry; `true` if it is a directory to go down into.
    fn take(&mut self, dir: &OwnedFd, name: &str, prefix: &str) -> Result<bool, PlaceError> {
        let path = format!("{prefix}{name}");
        let listing = &mut self.listing;
        if matches!(name, STATE | OWNER) {
            let datasets = if name == STATE { inner(dir, prefix)? } else { Vec::new() };
            return Err(PlaceError::ContainsDataset { path, datasets });
        }
        if let Some(format) = table_format(prefix, name) {
            return Err(PlaceError::TableFormat { path, format });
        }
        let stat = rustix::fs::statat(dir, name, AtFlags::SYMLINK_NOFOLLOW).during("look at", &path)?;
        if stat.st_dev != self.dev {
            return Err(PlaceError::OtherDevice { path });
        }
        let kind = FileType::from_raw_mode(stat.st_mode);
        if kind == FileType::RegularFile {
            listing.files.push(FileStat::new(path, &stat));
            return Ok(false);
        }
        match kind == FileType::Symlink {
            true => Err(PlaceError::Symlink { path }),
            false if kind == FileType::Directory => Ok(true),
            false => Err(PlaceError::Special { path }),
        }
    }
}

/// Paths of the datasets that have their state in the `.skein` of a directory.
fn inner(dir: &OwnedFd, prefix: &str) -> Result<Vec<String>, PlaceError> {
    let mut datasets = Vec::new();
    // What is no directory of ours is named without its owners.
    let Ok(states) = reopen(dir, STATE) else { return Ok(datasets) };
    for entry in rustix::fs::Dir::read_from(&states).during("list", STATE)? {
        let entry = entry.during("list", STATE)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if !matches!(name.as_str(), "." | "..") && !is_forgotten(&name) {
            datasets.push(format!("{prefix}{name}"));
        }
    }
    datasets.sort();
    Ok(datasets)
}

/// Opens a directory below unless something is mounted there.
fn enter(dir: &OwnedFd, name: &str, path: &str) -> Result<OwnedFd, PlaceError> {
    let fd = reopen(dir, name).during("list", path)?;
    if is_mount_root(&fd, "").during("look at", path)? {
        return Err(PlaceError::MountPoint { path: path.to_owned() });
    }
    Ok(fd)
}

/// What changed from `old` to `new`; both sorted by path. `same` decides for files that are in both.
pub(crate) fn changes<'a, 'b>(
    old: impl IntoIterator<Item = &'a FileStat>,
    new: impl IntoIterator<Item = &'b FileStat>,
    same: impl Fn(&FileStat, &FileStat) -> bool,
) -> Vec<Change> {
    let mut found = Vec::new();
    let (mut old, mut new) = (old.into_iter().peekable(), new.into_iter().peekable());
    loop {
        let order = match (old.peek(), new.peek()) {
            (None, None) => return found,
            (Some(_), None) => std::cmp::Ordering::Less,
            (None, Some(_)) => std::cmp::Ordering::Greater,
            (Some(a), Some(b)) => a.path.cmp(&b.path),
        };
        match order {
            std::cmp::Ordering::Less => found.extend(old.next().map(|f| Change::Removed(f.path.clone()))),
            std::cmp::Ordering::Greater => found.extend(new.next().map(|f| Change::Added(f.path.clone()))),
            std::cmp::Ordering::Equal => {
                if let (Some(a), Some(b)) = (old.next(), new.next())
                    && !same(a, b)
                {
                    found.push(Change::Modified(b.path.clone()));
                }
            }
        }
    }
}

fn table_format(prefix: &str, name: &str) -> Option<&'static str> {
    match name {
        "_delta_log" => Some("Delta Lake"),
        ".hoodie" => Some("Apache Hudi"),
        "_spark_metadata" => Some("a Spark streaming sink"),
        _ if prefix.ends_with("metadata/")
            && (name == "version-hint.text"
                || name.ends_with(".metadata.json")
                || name.ends_with(".metadata.json.gz")) =>
        {
            Some("Apache Iceberg")
        }
        _ => None,
    }
}

/// Whether something is mounted exactly there; also true for a bind mount of the same device.
pub(crate) fn is_mount_root(dir: impl AsFd, name: &str) -> Result<bool, rustix::io::Errno> {
    let flags =
        AtFlags::SYMLINK_NOFOLLOW | if name.is_empty() { AtFlags::EMPTY_PATH } else { AtFlags::empty() };
    let statx = rustix::fs::statx(dir, name, flags, StatxFlags::TYPE)?;
    Ok(statx.stx_attributes.contains(StatxAttributes::MOUNT_ROOT))
}

fn reopen(dir: impl AsFd, name: &str) -> Result<OwnedFd, rustix::io::Errno> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    rustix::fs::openat(dir, name, flags, Mode::empty())
}

#[cfg(test)]
mod tests {
    use super::{Change, FileStat, Listing, Role, changes, table_format};
    use crate::place::PlaceError;

    #[test]
    fn names_decide_roles() {
        for (path, role) in [
            ("a.parquet", Role::Data),
            ("x=1/y=%20/a b#1.PARQUET", Role::Data),
            ("_k=1/a.parq", Role::Data),
            ("é.pq", Role::Data),
            (".parquet", Role::Sidecar),
            (".a.parquet", Role::Sidecar),
            ("_temporary/0/a.parquet", Role::Sidecar),
            (".hidden/a.parquet", Role::Sidecar),
            ("_SUCCESS", Role::Sidecar),
            ("README.md", Role::Sidecar),
            ("_metadata", Role::Dropped),
            ("x=1/_common_metadata", Role::Dropped),
            (".a.parquet.crc", Role::Dropped),
        ] {
            assert_eq!(Role::of(path), role, "{path}");
        }
    }

    #[test]
    fn metadata_of_iceberg_is_known_compressed_under_both_of_its_names() {
        for name in ["v1.metadata.json", "v1.gz.metadata.json", "v1.metadata.json.gz", "version-hint.text"] {
            assert_eq!(table_format("t/metadata/", name), Some("Apache Iceberg"), "{name}");
        }
        assert_eq!(table_format("t/", "v1.metadata.json.gz"), None);
        assert_eq!(table_format("t/metadata/", "notes.json.gz"), None);
    }

    #[test]
    fn a_survey_says_once_that_there_are_too_many_entries() {
        let place = tempfile::tempdir().unwrap();
        for dir in ["a", "b", "c"] {
            std::fs::create_dir(place.path().join(dir)).unwrap();
            for n in 0..5 {
                std::fs::File::create(place.path().join(format!("{dir}/{n}.parquet"))).unwrap();
            }
        }
        let root = std::fs::File::open(place.path()).unwrap();
        let (listing, refused) = Listing::survey_up_to(&root, 9).unwrap();
        assert_eq!(listing.files.len() + listing.dirs.len(), 9);
        assert!(matches!(refused[..], [PlaceError::TooManyEntries { most: 9 }]), "{refused:?}");
        assert_eq!(Listing::survey_up_to(&root, 18).unwrap().1.len(), 0);
    }

    fn stat(path: &str, size: u64) -> FileStat {
        FileStat { path: path.to_owned(), role: Role::of(path), size, mtime_ns: 1, ctime_ns: 2, ino: 3 }
    }

    #[test]
    fn changes_name_added_removed_and_modified_files() {
        let old = [stat("a", 1), stat("b", 1), stat("d", 1)];
        let new = [stat("b", 2), stat("c", 1), stat("d", 1)];
        assert_eq!(
            changes(&old, &new, FileStat::same),
            [Change::Removed("a".into()), Change::Modified("b".into()), Change::Added("c".into())]
        );
        assert_eq!(changes(&old, &old, FileStat::same), []);
    }
}
