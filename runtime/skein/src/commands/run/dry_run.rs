//! `skein run --dry-run`: what the run would do, in the order in which one asks.

use std::path::Path;

use skein_api::{Difference, Idempotence};
use skein_node::{
    Checks, ColumnChange, Counters, DryRun, Estimate, Fate, Forecast, LeftOut, Lineage, Rejects,
    SampledGroup, Undeclared,
};
use skein_types::{Millis, Rows};

use super::already_migrated;
use crate::args::Output;
use crate::render::sheet::{Column, Right, Row, Sheet, Value};
use crate::render::text::{Style, cut, escaped, painted};
use crate::render::{self, as_is, counted, duration, grouped, line, lineage};
use crate::settings::Page;

/// Hex digits of a digest that are shown.
const DIGEST_DIGITS: usize = 12;
/// Of the rejects; JSON has more.
const REJECTS_SHOWN: usize = 10;
/// Partition columns that are named.
const PARTITIONS_SHOWN: usize = 8;
/// Metadata keys and files that are left out.
const LEFT_OUT_SHOWN: usize = 8;
/// Among so many columns at the beginning a key is looked for.
const KEY_PLACES: usize = 4;

pub(super) fn show(found: &DryRun, (output, path): (Output, &Path), page: Page) {
    match (output, found) {
        (Output::Json, _) => render::json(found),
        (Output::Table, DryRun::AlreadyMigrated { version, migration }) => {
            already_migrated(*version, migration, (path, true));
        }
        (Output::Table, DryRun::WouldRun(forecast)) => told(forecast, path, page),
    }
}

/// What becomes of columns and of the sampled rows: what an author looks at.
pub(in crate::commands) fn rows_told(forecast: &Forecast, page: Page) {
    for plan in &forecast.plans {
        line("");
        lineage::told(plan, page);
    }
    sampled(forecast, page);
    rejected(&forecast.rejects, page);
    counted_by_module(&forecast.counters, page);
}

/// What a node saw in a sample of a plan.
pub(in crate::commands) fn sample_told(found: &DryRun, sample: u64, page: Page) {
    match found {
        DryRun::WouldRun(forecast) => whole(forecast, &format!("sample {sample}"), page),
        DryRun::AlreadyMigrated { version, migration } => line(&format!(
            "sample {sample}: nothing to do, {} {} was applied to all files of version {version}",
            migration.name, migration.version
        )),
    }
}

fn told(forecast: &Forecast, path: &Path, page: Page) {
    whole(forecast, &path.display().to_string(), page);
    render::to_stderr("nothing was written; run it without --dry-run to do it");
}

fn whole(forecast: &Forecast, what: &str, page: Page) {
    would_be(forecast, what, page);
    rows_told(forecast, page);
    checked(&forecast.checks, page);
    estimated(forecast, page);
}

fn would_be(forecast: &Forecast, what: &str, page: Page) {
    let Forecast { migration, work, .. } = forecast;
    let title = format!(
        "dry run: {} {} over {} version {}",
        escaped(&migration.name),
        escaped(&migration.version),
        escaped(what),
        forecast.version
    );
    as_is(&painted(&title, Style::Heading, page));
    let short = |digest: String| {
        let (kind, hex) = digest.split_once(':').unwrap_or(("", &digest));
        format!("{kind}:{}", hex.chars().take(DIGEST_DIGITS).collect::<String>())
    };
    let (module, params) = (short(migration.module.to_string()), short(migration.params.to_string()));
    named("module", &format!("{module}, parameters {params}"));
    let joined = match work.joined {
        0 => String::new(),
        joined => format!(", {} already migrated join as they are", grouped(joined as u64)),
    };
    let after = work.files_after.map(|files| format!(", which become {}", grouped(files as u64)));
    let after = after.unwrap_or_default();
    named("files", &format!("{} to migrate{after}{joined}", grouped(work.files as u64)));
    let groups = counted(work.row_groups as u64, "row group");
    named("rows", &format!("{} in {groups}, {}", grouped(work.rows.0), work.bytes));
    if !work.partitions.is_empty() {
        named("partitions", &escaped(&render::first_of(&work.partitions, PARTITIONS_SHOWN)));
    }
}

fn named(name: &str, text: &str) {
    line(&format!("  {name:<10} {text}"));
}

fn sampled(forecast: &Forecast, page: Page) {
    let Estimate { rows_sampled, rows, row_groups_sampled, row_groups, .. } = forecast.estimate;
    let rows_shown: usize = forecast.sample.groups.iter().map(|group| group.rows.len()).sum();
    let place =
        if forecast.sample.head { ", all from the dataset's head: the module remembers rows" } else { "" };
    line("");
    as_is(&painted("sample", Style::Heading, page));
    let looked_at = if rows == rows_sampled {
        format!("all {}", grouped(rows.0))
    } else {
        format!("{} of {}", grouped(rows_sampled.0), grouped(rows.0))
    };
    let groups = format!("{row_groups_sampled} of {}", counted(row_groups, "row group"));
    let shown = counted(rows_shown as u64, "row");
    line(&format!("{shown}; {looked_at} were looked at, in {groups}{place}"));
    for group in &forecast.sample.groups {
        let Some(plan) = forecast.plans.get(group.plan) else { continue };
        if forecast.plans.len() > 1 {
            line(&format!("files as {}", escaped(&plan.first_file)));
        }
        for (title, sheet) in sheets(group, plan) {
            title.into_iter().for_each(line);
            sheet.lines(page).iter().for_each(|text| as_is(text));
        }
    }
    let looked_at = forecast.sample.groups.len();
    if looked_at < forecast.plans.len() {
        line(&format!("{} more source schemas were not sampled", forecast.plans.len() - looked_at));
    }
}

