//! Rows of a fixture: made up from a schema, and written in the two forms that a crate keeps them in.

use std::io::Write;
use std::sync::Arc;

use arrow_array::{
    Array, ArrayRef, FixedSizeListArray, Int32Array, Int64Array, RecordBatch, StringArray, StructArray,
    make_array, new_null_array,
};
use arrow_cast::cast;
use arrow_ipc::writer::StreamWriter;
use arrow_schema::{ArrowError, DataType, Field, Schema, SchemaRef};
use arrow_select::nullif::nullif;
use skein_dataset::parquet::{FileError, FreshFile};

/// Every so many rows a nullable column is null.
const NULL_EVERY: usize = 5;

/// Rows that say nothing about anybody: numbers count up, texts are the column's name with a number.
pub(crate) fn invented(schema: &SchemaRef, rows: usize) -> Result<RecordBatch, ArrowError> {
    let columns = schema.fields().iter().map(|field| with_nulls(&column(field, rows)?, field));
    RecordBatch::try_new(Arc::clone(schema), columns.collect::<Result<_, _>>()?)
}

/// An Arrow IPC stream.
pub(crate) fn stream(rows: &RecordBatch) -> Result<Vec<u8>, ArrowError> {
    // Without metadata of the schema: some of it is about the file that the rows came from.
    let plain = Arc::new(Schema::new(rows.schema_ref().fields().clone()));
    let mut writer = StreamWriter::try_new(Vec::new(), &plain)?;
    writer.write(&RecordBatch::try_new(plain, rows.columns().to_vec())?)?;
    writer.into_inner()
}

/// A Parquet file.
pub(crate) fn parquet(rows: &RecordBatch, out: impl Write + Send) -> Result<(), FileError> {
    let mut file = FreshFile::new(rows.schema(), out)?;
    file.write(rows)?;
    file.finish().map(drop)
}

fn with_nulls(array: &ArrayRef, field: &Field) -> Result<ArrayRef, ArrowError> {
    if !field.is_nullable() || *field.data_type() == DataType::Null {
        return Ok(Arc::clone(array));
    }
    let mask = (0..array.len()).map(|row| Some(row % NULL_EVERY == NULL_EVERY - 1)).collect();
    nullif(array, &mask)
}

/// Values without nulls.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "every other type is cast from numbers or texts, or has plain zeros"
)]
fn column(field: &Field, rows: usize) -> Result<ArrayRef, ArrowError> {
    match field.data_type() {
        DataType::Struct(children) => {
            let inside = children.iter().map(|child| column(child, rows)).collect::<Result<Vec<_>, _>>()?;
            let made = StructArray::try_new_with_length(children.clone(), inside, None, rows)?;
            Ok(Arc::new(made))
        }
        DataType::FixedSizeList(item, size) => {
            let each = usize::try_from(*size).map_err(|e| ArrowError::SchemaError(e.to_string()))?;
            let inside = column(item, rows * each)?;
            let made = FixedSizeListArray::try_new_with_length(Arc::clone(item), *size, inside, None, rows)?;
            Ok(Arc::new(made))
        }
        DataType::Boolean => {
            let made: arrow_array::BooleanArray = (0..rows).map(|row| Some(row % 2 == 0)).collect();
            Ok(Arc::new(made))
        }
        data_type => match leaf(field.name(), data_type, rows) {
            Some(made) => Ok(made),
            // All zero, and lists and maps empty.
            None => {
                Ok(make_array(new_null_array(data_type, rows).to_data().into_builder().nulls(None).build()?))
            }
        },
    }
}

/// Numbers from 0, or texts, as values of a type that either can be cast to.
fn leaf(name: &str, data_type: &DataType, rows: usize) -> Option<ArrayRef> {
    let texts = StringArray::from_iter_values((0..rows).map(|row| format!("{name} {row}")));
    let wide: Int64Array = (0..rows).map(|row| i64::try_from(row).ok()).collect();
    let narrow: Int32Array = (0..rows).map(|row| i32::try_from(row).ok()).collect();
    let is_text =
        matches!(data_type, DataType::Utf8 | DataType::LargeUtf8 | DataType::Binary | DataType::LargeBinary);
    let from: [ArrayRef; 2] =
        if is_text { [Arc::new(texts), Arc::new(wide)] } else { [Arc::new(wide), Arc::new(narrow)] };
    let mut made = from.iter().filter_map(|from| cast(from, data_type).ok());
    // A number that does not fit becomes null when it is cast.
    made.find(|made| made.null_count() == 0)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::Array as _;
    use arrow_schema::{DataType, Field, IntervalUnit, Schema, TimeUnit};

    use super::{invented, parquet, stream};

    fn every_type() -> Vec<DataType> {
        let item = |data_type, nullable| Arc::new(Field::new("item", data_type, nullable));
        let entries = DataType::Struct(
            vec![Field::new("keys", DataType::Utf8, false), Field::new("values", DataType::Int64, true)]
                .into(),
        );
        vec![
            DataType::Boolean,
            DataType::Int8,
            DataType::UInt64,
            DataType::Float32,
            DataType::Utf8,
            DataType::LargeUtf8,
            DataType::Binary,
            DataType::FixedSizeBinary(4),
            DataType::Date32,
            DataType::Date64,
            DataType::Time32(TimeUnit::Millisecond),
            DataType::Time64(TimeUnit::Nanosecond),
            DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
            DataType::Decimal128(38, 9),
            DataType::Decimal256(50, 2),
            DataType::List(item(DataType::Utf8, false)),
            DataType::FixedSizeList(item(DataType::Int32, false), 3),
            DataType::Struct(vec![Field::new("a", DataType::Utf8, false)].into()),
            DataType::Map(Arc::new(Field::new("entries", entries, false)), false),
        ]
    }

    #[test]
    fn rows_can_be_made_up_for_every_type_and_written_in_both_forms() {
        for nullable in [false, true] {
            let fields = every_type().into_iter().enumerate();
            let fields = fields.map(|(at, data_type)| Field::new(format!("c{at}"), data_type, nullable));
            let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
            let rows = invented(&schema, 20).unwrap();
            assert_eq!(rows.num_rows(), 20);
            for column in rows.columns() {
                assert_eq!(column.null_count(), if nullable { 4 } else { 0 }, "{}", column.data_type());
            }
            assert!(!stream(&rows).unwrap().is_empty());
            let mut file = Vec::new();
            parquet(&rows, &mut file).unwrap();
            assert!(file.starts_with(b"PAR1"));
        }
    }

    #[test]
    fn an_interval_has_some_value_too() {
        let schema = Arc::new(Schema::new(vec![Field::new(
            "every",
            DataType::Interval(IntervalUnit::YearMonth),
            false,
        )]));
        assert_eq!(invented(&schema, 3).unwrap().num_rows(), 3);
    }
}
