//! `skein export --verify-sql`: what a run saw of its result, as SQL that checks the published files without us.
//!
//! The numbers come from the dataset's log, where the host put what it had counted before the rows were encoded. What is
//! asked of the files are plain aggregates that any database has; the words are DuckDB's.

mod shape;

use std::path::Path;

use skein_dataset::{FileRecord, PublishFacts, Role, Statement, VersionFiles};
use skein_fingerprint::{Kind, Measure};
use skein_node::{ColumnPrint, Fingerprint};
use skein_types::codes;

use crate::args::Output;
use crate::failure::{CommandResult, Failure};
use crate::render;

/// Names of columns in a comment.
const NAMED: usize = 20;

/// One number of the files, and what it has to be.
struct Check {
    what: String,
    expected: Option<String>,
    found: String,
}

pub(super) fn print(found: &VersionFiles, dataset: &Path, output: Output) -> CommandResult {
    let facts = found.facts().ok_or_else(|| nothing(found, "no run made it"))?;
    let sums = facts.ext.get("fingerprint").cloned();
    let sums =
        sums.ok_or_else(|| nothing(found, "its run recorded no sums: --verify counts, or an older version"))?;
    let sums: Fingerprint = serde_json::from_value(sums)
        .map_err(|error| nothing(found, &format!("its sums are of another version of Skein: {error}")))?;
    let paths: Vec<String> =
        written(found, facts).map(|file| found.path(file).display().to_string()).collect();
    let rows: u64 = written(found, facts).filter_map(|file| file.rows).map(|rows| rows.0).sum();
    let root = found.root.display().to_string();
    let read = Statement { root: &root, paths: &paths, partitioned: false, differing: false }.duckdb();
    let mut checks = checks(&sums, rows);
    let numbers = checks.len();
    checks.extend(shape::columns(facts, (&read, &paths)));
    checks.extend(shape::added(found));
    let text = Sql {
        found,
        facts,
        dataset,
        read: &read,
        checks: &checks,
        numbers,
        left_out: &left_out(facts, &sums, rows),
    };
    let text = text.text();
    match output {
        Output::Json => render::json(&serde_json::json!({
            "version": found.version(), "checks": checks.len(), "sql": text
        })),
        Output::Table => render::as_is(&text),
    }
    Ok(())
}

fn nothing(found: &VersionFiles, why: &str) -> Failure {
    let text = format!("there is nothing to check version {} against: {why}", found.version());
    Failure::text(codes::NO_SUCH_VERSION, text).hint(Some("`skein history -o json` shows what is recorded"))
}

/// Files that the run wrote; others joined the version as they were.
fn written<'a>(found: &'a VersionFiles, facts: &PublishFacts) -> impl Iterator<Item = &'a FileRecord> {
    let run = facts.run.to_string();
    let of_run = move |file: &&FileRecord| {
        let made = file.stats.as_ref().and_then(|stats| stats.get("run")).and_then(|made| made.as_str());
        file.stat.role == Role::Data && made == Some(run.as_str())
    };
    found.files().iter().filter(of_run)
}

fn checks(sums: &Fingerprint, rows: u64) -> Vec<Check> {
    let mut checks = vec![Check {
        what: "rows".to_owned(),
        expected: Some(rows.to_string()),
        found: "count(*)".to_owned(),
    }];
    for column in sums.columns.iter().filter(|column| column.sum.count == rows) {
        let name = quoted(&column.name);
        checks.push(Check {
            what: format!("nulls of {}", column.name),
            expected: Some(column.sum.nulls.to_string()),
            found: format!("count(*) - count({name})"),
        });
        if let Some(measure) = &column.measure {
            checks.extend(measured(column, &name, measure));
        }
    }
    checks
}

fn measured(column: &ColumnPrint, name: &str, measure: &Measure) -> Vec<Check> {
    let (of, scale) = match measure.kind {
        Kind::Boolean => (format!("{name}::INTEGER"), 0),
        Kind::Integer => (name.to_owned(), 0),
        Kind::Decimal { scale } => (name.to_owned(), scale),
        Kind::Date => (format!("({name} - DATE '1970-01-01')"), 0),
        Kind::Milliseconds => (format!("epoch_ms({name})"), 0),
        Kind::Microseconds => (format!("epoch_us({name})"), 0),
        Kind::Nanoseconds => (format!("epoch_ns({name})"), 0),
        Kind::Text => (format!("strlen({name})"), 0),
        Kind::Binary => (format!("octet_length({name})"), 0),
    };
    let word = match measure.kind {
        Kind::Text | Kind::Binary => " bytes of",
        Kind::Boolean
        | Kind::Integer
        | Kind::Decimal { .. }
        | Kind::Date
        | Kind::Milliseconds
        | Kind::Microseconds
        | Kind::Nanoseconds => "",
    };
    let check = |aggregate: &str, what: &str, number: Option<i128>| Check {
        what: format!("{what}{word} {}", column.name),
        expected: number.map(|number| pointed(number, scale)),
        found: format!("{aggregate}({of})"),
    };
    let mut all = vec![check("min", "least", measure.least), check("max", "greatest", measure.greatest)];
    // Of nothing there is no sum in SQL; beyond 127 bits there is none here.
    match (measure.least, measure.total) {
        (None, _) => all.push(check("sum", "sum of", None)),
        (Some(_), Some(total)) => all.push(check("sum", "sum of", Some(total))),
        (Some(_), None) => {}
    }
    all
}