/// One sheet with both sides, or, where output rows belong to no source row, one for each.
fn sheets(group: &SampledGroup, plan: &Lineage) -> Vec<(Option<&'static str>, Sheet)> {
    let free = group.rows.iter().any(|row| row.fate == Fate::Taken) || !group.outputs.is_empty();
    let left_out = group.columns.left_out;
    let (before, after) = (before_columns(group, plan), after_columns(group, plan));
    let mut rows = Vec::new();
    let mut file = "";
    for row in &group.rows {
        if row.file != file {
            file = &row.file;
            rows.push(Row::Heading(escaped(file)));
        }
        let left = row.before.iter().map(|cell| value(cell.as_deref(), false)).collect();
        rows.push(Row::Cells { label: row.row.to_string(), left, right: fate(&row.fate, group) });
    }
    if !free {
        return vec![(None, Sheet { left: before, right: after, rows, left_out })];
    }
    let outputs = group.outputs.iter().enumerate().map(|(at, cells)| Row::Cells {
        label: at.to_string(),
        left: cells.iter().map(|cell| value(cell.as_deref(), false)).collect(),
        right: Right::Cells(Vec::new()),
    });
    let outputs = outputs.collect();
    // The right side is only there to say which rows were refused.
    let refused = |row: &Row| matches!(row, Row::Cells { right: Right::Words(..), .. });
    let fate = rows.iter().any(refused).then(|| Column { name: "fate".to_owned(), of_interest: true });
    let right = fate.into_iter().collect();
    vec![
        (Some("what goes in"), Sheet { left: before, right, rows, left_out: 0 }),
        (Some("what comes out"), Sheet { left: after, right: Vec::new(), rows: outputs, left_out }),
    ]
}

fn fate(fate: &Fate, group: &SampledGroup) -> Right {
    match fate {
        Fate::Kept { after, changed } => {
            let values = after.iter().zip(&group.columns.after);
            Right::Cells(values.map(|(cell, name)| value(cell.as_deref(), changed.contains(name))).collect())
        }
        Fate::Filtered => Right::Words("filtered out".to_owned(), Style::Dim),
        Fate::Rejected { code, message } => {
            Right::Words(escaped(&format!("rejected: {code}: {message}")), Style::Bad)
        }
        Fate::Taken => Right::Cells(Vec::new()),
    }
}

/// A cell: changed ones are starred, texts that would be misread are quoted.
fn value(cell: Option<&str>, changed: bool) -> Value {
    let star = if changed { "*" } else { "" };
    let (text, style) = match cell {
        None => ("null".to_owned(), Style::Dim),
        Some(text) if text.is_empty() || text.trim() != text => {
            (format!("\"{}\"", escaped(text)), Style::Plain)
        }
        Some(text) => (escaped(text), Style::Plain),
    };
    Value { text: format!("{star}{text}"), style: if changed { Style::Changed } else { style } }
}

/// Where there is no room for all: what looks like a key, what is dropped, and what changed columns were.
fn before_columns(group: &SampledGroup, plan: &Lineage) -> Vec<Column> {
    let names = &group.columns.before;
    let key = names.iter().take(KEY_PLACES).position(|name| is_key(name)).unwrap_or(0);
    let was = |name: &str| {
        let pairs =
            plan.columns.iter().filter(|column| column.was.as_ref().is_some_and(|was| was.name == name));
        pairs.clone().any(|column| is_remade(&column.changes)) || pairs.count() == 0
    };
    let column =
        |(at, name): (usize, &String)| Column { name: escaped(name), of_interest: at == key || was(name) };
    names.iter().enumerate().map(column).collect()
}

fn after_columns(group: &SampledGroup, plan: &Lineage) -> Vec<Column> {
    let remade =
        |name: &String| plan.columns.iter().any(|column| column.name == *name && is_remade(&column.changes));
    let column = |name: &String| Column { name: escaped(name), of_interest: remade(name) };
    group.columns.after.iter().map(column).collect()
}

fn is_remade(changes: &[ColumnChange]) -> bool {
    let remade = [ColumnChange::New, ColumnChange::Recomputed, ColumnChange::Retyped, ColumnChange::Renamed];
    changes.iter().any(|change| remade.contains(change))
}

