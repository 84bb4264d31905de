//! Lines as a node wrote them, a part of them, with what was looked for marked. All of it is strangers' words.

use maud::{Markup, html};
use serde_json::{Map, Value};

use crate::assets::LOG;
use crate::frame;

/// Lines of a page.
const LINES: usize = 100;
/// Bytes of them: long ones make a page short, and not large.
const BYTES: usize = 20 << 10;

/// One line: what is said of it, in the order in which it is shown.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Line {
    /// Its number, from 1.
    number: usize,
    level: String,
    from: String,
    /// File, row group, row: what it is about.
    about: String,
    message: String,
    fields: String,
}

/// A part of the lines.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Listed {
    lines: Vec<Line>,
    /// Of all of them, those that have what was looked for.
    fitting: usize,
    all: usize,
    /// Behind how many of those that fit the next part begins.
    next: Option<usize>,
}

/// The part behind so many that have this, however it is written.
pub(super) fn listed(bytes: &[u8], find: &str, after: usize) -> Listed {
    let text = String::from_utf8_lossy(bytes);
    let mut listed = Listed::default();
    let (mut size, mut full) = (0, false);
    for (number, raw) in (1..).zip(text.lines()) {
        listed.all += 1;
        let line = read(number, raw);
        if !has(&line, find) {
            continue;
        }
        listed.fitting += 1;
        if listed.fitting <= after || full {
            continue;
        }
        size += raw.len();
        full = !listed.lines.is_empty() && (size > BYTES || listed.lines.len() == LINES);
        if full {
            listed.next = Some(listed.fitting - 1);
        } else {
            listed.lines.push(line);
        }
    }
    listed
}

/// The last part of those that have this.
pub(super) fn last(bytes: &[u8], find: &str) -> Listed {
    let text = String::from_utf8_lossy(bytes);
    let fitting = (1..).zip(text.lines()).filter(|(number, raw)| has(&read(*number, raw), find));
    let sizes: Vec<usize> = fitting.map(|(_, raw)| raw.len()).collect();
    let (mut from, mut size) = (sizes.len(), 0);
    for line in sizes.iter().rev().take(LINES) {
        size += line;
        if size > BYTES && from < sizes.len() {
            break;
        }
        from -= 1;
    }
    listed(bytes, find, from)
}

/// What is no JSON object is its own message.
fn read(number: usize, raw: &str) -> Line {
    let Ok(Value::Object(mut said)) = serde_json::from_str(raw) else {
        return Line { number, message: raw.to_owned(), ..Line::default() };
    };
    let mut word = |name: &str| said.remove(name).as_ref().map(plain).unwrap_or_default();
    let (level, from, message) = (word("level"), word("from"), word("message"));
    let (level, from) = match word("code") {
        code if code.is_empty() => (level, from),
        // A rejected row has one, and no level.
        code => (code, from),
    };
    let about = [("file", ""), ("row_group", " row group "), ("row", " row "), ("dataset", " ")]
        .map(|(name, before)| match word(name) {
            said if said.is_empty() => said,
            said => format!("{before}{said}"),
        })
        .concat();
    let cut = if word("cut") == "true" { " …" } else { "" };
    let fields = match said.remove("fields") {
        Some(Value::Object(fields)) => pairs(&fields),
        Some(other) => plain(&other),
        None => String::new(),
    };
    let rest = pairs(&said);
    let fields = [fields, rest].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ");
    Line { number, level, from, about: about.trim().to_owned(), message: format!("{message}{cut}"), fields }
}

fn pairs(fields: &Map<String, Value>) -> String {
    fields.iter().map(|(name, value)| format!("{name}={}", plain(value))).collect::<Vec<_>>().join(" ")
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
            value.to_string()
        }
    }
}

fn has(line: &Line, find: &str) -> bool {
    let parts = [&line.message, &line.about, &line.fields, &line.level, &line.from];
    find.is_empty() || parts.into_iter().any(|part| position(part, find).is_some())
}

