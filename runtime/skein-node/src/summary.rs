//! What a run did, as a document of bounded size that a server keeps and shows and never looks into.
//!
//! Names and words in it are a module's, a dataset's or a person's: each is cut, lists have a first part and a count, and
//! counters go where the rest alone leaves no room for all of them. A secret was masked where the words came from. There is
//! no value of a row in it.

use serde::{Deserialize, Serialize};
use serde_json::json;
use skein_dataset::RowCounts;
use skein_types::{Bytes, RunId, VerifyLevel};

use crate::journal::{NO_WORD, is_word};
use crate::quarantine::{Quarantine, RejectNote};
use crate::report::{ColumnCounts, Cost, Migration, RunReport};

/// Most bytes of a summary as JSON.
pub const SUMMARY_MAX: usize = 64 << 10;
const FORMAT: u32 = 1;
/// Entries of a list that are named.
const NAMED: usize = 16;
/// Characters of a name or of words.
const CHARS: usize = 200;

/// A run's summary, as JSON of at most [`SUMMARY_MAX`] bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunSummary {
    json: String,
}

#[derive(Clone, Debug, Serialize)]
struct Summary<'a> {
    format: u32,
    run: RunId,
    version: u64,
    migration: &'a Migration,
    files: usize,
    files_joined: usize,
    rows: RowCounts,
    verified: VerifyLevel,
    columns: &'a ColumnCounts,
    cost: Cost,
    bytes_read: Bytes,
    bytes_written: Bytes,
    bytes_spliced: Bytes,
    rejects: Vec<Noted>,
    counters: serde_json::Value,
    metadata_dropped: Named,
    files_dropped: Named,
    attributes_lost: Named,
}

/// Why a row was rejected is with the row.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Noted {
    file: String,
    row: u64,
    code: String,
}

/// The first of many.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Named {
    count: usize,
    first: Vec<String>,
}

impl Named {
    fn of(all: &[String]) -> Self {
        Self { count: all.len(), first: all.iter().take(NAMED).map(|name| cut(name)).collect() }
    }
}

impl From<RejectNote> for Noted {
    fn from(note: RejectNote) -> Self {
        let RejectNote { file, row, code, message: _ } = note;
        let code = if is_word(&code) { code } else { NO_WORD.to_owned() };
        Self { file: cut(&file), row, code }
    }
}

impl RunSummary {
    pub(crate) fn new(report: &RunReport, quarantine: &Quarantine) -> Self {
        let mut migration = report.migration.clone();
        (migration.name, migration.version) = (cut(&migration.name), cut(&migration.version));
        let counters: serde_json::Map<String, serde_json::Value> =
            report.counters.iter().map(|(name, sum)| (cut(name), sum.into())).collect();
        let mut summary = Summary {
            format: FORMAT,
            run: report.run,
            version: report.version,
            migration: &migration,
            files: report.files,
            files_joined: report.files_joined,
            rows: report.rows,
            verified: report.verified,
            columns: &report.columns,
            cost: report.cost,
            bytes_read: report.bytes_read,
            bytes_written: report.bytes_written,
            bytes_spliced: report.bytes_spliced,
            rejects: quarantine.notes().into_iter().map(Noted::from).collect(),
            counters: counters.into(),
            metadata_dropped: Named::of(&report.metadata_dropped),
            files_dropped: Named::of(&report.files_dropped),
            attributes_lost: Named::of(&report.attributes_lost),
        };
        let text = |summary: &Summary<'_>| json!(summary).to_string();
        let mut json = text(&summary);
        if json.len() > SUMMARY_MAX {
            summary.counters = json!({});
            json = text(&summary);
        }
        debug_assert!(json.len() <= SUMMARY_MAX, "what is left is bounded piece by piece");
        Self { json }
    }

    /// As JSON.
    pub fn as_json(&self) -> &str {
        &self.json
    }
}