fn is_key(name: &str) -> bool {
    let name = name.to_lowercase();
    ["id", "key", "uuid", "pk"].iter().any(|word| name == *word || name.ends_with(&format!("_{word}")))
        || name.ends_with("key")
}

fn rejected(rejects: &Rejects, page: Page) {
    if rejects.listed.is_empty() {
        return;
    }
    line("");
    as_is(&painted("rejects in the sampled row groups", Style::Heading, page));
    for reject in rejects.listed.iter().take(REJECTS_SHOWN) {
        let text = format!("{} row {}: {}: {}", reject.file, reject.row, reject.code, reject.message);
        line(&cut(&format!("  {}", escaped(&text)), page.width));
    }
    let more = rejects.listed.len().saturating_sub(REJECTS_SHOWN) as u64 + rejects.more;
    if more > 0 {
        line(&format!("  and {} more", grouped(more)));
    }
}

fn counted_by_module(counters: &Counters, page: Page) {
    if counters.is_empty() {
        return;
    }
    line("");
    as_is(&painted("counted by the module in the sample", Style::Heading, page));
    render::counters::kinds(counters).iter().for_each(|(kind, of)| named(kind, of));
}

/// What came of sending the sampled rows again.
fn checked(checks: &Checks, page: Page) {
    let Checks { determinism, idempotence, undeclared } = checks;
    if determinism.runs == 0 && idempotence.is_none() {
        return;
    }
    line("");
    as_is(&painted("the same rows again", Style::Heading, page));
    let sizes: Vec<String> = determinism.batch_sizes.iter().map(|size| grouped(*size)).collect();
    let reopened = match determinism.reopened {
        0 => String::new(),
        times => format!(", saved and opened again {}", counted(times, "time")),
    };
    let how = format!("in batches of {} rows{reopened}", sizes.join(", "));
    match &determinism.difference {
        None if determinism.runs > 0 => named("result", &format!("the same, {how}")),
        None => {}
        Some(Difference { file, row, column, .. }) => {
            let column = column.as_ref().map(|column| format!(", column {column}")).unwrap_or_default();
            let text = format!("  result     ANOTHER, {how}: {file}, row {row}{column}");
            as_is(&painted(&escaped(&text), Style::Bad, page));
        }
    }
    for Undeclared { column, from } in undeclared {
        let text = format!("  depends    {column} moves with {from}, which the plan does not say");
        as_is(&painted(&escaped(&text), Style::Bad, page));
    }
    let own = idempotence.map(|verdict| match verdict {
        Idempotence::NotApplicable => "has nothing for the module to do",
        Idempotence::Refused => "is refused by the module",
        Idempotence::Same => "stays the same",
        Idempotence::ChangesAgain => "would be changed once more",
    });
    own.iter().for_each(|verdict| named("own output", verdict));
}

fn left_out(left_out: &LeftOut) {
    let keys = left_out.metadata.iter().map(|key| render::left_out_key(key));
    let names: Vec<String> = keys.chain(left_out.files.iter().cloned()).collect();
    if !names.is_empty() {
        named("left out", &render::first_of(&names, LEFT_OUT_SHOWN));
    }
}

fn estimated(forecast: &Forecast, page: Page) {
    let Forecast { estimate, room, warnings, .. } = forecast;
    let count = |rows: Rows| grouped(rows.0);
    line("");
    as_is(&painted("estimate for the whole", Style::Heading, page));
    let sure = match (estimate.rows_sampled.0, estimate.rows.0) {
        (_, 0) => "there are no rows".to_owned(),
        (sampled, all) if sampled == all => "all rows were looked at".to_owned(),
        (sampled, all) => {
            let tenths = u128::from(sampled) * 1_000 / u128::from(all);
            let (sampled, all) = (grouped(sampled), grouped(all));
            format!("from {sampled} of {all} rows ({}.{} %)", tenths / 10, tenths % 10)
        }
    };
    named("basis", &sure);
    let mut fates = format!("{} read, {} written", count(estimate.rows), count(estimate.rows_written));
    for (rows, word) in [(estimate.rows_rejected, "rejected"), (estimate.rows_filtered, "filtered out")] {
        if rows.0 > 0 {
            fates.push_str(&format!(", {} {word}", count(rows)));
        }
    }
    named("rows", &fates);
    let (read, written) = (estimate.bytes_read, estimate.bytes_written);
    named("bytes", &format!("{read} read, {written} written, {} of it spliced", estimate.bytes_spliced));
    let about = |time: Millis| duration(time.0);
    left_out(&forecast.left_out);
    named("time", &format!("about {}, {} CPU", about(estimate.time), about(estimate.cpu)));
    named("fuel", &grouped(estimate.fuel.0));
    let place = room
        .output
        .as_ref()
        .map_or_else(|| "beside the dataset".to_owned(), |path| format!("for {}", escaped(path)));
    named("room", &format!("{} needed {place}, {} free", room.needed, room.free));
    for warning in warnings {
        let text = format!("  warning[{}]: {}", warning.code, escaped(&warning.message));
        as_is(&painted(&text, Style::Bad, page));
    }
}
