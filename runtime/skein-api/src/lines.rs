//! Bodies of one thing a line: a CSV table with a header, or one JSON object a line.
//!
//! For lists that people keep in files and send as they are. The whole text is read before anything is done about it, and what is
//! wrong is said with its line: the first [`SLIPS_SHOWN`] and how many more there are. Both forms come to the same thing, a JSON
//! object a line, so what a line may have is said once, by its type ([`Lined`]).

mod csv;

use std::fmt;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::bounded::Text;

pub use csv::{CsvRecord, csv_records};

/// Slips that are named; of others it is said how many there are.
pub const SLIPS_SHOWN: usize = 10;

/// How a list is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinesKind {
    /// A table with a header.
    Csv,
    /// A JSON object a line.
    Ndjson,
}

impl LinesKind {
    /// Content types of lists, as they are described; the first is the usual one of its kind.
    pub const TYPES: [(&'static str, Self); 4] = [
        ("text/csv", Self::Csv),
        ("application/x-ndjson", Self::Ndjson),
        ("application/ndjson", Self::Ndjson),
        ("application/jsonl", Self::Ndjson),
    ];

    /// The one that a content type without parameters means.
    pub fn of(content_type: &str) -> Option<Self> {
        let known = Self::TYPES.iter().find(|(name, _)| *name == content_type);
        known.map(|(_, kind)| *kind)
    }
}

/// How a field of a table is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cell {
    /// As it is.
    Text,
    /// As JSON.
    Json,
    /// As `key=value;key=value`.
    Pairs,
    /// As a day or a moment in UTC.
    Moment,
}

/// What a line may be.
pub trait Lined: DeserializeOwned {
    /// The columns of a table of them, each with the name of its field.
    const COLUMNS: &'static [(&'static str, &'static str, Cell)];
    /// The one that every table has.
    const NEEDED: &'static str;
}

/// What stands in a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line<T> {
    /// Which, from 1.
    pub line: u64,
    /// It.
    pub item: T,
}

/// What is wrong with the lines of a list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Slips {
    first: Vec<(u64, Text<160>)>,
    more: u64,
}

impl Slips {
    /// One more.
    pub fn add(&mut self, line: u64, problem: &str) {
        if self.first.len() < SLIPS_SHOWN {
            self.first.push((line, Text::escaped(problem)));
        } else {
            self.more += 1;
        }
    }

    /// Whether nothing is wrong.
    pub fn is_empty(&self) -> bool {
        self.first.is_empty()
    }
}

impl fmt::Display for Slips {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, (line, problem)) in self.first.iter().enumerate() {
            let between = if at == 0 { "" } else { "; " };
            write!(f, "{between}line {line}: {problem}")?;
        }
        match self.more {
            0 => Ok(()),
            more => write!(f, "; and {more} more"),
        }
    }
}

/// Reads a list of at most `most` lines.
pub fn lines<T: Lined>(kind: LinesKind, text: &str, most: usize) -> Result<Vec<Line<T>>, Slips> {
    let mut read = Read { most, lines: Vec::new(), slips: Slips::default() };
    match kind {
        LinesKind::Csv => table(text, &mut read),
        LinesKind::Ndjson => objects(text, &mut read),
    }
    if read.lines.is_empty() && read.slips.is_empty() {
        read.slips.add(1, "there is nothing in it");
    }
    if read.slips.is_empty() { Ok(read.lines) } else { Err(read.slips) }
}

struct Read<T> {
    most: usize,
    lines: Vec<Line<T>>,
    slips: Slips,
}

impl<T> Read<T> {
    /// Whether there is no room for one more, which is a slip.
    fn is_full(&mut self, line: u64) -> bool {
        let full = self.lines.len() >= self.most;
        if full {
            self.slips.add(line, &format!("more than {} lines", self.most));
        }
        full
    }

