//! Test data as text: CSV and JSON lines in, lines out.

use std::sync::Arc;

use arrow_array::{ArrayRef, ListArray, RecordBatch, StringArray, StructArray};
use arrow_buffer::{NullBuffer, OffsetBuffer};
use arrow_cast::display::{ArrayFormatter, FormatOptions};
use arrow_cast::{CastOptions, cast_with_options};
use arrow_schema::{ArrowError, DataType, Schema};
use serde_json::Value;

use crate::zone::{known_to_kernels, with_zone};

/// Rows of a CSV text, the first line of which names the columns in the schema's order. An empty field is null, a quoted
/// empty one is an empty string.
pub fn csv(text: &str, schema: &Schema) -> Result<RecordBatch, ArrowError> {
    let mut lines = text.lines().filter(|line| !line.is_empty());
    let names = fields(lines.next().unwrap_or_default());
    let wanted: Vec<_> = schema.fields().iter().map(|f| Some(f.name().clone())).collect();
    if names != wanted {
        return Err(ArrowError::CsvError(format!("columns are {names:?}, the schema has {wanted:?}")));
    }
    let rows: Vec<Vec<Option<String>>> = lines.map(fields).collect();
    let value = |field: &Option<String>| field.clone().map_or(Value::Null, Value::String);
    let mut columns = Vec::with_capacity(wanted.len());
    for (at, field) in schema.fields().iter().enumerate() {
        let column: Vec<Value> = rows.iter().map(|row| row.get(at).map_or(Value::Null, value)).collect();
        columns.push(array(&column, field.data_type())?);
    }
    RecordBatch::try_new(Arc::new(schema.clone()), columns)
}

/// Rows of JSON objects, one a line; nested ones become structs and lists as the schema says.
pub fn json(text: &str, schema: &Schema) -> Result<RecordBatch, ArrowError> {
    let parse = |line| serde_json::from_str(line).map_err(|e| ArrowError::JsonError(e.to_string()));
    let rows: Vec<Value> = text.lines().filter(|l| !l.is_empty()).map(parse).collect::<Result<_, _>>()?;
    let columns = schema.fields().iter().map(|f| array(&members(&rows, f.name()), f.data_type()));
    RecordBatch::try_new(Arc::new(schema.clone()), columns.collect::<Result<_, _>>()?)
}

/// Each row as its values joined by `|`, null as `-`: for comparing in a test. Zoned timestamps are shown in UTC.
pub fn lines(batch: &RecordBatch) -> Result<Vec<String>, ArrowError> {
    let options = FormatOptions::new().with_null("-");
    let in_utc = |column: &ArrayRef| {
        let DataType::Timestamp(unit, Some(_)) = column.data_type() else { return Ok(Arc::clone(column)) };
        labelled(column, &DataType::Timestamp(*unit, Some("+00:00".into())))
    };
    let columns: Vec<_> = batch.columns().iter().map(in_utc).collect::<Result<_, _>>()?;
    let columns: Vec<_> =
        columns.iter().map(|c| ArrayFormatter::try_new(c, &options)).collect::<Result<_, _>>()?;
    let line = |row| columns.iter().map(|c| c.value(row).to_string()).collect::<Vec<_>>().join("|");
    Ok((0..batch.num_rows()).map(line).collect())
}

/// The zone that a timestamp type wants.
fn labelled(array: &ArrayRef, as_in: &DataType) -> Result<ArrayRef, ArrowError> {
    let DataType::Timestamp(_, zone) = as_in else { return Ok(Arc::clone(array)) };
    with_zone(array, zone.as_deref()).map_err(|e| ArrowError::CastError(e.to_string()))
}

fn fields(line: &str) -> Vec<Option<String>> {
    let (mut all, mut field, mut quoted, mut was_quoted) = (Vec::new(), String::new(), false, false);
    let mut letters = line.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '"' if quoted && letters.peek() == Some(&'"') => {
                letters.next();
                field.push('"');
            }
            '"' => (quoted, was_quoted) = (!quoted, true),
            ',' if !quoted => {
                all.push((was_quoted || !field.is_empty()).then(|| std::mem::take(&mut field)));
                was_quoted = false;
            }
            other => field.push(other),
        }
    }
    all.push((was_quoted || !field.is_empty()).then_some(field));
    all
}

fn members(rows: &[Value], name: &str) -> Vec<Value> {
    rows.iter().map(|row| row.get(name).cloned().unwrap_or_default()).collect()
}

#[expect(clippy::wildcard_enum_match_arm, reason = "every other type is read from its text")]
fn array(values: &[Value], data_type: &DataType) -> Result<ArrayRef, ArrowError> {
    let nulls = NullBuffer::from_iter(values.iter().map(|v| !v.is_null()));
    match data_type {
        DataType::Struct(children) => {
            let inside = children.iter().map(|f| array(&members(values, f.name()), f.data_type()));
            let inside = inside.collect::<Result<Vec<_>, _>>()?;
            Ok(Arc::new(StructArray::try_new(children.clone(), inside, Some(nulls))?))
        }
        DataType::List(child) => {
            let none = Vec::new();
            let lists: Vec<&Vec<Value>> = values.iter().map(|v| v.as_array().unwrap_or(&none)).collect();
            let all: Vec<Value> = lists.iter().flat_map(|l| l.iter().cloned()).collect();
            let offsets = OffsetBuffer::from_lengths(lists.iter().map(|l| l.len()));
            let inside = array(&all, child.data_type())?;
            Ok(Arc::new(ListArray::try_new(Arc::clone(child), offsets, inside, Some(nulls))?))
        }
        leaf => {
            let text = StringArray::from_iter(values.iter().map(text));
            let options = CastOptions { safe: false, ..CastOptions::default() };
            let made = cast_with_options(&text, &known_to_kernels(leaf), &options)?;
            labelled(&made, leaf)
        }
    }
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => Some(value.to_string()),
    }
}
