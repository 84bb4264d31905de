//! Arrays of any type, a function of a seed.

use std::sync::Arc;

use arrow_array::types::{IntervalDayTime, IntervalDayTimeType, IntervalYearMonthType};
use arrow_array::{
    Array, ArrayRef, BinaryArray, BooleanArray, FixedSizeBinaryArray, FixedSizeListArray, Int64Array,
    LargeListArray, ListArray, MapArray, NullArray, PrimitiveArray, RecordBatch, StringArray, StructArray,
};
use arrow_buffer::{BooleanBuffer, NullBuffer, OffsetBuffer};
use arrow_cast::cast;
use arrow_schema::{DataType, Field, FieldRef, Fields, IntervalUnit, Schema, TimeUnit};

/// SplitMix64.
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }

    fn nulls(&mut self, rows: usize, nullable: bool) -> Option<NullBuffer> {
        nullable.then(|| NullBuffer::new(BooleanBuffer::collect_bool(rows, |_| self.below(4) != 0)))
    }
}

fn item(data_type: DataType) -> FieldRef {
    Arc::new(Field::new("item", data_type, true))
}

pub(crate) fn map_type(value: DataType) -> DataType {
    let entries = vec![Field::new("key", DataType::Utf8, false), Field::new("value", value, true)];
    DataType::Map(Arc::new(Field::new("entries", DataType::Struct(entries.into()), false)), false)
}

/// Every type that Parquet carries, without nesting.
pub(crate) fn flat_types() -> Vec<DataType> {
    let zone = || Some(Arc::from("Europe/Vienna"));
    let mut types = vec![
        DataType::Null,
        DataType::Boolean,
        DataType::Int8,
        DataType::Int16,
        DataType::Int32,
        DataType::Int64,
        DataType::UInt8,
        DataType::UInt16,
        DataType::UInt32,
        DataType::UInt64,
        DataType::Float16,
        DataType::Float32,
        DataType::Float64,
        DataType::Date32,
        DataType::Date64,
        DataType::Time32(TimeUnit::Second),
        DataType::Time32(TimeUnit::Millisecond),
        DataType::Time64(TimeUnit::Microsecond),
        DataType::Time64(TimeUnit::Nanosecond),
        DataType::Interval(IntervalUnit::YearMonth),
        DataType::Interval(IntervalUnit::DayTime),
        DataType::Utf8,
        DataType::LargeUtf8,
        DataType::Utf8View,
        DataType::Binary,
        DataType::LargeBinary,
        DataType::BinaryView,
        DataType::FixedSizeBinary(5),
        DataType::Decimal32(7, 2),
        DataType::Decimal64(15, 3),
        DataType::Decimal128(8, 2),
        DataType::Decimal128(17, 4),
        DataType::Decimal128(38, 10),
        DataType::Decimal256(60, 5),
        DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8)),
        DataType::Dictionary(Box::new(DataType::UInt8), Box::new(DataType::LargeUtf8)),
    ];
    for unit in [TimeUnit::Second, TimeUnit::Millisecond, TimeUnit::Microsecond, TimeUnit::Nanosecond] {
        types.push(DataType::Timestamp(unit, None));
        types.push(DataType::Timestamp(unit, zone()));
        types.push(DataType::Duration(unit));
    }
    types
}

/// Nested types around some of the flat ones.
pub(crate) fn nested_types() -> Vec<DataType> {
    let pair: Fields = vec![
        Field::new("a", DataType::Int32, true),
        Field::new("b", DataType::Utf8View, true),
        Field::new("c", DataType::List(item(DataType::Int16)), true),
    ]
    .into();
    let strict: Fields =
        vec![Field::new("x", DataType::Int64, false), Field::new("y", DataType::Utf8, true)].into();
    vec![
        DataType::Struct(pair.clone()),
        DataType::List(item(DataType::Utf8)),
        DataType::LargeList(item(DataType::Float64)),
        DataType::FixedSizeList(item(DataType::Int32), 3),
        map_type(DataType::Int64),
        map_type(DataType::Struct(pair.clone())),
        DataType::List(item(DataType::List(item(DataType::Boolean)))),
        DataType::List(item(DataType::Struct(pair.clone()))),
        DataType::Struct(
            vec![
                Field::new("s", DataType::Struct(pair), true),
                Field::new("t", DataType::Struct(strict), false),
            ]
            .into(),
        ),
        DataType::List(item(map_type(DataType::Decimal128(20, 2)))),
        DataType::List(item(DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8)))),
    ]
}

