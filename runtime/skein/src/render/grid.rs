//! Tables of what a server has: columns side by side, as wide as what is in them.
//!
//! On a terminal a table fits: the widest columns give way until a line has room, so no line breaks in the middle of another.
//! Elsewhere nothing is cut but what is absurdly long, so that `cut`, `awk` and `grep` see all there is. What state something
//! is in is coloured where colours are wanted. Pure: nothing prints here.

use super::text::{Style, cut, escaped, padded, painted, width};
use crate::settings::Page;

/// Between two columns.
const GAP: &str = "  ";
/// A column that gives way keeps so much.
const LEAST: usize = 8;
/// A cell has no more than this anywhere, whatever a stranger called something.
const MOST: usize = 200;

/// How it is to look.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Look {
    /// Cells of a line, where it has to fit.
    pub(crate) room: Option<usize>,
    /// Whether colours are wanted.
    pub(crate) page: Page,
}

/// The lines of a table, without the blanks at their ends.
pub(crate) fn lines(heads: &[&str], rows: Vec<Vec<String>>, look: Look) -> Vec<String> {
    let rows: Vec<Vec<String>> =
        rows.into_iter().map(|row| row.iter().map(|cell| cut(&escaped(cell), MOST)).collect()).collect();
    let widest =
        |at: usize| rows.iter().filter_map(|row: &Vec<String>| row.get(at)).map(|cell| width(cell)).max();
    let mut rooms: Vec<usize> =
        heads.iter().enumerate().map(|(at, head)| width(head).max(widest(at).unwrap_or(0))).collect();
    if let Some(room) = look.room {
        fit(&mut rooms, room);
    }
    let head: Vec<String> = heads.iter().map(|head| head.to_uppercase()).collect();
    let head = line(&head, &rooms, |_, text| painted(text, Style::Heading, look.page));
    let tone = |at: usize, text: &str| match heads.get(at) {
        Some(&"state") => painted(text, tone(text.trim_end()), look.page),
        Some(_) | None => text.to_owned(),
    };
    std::iter::once(head).chain(rows.iter().map(|row| line(row, &rooms, tone))).collect()
}

/// Takes from the widest columns until all have room together, or no column has anything to give.
fn fit(rooms: &mut [usize], room: usize) {
    let gaps = rooms.len().saturating_sub(1) * GAP.len();
    loop {
        let taken = rooms.iter().sum::<usize>() + gaps;
        let Some(widest) = rooms.iter_mut().max() else { return };
        if taken <= room || *widest <= LEAST {
            return;
        }
        *widest -= 1;
    }
}

fn line(cells: &[String], rooms: &[usize], paint: impl Fn(usize, &str) -> String) -> String {
    let last = cells.iter().rposition(|cell| !cell.is_empty()).unwrap_or(0);
    let mut line = String::new();
    for (at, (cell, room)) in cells.iter().zip(rooms).enumerate().take(last + 1) {
        let text = if at == last { cut(cell, *room) } else { padded(cell, *room) };
        line.push_str(&paint(at, &text));
        line.push_str(if at == last { "" } else { GAP });
    }
    line
}

/// What a state is to people: good, bad, or under way.
fn tone(state: &str) -> Style {
    match state {
        "ready" | "published" | "finalized" | "succeeded" | "soaking" | "promoted" | "joined" => Style::Good,
        "failed"
        | "halted"
        | "refused"
        | "banned"
        | "suspended"
        | "held"
        | "plan_failed"
        | "revert_failed"
        | "rollback_incomplete"
        | "revoked"
        | "expired"
        | "lost" => Style::Bad,
        "running" | "planning" | "rolling_back" | "cancelling" | "finalizing" | "reverting" | "intended" => {
            Style::Changed
        }
        _ => Style::Plain,
    }
}

#[cfg(test)]
mod tests {
    use super::{Look, lines};
    use crate::render::text::width;
    use crate::settings::Page;

    fn table(room: Option<usize>, colours: bool) -> Vec<String> {
        let rows = vec![
            vec!["orders".to_owned(), "published".to_owned(), String::new()],
            vec![
                "a-very-long-name-of-a-dataset".to_owned(),
                "failed".to_owned(),
                "SK0302 bad \u{1b}[2J".to_owned(),
            ],
        ];
        lines(&["name", "state", "why"], rows, Look { room, page: Page { width: 80, colours } })
    }

    #[test]
    fn columns_are_as_wide_as_what_is_in_them() {
        assert_eq!(
            table(None, false),
            [
                "NAME                           STATE      WHY",
                "orders                         published",
                "a-very-long-name-of-a-dataset  failed     SK0302 bad \\u{1b}[2J",
            ]
        );
    }

    #[test]
    fn on_a_terminal_the_widest_columns_give_way_until_a_line_fits() {
        let fitted = table(Some(40), false);
        assert!(fitted.iter().all(|line| width(line) <= 40), "{fitted:#?}");
        assert!(fitted[2].contains("failed") && fitted[2].contains('…'), "{fitted:#?}");
        // Nothing is left to give: better too wide than nothing to read.
        assert!(table(Some(5), false)[2].starts_with("a-very-…"), "{:#?}", table(Some(5), false));
    }

    #[test]
    fn states_are_coloured_and_nothing_else_is() {
        let painted = table(None, true);
        assert!(painted[1].contains("\u{1b}[32mpublished"), "{painted:?}");
        assert!(painted[2].starts_with("a-very") && painted[2].contains("\u{1b}[31mfailed"), "{painted:?}");
    }
}
