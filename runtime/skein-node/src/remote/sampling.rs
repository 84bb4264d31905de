//! A sample of a plan: what a run of a dataset would do with its first rows, as a report that anybody may be shown.
//!
//! The report is JSON that control keeps and serves and never reads. It is bounded, its texts have no characters that would disturb
//! whoever shows it, and secrets of the parameters are masked in it.

use serde_json::Value;
use skein_api::node::{Outcome, Sampled};
use skein_api::{List, Meters, Name, RunRows, SampleCosts, SampleFacts, Text, Why};
use skein_types::{Blake3, Shape, codes};

use super::client::{Client, ClientError};
use crate::dry_run::{DryRun, Forecast, Tried};
use crate::lineage::{ColumnLineage, Lineage, OriginKind};

/// Most bytes of a report.
const REPORT_BYTES_MAX: usize = 256 << 10;
/// Parts that are left out of one that is longer, the longest first.
const PARTS: [&str; 3] = ["sample", "plans", "rejects"];

/// Keeps the report and says what the sample came to.
pub(super) fn told(
    client: &Client,
    seen: &DryRun,
    rehearsed: Option<SampleCosts>,
) -> Result<Outcome, ClientError> {
    let (tried, mut facts) = match seen {
        DryRun::WouldRun(forecast) => (forecast.tried, facts(forecast)),
        DryRun::AlreadyMigrated { .. } => (Tried::default(), SampleFacts::default()),
    };
    facts.costs = rehearsed.unwrap_or(facts.costs);
    let Some(report) = serde_json::to_value(seen).ok().and_then(bounded) else {
        let why = Why::new(codes::BUG, "a sample whose report is too long", None);
        return Ok(Outcome::Failed { why, meters: Meters::default() });
    };
    let digest = Blake3::of(&report);
    client.put_blob(digest, report)?;
    let rows = RunRows {
        read: tried.read,
        written: tried.written,
        rejected: tried.rejected,
        filtered: tried.filtered,
    };
    let meters = Meters { fuel: tried.fuel, cpu_ms: tried.cpu, ..Meters::default() };
    Ok(Outcome::Sampled(Sampled { report: digest, rows, meters, facts: Box::new(facts) }))
}

/// What control is told beside the report, which it does not read.
fn facts(forecast: &Forecast) -> SampleFacts {
    let plans = &forecast.plans;
    let columns = || plans.iter().flat_map(|plan| &plan.columns);
    let named = |is: fn(&ColumnLineage) -> bool| -> Vec<&str> {
        columns().filter(|column| is(column)).map(|column| column.name.as_str()).collect()
    };
    let (dropped, more_dropped) =
        few(plans.iter().flat_map(|plan| &plan.dropped).map(|one| one.name.as_str()));
    let (narrowed, more_narrowed) = few(named(|column| column.narrowed).into_iter());
    let (nullable, more_nullable) = few(named(now_nullable).into_iter());
    let (sensitive, more_sensitive) = few(named(|column| column.sensitive).into_iter());
    let undeclared: Vec<String> = (forecast.checks.undeclared.iter())
        .map(|found| format!("{} < {}", found.column, found.from))
        .collect();
    let (undeclared, more_undeclared) = few(undeclared.iter().map(String::as_str));
    SampleFacts {
        shape: widest(plans),
        computed: columns().filter(|column| column.origin == OriginKind::Computed).count() as u64,
        dropped,
        narrowed,
        nullable,
        more_columns: more_dropped + more_narrowed + more_nullable + more_sensitive + more_undeclared,
        sensitive,
        undeclared,
        determinism: forecast.checks.determinism.clone(),
        idempotence: forecast.checks.idempotence,
        costs: forecast.costs,
    }
}

fn now_nullable(column: &ColumnLineage) -> bool {
    column.nullable && column.was.as_ref().is_some_and(|was| !was.nullable)
}

/// The shape that says the least of rows.
fn widest(plans: &[Lineage]) -> Option<Shape> {
    plans.iter().map(|plan| plan.shape).max()
}

/// The first names, each once, and how many there are beside them.
fn few<'a, const MAX: usize>(names: impl Iterator<Item = &'a str>) -> (List<Name, MAX>, u64) {
    let mut seen = std::collections::BTreeSet::new();
    let names = names.filter(|name| seen.insert(*name)).map(Text::escaped).collect();
    let (listed, more) = List::first(names);
    (listed, more.len() as u64)
}

/// The bytes of a report: harmless, and no more than there may be.
fn bounded(report: Value) -> Option<Vec<u8>> {
    let mut report = harmless(report);
    for part in [None].into_iter().chain(PARTS.map(Some)) {
        if let (Some(part), Some(fields)) = (part, report.as_object_mut()) {
            fields
                .insert(part.to_owned(), Value::String("left out: the report would be too long".to_owned()));
        }
        let bytes = serde_json::to_vec(&report).ok()?;
        if bytes.len() <= REPORT_BYTES_MAX {
            return Some(bytes);
        }
    }
    None
}

fn harmless(value: Value) -> Value {
    let text = |text: &str| Text::<2_000>::escaped(text).as_str().to_owned();
    match value {
        Value::String(string) => Value::String(text(&string)),
        Value::Array(items) => Value::Array(items.into_iter().map(harmless).collect()),
        Value::Object(fields) => {
            Value::Object(fields.into_iter().map(|(key, value)| (text(&key), harmless(value))).collect())
        }
        plain @ (Value::Null | Value::Bool(_) | Value::Number(_)) => plain,
    }
}

#[cfg(test)]
mod tests {
    use super::{REPORT_BYTES_MAX, bounded};
    use serde_json::{Value, json};

    fn read(report: Value) -> Value {
        serde_json::from_slice(&bounded(report).unwrap()).unwrap()
    }

    #[test]
    fn texts_of_strangers_are_made_harmless() {
        let report = read(json!({ "rows": [{ "a\u{202e}b": "\u{1b}[31m" }], "n": 1 }));
        assert_eq!(report, json!({ "rows": [{ r"a\u{202e}b": r"\u{1b}[31m" }], "n": 1 }));
    }

    #[test]
    fn what_is_too_long_loses_its_longest_parts_and_no_more() {
        let long: Vec<String> = (0..300).map(|n| format!("{n:01000}")).collect();
        let short = read(json!({ "sample": long, "plans": [1], "estimate": 2 }));
        assert_eq!((&short["plans"], &short["estimate"]), (&json!([1]), &json!(2)));
        assert!(short["sample"].as_str().unwrap().starts_with("left out"));
        let both = read(json!({ "sample": long, "plans": long, "estimate": 2 }));
        assert!(both["plans"].as_str().unwrap().starts_with("left out"));
        assert_eq!(bounded(json!({ "estimate": long })), None);
        assert!(bounded(json!({ "sample": &long[..200] })).unwrap().len() < REPORT_BYTES_MAX);
    }
}
