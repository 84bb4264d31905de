//! Looking for datasets below a directory, page by page, without a look into any file.
//!
//! What is a dataset, by names alone: a directory with Parquet files in it, or with partitions (`key=value`) or a table
//! format's log; what has a state beside it; and a Parquet file that lies in the directory itself that the scan is of. Below a
//! dataset nothing is looked for. Whether it can be one is [`Place`]'s to say, and the reason goes along. Hidden names and links are
//! passed over.
//!
//! The order is that of paths, part by part. It alone carries a scan from page to page: a tree that changes meanwhile may
//! show or hide what changed, and nothing else.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use skein_types::{Code, ErrorClass, codes};

use crate::fault::{During as _, IoFault};
use crate::listing::{Listing, Role};
use crate::place::{Place, PlaceError, STATE, state};

/// Deepest directory below that of the scan.
const DEPTH_MAX: usize = 32;
/// Entries of directories that one page looks at. The files of datasets have a bound of their own.
const ENTRIES_MAX: usize = 1_000_000;

/// A dataset, or what looks like one.
#[derive(Debug)]
pub struct Sighting {
    /// Its real path.
    pub path: PathBuf,
    /// Size of its files.
    pub bytes: u64,
    /// How many.
    pub files: u64,
    /// Why it can be none, if so.
    pub refused: Option<PlaceError>,
}

/// A scan that cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum ScanError {
    /// The directory is none, or lies in a dataset.
    #[error(transparent)]
    Place(#[from] PlaceError),
    /// It cannot be listed.
    #[error(transparent)]
    Io(#[from] IoFault),
    /// More directories than one page looks through.
    #[error("more than {most} files and directories below {} that belong to no dataset", below.display())]
    TooMany {
        /// Of the scan.
        below: PathBuf,
        /// How many are looked at.
        most: usize,
    },
    /// Somebody asked it to stop.
    #[error("the scan was asked to stop")]
    Stopped,
}

impl ScanError {
    /// The code of this error.
    pub fn code(&self) -> Code {
        match self {
            Self::Place(error) => error.code(),
            Self::Io(fault) => fault.code(),
            Self::TooMany { .. } => codes::PLACE_REFUSED,
            Self::Stopped => codes::CANCELLED,
        }
    }

    /// Blame.
    pub fn class(&self) -> ErrorClass {
        self.code().class
    }

    /// What a person can do about it.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Place(error) => error.hint(),
            Self::Io(fault) => fault.hint(),
            Self::TooMany { .. } => Some("scan the directories below it one by one"),
            Self::Stopped => None,
        }
    }
}

/// The datasets below a directory that come after a path, at most so many, and whether there may be more.
pub fn scan(
    below: &Path,
    after: Option<&Path>,
    most: usize,
    stop: &AtomicBool,
) -> Result<(Vec<Sighting>, bool), ScanError> {
    let real = match std::fs::canonicalize(below) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err(PlaceError::NotFound { path: below.to_owned() }.into());
        }
        other => other.during("find", below.display().to_string())?,
    };
    if real.components().any(|part| part.as_os_str() == STATE) {
        return Err(PlaceError::NotADataset { path: real }.into());
    }
    crate::place::refuse_outer(&real)?;
    if let (Some(parent), Some(name)) = (real.parent(), real.file_name())
        && state::is_dataset(parent, name)
    {
        return Err(PlaceError::InsideDataset { path: real.clone(), outer: real }.into());
    }
    let entries = entries(&real)?;
    let mut scan = Scan { after, most, stop, left: ENTRIES_MAX, found: Vec::new(), more: false, top: &real };
    scan.through(&real, entries, 0)?;
    Ok((scan.found, scan.more))
}

/// What a directory holds, by name.
#[derive(Debug, Default)]
struct Entries {
    directories: Vec<OsString>,
    /// Parquet files.
    data: Vec<OsString>,
    all: usize,
    is_dataset: bool,
}

