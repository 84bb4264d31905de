//! The environment and the machine's settings, read once.

use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};

use skein_dataset::Finding;
use tracing_subscriber::EnvFilter;

use crate::failure::Failure;
use crate::machine::Machine;

/// What the environment, the machine's settings and the options of every command say.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    /// Where keys and compiled artifacts live.
    pub(crate) home: PathBuf,
    /// The SDK for new crates, if not the binary's own.
    pub(crate) sdk: Option<PathBuf>,
    /// Whether stderr is a terminal that may be drawn on.
    pub(crate) interactive: bool,
    /// Whether stdin is a terminal that a question may be asked on.
    pub(crate) can_ask: bool,
    log_filter: Option<String>,
    /// `--state`.
    state: Option<PathBuf>,
    machine: Machine,
}

impl Settings {
    #[expect(clippy::disallowed_methods, reason = "the one place where the environment is read")]
    pub(crate) fn from_environment() -> Self {
        let path = |name| std::env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
        let home = path("SKEIN_HOME")
            .or_else(|| path("XDG_DATA_HOME").map(|dir| dir.join("skein")))
            .or_else(|| path("HOME").map(|dir| dir.join(".local/share/skein")))
            .unwrap_or_else(|| PathBuf::from("/var/lib/skein"));
        let plain = std::env::var("TERM").is_ok_and(|term| term == "dumb");
        Self {
            home,
            sdk: path("SKEIN_SDK"),
            interactive: std::io::stderr().is_terminal() && !plain,
            can_ask: std::io::stdin().is_terminal(),
            log_filter: std::env::var("SKEIN_LOG").ok(),
            state: None,
            machine: Machine::default(),
        }
    }

    /// Adds what the command line and skein.toml say.
    pub(crate) fn with_options(self, state: Option<PathBuf>, config: Option<&Path>) -> Result<Self, Failure> {
        let machine = Machine::read(config, &self.home)?;
        Ok(Self { state, machine, ..self })
    }

    /// The directory of states that a dataset at this real path is told to use; none for the usual place.
    pub(crate) fn states_for(&self, dataset: &Path) -> Option<&Path> {
        self.state.as_deref().or_else(|| self.machine.states_for(dataset))
    }

    /// What `skein doctor` says about the machine's settings; those that cannot be used have ended it before.
    pub(crate) fn finding(&self) -> Finding {
        Finding::ok("settings", self.machine.to_string())
    }

    /// Logs go to stderr; `SKEIN_LOG` (as `RUST_LOG` in other programs) wins over `-v`.
    pub(crate) fn start_logging(&self, verbose: u8) {
        let default = match verbose {
            0 => "warn",
            1 => "skein=info,skein_node=info,skein_dataset=info,skein_sandbox=info,warn",
            _ => "debug",
        };
        let filter = match &self.log_filter {
            Some(text) => EnvFilter::new(text),
            None => EnvFilter::new(default),
        };
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).without_time().init();
    }
}
