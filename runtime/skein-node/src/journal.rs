//! What an attempt has to tell beside its result: lines that its module and its node said, rows that its module refused, and
//! what it reads.
//!
//! Everything is bounded. Of lines the first and the last are kept, because what went wrong is said last and with what it began
//! first; what is left out between them is counted. A line is one JSON object whose texts have neither secrets (see `mask`) nor
//! characters that would disturb whoever shows it. Rows are counted and some of them named, never their values.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, PoisonError};

use serde_json::{Map, Value, json};
use skein_api::node::{LINE_BYTES_MAX, REJECT_CODES_MAX, SAID_MAX, Said};
use skein_api::{List, RejectCount, SourceSeen, Text};
use skein_sandbox::{GuestError, LogEntry, LogLevel, Reject};
use skein_types::{DatasetId, ParamsDigest, Rows};

use crate::mask::Mask;
use crate::quarantine::RejectNote;

/// Lines, and their bytes, that are kept of the beginning, and as many of the end.
const HALF_LINES: usize = 500;
const HALF_BYTES: usize = 128 << 10;
/// Of a line's message, and of its fields.
const MESSAGE_BYTES: usize = 2_000;
const FIELD_BYTES: usize = 400;
const FIELDS_MAX: usize = 8;
/// Codes of rejects that are counted apart. A module that makes more has no codes but messages.
const CODES_MAX: usize = 1_000;
/// Rejected rows that are named.
const NAMED_MAX: usize = 50;

/// What a module speaks of: where an agent is at work, or the first file of a schema that is planned for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct At {
    pub(crate) file: String,
    pub(crate) row_group: Option<usize>,
}

/// Shared by all agents of an attempt.
#[derive(Debug, Default)]
pub(crate) struct Journal {
    told: Mutex<Told>,
    /// See [`Journal::alone_has_words`].
    alone: bool,
}

/// What was told so far, or what is left of it.
#[derive(Debug, Default)]
pub(crate) struct Told {
    first: Vec<String>,
    first_bytes: usize,
    last: VecDeque<String>,
    last_bytes: usize,
    left_out: u64,
    /// Of all lines, those that are left out too.
    pushed: u64,
    rejects: Rejects,
    /// Which dataset, where an attempt is about several.
    dataset: Option<DatasetId>,
    pub(crate) source: Option<SourceSeen>,
    pub(crate) params: Option<ParamsDigest>,
}

#[derive(Debug, Default)]
struct Rejects {
    rows: u64,
    codes: BTreeMap<String, u64>,
    named: Vec<String>,
}

/// Rejected rows as they are told.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct RejectsTold {
    pub(crate) rows: Rows,
    pub(crate) codes: List<RejectCount, REJECT_CODES_MAX>,
    pub(crate) some: Vec<String>,
}

impl Journal {
    fn told(&self) -> std::sync::MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Of an attempt whose end goes on record: the words of a module that fails may be values of rows, so they are in the journal
    /// and nowhere else.
    pub(crate) fn alone_has_words() -> Self {
        Self { alone: true, ..Self::default() }
    }

    /// The error as it may go on record. `tells`: whether a code says what its module has read.
    pub(crate) fn on_record(
        &self,
        at: &At,
        mut error: GuestError,
        tells: impl Fn(&str) -> bool,
    ) -> GuestError {
        if self.alone
            && let Some(words) = take_words(&mut error, tells)
        {
            self.module_failed(at, &words);
        }
        error
    }

    fn module_failed(&self, at: &At, words: &str) {
        let head = json!({ "from": "module", "level": LogLevel::Error });
        self.told().push(line(head, (Some(at), words, false), std::iter::empty()));
    }

    /// Whether what modules say of rows is here and nowhere else.
    pub(crate) const fn is_alone(&self) -> bool {
        self.alone
    }

    /// What the end of an attempt says of a row that was refused: all but the module's words, which are here.
    pub(crate) fn refused(&self, note: &RejectNote) {
        let RejectNote { file, row, code, message } = note;
        let at = At { file: file.clone(), row_group: None };
        self.module_failed(&at, &format!("row {row}: {code}: {message}"));
    }

