//! Files that present columns which they store narrower, without nulls, elsewhere or not at all: read and written as if
//! they stored them.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::builder::{Int32Builder, ListBuilder};
use arrow_array::{
    Array, ArrayRef, BinaryArray, BooleanArray, Decimal128Array, DictionaryArray, FixedSizeBinaryArray,
    Float32Array, Int8Array, Int32Array, Int64Array, NullArray, RecordBatch, StringArray, StructArray,
    UInt16Array, new_null_array,
};
use arrow_cast::cast;
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use arrow_select::filter::filter;
use parquet::basic::{LogicalType, Repetition, Type as Physical};
use parquet::data_type::{ByteArray, FixedLenByteArray, FixedLenByteArrayType, Int96, Int96Type};
use parquet::file::properties::WriterProperties;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use skein_dataset::parquet::{SourceFile, assert_spliced};
use skein_types::{FileView, Selection, unify};

use crate::support::{
    To, all, batch, carry, grouped, int_field, no_guest, open, parquet_of, plan, read_all, rename, run,
};

const ROWS: usize = 1000;

/// The file in a dataset whose other files have this schema.
fn beside(bytes: &[u8], others: &[SchemaRef]) -> Arc<SourceFile> {
    beside_at(bytes, others, &[])
}

/// The same in directories.
fn beside_at(bytes: &[u8], others: &[SchemaRef], at: &[(&str, Option<&str>)]) -> Arc<SourceFile> {
    let source = open(bytes).unwrap();
    let schemas: Vec<SchemaRef> = std::iter::once(source.view()).chain(others).map(Arc::clone).collect();
    let keys: Vec<String> = at.iter().map(|(key, _)| (*key).to_owned()).collect();
    let values: Vec<Option<String>> = at.iter().map(|(_, value)| value.map(str::to_owned)).collect();
    let view = unify(&schemas, &keys).unwrap().remove(0);
    Arc::new(source.present(&view, &values).unwrap())
}

fn schema(fields: Vec<Field>) -> SchemaRef {
    Arc::new(Schema::new(fields))
}

/// Every row, some rows of each row group, none of the second.
fn selections() -> [fn(usize, usize) -> Selection; 3] {
    let some = |_, rows: usize| Selection::from_bits((0..rows).map(|row| row % 3 != 1).collect());
    let gap = |group, rows| {
        if group == 1 {
            Selection::from_bits((0..rows).map(|_| false).collect())
        } else {
            Selection::all(rows)
        }
    };
    [all, some, gap]
}

/// The rows of a column that these selections of row groups of 300 keep.
fn kept(column: &ArrayRef, select: fn(usize, usize) -> Selection) -> ArrayRef {
    let groups = (0..column.len().div_ceil(300)).map(|group| {
        let rows = 300.min(column.len() - group * 300);
        select(group, rows)
    });
    let groups: Vec<Selection> = groups.collect();
    filter(column, &BooleanArray::new(Selection::concat(&groups).bits().clone(), None)).unwrap()
}

/// Carries every presented column and compares what is read back.
fn carried_whole(source: &Arc<SourceFile>, expected: &[ArrayRef]) {
    let names: Vec<String> = source.view().fields().iter().map(|f| f.name().clone()).collect();
    let columns: Vec<To> = names.iter().map(|name| carry(name)).collect();
    let plan = plan(source, &columns, "filtered");
    for select in selections() {
        let output = run(source, &plan, &select, &no_guest);
        let read = read_all(&output.bytes);
        assert_eq!(read.num_columns(), expected.len());
        for (place, name) in names.iter().enumerate() {
            let (field, found) = (read.schema().field(place).clone(), read.column(place));
            assert_eq!(field.is_nullable(), source.view().field(place).is_nullable(), "{name}");
            assert!(field.metadata().is_empty(), "{name}: {:?}", field.metadata());
            let expected = kept(&expected[place], select);
            assert_eq!(&cast(found, expected.data_type()).unwrap(), &expected, "{name}");
        }
        let written = open(&output.bytes).unwrap();
        let plain = Schema::new(
            source
                .view()
                .fields()
                .iter()
                .map(|f| f.as_ref().clone().with_metadata(HashMap::new()))
                .collect::<Vec<_>>(),
        );
        assert_eq!(**written.view(), plain, "the output stores what the source presents");
    }
}

