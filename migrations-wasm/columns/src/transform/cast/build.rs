//! Arrays of a target type from the values that fit it.
//!
//! One loop per width of numbers, not per type: dates, times, timestamps and decimals are built as the integers they are
//! stored as and get their type afterwards.

use std::sync::Arc;

use skein_sdk::Failure;
use skein_sdk::arrow_array::builder::{
    BooleanBuilder, GenericBinaryBuilder, GenericStringBuilder, NullBufferBuilder,
};
use skein_sdk::arrow_array::types::{
    ArrowPrimitiveType, Decimal128Type, Decimal256Type, Float16Type, Float32Type, Float64Type, Int8Type,
    Int16Type, Int32Type, Int64Type, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use skein_sdk::arrow_array::{Array, ArrayRef, OffsetSizeTrait, PrimitiveArray, make_array};
use skein_sdk::arrow_schema::DataType;

use super::fit::{as_bool, as_bytes, as_date, as_decimal, as_double, as_int, as_single, as_text, as_time};
use super::fit::{as_half, as_instant};
use super::number::Wide;
use super::read::Cells;
use super::time::{MILLIS_OF_DAY, offset_of};
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

/// What fits, before it is narrowed to the target's width.
type Fit<'a, N> = &'a dyn Fn(&Value<'_>) -> Option<N>;

impl Made<'_, '_> {
    #[expect(clippy::wildcard_enum_match_arm, reason = "casts to other types are refused when planning")]
    fn array(&self) -> Result<ArrayRef, Failure> {
        match self.to {
            DataType::Boolean => Ok(self.bools()),
            DataType::Int8 => self.ints::<Int8Type>(&as_int),
            DataType::Int16 => self.ints::<Int16Type>(&as_int),
            DataType::Int32 => self.ints::<Int32Type>(&as_int),
            DataType::Int64 => self.ints::<Int64Type>(&as_int),
            DataType::UInt8 => self.ints::<UInt8Type>(&as_int),
            DataType::UInt16 => self.ints::<UInt16Type>(&as_int),
            DataType::UInt32 => self.ints::<UInt32Type>(&as_int),
            DataType::UInt64 => self.ints::<UInt64Type>(&as_int),
            DataType::Float16 => self.each::<Float16Type>(&as_half),
            DataType::Float32 => self.each::<Float32Type>(&as_single),
            DataType::Float64 => self.each::<Float64Type>(&as_double),
            DataType::Decimal32(digits, scale) => {
                self.ints::<Int32Type>(&|value| as_decimal(value, *digits, *scale))
            }
            DataType::Decimal64(digits, scale) => {
                self.ints::<Int64Type>(&|value| as_decimal(value, *digits, *scale))
            }
            DataType::Decimal128(digits, scale) => {
                self.each::<Decimal128Type>(&|value| as_decimal(value, *digits, *scale))
            }
            DataType::Decimal256(digits, scale) => {
                self.each::<Decimal256Type>(&|value| as_decimal(value, *digits, *scale).map(Wide::from_i128))
            }
            DataType::Utf8 => Ok(self.texts::<i32>()),
            DataType::LargeUtf8 => Ok(self.texts::<i64>()),
            DataType::Binary => Ok(self.bytes::<i32>()),
            DataType::LargeBinary => Ok(self.bytes::<i64>()),
            DataType::Date32 => self.ints::<Int32Type>(&as_date),
            DataType::Date64 => self.ints::<Int64Type>(&|value| as_date(value)?.checked_mul(MILLIS_OF_DAY)),
            DataType::Timestamp(unit, zone) => {
                let offset = zone.as_deref().map(offset_of).transpose()?;
                self.ints::<Int64Type>(&|value| as_instant(value, *unit, offset))
            }
            DataType::Time32(unit) => self.ints::<Int32Type>(&|value| as_time(value, *unit)),
            DataType::Time64(unit) => self.ints::<Int64Type>(&|value| as_time(value, *unit)),
            other => Err(Failure::new("wrong-type", format!("nothing can be cast to {other}"))),
        }
    }

    fn bools(&self) -> ArrayRef {
        let mut made = BooleanBuilder::with_capacity(self.rows);
        for row in 0..self.rows {
            made.append_option(self.cells.at(row).and_then(|value| as_bool(&value)));
        }
        Arc::new(made.finish())
    }

    fn ints<T: ArrowPrimitiveType<Native: TryFrom<i128>>>(
        &self,
        fit: Fit<'_, i128>,
    ) -> Result<ArrayRef, Failure> {
        self.each::<T>(&|value| fit(value)?.try_into().ok())
    }

    fn each<T: ArrowPrimitiveType>(&self, fit: Fit<'_, T::Native>) -> Result<ArrayRef, Failure> {
        let mut values = Vec::with_capacity(self.rows);
        let mut given = NullBufferBuilder::new(self.rows);
        for row in 0..self.rows {
            let value = self.cells.at(row).and_then(|value| fit(&value));
            given.append(value.is_some());
            values.push(value.unwrap_or_default());
        }
        self.typed(&PrimitiveArray::<T>::try_new(values.into(), given.finish())?)
    }

    fn typed(&self, stored: &dyn Array) -> Result<ArrayRef, Failure> {
        let data = stored.to_data().into_builder().data_type(self.to.clone()).build()?;
        Ok(make_array(data))
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
