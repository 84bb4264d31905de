//! Lines of an attempt's log: what the guest logs, and what it prints.

use serde::Serialize;
use skein_types::Bytes;

use super::HostStop;
use crate::error::PANICKED;

/// Bytes of one line; the rest is cut off and marked.
const LINE_BYTES_MAX: usize = 8 * 1024;
/// What a field costs beside its text: two strings on the heap. Without it empty fields would cost nothing.
const FIELD_OVERHEAD: usize = 2 * size_of::<String>();

/// Importance of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LogLevel {
    /// Finest.
    Trace,
    /// For authors.
    Debug,
    /// Normal.
    Info,
    /// Worth a look.
    Warn,
    /// A panic or the like.
    Error,
}

/// Where a line came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LogSource {
    /// The contract's `log`.
    Log,
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// One line. Text is the guest's: escape it wherever it is shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LogEntry {
    /// Importance.
    pub level: LogLevel,
    /// Origin.
    pub source: LogSource,
    /// The text.
    pub message: String,
    /// Further values.
    pub fields: Vec<(String, String)>,
    /// Whether text was cut off.
    pub truncated: bool,
}

/// Bounded log. Lines past the limit end the attempt; what was captured stays readable.
#[derive(Debug)]
pub(crate) struct LogCapture {
    lines_max: u64,
    bytes_max: u64,
    bytes: u64,
    entries: Vec<LogEntry>,
    printed: [Vec<u8>; 2],
    last_error: Option<String>,
}

impl LogCapture {
    pub(crate) const fn new(lines_max: u64, bytes_max: Bytes) -> Self {
        Self {
            lines_max,
            bytes_max: bytes_max.0,
            bytes: 0,
            entries: Vec::new(),
            printed: [Vec::new(), Vec::new()],
            last_error: None,
        }
    }

    pub(crate) fn entries(&self) -> &[LogEntry] {
        &self.entries
    }

    /// Takes the lines so far; what they used of the limits stays used.
    pub(crate) fn lines(&self) -> u64 {
        u64::try_from(self.entries.len()).unwrap_or(u64::MAX)
    }

    /// Text of the last error: for a panic, what it said.
    pub(crate) fn last_error(&self) -> Option<&str> {
        self.last_error.as_deref()
    }

    pub(crate) fn write(
        &mut self,
        level: LogLevel,
        source: LogSource,
        message: String,
        fields: Vec<(String, String)>,
    ) -> Result<(), HostStop> {
        let mut truncated = false;
        let message = cut(message, &mut truncated);
        let mut room = LINE_BYTES_MAX;
        let mut kept = Vec::new();
        for (name, value) in fields {
            let size = name.len() + value.len() + FIELD_OVERHEAD;
            if size > room {
                truncated = true;
                break;
            }
            room -= size;
            kept.push((name, value));
        }
        let size = message.len() + LINE_BYTES_MAX - room;
        self.bytes = self.bytes.saturating_add(u64::try_from(size).unwrap_or(u64::MAX));
        if self.lines() >= self.lines_max || self.bytes > self.bytes_max {
            return Err(HostStop::LogFlood);
        }
        if level == LogLevel::Error || source == LogSource::Stderr {
            self.remember(&in_place(&message, &kept));
        }
        self.entries.push(LogEntry { level, source, message, fields: kept, truncated });
        Ok(())
    }

    /// A panic of Rust is a line that says where, lines that say what, and a note for whoever has a terminal.
    fn remember(&mut self, line: &str) {
        if line.trim().is_empty() || line.starts_with("note: ") {
            return;
        }
        match &mut self.last_error {
            Some(panic) if panic.starts_with(PANICKED) && !line.contains(PANICKED) => {
                if panic.len() + line.len() < LINE_BYTES_MAX {
                    panic.push(' ');
                    panic.push_str(line);
                }
            }
            // Rust's own message begins with the thread, of which a guest has one.
            last => *last = Some(line.find(PANICKED).map_or(line, |at| &line[at..]).to_owned()),
        }
    }

    /// Printed bytes; each full line becomes an entry.
    pub(crate) fn print(&mut self, source: LogSource, bytes: &[u8]) -> Result<(), HostStop> {
        let mut pending = std::mem::take(self.pending(source));
        let mut lines = bytes.split(|b| *b == b'\n').peekable();
        while let Some(part) = lines.next() {
            // Over-long lines lose their tail here already, so that what waits for its newline is bounded.
            let room = (LINE_BYTES_MAX + 1).saturating_sub(pending.len());
            pending.extend_from_slice(&part[..part.len().min(room)]);
            if lines.peek().is_some() {
                let line = std::mem::take(&mut pending);
                self.print_line(source, &line)?;
            }
        }
        *self.pending(source) = pending;
        Ok(())
    }