    /// A code as it may go on record: what rejected rows are counted by, and no other.
    pub(crate) fn recorded(&self, code: &str) -> String {
        let known = !self.alone || self.told().rejects.codes.contains_key(code);
        if known { code } else { NO_WORD }.to_owned()
    }

    /// What a module logged and printed.
    pub(crate) fn module_said(&self, at: &At, entries: &[LogEntry], mask: &Mask) {
        if entries.is_empty() {
            return;
        }
        let mut told = self.told();
        for entry in entries {
            let fields = entry.fields.iter().take(FIELDS_MAX);
            let fields = fields.map(|(name, value)| (mask.text(name, false), mask.text(value, false)));
            let cut = entry.truncated || entry.fields.len() > FIELDS_MAX;
            let message = mask.text(&entry.message, entry.truncated);
            let mut head = json!({ "from": entry.source, "level": entry.level });
            if let Some(dataset) = told.dataset {
                head["dataset"] = json!(dataset.to_string());
            }
            told.push(line(head, (Some(at), &message, cut), fields));
        }
    }

    /// What is said from now on is of this one of its attempt's datasets.
    pub(crate) fn turns_to(&self, dataset: DatasetId) {
        self.told().dataset = Some(dataset);
    }

    /// What a module that failed had counted.
    pub(crate) fn module_counted(&self, at: &At, counted: impl Iterator<Item = (String, String)>) {
        let head = json!({ "from": "metrics", "level": LogLevel::Info });
        let counted = counted.take(FIELDS_MAX);
        self.told().push(line(head, (Some(at), "counted", false), counted));
    }

    /// What the node has to say. Words that may be the module's are masked already.
    pub(crate) fn node_said(&self, level: LogLevel, message: &str) {
        let head = json!({ "from": "node", "level": level });
        self.told().push(line(head, (None, message, false), std::iter::empty()));
    }

    /// Rows that the module refused. Secrets are masked in their words already; all of the words are, if nothing of them is told.
    /// `tells`: whether a code says what is in its row.
    pub(crate) fn rejected(
        &self,
        (at, mask): (&At, &Mask),
        rejects: &[Reject],
        tells: impl Fn(&Reject) -> bool,
    ) {
        if rejects.is_empty() {
            return;
        }
        let mut told = self.told();
        let told = &mut told.rejects;
        for reject in rejects {
            let Reject { row, code, message } = reject;
            told.rows += 1;
            // Counts by code are on record; the rows that are named are not.
            let counted = if self.alone && (!is_word(code) || tells(reject)) { NO_WORD } else { code };
            if let Some(rows) = told.codes.get_mut(counted) {
                *rows += 1;
            } else if told.codes.len() < CODES_MAX {
                told.codes.insert(counted.to_owned(), 1);
            }
            if told.named.len() < NAMED_MAX {
                let message = if mask.hushes() { &mask.text(message, false) } else { message };
                let (code, message) = (escaped::<128>(code), escaped::<MESSAGE_BYTES>(message));
                let file = escaped::<1_000>(&at.file);
                told.named
                    .push(json!({ "file": file, "row": row, "code": code, "message": message }).to_string());
            }
        }
    }

    /// What it reads, and with what.
    pub(crate) fn reads(&self, source: SourceSeen, params: ParamsDigest) {
        let mut told = self.told();
        (told.source, told.params) = (Some(source), Some(params));
    }

    /// Rows that were refused so far.
    pub(crate) fn refusals(&self) -> Rows {
        Rows(self.told().rejects.rows)
    }