/// Values and a wider type for them.
fn narrow() -> Vec<(&'static str, ArrayRef, DataType)> {
    let numbers = || (0..ROWS).map(|i| (!i.is_multiple_of(7)).then_some(i));
    let texts = || (0..ROWS).map(|i| (i % 5 != 0).then(|| format!("text {}", i % 40)));
    let decimals: Decimal128Array = numbers().map(|i| i.map(|i| i as i128 * 101 - 5000)).collect();
    vec![
        (
            "i8",
            Arc::new(numbers().map(|i| i.map(|i| (i % 256) as u8 as i8)).collect::<Int8Array>()),
            DataType::Int64,
        ),
        (
            "i32",
            Arc::new(numbers().map(|i| i.map(|i| i as i32 - 500)).collect::<Int32Array>()),
            DataType::Int64,
        ),
        (
            "u16",
            Arc::new(numbers().map(|i| i.map(|i| i as u16 * 60)).collect::<UInt16Array>()),
            DataType::UInt64,
        ),
        (
            "f32",
            Arc::new(numbers().map(|i| i.map(|i| i as f32 / 3.0)).collect::<Float32Array>()),
            DataType::Float64,
        ),
        (
            "dec",
            Arc::new(decimals.clone().with_precision_and_scale(8, 2).unwrap()),
            DataType::Decimal128(20, 2),
        ),
        ("dec256", Arc::new(decimals.with_precision_and_scale(8, 2).unwrap()), DataType::Decimal256(40, 2)),
        ("text", Arc::new(texts().collect::<StringArray>()), DataType::LargeUtf8),
        (
            "bytes",
            Arc::new(texts().map(|t| t.map(String::into_bytes)).collect::<BinaryArray>()),
            DataType::LargeBinary,
        ),
    ]
}

#[test]
fn narrower_columns_are_written_with_the_wider_type() {
    let narrow = narrow();
    let input = batch(narrow.iter().map(|(name, array, _)| (*name, Arc::clone(array), true)).collect());
    let wide = schema(narrow.iter().map(|(name, _, wide)| Field::new(*name, wide.clone(), true)).collect());
    let source = beside(&parquet_of(&input, grouped(300)), &[wide]);
    let expected: Vec<ArrayRef> = narrow.iter().map(|(_, array, wide)| cast(array, wide).unwrap()).collect();
    carried_whole(&source, &expected);

    // Longer offsets are no other bytes to Parquet.
    let columns = [carry("text"), rename("i8", "number")];
    let output = run(&source, &plan(&source, &columns, "same"), &all, &no_guest);
    assert_eq!(output.plan.spliced_columns(), ["text"]);
    let equal = assert_spliced(&source, &open(&output.bytes).unwrap(), &output.plan).unwrap();
    assert!(equal.0 > 0 && equal == output.sealed.spliced_bytes);
    assert_eq!(read_all(&output.bytes).schema().field(1).name(), "number");
}

/// Columns that may not be null: flat, sharing a dictionary, nested.
fn required() -> RecordBatch {
    let texts: ArrayRef = Arc::new(StringArray::from_iter_values((0..ROWS).map(|i| format!("t{}", i % 9))));
    let shared: ArrayRef = Arc::new(
        (0..ROWS).map(|i| ["a", "b", "c"][i % 3]).collect::<DictionaryArray<arrow_array::types::Int32Type>>(),
    );
    let hashes =
        FixedSizeBinaryArray::try_from_iter((0..ROWS).map(|i| (i as u64 * 977).to_le_bytes())).unwrap();
    let mut lists = ListBuilder::new(Int32Builder::new());
    for row in 0..ROWS {
        (0..row % 4).for_each(|i| lists.values().append_option((i != 1).then_some(i as i32)));
        lists.append(true);
    }
    let lists: ArrayRef = Arc::new(lists.finish());
    let inner = Field::new("l", lists.data_type().clone(), true);
    let number: ArrayRef =
        Arc::new(Int64Array::from_iter((0..ROWS as i64).map(|i| (i % 4 > 0).then_some(i))));
    let pair =
        StructArray::from(vec![(Arc::new(inner), Arc::clone(&lists)), (Arc::new(int_field("n")), number)]);
    batch(vec![
        ("text", texts, false),
        ("shared", shared, false),
        ("hash", Arc::new(hashes), false),
        ("list", lists, false),
        ("pair", Arc::new(pair), false),
    ])
}

#[test]
fn columns_that_may_not_be_null_are_written_as_ones_that_may() {
    let input = required();
    let other = schema(vec![Field::new("text", DataType::Utf8, true)]);
    let source = beside(&parquet_of(&input, grouped(300)), &[other]);
    assert!(source.view().fields().iter().all(|field| field.is_nullable()));
    let plain = cast(input.column(1), &DataType::Utf8).unwrap();
    let mut expected = input.columns().to_vec();
    expected[1] = plain;
    carried_whole(&source, &expected);
}

