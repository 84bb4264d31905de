//! Printing: data on stdout, everything else on stderr.
//!
//! [`text`] makes words of strangers harmless and fits them into a width, [`lineage`] shows what becomes of columns,
//! [`sheet`] rows before and after.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "this is where the command line prints")]

pub(crate) mod lineage;
pub(crate) mod sheet;
pub(crate) mod text;

use comfy_table::presets::NOTHING;
use comfy_table::{ContentArrangement, Table};
use serde::Serialize;

pub(crate) use skein_types::grouped;

/// One JSON document.
pub(crate) fn json(value: &impl Serialize) {
    let text = serde_json::to_string_pretty(value).expect("output records are plain data");
    println!("{text}");
}

/// One JSON document on one line.
pub(crate) fn json_line(value: &impl Serialize) {
    let text = serde_json::to_string(value).expect("output records are plain data");
    println!("{text}");
}

pub(crate) fn line(text: &str) {
    println!("{text}");
}

/// Where others' files are that lay in something which was removed.
pub(crate) fn theirs(path: &str) -> String {
    format!("others had written into what was removed: their files are in {path}")
}

pub(crate) fn to_stderr(text: &str) {
    eprintln!("{text}");
}

/// A table without borders, so that `cut` and `awk` work on it.
pub(crate) fn table(header: &[&str], rows: impl IntoIterator<Item = Vec<String>>) {
    let mut table = Table::new();
    table.load_style(NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(header.iter().map(|h| h.to_uppercase()));
    rows.into_iter().for_each(|row| {
        table.add_row(row);
    });
    for line in table.lines() {
        println!("{}", line.trim_end());
    }
}

/// Milliseconds as `870 ms` or `12.3 s`.
pub(crate) fn duration(ms: u64) -> String {
    if ms < 1_000 { format!("{ms} ms") } else { format!("{}.{} s", ms / 1000, ms % 1000 / 100) }
}

/// The first of many texts and how many more there are, on one line.
pub(crate) fn first_of(texts: &[String], most: usize) -> String {
    let more = texts.len().saturating_sub(most);
    let tail = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{}{tail}", texts[..texts.len() - more].join(", "))
}

#[cfg(test)]
mod tests {
    use super::{duration, first_of};

    #[test]
    fn of_many_texts_the_first_are_shown_and_the_rest_counted() {
        let texts = ["a", "b", "c"].map(str::to_owned);
        assert_eq!(
            [1, 2, 3, 4].map(|most| first_of(&texts, most)),
            ["a and 2 more", "a, b and 1 more", "a, b, c", "a, b, c"]
        );
    }

    #[test]
    fn durations_have_a_unit() {
        assert_eq!(duration(870), "870 ms");
        assert_eq!(duration(12_345), "12.3 s");
    }
}
