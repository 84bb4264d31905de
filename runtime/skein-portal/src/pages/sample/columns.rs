//! Columns before and after, and where each comes from: as the plan declares it, and how that is known.

use maud::{Markup, html};
use skein_types::grouped;

use super::report::{Column, Dropped, Lineage};
use crate::assets::DIFF;

/// Columns that a page shows.
const SHOWN: usize = 120;

/// Those that change or are gone, at most so many, and how many stay.
pub(in crate::pages) fn changed(of: &Lineage, most: usize) -> Markup {
    let changing: Vec<&Column> = of.columns.iter().filter(|column| !column.changes.is_empty()).collect();
    let stay = of.columns.len() - changing.len();
    let more = (changing.len() + of.dropped.len()).saturating_sub(most);
    html! {
        (table(of.dropped.iter().take(most), changing.iter().copied().take(most.saturating_sub(of.dropped.len())), None))
        p.note {
            @match stay { 0 => { "No column stays as it is." } 1 => { "1 column stays as it is." } _ => { (grouped(stay as u64)) " columns stay as they are." } }
            @if more > 0 { " " (grouped(more as u64)) " more change." }
        }
    }
}

/// All of them, behind so many, and what the module reads.
pub(super) fn all(of: &Lineage, from: usize, more: impl Fn(usize) -> String) -> Markup {
    let (dropped, columns) = (of.dropped.len(), of.columns.len());
    let gone = of.dropped.iter().skip(from).take(SHOWN);
    let room = SHOWN.saturating_sub(gone.len());
    let there = of.columns.iter().skip(from.saturating_sub(dropped)).take(room);
    html! {
        p {
            "Files such as " code { (of.first_file) } " (" (grouped(of.files)) "); rows that come out: " (of.shape) "; the module reads "
            @if of.reads.is_empty() { "nothing" } @else { (few(&of.reads)) } "."
        }
        (table(gone, there, Some(())))
        @if (dropped + columns).saturating_sub(from) > SHOWN {
            p { a rel="next" href=(more(from + SHOWN)) { "More columns" } " of " (grouped((dropped + columns) as u64)) }
        }
    }
}

fn table<'a>(
    dropped: impl Iterator<Item = &'a Dropped>,
    columns: impl Iterator<Item = &'a Column>,
    lineage: Option<()>,
) -> Markup {
    html! {
        (DIFF.module())
        skein-diff #columns-differ label="columns" {
            div.scroll tabindex="0" role="region" aria-label="Columns before and after" {
                table.diff {
                    thead {
                        tr {
                            th { "What" } th { "Before" } th { "After" } th { "Made by" }
                            @if lineage.is_some() { th { "From, as declared" } th { "How that is known" } }
                        }
                    }
                    tbody {
                        @for one in dropped { (gone(one, lineage.is_some())) }
                        @for one in columns { (there(one, lineage.is_some())) }
                    }
                }
            }
        }
    }
}

fn gone(one: &Dropped, lineage: bool) -> Markup {
    html! {
        tr.gone {
            td { strong.bad { span aria-hidden="true" { "− " } "dropped" } }
            td { del { (typed(&one.name, &one.data_type, one.nullable)) } }
            td {} td {}
            @if lineage {
                td { @if !one.read_for.is_empty() { "read for " (few(&one.read_for)) } }
                td {}
            }
        }
    }
}

fn there(one: &Column, lineage: bool) -> Markup {
    let was = one.was.as_ref();
    let (kind, sign) = if one.changes.is_empty() {
        ("same", "")
    } else if was.is_none() {
        ("new", "+ ")
    } else {
        ("changed", "~ ")
    };
    html! {
        tr.(kind) {
            td {
                span aria-hidden="true" { (sign) }
                @if one.changes.is_empty() { "the same" } @else { (few(&one.changes)) }
                @if one.narrowed { ", " strong.bad { "cannot hold all that it could" } }
                @if let Some(was) = was { @if one.nullable && !was.nullable { ", " strong.waits { "nulls now in" } } }
                @if one.sensitive { ", " span.note { "values hidden" } }
            }
            td {
                @if let Some(was) = was {
                    (typed(&was.name, &was.data_type, was.nullable))
                    @if was.absent { " " span.note { "not in these files" } }
                    @if was.partition { " " span.note { "in their paths" } }
                }
            }
            td { (typed(&one.name, &one.data_type, one.nullable)) }
            td { (maker(&one.origin)) }
            @if lineage {
                td { (few(&one.from)) }
                td { (proof(one)) }
            }
        }
    }
}

