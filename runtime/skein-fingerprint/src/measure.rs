//! What others can compute too: totals, least and greatest values. They see less than sums of cells do, and need nothing of
//! ours to be checked.

use arrow_array::cast::AsArray;
use arrow_array::types::{
    Date32Type, Decimal32Type, Decimal64Type, Decimal128Type, Int8Type, Int16Type, Int32Type, Int64Type,
    TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType, UInt8Type, UInt16Type,
    UInt32Type, UInt64Type,
};
use arrow_array::{Array, ArrowPrimitiveType, OffsetSizeTrait, RecordBatch};
use arrow_schema::{DataType, TimeUnit};
use serde::{Deserialize, Serialize};

/// What is measured of a column's values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A boolean: how many are true.
    Boolean,
    /// An integer: itself.
    Integer,
    /// A decimal: its digits as an integer.
    Decimal {
        /// Digits behind the point.
        scale: i8,
    },
    /// A date: days since 1970.
    Date,
    /// A timestamp: milliseconds since 1970.
    Milliseconds,
    /// A timestamp: microseconds since 1970.
    Microseconds,
    /// A timestamp: nanoseconds since 1970.
    Nanoseconds,
    /// A text: its bytes as UTF-8.
    Text,
    /// Bytes: how many.
    Binary,
}

impl Kind {
    /// What is measured of this type; nothing of floats, whose sum depends on the order, and of nested types.
    pub fn of(data_type: &DataType) -> Option<Self> {
        #[expect(clippy::wildcard_enum_match_arm, reason = "the list of what is measured")]
        Some(match data_type {
            DataType::Boolean => Self::Boolean,
            DataType::Int8
            | DataType::Int16
            | DataType::Int32
            | DataType::Int64
            | DataType::UInt8
            | DataType::UInt16
            | DataType::UInt32
            | DataType::UInt64 => Self::Integer,
            DataType::Decimal32(_, scale)
            | DataType::Decimal64(_, scale)
            | DataType::Decimal128(_, scale)
                if *scale >= 0 =>
            {
                Self::Decimal { scale: *scale }
            }
            DataType::Date32 => Self::Date,
            DataType::Timestamp(TimeUnit::Millisecond, _) => Self::Milliseconds,
            DataType::Timestamp(TimeUnit::Microsecond, _) => Self::Microseconds,
            // Few tools have instants so fine.
            DataType::Timestamp(TimeUnit::Nanosecond, None) => Self::Nanoseconds,
            DataType::Utf8 | DataType::LargeUtf8 => Self::Text,
            DataType::Binary | DataType::LargeBinary => Self::Binary,
            _ => return None,
        })
    }
}

/// Numbers of a column. All but nulls count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Measure {
    /// Of what.
    pub kind: Kind,
    /// All of them together; none where that is beyond 127 bits.
    #[serde(with = "decimal")]
    pub total: Option<i128>,
    /// The least.
    #[serde(with = "decimal")]
    pub least: Option<i128>,
    /// The greatest.
    #[serde(with = "decimal")]
    pub greatest: Option<i128>,
}

impl Measure {
    const fn nothing(kind: Kind) -> Self {
        Self { kind, total: Some(0), least: None, greatest: None }
    }

    /// Of both together.
    #[must_use]
    pub fn and(mut self, other: &Self) -> Self {
        self.add(other);
        self
    }

    fn add(&mut self, other: &Self) {
        self.total = self.total.zip(other.total).and_then(|(one, more)| one.checked_add(more));
        let both = |one: Option<i128>, more: Option<i128>, of: fn(i128, i128) -> i128| match (one, more) {
            (Some(one), Some(more)) => Some(of(one, more)),
            (one, more) => one.or(more),
        };
        self.least = both(self.least, other.least, i128::min);
        self.greatest = both(self.greatest, other.greatest, i128::max);
    }
}

/// Measures of some columns; none of a column whose type has none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Measures {
    /// One per column.
    pub columns: Vec<Option<Measure>>,
}

impl Measures {
    /// Adds all rows of a batch; all batches have the same types.
    pub fn batch(&mut self, batch: &RecordBatch) {
        let columns = batch.columns().iter().map(|column| measured(column.as_ref()));
        self.add(&Self { columns: columns.collect() });
    }

    /// Adds another part.
    pub fn add(&mut self, other: &Self) {
        if self.columns.is_empty() {
            self.columns.clone_from(&other.columns);
            return;
        }
        for (column, more) in self.columns.iter_mut().zip(&other.columns) {
            match (column.as_mut(), more) {
                (Some(column), Some(more)) if column.kind == more.kind => column.add(more),
                _ => *column = None,
            }
        }
    }
}

