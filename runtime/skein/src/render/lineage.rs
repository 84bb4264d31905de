//! What becomes of columns: the schema as a diff, then where each target column comes from.
//!
//! ` ` stays, `>` is renamed or moved, `~` has another type or other values, `=` went through the module unchanged, `+` is
//! new, `-` is dropped. Of a wide table columns that stay are counted instead of listed.

use skein_node::{ColumnChange, ColumnLineage, DroppedColumn, Lineage, OriginKind};

use crate::render::text::{Style, cut, escaped, padded, painted, width};
use crate::render::{as_is, first_of, line};
use crate::settings::Page;

/// Up to so many target columns all are listed.
const LISTED_MAX: usize = 40;
/// Names longer than this do not widen the column of names.
const NAME_MAX: usize = 32;
/// Target columns that a dropped one says that it is read for.
const READ_FOR_MAX: usize = 3;

pub(crate) fn told(plan: &Lineage, page: Page) {
    let more = match plan.files {
        0 | 1 => String::new(),
        2 => " and 1 more file".to_owned(),
        files => format!(" and {} more files", files - 1),
    };
    let reads = if plan.reads.is_empty() { "nothing".to_owned() } else { plan.reads.join(", ") };
    line(&format!("plan for {}{more}: shape {}, reads {reads}", plan.first_file, plan.shape));
    let nested = plan.columns.iter().flat_map(|column| &column.nested).map(|leaf| &leaf.path);
    let names =
        plan.columns.iter().map(|c| &c.name).chain(plan.dropped.iter().map(|c| &c.name)).chain(nested);
    let room = names.map(|name| width(&escaped(name))).max().unwrap_or(0).min(NAME_MAX);
    as_is(&painted("schema", Style::Heading, page));
    schema(plan).into_iter().for_each(|row| row.print(room, page));
    as_is(&painted("lineage", Style::Heading, page));
    lineage(plan).into_iter().for_each(|row| row.print(room, page));
}

/// A line of either list.
struct Row {
    mark: char,
    name: String,
    what: String,
    /// Behind a gap, so that it can be found by eye.
    note: String,
}

impl Row {
    fn new(mark: char, name: &str, what: String, note: String) -> Self {
        Self { mark, name: escaped(name), what: escaped(&what), note: escaped(&note) }
    }

    fn print(&self, room: usize, page: Page) {
        let name = if width(&self.name) > room { self.name.clone() } else { padded(&self.name, room) };
        let gap = if self.note.is_empty() || self.what.is_empty() { "" } else { "  " };
        let text = format!("{} {name}  {}{gap}{}", self.mark, self.what, self.note);
        let style = match self.mark {
            '+' => Style::Good,
            '-' => Style::Bad,
            '~' | '>' => Style::Changed,
            '…' => Style::Dim,
            _ => Style::Plain,
        };
        // Nested types can be longer than any line: a terminal gets what fits, a pipe gets all.
        let text = if page.colours { cut(text.trim_end(), page.width) } else { text.trim_end().to_owned() };
        as_is(&painted(&text, style, page));
    }
}

fn schema(plan: &Lineage) -> Vec<Row> {
    let rows = plan.columns.iter().map(|column| {
        let is = typed(&column.data_type, column.nullable);
        let what = match &column.was {
            Some(was) if (&was.data_type, was.nullable) != (&column.data_type, column.nullable) => {
                format!("{} -> {is}", typed(&was.data_type, was.nullable))
            }
            Some(_) | None => is,
        };
        (mark(column) == ' ', Row::new(mark(column), &column.name, what, note(column)))
    });
    let mut rows = collapsed(rows, "columns stay as they are");
    rows.extend(plan.dropped.iter().map(dropped));
    rows
}

fn lineage(plan: &Lineage) -> Vec<Row> {
    let mut rows: Vec<(bool, Row)> = Vec::new();
    for column in &plan.columns {
        let from = if column.from.is_empty() { "nothing".to_owned() } else { column.from.join(", ") };
        let how = match column.origin {
            OriginKind::Carried => "carried from",
            OriginKind::Computed => "computed from",
            OriginKind::Preserved => "preserved from",
        };
        let stays = mark(column) == ' ' && column.nested.is_empty();
        rows.push((stays, Row::new(' ', &column.name, format!("{how} {from}"), String::new())));
        let nested = column.nested.iter();
        rows.extend(nested.map(|leaf| {
            (false, Row::new(' ', &leaf.path, format!("carried from {}", leaf.from), String::new()))
        }));
    }
    collapsed(rows.into_iter(), "columns are carried under their own names")
}

/// All rows, or of too many those that are of interest and a count of each run of the others.
fn collapsed(rows: impl Iterator<Item = (bool, Row)>, rest: &str) -> Vec<Row> {
    let rows: Vec<(bool, Row)> = rows.collect();
    let all = rows.len() <= LISTED_MAX;
    let mut listed = Vec::new();
    let mut left_out = 0;
    for (stays, row) in rows {
        if stays && !all {
            left_out += 1;
            continue;
        }
        listed.extend(counted(&mut left_out, rest));
        listed.push(row);
    }
    listed.extend(counted(&mut left_out, rest));
    listed
}

fn counted(left_out: &mut usize, rest: &str) -> Option<Row> {
    let count = std::mem::take(left_out);
    (count > 0).then(|| Row::new('…', &format!("{count} {rest}"), String::new(), String::new()))
}

fn mark(column: &ColumnLineage) -> char {
    let has = |change| column.changes.contains(&change);
    if has(ColumnChange::New) {
        '+'
    } else if has(ColumnChange::Recomputed) || has(ColumnChange::Retyped) || has(ColumnChange::Nullability) {
        '~'
    } else if !column.changes.is_empty() {
        '>'
    } else if column.origin == OriginKind::Preserved {
        '='
    } else {
        ' '
    }
}

fn note(column: &ColumnLineage) -> String {
    let was = column.was.as_ref();
    let change = |change: &ColumnChange| match change {
        ColumnChange::Renamed => format!("renamed from {}", was.map_or("", |was| &was.name)),
        ColumnChange::Nullability if column.nullable => "nulls allowed now".to_owned(),
        ColumnChange::Nullability => "nulls no longer allowed".to_owned(),
        ColumnChange::New | ColumnChange::Retyped | ColumnChange::Moved | ColumnChange::Recomputed => {
            change.as_str().to_owned()
        }
    };
    let mut notes: Vec<String> = column.changes.iter().map(change).collect();
    if let Some(was) = was {
        notes.extend(was.partition.then(|| "partition".to_owned()));
        notes.extend(was.absent.then(|| "absent from these files".to_owned()));
        notes.extend(was.stored.as_ref().map(|stored| format!("stored as {stored}")));
    }
    notes.join(", ")
}

fn dropped(column: &DroppedColumn) -> Row {
    let read_for = match column.read_for.as_slice() {
        [] => String::new(),
        names => format!(", read for {}", first_of(names, READ_FOR_MAX)),
    };
    let what = typed(&column.data_type, column.nullable);
    Row::new('-', &column.name, what, format!("dropped{read_for}"))
}

fn typed(data_type: &str, nullable: bool) -> String {
    let null = if nullable { "" } else { " not null" };
    format!("{data_type}{null}")
}
