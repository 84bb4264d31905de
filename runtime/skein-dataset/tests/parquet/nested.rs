//! Fields inside carried columns renamed, dropped and moved; and nodes that Arrow alone would not write.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_array::{Array, RecordBatch};
use arrow_schema::{DataType, Field, Fields};
use parquet::basic::Repetition;
use parquet::data_type::{ByteArray, ByteArrayType, Int32Type, Int96, Int96Type};
use parquet::file::properties::WriterProperties;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use skein_dataset::parquet::{FileSealer, FragmentEncoder, OutputPlan, SourceFile, assert_spliced};
use skein_types::{ColumnId, ProposedOrigin, ProposedPlan, SchemaPlan, Selection};

use crate::arbitrary::batch_of;
use crate::support::{To, all, grouped, no_guest, open, parquet_of, plan, read_all, rename, run};

fn person(list_of: bool) -> DataType {
    let fields: Fields = vec![
        Field::new("first", DataType::Utf8, true),
        Field::new("ssn", DataType::Utf8, true),
        Field::new("tags", DataType::List(Arc::new(Field::new("item", DataType::Int16, true))), true),
    ]
    .into();
    let one = DataType::Struct(fields);
    if list_of { DataType::List(Arc::new(Field::new("item", one, true))) } else { one }
}

/// `person` without `ssn`, `tags` first, `first` under the name `given`: by the ids of the source's fields.
fn slimmer(list_of: bool) -> (DataType, Vec<(u32, u32)>) {
    let fields: Fields = vec![
        Field::new("tags", DataType::List(Arc::new(Field::new("item", DataType::Int16, true))), true),
        Field::new("given", DataType::Utf8, true),
    ]
    .into();
    let one = DataType::Struct(fields);
    // Target ids: column 0, [element 1,] tags, tags.item, given. Source ids: first, ssn, tags, tags.item.
    let shift = u32::from(list_of);
    let origins = vec![(1 + shift, 3 + shift), (3 + shift, 1 + shift)];
    let data_type = if list_of { DataType::List(Arc::new(Field::new("item", one, true))) } else { one };
    (data_type, origins)
}

fn slim_plan(source: &SourceFile, list_of: bool, shape: &str) -> SchemaPlan {
    let (data_type, below) = slimmer(list_of);
    let target = arrow_schema::Schema::new(vec![Field::new("who", data_type, true)]);
    let mut origins = vec![(0, ProposedOrigin::Carried(ColumnId(0)))];
    origins.extend(below.into_iter().map(|(to, from)| (to, ProposedOrigin::Carried(ColumnId(from)))));
    let proposed =
        ProposedPlan { target, origins, reads: Vec::new(), shape: shape.to_owned(), ext: Vec::new() };
    SchemaPlan::check(Arc::clone(source.view()), &proposed).unwrap()
}

/// The struct's fields of a column, lists taken apart.
fn fields_of(column: &dyn Array) -> Vec<arrow_array::ArrayRef> {
    match column.data_type() {
        DataType::List(_) => fields_of(column.as_list::<i32>().values()),
        _ => column.as_struct().columns().to_vec(),
    }
}

#[test]
fn fields_of_carried_structs_are_renamed_dropped_and_moved_without_decoding() {
    for list_of in [false, true] {
        let input = batch_of(11, &[person(list_of)], 400);
        let bytes = parquet_of(&input, grouped(150));
        let source = Arc::new(open(&bytes).unwrap());
        let output = run(&source, &slim_plan(&source, list_of, "same"), &all, &no_guest);
        let read = read_all(&output.bytes);
        let (from, to) = (fields_of(read_all(&bytes).column(0)), fields_of(read.column(0)));
        assert_eq!((to.len(), &to[0], &to[1]), (2, &from[2], &from[0]), "list {list_of}");
        assert_eq!(read.column(0).nulls(), read_all(&bytes).column(0).nulls());
        let written = open(&output.bytes).unwrap();
        assert_spliced(&source, &written, &output.plan).unwrap();
        assert!(output.sealed.columns.iter().all(|c| !c.path.contains("ssn")), "{:?}", output.sealed.columns);
    }
}