    fn take(&mut self, line: u64, item: Result<T, String>) {
        match item {
            Ok(item) => self.lines.push(Line { line, item }),
            Err(problem) => self.slips.add(line, &problem),
        }
    }
}

fn objects<T: Lined>(text: &str, read: &mut Read<T>) {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    for (line, object) in (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty()) {
        if read.is_full(line) {
            return;
        }
        read.take(line, serde_json::from_str(object).map_err(|error| within_a_line(&error)));
    }
}

/// What serde says, whose own line is always the first.
fn within_a_line(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let end = text.rfind(" at line ").unwrap_or(text.len());
    match error.column() {
        0 => text[..end].to_owned(),
        column => format!("{}, at column {column}", &text[..end]),
    }
}

fn table<T: Lined>(text: &str, read: &mut Read<T>) {
    let mut records = match csv_records(text, read.most.saturating_add(1)) {
        Ok(records) => records.into_iter(),
        Err(problem) => {
            // It names its line.
            let (line, problem) = problem.split_once(": ").unwrap_or(("", &problem));
            let line = line.trim_start_matches("line ").parse().unwrap_or(1);
            return read.slips.add(line, problem);
        }
    };
    let Some(header) = records.next() else { return };
    let columns = match columns::<T>(&header) {
        Ok(columns) => columns,
        Err(problem) => return read.slips.add(header.line, &problem),
    };
    for record in records {
        if read.is_full(record.line) {
            return;
        }
        let item = object(&columns, &record.fields);
        let item = item.and_then(|object| {
            serde_json::from_value(Value::Object(object)).map_err(|error| error.to_string())
        });
        read.take(record.line, item);
    }
}

/// The field of each column and how it is read.
fn columns<T: Lined>(header: &CsvRecord) -> Result<Vec<(&'static str, Cell)>, String> {
    let mut columns: Vec<(&str, Cell)> = Vec::new();
    for name in &header.fields {
        let known = T::COLUMNS.iter().find(|(column, _, _)| column == name);
        let Some((_, field, cell)) = known else {
            let all: Vec<&str> = T::COLUMNS.iter().map(|(column, _, _)| *column).collect();
            return Err(format!("unknown column {name:?}; known: {}", all.join(", ")));
        };
        if columns.iter().any(|(other, _)| other == field) {
            return Err(format!("the column {name:?} is there twice"));
        }
        columns.push((field, *cell));
    }
    match header.fields.iter().any(|name| name == T::NEEDED) {
        true => Ok(columns),
        false => Err(format!("there is no column {:?}", T::NEEDED)),
    }
}

/// A record as an object; what is empty is not there.
fn object(columns: &[(&str, Cell)], fields: &[String]) -> Result<Map<String, Value>, String> {
    if fields.len() != columns.len() {
        return Err(format!("{} fields under {} columns", fields.len(), columns.len()));
    }
    let mut object = Map::new();
    for ((name, cell), field) in columns.iter().zip(fields).filter(|(_, field)| !field.is_empty()) {
        let value = read_cell(*cell, field).map_err(|problem| format!("{name}: {problem}"))?;
        object.insert((*name).to_owned(), value);
    }
    Ok(object)
}

fn read_cell(cell: Cell, field: &str) -> Result<Value, String> {
    match cell {
        Cell::Text => Ok(Value::String(field.to_owned())),
        Cell::Json => serde_json::from_str(field).map_err(|error| within_a_line(&error)),
        Cell::Moment => Ok(Value::String(moment(field))),
        Cell::Pairs => {
            let mut pairs = Map::new();
            for pair in field.split(';').map(str::trim).filter(|pair| !pair.is_empty()) {
                let (key, value) =
                    pair.split_once('=').ok_or_else(|| format!("{pair:?} is not key=value"))?;
                if pairs.insert(key.trim().to_owned(), value.trim().into()).is_some() {
                    return Err(format!("{key:?} is there twice"));
                }
            }
            Ok(Value::Object(pairs))
        }
    }
}