fn typed(name: &str, data_type: &str, nullable: bool) -> Markup {
    html! { code { (name) " " span.note { (data_type) @if !nullable { " not null" } } } }
}

fn maker(origin: &str) -> &str {
    match origin {
        "carried" => "the host copies it",
        "computed" => "the module",
        "preserved" => "the module passes it through",
        other => other,
    }
}

fn proof(column: &Column) -> Markup {
    let moved = few(&column.moves_with);
    // What moves it and is not said is what a reviewer looks for.
    let undeclared = column.moves_with.iter().any(|name| !column.from.contains(name));
    html! {
        @match column.proven.as_str() {
            "copied" => { "copied: the module never sees it" }
            "compared" => { "compared row by row with what went in" }
            "passed_in" => { "the module gets nothing else" }
            "tried" => { "tried: read columns were changed one at a time; " @if moved.is_empty() { "it moved with none" } @else { "it moved with " (moved) } }
            other => { (other) }
        }
        @if undeclared { " " strong.bad { "not all of these are declared" } }
    }
}

/// Names, the first of many.
fn few(names: &[String]) -> String {
    const NAMES: usize = 12;
    let shown = names.iter().take(NAMES).map(String::as_str).collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(NAMES) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::report::Lineage;
    use super::{all, changed};

    fn lineage() -> Lineage {
        Lineage::first_of(
            br#"{"plans":[{"files":2,"first_file":"a.parquet","shape":"same","reads":["note"],
            "columns":[
              {"name":"id","type":"int64","nullable":false,"origin":"carried","from":["id"],"was":{"name":"id","type":"int64","nullable":false},"changes":[],"proven":"copied"},
              {"name":"note","type":"int16","nullable":true,"origin":"computed","from":["note"],"was":{"name":"note","type":"int32","nullable":false},"changes":["retyped","nullability"],"narrowed":true,"proven":"tried","moves_with":["note","id"]},
              {"name":"extra","type":"utf8","nullable":true,"origin":"computed","from":[],"was":null,"changes":["new"],"proven":"passed_in"}],
            "dropped":[{"name":"phone","type":"utf8","nullable":true,"read_for":["extra"]}]}]}"#,
        )
        .unwrap()
    }

    #[test]
    fn behind_the_last_column_there_is_none_however_far() {
        let shown = all(&lineage(), usize::MAX, |_| "/more".to_owned()).into_string();
        assert!(!shown.contains("/more") && !shown.contains("phone"), "{shown}");
    }

    #[test]
    fn what_is_lost_is_said_in_words() {
        let shown = changed(&lineage(), 30).into_string();
        for said in
            ["dropped", "phone", "cannot hold all that it could", "nulls now in", "1 column stays as it is"]
        {
            assert!(shown.contains(said), "{said}: {shown}");
        }
        assert!(!shown.contains("How that is known"));
    }

    #[test]
    fn what_moves_a_column_and_is_not_declared_is_told() {
        let shown = all(&lineage(), 0, |from| format!("?column={from}")).into_string();
        assert!(
            shown.contains("it moved with note, id") && shown.contains("not all of these are declared"),
            "{shown}"
        );
        assert!(
            shown.contains("copied: the module never sees it") && shown.contains("read for extra"),
            "{shown}"
        );
    }

    #[test]
    fn a_wide_table_is_shown_in_parts_that_leave_nothing_out() {
        let mut wide = lineage();
        for number in 0..300 {
            let json = format!(r#"{{"plans":[{{"columns":[{{"name":"c{number}","changes":[]}}]}}]}}"#);
            wide.columns.extend(Lineage::first_of(json.as_bytes()).unwrap().columns);
        }
        let pages: String = [0, 120, 240]
            .map(|from| all(&wide, from, |from| format!("?column={from}")).into_string())
            .concat();
        let missing: Vec<_> =
            (0..300).filter(|number| !pages.contains(&format!("<code>c{number} "))).collect();
        assert!(
            missing.is_empty()
                && !all(&wide, 240, |_| "more".to_owned()).into_string().contains("More columns"),
            "{missing:?}"
        );
    }
}