/// Where it is, whether letters of ASCII are large or small.
fn position(text: &str, find: &str) -> Option<usize> {
    let (text, find) = (text.as_bytes(), find.as_bytes());
    text.windows(find.len().max(1)).position(|window| window.eq_ignore_ascii_case(find))
}

pub(super) fn view(listed: &Listed, at: &str, find: &str) -> Markup {
    let find = find.trim();
    html! {
        // Whoever types in it goes on when what is around it is asked for again.
        form #find-lines .filter method="get" action=(at) hx-morph-skip {
            p {
                label for="find" { "Lines with" } br;
                input #find name="find" value=(find) maxlength="200";
            }
            p { button { "Find" } @if !find.is_empty() { " " a href=(at) { "All lines" } } }
        }
        p.note { (listed.fitting) @if !find.is_empty() { " of " (listed.all) } " lines" }
        @if listed.lines.is_empty() {
            p.empty { @if find.is_empty() { "It said nothing, or that is not kept any more." } @else { "No line has it." } }
        } @else {
            (LOG.module())
            skein-log #lines {
                table {
                    thead {
                        tr {
                            th.number scope="col" { "Line" } th scope="col" { "Kind" } th scope="col" { "About" } th scope="col" { "What was said" }
                        }
                    }
                    tbody { @for line in &listed.lines { (row(line, at, find)) } }
                }
            }
        }
        (frame::more(at, &[("find", find)], listed.next.map(|next| next.to_string()).as_deref()))
    }
}

/// Its number is a link that stays: to the page that begins with it.
fn row(line: &Line, at: &str, find: &str) -> Markup {
    let bad = matches!(line.level.as_str(), "error" | "warn");
    html! {
        tr id={ "line-" (line.number) } data-level=(line.level) {
            td.number { a href={ (at) "?after=" (line.number - 1) "#line-" (line.number) } { (line.number) } }
            td { span.bad[bad] { (marked(&line.level, find)) } " " (marked(&line.from, find)) }
            td { (marked(&line.about, find)) }
            td.said { (marked(&line.message, find)) @if !line.fields.is_empty() { " " span.note { (marked(&line.fields, find)) } } }
        }
    }
}

/// The text, with what was looked for marked.
fn marked(text: &str, find: &str) -> Markup {
    let mut parts = Vec::new();
    let mut rest = text;
    // What a page marks is bounded by what it shows.
    while let Some(at) = Some(find).filter(|find| !find.is_empty()).and_then(|find| position(rest, find)) {
        let (Some(before), Some(found)) = (rest.get(..at), rest.get(at..at + find.len())) else { break };
        parts.push((before, Some(found)));
        rest = &rest[at + find.len()..];
    }
    html! {
        @for (before, found) in parts { (before) @if let Some(found) = found { mark { (found) } } }
        (rest)
    }
}

#[cfg(test)]
mod tests {
    use super::{BYTES, LINES, Line, Listed, last, listed, marked, read, view};

    fn log(lines: usize) -> Vec<u8> {
        let line =
            |number| format!("{{\"from\":\"module\",\"level\":\"info\",\"message\":\"row {number}\"}}\n");
        (0..lines).map(line).collect::<String>().into_bytes()
    }

    #[test]
    fn parts_of_what_fits_follow_each_other_without_gaps_and_twins() {
        let bytes = log(2 * LINES + 7);
        let mut numbers = Vec::new();
        let mut after = Some(0);
        while let Some(from) = after {
            let part = listed(&bytes, "ROW", from);
            assert!(part.lines.len() <= LINES && part.fitting == 2 * LINES + 7);
            numbers.extend(part.lines.iter().map(|line| line.number));
            after = part.next;
        }
        assert_eq!(numbers, (1..=2 * LINES + 7).collect::<Vec<_>>());
        let few = listed(&bytes, "row 20", 0);
        assert_eq!((few.fitting, few.next), (1 + 7, None), "20, 200 to 206");
        assert_eq!(few.lines[0].number, 21);
        assert_eq!(listed(b"", "", 0), Listed::default());
    }

