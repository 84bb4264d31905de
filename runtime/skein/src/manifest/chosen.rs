//! A list of a server's datasets, for a campaign: their names, and what is said of single ones.
//!
//! ```text
//! dataset,params,owner,defer-until        {"dataset": "orders/eu", "params": {"zone": "CET"}}
//! orders/eu,"{""zone"":""CET""}",,        {"dataset": "orders/nz", "defer-until": "2026-12-01T20:00:00Z"}
//! orders/nz,,shop,2026-12-01
//! ```

use std::path::Path;

use serde::Deserialize;
use serde_json::{Map, Value};
use skein_api::{Chosen, CsvRecord, List, MANIFEST_MAX, Text, Time, csv_records};
use skein_types::codes;

use super::text;
use crate::failure::Failure;

const COLUMNS: [&str; 4] = ["dataset", "params", "owner", "defer-until"];
const HINT: &str = "a CSV table with the columns `dataset`, `params`, `owner` and `defer-until`, or one JSON object per line";

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Row {
    dataset: String,
    #[serde(default)]
    params: Option<Map<String, Value>>,
    #[serde(default)]
    owner: Option<String>,
    #[serde(default)]
    defer_until: Option<String>,
}

/// Reads a list.
pub(crate) fn read(path: &Path) -> Result<List<Chosen, MANIFEST_MAX>, Failure> {
    let refused =
        |problem: String| Failure::text(codes::MANIFEST_UNREADABLE, problem).hint(Some(HINT)).about(path);
    let chosen = parse(&text(path)?).map_err(refused)?;
    if chosen.is_empty() {
        return Err(refused("it names no dataset".to_owned()));
    }
    List::new(chosen).map_err(|_| {
        Failure::text(codes::MANIFEST_UNREADABLE, format!("it names more than {MANIFEST_MAX} datasets"))
            .hint(Some("make several campaigns, or select by names, labels and owners"))
            .about(path)
    })
}

/// A list of objects starts with one; anything else is a table.
fn parse(text: &str) -> Result<Vec<Chosen>, String> {
    if text.trim_start().starts_with('{') { objects(text) } else { table(text) }
}

fn objects(text: &str) -> Result<Vec<Chosen>, String> {
    let lines = (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty());
    let row = |(line, object): (u64, &str)| {
        let row: Row = serde_json::from_str(object).map_err(|error| format!("line {line}: {error}"))?;
        chosen(row).map_err(|problem| format!("line {line}: {problem}"))
    };
    lines.take(MANIFEST_MAX + 1).map(row).collect()
}

fn table(text: &str) -> Result<Vec<Chosen>, String> {
    let mut records = csv_records(text, MANIFEST_MAX + 1)?.into_iter();
    let header = records.next().ok_or("it is empty")?.fields;
    if let Some(unknown) = header.iter().find(|name| !COLUMNS.contains(&name.as_str())) {
        return Err(format!("line 1: unknown column {unknown:?}"));
    }
    let column = |name: &str| header.iter().position(|field| field == name);
    let dataset = column("dataset").ok_or("line 1: there is no column \"dataset\"")?;
    let row = |CsvRecord { line, fields }: CsvRecord| {
        let at = |problem: String| format!("line {line}: {problem}");
        if fields.len() != header.len() {
            return Err(at(format!("{} fields under {} columns", fields.len(), header.len())));
        }
        let field = |name: &str| column(name).map(|at| fields[at].clone()).filter(|text| !text.is_empty());
        let params = field("params").map(|text| serde_json::from_str(&text)).transpose();
        let row = Row {
            dataset: fields[dataset].clone(),
            params: params.map_err(|error| at(format!("params: {error}")))?,
            owner: field("owner"),
            defer_until: field("defer-until"),
        };
        chosen(row).map_err(at)
    };
    records.map(row).collect()
}

fn chosen(row: Row) -> Result<Chosen, String> {
    let Row { dataset, params, owner, defer_until } = row;
    if dataset.is_empty() {
        return Err("no dataset".to_owned());
    }
    let owner = owner.map(|owner| Text::new(owner).map_err(|error| format!("owner: {error}")));
    Ok(Chosen {
        dataset: Text::new(dataset).map_err(|error| format!("dataset: {error}"))?,
        params,
        owner: owner.transpose()?,
        defer_until: defer_until.as_deref().map(moment).transpose()?,
    })
}

/// A day, or a moment with or without milliseconds; always UTC.
fn moment(text: &str) -> Result<Time, String> {
    let whole = match text.strip_suffix('Z') {
        None => format!("{text}T00:00:00.000Z"),
        Some(moment) if !moment.contains('.') => format!("{moment}.000Z"),
        Some(_) => text.to_owned(),
    };
    whole.parse().map_err(|_| {
        format!("defer-until: {text:?} is neither a day such as 2026-12-01 nor a moment such as 2026-12-01T20:00:00Z")
    })
}

#[cfg(test)]
mod tests {
    use super::{Chosen, MANIFEST_MAX, moment, parse};
    use serde_json::{from_value, json};

    #[test]
    fn a_table_and_a_list_of_objects_say_the_same() {
        let wanted: Vec<Chosen> = from_value(json!([
            { "dataset": "orders/eu", "params": { "zone": "CET" } },
            { "dataset": "orders/nz", "owner": "shop", "defer_until": "2026-12-01T00:00:00.000Z" },
        ]))
        .unwrap();
        let table = "dataset,params,owner,defer-until\norders/eu,\"{\"\"zone\"\":\"\"CET\"\"}\",,\norders/nz,,shop,2026-12-01\n";
        assert_eq!(parse(table).unwrap(), wanted);
        let objects = "{\"dataset\":\"orders/eu\",\"params\":{\"zone\":\"CET\"}}\n\
                       {\"dataset\":\"orders/nz\",\"owner\":\"shop\",\"defer-until\":\"2026-12-01T00:00:00Z\"}\n";
        assert_eq!(parse(objects).unwrap(), wanted);
    }

    #[test]
    fn a_slip_is_named_with_its_line() {
        for (text, said) in [
            ("", "it is empty"),
            ("owner\nshop\n", "no column"),
            ("dataset,zone\na,b\n", "line 1: unknown column \"zone\""),
            ("dataset,params\na,[]\n", "line 2: params: "),
            ("dataset\na\nb,c\n", "line 3: 2 fields under 1 columns"),
            ("dataset,defer-until\na,soon\n", "line 2: defer-until: \"soon\" is neither"),
            ("{\"dataset\":\"a\",\"owners\":\"x\"}", "line 1: unknown field `owners`"),
            ("{\"dataset\":\"\"}", "line 1: no dataset"),
        ] {
            let refused = parse(text).unwrap_err();
            assert!(refused.contains(said), "{text}: {refused}");
        }
    }

    #[test]
    fn moments_are_days_or_times_of_utc() {
        assert_eq!(moment("2026-12-01").unwrap().to_string(), "2026-12-01T00:00:00.000Z");
        assert_eq!(moment("2026-12-01T20:30:00Z").unwrap().to_string(), "2026-12-01T20:30:00.000Z");
        assert_eq!(moment("2026-12-01T20:30:00.250Z").unwrap().to_string(), "2026-12-01T20:30:00.250Z");
        for bad in ["2026-13-01", "2026-12-01T20:30:00", "2026-12-01T20:30:00+01:00", "tomorrow"] {
            assert!(moment(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn no_more_are_read_than_may_be_named() {
        let table = format!("dataset\n{}", "d\n".repeat(MANIFEST_MAX + 5));
        assert_eq!(parse(&table).unwrap().len(), MANIFEST_MAX + 1);
    }
}
