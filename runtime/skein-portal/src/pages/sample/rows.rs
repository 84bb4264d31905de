//! Sampled rows, before and after in one table: a column of the new version stands with what it was, and a value that changes shows both.

use std::collections::BTreeSet;

use maud::{Markup, html};
use skein_types::grouped;

use super::report::{Cell, Fate, Group, Lineage, MASKED, Row};
use crate::assets::DIFF;

/// Rows of a page.
const ROWS: usize = 25;
/// Columns of a page.
const COLUMNS: usize = 14;

/// What one column of the table is: places among the cells of either side.
struct Pair<'a> {
    name: &'a str,
    was: Option<&'a str>,
    before: Option<usize>,
    after: Option<usize>,
    /// Its type before and after, where that is another.
    types: Option<(&'a str, &'a str)>,
    /// The values are shown to nobody.
    hidden: bool,
    /// It is not what it was, by the plan.
    changes: bool,
}

/// The part that is shown, and how to come to another one.
pub(super) struct Part<'a> {
    pub(super) row: usize,
    pub(super) column: usize,
    /// The address of a part that begins at a row and a column.
    pub(super) at: &'a dyn Fn(usize, usize) -> String,
}

pub(super) fn view(group: &Group, plan: Option<&Lineage>, part: &Part<'_>) -> Markup {
    let pairs = pairs(group, plan);
    let free = !group.outputs.is_empty() || group.rows.iter().any(|row| matches!(row.fate, Fate::Taken));
    let columns = || pairs.iter().skip(part.column).take(COLUMNS);
    html! {
        @if free { p.note { "Rows that come out belong to none that goes in: what goes in is shown first, then what comes out." } }
        (DIFF.module())
        skein-diff #rows-differ label="rows" {
            div.scroll tabindex="0" role="region" aria-label="Rows before and after" {
                table.rows {
                    thead { tr { th { "Row" } @for pair in columns() { (head(pair)) } } }
                    tbody {
                        @for row in group.rows.iter().skip(part.row).take(ROWS) {
                            (line(row, columns(), columns().count()))
                        }
                        @for (number, cells) in group.outputs.iter().enumerate().skip(part.row).take(ROWS) {
                            tr.new {
                                th scope="row" { "out " (number) }
                                @for pair in columns() { td { (value(pair.after.and_then(|at| cells.get(at)), pair.hidden)) } }
                            }
                        }
                    }
                }
            }
        }
        (others(part, (group.rows.len().max(group.outputs.len()), pairs.len()), group.columns.left_out))
    }
}

/// Columns of the new version with what they were, then those that are gone: first a key, then what changes.
fn pairs<'a>(group: &'a Group, plan: Option<&'a Lineage>) -> Vec<Pair<'a>> {
    let place = |name: &str| group.columns.before.iter().position(|one| one == name);
    let of = |name: &str| plan.and_then(|plan| plan.columns.iter().find(|column| column.name == name));
    let mut used = BTreeSet::new();
    let mut pairs: Vec<Pair<'_>> = Vec::new();
    for (at, name) in group.columns.after.iter().enumerate() {
        let column = of(name);
        let was = match column {
            Some(column) => column.was.as_ref().map(|was| was.name.as_str()),
            None => Some(name.as_str()),
        };
        let before = was.and_then(place);
        used.extend(before);
        pairs.push(Pair {
            name,
            was: was.filter(|was| *was != name.as_str()),
            before,
            after: Some(at),
            types: column.and_then(|column| {
                let was = column.was.as_ref()?;
                (was.data_type != column.data_type).then_some((&*was.data_type, &*column.data_type))
            }),
            hidden: column.is_some_and(|column| column.sensitive),
            changes: column.is_some_and(|column| column.changes.iter().any(|change| change != "moved")),
        });
    }
    for (at, name) in group.columns.before.iter().enumerate().filter(|(at, _)| !used.contains(at)) {
        pairs.push(Pair {
            name,
            was: None,
            before: Some(at),
            after: None,
            types: None,
            hidden: false,
            changes: true,
        });
    }
    // The first source column is most often a key: rows are told apart by it.
    pairs.sort_by_key(|pair| (pair.before != Some(0), !pair.changes));
    pairs
}

