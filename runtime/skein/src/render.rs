//! Printing: data on stdout, everything else on stderr.
//!
//! Names of files, columns and modules are strangers' words, and a terminal obeys some of them. So what is printed for people
//! goes through [`line`], [`to_stderr`] or [`table`], which escape it; JSON escapes for itself; what is painted or meant for
//! a program is made harmless where it is made and printed [`as_is`].
//!
//! [`text`] makes words of strangers harmless and fits them into a width, [`lineage`] shows what becomes of columns,
//! [`sheet`] rows before and after, [`rules`] what was found of rules, [`grid`] lists of what a server has.
//!
//! A reader that closes the pipe has had enough: the rest of the output goes nowhere, and neither the work nor the exit
//! code changes. That the output was lost in another way ([`lost`]) is an error of the command.

pub(crate) mod counters;
pub(crate) mod grid;
pub(crate) mod lineage;
pub(crate) mod rules;
pub(crate) mod sheet;
pub(crate) mod text;

use std::io::{ErrorKind, Write as _};
use std::sync::OnceLock;

use comfy_table::presets::NOTHING;
use comfy_table::{ContentArrangement, Table};
use serde::Serialize;

pub(crate) use skein_types::grouped;
use text::{cut, escaped};

/// A cell of a table has no more room than this, whatever a stranger called something.
const CELL_ROOM: usize = 200;

/// The first error of standard output but a closed pipe.
static LOST: OnceLock<std::io::Error> = OnceLock::new();

/// Why standard output does not hold all that was printed, if so.
pub(crate) fn lost() -> Option<&'static std::io::Error> {
    LOST.get()
}

/// Text as it is.
pub(crate) fn raw(text: &str) {
    let mut out = std::io::stdout().lock();
    if let Err(error) = out.write_all(text.as_bytes()).and_then(|()| out.flush())
        && error.kind() != ErrorKind::BrokenPipe
    {
        // One is enough to say that something is missing.
        LOST.set(error).unwrap_or_default();
    }
}

/// One JSON document.
pub(crate) fn json(value: &impl Serialize) {
    as_is(&serde_json::to_string_pretty(value).expect("output records are plain data"));
}

/// One JSON document on one line.
pub(crate) fn json_line(value: &impl Serialize) {
    as_is(&serde_json::to_string(value).expect("output records are plain data"));
}

/// One line whose words may be those of strangers.
pub(crate) fn line(text: &str) {
    as_is(&escaped(text));
}

/// What is harmless already: painted, a page of our own, or for another program to read.
pub(crate) fn as_is(text: &str) {
    raw(&format!("{text}\n"));
}

/// Where others' files are that lay in something which was removed.
pub(crate) fn theirs(path: &str) -> String {
    format!("others had written into what was removed: their files are in {path}")
}

/// One line for people, whatever the output is. Its words may be those of strangers.
pub(crate) fn to_stderr(text: &str) {
    raw_to_stderr(&format!("{}\n", escaped(text)));
}

/// Text of our own as it is.
pub(crate) fn raw_to_stderr(text: &str) {
    // There is nowhere left to say that nobody reads it.
    std::io::stderr().write_all(text.as_bytes()).unwrap_or_default();
}

/// A table without borders, so that `cut` and `awk` work on it.
pub(crate) fn table(header: &[&str], rows: impl IntoIterator<Item = Vec<String>>) {
    let mut table = Table::new();
    table.load_style(NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(header.iter().map(|h| h.to_uppercase()));
    rows.into_iter().for_each(|row| {
        table.add_row(row.iter().map(|cell| cut(&escaped(cell), CELL_ROOM)));
    });
    for row in table.lines() {
        as_is(row.trim_end());
    }
}

/// Milliseconds as `870 ms` or `12.3 s`.
pub(crate) fn duration(ms: u64) -> String {
    if ms < 1_000 { format!("{ms} ms") } else { format!("{}.{} s", ms / 1000, ms % 1000 / 100) }
}

/// `1 row`, `1,200 rows`.
pub(crate) fn counted(number: u64, what: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{} {what}{plural}", grouped(number))
}

/// A metadata key that is left out, with what that means to its readers where they would wonder.
pub(crate) fn left_out_key(key: &str) -> String {
    match key {
        "pandas" => "pandas (in pandas the index becomes an ordinary column)".to_owned(),
        other => other.to_owned(),
    }
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
