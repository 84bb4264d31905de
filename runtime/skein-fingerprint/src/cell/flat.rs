//! Values of fixed width.

use arrow_array::cast::AsArray;
use arrow_array::types::{
    Date32Type, Date64Type, Decimal32Type, Decimal64Type, Decimal128Type, Decimal256Type,
    DurationMicrosecondType, DurationMillisecondType, DurationNanosecondType, DurationSecondType,
    Float16Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, IntervalDayTimeType,
    IntervalMonthDayNanoType, IntervalYearMonthType, Time32MillisecondType, Time32SecondType,
    Time64MicrosecondType, Time64NanosecondType, TimestampMicrosecondType, TimestampMillisecondType,
    TimestampNanosecondType, TimestampSecondType, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{Array, ArrowPrimitiveType, BooleanArray};
use arrow_buffer::i256;
use arrow_schema::{DataType, IntervalUnit, TimeUnit};

use super::{Unhashable, null, unknown};
use crate::key::{Key, Seed, Tag};

const DAY_MS: i64 = 86_400_000;

pub(super) fn cells(array: &dyn Array, seed: Seed, out: &mut Vec<u64>) -> Result<(), Unhashable> {
    let key = |tag| seed.key(tag);
    let mut to = Out { array, null: null(seed), out };
    #[expect(clippy::wildcard_enum_match_arm, reason = "the caller has the list of types")]
    match array.data_type() {
        DataType::Boolean => booleans(array.as_boolean(), seed, to.out),
        DataType::Int8 => to.numbers::<Int8Type>(key(Tag::Signed), i64::from),
        DataType::Int16 => to.numbers::<Int16Type>(key(Tag::Signed), i64::from),
        DataType::Int32 => to.numbers::<Int32Type>(key(Tag::Signed), i64::from),
        DataType::Int64 => to.numbers::<Int64Type>(key(Tag::Signed), |n| n),
        DataType::UInt8 => to.each::<UInt8Type>(|n| key(Tag::Unsigned).number(u64::from(n))),
        DataType::UInt16 => to.each::<UInt16Type>(|n| key(Tag::Unsigned).number(u64::from(n))),
        DataType::UInt32 => to.each::<UInt32Type>(|n| key(Tag::Unsigned).number(u64::from(n))),
        DataType::UInt64 => to.each::<UInt64Type>(|n| key(Tag::Unsigned).number(n)),
        DataType::Float16 => to.each::<Float16Type>(|f| float(key(Tag::Float), f.to_f64())),
        DataType::Float32 => to.each::<Float32Type>(|f| float(key(Tag::Float), f64::from(f))),
        DataType::Float64 => to.each::<Float64Type>(|f| float(key(Tag::Float), f)),
        DataType::Decimal32(_, scale) => {
            let key = seed.decimal(*scale);
            to.each::<Decimal32Type>(|n| key.bytes(&i128::from(n).to_le_bytes()));
        }
        DataType::Decimal64(_, scale) => {
            let key = seed.decimal(*scale);
            to.each::<Decimal64Type>(|n| key.bytes(&i128::from(n).to_le_bytes()));
        }
        DataType::Decimal128(_, scale) => {
            let key = seed.decimal(*scale);
            to.each::<Decimal128Type>(|n| key.bytes(&n.to_le_bytes()));
        }
        DataType::Decimal256(_, scale) => {
            let key = seed.decimal(*scale);
            to.each::<Decimal256Type>(|n| large_decimal(key, n));
        }
        DataType::Date32 => to.numbers::<Date32Type>(key(Tag::Date), i64::from),
        DataType::Date64 => to.each::<Date64Type>(|ms| date(key(Tag::Date), ms)),
        DataType::Time32(_) | DataType::Time64(_) | DataType::Duration(_) | DataType::Timestamp(_, _) => {
            times(&mut to, seed)?;
        }
        DataType::Interval(unit) => intervals(&mut to, *unit, key(Tag::Interval)),
        _ => return Err(unknown(array)),
    }
    Ok(())
}

/// Where cells go.
struct Out<'a> {
    array: &'a dyn Array,
    null: u64,
    out: &'a mut Vec<u64>,
}

impl Out<'_> {
    fn each<T: ArrowPrimitiveType>(&mut self, cell: impl Fn(T::Native) -> u64) {
        let array = self.array.as_primitive::<T>();
        let (values, null) = (array.values(), self.null);
        match array.nulls().filter(|nulls| nulls.null_count() > 0) {
            None => self.out.extend(values.iter().map(|value| cell(*value))),
            Some(nulls) => {
                let valid = values.iter().zip(nulls.iter());
                self.out.extend(valid.map(|(value, valid)| if valid { cell(*value) } else { null }));
            }
        }
    }

    fn numbers<T: ArrowPrimitiveType>(&mut self, key: Key, widened: impl Fn(T::Native) -> i64) {
        self.each::<T>(|value| key.number(widened(value).cast_unsigned()));
    }

    fn nanos<T: ArrowPrimitiveType<Native: Into<i64>>>(&mut self, key: Key, nanos: i64) {
        self.each::<T>(|value| scaled(key, value.into(), nanos));
    }
}

