//! Rows side by side: what they were on the left, what becomes of them on the right, within the width of the page.
//!
//! Pure: [`Sheet::lines`] lays out, nothing prints. If all columns do not fit with values of a readable width, only those of
//! interest are laid out (the caller says which); if these do not fit either, the last ones give way. How many columns
//! are not shown is always said.

use crate::render::text::{Style, cut, padded, painted, width};
use crate::settings::Page;

/// Values are given no more room than this, and no less while columns of no interest are shown too.
const ROOM_MAX: usize = 32;
const ROOM_FAIR: usize = 10;
const ROOM_MIN: usize = 6;
const GAP: usize = 2;

/// Rows and what becomes of them.
#[derive(Debug, Default)]
pub(crate) struct Sheet {
    pub(crate) left: Vec<Column>,
    pub(crate) right: Vec<Column>,
    pub(crate) rows: Vec<Row>,
    /// Columns that did not even get here.
    pub(crate) left_out: usize,
}

/// A column of the sheet.
#[derive(Debug)]
pub(crate) struct Column {
    pub(crate) name: String,
    /// Shown also where there is no room for all.
    pub(crate) of_interest: bool,
}

/// A line of the sheet.
#[derive(Debug)]
pub(crate) enum Row {
    /// Stands over the rows that follow.
    Heading(String),
    /// Cells of both sides; their texts are harmless already.
    Cells { label: String, left: Vec<Value>, right: Right },
}

/// What a row became.
#[derive(Debug)]
pub(crate) enum Right {
    Cells(Vec<Value>),
    /// Said in words, over all columns.
    Words(String, Style),
}

/// A value.
#[derive(Clone, Debug)]
pub(crate) struct Value {
    pub(crate) text: String,
    pub(crate) style: Style,
}

/// Columns by place, with the room that each has.
type Rooms = Vec<(usize, usize)>;

/// The columns that are laid out.
struct Layout {
    label: usize,
    left: Rooms,
    right: Rooms,
}

impl Sheet {
    pub(crate) fn lines(&self, page: Page) -> Vec<String> {
        let layout = self.layout(page.width);
        let heads = |side: &[Column], of: &[(usize, usize)]| {
            let head = |(at, room): &(usize, usize)| padded(&side[*at].name, *room);
            of.iter().map(head).collect::<Vec<_>>().join("  ")
        };
        let mut head = format!("{}  {}", padded("ROW", layout.label), heads(&self.left, &layout.left));
        if !self.right.is_empty() {
            head.push_str(&format!("  │  {}", heads(&self.right, &layout.right)));
        }
        let mut lines = vec![painted(head.trim_end(), Style::Heading, page)];
        lines.extend(self.rows.iter().map(|row| layout.line(row, !self.right.is_empty(), page)));
        let hidden =
            self.left.len() + self.right.len() - layout.left.len() - layout.right.len() + self.left_out;
        if hidden > 0 {
            let columns = if hidden == 1 { "column" } else { "columns" };
            lines.push(painted(&format!("{hidden} {columns} not shown, see -o json"), Style::Dim, page));
        }
        lines
    }

    fn layout(&self, page: usize) -> Layout {
        let label = |row: &Row| match row {
            Row::Cells { label, .. } => width(label),
            Row::Heading(_) => 0,
        };
        let label = self.rows.iter().map(label).max().unwrap_or(0).max("ROW".len());
        let all = |side: &[Column]| (0..side.len()).collect::<Vec<_>>();
        let some =
            |side: &[Column]| all(side).into_iter().filter(|at| side[*at].of_interest).collect::<Vec<_>>();
        let room = page.saturating_sub(label + GAP);
        let laid = self.fit(&all(&self.left), &all(&self.right), (room, ROOM_FAIR));
        let laid = laid.or_else(|| self.fit(&some(&self.left), &some(&self.right), (room, ROOM_MIN)));
        let (left, right) = laid.unwrap_or_else(|| self.squeezed(room));
        Layout { label, left, right }
    }

    /// As many columns of interest as fit; the longer side gives way first.
    fn squeezed(&self, room: usize) -> (Rooms, Rooms) {
        let some = |side: &[Column]| (0..side.len()).filter(|at| side[*at].of_interest).collect::<Vec<_>>();
        let (mut left, mut right) = (some(&self.left), some(&self.right));
        loop {
            if left.len() + right.len() <= 1 {
                let rooms = |side: &[usize]| side.iter().map(|at| (*at, room.max(1))).collect();
                return (rooms(&left), rooms(&right));
            }
            if left.len() > right.len() {
                left.pop()
            } else {
                right.pop()
            };
            if let Some(fit) = self.fit(&left, &right, (room, ROOM_MIN)) {
                return fit;
            }
        }
    }