fn entries(dir: &Path) -> Result<Entries, IoFault> {
    let shown = || dir.display().to_string();
    let mut found = Entries::default();
    for entry in std::fs::read_dir(dir).during("list", shown())?.take(ENTRIES_MAX + 1) {
        let entry = entry.during("list", shown())?;
        found.all += 1;
        let name = entry.file_name();
        let text = name.to_string_lossy();
        // Of the entry and not of what it leads to.
        let kind = entry.file_type().during("look at", shown())?;
        if kind.is_dir() {
            found.is_dataset |= matches!(&*text, "_delta_log" | ".hoodie" | "_spark_metadata")
                || (text.contains('=') && !text.starts_with('.'))
                || (text == "metadata" && is_iceberg(&entry.path()));
            let hidden = text.starts_with('.') || (text.starts_with('_') && !text.contains('='));
            if !hidden {
                found.directories.push(name);
            }
        } else if kind.is_file() && Role::of(&text) == Role::Data {
            found.data.push(name);
        }
    }
    found.is_dataset |= !found.data.is_empty();
    found.directories.sort_unstable();
    Ok(found)
}

/// Whether a directory is the metadata of an Iceberg table, whose data would look like a dataset of its own.
fn is_iceberg(metadata: &Path) -> bool {
    let of_iceberg = |name: &str| name == "version-hint.text" || name.contains(".metadata.json");
    std::fs::read_dir(metadata)
        .is_ok_and(|entries| entries.flatten().any(|entry| of_iceberg(&entry.file_name().to_string_lossy())))
}

struct Scan<'a> {
    top: &'a Path,
    after: Option<&'a Path>,
    most: usize,
    stop: &'a AtomicBool,
    left: usize,
    found: Vec<Sighting>,
    more: bool,
}

