//! The demo's directory, gone at the end, and Ctrl-C, noticed between two steps.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, Result, bail};
use signal_hook::consts::{SIGINT, SIGTERM};
use tempfile::TempDir;

use crate::surroundings::Surroundings;

/// Whether somebody asked us to stop. The signal does not end this process, so that its directory is removed; children
/// of a terminal get it themselves.
#[derive(Clone, Debug)]
pub(super) struct Interruption(Arc<AtomicBool>);

impl Interruption {
    pub(super) fn listen() -> Result<Self> {
        let flag = Arc::new(AtomicBool::new(false));
        for signal in [SIGINT, SIGTERM] {
            // The second one does not wait for the end of a step.
            signal_hook::flag::register_conditional_shutdown(signal, 130, Arc::clone(&flag))
                .context("cannot listen for Ctrl-C")?;
            signal_hook::flag::register(signal, Arc::clone(&flag)).context("cannot listen for Ctrl-C")?;
        }
        Ok(Self(flag))
    }

    pub(super) fn check(&self) -> Result<()> {
        if self.0.load(Ordering::Relaxed) {
            bail!("interrupted; what the demo made is removed");
        }
        Ok(())
    }
}

/// What the story sends to its server.
pub(super) const MODULES: [&str; 2] = ["lineitem_v2.wasm", "columns.wasm"];

/// The directory: `modules/`, `home/` for keys and compiled modules, and the datasets.
#[derive(Debug)]
pub(super) struct Stage {
    dir: TempDir,
    interruption: Interruption,
}

impl Stage {
    pub(super) fn new(
        place: &Path,
        surroundings: &Surroundings,
        interruption: &Interruption,
    ) -> Result<Self> {
        let dir = tempfile::Builder::new().prefix("skein-demo-").tempdir_in(place);
        let dir = dir.with_context(|| format!("cannot make a directory in {}", place.display()))?;
        let stage = Self { dir, interruption: interruption.clone() };
        for name in ["modules", "home"] {
            fs::create_dir(stage.path(name))?;
        }
        for module in MODULES {
            fs::copy(surroundings.guests.join(module), stage.path("modules").join(module))
                .with_context(|| format!("{module} was not built"))?;
        }
        Ok(stage)
    }

    pub(super) fn root(&self) -> &Path {
        self.dir.path()
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// A text of the stage's directory.
    #[expect(clippy::disallowed_methods, reason = "texts that the demo's own server wrote")]
    pub(super) fn read(&self, name: &str) -> Result<String> {
        fs::read_to_string(self.path(name)).with_context(|| format!("cannot read {name}"))
    }

    /// The same file under another name, in a directory below.
    pub(super) fn link(&self, file: &str, directory: &str, name: &str) -> Result<()> {
        fs::create_dir_all(self.path(directory))?;
        let link = self.path(directory).join(name);
        fs::hard_link(self.path(file), link).with_context(|| format!("cannot link {file}"))
    }

    #[expect(clippy::disallowed_methods, reason = "files of the demo, which nobody will miss")]
    pub(super) fn write(&self, name: &str, bytes: &[u8]) -> Result<()> {
        fs::write(self.path(name), bytes).with_context(|| format!("cannot write {name}"))
    }

    pub(super) const fn interruption(&self) -> &Interruption {
        &self.interruption
    }

    /// Leaves the directory where it is.
    pub(super) fn keep(self) -> PathBuf {
        self.dir.keep()
    }
}
