//! Changes of a column's values, on whole arrays.

mod cast;
mod keyed;
mod text;

use std::sync::Arc;

use arrow_select::interleave::interleave;
use serde_json::Value;
use skein_sdk::arrow_array::{Array, ArrayRef, Datum, Scalar, StringArray};
use skein_sdk::arrow_schema::DataType;
use skein_sdk::{Failure, Output, Secret};

use crate::spec::{Case, OnError};
pub(crate) use cast::{possible, strict, zone_offset};
pub(crate) use keyed::Key;

/// One change, as the spec has it.
#[derive(Clone, Debug)]
pub(crate) enum Change {
    Cast { to: DataType, on_error: OnError },
    Fill(Scalar<ArrayRef>),
    Trim,
    Case(Case),
    Hash(Secret),
    Mask { keep_first: usize, keep_last: usize, with: char },
}

impl Change {
    /// Whether the spec wants the column's values hidden: then messages do not show them either.
    pub(crate) const fn hides(&self) -> bool {
        matches!(self, Self::Hash(_) | Self::Mask { .. })
    }

    /// The change with its secret's value at hand.
    pub(crate) fn ready(self) -> Result<Ready, Failure> {
        if let Self::Hash(secret) = &self {
            return Ok(Ready::Hash(Box::new(Key::new(secret)?)));
        }
        Ok(Ready::Plain(self))
    }
}

/// A change that can run.
#[derive(Clone, Debug)]
pub(crate) enum Ready {
    Plain(Change),
    Hash(Box<Key>),
}

/// The column that is being made, for messages.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Named<'a> {
    pub(crate) column: &'a str,
    /// The counter of values that are lost, [`nulled`].
    pub(crate) nulled: &'a str,
    pub(crate) hidden: bool,
}

/// Counters of their own; what is nulled in columns beyond shares one. Well below what a module may have.
const NULLED_MAX: usize = 200;
/// Longer names are none that a counter may have.
const COUNTER_BYTES: usize = 120;

/// Name of the counter of values in a column that could not be cast and became null: the `nth` column that is made.
pub(crate) fn nulled(column: &str, nth: usize) -> String {
    let mut name =
        if nth < NULLED_MAX { format!("nulled/{column}") } else { "nulled/(other columns)".to_owned() };
    name.truncate(name.floor_char_boundary(COUNTER_BYTES));
    name
}

impl Ready {
    pub(crate) fn apply(
        &self,
        array: &ArrayRef,
        named: Named<'_>,
        out: &mut Output,
    ) -> Result<ArrayRef, Failure> {
        match self {
            Self::Hash(key) => key.hash(array),
            Self::Plain(Change::Cast { to, on_error }) => cast::cast(array, to, *on_error, named, out),
            Self::Plain(Change::Fill(value)) => fill(array, value),
            Self::Plain(Change::Trim) => text::trim(array),
            Self::Plain(Change::Case(to)) => text::case(array, *to),
            Self::Plain(Change::Mask { keep_first, keep_last, with }) => {
                text::mask(array, *keep_first, *keep_last, *with)
            }
            Self::Plain(Change::Hash(_)) => Err(Failure::new("not-ready", "the hash has no key")),
        }
    }
}

// Interleaving serves any type, and the reader of batches has its code in every module anyway.
fn fill(array: &ArrayRef, value: &Scalar<ArrayRef>) -> Result<ArrayRef, Failure> {
    let Some(nulls) = array.nulls().filter(|nulls| nulls.null_count() > 0) else {
        return Ok(ArrayRef::clone(array));
    };
    let places: Vec<_> =
        nulls.iter().enumerate().map(|(row, given)| if given { (0, row) } else { (1, 0) }).collect();
    Ok(interleave(&[array, value.get().0], &places)?)
}

/// `rows` times the same value.
pub(crate) fn repeat(value: &Scalar<ArrayRef>, rows: usize) -> Result<ArrayRef, Failure> {
    Ok(interleave(&[value.get().0], &vec![(0, 0); rows])?)
}

/// A JSON value as one value of a type.
pub(crate) fn scalar(value: &Value, data_type: &DataType) -> Result<Scalar<ArrayRef>, String> {
    let text = match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => Some(value.to_string()),
    };
    let one: ArrayRef = Arc::new(StringArray::from(vec![text]));
    let made = strict(&one, data_type).map_err(|_| format!("{value} is no {data_type}"))?;
    Ok(Scalar::new(made))
}

/// Whether texts can be changed in place.
pub(crate) const fn is_text(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Utf8 | DataType::LargeUtf8)
}
