//! Canonical cells.
//!
//! | Values | Canonical form | Arrow types |
//! |---|---|---|
//! | null | nothing | any, and Null |
//! | booleans | 0 or 1 | Boolean |
//! | integers | 64 bits, by sign | Int8 to Int64; UInt8 to UInt64 |
//! | floats | 64 bits; one NaN, one zero | Float16, Float32, Float64 |
//! | decimals | 128 bits, or 256 where they are needed; the scale is part of the tag | Decimal32 to Decimal256 |
//! | dates | days | Date32, Date64 |
//! | times, durations, timestamps | nanoseconds in 64 bits, or 128; whether there is a time zone is part of the tag | in any unit |
//! | intervals | months, days, nanoseconds | in any unit |
//! | texts, bytes | themselves | plain, large, views, of fixed size |
//! | lists | the cells of their items | List, LargeList, views, of fixed size |
//! | structs | the cells of their members, in order | Struct |
//! | maps | the cells of keys and values, in order | Map |
//! | unions | the type's number and the cell | sparse and dense |
//!
//! Dictionaries and runs are what they stand for. Names are no part of it, nor is what a type could hold but does not.

mod flat;
mod nested;
mod text;

use arrow_array::cast::AsArray;
use arrow_array::types::{
    ArrowDictionaryKeyType, Int8Type, Int16Type, Int32Type, Int64Type, RunEndIndexType, UInt8Type,
    UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{Array, ArrayRef, DictionaryArray, RunArray};
use arrow_schema::DataType;

use crate::key::{Seed, Tag};

/// An array that has no cells.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unhashable {
    /// Of a type that this version does not know.
    #[error("values of type {0} have no canonical form yet")]
    Type(DataType),
    /// Not sound.
    #[error("an array that is not sound: {0}")]
    Unsound(&'static str),
}

/// Appends the cell of each value of `array`.
pub fn cells(array: &dyn Array, seed: Seed, out: &mut Vec<u64>) -> Result<(), Unhashable> {
    out.reserve(array.len());
    match array.data_type() {
        DataType::Null => out.extend(std::iter::repeat_n(null(seed), array.len())),
        DataType::Dictionary(key, _) => dictionary(array, key, seed, out)?,
        DataType::RunEndEncoded(ends, _) => runs(array, ends.data_type(), seed, out)?,
        DataType::Utf8
        | DataType::LargeUtf8
        | DataType::Utf8View
        | DataType::Binary
        | DataType::LargeBinary
        | DataType::BinaryView
        | DataType::FixedSizeBinary(_) => text::cells(array, seed, out),
        DataType::List(_)
        | DataType::LargeList(_)
        | DataType::ListView(_)
        | DataType::LargeListView(_)
        | DataType::FixedSizeList(_, _)
        | DataType::Struct(_)
        | DataType::Map(_, _)
        | DataType::Union(_, _) => nested::cells(array, seed, out)?,
        DataType::Boolean
        | DataType::Int8
        | DataType::Int16
        | DataType::Int32
        | DataType::Int64
        | DataType::UInt8
        | DataType::UInt16
        | DataType::UInt32
        | DataType::UInt64
        | DataType::Float16
        | DataType::Float32
        | DataType::Float64
        | DataType::Timestamp(_, _)
        | DataType::Date32
        | DataType::Date64
        | DataType::Time32(_)
        | DataType::Time64(_)
        | DataType::Duration(_)
        | DataType::Interval(_)
        | DataType::Decimal32(_, _)
        | DataType::Decimal64(_, _)
        | DataType::Decimal128(_, _)
        | DataType::Decimal256(_, _) => flat::cells(array, seed, out)?,
    }
    Ok(())
}

fn null(seed: Seed) -> u64 {
    seed.key(Tag::Null).bytes(&[])
}

/// The type is one that this version does not look for where it is.
fn unknown(array: &dyn Array) -> Unhashable {
    Unhashable::Type(array.data_type().clone())
}

fn dictionary(array: &dyn Array, key: &DataType, seed: Seed, out: &mut Vec<u64>) -> Result<(), Unhashable> {
    #[expect(clippy::wildcard_enum_match_arm, reason = "no other type is a key by the format")]
    match key {
        DataType::Int8 => keyed(array.as_dictionary::<Int8Type>(), seed, out),
        DataType::Int16 => keyed(array.as_dictionary::<Int16Type>(), seed, out),
        DataType::Int32 => keyed(array.as_dictionary::<Int32Type>(), seed, out),
        DataType::Int64 => keyed(array.as_dictionary::<Int64Type>(), seed, out),
        DataType::UInt8 => keyed(array.as_dictionary::<UInt8Type>(), seed, out),
        DataType::UInt16 => keyed(array.as_dictionary::<UInt16Type>(), seed, out),
        DataType::UInt32 => keyed(array.as_dictionary::<UInt32Type>(), seed, out),
        DataType::UInt64 => keyed(array.as_dictionary::<UInt64Type>(), seed, out),
        _ => Err(unknown(array)),
    }
}

fn keyed<K: ArrowDictionaryKeyType>(
    array: &DictionaryArray<K>,
    seed: Seed,
    out: &mut Vec<u64>,
) -> Result<(), Unhashable> {
    let values = of(array.values(), seed)?;
    let null = null(seed);
    for key in array.keys_iter() {
        out.push(match key {
            None => null,
            Some(key) => *values.get(key).ok_or(Unhashable::Unsound("a key without a value"))?,
        });
    }
    Ok(())
}

fn runs(array: &dyn Array, ends: &DataType, seed: Seed, out: &mut Vec<u64>) -> Result<(), Unhashable> {
    #[expect(clippy::wildcard_enum_match_arm, reason = "no other type ends a run by the format")]
    match ends {
        DataType::Int16 => run::<Int16Type>(array, seed, out),
        DataType::Int32 => run::<Int32Type>(array, seed, out),
        DataType::Int64 => run::<Int64Type>(array, seed, out),
        _ => Err(unknown(array)),
    }
}

fn run<R: RunEndIndexType>(array: &dyn Array, seed: Seed, out: &mut Vec<u64>) -> Result<(), Unhashable> {
    let array: &RunArray<R> = array.as_any().downcast_ref().ok_or_else(|| unknown(array))?;
    let values = of(array.values(), seed)?;
    for row in 0..array.len() {
        let physical = array.get_physical_index(row);
        out.push(*values.get(physical).ok_or(Unhashable::Unsound("a run without a value"))?);
    }
    Ok(())
}

/// The cells of an array by themselves.
fn of(array: &ArrayRef, seed: Seed) -> Result<Vec<u64>, Unhashable> {
    let mut values = Vec::new();
    cells(array, seed, &mut values)?;
    Ok(values)
}
