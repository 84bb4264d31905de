//! Sound streams with a few bytes changed: refused, or sound all the same, and never a panic.

use std::sync::Arc;

use arrow_array::builder::{
    BooleanBuilder, FixedSizeBinaryBuilder, Int32Builder, Int64Builder, ListBuilder, MapBuilder,
    StringBuilder,
};
use arrow_array::{
    Array, ArrayRef, BooleanArray, Decimal128Array, FixedSizeListArray, Int64Array, ListArray, NullArray,
    RecordBatch, StructArray,
};
use arrow_buffer::OffsetBuffer;
use arrow_ipc::reader::StreamReader;
use arrow_ipc::writer::StreamWriter;
use arrow_schema::{DataType, Field, SchemaRef};
use proptest::prelude::{Strategy, any, prop_assert, prop_oneof, proptest};
use proptest::test_runner::Config;

use super::frame::Frames;
use super::{Preflight, Unsound};

const ROWS: usize = 9;

fn columns() -> Vec<(&'static str, ArrayRef)> {
    let (mut numbers, mut texts, mut flags) =
        (Int64Builder::new(), StringBuilder::new(), BooleanBuilder::new());
    let mut lists = ListBuilder::new(StringBuilder::new());
    let mut maps = MapBuilder::new(None, StringBuilder::new(), Int32Builder::new());
    let mut fixed = FixedSizeBinaryBuilder::new(3);
    for row in 0..ROWS {
        let present = row % 3 != 0;
        numbers.append_option(present.then_some(7));
        texts.append_option(present.then(|| "ä".repeat(row)));
        flags.append_option(present.then_some(true));
        (0..row % 4).for_each(|n| lists.values().append_option((n > 0).then_some("item")));
        lists.append(present);
        (0..row % 2).for_each(|_| {
            maps.keys().append_value("key");
            maps.values().append_null();
        });
        maps.append(present).unwrap();
        fixed.append_value([1, 2, 3]).unwrap();
    }
    let numbers: ArrayRef = Arc::new(numbers.finish());
    let texts: ArrayRef = Arc::new(texts.finish());
    let pair = StructArray::try_from(vec![("x", Arc::clone(&numbers)), ("y", Arc::clone(&texts))]).unwrap();
    vec![
        ("numbers", numbers),
        ("texts", texts),
        ("flags", Arc::new(flags.finish())),
        ("lists", Arc::new(lists.finish())),
        ("maps", Arc::new(maps.finish())),
        ("fixed", Arc::new(fixed.finish())),
        ("pair", Arc::new(pair)),
        ("decimals", Arc::new(Decimal128Array::from(vec![12; ROWS]).with_precision_and_scale(9, 2).unwrap())),
        ("nothing", Arc::new(NullArray::new(ROWS))),
    ]
}

fn sound() -> (SchemaRef, RecordBatch, Vec<u8>) {
    let batch =
        RecordBatch::try_from_iter_with_nullable(columns().into_iter().map(|(name, c)| (name, c, true)))
            .unwrap();
    let schema = batch.schema();
    let mut writer = StreamWriter::try_new(Vec::new(), &schema).unwrap();
    writer.write(&batch).unwrap();
    writer.write(&batch.slice(2, 4)).unwrap();
    (schema, batch, writer.into_inner().unwrap())
}

#[test]
fn what_arrow_writes_of_every_kind_passes_unchanged() {
    let (schema, batch, bytes) = sound();
    let decoded = Preflight::new(schema, 100).decode(bytes).unwrap();
    assert_eq!(decoded, [batch.clone(), batch.slice(2, 4)]);
}

/// Written by pyarrow: see `tests/data/pyarrow_stream.py`.
#[test]
fn what_pyarrow_writes_passes_as_arrows_own_reader_reads_it() {
    let bytes = include_bytes!("../../tests/data/pyarrow_stream.arrows");
    let reader = StreamReader::try_new(bytes.as_slice(), None).unwrap();
    let schema = reader.schema();
    let expected: Vec<RecordBatch> = reader.map(Result::unwrap).collect();
    assert_eq!(expected.iter().map(RecordBatch::num_rows).collect::<Vec<_>>(), [9, 4, 0, 4]);
    assert_eq!(Preflight::new(schema, 100).decode(bytes.to_vec()).unwrap(), expected);
}