    #[test]
    fn the_link_of_a_line_leads_to_a_page_that_begins_with_it() {
        let bytes = log(2 * LINES);
        let shown = view(&listed(&bytes, "row 150", 0), "/attempts/a", "row 150").into_string();
        assert!(shown.contains("<tr id=\"line-151\" data-level=\"info\">"), "{shown}");
        assert!(shown.contains("href=\"/attempts/a?after=150#line-151\""), "{shown}");
        assert_eq!(listed(&bytes, "", 150).lines[0].number, 151);
    }

    #[test]
    fn of_one_that_is_at_work_the_last_lines_are_shown_as_far_as_a_page_holds_them() {
        let numbers = |part: &Listed| part.lines.iter().map(|line| line.number).collect::<Vec<_>>();
        let part = last(&log(2 * LINES + 7), "");
        assert_eq!((numbers(&part), part.next), ((LINES + 8..=2 * LINES + 7).collect(), None));
        assert_eq!(numbers(&last(&log(3), "row 1")), [2]);
        let long = format!("{}\n{}\n{}\n", "a", "b".repeat(BYTES), "c");
        assert_eq!(
            (numbers(&last(long.as_bytes(), "")), numbers(&last(long.as_bytes(), "b"))),
            (vec![3], vec![2])
        );
        assert_eq!(last(b"", ""), Listed::default());
    }

    #[test]
    fn long_lines_make_a_page_short_and_each_page_has_one() {
        let long = format!("{}\n{}\n{}\n", "a".repeat(BYTES + 1), "b".repeat(BYTES + 1), "c");
        let first = listed(long.as_bytes(), "", 0);
        assert_eq!((first.lines.len(), first.next), (1, Some(1)));
        assert_eq!(listed(long.as_bytes(), "", 1).next, Some(2));
    }

    #[test]
    fn whatever_a_line_is_it_is_shown_as_text() {
        let evil = "<img src=x onerror=alert(1)>";
        let lines = format!(
            "{evil}\n[1,2]\n{{\"message\":\"{evil}\",\"fields\":{{\"{evil}\":\"{evil}\"}},\"file\":\"{evil}\",\"level\":\"{evil}\",\"new\":{{}}}}\n"
        );
        for find in ["", evil, "img", "onerror"] {
            let shown = view(&listed(lines.as_bytes(), find, 0), "/attempts/a", find).into_string();
            assert!(!shown.contains("<img"), "{shown}");
        }
        let shown = view(&listed(lines.as_bytes(), evil, 0), "/attempts/a", evil).into_string();
        assert!(shown.contains("<mark>&lt;img src=x onerror=alert(1)&gt;</mark>"), "{shown}");
    }

    #[test]
    fn a_rejected_row_and_a_line_of_a_log_are_read_alike() {
        let row = read(1, r#"{"file":"p.parquet","row":17,"code":"bad-ts","message":"no zone"}"#);
        let expected = Line {
            number: 1,
            level: "bad-ts".into(),
            about: "p.parquet row 17".into(),
            message: "no zone".into(),
            ..Line::default()
        };
        assert_eq!(row, expected);
        let line = read(
            2,
            r#"{"from":"module","level":"warn","file":"a","row_group":3,"message":"m","cut":true,"fields":{"k":"v"}}"#,
        );
        assert_eq!(
            (line.about.as_str(), line.message.as_str(), line.fields.as_str()),
            ("a row group 3", "m …", "k=v")
        );
    }

    #[test]
    fn what_was_looked_for_is_marked_also_within_letters_of_more_bytes() {
        assert_eq!(
            marked("Größe über größe", "GR").into_string(),
            "<mark>Gr</mark>öße über <mark>gr</mark>öße"
        );
        assert_eq!(marked("öäü", "ä").into_string(), "ö<mark>ä</mark>ü");
        assert_eq!(marked("plain", "").into_string(), "plain");
    }
}
