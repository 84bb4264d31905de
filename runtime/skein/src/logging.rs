//! Where log lines and spans of this process go: lines to stderr, spans to a collector if there is one (`otlp`).
//!
//! A line is a constant message with fields. A span says what the lines in it are about: a request, work on a campaign, an
//! attempt. What is logged, and how, is for people to choose; nothing is decided by it.

use clap::{Args, ValueEnum};
use tracing_subscriber::layer::{Layer, Layered, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Registry, fmt};

use crate::otlp::{self, Spans};
use crate::settings::Settings;

/// What lines are written by.
type Lines = Box<dyn Layer<Registry> + Send + Sync>;
/// What spans are taken from.
type WithLines = Layered<Lines, Registry>;

/// How a server and its nodes log.
#[derive(Args, Clone, Debug)]
pub(crate) struct LogArgs {
    /// How log lines are written to stderr.
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = LogFormat::Text)]
    pub(crate) log_format: LogFormat,
    /// What is logged: a level, or levels by target such as `warn,skein_control=debug` [default: $SKEIN_LOG, or warn].
    #[arg(long, value_name = "FILTER")]
    pub(crate) log: Option<String>,
    /// Where spans are sent, as OTLP over HTTP [default: `endpoint` of `[otlp]` in skein.toml, or
    /// $OTEL_EXPORTER_OTLP_ENDPOINT; nowhere if neither is there].
    #[arg(long, value_name = "URL")]
    pub(crate) otlp: Option<String>,
}

/// How a line looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// For people.
    Text,
    /// One JSON document a line, with its time.
    Json,
}

impl LogArgs {
    /// For the nodes of a server: what it does they do.
    pub(crate) fn for_nodes(&self, settings: &Settings) -> Vec<String> {
        let format = match self.log_format {
            LogFormat::Text => "text",
            LogFormat::Json => "json",
        };
        let mut args = vec!["--log-format".to_owned(), format.to_owned()];
        let more = [("--log", self.log.as_deref()), ("--otlp", self.endpoint(settings))];
        for (name, value) in more {
            args.extend(value.into_iter().flat_map(|value| [name.to_owned(), value.to_owned()]));
        }
        args
    }

    fn endpoint<'a>(&'a self, settings: &'a Settings) -> Option<&'a str> {
        self.otlp.as_deref().or_else(|| settings.otlp())
    }
}

/// Starts logging. What is said by a server or a node (`process`) may go to a collector too, until the answer is dropped.
pub(crate) fn start(
    settings: &Settings,
    verbose: u8,
    process: Option<(&'static str, &LogArgs)>,
) -> Option<Spans> {
    let default = match verbose {
        0 => "warn",
        1 => "skein=info,skein_node=info,skein_dataset=info,skein_sandbox=info,warn",
        // Engine and libraries have nothing to say about a dataset.
        _ => "skein=debug,skein_node=debug,skein_dataset=debug,skein_sandbox=debug,info",
    };
    let asked = process.and_then(|(_, args)| args.log.as_deref());
    let filter = EnvFilter::new(asked.or_else(|| settings.log_filter()).unwrap_or(default));
    let format = process.map_or(LogFormat::Text, |(_, args)| args.log_format);
    let lines: Lines = match format {
        LogFormat::Text => {
            fmt::layer::<Registry>().with_writer(std::io::stderr).without_time().with_filter(filter).boxed()
        }
        LogFormat::Json => fmt::layer::<Registry>()
            .json()
            .flatten_event(true)
            .with_span_list(false)
            .with_writer(std::io::stderr)
            .with_filter(filter)
            .boxed(),
    };
    let to = process.and_then(|(name, args)| Some((name, args.endpoint(settings)?)));
    let (spans, trouble) = match to.map(|(name, endpoint)| Spans::to(name, endpoint)) {
        None => (None, None),
        Some(Ok(spans)) => (Some(spans), None),
        Some(Err(error)) => (None, Some(error)),
    };
    let sent = spans.as_ref().map(otlp::layer::<WithLines>);
    tracing_subscriber::registry().with(lines).with(sent).init();
    if let Some(error) = trouble {
        tracing::warn!(error, "spans are not sent");
    }
    spans
}