fn head(pair: &Pair<'_>) -> Markup {
    html! {
        th scope="col" {
            (pair.name)
            @match (pair.before, pair.after) {
                (None, Some(_)) => { " " span.good { "+ new" } }
                (Some(_), None) => { " " span.bad { "− dropped" } }
                _ => { @if let Some(was) = pair.was { " " span.note { "was " (was) } } }
            }
            @if let Some((was, is)) = pair.types { " " span.note { (was) " → " (is) } }
            @if pair.hidden { " " span.note { "hidden" } }
        }
    }
}

fn line<'a>(row: &Row, columns: impl Iterator<Item = &'a Pair<'a>>, count: usize) -> Markup {
    let label = html! { th scope="row" title=(row.file) { (grouped(row.row)) } };
    let words =
        |kind: &str, words: Markup| html! { tr.(kind) { (label) td colspan=(count.max(1)) { (words) } } };
    match &row.fate {
        Fate::Kept { after, changed } => html! {
            tr {
                (label)
                @for pair in columns { td { (kept(pair, &row.before, after, changed)) } }
            }
        },
        Fate::Taken => html! {
            tr { (label) @for pair in columns { td { (value(pair.before.and_then(|at| row.before.get(at)), pair.hidden)) } } }
        },
        Fate::Filtered => {
            words("gone", html! { span.waits { "left out by the module" } ": " (cells(&row.before)) })
        }
        Fate::Rejected { code, message } => words(
            "gone",
            html! { strong.bad { span aria-hidden="true" { "✗ " } "rejected: " (code) } " " (message) ": " (cells(&row.before)) },
        ),
    }
}

/// What went in, of a row that does not come out.
fn cells(cells: &[Cell]) -> Markup {
    html! {
        span.note {
            @for (at, cell) in cells.iter().take(COLUMNS).enumerate() {
                @if at > 0 { ", " } (cell.as_deref().unwrap_or("null"))
            }
            @if cells.len() > COLUMNS { ", …" }
        }
    }
}

fn kept(pair: &Pair<'_>, before: &[Cell], after: &[Cell], changed: &[String]) -> Markup {
    let was = pair.before.and_then(|at| before.get(at));
    let is = pair.after.and_then(|at| after.get(at));
    html! {
        @match (was, is) {
            (Some(was), None) => { del { (value(Some(was), pair.hidden)) } }
            (None, is) => { ins { (value(is, pair.hidden)) } }
            (Some(was), Some(is)) => {
                @if changed.iter().any(|name| name == pair.name) {
                    del { (value(Some(was), pair.hidden)) } " → " ins { (value(Some(is), pair.hidden)) }
                } @else { (value(Some(is), pair.hidden)) }
            }
        }
    }
}

/// Of a hidden column nothing is here to be shown: the node has put a sign there.
fn value(cell: Option<&Cell>, hidden: bool) -> Markup {
    html! {
        @match cell {
            None => {}
            Some(None) => { span.note { "null" } }
            Some(Some(text)) if hidden || text == MASKED => { span.note { "hidden" } }
            Some(Some(text)) if text.is_empty() => { span.note { "empty" } }
            Some(Some(text)) => { (text) }
        }
    }
}