    /// Room for each of these columns: what it needs, or, if that is too much, at most the same for all. `None` if that is
    /// less than `least`.
    fn fit(&self, left: &[usize], right: &[usize], (room, least): (usize, usize)) -> Option<(Rooms, Rooms)> {
        let needs = |is_left: bool, at: usize| self.need(is_left, at).clamp(1, ROOM_MAX);
        let mut all: Vec<usize> = left.iter().map(|at| needs(true, *at)).collect();
        all.extend(right.iter().map(|at| needs(false, *at)));
        let gaps = GAP * all.len().saturating_sub(1) + if right.is_empty() { 0 } else { GAP + 1 };
        let taken = |cap: usize| all.iter().map(|need| (*need).min(cap)).sum::<usize>() + gaps;
        let cap = (least..=ROOM_MAX).rev().find(|cap| taken(*cap) <= room)?;
        let with_room = |side: &[usize], is_left| {
            side.iter().map(|at| (*at, needs(is_left, *at).min(cap))).collect::<Vec<_>>()
        };
        Some((with_room(left, true), with_room(right, false)))
    }

    fn need(&self, is_left: bool, at: usize) -> usize {
        let side = if is_left { &self.left } else { &self.right };
        let value = |row: &Row| match row {
            Row::Cells { left, .. } if is_left => left.get(at).map_or(0, |value| width(&value.text)),
            Row::Cells { right: Right::Cells(cells), .. } => {
                cells.get(at).map_or(0, |value| width(&value.text))
            }
            Row::Cells { .. } | Row::Heading(_) => 0,
        };
        self.rows.iter().map(value).max().unwrap_or(0).max(width(&side[at].name))
    }
}

impl Layout {
    fn line(&self, row: &Row, two_sided: bool, page: Page) -> String {
        let Row::Cells { label, left, right } = row else {
            let Row::Heading(text) = row else { return String::new() };
            return cut(text, page.width);
        };
        let cells = |values: &[Value], of: &[(usize, usize)]| {
            let cell = |(at, room): &(usize, usize)| {
                values.get(*at).map_or_else(
                    || padded("", *room),
                    |value| painted(&padded(&value.text, *room), value.style, page),
                )
            };
            of.iter().map(cell).collect::<Vec<_>>().join("  ")
        };
        let mut line = format!("{label:>width$}  {}", cells(left, &self.left), width = self.label);
        if two_sided {
            line.push_str("  │  ");
            let taken =
                self.label + GAP + self.left.iter().map(|(_, room)| room + GAP).sum::<usize>() + GAP + 1;
            match right {
                Right::Cells(values) => line.push_str(&cells(values, &self.right)),
                Right::Words(words, style) => {
                    line.push_str(&painted(&cut(words, page.width.saturating_sub(taken)), *style, page));
                }
            }
        }
        line.trim_end().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::{Column, Right, Row, Sheet, Value};
    use crate::render::text::{Style, width};
    use crate::settings::Page;

    fn columns(names: &[(&str, bool)]) -> Vec<Column> {
        names
            .iter()
            .map(|(name, of_interest)| Column { name: (*name).to_owned(), of_interest: *of_interest })
            .collect()
    }

    fn values(texts: &[&str]) -> Vec<Value> {
        texts.iter().map(|text| Value { text: (*text).to_owned(), style: Style::Plain }).collect()
    }

    fn sheet() -> Sheet {
        Sheet {
            left: columns(&[("id", true), ("note", false), ("amount", true)]),
            right: columns(&[("id", false), ("note", false), ("amount", true)]),
            rows: vec![
                Row::Heading("a.parquet".to_owned()),
                Row::Cells {
                    label: "0".to_owned(),
                    left: values(&["1", "a long remark about nothing much", "1.5"]),
                    right: Right::Cells(values(&["1", "a long remark about nothing much", "*1.50"])),
                },
                Row::Cells {
                    label: "1200".to_owned(),
                    left: values(&["2", "", "n/a"]),
                    right: Right::Words("rejected: bad-cast: not a number".to_owned(), Style::Bad),
                },
            ],
            left_out: 0,
        }
    }

    fn on(width: usize) -> Vec<String> {
        sheet().lines(Page { width, colours: false })
    }

    #[test]
    fn with_room_for_all_every_column_is_shown() {
        assert_eq!(
            on(120),
            [
                "ROW   id  note                              amount  │  id  note                              amount",
                "a.parquet",
                "   0  1   a long remark about nothing much  1.5     │  1   a long remark about nothing much  *1.50",
                "1200  2                                     n/a     │  rejected: bad-cast: not a number",
            ]
        );
    }

    #[test]
    fn with_less_room_values_are_cut_and_then_columns_left_out() {
        assert_eq!(on(70)[2], "   0  1   a long remark ab…  1.5     │  1   a long remark ab…  *1.50");
        let narrow = on(40);
        assert_eq!(narrow[0], "ROW   id  amount  │  amount");
        assert_eq!(narrow[3], "1200  2   n/a     │  rejected: bad-cast…");
        assert_eq!(narrow[4], "3 columns not shown, see -o json");
    }

    #[test]
    fn no_line_is_wider_than_the_page() {
        for page in 40..130 {
            for line in on(page) {
                assert!(width(&line) <= page, "{} > {page}: {line}", width(&line));
            }
        }
    }
}