#[test]
fn fields_of_carried_structs_change_under_selection_too() {
    let input = batch_of(12, &[person(false)], 200);
    let bytes = parquet_of(&input, grouped(200));
    let source = Arc::new(open(&bytes).unwrap());
    let select =
        |_, rows| Selection::from_bits(arrow_buffer::BooleanBuffer::collect_bool(rows, |row| row % 2 == 0));
    let output = run(&source, &slim_plan(&source, false, "filtered"), &select, &no_guest);
    let even = arrow_array::UInt64Array::from_iter_values((0..100).map(|n| n * 2));
    let expected = arrow_select::take::take(read_all(&bytes).column(0), &even, None).unwrap();
    let (from, to) = (fields_of(&expected), fields_of(read_all(&output.bytes).column(0)));
    assert_eq!((&to[0], &to[1]), (&from[2], &from[0]));
}

/// INT96, two-level lists, tuples, bare repeated fields, field ids.
const STRANGE: &str = "message strange {
    required int96 at = 7;
    optional group two (LIST) { repeated int32 array; }
    optional group pairs (LIST) { repeated group pairs_tuple { optional binary name (UTF8); } }
    repeated int32 bare;
}";

fn strange() -> Vec<u8> {
    let mut bytes = Vec::new();
    let schema = Arc::new(parse_message_type(STRANGE).unwrap());
    let mut file =
        SerializedFileWriter::new(&mut bytes, schema, Arc::new(WriterProperties::default())).unwrap();
    for group in 0..2 {
        let mut rows = file.next_row_group().unwrap();
        let mut at = rows.next_column().unwrap().unwrap();
        let instants: Vec<Int96> =
            (0..3).map(|n| Int96::from(vec![n * 1000 + group, 0, 2_440_588])).collect();
        at.typed::<Int96Type>().write_batch(&instants, None, None).unwrap();
        at.close().unwrap();
        let mut two = rows.next_column().unwrap().unwrap();
        two.typed::<Int32Type>().write_batch(&[1, 2, 3], Some(&[2, 2, 0, 2]), Some(&[0, 1, 0, 0])).unwrap();
        two.close().unwrap();
        let mut pairs = rows.next_column().unwrap().unwrap();
        let names = [ByteArray::from("a"), ByteArray::from("b")];
        pairs.typed::<ByteArrayType>().write_batch(&names, Some(&[3, 2, 3, 0]), Some(&[0, 1, 0, 0])).unwrap();
        pairs.close().unwrap();
        let mut bare = rows.next_column().unwrap().unwrap();
        bare.typed::<Int32Type>().write_batch(&[5, 6], Some(&[0, 1, 1]), Some(&[0, 0, 0])).unwrap();
        bare.close().unwrap();
        rows.close().unwrap();
    }
    file.close().unwrap();
    bytes
}

fn strange_names() -> Vec<To> {
    vec![rename("bare", "plain"), rename("at", "when"), rename("pairs", "couples"), rename("two", "double")]
}

fn assert_renamed(read: &RecordBatch, original: &RecordBatch) {
    for (name, old) in [("plain", "bare"), ("when", "at"), ("couples", "pairs"), ("double", "two")] {
        let (column, old) = (read.column_by_name(name).unwrap(), original.column_by_name(old).unwrap());
        // Elements of legacy lists are named after their list, so types differ in names.
        let same = arrow_cast::cast(column, old.data_type()).unwrap();
        assert_eq!(&same, old, "{name}");
    }
}

#[test]
fn int96_legacy_lists_and_field_ids_stay_as_they_were_written() {
    let bytes = strange();
    let source = Arc::new(open(&bytes).unwrap());
    let output = run(&source, &plan(&source, &strange_names(), "same"), &all, &no_guest);
    assert_renamed(&read_all(&output.bytes), &read_all(&bytes));
    let reader = SerializedFileReader::new(bytes::Bytes::from(output.bytes.clone())).unwrap();
    let root = reader.metadata().file_metadata().schema().clone();
    let [plain, when, couples, double] = root.get_fields() else { panic!("four columns") };
    assert_eq!(plain.get_basic_info().repetition(), Repetition::REPEATED);
    assert_eq!((when.get_physical_type(), when.get_basic_info().id()), (parquet::basic::Type::INT96, 7));
    assert_eq!(couples.get_fields()[0].name(), "couples_tuple");
    assert!(double.get_fields()[0].is_primitive());
    let written = open(&output.bytes).unwrap();
    assert_eq!(assert_spliced(&source, &written, &output.plan).unwrap(), output.sealed.spliced_bytes);
}