fn others(part: &Part<'_>, (rows, columns): (usize, usize), left_out: u64) -> Markup {
    let end = |from: usize, most: usize, all: usize| all.min(from.saturating_add(most));
    html! {
        p.pages {
            "rows " (grouped(part.row.min(rows) as u64 + 1)) " to " (end(part.row, ROWS, rows)) " of " (rows)
            @if part.row > 0 { " " a rel="prev" href=((part.at)(part.row.saturating_sub(ROWS), part.column)) { "Rows before" } }
            @if part.row.saturating_add(ROWS) < rows { " " a rel="next" href=((part.at)(part.row + ROWS, part.column)) { "More rows" } }
            "; columns " (part.column.min(columns) + 1) " to " (end(part.column, COLUMNS, columns)) " of " (columns)
            @if part.column > 0 { " " a href=((part.at)(part.row, part.column.saturating_sub(COLUMNS))) { "Columns before" } }
            @if part.column.saturating_add(COLUMNS) < columns { " " a href=((part.at)(part.row, part.column + COLUMNS)) { "More columns" } }
            @if left_out > 0 { "; " (grouped(left_out)) " columns that stay are not in the report" }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::report::Report;
    use super::{Part, view};

    fn shown(json: &str) -> String {
        let report = Report::read(json.as_bytes()).unwrap();
        let (sample, plans) = (report.sample.unwrap(), report.plans.unwrap());
        let part = Part { row: 0, column: 0, at: &|row, column| format!("?row={row}&column={column}") };
        view(&sample.groups[0], plans.first(), &part).into_string()
    }

    const PLAN: &str = r#""plans":[{"columns":[
        {"name":"id","was":{"name":"id"},"changes":[]},
        {"name":"remark","was":{"name":"note"},"changes":["renamed","recomputed"]},
        {"name":"phone","was":{"name":"phone"},"changes":["recomputed"],"sensitive":true}],"dropped":[{"name":"old"}]}]"#;

    #[test]
    fn a_value_that_changes_shows_both_and_a_renamed_column_what_it_was() {
        let shown = shown(&format!(
            r#"{{{PLAN},"sample":{{"groups":[{{"plan":0,"columns":{{"before":["id","note","old","phone"],"after":["id","remark","phone"],"left_out":0}},
            "rows":[{{"file":"f","row":3,"before":["1","a","x","***"],"fate":"kept","after":["1","A","***"],"changed":["remark","phone"]}}]}}]}}}}"#
        ));
        assert!(shown.contains("<del>a</del> → <ins>A</ins>"), "{shown}");
        assert!(
            shown.contains("was note") && shown.contains("− dropped") && shown.contains("<del>x</del>"),
            "{shown}"
        );
        assert!(!shown.contains("***") && shown.contains("hidden"), "{shown}");
    }

    #[test]
    fn a_hidden_value_is_said_to_be_hidden_whether_or_not_a_plan_says_so() {
        let of = |plan: &str, value: &str| {
            shown(&format!(
                r#"{{{plan},"sample":{{"groups":[{{"plan":0,"columns":{{"before":["id","phone"],"after":["id","phone"],"left_out":0}},
                "rows":[{{"file":"f","row":3,"before":["1","{value}"],"fate":"kept","after":["1","{value}"],"changed":[]}}]}}]}}}}"#
            ))
        };
        for (plan, value) in [(r#""plans":[]"#, "***"), (PLAN, "***"), (PLAN, "555-1")] {
            let shown = of(plan, value);
            assert!(shown.contains("<span class=\"note\">hidden</span></td>"), "{shown}");
            assert!(!shown.contains(value), "{shown}");
        }
        assert!(of(r#""plans":[]"#, "555-1").contains("555-1"));
    }

    #[test]
    fn a_rejected_row_says_why_and_its_words_are_text() {
        let shown = shown(&format!(
            r#"{{{PLAN},"sample":{{"groups":[{{"plan":0,"columns":{{"before":["id"],"after":["id"],"left_out":0}},
            "rows":[{{"file":"f","row":3,"before":["<b>"],"fate":"rejected","code":"bad","message":"<script>alert(1)</script>"}}]}}]}}}}"#
        ));
        assert!(
            shown.contains("rejected: bad")
                && shown.contains("&lt;script&gt;")
                && shown.contains("&lt;b&gt;"),
            "{shown}"
        );
    }

    #[test]
    fn however_much_a_report_has_a_page_has_so_many_cells_and_leads_to_the_others() {
        let names: Vec<String> = (0..128).map(|at| format!("\"c{at}\"")).collect();
        let cells: Vec<&str> = (0..128).map(|_| "\"v\"").collect();
        let row = |at: usize| {
            let cells = cells.join(",");
            format!(
                r#"{{"file":"f","row":{at},"before":[{cells}],"fate":"kept","after":[{cells}],"changed":[]}}"#
            )
        };
        let rows: Vec<String> = (0..64).map(row).collect();
        let (names, rows) = (names.join(","), rows.join(","));
        let shown = shown(&format!(
            r#"{{"plans":[],"sample":{{"groups":[{{"columns":{{"before":[{names}],"after":[{names}],"left_out":9}},"rows":[{rows}]}}]}}}}"#
        ));
        assert_eq!(shown.matches("<td").count(), 25 * 14, "{shown}");
        for said in [
            "rows 1 to 25 of 64",
            "columns 1 to 14 of 128",
            "?row=25&amp;column=0",
            "?row=0&amp;column=14",
            "9 columns that stay",
        ] {
            assert!(shown.contains(said), "{said}: {shown}");
        }
    }
}