#[test]
fn what_only_parquet_knows_of_a_column_survives_its_first_nulls() {
    let message = "message m { required fixed_len_byte_array(16) u (UUID) = 7; required int96 t; required binary j (JSON); }";
    let root = Arc::new(parse_message_type(message).unwrap());
    let mut bytes = Vec::new();
    let mut writer =
        SerializedFileWriter::new(&mut bytes, root, Arc::new(WriterProperties::default())).unwrap();
    let mut group = writer.next_row_group().unwrap();
    let ids: Vec<FixedLenByteArray> = (0..50_u8).map(|i| ByteArray::from(vec![i; 16]).into()).collect();
    // Beyond what nanoseconds in 64 bits can say.
    let far = Int96::from(vec![1, 2, 5_000_000]);
    let mut column = group.next_column().unwrap().unwrap();
    column.typed::<FixedLenByteArrayType>().write_batch(&ids, None, None).unwrap();
    column.close().unwrap();
    let mut column = group.next_column().unwrap().unwrap();
    column.typed::<Int96Type>().write_batch(&[far; 50], None, None).unwrap();
    column.close().unwrap();
    let mut column = group.next_column().unwrap().unwrap();
    let texts: Vec<ByteArray> = (0..50).map(|_| ByteArray::from("{}")).collect();
    column.typed::<parquet::data_type::ByteArrayType>().write_batch(&texts, None, None).unwrap();
    column.close().unwrap();
    group.close().unwrap();
    writer.close().unwrap();

    let source = beside(&bytes, &[schema(vec![int_field("other")])]);
    let columns = [carry("u"), rename("t", "at"), carry("j"), carry("other")];
    let output = run(&source, &plan(&source, &columns, "same"), &all, &no_guest);
    let file = SerializedFileReader::new(bytes::Bytes::from(output.bytes)).unwrap();
    let columns = file.metadata().file_metadata().schema_descr().columns().to_vec();
    assert!(columns.iter().all(|c| c.self_type().get_basic_info().repetition() == Repetition::OPTIONAL));
    assert_eq!(columns[0].logical_type_ref(), Some(&LogicalType::Uuid));
    assert_eq!(columns[0].self_type().get_basic_info().id(), 7);
    assert_eq!((columns[1].physical_type(), columns[1].name()), (Physical::INT96, "at"));
    assert_eq!(columns[2].logical_type_ref(), Some(&LogicalType::Json));
    let rows: Vec<_> = file.get_row_iter(None).unwrap().map(Result::unwrap).collect();
    assert_eq!(rows.len(), 50);
    let mut reader = match file.get_row_group(0).unwrap().get_column_reader(1).unwrap() {
        parquet::column::reader::ColumnReader::Int96ColumnReader(reader) => reader,
        _ => unreachable!("the column is INT96"),
    };
    let (mut levels, mut values) = (Vec::new(), Vec::new());
    reader.read_records(100, Some(&mut levels), None, &mut values).unwrap();
    assert_eq!((levels, values), (vec![1; 50], vec![far; 50]));
}

/// A type of each form that a file may lack.
fn missing() -> Vec<DataType> {
    let item = |of, null| Arc::new(Field::new("item", of, null));
    let pair = vec![Field::new("key", DataType::Utf8, false), Field::new("value", DataType::Int8, false)];
    let entries = Arc::new(Field::new("entries", DataType::Struct(pair.into()), false));
    let point = vec![Field::new("x", DataType::Float64, false), Field::new("y", DataType::Date32, true)];
    vec![
        DataType::Int64,
        DataType::Boolean,
        DataType::Utf8,
        DataType::Decimal256(50, 3),
        DataType::Timestamp(arrow_schema::TimeUnit::Microsecond, Some("UTC".into())),
        DataType::FixedSizeBinary(1 << 18),
        DataType::List(item(DataType::LargeUtf8, false)),
        DataType::FixedSizeList(item(DataType::Float32, true), 700),
        DataType::Struct(point.into()),
        DataType::Map(entries, false),
    ]
}