pub(crate) fn array(dice: &mut Dice, data_type: &DataType, rows: usize, nullable: bool) -> ArrayRef {
    let nulls = dice.nulls(rows, nullable);
    match data_type {
        DataType::Null => Arc::new(NullArray::new(rows)),
        DataType::Boolean => {
            Arc::new(BooleanArray::new(BooleanBuffer::collect_bool(rows, |_| dice.below(2) == 0), nulls))
        }
        DataType::Utf8 => {
            let texts = (0..rows).map(|_| "ü".repeat(dice.below(9))).collect::<Vec<_>>();
            let plain = StringArray::from_iter_values(texts);
            Arc::new(StringArray::new(plain.offsets().clone(), plain.values().clone(), nulls))
        }
        DataType::Binary => {
            let blobs =
                (0..rows).map(|_| dice.next().to_le_bytes()[..dice.below(9)].to_vec()).collect::<Vec<_>>();
            let plain = BinaryArray::from_iter_values(blobs);
            Arc::new(BinaryArray::new(plain.offsets().clone(), plain.values().clone(), nulls))
        }
        DataType::LargeUtf8 | DataType::Utf8View | DataType::Dictionary(_, _) => {
            cast(&array(dice, &DataType::Utf8, rows, nullable), data_type).unwrap()
        }
        DataType::LargeBinary | DataType::BinaryView => {
            cast(&array(dice, &DataType::Binary, rows, nullable), data_type).unwrap()
        }
        DataType::FixedSizeBinary(width) => {
            let bytes: Vec<u8> = (0..rows * *width as usize).map(|_| dice.next() as u8).collect();
            Arc::new(FixedSizeBinaryArray::new(*width, bytes.into(), nulls))
        }
        DataType::Interval(IntervalUnit::YearMonth) => {
            let values: Vec<i32> = (0..rows).map(|_| dice.below(1000) as i32).collect();
            Arc::new(PrimitiveArray::<IntervalYearMonthType>::new(values.into(), nulls))
        }
        DataType::Interval(_) => {
            let values =
                (0..rows).map(|_| IntervalDayTime::new(dice.below(90) as i32, dice.below(9000) as i32));
            Arc::new(PrimitiveArray::<IntervalDayTimeType>::new(values.collect::<Vec<_>>().into(), nulls))
        }
        DataType::Struct(fields) => {
            let children = fields.iter().map(|f| array(dice, f.data_type(), rows, f.is_nullable())).collect();
            Arc::new(StructArray::new(fields.clone(), children, nulls))
        }
        DataType::List(f) => {
            let (offsets, values) = items(dice, f, rows, nulls.as_ref());
            Arc::new(ListArray::new(Arc::clone(f), OffsetBuffer::from_lengths(offsets), values, nulls))
        }
        DataType::LargeList(f) => {
            let (offsets, values) = items(dice, f, rows, nulls.as_ref());
            Arc::new(LargeListArray::new(Arc::clone(f), OffsetBuffer::from_lengths(offsets), values, nulls))
        }
        DataType::FixedSizeList(f, n) => {
            let values = array(dice, f.data_type(), rows * *n as usize, f.is_nullable());
            Arc::new(FixedSizeListArray::new(Arc::clone(f), *n, values, nulls))
        }
        DataType::Map(f, sorted) => {
            let (offsets, values) = items(dice, f, rows, nulls.as_ref());
            let entries = values.as_any().downcast_ref::<StructArray>().unwrap().clone();
            Arc::new(MapArray::new(
                Arc::clone(f),
                OffsetBuffer::from_lengths(offsets),
                entries,
                nulls,
                *sorted,
            ))
        }
        other => {
            let days = if *other == DataType::Date64 { 86_400_000 } else { 1 };
            let values: Vec<i64> = (0..rows).map(|_| dice.below(100) as i64 * days).collect();
            let mut numbers: ArrayRef = Arc::new(Int64Array::new(values.into(), nulls));
            if matches!(other, DataType::Time32(_) | DataType::Date32) {
                numbers = cast(&numbers, &DataType::Int32).unwrap();
            }
            cast(&numbers, other).unwrap()
        }
    }
}

fn items(dice: &mut Dice, f: &FieldRef, rows: usize, nulls: Option<&NullBuffer>) -> (Vec<usize>, ArrayRef) {
    let lengths: Vec<usize> =
        (0..rows).map(|row| if nulls.is_some_and(|n| n.is_null(row)) { 0 } else { dice.below(4) }).collect();
    let values = array(dice, f.data_type(), lengths.iter().sum(), f.is_nullable());
    (lengths, values)
}

/// A batch with one nullable (and, where it can be, one strict) column of each type, named `c0`, `c1`...
pub(crate) fn batch_of(seed: u64, types: &[DataType], rows: usize) -> RecordBatch {
    let mut dice = Dice(seed);
    let mut fields = Vec::new();
    let mut columns = Vec::new();
    for data_type in types {
        for nullable in [true, false] {
            if *data_type == DataType::Null && !nullable {
                continue;
            }
            fields.push(Field::new(format!("c{}", fields.len()), data_type.clone(), nullable));
            columns.push(array(&mut dice, data_type, rows, nullable));
        }
    }
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).unwrap()
}