    /// What was said after so many lines, for whoever watches: the last of it, if that is more than fits; and how many lines there
    /// were in all.
    pub(crate) fn since(&self, after: u64, bytes: usize) -> (Option<Said>, u64) {
        let told = self.told();
        if told.pushed <= after {
            return (None, told.pushed);
        }
        let last = told.last.iter().rev().zip((0..told.pushed).rev());
        let first = told.first.iter().enumerate().rev().map(|(number, line)| (line, number as u64));
        let mut lines = VecDeque::new();
        let (mut from, mut room) = (told.pushed, bytes);
        for (line, number) in last.chain(first) {
            // What is left out of the middle is not there to be told.
            let fits = number >= after && number + 1 == from && line.len() <= room;
            if !fits || lines.len() == SAID_MAX {
                break;
            }
            (from, room) = (number, room - line.len());
            lines.push_front(Text::escaped(line));
        }
        if lines.is_empty() {
            return (None, after);
        }
        let (lines, _) = List::first(lines.into());
        (Some(Said { from, lines }), told.pushed)
    }

    /// All of it; nothing is left.
    pub(crate) fn take(&self) -> Told {
        std::mem::take(&mut *self.told())
    }
}

/// Says where the words are instead of saying them.
pub(crate) const ELSEWHERE: &str = "what it says is in the attempt's log";

/// Stands for a code that is no word.
pub(crate) const NO_WORD: &str = "…";
/// Bytes of a code that may go on record, and digits in it: more are a number that was read.
const WORD_BYTES: usize = 64;
const WORD_DIGITS: usize = 4;
/// Bytes of a panic's place that may.
const PLACE_BYTES: usize = 200;

/// Takes what its module says out of the error: its message, a code that is no word or tells what was read, names in its answers. A panic
/// keeps its place; all else are the host's words.
fn take_words(error: &mut GuestError, tells: impl Fn(&str) -> bool) -> Option<String> {
    if let GuestError::Failure { code, message, .. } | GuestError::Rejects { code, message, .. } = error {
        let words = std::mem::replace(message, ELSEWHERE.to_owned());
        return Some(match is_word(code) && !tells(code) {
            true => words,
            false => format!("{}: {words}", std::mem::replace(code, NO_WORD.to_owned())),
        });
    }
    if let GuestError::WrongSchema { reason, .. } = error {
        return Some(std::mem::replace(reason, ELSEWHERE.to_owned()));
    }
    let GuestError::Trap { panic: Some(panic), .. } = error else { return None };
    let place = panic.split(": ").next().filter(|place| is_place(place));
    let place = place.map_or_else(|| ELSEWHERE.to_owned(), |place| format!("{place}: {ELSEWHERE}"));
    Some(std::mem::replace(panic, place))
}

/// Whether this says where a panic is, as Rust writes it: a file with line and column.
fn is_place(text: &str) -> bool {
    let Some(place) = text.strip_prefix("panicked at ").filter(|place| place.len() <= PLACE_BYTES) else {
        return false;
    };
    let mut parts = place.rsplitn(3, ':');
    let mut number = || parts.next().is_some_and(|part| part.parse::<u32>().is_ok());
    let numbers = number() && number();
    let in_path = |byte: u8| byte.is_ascii_alphanumeric() || b"/\\._-+<>".contains(&byte);
    let file = parts.next().is_some_and(|file| file.ends_with(".rs") && file.bytes().all(in_path));
    numbers && file
}

/// Whether a code is one of those that authors write into a module, as the contract wants them, and not what it has read: a lower-case
/// word. A module that means to can tell anything by which words it chooses; it is its team's own rows that it would tell of.
pub(crate) fn is_word(code: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_');
    code.len() <= WORD_BYTES
        && code.starts_with(|first: char| first.is_ascii_lowercase())
        && code.bytes().all(fits)
        && code.bytes().filter(u8::is_ascii_digit).count() <= WORD_DIGITS
}

impl Told {
    fn push(&mut self, line: String) {
        self.pushed += 1;
        let fits = |lines: usize, bytes: usize| lines < HALF_LINES && bytes + line.len() <= HALF_BYTES;
        if self.last.is_empty() && fits(self.first.len(), self.first_bytes) {
            self.first_bytes += line.len();
            self.first.push(line);
            return;
        }
        while !fits(self.last.len(), self.last_bytes) {
            let Some(gone) = self.last.pop_front() else { break };
            self.last_bytes -= gone.len();
            self.left_out += 1;
        }
        self.last_bytes += line.len();
        self.last.push_back(line);
    }