    /// Turns an unfinished printed line into an entry: the guest is gone.
    pub(crate) fn close(&mut self) {
        for source in [LogSource::Stdout, LogSource::Stderr] {
            let rest = std::mem::take(self.pending(source));
            if !rest.is_empty() && self.print_line(source, &rest).is_err() {
                return;
            }
        }
    }

    fn print_line(&mut self, source: LogSource, line: &[u8]) -> Result<(), HostStop> {
        let level = if source == LogSource::Stderr { LogLevel::Warn } else { LogLevel::Info };
        self.write(level, source, String::from_utf8_lossy(line).into_owned(), Vec::new())
    }

    fn pending(&mut self, source: LogSource) -> &mut Vec<u8> {
        &mut self.printed[usize::from(source == LogSource::Stderr)]
    }
}

/// A panic that the SDK reports has its place in a field; other lines are what they are.
fn in_place(message: &str, fields: &[(String, String)]) -> String {
    let field =
        |wanted: &str| fields.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.as_str());
    match (field("panic"), field("at")) {
        (Some("true"), Some(at)) => format!("{PANICKED}{at}: {message}"),
        _ => message.to_owned(),
    }
}

fn cut(mut text: String, truncated: &mut bool) -> String {
    if text.len() > LINE_BYTES_MAX {
        *truncated = true;
        text.truncate(text.floor_char_boundary(LINE_BYTES_MAX));
        // A cut text must not keep the memory of the whole.
        text.shrink_to_fit();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{FIELD_OVERHEAD, LINE_BYTES_MAX, LogCapture, LogLevel, LogSource};
    use crate::host::HostStop;
    use skein_types::Bytes;

    #[test]
    fn a_line_keeps_no_more_memory_than_it_shows() {
        let mut log = LogCapture::new(10, Bytes::mib(1));
        let empty = vec![(String::new(), String::new()); 100_000];
        log.write(LogLevel::Info, LogSource::Log, "x".repeat(1 << 20), empty).unwrap();
        let line = &log.entries()[0];
        assert!(line.truncated && line.message.capacity() <= LINE_BYTES_MAX);
        assert_eq!(line.fields.len(), LINE_BYTES_MAX / FIELD_OVERHEAD);
    }

    #[test]
    fn a_panic_has_its_place_and_its_words_whoever_reports_it() {
        let mut log = LogCapture::new(10, Bytes::mib(1));
        let field = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let fields = vec![field("panic", "true"), field("at", "src/lib.rs:12:5")];
        log.write(LogLevel::Error, LogSource::Log, "no amount".to_owned(), fields).unwrap();
        assert_eq!(log.last_error(), Some("panicked at src/lib.rs:12:5: no amount"));
        log.print(
            LogSource::Stderr,
            b"\nthread '<unnamed>' (1) panicked at src/lib.rs:7:1:\nodd\nnote: run with\n",
        )
        .unwrap();
        assert_eq!(log.last_error(), Some("panicked at src/lib.rs:7:1: odd"));
    }

    #[test]
    fn printed_bytes_become_lines() {
        let mut log = LogCapture::new(10, Bytes(1000));
        log.print(LogSource::Stdout, b"one\ntw").unwrap();
        log.print(LogSource::Stdout, b"o\nthree").unwrap();
        log.close();
        let lines: Vec<_> = log.entries().iter().map(|e| e.message.as_str()).collect();
        assert_eq!(lines, ["one", "two", "three"]);
    }

    #[test]
    fn a_line_too_many_or_a_byte_too_many_is_a_flood() {
        let mut log = LogCapture::new(1, Bytes(1000));
        let write = |log: &mut LogCapture, text: &str| {
            log.write(LogLevel::Info, LogSource::Log, text.to_owned(), Vec::new())
        };
        assert_eq!(write(&mut log, "fits"), Ok(()));
        assert_eq!(write(&mut log, "one more"), Err(HostStop::LogFlood));
        let mut log = LogCapture::new(10, Bytes(3));
        assert_eq!(write(&mut log, "four"), Err(HostStop::LogFlood));
    }

    #[test]
    fn long_lines_are_cut_and_marked() {
        let mut log = LogCapture::new(10, Bytes(1 << 20));
        log.write(LogLevel::Info, LogSource::Log, "ä".repeat(10_000), Vec::new()).unwrap();
        log.print(LogSource::Stderr, &vec![b'x'; 100_000]).unwrap();
        log.close();
        let sizes: Vec<_> = log.entries().iter().map(|e| (e.message.len(), e.truncated)).collect();
        assert_eq!(sizes, [(8192, true), (8192, true)]);
    }
}