/// Digits with a point before the last `scale`, as SQL writes decimals.
fn pointed(number: i128, scale: i8) -> String {
    let places = usize::from(scale.unsigned_abs());
    if places == 0 {
        return number.to_string();
    }
    let digits = format!("{:0>width$}", number.unsigned_abs(), width = places + 1);
    let (whole, part) = digits.split_at(digits.len() - places);
    format!("{}{whole}.{part}", if number < 0 { "-" } else { "" })
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn quoted_text(words: &str) -> String {
    format!("'{}'", words.replace('\'', "''"))
}

/// Columns that were not decoded in all files, in which nothing is checked.
fn left_out(facts: &PublishFacts, sums: &Fingerprint, rows: u64) -> Vec<String> {
    let checked =
        |name: &str| sums.columns.iter().any(|column| column.name == name && column.sum.count == rows);
    let fields = facts.schema.as_array().map_or(&[][..], Vec::as_slice);
    let names = fields.iter().filter_map(|field| field.get("name")?.as_str());
    names.filter(|name| !checked(name)).map(str::to_owned).collect()
}

struct Sql<'a> {
    found: &'a VersionFiles,
    facts: &'a PublishFacts,
    dataset: &'a Path,
    /// What reads the files.
    read: &'a str,
    checks: &'a [Check],
    /// Of these, so many are about values; those about the files as a whole come behind them.
    numbers: usize,
    left_out: &'a [String],
}

impl Sql<'_> {
    fn text(&self) -> String {
        let read = self.read;
        let unseen = match self.left_out.len() {
            0 => String::new(),
            left => format!("; {} not looked into", render::counted(left as u64, "column")),
        };
        let list =
            |of: &dyn Fn(&Check) -> String| self.checks.iter().map(of).collect::<Vec<_>>().join(",\n    ");
        let aggregates = list(&|check| format!("({})::VARCHAR", check.found));
        let whats = list(&|check| quoted_text(&check.what));
        let expected =
            list(&|check| check.expected.as_deref().map_or_else(|| "NULL".to_owned(), quoted_text));
        format!(
            "{head}CREATE OR REPLACE TEMP TABLE skein_checks AS\nWITH found AS (SELECT [\n    {aggregates}\n  ]::VARCHAR[] AS numbers \
             FROM (\n    {read}\n  ))\nSELECT unnest([\n    {whats}\n  ]) AS what, unnest([\n    {expected}\n  ]::VARCHAR[]) AS \
             expected, unnest(numbers) AS found FROM found;\n\
             SELECT * FROM skein_checks WHERE found IS DISTINCT FROM expected;\n\
             SELECT CASE WHEN count(*) = 0 THEN 'verified: {numbers} numbers, the columns and the files are as they were \
             seen{unseen}' ELSE error(count(*) || ' of {count} checks fail: ' || string_agg(what, ', ')) END AS verdict FROM \
             skein_checks WHERE found IS DISTINCT FROM expected;",
            head = self.head(),
            numbers = self.numbers,
            count = self.checks.len(),
        )
    }

    /// What it is, for whoever finds the file.
    fn head(&self) -> String {
        let line = |words: &str| format!("-- {}\n", words.replace(|c: char| c.is_control(), " "));
        let (version, made) = (self.found.version(), self.found.made_as());
        let as_which = if made == version { String::new() } else { format!(" as version {made}") };
        let mut head = line(&format!(
            "Version {version} of {}, made{as_which} by {} ({} {}), against what Skein saw while it made it.",
            self.dataset.display(),
            self.facts.run,
            self.facts.migration,
            self.facts.migration_version
        ));
        head +=
            &line("Needs nothing of Skein: duckdb -f verify.sql ends with an error if something differs.");
        if !self.left_out.is_empty() {
            let shown = self.left_out.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
            let more = self.left_out.len().saturating_sub(NAMED);
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            head += &line(&format!(
                "Not checked here, because Skein carried them without decoding: {shown}{more}."
            ));
        }
        head + &line("Of floats and nested columns nulls are checked, of texts also how long they are.")
    }
}

#[cfg(test)]
mod tests {
    use super::pointed;

    #[test]
    fn decimals_are_written_as_databases_write_them() {
        let written = [(5, 2), (-5, 2), (12_345, 2), (-12_345, 2), (0, 3), (7, 0), (-100, 1)];
        let written = written.map(|(number, scale)| pointed(number, scale));
        assert_eq!(written, ["0.05", "-0.05", "123.45", "-123.45", "0.000", "7", "-10.0"]);
    }
}