#[test]
fn absent_columns_are_read_and_written_as_nulls() {
    let numbers: ArrayRef = Arc::new(Int64Array::from_iter_values(0..ROWS as i64));
    let void: ArrayRef = Arc::new(NullArray::new(ROWS));
    let input = batch(vec![("v", Arc::clone(&void), true), ("id", Arc::clone(&numbers), false)]);
    let types = missing();
    let mut fields = vec![Field::new("v", DataType::Int16, true), Field::new("id", DataType::Int64, false)];
    let name = |at: usize| format!("c{at}");
    fields.extend(types.iter().enumerate().map(|(at, of)| Field::new(name(at), of.clone(), false)));
    let source = beside(&parquet_of(&input, grouped(300)), &[schema(fields)]);
    let mut expected = vec![new_null_array(&DataType::Int16, ROWS), Arc::clone(&numbers)];
    expected.extend(types.iter().map(|of| new_null_array(of, ROWS)));
    carried_whole(&source, &expected);

    // A guest gets them too, in the order in which they are presented.
    let columns =
        [To::Preserve("c2".into(), "c".into()), To::Preserve("id".into(), "id".into()), carry("c0")];
    let output = run(&source, &plan(&source, &columns, "same"), &all, &|_, given| {
        assert_eq!(given.schema().field(1).name(), "c2");
        vec![Arc::clone(given.column(1)), Arc::clone(given.column(0))]
    });
    let read = read_all(&output.bytes);
    assert_eq!(read.column(0), &new_null_array(&DataType::Utf8, ROWS));
    assert_eq!((read.column(1), read.column(2).null_count()), (&numbers, ROWS));
}

#[test]
fn a_field_id_of_another_file_is_not_given_to_an_absent_column() {
    let numbered = |name: &str| {
        let id = [("PARQUET:field_id".to_owned(), "1".to_owned())];
        int_field(name).with_metadata(id.into_iter().collect())
    };
    let values: ArrayRef = Arc::new(Int64Array::from(vec![1, 2]));
    let input = RecordBatch::try_new(schema(vec![numbered("mine")]), vec![values]).unwrap();
    let source = beside(&parquet_of(&input, grouped(300)), &[schema(vec![numbered("theirs")])]);
    let output = run(&source, &plan(&source, &[carry("theirs"), carry("mine")], "same"), &all, &no_guest);
    let written = open(&output.bytes).unwrap();
    let ids: Vec<_> =
        written.schema().fields().iter().map(|f| f.metadata().get("PARQUET:field_id")).collect();
    assert_eq!(ids, [None, Some(&"1".to_owned())]);
}

#[test]
fn partition_columns_are_read_as_constants_and_not_written() {
    let numbers: ArrayRef = Arc::new(Int64Array::from_iter_values(0..ROWS as i64));
    let input = batch(vec![("id", Arc::clone(&numbers), false)]);
    let at = [("year", Some("2024")), ("land", None), ("id", Some("never"))];
    let source = beside_at(&parquet_of(&input, grouped(300)), &[], &at);
    let names: Vec<_> = source.view().fields().iter().map(|f| f.name().as_str()).collect();
    assert_eq!(names, ["id", "year", "land"]);
    let leaves = [1, 2];
    assert_eq!(source.decoded_bytes(0, &leaves).0, 300 * (12 + 8));
    for given in source.read(3, &leaves, 64).unwrap() {
        let given = given.unwrap();
        let rows = given.num_rows();
        assert!(rows == 64 || rows == 100 - 64, "{rows}");
        assert_eq!(given.column(0).as_ref(), &StringArray::from(vec!["2024"; rows]) as &dyn Array);
        assert_eq!(given.column(1), &new_null_array(&DataType::Utf8, rows));
    }
    for shape in ["same", "filtered"] {
        let plan = plan(&source, &[carry("year"), rename("id", "key"), carry("land")], shape);
        let output = run(&source, &plan, &all, &no_guest);
        let read = read_all(&output.bytes);
        assert_eq!((read.num_columns(), read.schema().field(0).name().as_str()), (1, "key"));
        assert_eq!(read.column(0), &numbers);
        assert_eq!(output.plan.spliced_columns(), ["key"]);
    }
}