fn measured(array: &dyn Array) -> Option<Measure> {
    let kind = Kind::of(array.data_type())?;
    let nothing = Measure::nothing(kind);
    #[expect(clippy::wildcard_enum_match_arm, reason = "what is left of what has a kind")]
    Some(match array.data_type() {
        DataType::Boolean => {
            let of = array.as_boolean().iter().flatten();
            of.fold(nothing, |all, value| one(all, i128::from(value)))
        }
        DataType::Int8 => numbers::<Int8Type>(array, nothing),
        DataType::Int16 => numbers::<Int16Type>(array, nothing),
        DataType::Int32 => numbers::<Int32Type>(array, nothing),
        DataType::Int64 => numbers::<Int64Type>(array, nothing),
        DataType::UInt8 => numbers::<UInt8Type>(array, nothing),
        DataType::UInt16 => numbers::<UInt16Type>(array, nothing),
        DataType::UInt32 => numbers::<UInt32Type>(array, nothing),
        DataType::UInt64 => wide::<UInt64Type>(array, nothing),
        DataType::Decimal32(_, _) => numbers::<Decimal32Type>(array, nothing),
        DataType::Decimal64(_, _) => numbers::<Decimal64Type>(array, nothing),
        DataType::Decimal128(_, _) => wide::<Decimal128Type>(array, nothing),
        DataType::Date32 => numbers::<Date32Type>(array, nothing),
        DataType::Timestamp(TimeUnit::Millisecond, _) => numbers::<TimestampMillisecondType>(array, nothing),
        DataType::Timestamp(TimeUnit::Microsecond, _) => numbers::<TimestampMicrosecondType>(array, nothing),
        DataType::Timestamp(TimeUnit::Nanosecond, _) => numbers::<TimestampNanosecondType>(array, nothing),
        DataType::Utf8 => lengths(array, array.as_string::<i32>().value_offsets(), nothing),
        DataType::LargeUtf8 => lengths(array, array.as_string::<i64>().value_offsets(), nothing),
        DataType::Binary => lengths(array, array.as_binary::<i32>().value_offsets(), nothing),
        DataType::LargeBinary => lengths(array, array.as_binary::<i64>().value_offsets(), nothing),
        _ => return None,
    })
}

fn one(mut all: Measure, value: i128) -> Measure {
    all.add(&Measure { total: Some(value), least: Some(value), greatest: Some(value), ..all });
    all
}

/// Numbers of 64 bits, in two halves that cannot overflow within a batch: these loops take several at a time.
struct Narrow {
    high: i64,
    low: u64,
    least: i64,
    greatest: i64,
    some: bool,
}

impl Narrow {
    const NONE: Self = Self { high: 0, low: 0, least: i64::MAX, greatest: i64::MIN, some: false };

    fn next(mut self, value: i64) -> Self {
        self.high += value >> 32;
        self.low += value.cast_unsigned() & 0xFFFF_FFFF;
        self.least = self.least.min(value);
        self.greatest = self.greatest.max(value);
        self.some = true;
        self
    }

    fn into(self, nothing: Measure) -> Measure {
        if !self.some {
            return nothing;
        }
        let total = (i128::from(self.high) << 32) + i128::from(self.low);
        let (least, greatest) = (Some(self.least.into()), Some(self.greatest.into()));
        Measure { total: Some(total), least, greatest, ..nothing }
    }
}

/// More rows than that are no batch.
const PART: usize = 1 << 20;

fn numbers<T: ArrowPrimitiveType<Native: Into<i64>>>(array: &dyn Array, nothing: Measure) -> Measure {
    let array = array.as_primitive::<T>();
    let nulls = array.nulls().filter(|nulls| nulls.null_count() > 0);
    let mut all = nothing;
    for (part, values) in array.values().chunks(PART).enumerate() {
        let numbers = values.iter().map(|value| (*value).into());
        let narrow = match nulls {
            None => numbers.fold(Narrow::NONE, Narrow::next),
            Some(nulls) => {
                let valid = nulls.iter().skip(part * PART);
                let valid = numbers.zip(valid).filter_map(|(value, valid)| valid.then_some(value));
                valid.fold(Narrow::NONE, Narrow::next)
            }
        };
        all.add(&narrow.into(nothing));
    }
    all
}

fn wide<T: ArrowPrimitiveType<Native: Into<i128>>>(array: &dyn Array, nothing: Measure) -> Measure {
    array.as_primitive::<T>().iter().flatten().fold(nothing, |all, value| one(all, value.into()))
}

fn lengths<O: OffsetSizeTrait>(array: &dyn Array, offsets: &[O], nothing: Measure) -> Measure {
    let lengths = offsets.iter().zip(offsets.iter().skip(1));
    let lengths =
        lengths.map(|(from, to)| i64::try_from(to.as_usize() - from.as_usize()).unwrap_or(i64::MAX));
    let narrow = match array.nulls().filter(|nulls| nulls.null_count() > 0) {
        None => lengths.fold(Narrow::NONE, Narrow::next),
        Some(nulls) => {
            let valid = lengths.zip(nulls.iter()).filter_map(|(value, valid)| valid.then_some(value));
            valid.fold(Narrow::NONE, Narrow::next)
        }
    };
    narrow.into(nothing)
}

/// JSON has no numbers of 128 bits that everybody reads.
mod decimal {
    use serde::{Deserialize, Deserializer, Serializer};

    #[expect(clippy::ref_option, reason = "the shape that serde wants")]
    pub(super) fn serialize<S: Serializer>(number: &Option<i128>, s: S) -> Result<S::Ok, S::Error> {
        match number {
            Some(number) => s.collect_str(number),
            None => s.serialize_none(),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Option<i128>, D::Error> {
        let text = Option::<String>::deserialize(d)?;
        text.map(|text| text.parse().map_err(serde::de::Error::custom)).transpose()
    }
}