/// A stream of two columns of numbers, and where the second one's offset stands in it.
fn two_columns() -> (SchemaRef, Vec<u8>, usize) {
    let numbers = |from: i64| Arc::new(Int64Array::from_iter_values(from..from + 100)) as ArrayRef;
    let batch = RecordBatch::try_from_iter([("a", numbers(0)), ("b", numbers(1000))]).unwrap();
    let mut writer = StreamWriter::try_new(Vec::new(), &batch.schema()).unwrap();
    writer.write(&batch).unwrap();
    let bytes = writer.into_inner().unwrap();
    let mut frames = Frames::over(&bytes);
    frames.next_frame().unwrap();
    let frame = frames.next_frame().unwrap().unwrap();
    let buffers = frame.message.header_as_record_batch().unwrap().buffers().unwrap();
    let place = buffers.get(3);
    assert_eq!((buffers.len(), place.length()), (4, 800));
    let entry = [place.offset().to_le_bytes(), place.length().to_le_bytes()].concat();
    let metadata = &bytes[frame.metadata.clone()];
    let found = metadata.windows(16).position(|window| window == entry).unwrap();
    (batch.schema(), bytes.clone(), frame.metadata.start + found)
}

#[test]
fn bytes_that_count_once_are_not_decoded_twice() {
    let (schema, bytes, place) = two_columns();
    let with = |offset: i64| {
        let mut bytes = bytes.clone();
        bytes[place..place + 8].copy_from_slice(&offset.to_le_bytes());
        Preflight::new(Arc::clone(&schema), 1000).decode(bytes)
    };
    let offset = i64::from_le_bytes(bytes[place..place + 8].try_into().unwrap());
    assert_eq!(with(offset).unwrap()[0].num_rows(), 100);
    // The writer fills up to the next 64 bytes: 8 bytes back there is nothing yet.
    assert_eq!(with(offset - 8).unwrap()[0].num_rows(), 100);
    for shared in [offset - 40, offset - 800, 0] {
        let error = with(shared).unwrap_err();
        assert_eq!(error, Unsound::Forged("a buffer that begins before the end of the last one".to_owned()));
    }
}

fn one_column(column: ArrayRef) -> (SchemaRef, Vec<u8>) {
    let batch = RecordBatch::try_from_iter([("a", column)]).unwrap();
    let mut writer = StreamWriter::try_new(Vec::new(), &batch.schema()).unwrap();
    writer.write(&batch).unwrap();
    (batch.schema(), writer.into_inner().unwrap())
}

#[test]
fn rows_inside_lists_are_limited_like_rows() {
    let item = |data_type| Arc::new(Field::new("item", data_type, true));
    let nulls = Arc::new(NullArray::new(60));
    let offsets = OffsetBuffer::from_lengths([50, 0, 10]);
    for column in [
        Arc::new(FixedSizeListArray::new(item(DataType::Null), 20, Arc::clone(&nulls) as ArrayRef, None))
            as ArrayRef,
        Arc::new(ListArray::new(item(DataType::Null), offsets.clone(), nulls, None)),
        Arc::new(ListArray::new(
            item(DataType::Boolean),
            offsets,
            Arc::new(BooleanArray::from(vec![true; 60])),
            None,
        )),
    ] {
        let what = column.data_type().to_string();
        let (schema, bytes) = one_column(column);
        let decode = |rows_max| Preflight::new(Arc::clone(&schema), rows_max).decode(bytes.clone());
        assert_eq!(decode(60).unwrap()[0].num_rows(), 3, "{what}");
        assert_eq!(decode(59).unwrap_err(), Unsound::TooManyRows { rows: 60, limit: 59 }, "{what}");
    }
}

/// A place, as a share of the stream, and what comes there.
fn change() -> impl Strategy<Value = (u16, Vec<u8>)> {
    let number = prop_oneof![
        any::<u8>().prop_map(|byte| vec![byte]),
        prop_oneof![-3_i32..40, any::<i32>()].prop_map(|n| n.to_le_bytes().to_vec()),
        prop_oneof![-3_i64..400, any::<i64>()].prop_map(|n| n.to_le_bytes().to_vec()),
    ];
    (any::<u16>(), number)
}

proptest! {
    #![proptest_config(Config::with_cases(20_000))]
    #[test]
    fn changed_bytes_never_reach_a_panic_or_an_unsound_array(
        changes in proptest::collection::vec(change(), 1..4),
        aligned in any::<bool>(),
        cut in proptest::option::of(any::<u16>()),
    ) {
        let (schema, _, mut bytes) = sound();
        for (place, value) in changes {
            let mut at = usize::from(place) * bytes.len() / (usize::from(u16::MAX) + 1);
            // Lengths and offsets stand on such borders.
            if aligned {
                at &= !3;
            }
            let value = &value[..value.len().min(bytes.len() - at)];
            bytes[at..at + value.len()].copy_from_slice(value);
        }
        if let Some(cut) = cut.filter(|cut| cut % 8 == 0) {
            bytes.truncate(usize::from(cut) % bytes.len());
        }
        match Preflight::new(schema, 100).decode(bytes) {
            Ok(batches) => for column in batches.iter().flat_map(RecordBatch::columns) {
                prop_assert!(column.to_data().validate_full().is_ok());
            },
            Err(error) => prop_assert!(error != Unsound::DecoderPanic),
        }
    }
}