/// The first characters, without those that a terminal obeys.
fn cut(text: &str) -> String {
    let shown = |c: char| if c.is_control() { '\u{fffd}' } else { c };
    let mut kept: String = text.chars().take(CHARS).map(shown).collect();
    if kept.len() < text.len() && text.chars().nth(CHARS).is_some() {
        kept.push('…');
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::{CHARS, RunSummary, SUMMARY_MAX, cut};
    use crate::counters::Counters;
    use crate::quarantine::{Quarantine, RejectNote};
    use crate::report::{ColumnCounts, Cost, Migration, RunReport};
    use skein_dataset::RowCounts;
    use skein_types::{Bytes, ModuleDigest, ParamsDigest, Rows, RunId, VerifyLevel};

    fn report(words: &str, many: usize) -> RunReport {
        let names = |many: usize| (0..many).map(|i| format!("{i}{words}")).collect::<Vec<_>>();
        let mut counters = Counters::default();
        let counted = names(256).into_iter().map(|name| (name, u64::MAX)).collect();
        counters.add(&counted);
        RunReport {
            run: RunId::new(uuid::Uuid::from_u128(1)),
            version: 7,
            path: None,
            migration: Migration {
                name: words.to_owned(),
                version: words.to_owned(),
                module: ModuleDigest::of(b"m"),
                params: ParamsDigest::of(b"p"),
            },
            files: 2,
            files_joined: 1,
            caught_up: 0,
            left_for_next: 0,
            rows: RowCounts { read: Rows(5), ..RowCounts::default() },
            verified: VerifyLevel::Counts,
            fingerprint: None,
            columns: ColumnCounts::default(),
            counters,
            cost: Cost::default(),
            bytes_read: Bytes(1),
            bytes_written: Bytes(2),
            bytes_spliced: Bytes(3),
            quarantine: None,
            rules: Vec::new(),
            metadata_dropped: names(many),
            files_dropped: names(many),
            attributes_lost: names(many),
        }
    }

    fn quarantine(words: &str) -> Quarantine {
        let quarantine = Quarantine::new(u64::MAX, &std::sync::Arc::default());
        for group in 0..50 {
            let note = |row| RejectNote {
                file: words.to_owned(),
                row,
                code: words.to_owned(),
                message: words.to_owned(),
            };
            quarantine.note((0, 49 - group), (0..3).map(note).collect());
        }
        quarantine
    }

    #[test]
    fn a_summary_has_its_bound_whatever_it_is_about() {
        for words in ["\u{1f9f6}\"\\", "\u{7}", "x"] {
            let long = words.repeat(5000);
            let summary = RunSummary::new(&report(&long, 10_000), &quarantine(&long));
            assert!(summary.as_json().len() <= SUMMARY_MAX, "{}", summary.as_json().len());
            let read: serde_json::Value = serde_json::from_str(summary.as_json()).unwrap();
            assert_eq!(read["attributes_lost"]["count"], 10_000);
            assert_eq!(read["rejects"].as_array().unwrap().len(), 8);
            assert_eq!(read["rows"]["read"], 5);
        }
    }

    #[test]
    fn what_is_short_is_whole() {
        let summary = RunSummary::new(&report("w", 1), &quarantine("w"));
        let read: serde_json::Value = serde_json::from_str(summary.as_json()).unwrap();
        assert_eq!(read["counters"].as_object().unwrap().len(), 256);
        assert_eq!(read["files_dropped"], serde_json::json!({"count": 1, "first": ["0w"]}));
        assert_eq!((&read["version"], &read["migration"]["name"]), (&7.into(), &"w".into()));
        assert_eq!(read["rejects"][0], serde_json::json!({ "file": "w", "row": 0, "code": "w" }));
        let of_a_row = RunSummary::new(&report("w", 1), &quarantine("Ada of a row"));
        assert_eq!(of_a_row.as_json().matches("Ada").count(), 8, "names of files: {}", of_a_row.as_json());
    }

    #[test]
    fn words_are_cut_at_characters_and_obeyed_by_no_terminal() {
        assert_eq!(cut("a\u{1b}[2Jb"), "a\u{fffd}[2Jb");
        assert_eq!(cut(&"é".repeat(CHARS)), "é".repeat(CHARS));
        assert_eq!(cut(&"é".repeat(CHARS + 1)), format!("{}…", "é".repeat(CHARS)));
    }
}