    /// Its lines, and where some are missing one that says how many.
    pub(crate) fn lines(&mut self) -> Vec<String> {
        let mut lines = std::mem::take(&mut self.first);
        if self.left_out > 0 {
            let message = format!("{} lines were left out here", self.left_out);
            lines.push(
                json!({ "from": "node", "level": LogLevel::Warn, "left_out": self.left_out, "message": message })
                    .to_string(),
            );
        }
        lines.extend(std::mem::take(&mut self.last));
        lines
    }

    /// Rows that were refused, if some were.
    pub(crate) fn rejects(&mut self) -> Option<RejectsTold> {
        let Rejects { rows, codes, named } = std::mem::take(&mut self.rejects);
        let mut codes: Vec<(String, u64)> = codes.into_iter().collect();
        codes.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        let count =
            |(code, rows): (String, u64)| RejectCount { code: Text::escaped(&code), rows: Rows(rows) };
        let codes = List::first(codes.into_iter().map(count).collect()).0;
        (rows > 0).then_some(RejectsTold { rows: Rows(rows), codes, some: named })
    }
}

/// One line: `head` with what there is to say. One that is too long goes without its fields.
fn line(
    head: Value,
    (at, message, cut): (Option<&At>, &str, bool),
    fields: impl Iterator<Item = (String, String)>,
) -> String {
    let mut body = match head {
        Value::Object(body) => body,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => Map::new(),
    };
    if let Some(At { file, row_group }) = at.filter(|at| !at.file.is_empty()) {
        body.insert("file".to_owned(), json!(escaped::<1_000>(file)));
        if let Some(row_group) = row_group {
            body.insert("row_group".to_owned(), json!(row_group));
        }
    }
    let shown = escaped::<MESSAGE_BYTES>(message);
    if cut || shown.len() < message.len() {
        body.insert("cut".to_owned(), json!(true));
    }
    body.insert("message".to_owned(), json!(shown));
    let fields: Map<String, Value> = fields
        .map(|(name, value)| (escaped::<FIELD_BYTES>(&name), json!(escaped::<FIELD_BYTES>(&value))))
        .collect();
    if !fields.is_empty() {
        body.insert("fields".to_owned(), Value::Object(fields));
    }
    let whole = Value::Object(body.clone()).to_string();
    if whole.len() <= LINE_BYTES_MAX {
        return whole;
    }
    body.remove("fields");
    body.insert("cut".to_owned(), json!(true));
    Value::Object(body).to_string()
}