#[test]
fn a_guest_gets_columns_in_the_order_of_the_dataset_whatever_that_of_the_file() {
    let numbers: ArrayRef = Arc::new(Int32Array::from_iter_values(0..ROWS as i32));
    let texts: ArrayRef = Arc::new(StringArray::from_iter_values((0..ROWS).map(|i| i.to_string())));
    let flags: ArrayRef = Arc::new(BooleanArray::from_iter((0..ROWS).map(|i| Some(i % 2 == 0))));
    let columns =
        vec![("t", Arc::clone(&texts), true), ("f", flags, true), ("n", Arc::clone(&numbers), true)];
    let own = open(&parquet_of(&batch(columns), grouped(300))).unwrap();
    let first = schema(vec![
        Field::new("n", DataType::Int64, true),
        Field::new("gone", DataType::Int8, true),
        Field::new("t", DataType::Utf8, true),
    ]);
    let view = unify(&[first, Arc::clone(own.view())], &[]).unwrap().remove(1);
    let source = Arc::new(own.present(&view, &[]).unwrap());
    let given: Vec<RecordBatch> = source.read(1, &[0, 1, 2], 500).unwrap().map(Result::unwrap).collect();
    let [given] = given.as_slice() else { panic!("{} batches", given.len()) };
    assert_eq!(given.column(0), &cast(&numbers.slice(300, 300), &DataType::Int64).unwrap());
    assert_eq!(given.column(1), &new_null_array(&DataType::Int8, 300));
    assert_eq!(given.column(2), &texts.slice(300, 300));
}

#[test]
fn rows_keep_their_place_in_row_groups_of_many_steps() {
    let rows = 20_000;
    let numbers: ArrayRef = Arc::new(Int32Array::from_iter_values(0..rows));
    let texts: ArrayRef = Arc::new(StringArray::from_iter_values((0..rows).map(|i| i.to_string())));
    let input = batch(vec![("n", Arc::clone(&numbers), false), ("t", Arc::clone(&texts), false)]);
    let other = schema(vec![Field::new("n", DataType::Int64, false), Field::new("t", DataType::Utf8, true)]);
    let source = beside(&parquet_of(&input, grouped(20_000)), &[other]);
    let late = |_: usize, rows: usize| {
        Selection::from_bits((0..rows).map(|row| row % 7 == 0 && row > 9_000).collect())
    };
    let output = run(&source, &plan(&source, &[carry("n"), carry("t")], "filtered"), &late, &no_guest);
    let kept = BooleanArray::new(late(0, 20_000).bits().clone(), None);
    let read = read_all(&output.bytes);
    assert_eq!(read.column(0), &filter(&cast(&numbers, &DataType::Int64).unwrap(), &kept).unwrap());
    assert_eq!(read.column(1), &filter(&texts, &kept).unwrap());
}

#[test]
fn files_without_rows_present_columns_too() {
    let empty: ArrayRef = Arc::new(Int32Array::from(Vec::<i32>::new()));
    let input = batch(vec![("id", empty, false)]);
    let other = schema(vec![Field::new("id", DataType::Int64, true), Field::new("t", DataType::Utf8, false)]);
    let source = beside(&parquet_of(&input, grouped(300)), &[other]);
    carried_whole(&source, &[new_null_array(&DataType::Int64, 0), new_null_array(&DataType::Utf8, 0)]);
}

#[test]
fn wide_columns_that_the_file_lacks_bound_their_batches() {
    let numbers: ArrayRef = Arc::new(Int32Array::from_iter_values(0..20_000));
    let bytes = parquet_of(&batch(vec![("id", numbers, false)]), grouped(20_000));
    let wide = |count: usize| {
        let field = |at| Field::new(format!("w{at}"), DataType::FixedSizeBinary(1 << 20), true);
        schema((0..count).map(field).collect())
    };
    let source = beside(&bytes, &[wide(2)]);
    assert_eq!(source.read(0, &[0], 16_384).unwrap().batch_rows(), 16_384);
    let reader = source.read(0, &[0, 1, 2], 16_384).unwrap();
    assert_eq!(reader.batch_rows(), 256, "a gigabyte of nulls at most");

    let source = beside(&bytes, &[wide(1025)]);
    let leaves: Vec<usize> = (0..1026).collect();
    let refused = source.read(0, &leaves, 16_384).unwrap_err();
    assert!(refused.to_string().contains("more at once than memory is given for"), "{refused}");
}

#[test]
fn a_view_of_another_file_is_refused() {
    let numbers: ArrayRef = Arc::new(Int32Array::from(vec![1]));
    let bytes = parquet_of(&batch(vec![("id", numbers, false)]), grouped(300));
    for view in [
        FileView::own(&Schema::new(vec![Field::new("id", DataType::Int64, false)])),
        FileView::own(&Schema::new(vec![Field::new("di", DataType::Int32, false)])),
        FileView::own(&Schema::new(vec![Field::new("id", DataType::Int32, false), int_field("more")])),
    ] {
        let refused = open(&bytes).unwrap().present(&view, &[]).unwrap_err();
        assert!(refused.to_string().contains("cannot present this view"), "{refused}");
    }
}
