//! A list of datasets: CSV with a header, or one JSON object per line.
//!
//! ```text
//! dataset,params                          {"dataset": "/data/a.parquet"}
//! /data/a.parquet,                        {"dataset": "/data/b.parquet", "params": {"zone": "CET"}}
//! /data/b.parquet,"{""zone"":""CET""}"
//! ```
//! The whole list is read and checked before anything runs: a slip in line 4,000 is refused at once and not after an hour.
//! Whether the datasets exist is for each of them to say when its turn comes.

pub(crate) mod chosen;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::{Map, Value};
use skein_api::{CsvRecord, csv_records};
use skein_types::codes;

use crate::failure::Failure;

const FILE_BYTES_MAX: u64 = 64 << 20;
/// A short entry takes much more memory than its line.
const ENTRIES_MAX: usize = 1_000_000;
/// Problems that are shown.
const SHOWN: usize = 10;

/// One dataset of a list.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Entry {
    /// Where it stands in the list, from 1.
    pub(crate) line: u64,
    /// As written; relative to the directory that the command runs in.
    pub(crate) dataset: PathBuf,
    /// Parameters that replace those given for all.
    pub(crate) params: Option<Map<String, Value>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    dataset: PathBuf,
    #[serde(default)]
    params: Option<Map<String, Value>>,
}

/// Reads a list and refuses one in which two datasets are the same or lie in each other.
pub(crate) fn read(path: &Path) -> Result<Vec<Entry>, Failure> {
    let entries = parse(&text(path)?).map_err(|failure| failure.about(path))?;
    refuse_overlaps(&entries).map_err(|failure| failure.about(path))?;
    Ok(entries)
}

fn text(path: &Path) -> Result<String, Failure> {
    let mut text = String::new();
    let read = File::open(path).and_then(|file| file.take(FILE_BYTES_MAX + 1).read_to_string(&mut text));
    match read {
        Err(error) => Err(Failure::unread(path, codes::MANIFEST_UNREADABLE, &error)),
        Ok(_) if text.len() as u64 > FILE_BYTES_MAX => {
            Err(Failure::text(codes::MANIFEST_UNREADABLE, "it is larger than 64 MiB").about(path))
        }
        Ok(_) => Ok(text),
    }
}

/// A list of objects starts with one; anything else is a table.
fn parse(text: &str) -> Result<Vec<Entry>, Failure> {
    let entries = if text.trim_start().starts_with('{') { objects(text) } else { table(text) };
    let entries = entries.map_err(|problem| {
        Failure::text(codes::MANIFEST_UNREADABLE, problem)
            .hint(Some("a CSV table with the columns `dataset` and `params`, or one JSON object per line"))
    })?;
    if entries.len() > ENTRIES_MAX {
        return Err(Failure::text(codes::MANIFEST_UNREADABLE, "it has more than 1,000,000 datasets")
            .hint(Some("split the list")));
    }
    match entries.iter().find(|entry| entry.dataset.as_os_str().is_empty()) {
        Some(empty) => {
            Err(Failure::text(codes::MANIFEST_UNREADABLE, format!("line {}: no dataset", empty.line)))
        }
        None => Ok(entries),
    }
}

fn objects(text: &str) -> Result<Vec<Entry>, String> {
    let lines = (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty());
    lines
        .take(ENTRIES_MAX + 1)
        .map(|(line, object)| {
            let Row { dataset, params } =
                serde_json::from_str(object).map_err(|error| format!("line {line}: {error}"))?;
            Ok(Entry { line, dataset, params })
        })
        .collect()
}

fn table(text: &str) -> Result<Vec<Entry>, String> {
    let mut records = csv_records(text, ENTRIES_MAX + 1)?.into_iter();
    let header = records.next().ok_or("it is empty")?.fields;
    let column = |name: &str| header.iter().position(|field| field == name);
    if let Some(unknown) = header.iter().find(|name| !["dataset", "params"].contains(&name.as_str())) {
        return Err(format!("line 1: unknown column {unknown:?}"));
    }
    let dataset = column("dataset").ok_or("line 1: there is no column \"dataset\"")?;
    let entry = |record: CsvRecord| {
        let CsvRecord { line, fields } = record;
        let at = |problem: String| format!("line {line}: {problem}");
        if fields.len() != header.len() {
            return Err(at(format!("{} fields under {} columns", fields.len(), header.len())));
        }
        let params = column("params").map(|column| fields[column].as_str()).filter(|text| !text.is_empty());
        let params = params.map(serde_json::from_str).transpose();
        let params = params.map_err(|error| at(format!("params: {error}")))?;
        Ok(Entry { line, dataset: PathBuf::from(&fields[dataset]), params })
    };
    records.map(entry).collect()
}

