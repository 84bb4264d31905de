//! Ours against Arrow's own reader and writer, both ways.

use std::sync::Arc;

use arrow_array::builder::{FixedSizeListBuilder, Int32Builder, ListBuilder, MapBuilder, StringBuilder};
use arrow_array::types::Int32Type;
use arrow_array::{
    ArrayRef, BinaryArray, BooleanArray, Decimal128Array, FixedSizeBinaryArray, Int8Array, Int64Array,
    LargeBinaryArray, LargeListArray, LargeStringArray, NullArray, RecordBatch, StringArray, StringViewArray,
    StructArray, TimestampMicrosecondArray,
};
use arrow_buffer::NullBuffer;
use arrow_ipc::reader::StreamReader;
use arrow_ipc::writer::StreamWriter;
use arrow_schema::{DataType, Field};

use super::{decode, encode};

const ROWS: usize = 70;

fn every<T>(value: impl Fn(usize) -> T) -> Vec<Option<T>> {
    (0..ROWS).map(|row| (row % 7 != 3).then(|| value(row))).collect()
}

fn lists() -> [(&'static str, ArrayRef); 4] {
    let mut fixed = FixedSizeListBuilder::new(Int32Builder::new(), 3);
    let mut texts = ListBuilder::new(StringBuilder::new());
    let mut map = MapBuilder::new(None, StringBuilder::new(), Int32Builder::new());
    for row in 0..ROWS {
        let number = i32::try_from(row).unwrap();
        (0..3).for_each(|place| fixed.values().append_value(number * 10 + place));
        fixed.append(row % 5 != 0);
        (0..row % 4).for_each(|n| texts.values().append_option((n != 1).then(|| format!("{row}.{n}"))));
        texts.append(row % 6 != 0);
        (0..row % 3).for_each(|n| {
            map.keys().append_value(format!("k{n}"));
            map.values().append_value(number);
        });
        map.append(row % 9 != 0).unwrap();
    }
    let large = LargeListArray::from_iter_primitive::<Int32Type, _, _>(
        (0..number(ROWS)).map(|row| (row % 4 != 0).then(|| (0..row % 5).map(Some).collect::<Vec<_>>())),
    );
    [
        ("fixed_list", Arc::new(fixed.finish())),
        ("list", Arc::new(texts.finish())),
        ("map", Arc::new(map.finish())),
        ("large_list", Arc::new(large)),
    ]
}

fn number(row: usize) -> i32 {
    i32::try_from(row).unwrap()
}

/// A column of every kind of layout that crosses the border.
fn batch() -> RecordBatch {
    let text = every(|row| "é".repeat(row % 5));
    let inner: ArrayRef = Arc::new(StringArray::from(text.clone()));
    let fields = vec![Field::new("inner", DataType::Utf8, true)].into();
    let nulls = NullBuffer::from((0..ROWS).map(|row| row % 11 != 2).collect::<Vec<_>>());
    let bytes = every(|row| vec![u8::try_from(row).unwrap(); 4]);
    let plain: [(&str, ArrayRef); 11] = [
        ("i8", Arc::new(Int8Array::from(every(|row| i8::try_from(row).unwrap())))),
        ("i64_without_nulls", Arc::new((0..i64::from(number(ROWS))).collect::<Int64Array>())),
        ("bool", Arc::new(BooleanArray::from(every(|row| row % 2 == 0)))),
        ("decimal", Arc::new(Decimal128Array::from(every(|row| row as i128 - 5)))),
        ("time", Arc::new(TimestampMicrosecondArray::from(every(|row| row as i64)).with_timezone("UTC"))),
        ("null", Arc::new(NullArray::new(ROWS))),
        ("text", Arc::new(StringArray::from(text.clone()))),
        ("large_text", Arc::new(LargeStringArray::from(text))),
        ("binary", Arc::new(BinaryArray::from_iter(bytes.iter().cloned()))),
        ("large_binary", Arc::new(LargeBinaryArray::from_iter(bytes.iter().cloned()))),
        (
            "fixed_binary",
            Arc::new(FixedSizeBinaryArray::try_from_sparse_iter_with_size(bytes.into_iter(), 4).unwrap()),
        ),
    ];
    let nested: ArrayRef = Arc::new(StructArray::new(fields, vec![inner], Some(nulls)));
    RecordBatch::try_from_iter_with_nullable(
        plain.into_iter().chain(lists()).chain([("struct", nested)]).map(|(name, array)| (name, array, true)),
    )
    .unwrap()
}

/// The whole, pieces at odd borders, and nothing at all.
fn slices() -> impl Iterator<Item = RecordBatch> {
    let whole = batch();
    [(0, ROWS), (0, 1), (3, 1), (5, 64), (13, 57), (69, 1), (0, 0), (70, 0)]
        .into_iter()
        .map(move |(from, rows)| whole.slice(from, rows))
}

#[test]
fn arrow_reads_what_is_encoded_here() {
    for slice in slices() {
        let encoded = encode(&slice).unwrap();
        let read: Vec<_> =
            StreamReader::try_new(encoded.as_slice(), None).unwrap().map(Result::unwrap).collect();
        assert_eq!(read, [slice]);
    }
}

#[test]
fn what_arrow_encodes_is_read_here() {
    for slice in slices() {
        let mut writer = StreamWriter::try_new(Vec::new(), slice.schema_ref()).unwrap();
        writer.write(&slice).unwrap();
        let encoded = writer.into_inner().unwrap();
        assert_eq!(decode(encoded, slice.num_rows()).unwrap(), slice);
    }
}

#[test]
fn a_batch_comes_back_as_it_was_from_one_allocation() {
    for slice in slices() {
        let encoded = encode(&slice).unwrap();
        let room = encoded.capacity();
        assert!(room < 2 * encoded.len() + 64 * 1024, "{room} for {}", encoded.len());
        assert_eq!(decode(encoded, slice.num_rows()).unwrap(), slice);
    }
}

#[test]
fn a_cut_stream_is_a_bad_batch_and_no_panic() {
    let encoded = encode(&batch()).unwrap();
    for length in 1..encoded.len() - 8 {
        let cut = decode(encoded[..length].to_vec(), ROWS).unwrap_err();
        assert_eq!(cut.code, "bad-batch", "cut at {length}: {cut}");
    }
}

#[test]
fn a_wrong_row_count_is_a_bad_batch() {
    let one: ArrayRef = Arc::new(StringArray::from(vec!["x"]));
    let batch = RecordBatch::try_from_iter([("name", one)]).unwrap();
    assert_eq!(decode(encode(&batch).unwrap(), 2).unwrap_err().code, "bad-batch");
    assert_eq!(decode(Vec::new(), 5).unwrap().num_rows(), 5);
}

#[test]
fn a_type_that_the_contract_does_not_know_is_named() {
    let views: ArrayRef = Arc::new(StringViewArray::from(vec!["x"]));
    let batch = RecordBatch::try_from_iter([("name", views)]).unwrap();
    let failure = encode(&batch).unwrap_err();
    assert_eq!((failure.code.as_str(), failure.message.contains("Utf8View")), ("unknown-type", true));
}