#[test]
fn int96_and_legacy_lists_lose_rows_without_losing_their_form() {
    let bytes = strange();
    let source = Arc::new(open(&bytes).unwrap());
    let select =
        |_, rows| Selection::from_bits(arrow_buffer::BooleanBuffer::collect_bool(rows, |row| row != 1));
    let output = run(&source, &plan(&source, &strange_names(), "filtered"), &select, &no_guest);
    let kept = arrow_array::BooleanArray::from(vec![true, false, true, true, false, true]);
    let expected = arrow_select::filter::filter_record_batch(&read_all(&bytes), &kept).unwrap();
    assert_renamed(&read_all(&output.bytes), &expected);
    let reader = SerializedFileReader::new(bytes::Bytes::from(output.bytes)).unwrap();
    let when = reader.metadata().file_metadata().schema().get_fields()[1].get_physical_type();
    assert_eq!(when, parquet::basic::Type::INT96);
}

#[test]
fn files_without_rows_and_row_groups_without_rows_leave_empty_files() {
    let input = batch_of(13, &[DataType::Int64, DataType::Utf8], 0);
    let source = Arc::new(open(&parquet_of(&input, grouped(10))).unwrap());
    let columns = [To::Carry("c0".into(), "n".into())];
    let output = run(&source, &plan(&source, &columns, "same"), &all, &no_guest);
    assert_eq!((output.sealed.rows.0, output.sealed.row_groups), (0, 0));
    assert_eq!(read_all(&output.bytes).schema().field(0).name(), "n");

    let input = batch_of(14, &[DataType::Int64], 30);
    let source = Arc::new(open(&parquet_of(&input, grouped(10))).unwrap());
    let middle = |group, rows| {
        if group == 1 {
            Selection::all(rows)
        } else {
            Selection::from_bits(arrow_buffer::BooleanBuffer::new_unset(rows))
        }
    };
    let output = run(&source, &plan(&source, &columns, "filtered"), &middle, &no_guest);
    assert_eq!((output.sealed.rows.0, output.sealed.row_groups), (10, 1));
    let expected = input.column(0).slice(10, 10);
    assert_eq!(
        read_all(&output.bytes).column(0).as_primitive::<Int64Type>(),
        expected.as_primitive::<Int64Type>()
    );
}

#[test]
fn a_fragment_that_contradicts_its_selection_is_our_mistake() {
    let input = batch_of(15, &[DataType::Int64], 10);
    let source = Arc::new(open(&parquet_of(&input, grouped(10))).unwrap());
    let columns = [To::Preserve("c0".into(), "c0".into())];
    let output = Arc::new(OutputPlan::new(&source, &plan(&source, &columns, "filtered")).unwrap());
    let encoder = || FragmentEncoder::new(Arc::clone(&output), Arc::clone(&source), 0).unwrap();
    let too_short = encoder().finish(&Selection::all(9)).unwrap_err();
    assert_eq!(too_short.code(), skein_types::codes::BUG);
    let nothing_written = encoder().finish(&Selection::all(10)).unwrap_err();
    assert_eq!(
        nothing_written.to_string(),
        "a mistake in the Parquet writer: 0 computed rows for 10 kept ones"
    );
    let other = Arc::new(open(&parquet_of(&input, grouped(5))).unwrap());
    assert!(FragmentEncoder::new(Arc::clone(&output), other, 0).is_err());
    let mut sealer = FileSealer::new(Arc::clone(&output), std::io::sink()).unwrap();
    let none = Selection::from_bits(arrow_buffer::BooleanBuffer::new_unset(10));
    sealer.append(&source, encoder().finish(&none).unwrap()).unwrap();
    assert!(sealer.append(&source, encoder().finish(&none).unwrap()).is_err());
}
