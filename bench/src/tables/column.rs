//! A column of a generated table: a name and how to make an Arrow array from rows.

use std::fmt::{Display, Write as _};
use std::sync::Arc;

use arrow_array::builder::StringBuilder;
use arrow_array::{ArrayRef, Date32Array, Decimal128Array, Int32Array, Int64Array};
use arrow_schema::DataType;
use tpchgen::dates::TPCHDate;
use tpchgen::decimal::TPCHDecimal;

/// TPC-H's money and quantities.
const PRECISION: u8 = 15;
const SCALE: i8 = 2;

type Make<R> = Box<dyn Fn(&[R]) -> anyhow::Result<ArrayRef>>;

/// A column over rows of type `R`.
pub(super) struct Column<R> {
    /// Its name in the file.
    pub(super) name: &'static str,
    data_type: DataType,
    make: Make<R>,
}

impl<R> Column<R> {
    /// Type of the arrays.
    pub(super) fn data_type(&self) -> DataType {
        self.data_type.clone()
    }

    /// The column of these rows.
    pub(super) fn array(&self, rows: &[R]) -> anyhow::Result<ArrayRef> {
        (self.make)(rows)
    }
}

/// A 64-bit integer.
pub(super) fn long<R>(name: &'static str, get: impl Fn(&R) -> i64 + 'static) -> Column<R> {
    let make =
        move |rows: &[R]| Ok(Arc::new(Int64Array::from_iter_values(rows.iter().map(&get))) as ArrayRef);
    Column { name, data_type: DataType::Int64, make: Box::new(make) }
}

/// A 32-bit integer.
pub(super) fn int<R>(name: &'static str, get: impl Fn(&R) -> i32 + 'static) -> Column<R> {
    let make =
        move |rows: &[R]| Ok(Arc::new(Int32Array::from_iter_values(rows.iter().map(&get))) as ArrayRef);
    Column { name, data_type: DataType::Int32, make: Box::new(make) }
}

/// A day.
pub(super) fn date<R>(name: &'static str, get: impl Fn(&R) -> TPCHDate + 'static) -> Column<R> {
    let make = move |rows: &[R]| {
        let days = rows.iter().map(|row| get(row).to_unix_epoch());
        Ok(Arc::new(Date32Array::from_iter_values(days)) as ArrayRef)
    };
    Column { name, data_type: DataType::Date32, make: Box::new(make) }
}

/// A decimal(15, 2).
pub(super) fn decimal<R>(name: &'static str, get: impl Fn(&R) -> TPCHDecimal + 'static) -> Column<R> {
    let make = move |rows: &[R]| {
        let cents = rows.iter().map(|row| i128::from(get(row).into_inner()));
        let array = Decimal128Array::from_iter_values(cents).with_precision_and_scale(PRECISION, SCALE)?;
        Ok(Arc::new(array) as ArrayRef)
    };
    Column { name, data_type: DataType::Decimal128(PRECISION, SCALE), make: Box::new(make) }
}

/// A text, as the value prints.
pub(super) fn text<R, T: Display>(name: &'static str, get: impl Fn(&R) -> T + 'static) -> Column<R> {
    let make = move |rows: &[R]| {
        let mut builder = StringBuilder::with_capacity(rows.len(), rows.len() * 16);
        for row in rows {
            write!(builder, "{}", get(row))?;
            builder.append_value("");
        }
        Ok(Arc::new(builder.finish()) as ArrayRef)
    };
    Column { name, data_type: DataType::Utf8, make: Box::new(make) }
}