/// A day, or a moment without milliseconds, as it is written here.
fn moment(text: &str) -> String {
    match text.strip_suffix('Z') {
        None => format!("{text}T00:00:00.000Z"),
        Some(moment) if !moment.contains('.') => format!("{moment}.000Z"),
        Some(_) => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::{Line, LinesKind, lines};
    use crate::campaign::Chosen;
    use crate::import::DatasetLine;

    fn datasets(kind: LinesKind, text: &str, most: usize) -> Result<Vec<Line<DatasetLine>>, String> {
        lines(kind, text, most).map_err(|slips| slips.to_string())
    }

    #[test]
    fn a_table_and_objects_come_to_the_same() {
        let table = "name,path,owner,labels\n\"a, b\",/d/a,shop,tier=gold; domain=sales\nc,/d/c,,\n";
        let objects = "{\"name\":\"a, b\",\"path\":\"/d/a\",\"owner\":\"shop\",\"labels\":{\"tier\":\"gold\",\"domain\":\"sales\"}}\n\
                       {\"name\":\"c\",\"path\":\"/d/c\"}\n";
        let strip =
            |lines: Vec<Line<DatasetLine>>| lines.into_iter().map(|line| line.item).collect::<Vec<_>>();
        let table = strip(datasets(LinesKind::Csv, table, 9).unwrap());
        assert_eq!(table, strip(datasets(LinesKind::Ndjson, objects, 9).unwrap()));
        assert_eq!(table[0].labels.iter().collect::<Vec<_>>(), [("domain", "sales"), ("tier", "gold")]);
    }

    #[test]
    fn every_slip_is_named_with_its_line_and_many_are_counted() {
        let said = |kind, text: &str| datasets(kind, text, 50).unwrap_err();
        assert_eq!(
            said(LinesKind::Csv, "name,path,labels\na,/a,\nb\nc,/c,x\n"),
            "line 3: 1 fields under 3 columns; line 4: labels: \"x\" is not key=value"
        );
        assert_eq!(
            said(LinesKind::Csv, "name,place\n"),
            "line 1: unknown column \"place\"; known: name, path, owner, labels"
        );
        assert_eq!(said(LinesKind::Csv, "path\n/a\n"), "line 1: there is no column \"name\"");
        assert_eq!(said(LinesKind::Csv, "name,path\na,\"/a\n"), "line 2: a quote is not closed");
        assert_eq!(said(LinesKind::Csv, "name,path\na,\n"), "line 2: missing field `path`");
        assert_eq!(said(LinesKind::Csv, ""), "line 1: there is nothing in it");
        let objects = said(LinesKind::Ndjson, "\n{\"name\":\"a\",\"path\":\"/a\",\"x\":1}\n[\n");
        assert!(objects.starts_with("line 2: unknown field `x`"), "{objects}");
        assert!(objects.contains("; line 3: "), "{objects}");
        let many = said(LinesKind::Ndjson, &"{\n".repeat(30));
        assert!(many.ends_with("; and 20 more"), "{many}");
    }

    #[test]
    fn no_more_lines_are_read_than_may_be() {
        let text = format!("name,path\n{}", "a,/a\n".repeat(4));
        assert_eq!(datasets(LinesKind::Csv, &text, 4).unwrap().len(), 4);
        assert_eq!(datasets(LinesKind::Csv, &text, 3).unwrap_err(), "line 5: more than 3 lines");
    }

    #[test]
    fn a_campaigns_table_has_params_and_moments() {
        let text = "dataset,params,defer-until\na,\"{\"\"zone\"\":\"\"CET\"\"}\",2026-12-01\n";
        let read: Vec<Line<Chosen>> = lines(LinesKind::Csv, text, 9).unwrap();
        assert_eq!(read[0].item.params.as_ref().unwrap()["zone"], "CET");
        assert_eq!(read[0].item.defer_until.unwrap().to_string(), "2026-12-01T00:00:00.000Z");
    }
}