fn booleans(array: &BooleanArray, seed: Seed, out: &mut Vec<u64>) {
    let key = seed.key(Tag::Boolean);
    let (no, yes, null) = (key.bytes(&[0]), key.bytes(&[1]), null(seed));
    let of = |value| if value { yes } else { no };
    match array.nulls().filter(|nulls| nulls.null_count() > 0) {
        None => out.extend(array.values().iter().map(of)),
        Some(_) => out.extend(array.iter().map(|value| value.map_or(null, of))),
    }
}

/// What is equal has one form, and so has what is no number.
fn float(key: Key, value: f64) -> u64 {
    let value = if value.is_nan() { f64::NAN } else { value };
    // Of the two zeros the positive one.
    let value = if value == 0.0 { 0.0 } else { value };
    key.number(value.to_bits())
}

/// The same as with 128 bits wherever these are enough.
fn large_decimal(key: Key, value: i256) -> u64 {
    match value.to_i128() {
        Some(small) => key.bytes(&small.to_le_bytes()),
        None => key.bytes(&value.to_le_bytes()),
    }
}

/// A moment that is no day is not that day.
fn date(key: Key, ms: i64) -> u64 {
    let (day, rest) = (ms.div_euclid(DAY_MS), ms.rem_euclid(DAY_MS));
    if rest == 0 {
        return key.number(day.cast_unsigned());
    }
    key.bytes(&i128::from(ms).to_le_bytes())
}

/// Nanoseconds; as 128 bits where 64 are too few.
fn scaled(key: Key, value: i64, nanos: i64) -> u64 {
    match value.checked_mul(nanos) {
        Some(value) => key.number(value.cast_unsigned()),
        None => key.bytes(&(i128::from(value) * i128::from(nanos)).to_le_bytes()),
    }
}

const NANO: i64 = 1;
const MICRO: i64 = 1_000;
const MILLI: i64 = 1_000_000;
const SECOND: i64 = 1_000_000_000;

fn times(to: &mut Out<'_>, seed: Seed) -> Result<(), Unhashable> {
    let (time, duration) = (seed.key(Tag::Time), seed.key(Tag::Duration));
    #[expect(clippy::wildcard_enum_match_arm, reason = "the format has no other combination")]
    match to.array.data_type() {
        DataType::Time32(TimeUnit::Second) => to.nanos::<Time32SecondType>(time, SECOND),
        DataType::Time32(TimeUnit::Millisecond) => to.nanos::<Time32MillisecondType>(time, MILLI),
        DataType::Time64(TimeUnit::Microsecond) => to.nanos::<Time64MicrosecondType>(time, MICRO),
        DataType::Time64(TimeUnit::Nanosecond) => to.nanos::<Time64NanosecondType>(time, NANO),
        DataType::Duration(TimeUnit::Second) => to.nanos::<DurationSecondType>(duration, SECOND),
        DataType::Duration(TimeUnit::Millisecond) => to.nanos::<DurationMillisecondType>(duration, MILLI),
        DataType::Duration(TimeUnit::Microsecond) => to.nanos::<DurationMicrosecondType>(duration, MICRO),
        DataType::Duration(TimeUnit::Nanosecond) => to.nanos::<DurationNanosecondType>(duration, NANO),
        DataType::Timestamp(unit, zone) => {
            let key = seed.key(if zone.is_some() { Tag::Instant } else { Tag::Local });
            match unit {
                TimeUnit::Second => to.nanos::<TimestampSecondType>(key, SECOND),
                TimeUnit::Millisecond => to.nanos::<TimestampMillisecondType>(key, MILLI),
                TimeUnit::Microsecond => to.nanos::<TimestampMicrosecondType>(key, MICRO),
                TimeUnit::Nanosecond => to.nanos::<TimestampNanosecondType>(key, NANO),
            }
        }
        _ => return Err(unknown(to.array)),
    }
    Ok(())
}

fn intervals(to: &mut Out<'_>, unit: IntervalUnit, key: Key) {
    match unit {
        IntervalUnit::YearMonth => to.each::<IntervalYearMonthType>(|months| interval(key, (months, 0, 0))),
        IntervalUnit::DayTime => to.each::<IntervalDayTimeType>(|span| {
            interval(key, (0, span.days, i64::from(span.milliseconds) * MILLI))
        }),
        IntervalUnit::MonthDayNano => to.each::<IntervalMonthDayNanoType>(|span| {
            interval(key, (span.months, span.days, span.nanoseconds))
        }),
    }
}

fn interval(key: Key, (months, days, nanos): (i32, i32, i64)) -> u64 {
    let mut bytes = [0; 16];
    bytes[..4].copy_from_slice(&months.to_le_bytes());
    bytes[4..8].copy_from_slice(&days.to_le_bytes());
    bytes[8..].copy_from_slice(&nanos.to_le_bytes());
    key.bytes(&bytes)
}
