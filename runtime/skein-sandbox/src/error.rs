//! What a guest can do wrong while it runs, each with its code.

use skein_types::{Bytes, Code, ErrorClass, Fuel, Millis, codes};

/// How a panic begins, in the words of Rust's own message.
pub(crate) const PANICKED: &str = "panicked at ";

/// The end of an attempt. The agent that answered it is spent; the process is healthy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "each message says what its fields are")]
pub enum GuestError {
    #[error("{call}: {}", ended(.trap, .panic))]
    Trap { call: &'static str, trap: String, panic: Option<String>, backtrace: Vec<String> },
    #[error("{call}: the module failed with {code}: {message}")]
    Failure { call: &'static str, code: String, message: String },
    #[error("{call}: more than {} fuel per {scope}", limit.0)]
    Fuel { call: &'static str, limit: Fuel, scope: &'static str },
    #[error("{call}: more than {} ms per {scope}", limit.0)]
    Wall { call: &'static str, limit: Millis, scope: &'static str },
    #[error("{call}: cancelled")]
    Cancelled { call: &'static str },
    #[error("{call}: the module needs {wanted} of memory and tables, {limit} are allowed")]
    Memory { call: &'static str, wanted: Bytes, limit: Bytes },
    #[error("{call}: the module recursed past its stack")]
    Stack { call: &'static str },
    #[error("{call}: an answer of more than {limit}")]
    OutputTooLarge { call: &'static str, limit: Bytes },
    #[error("{call}: an answer of {rows} rows, {limit} are allowed")]
    TooManyRows { call: &'static str, rows: u64, limit: u64 },
    #[error("{call}: more than {limit} of answers to one batch")]
    BatchOutput { call: &'static str, limit: Bytes },
    #[error("{output} of output from {input} of input, more than {limit} times")]
    Expansion { input: Bytes, output: Bytes, limit: u64 },
    #[error("{call}: more than {lines} log lines or {bytes} of log")]
    LogFlood { call: &'static str, lines: u64, bytes: Bytes },
    #[error("{call}: more than {limit} names of counters and gauges")]
    MetricsFlood { call: &'static str, limit: u32 },
    #[error("the saved state has {found}, {limit} are allowed")]
    StateTooLarge { found: Bytes, limit: Bytes },
    #[error("more than {limit} rejected rows")]
    Rejects { limit: u64 },
    #[error("{call}: the answer is not sound Arrow data: {reason}")]
    ForgedArrow { call: &'static str, reason: String },
    #[error("{call}: the answer is compressed")]
    CompressedArrow { call: &'static str },
    #[error("{call}: the answer's schema is not the planned one: {reason}")]
    WrongSchema { call: &'static str, reason: String },
    #[error("{call}: {found} rows of data, {expected} rows are kept")]
    WrongRows { call: &'static str, expected: u64, found: u64 },
    #[error("{call}: {reason}")]
    BadSelection { call: &'static str, reason: String },
    #[error("{call}: reject of row {row}: {reason}")]
    BadReject { call: &'static str, row: u64, reason: &'static str },
    #[error("{call}: nulls in column {column:?}, which has none by the plan")]
    Nulls { call: &'static str, column: String },
    #[error("more than {limit} drain calls for one batch")]
    EndlessDrain { limit: u32 },
    #[error("the module without state answers finish with rows")]
    FinishOutput,
    #[error("the module's export is not that of a migration: {reason}")]
    WrongExports { reason: String },
    #[error("the module describes itself with {reason}")]
    BadManifest { reason: String },
    #[error("this agent ended with an error before")]
    Spent,
    #[error("the batch cannot be given to the module: {reason}")]
    Input { reason: String },
    #[error("{call}: the decoder panicked on the answer")]
    DecoderPanic { call: &'static str },
    #[error("{call}: the engine failed: {reason}")]
    Engine { call: &'static str, reason: String },
}

/// A panic is told as one, with its place and its words; the trap that ends it says nothing more.
fn ended(trap: &str, panic: &Option<String>) -> String {
    match panic {
        Some(panic) if panic.starts_with(PANICKED) => format!("the module {panic}"),
        Some(said) => format!("the module trapped: {trap} ({said})"),
        None => format!("the module trapped: {trap}"),
    }
}

impl GuestError {
    /// The same error with every text passed through `words`: some are the module's own, and it may know secrets.
    #[must_use]
    pub fn with_words(self, words: impl Fn(String) -> String) -> Self {
        match self {
            Self::Trap { call, trap, panic, backtrace } => Self::Trap {
                call,
                trap: words(trap),
                panic: panic.map(&words),
                backtrace: backtrace.into_iter().map(words).collect(),
            },
            Self::Failure { call, code, message } => {
                Self::Failure { call, code: words(code), message: words(message) }
            }
            Self::ForgedArrow { call, reason } => Self::ForgedArrow { call, reason: words(reason) },
            Self::WrongSchema { call, reason } => Self::WrongSchema { call, reason: words(reason) },
            Self::BadSelection { call, reason } => Self::BadSelection { call, reason: words(reason) },
            Self::Engine { call, reason } => Self::Engine { call, reason: words(reason) },
            Self::WrongExports { reason } => Self::WrongExports { reason: words(reason) },
            Self::BadManifest { reason } => Self::BadManifest { reason: words(reason) },
            Self::Input { reason } => Self::Input { reason: words(reason) },
            // The rest say numbers, and names that the plan has.
            Self::Fuel { .. }
            | Self::Wall { .. }
            | Self::Cancelled { .. }
            | Self::Memory { .. }
            | Self::Stack { .. }
            | Self::OutputTooLarge { .. }
            | Self::TooManyRows { .. }
            | Self::BatchOutput { .. }
            | Self::Expansion { .. }
            | Self::LogFlood { .. }
            | Self::MetricsFlood { .. }
            | Self::StateTooLarge { .. }
            | Self::Rejects { .. }
            | Self::CompressedArrow { .. }
            | Self::WrongRows { .. }
            | Self::BadReject { .. }
            | Self::Nulls { .. }
            | Self::EndlessDrain { .. }
            | Self::FinishOutput
            | Self::Spent
            | Self::DecoderPanic { .. } => self,
        }
    }

    /// Code of the catalogue.
    pub const fn code(&self) -> Code {
        match self {
            Self::Trap { .. } => codes::GUEST_TRAP,
            Self::Failure { .. } => codes::GUEST_FAILURE,
            Self::Fuel { .. } => codes::GUEST_FUEL,
            Self::Wall { .. } => codes::GUEST_WALL,
            Self::Cancelled { .. } => codes::CANCELLED,
            Self::Memory { .. } => codes::GUEST_MEMORY,
            Self::Stack { .. } => codes::GUEST_STACK,
            Self::OutputTooLarge { .. } | Self::TooManyRows { .. } => codes::GUEST_OUTPUT_TOO_LARGE,
            Self::BatchOutput { .. } => codes::GUEST_BATCH_OUTPUT,
            Self::Expansion { .. } => codes::GUEST_EXPANSION,
            Self::LogFlood { .. } => codes::GUEST_LOG_FLOOD,
            Self::MetricsFlood { .. } => codes::GUEST_METRICS_FLOOD,
            Self::StateTooLarge { .. } => codes::GUEST_STATE_TOO_LARGE,
            Self::Rejects { .. } => codes::GUEST_REJECTS,
            Self::ForgedArrow { .. } => codes::GUEST_FORGED_ARROW,
            Self::CompressedArrow { .. } => codes::GUEST_COMPRESSED_ARROW,
            Self::WrongSchema { .. } => codes::GUEST_WRONG_SCHEMA,
            Self::WrongRows { .. } => codes::GUEST_WRONG_ROWS,
            Self::BadSelection { .. } => codes::GUEST_BAD_SELECTION,
            Self::BadReject { .. } => codes::GUEST_BAD_REJECT,
            Self::Nulls { .. } => codes::GUEST_NULLS,
            Self::EndlessDrain { .. } => codes::GUEST_ENDLESS_DRAIN,
            Self::FinishOutput => codes::GUEST_FINISH_OUTPUT,
            Self::WrongExports { .. } => codes::WRONG_EXPORTS,
            Self::BadManifest { .. } => codes::BAD_MANIFEST,
            Self::Spent | Self::Input { .. } | Self::DecoderPanic { .. } | Self::Engine { .. } => codes::BUG,
        }
    }

    /// Blame and retry.
    pub const fn class(&self) -> ErrorClass {
        self.code().class
    }

    /// What the author can do about it.
    pub const fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Fuel { .. } => Some("look for a loop that does not end; else raise the limit: --fuel"),
            Self::Memory { .. } => {
                Some("keep less between batches; else raise the limit, for example --memory 256MiB")
            }
            Self::BatchOutput { .. } => Some("ask for smaller batches in the manifest (`batch-bytes`)"),
            Self::LogFlood { .. } => Some("log once per batch, not once per row"),
            Self::WrongRows { .. } => Some("under `same` and `filtered`, answer one row per kept row"),
            Self::Nulls { .. } => Some("declare the target column nullable, or reject such rows"),
            Self::CompressedArrow { .. } => Some("write Arrow IPC without compression"),
            Self::Trap { .. }
            | Self::Failure { .. }
            | Self::Wall { .. }
            | Self::Cancelled { .. }
            | Self::Stack { .. }
            | Self::OutputTooLarge { .. }
            | Self::TooManyRows { .. }
            | Self::Expansion { .. }
            | Self::MetricsFlood { .. }
            | Self::StateTooLarge { .. }
            | Self::Rejects { .. }
            | Self::ForgedArrow { .. }
            | Self::WrongSchema { .. }
            | Self::BadSelection { .. }
            | Self::BadReject { .. }
            | Self::EndlessDrain { .. }
            | Self::FinishOutput
            | Self::WrongExports { .. }
            | Self::BadManifest { .. }
            | Self::Spent
            | Self::Input { .. }
            | Self::DecoderPanic { .. }
            | Self::Engine { .. } => None,
        }
    }

    /// The module's functions at the trap, innermost first; empty for other ends and for modules without names.
    pub fn backtrace(&self) -> &[String] {
        if let Self::Trap { backtrace, .. } = self { backtrace } else { &[] }
    }
}
