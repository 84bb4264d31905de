//! What a sample showed, as its node wrote it (`skein-node`, `DryRun`), as far as a page shows it.
//!
//! Control keeps it and has not read it, and a newer node may say more. So each part is read by itself: one that is left out, because the
//! whole would be too long, or that cannot be read, is said not to be there.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use skein_api::{Determinism, Idempotence};
use skein_types::{Bytes, Fuel, Millis, Rows};

/// Stands for a value that is shown to nobody: the node wrote it.
pub(super) const MASKED: &str = "***";

/// What was seen; none: that part is not there.
#[derive(Debug, Default)]
pub(super) struct Report {
    /// All files have been through it: there was nothing to do.
    pub(super) already: bool,
    pub(super) plans: Option<Vec<Lineage>>,
    pub(super) sample: Option<Sample>,
    pub(super) rejects: Option<Rejects>,
    pub(super) checks: Option<Checks>,
    pub(super) estimate: Option<Estimate>,
    pub(super) room: Option<Room>,
    pub(super) warnings: Vec<Warning>,
    pub(super) left_out: Option<LeftOut>,
}

impl Report {
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let whole: Value = serde_json::from_slice(bytes).ok()?;
        Some(Self {
            already: whole.get("outcome").and_then(Value::as_str) == Some("already_migrated"),
            plans: part(&whole, "plans"),
            sample: part(&whole, "sample"),
            rejects: part(&whole, "rejects"),
            checks: part(&whole, "checks"),
            estimate: part(&whole, "estimate"),
            room: part(&whole, "room"),
            warnings: part(&whole, "warnings").unwrap_or_default(),
            left_out: part(&whole, "left_out"),
        })
    }
}

fn part<T: DeserializeOwned>(whole: &Value, name: &str) -> Option<T> {
    T::deserialize(whole.get(name)?).ok()
}

/// What becomes of the columns of files of one schema.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(in crate::pages) struct Lineage {
    pub(super) files: u64,
    pub(super) first_file: String,
    pub(super) shape: String,
    pub(super) reads: Vec<String>,
    pub(super) columns: Vec<Column>,
    pub(super) dropped: Vec<Dropped>,
}

impl Lineage {
    /// That of the first schema of a report.
    pub(in crate::pages) fn first_of(bytes: &[u8]) -> Option<Self> {
        Report::read(bytes)?.plans?.into_iter().next()
    }
}

/// A column of the new version.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Column {
    pub(super) name: String,
    #[serde(rename = "type")]
    pub(super) data_type: String,
    pub(super) nullable: bool,
    /// `carried`, `computed` or `preserved`.
    pub(super) origin: String,
    pub(super) from: Vec<String>,
    pub(super) was: Option<Was>,
    /// `new`, `renamed`, `retyped`, `nullability`, `moved`, `recomputed`.
    pub(super) changes: Vec<String>,
    pub(super) narrowed: bool,
    pub(super) sensitive: bool,
    /// `copied`, `compared`, `passed_in` or `tried`.
    pub(super) proven: String,
    pub(super) moves_with: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Was {
    pub(super) name: String,
    #[serde(rename = "type")]
    pub(super) data_type: String,
    pub(super) nullable: bool,
    pub(super) absent: bool,
    pub(super) partition: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Dropped {
    pub(super) name: String,
    #[serde(rename = "type")]
    pub(super) data_type: String,
    pub(super) nullable: bool,
    pub(super) read_for: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Sample {
    pub(super) head: bool,
    pub(super) groups: Vec<Group>,
}

/// Rows of files of one schema.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Group {
    pub(super) plan: usize,
    pub(super) columns: Names,
    pub(super) rows: Vec<Row>,
    pub(super) outputs: Vec<Vec<Cell>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Names {
    pub(super) before: Vec<String>,
    pub(super) after: Vec<String>,
    pub(super) left_out: u64,
}

/// A value as text; none is null.
pub(super) type Cell = Option<String>;

#[derive(Debug, Deserialize)]
pub(super) struct Row {
    pub(super) file: String,
    pub(super) row: u64,
    pub(super) before: Vec<Cell>,
    #[serde(flatten)]
    pub(super) fate: Fate,
}

#[derive(Debug, Deserialize)]
#[serde(tag = "fate", rename_all = "snake_case")]
pub(super) enum Fate {
    Kept { after: Vec<Cell>, changed: Vec<String> },
    Filtered,
    Rejected { code: String, message: String },
    Taken,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Rejects {
    pub(super) listed: Vec<Rejected>,
    pub(super) more: u64,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Rejected {
    pub(super) file: String,
    pub(super) row: u64,
    pub(super) code: String,
    pub(super) message: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Checks {
    pub(super) determinism: Determinism,
    pub(super) idempotence: Option<Idempotence>,
    pub(super) undeclared: Vec<Undeclared>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Undeclared {
    pub(super) column: String,
    pub(super) from: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Estimate {
    pub(super) rows_sampled: Rows,
    pub(super) rows: Rows,
    pub(super) rows_written: Rows,
    pub(super) rows_rejected: Rows,
    pub(super) rows_rejected_bounds: [Rows; 2],
    pub(super) rows_filtered: Rows,
    pub(super) fuel: Fuel,
    pub(super) cpu: Millis,
    pub(super) time: Millis,
    pub(super) bytes_read: Bytes,
    pub(super) bytes_written: Bytes,
    pub(super) bytes_spliced: Bytes,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Room {
    pub(super) needed: Bytes,
    pub(super) free: Bytes,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Warning {
    pub(super) code: String,
    pub(super) message: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct LeftOut {
    pub(super) metadata: Vec<String>,
    pub(super) files: Vec<String>,
    pub(super) more_files: u64,
}

#[cfg(test)]
mod tests {
    use super::{Fate, Report};

    #[test]
    fn a_part_that_was_left_out_or_is_of_another_kind_takes_no_other_with_it() {
        let report = Report::read(
            br#"{"outcome":"would_run","sample":"left out: the report would be too long","room":{"needed":5,"free":9},
                "plans":[{"shape":"same","columns":[{"name":"a","type":"utf8","changes":["a_new_word"]}],"dropped":[]}],"more":1}"#,
        )
        .unwrap();
        assert!(report.sample.is_none() && report.rejects.is_none() && !report.already);
        assert_eq!(report.room.unwrap().needed.0, 5);
        assert_eq!(report.plans.unwrap()[0].columns[0].data_type, "utf8");
        assert!(Report::read(b"{").is_none());
    }

    #[test]
    fn what_becomes_of_a_row_is_read() {
        let report = Report::read(
            br#"{"sample":{"head":false,"groups":[{"plan":0,"columns":{"before":["a"],"after":["a"],"left_out":0},"rows":[
                {"file":"f","row":3,"before":["1"],"fate":"kept","after":["2"],"changed":["a"]},
                {"file":"f","row":4,"before":[null],"fate":"rejected","code":"bad","message":"no"},
                {"file":"f","row":5,"before":["x"],"fate":"filtered"}]}]}}"#,
        )
        .unwrap();
        let rows = &report.sample.unwrap().groups[0].rows;
        assert!(matches!(&rows[0].fate, Fate::Kept { changed, .. } if changed == &["a"]));
        assert!(matches!(&rows[1].fate, Fate::Rejected { code, .. } if code == "bad"));
        assert!(matches!(&rows[2].fate, Fate::Filtered) && rows[1].before[0].is_none());
    }
}
