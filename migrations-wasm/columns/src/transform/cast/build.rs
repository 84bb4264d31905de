//! Arrays of a target type from the values that fit it.

use std::sync::Arc;

use skein_sdk::Failure;
use skein_sdk::arrow_array::builder::{GenericBinaryBuilder, GenericStringBuilder};
use skein_sdk::arrow_array::types::{
    ArrowPrimitiveType, Date32Type, Date64Type, Decimal32Type, Decimal64Type, Decimal128Type, Decimal256Type,
    Float16Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, Time32MillisecondType,
    Time32SecondType, Time64MicrosecondType, Time64NanosecondType, TimestampMicrosecondType,
    TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType, UInt8Type, UInt16Type,
    UInt32Type, UInt64Type,
};
use skein_sdk::arrow_array::{ArrayRef, BooleanArray, OffsetSizeTrait, PrimitiveArray};
use skein_sdk::arrow_schema::{DataType, TimeUnit};

use super::fit::{as_bool, as_bytes, as_date, as_decimal, as_double, as_int, as_single, as_text, as_time};
use super::fit::{as_instant, narrowed};
use super::number::Wide;
use super::read::Cells;
use super::time::zone_offset;
use super::value::Value;

/// The first `rows` values as a type; null where there is none or it does not fit.
pub(super) fn build(cells: &Cells<'_>, rows: usize, to: &DataType) -> Result<ArrayRef, Failure> {
    Made { cells, rows, to }.array()
}

/// An array in the making.
struct Made<'a, 'b> {
    cells: &'a Cells<'b>,
    rows: usize,
    to: &'a DataType,
}

impl Made<'_, '_> {
    #[expect(clippy::wildcard_enum_match_arm, reason = "casts to other types are refused when planning")]
    fn array(&self) -> Result<ArrayRef, Failure> {
        Ok(match self.to {
            DataType::Boolean => {
                let bools = (0..self.rows).map(|row| self.cells.at(row).and_then(|value| as_bool(&value)));
                Arc::new(bools.collect::<BooleanArray>())
            }
            DataType::Int8 => self.ints::<Int8Type>(),
            DataType::Int16 => self.ints::<Int16Type>(),
            DataType::Int32 => self.ints::<Int32Type>(),
            DataType::Int64 => self.ints::<Int64Type>(),
            DataType::UInt8 => self.ints::<UInt8Type>(),
            DataType::UInt16 => self.ints::<UInt16Type>(),
            DataType::UInt32 => self.ints::<UInt32Type>(),
            DataType::UInt64 => self.ints::<UInt64Type>(),
            DataType::Float16 => self.each::<Float16Type>(|value| {
                let made = <Float16Type as ArrowPrimitiveType>::Native::from_f32(as_single(value)?);
                (made.is_finite() || !as_single(value)?.is_finite()).then_some(made)
            }),
            DataType::Float32 => self.each::<Float32Type>(as_single),
            DataType::Float64 => self.each::<Float64Type>(as_double),
            DataType::Decimal32(digits, scale) => self.decimals::<Decimal32Type>(*digits, *scale),
            DataType::Decimal64(digits, scale) => self.decimals::<Decimal64Type>(*digits, *scale),
            DataType::Decimal128(digits, scale) => self.decimals::<Decimal128Type>(*digits, *scale),
            DataType::Decimal256(digits, scale) => {
                self.each::<Decimal256Type>(|value| as_decimal(value, *digits, *scale).map(Wide::from_i128))
            }
            DataType::Utf8 => self.texts::<i32>(),
            DataType::LargeUtf8 => self.texts::<i64>(),
            DataType::Binary => self.bytes::<i32>(),
            DataType::LargeBinary => self.bytes::<i64>(),
            DataType::Date32 => self.each::<Date32Type>(|value| as_date(value)?.try_into().ok()),
            DataType::Date64 => self.each::<Date64Type>(|value| as_date(value)?.checked_mul(86_400_000)),
            DataType::Timestamp(unit, zone) => self.instants(*unit, zone.as_deref())?,
            DataType::Time32(unit @ TimeUnit::Second) => self.times::<Time32SecondType>(*unit),
            DataType::Time32(unit) => self.times::<Time32MillisecondType>(*unit),
            DataType::Time64(unit @ TimeUnit::Microsecond) => self.times::<Time64MicrosecondType>(*unit),
            DataType::Time64(unit) => self.times::<Time64NanosecondType>(*unit),
            other => return Err(Failure::new("wrong-type", format!("nothing can be cast to {other}"))),
        })
    }

    fn each<T: ArrowPrimitiveType>(&self, fit: impl Fn(&Value<'_>) -> Option<T::Native>) -> ArrayRef {
        let numbers = (0..self.rows).map(|row| self.cells.at(row).and_then(|value| fit(&value)));
        let made: PrimitiveArray<T> = numbers.collect();
        Arc::new(made.with_data_type(self.to.clone()))
    }

    fn ints<T: ArrowPrimitiveType<Native: TryFrom<i128>>>(&self) -> ArrayRef {
        self.each::<T>(|value| narrowed(as_int(value)))
    }

    fn decimals<T: ArrowPrimitiveType<Native: TryFrom<i128>>>(&self, digits: u8, scale: i8) -> ArrayRef {
        self.each::<T>(|value| narrowed(as_decimal(value, digits, scale)))
    }

    fn times<T: ArrowPrimitiveType<Native: TryFrom<i128>>>(&self, unit: TimeUnit) -> ArrayRef {
        self.each::<T>(|value| narrowed(as_time(value, unit).map(i128::from)))
    }

    fn instants(&self, unit: TimeUnit, zone: Option<&str>) -> Result<ArrayRef, Failure> {
        let known = |zone| {
            zone_offset(zone).ok_or_else(|| Failure::new("wrong-type", format!("zone {zone:?} is named")))
        };
        let offset = zone.map(known).transpose()?;
        let fit = |value: &Value<'_>| as_instant(value, unit, offset);
        Ok(match unit {
            TimeUnit::Second => self.each::<TimestampSecondType>(fit),
            TimeUnit::Millisecond => self.each::<TimestampMillisecondType>(fit),
            TimeUnit::Microsecond => self.each::<TimestampMicrosecondType>(fit),
            TimeUnit::Nanosecond => self.each::<TimestampNanosecondType>(fit),
        })
    }

    fn texts<O: OffsetSizeTrait>(&self) -> ArrayRef {
        let mut made = GenericStringBuilder::<O>::with_capacity(self.rows, 0);
        for row in 0..self.rows {
            made.append_option(self.cells.at(row).and_then(as_text));
        }
        Arc::new(made.finish())
    }

    fn bytes<O: OffsetSizeTrait>(&self) -> ArrayRef {
        let mut made = GenericBinaryBuilder::<O>::with_capacity(self.rows, 0);
        for row in 0..self.rows {
            made.append_option(self.cells.at(row).as_ref().and_then(as_bytes));
        }
        Arc::new(made.finish())
    }
}
