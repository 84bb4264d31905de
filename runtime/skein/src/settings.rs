//! The environment and the machine's settings, read once.

use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use skein_dataset::{Finding, NameRule};

use crate::args::Names;
use crate::failure::Failure;
use crate::machine::{Bandwidth, Machine};

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
    /// Where results are printed.
    pub(crate) page: Page,
    /// Where the server is, if the environment says so.
    pub(crate) server: Option<String>,
    /// Which of the servers that have a name, if the environment says so.
    pub(crate) context: Option<String>,
    /// What is shown to it, if the environment says so.
    pub(crate) token: Option<Token>,
    /// Columns of characters that a table has to fit into: those of a terminal.
    pub(crate) table_room: Option<usize>,
    log_filter: Option<String>,
    /// Where spans go, if the environment says so.
    otlp: Option<String>,
    /// `--state`.
    state: Option<PathBuf>,
    machine: Machine,
}

/// A token for a server. Printed nowhere; written into the file of contexts alone.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Token(pub(crate) String);

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token(…)")
    }
}

/// A directory of states and who named it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum States<'a> {
    /// The command line.
    Asked(&'a Path),
    /// `skein.toml`.
    Rule(&'a Path),
}

/// What stdout can show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Page {
    /// Columns of characters in a line.
    pub(crate) width: usize,
    /// Whether it is a terminal that colours are wanted on.
    pub(crate) colours: bool,
}

impl Page {
    /// For files, pipes and terminals that do not say how wide they are.
    const WIDTH: usize = 120;
    /// Nothing can be laid out on less.
    const WIDTH_MIN: usize = 40;

    fn of_stdout(plain: bool) -> Self {
        let stdout = std::io::stdout();
        let width = terminal_size::terminal_size_of(&stdout).map(|(width, _)| usize::from(width.0));
        let width = width.filter(|width| *width > 0).unwrap_or(Self::WIDTH).max(Self::WIDTH_MIN);
        Self { width, colours: stdout.is_terminal() && !plain }
    }
}

impl Settings {
    #[expect(clippy::disallowed_methods, reason = "the one place where the environment is read")]
    pub(crate) fn from_environment() -> Self {
        let path = |name| std::env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
        let home = path("SKEIN_HOME")
            .or_else(|| path("XDG_DATA_HOME").map(|dir| dir.join("skein")))
            .or_else(|| path("HOME").map(|dir| dir.join(".local/share/skein")))
            .unwrap_or_else(|| PathBuf::from("/var/lib/skein"));
        let said = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
        let plain = std::env::var("TERM").is_ok_and(|term| term == "dumb");
        let colourless = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Self {
            home,
            page: Page::of_stdout(plain || colourless),
            sdk: path("SKEIN_SDK"),
            interactive: std::io::stderr().is_terminal() && !plain,
            can_ask: std::io::stdin().is_terminal(),
            server: said("SKEIN_SERVER"),
            context: said("SKEIN_CONTEXT"),
            token: said("SKEIN_TOKEN").map(Token),
            table_room: std::io::stdout().is_terminal().then(|| Page::of_stdout(true).width),
            log_filter: std::env::var("SKEIN_LOG").ok(),
            otlp: std::env::var("OTEL_EXPORTER_OTLP_ENDPOINT").ok().filter(|endpoint| !endpoint.is_empty()),
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
    pub(crate) fn states_for(&self, dataset: &Path) -> Option<States<'_>> {
        let asked = self.state.as_deref().map(States::Asked);
        asked.or_else(|| self.machine.states_for(dataset).map(States::Rule))
    }

    /// How a run names the files of the dataset at this real path.
    pub(crate) fn names_for(&self, dataset: &Path, asked: Option<Names>) -> NameRule {
        asked.or_else(|| self.machine.names_for(dataset)).unwrap_or(Names::Hash).rule()
    }

    /// How a server that listens there tells receivers what happens.
    pub(crate) fn notices(&self, own: std::net::SocketAddr) -> Result<skein_control::Notices, Failure> {
        self.machine.notices(own)
    }

    /// Where the data of each team of a server may be.
    pub(crate) fn roots(&self) -> skein_control::Roots {
        self.machine.roots().clone()
    }

    /// What is logged, if the environment says so; `-v` is for where it does not.
    pub(crate) fn log_filter(&self) -> Option<&str> {
        self.log_filter.as_deref()
    }

    /// Where spans go, if the machine's settings or the environment say so.
    pub(crate) fn otlp(&self) -> Option<&str> {
        self.machine.otlp().or(self.otlp.as_deref())
    }

    /// Who says who somebody is that signs in at a server, with the client's secret.
    pub(crate) fn oidc(&self) -> Result<Option<(crate::oidc::OidcSettings, Option<String>)>, Failure> {
        self.machine.oidc()
    }

    /// What use of a server costs.
    pub(crate) fn prices(&self) -> Option<skein_control::Prices> {
        self.machine.prices().cloned()
    }

    /// How fast the nodes of a server may be, all of them together.
    pub(crate) const fn bandwidth(&self) -> Bandwidth {
        self.machine.bandwidth()
    }

    /// What `skein doctor` says about the machine's settings; those that cannot be used have ended it before.
    pub(crate) fn finding(&self) -> Finding {
        Finding::ok("settings", self.machine.to_string())
    }
}
