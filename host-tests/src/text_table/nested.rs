//! Lists and structs of a table: their types in brackets, their cells as JSON.

use std::sync::Arc;

use arrow_array::{ArrayRef, ListArray, StringArray, StructArray, new_empty_array};
use arrow_cast::cast;
use arrow_schema::{DataType, Field, Fields};
use serde_json::Value;

/// A type in brackets; `None` if there are none.
pub(super) fn parse_type(text: &str) -> Option<DataType> {
    let inside = |open, close| text.strip_prefix(open).and_then(|rest: &str| rest.strip_suffix(close));
    if let Some(item) = inside('[', ']') {
        return Some(DataType::List(Arc::new(super::field(&format!("item {item}")))));
    }
    inside('{', '}').map(|fields| DataType::Struct(members(fields).into_iter().map(super::field).collect()))
}

/// Cells as an array. Values of other types than lists and structs are read as text is.
#[expect(clippy::wildcard_enum_match_arm, reason = "every other type is a leaf")]
pub(super) fn array(data_type: &DataType, cells: &[Option<Value>]) -> ArrayRef {
    match data_type {
        DataType::List(item) => list(item, cells),
        DataType::Struct(fields) => structure(fields, cells),
        leaf => {
            let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned);
            let texts: StringArray = cells.iter().map(|cell| cell.as_ref().map(text)).collect();
            cast(&texts, leaf).unwrap()
        }
    }
}

fn list(item: &Arc<Field>, cells: &[Option<Value>]) -> ArrayRef {
    let elements = |cell: &Option<Value>| match cell {
        Some(Value::Array(elements)) => elements.iter().cloned().map(present).collect(),
        Some(other) => panic!("{other} is no list"),
        None => Vec::new(),
    };
    let lists: Vec<Vec<Option<Value>>> = cells.iter().map(elements).collect();
    let lengths = lists.iter().map(Vec::len);
    let offsets = arrow_buffer::OffsetBuffer::from_lengths(lengths);
    let values = array(item.data_type(), &lists.concat());
    Arc::new(ListArray::new(Arc::clone(item), offsets, values, Some(validity(cells))))
}

fn structure(fields: &Fields, cells: &[Option<Value>]) -> ArrayRef {
    if cells.is_empty() {
        return new_empty_array(&DataType::Struct(fields.clone()));
    }
    let child = |field: &Arc<Field>| {
        let member = |cell: &Option<Value>| present(cell.as_ref()?.get(field.name())?.clone());
        array(field.data_type(), &cells.iter().map(member).collect::<Vec<_>>())
    };
    Arc::new(StructArray::new(fields.clone(), fields.iter().map(child).collect(), Some(validity(cells))))
}

fn validity(cells: &[Option<Value>]) -> arrow_buffer::NullBuffer {
    cells.iter().map(Option::is_some).collect()
}

fn present(value: Value) -> Option<Value> {
    (!value.is_null()).then_some(value)
}

/// Splits at commas that stand in no further brackets.
fn members(text: &str) -> Vec<&str> {
    let mut depth = 0_i32;
    let split = text.split(|c| {
        depth += match c {
            '[' | '{' | '(' => 1,
            ']' | '}' | ')' => -1,
            _ => 0,
        };
        c == ',' && depth == 0
    });
    split.map(str::trim).collect()
}