/// Two names for one place would race for it, and a dataset inside another belongs to both.
fn refuse_overlaps(entries: &[Entry]) -> Result<(), Failure> {
    let mut real = BTreeMap::new();
    let mut problems = Vec::new();
    for entry in entries {
        // What cannot be found fails when its turn comes.
        let Ok(place) = std::fs::canonicalize(&entry.dataset) else { continue };
        if let Some(earlier) = real.insert(place, entry.line) {
            problems.push(format!("line {}: the same dataset as in line {earlier}", entry.line));
        }
    }
    // By components, so that what lies in a directory follows it at once.
    let mut outer: Option<(&PathBuf, u64)> = None;
    for (place, line) in &real {
        match outer {
            Some((above, other)) if place.starts_with(above) => {
                problems.push(format!("line {line}: it lies in the dataset of line {other}"));
            }
            _ => outer = Some((place, *line)),
        }
    }
    if problems.is_empty() {
        return Ok(());
    }
    let more = problems.len().saturating_sub(SHOWN);
    problems.truncate(SHOWN);
    if more > 0 {
        problems.push(format!("and {more} more"));
    }
    Err(Failure::text(codes::MANIFEST_OVERLAPS, "datasets are listed twice or lie in each other")
        .details(problems))
}

#[cfg(test)]
mod tests {
    use super::{Entry, parse, refuse_overlaps};
    use serde_json::json;
    use std::path::PathBuf;

    fn entry(line: u64, dataset: &str, params: Option<serde_json::Value>) -> Entry {
        let params = params.map(|value| value.as_object().unwrap().clone());
        Entry { line, dataset: PathBuf::from(dataset), params }
    }

    #[test]
    fn a_table_and_a_list_of_objects_say_the_same() {
        let wanted =
            [entry(2, "/a, b.parquet", None), entry(3, "/c", Some(json!({"zone": "CET", "day": 1})))];
        let table = "dataset,params\n\"/a, b.parquet\",\n/c,\"{\"\"zone\"\":\"\"CET\"\",\"\"day\"\":1}\"\n";
        assert_eq!(parse(table).unwrap(), wanted);
        let objects = "\n{\"dataset\":\"/a, b.parquet\"}\n{\"dataset\":\"/c\",\"params\":{\"zone\":\"CET\",\"day\":1}}\n";
        assert_eq!(parse(objects).unwrap(), wanted);
        assert_eq!(parse("params,dataset\n,/c\n").unwrap(), [entry(2, "/c", None)]);
        assert_eq!(parse("dataset\n/c\n").unwrap(), [entry(2, "/c", None)]);
    }

    #[test]
    fn a_list_of_more_datasets_than_anybody_has_is_refused() {
        let table = |rows: usize| format!("dataset\n{}", "d\n".repeat(rows));
        assert_eq!(parse(&table(1_000_000)).unwrap().len(), 1_000_000);
        for text in [table(1_000_001), "{\"dataset\":\"d\"}\n".repeat(1_000_001)] {
            let failure = parse(&text).unwrap_err();
            assert!(failure.message().contains("more than 1,000,000 datasets"), "{failure:?}");
        }
    }

    #[test]
    fn a_slip_is_named_with_its_line() {
        for (text, said) in [
            ("params\n{}\n", "no column"),
            ("dataset\n/a, b.parquet\n", "line 2: 2 fields under 1 columns"),
            ("dataset,params\n/a,\n/b,{\n", "line 3: params: "),
            ("dataset,params\n/a,[]\n", "line 2: params: "),
            ("dataset,owner\n/a,me\n", "unknown column"),
            ("dataset,params\n,\n", "line 2: no dataset"),
            ("{\"dataset\":\"/a\"}\n{\"dataset\":\"/b\",\"parms\":{}}\n", "line 2: unknown field `parms`"),
            ("{\"dataset\":\"\"}\n", "line 1: no dataset"),
        ] {
            let failure = parse(text).unwrap_err();
            assert!(format!("{failure:?}").contains(said), "{text}: {failure:?}");
        }
    }

    #[test]
    fn two_names_for_one_place_and_datasets_in_each_other_are_refused_with_both_lines() {
        let site = std::env::temp_dir().join(format!("skein-{}", uuid::Uuid::now_v7()));
        let path = |name: &str| site.join(name).to_str().unwrap().to_owned();
        std::fs::create_dir_all(path("a/inside")).unwrap();
        std::fs::create_dir_all(path("a-b")).unwrap();
        std::os::unix::fs::symlink(path("a"), path("link")).unwrap();
        let list = |names: &[&str]| -> Vec<Entry> {
            (2..).zip(names).map(|(line, name)| entry(line, &path(name), None)).collect()
        };
        assert!(refuse_overlaps(&list(&["a", "a-b", "missing", "missing"])).is_ok());
        for (names, said) in [
            (["a-b", "a", "link"], "line 4: the same dataset as in line 3"),
            (["a/inside", "a-b", "a"], "line 2: it lies in the dataset of line 4"),
        ] {
            let failure = refuse_overlaps(&list(&names)).unwrap_err();
            assert_eq!(failure.code().id, "SK0223");
            assert!(format!("{failure:?}").contains(said), "{failure:?}");
        }
        std::fs::remove_dir_all(&site).unwrap();
    }
}
