//! Values of an array, one by one.

use std::borrow::Cow;

use skein_sdk::Failure;
use skein_sdk::arrow_array::Array;
use skein_sdk::arrow_array::cast::AsArray;
use skein_sdk::arrow_array::types::{
    ArrowPrimitiveType, Date32Type, Date64Type, Decimal32Type, Decimal64Type, Decimal128Type, Decimal256Type,
    Float16Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, Time32MillisecondType,
    Time32SecondType, Time64MicrosecondType, Time64NanosecondType, TimestampMicrosecondType,
    TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType, UInt8Type, UInt16Type,
    UInt32Type, UInt64Type,
};
use skein_sdk::arrow_schema::{DataType, TimeUnit};

use super::number::{Decimal, Wide, wide_text};
use super::time::{Instant, TimeOfDay, offset_of};
use super::value::Value;

type Read<'a> = Box<dyn Fn(usize) -> Value<'a> + 'a>;

/// The values of an array.
pub(super) struct Cells<'a> {
    array: &'a dyn Array,
    read: Read<'a>,
}

impl<'a> Cells<'a> {
    pub(super) fn new(array: &'a dyn Array) -> Result<Self, Failure> {
        Ok(Self { array, read: read(array)? })
    }

    /// The value of a row, or nothing for null.
    pub(super) fn at(&self, row: usize) -> Option<Value<'a>> {
        (!self.array.is_null(row)).then(|| (self.read)(row))
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "casts of other types are refused when planning")]
fn read(array: &dyn Array) -> Result<Read<'_>, Failure> {
    Ok(match array.data_type() {
        DataType::Boolean => {
            let bools = array.as_boolean();
            Box::new(|row| Value::Bool(bools.value(row)))
        }
        DataType::Int8 => each::<Int8Type>(array, |n| Value::Int(n.into())),
        DataType::Int16 => each::<Int16Type>(array, |n| Value::Int(n.into())),
        DataType::Int32 => each::<Int32Type>(array, |n| Value::Int(n.into())),
        DataType::Int64 => each::<Int64Type>(array, |n| Value::Int(n.into())),
        DataType::UInt8 => each::<UInt8Type>(array, |n| Value::Int(n.into())),
        DataType::UInt16 => each::<UInt16Type>(array, |n| Value::Int(n.into())),
        DataType::UInt32 => each::<UInt32Type>(array, |n| Value::Int(n.into())),
        DataType::UInt64 => each::<UInt64Type>(array, |n| Value::Int(n.into())),
        DataType::Float16 => each::<Float16Type>(array, |n| Value::Single(n.to_f32())),
        DataType::Float32 => each::<Float32Type>(array, Value::Single),
        DataType::Float64 => each::<Float64Type>(array, Value::Double),
        DataType::Decimal32(_, scale) => decimals::<Decimal32Type>(array, *scale),
        DataType::Decimal64(_, scale) => decimals::<Decimal64Type>(array, *scale),
        DataType::Decimal128(_, scale) => decimals::<Decimal128Type>(array, *scale),
        DataType::Decimal256(_, scale) => {
            let scale = i32::from(*scale);
            each::<Decimal256Type>(array, move |n| wide(n, scale))
        }
        DataType::Utf8 => {
            let texts = array.as_string::<i32>();
            Box::new(|row| Value::Text(Cow::Borrowed(texts.value(row))))
        }
        DataType::LargeUtf8 => {
            let texts = array.as_string::<i64>();
            Box::new(|row| Value::Text(Cow::Borrowed(texts.value(row))))
        }
        DataType::Binary => {
            let bytes = array.as_binary::<i32>();
            Box::new(|row| Value::Bytes(bytes.value(row)))
        }
        DataType::LargeBinary => {
            let bytes = array.as_binary::<i64>();
            Box::new(|row| Value::Bytes(bytes.value(row)))
        }
        DataType::FixedSizeBinary(_) => {
            let bytes = array.as_fixed_size_binary();
            Box::new(|row| Value::Bytes(bytes.value(row)))
        }
        DataType::Date32 => each::<Date32Type>(array, |days| Value::Date(days.into())),
        DataType::Date64 => each::<Date64Type>(array, |millis| Value::Date(millis.div_euclid(86_400_000))),
        DataType::Timestamp(unit, zone) => instants(array, *unit, zone.as_deref())?,
        DataType::Time32(unit @ TimeUnit::Second) => times::<Time32SecondType>(array, *unit),
        DataType::Time32(unit) => times::<Time32MillisecondType>(array, *unit),
        DataType::Time64(unit @ TimeUnit::Microsecond) => times::<Time64MicrosecondType>(array, *unit),
        DataType::Time64(unit) => times::<Time64NanosecondType>(array, *unit),
        other => return Err(Failure::new("wrong-type", format!("{other} cannot be cast"))),
    })
}

fn each<'a, T: ArrowPrimitiveType>(
    array: &'a dyn Array,
    value: impl Fn(T::Native) -> Value<'a> + 'a,
) -> Read<'a> {
    let numbers = array.as_primitive::<T>();
    Box::new(move |row| value(numbers.value(row)))
}

fn decimals<T: ArrowPrimitiveType<Native: Into<i128>>>(array: &dyn Array, scale: i8) -> Read<'_> {
    each::<T>(array, move |n| Value::Decimal(Decimal { unscaled: n.into(), scale: scale.into() }))
}

/// Beyond 38 digits a decimal goes by its text, which every target reads digit by digit.
fn wide<'a>(unscaled: Wide, scale: i32) -> Value<'a> {
    unscaled.to_i128().map_or_else(
        || Value::Text(Cow::Owned(wide_text(unscaled, scale))),
        |unscaled| Value::Decimal(Decimal { unscaled, scale }),
    )
}

fn instants<'a>(array: &'a dyn Array, unit: TimeUnit, zone: Option<&str>) -> Result<Read<'a>, Failure> {
    let offset = zone.map(offset_of).transpose()?;
    let value = move |count| Value::Instant(Instant { count, unit, offset });
    Ok(match unit {
        TimeUnit::Second => each::<TimestampSecondType>(array, value),
        TimeUnit::Millisecond => each::<TimestampMillisecondType>(array, value),
        TimeUnit::Microsecond => each::<TimestampMicrosecondType>(array, value),
        TimeUnit::Nanosecond => each::<TimestampNanosecondType>(array, value),
    })
}

fn times<T: ArrowPrimitiveType<Native: Into<i64>>>(array: &dyn Array, unit: TimeUnit) -> Read<'_> {
    each::<T>(array, move |count| Value::Time(TimeOfDay { count: count.into(), unit }))
}
