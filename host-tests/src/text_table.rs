//! Tables as text that people read, turned into record batches and back.
//!
//! ```text
//! id int64 | name string? | paid decimal(9,2)
//! 1        | Ada          | 10.50
//! 2        | -            | 3.00
//! ```
//! A head of names and types (`?`: may be null), a row per line; `-` is null. A cell in double quotes keeps its blanks.
//! A type in brackets is a list, `[string?]`, or a struct, `{sku string, pieces int64?}`; its cells are JSON. What is
//! nested is only read: the tables of a result are flat.

mod nested;

use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch, StringArray};
use arrow_cast::cast;
use arrow_cast::display::{ArrayFormatter, FormatOptions};
use arrow_schema::{DataType, Field, Schema, TimeUnit};

const NULL: &str = "-";

/// Reads a table.
pub fn parse(text: &str) -> RecordBatch {
    let mut lines = text.lines().filter(|line| !line.trim().is_empty());
    let head = lines.next().unwrap_or_else(|| panic!("a table without a head"));
    let fields: Vec<Field> = cells(head).into_iter().map(field).collect();
    let rows: Vec<Vec<&str>> = lines.map(cells).collect();
    let columns: Vec<ArrayRef> =
        fields.iter().enumerate().map(|(at, field)| column(field, &rows, at)).collect();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).unwrap()
}

/// Shows a table in the form that [`parse`] reads.
pub fn show(batch: &RecordBatch) -> String {
    let schema = batch.schema();
    let head = schema.fields().iter().map(|field| {
        let optional = if field.is_nullable() { "?" } else { "" };
        format!("{} {}{optional}", field.name(), type_name(field.data_type()))
    });
    let options = FormatOptions::new().with_null(NULL);
    let formatters: Vec<_> =
        batch.columns().iter().map(|column| ArrayFormatter::try_new(column, &options).unwrap()).collect();
    let mut lines = vec![head.collect::<Vec<_>>()];
    for row in 0..batch.num_rows() {
        lines.push(formatters.iter().map(|formatter| quoted(&formatter.value(row).to_string())).collect());
    }
    aligned(&lines)
}

fn cells(line: &str) -> Vec<&str> {
    line.split('|').map(str::trim).collect()
}

fn field(head: &str) -> Field {
    let (name, data_type) =
        head.split_once(' ').unwrap_or_else(|| panic!("{head:?} needs a name and a type"));
    let data_type = data_type.trim();
    Field::new(name, parse_type(data_type.trim_end_matches('?')), data_type.ends_with('?'))
}

fn column(field: &Field, rows: &[Vec<&str>], at: usize) -> ArrayRef {
    let cell = |row: &Vec<&'_ str>| {
        let cell =
            *row.get(at).unwrap_or_else(|| panic!("a row without a cell for {}: {row:?}", field.name()));
        (cell != NULL).then(|| cell.trim_matches('"').to_owned())
    };
    if field.data_type().is_nested() {
        let json =
            |cell: String| serde_json::from_str(&cell).unwrap_or_else(|error| panic!("{cell}: {error}"));
        let cells: Vec<_> = rows.iter().map(|row| cell(row).map(json)).collect();
        return nested::array(field.data_type(), &cells);
    }
    let texts: StringArray = rows.iter().map(cell).collect();
    let array = cast(&texts, field.data_type()).unwrap();
    let nulls = |array: &dyn arrow_array::Array| array.null_count();
    assert_eq!(nulls(&array), nulls(&texts), "{} has a cell that is no {}", field.name(), field.data_type());
    array
}

fn parse_type(name: &str) -> DataType {
    if let Some(nested) = nested::parse_type(name) {
        return nested;
    }
    match name {
        "bool" => DataType::Boolean,
        "int32" => DataType::Int32,
        "int64" => DataType::Int64,
        "uint64" => DataType::UInt64,
        "float64" => DataType::Float64,
        "string" => DataType::Utf8,
        "date" => DataType::Date32,
        "timestamp" => DataType::Timestamp(TimeUnit::Microsecond, None),
        decimal => {
            let digits = decimal.strip_prefix("decimal(").and_then(|rest| rest.strip_suffix(')'));
            let (precision, scale) =
                digits.and_then(|d| d.split_once(',')).unwrap_or_else(|| panic!("type {name:?}"));
            DataType::Decimal128(precision.parse().unwrap(), scale.parse().unwrap())
        }
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "other types have no short name and show as they are")]
fn type_name(data_type: &DataType) -> String {
    match data_type {
        DataType::Boolean => "bool".to_owned(),
        DataType::Utf8 => "string".to_owned(),
        DataType::Date32 => "date".to_owned(),
        DataType::Timestamp(TimeUnit::Microsecond, None) => "timestamp".to_owned(),
        DataType::Decimal128(precision, scale) => format!("decimal({precision},{scale})"),
        other => other.to_string().to_lowercase(),
    }
}

fn quoted(cell: &str) -> String {
    if cell.is_empty() || cell.trim() != cell { format!("\"{cell}\"") } else { cell.to_owned() }
}

fn aligned(lines: &[Vec<String>]) -> String {
    let width = |at: usize| lines.iter().map(|line| line[at].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..lines[0].len()).map(width).collect();
    let shown = lines.iter().map(|line| {
        let cells: Vec<String> =
            line.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        format!("{}\n", cells.join(" | ").trim_end())
    });
    shown.collect()
}

#[cfg(test)]
mod tests {
    use super::{ArrayFormatter, FormatOptions, parse, show};

    #[test]
    fn a_table_is_shown_as_it_was_written() {
        let text = "\
id int64 | name string? | paid decimal(9,2)? | day date
1        | Ada          | 10.50              | 2024-02-29
2        | -            | -                  | 1969-12-31
3        | \" blank \"    | 0.07               | 2000-01-01
";
        assert_eq!(show(&parse(text)), text);
    }
    #[test]
    fn cells_of_lists_and_structs_are_json() {
        let text = "\
id int64 | who {name string, places [decimal(5,1)?]?} | lines [{sku string, pieces int32?}]?
1        | {\"name\": \"Ada\", \"places\": [1.5, null]}  | [{\"sku\": \"pen\", \"pieces\": 3}, {\"sku\": \"ink\"}]
2        | {\"name\": \"Bob\"}                          | -
3        | {\"name\": \"Cid\", \"places\": []}           | []
";
        let batch = parse(text);
        let shown = |column: &str| {
            let column = batch.column_by_name(column).unwrap();
            let formatter = ArrayFormatter::try_new(column, &FormatOptions::new().with_null("-")).unwrap();
            (0..3).map(|row| formatter.value(row).to_string()).collect::<Vec<_>>()
        };
        assert_eq!(
            shown("who"),
            ["{name: Ada, places: [1.5, -]}", "{name: Bob, places: -}", "{name: Cid, places: []}"]
        );
        assert_eq!(shown("lines"), ["[{sku: pen, pieces: 3}, {sku: ink, pieces: -}]", "-", "[]"]);
    }
}
