//! Files that are named by what is in them: module bytes and compiled artifacts; and records of scans, each of which takes the
//! place of the one before.
//!
//! A file appears whole or not at all and is durable when [`Shelf::put`] returns: written aside, synced, renamed, its
//! directory synced. Putting it twice is the same as once, so a caller that died in the middle simply calls again. What
//! is written aside and never renamed is removed when the shelf is opened: only one control has it.

use std::fs::{DirBuilder, File};
use std::io::{ErrorKind, Read as _, Write as _};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use skein_types::{Bytes, Code, codes};

const ASIDE: &str = ".part-";

/// A directory of such files.
#[derive(Debug)]
pub(crate) struct Shelf {
    dir: PathBuf,
    /// Of the largest file that is read.
    most: Bytes,
}

/// The shelf cannot be read or written.
#[derive(Debug, thiserror::Error)]
#[error("{doing} {}", path.display())]
pub(crate) struct ShelfError {
    doing: &'static str,
    path: PathBuf,
    #[source]
    source: std::io::Error,
}

impl ShelfError {
    /// The code of this error.
    pub(crate) fn code(&self) -> Code {
        let kind = self.source.kind();
        if matches!(kind, ErrorKind::StorageFull | ErrorKind::QuotaExceeded) {
            codes::NO_SPACE
        } else if kind == ErrorKind::PermissionDenied {
            codes::PERMISSION
        } else {
            codes::IO
        }
    }
}

impl Shelf {
    /// Makes the directory if there is none.
    pub(crate) fn open(dir: &Path, most: Bytes) -> Result<Self, ShelfError> {
        let shelf = Self { dir: dir.to_owned(), most };
        DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(shelf.failed("make", dir))?;
        for entry in std::fs::read_dir(dir).map_err(shelf.failed("list", dir))? {
            let path = entry.map_err(shelf.failed("list", dir))?.path();
            if path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(ASIDE.as_bytes())) {
                std::fs::remove_file(&path).map_err(shelf.failed("remove", &path))?;
            }
        }
        Ok(shelf)
    }

    /// Keeps these bytes under this name, in place of what it named.
    pub(crate) fn put(&self, name: &str, bytes: &[u8]) -> Result<(), ShelfError> {
        let path = self.dir.join(name);
        let write = || {
            let mut file = tempfile::Builder::new().prefix(ASIDE).tempfile_in(&self.dir)?;
            file.write_all(bytes)?;
            file.as_file().sync_all()?;
            file.persist(&path).map_err(|error| error.error)?;
            File::open(&self.dir)?.sync_all()
        };
        write().map_err(self.failed("write", &path))
    }

    /// A file that is written piece by piece, and is nothing until it is kept.
    pub(crate) fn aside(&self) -> Result<Aside, ShelfError> {
        let file = tempfile::Builder::new().prefix(ASIDE).tempfile_in(&self.dir);
        Ok(Aside { file: file.map_err(self.failed("write into", &self.dir))?, dir: self.dir.clone() })
    }

    /// Keeps such a file under this name, durably, in place of what it named.
    pub(crate) fn keep(&self, name: &str, aside: Aside) -> Result<(), ShelfError> {
        let path = self.dir.join(name);
        let keep = || {
            aside.file.as_file().sync_all()?;
            aside.file.persist(&path).map_err(|error| error.error)?;
            File::open(&self.dir)?.sync_all()
        };
        keep().map_err(self.failed("write", &path))
    }

    /// What is kept under this name.
    pub(crate) fn get(&self, name: &str) -> Result<Option<Vec<u8>>, ShelfError> {
        let path = self.dir.join(name);
        let read = || {
            let mut bytes = Vec::new();
            File::open(&path)?.take(self.most.0 + 1).read_to_end(&mut bytes)?;
            match bytes.len() as u64 > self.most.0 {
                true => Err(std::io::Error::new(ErrorKind::FileTooLarge, format!("more than {}", self.most))),
                false => Ok(bytes),
            }
        };
        match read() {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(self.failed("read", &path)(error)),
        }
    }

    /// Names of all files, in order.
    pub(crate) fn names(&self) -> Result<Vec<String>, ShelfError> {
        let mut names = Vec::new();
        for entry in std::fs::read_dir(&self.dir).map_err(self.failed("list", &self.dir))? {
            let name = entry.map_err(self.failed("list", &self.dir))?.file_name();
            names.extend(name.into_string().ok().filter(|name| !name.starts_with(ASIDE)));
        }
        names.sort_unstable();
        Ok(names)
    }

    /// Removes a file, if there is one.
    pub(crate) fn remove(&self, name: &str) -> Result<(), ShelfError> {
        let path = self.dir.join(name);
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(self.failed("remove", &path)(error)),
            Ok(()) | Err(_) => Ok(()),
        }
    }

    fn failed(&self, doing: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> ShelfError + use<> {
        let path = path.to_owned();
        move |source| ShelfError { doing, path, source }
    }
}

/// See [`Shelf::aside`]. Dropped, it is gone.
#[derive(Debug)]
pub(crate) struct Aside {
    file: tempfile::NamedTempFile,
    dir: PathBuf,
}

impl Aside {
    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<(), ShelfError> {
        let failed = |source| ShelfError { doing: "write into", path: self.dir.clone(), source };
        self.file.write_all(bytes).map_err(failed)
    }
}

#[cfg(test)]
mod tests {
    use super::Shelf;
    use skein_types::Bytes;

    #[test]
    fn what_was_put_is_there_and_nothing_else() {
        let place = tempfile::tempdir().unwrap();
        let dir = place.path().join("a/b");
        let shelf = Shelf::open(&dir, Bytes(4)).unwrap();
        shelf.put("x", b"1234").unwrap();
        shelf.put("x", b"1234").unwrap();
        assert_eq!(shelf.get("x").unwrap(), Some(b"1234".to_vec()));
        assert_eq!(shelf.get("y").unwrap(), None);
        std::fs::File::create(dir.join(".part-dead")).unwrap();
        let again = Shelf::open(&dir, Bytes(4)).unwrap();
        assert_eq!(std::fs::read_dir(&dir).unwrap().count(), 1);
        again.put("z", b"12345").unwrap();
        assert_eq!(again.get("z").unwrap_err().to_string(), format!("read {}", dir.join("z").display()));
    }
}