impl Scan<'_> {
    /// Goes through a directory that is no dataset.
    fn through(&mut self, dir: &Path, entries: Entries, depth: usize) -> Result<(), ScanError> {
        if self.stop.load(Ordering::Relaxed) {
            return Err(ScanError::Stopped);
        }
        let left = self.left.checked_sub(entries.all);
        self.left =
            left.ok_or_else(|| ScanError::TooMany { below: self.top.to_owned(), most: ENTRIES_MAX })?;
        // The files right in the directory of the scan are datasets of their own: it was asked for what is below it.
        let files = if depth == 0 { entries.data } else { Vec::new() };
        let mut names: Vec<(OsString, bool)> = files.into_iter().map(|name| (name, false)).collect();
        names.extend(entries.directories.into_iter().map(|name| (name, true)));
        names.sort_unstable();
        for (name, is_directory) in names {
            let path = dir.join(&name);
            if self.more {
                return Ok(());
            }
            if self.is_behind(&path) {
                continue;
            }
            if is_directory { self.directory(&path, dir, depth)? } else { self.sighted(&path) }
        }
        Ok(())
    }

    fn directory(&mut self, path: &Path, parent: &Path, depth: usize) -> Result<(), ScanError> {
        let known = path.file_name().is_some_and(|name| state::is_dataset(parent, name));
        match entries(path) {
            Ok(entries) if known || entries.is_dataset => self.sighted(path),
            Ok(_) if depth >= DEPTH_MAX => {
                let shown = path.display().to_string();
                self.found(path, Err(PlaceError::TooDeep { path: shown, most: DEPTH_MAX }));
            }
            Ok(entries) => self.through(path, entries, depth + 1)?,
            // One directory that is closed to us does not hide the others.
            Err(fault) => self.found(path, Err(fault.into())),
        }
        Ok(())
    }

    /// Whether the page before had it and all that is below it.
    fn is_behind(&self, path: &Path) -> bool {
        self.after.is_some_and(|after| path <= after && (path == after || !after.starts_with(path)))
    }

    fn sighted(&mut self, path: &Path) {
        // A page before ended inside of what is a dataset by now.
        if self.after.is_some_and(|after| path <= after) {
            return;
        }
        self.found(path, Place::locate(path).and_then(|place| place.list()));
    }

    fn found(&mut self, path: &Path, looked: Result<Listing, PlaceError>) {
        if self.found.len() >= self.most {
            self.more = true;
            return;
        }
        let (listing, refused) = match looked {
            Ok(listing) => (listing, None),
            Err(refused) => (Listing::default(), Some(refused)),
        };
        let (bytes, files) = (listing.bytes(), listing.files.len() as u64);
        self.found.push(Sighting { path: path.to_owned(), bytes, files, refused });
    }
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};
    use std::sync::atomic::AtomicBool;

    use super::{ScanError, scan};
    use skein_types::codes;

    fn file(at: &Path) {
        std::fs::create_dir_all(at.parent().unwrap()).unwrap();
        std::fs::File::create(at).unwrap();
    }

    fn tree(files: &[&str]) -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let top = dir.path().canonicalize().unwrap().join("top");
        files.iter().for_each(|at| file(&top.join(at)));
        (dir, top)
    }

    /// Paths from the top, with `!` and a code where it can be none.
    fn pages(top: &Path, most: usize) -> Vec<Vec<String>> {
        let (mut pages, mut after): (Vec<Vec<String>>, Option<PathBuf>) = (Vec::new(), None);
        loop {
            let (found, more) = scan(top, after.as_deref(), most, &AtomicBool::new(false)).unwrap();
            after = found.last().map(|last| last.path.clone());
            let named = found.iter().map(|one| {
                let path = one.path.strip_prefix(top).unwrap().display().to_string();
                one.refused.as_ref().map_or(path.clone(), |why| format!("{path} !{}", why.code().id))
            });
            pages.push(named.collect());
            if !more {
                return pages;
            }
        }
    }

    const TREE: [&str; 12] = [
        "a-b/x.parquet",
        "a/b/part-0.parquet",
        "a/b/part-1.pq",
        "a/c/day=1/x.parquet",
        "a/notes/readme.txt",
        "delta/_delta_log/0.json",
        "ice/data/x.parquet",
        "ice/metadata/v1.metadata.json",
        "lone.parquet",
        "_hidden/x.parquet",
        ".secret/x.parquet",
        "z/deep/er/x.parquet",
    ];
    const FOUND: [&str; 7] =
        ["a/b", "a/c", "a-b", "delta !SK0500", "ice !SK0500", "lone.parquet", "z/deep/er"];

    #[test]
    fn datasets_are_found_in_order_with_the_reason_of_what_can_be_none() {
        let (_dir, top) = tree(&TREE);
        let refused = codes::PLACE_REFUSED.id;
        let wanted: Vec<String> = FOUND.iter().map(|name| name.replace("SK0500", refused)).collect();
        assert_eq!(pages(&top, 1_000), vec![wanted]);
        let (found, _) = scan(&top, None, 1, &AtomicBool::new(false)).unwrap();
        assert_eq!((found[0].files, found[0].refused.is_none()), (2, true));
    }

    #[test]
    fn pages_of_any_size_together_are_the_whole() {
        let (_dir, top) = tree(&TREE);
        let whole = pages(&top, 1_000).concat();
        for most in 1..=8 {
            let pages = pages(&top, most);
            assert!(pages.iter().all(|page| page.len() <= most), "{pages:?}");
            assert_eq!(pages.concat(), whole, "{most}");
        }
    }

    #[test]
    fn links_are_not_followed_and_what_is_in_a_dataset_is_no_place_to_scan() {
        let (_dir, top) = tree(&["a/x.parquet"]);
        std::os::unix::fs::symlink(top.join("a"), top.join("link")).unwrap();
        assert_eq!(pages(&top, 9), [["a"]]);
        std::fs::create_dir_all(top.join(".skein/a/log")).unwrap();
        let error = scan(&top.join("a"), None, 9, &AtomicBool::new(false)).unwrap_err();
        assert!(matches!(error, ScanError::Place(_)), "{error}");
        let error = scan(&top.join("gone"), None, 9, &AtomicBool::new(false)).unwrap_err();
        assert_eq!(error.code(), codes::DATASET_NOT_FOUND);
    }

    #[test]
    fn a_scan_that_is_asked_to_stop_does() {
        let (_dir, top) = tree(&TREE);
        let error = scan(&top, None, 9, &AtomicBool::new(true)).unwrap_err();
        assert_eq!(error.code(), codes::CANCELLED);
    }
}
