//! A temporary place for one test.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::{Call, project};

/// Directories that vanish with the test.
#[derive(Debug)]
pub struct Site {
    dir: TempDir,
}

impl Site {
    /// An empty site.
    #[expect(clippy::new_without_default, reason = "making one touches the disk")]
    pub fn new() -> Self {
        let dir = tempfile::Builder::new().prefix("skein-test-").tempdir().unwrap();
        Self { dir }
    }

    /// A path inside; nothing is made.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Where keys and the cache of compiled modules live.
    pub fn home(&self) -> &'static Path {
        project::home()
    }

    /// A new directory for a dataset.
    pub fn directory(&self, name: &str) -> PathBuf {
        let path = self.path(name);
        std::fs::create_dir_all(&path).unwrap();
        path
    }

    /// A file with these bytes.
    pub fn file(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, bytes).unwrap();
        path
    }

    /// Puts the clock of all who are told of the file that this answers, as `SKEIN_CLOCK_OFFSET`, forward or back by so many
    /// milliseconds.
    pub fn clock_is_off_by(&self, offset: i64) -> PathBuf {
        // Whole at every moment: processes read it meanwhile.
        let aside = self.file("clock.aside", offset.to_string());
        let path = self.path("clock");
        std::fs::rename(aside, &path).unwrap();
        path
    }

    /// Lets every user of the machine enter and read.
    pub fn open_to_all(&self) {
        std::fs::set_permissions(self.dir.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// A file of another place under its name in this site: linked, or copied from another device.
    pub fn borrow(&self, file: &Path) -> PathBuf {
        let here = self.path(file.file_name().unwrap().to_str().unwrap());
        if std::fs::hard_link(file, &here).is_err() {
            // Not by this process: a child that another thread forks meanwhile would have the file open for writing,
            // and until it has become its program nobody can execute it.
            let copied = std::process::Command::new("cp").arg(file).arg(&here).status().unwrap();
            assert!(copied.success(), "{copied}");
        }
        here
    }

    /// A call of `skein` that works in this site.
    pub fn skein(&self, command: &str) -> Call {
        Call::new(self.dir.path(), self.home()).arg(command)
    }

    /// `skein run MODULE DATASET`.
    pub fn run(&self, module: &Path, dataset: &Path) -> Call {
        self.skein("run").arg(module).arg(dataset)
    }
}