fn escaped<const MAX: usize>(text: &str) -> String {
    Text::<MAX>::escaped(text).into()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use skein_sandbox::{GuestError, LogEntry, LogLevel, LogSource, Reject};

    use super::{At, HALF_BYTES, HALF_LINES, Journal, LINE_BYTES_MAX, NAMED_MAX, SAID_MAX, Said};
    use crate::mask::{Mask, NO_ROWS};

    fn entry(message: &str, fields: &[(&str, &str)]) -> LogEntry {
        let fields = fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        LogEntry {
            level: LogLevel::Info,
            source: LogSource::Log,
            message: message.to_owned(),
            fields: fields.collect(),
            truncated: false,
        }
    }

    fn at() -> At {
        At { file: "a/part.parquet".to_owned(), row_group: Some(3) }
    }

    fn lines(journal: &Journal) -> Vec<Value> {
        journal.take().lines().iter().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    #[test]
    fn what_a_module_says_when_it_fails_is_in_the_journal_and_not_on_record() {
        let journal = Journal::alone_has_words();
        let failure = || GuestError::Failure { call: "process", code: "bad".into(), message: "9411".into() };
        let panic = Some("panicked at src/lib.rs:1:2: no 9411".to_owned());
        let trap = GuestError::Trap { call: "process", trap: String::new(), panic, backtrace: Vec::new() };
        let told = [failure(), trap].map(|error| journal.on_record(&at(), error, NO_ROWS).to_string());
        assert_eq!(
            told,
            [
                "process: the module failed with bad: what it says is in the attempt's log",
                "process: the module panicked at src/lib.rs:1:2: what it says is in the attempt's log",
            ]
        );
        let said: Vec<_> = lines(&journal).iter().map(|line| line["message"].clone()).collect();
        assert_eq!(said, ["9411", "panicked at src/lib.rs:1:2: no 9411"]);
        assert!(Journal::default().on_record(&at(), failure(), NO_ROWS).to_string().contains("9411"));
    }

    #[test]
    fn a_code_that_is_no_word_is_in_the_journal_and_not_on_record() {
        let of = |code: &str| {
            let journal = Journal::alone_has_words();
            let failure = GuestError::Failure { call: "process", code: code.into(), message: "m".into() };
            let rejects = GuestError::Rejects { limit: 1, row: 0, code: code.into(), message: "m".into() };
            let told =
                [failure, rejects].map(|error| journal.on_record(&at(), error, NO_ROWS).to_string()).concat();
            let reject = Reject { row: 1, code: code.into(), message: "m".into() };
            journal.rejected((&at(), &Mask::default()), &[reject], |_| false);
            let rejects = journal.take().rejects().unwrap();
            let codes: Vec<String> = rejects.codes.iter().map(|one| one.code.to_string()).collect();
            (told.contains(code) || codes.contains(&code.to_owned()), rejects.some[0].contains(code))
        };
        assert_eq!(of("bad-ts_2"), (true, true));
        for value in ["9b77-of-a-row", "Ada Lovelace", "ada@example.com", "42", "n-94115", &"n".repeat(65)] {
            assert_eq!(of(value), (false, true), "{value}");
        }
        let journal = Journal::alone_has_words();
        let failure =
            |code: &str| GuestError::Failure { call: "process", code: code.into(), message: "m".into() };
        journal.on_record(&at(), failure("a b"), NO_ROWS);
        journal.on_record(&at(), failure("ada"), |code| code == "ada");
        let said: Vec<_> = lines(&journal).iter().map(|line| line["message"].clone()).collect();
        assert_eq!(said, ["a b: m", "ada: m"]);
    }

    #[test]
    fn a_panic_that_only_pretends_to_have_a_place_has_none_on_record_and_names_in_answers_are_words() {
        let journal = Journal::alone_has_words();
        let trap = |panic: &str| GuestError::Trap {
            call: "process",
            trap: "unreachable".into(),
            panic: Some(panic.to_owned()),
            backtrace: Vec::new(),
        };
        let told = |error| journal.on_record(&at(), error, NO_ROWS).to_string();
        assert!(told(trap("panicked at /a/src/b-c.rs:10:2: no")).contains("/a/src/b-c.rs:10:2: what"));
        for said in ["panicked at Ada Lovelace: no", "panicked at Ada", "panicked at Ada Lovelace.rs:1:2: no"]
        {
            assert!(!told(trap(said)).contains("Ada"), "{said}");
        }
        let reason = "column \"Ada\" where \"k\" is planned".to_owned();
        assert!(!told(GuestError::WrongSchema { call: "process", reason }).contains("Ada"));
        assert_eq!(lines(&journal).iter().filter(|line| line.to_string().contains("Ada")).count(), 4);
    }

    #[test]
    fn a_line_says_where_it_is_from_and_has_no_secret_and_no_control_character() {
        let journal = Journal::default();
        let mask = Mask::new([b"hunter2".as_slice()]);
        journal.module_said(&at(), &[entry("key hunter2\u{1b}[31m", &[("hunter2", "is hunter2")])], &mask);
        assert_eq!(
            lines(&journal),
            [json!({
                "from": "log", "level": "info", "file": "a/part.parquet", "row_group": 3,
                "message": r"key ***\u{1b}[31m", "fields": { "***": "is ***" }
            })]
        );
    }

    #[test]
    fn of_a_flood_the_beginning_and_the_end_are_kept_and_the_rest_is_counted() {
        let journal = Journal::default();
        for number in 0..10 * HALF_LINES {
            journal.module_said(&at(), &[entry(&number.to_string(), &[])], &Mask::default());
        }
        let lines = lines(&journal);
        assert_eq!(lines.len(), 2 * HALF_LINES + 1);
        assert_eq!((&lines[0]["message"], &lines[HALF_LINES - 1]["message"]), (&json!("0"), &json!("499")));
        assert_eq!(lines[HALF_LINES]["left_out"], json!(8 * HALF_LINES));
        assert_eq!(lines[2 * HALF_LINES]["message"], json!("4999"));
    }

    #[test]
    fn long_lines_are_bounded_by_bytes_whatever_is_in_them() {
        let journal = Journal::default();
        let long = "\"".repeat(9_000);
        let fields: Vec<(&str, &str)> = vec![(&long, &long); 20];
        for _ in 0..100 {
            journal.module_said(&at(), &[entry(&long, &fields)], &Mask::default());
        }
        let lines = journal.take().lines();
        assert!(lines.iter().all(|line| line.len() <= LINE_BYTES_MAX));
        assert!(lines.iter().map(String::len).sum::<usize>() <= 2 * HALF_BYTES + LINE_BYTES_MAX);
        let line: Value = serde_json::from_str(&lines[0]).unwrap();
        assert_eq!(line["cut"], json!(true));
    }

    #[test]
    fn rejects_are_counted_by_code_and_some_are_named() {
        let journal = Journal::default();
        let reject = |row, code: &str| Reject { row, code: code.to_owned(), message: "m".to_owned() };
        let rejects: Vec<Reject> =
            (0..60).map(|row| reject(row, if row % 3 == 0 { "bad" } else { "worse" })).collect();
        journal.rejected((&at(), &Mask::default()), &rejects, |_| false);
        let told = journal.take().rejects().unwrap();
        assert_eq!((told.rows.0, told.some.len()), (60, NAMED_MAX));
        let codes: Vec<_> = told.codes.iter().map(|one| (one.code.as_str(), one.rows.0)).collect();
        assert_eq!(codes, [("worse", 40), ("bad", 20)]);
        assert_eq!(told.some[0], r#"{"code":"bad","file":"a/part.parquet","message":"m","row":0}"#);
        assert_eq!(journal.take().rejects(), None);
    }

    #[test]
    fn whoever_watches_is_told_each_line_once_and_the_last_of_many() {
        let journal = Journal::default();
        let say = |numbers: std::ops::Range<u64>| {
            numbers.for_each(|number| journal.node_said(LogLevel::Info, &format!("{number:04}")));
        };
        let numbers = |said: &Said| -> Vec<u64> {
            let message = |line: &str| serde_json::from_str::<Value>(line).unwrap()["message"].clone();
            said.lines.iter().map(|line| message(line).as_str().unwrap().parse().unwrap()).collect()
        };
        assert_eq!(journal.since(0, 1_000), (None, 0));
        say(0..3);
        let (said, all) = journal.since(0, 1_000);
        assert_eq!((numbers(&said.unwrap()), all), (vec![0, 1, 2], 3));
        say(3..5);
        let (said, all) = journal.since(3, 1_000);
        assert_eq!((said.as_ref().unwrap().from, numbers(&said.unwrap()), all), (3, vec![3, 4], 5));
        assert_eq!(journal.since(5, 1_000), (None, 5));
        // Behind the border between the lines that are kept of the beginning and those of the end.
        let half = HALF_LINES as u64;
        say(5..half + 2);
        assert_eq!(numbers(&journal.since(half - 1, 1_000).0.unwrap()), [half - 1, half, half + 1]);
        // What the journal itself has left out is not there, and neither is what does not fit.
        say(half + 2..4 * half);
        let (said, all) = journal.since(half - 5, 1 << 20);
        let said = said.unwrap();
        assert_eq!((said.lines.len(), said.from, all), (SAID_MAX, 4 * half - SAID_MAX as u64, 4 * half));
        let (few, all) = journal.since(half, 100);
        assert_eq!((numbers(&few.unwrap()), all), (vec![4 * half - 2, 4 * half - 1], 4 * half));
        // Nothing fits: it is told another time.
        assert_eq!(journal.since(half, 10), (None, half));
    }
}
