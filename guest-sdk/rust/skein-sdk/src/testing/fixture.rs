//! Test data from files: Arrow IPC streams, as `skein new` writes them.

use arrow_array::RecordBatch;
use arrow_ipc::reader::StreamReader;
use arrow_schema::ArrowError;
use arrow_select::concat::concat_batches;

/// Rows of an Arrow IPC stream as one batch.
pub fn arrows(stream: &[u8]) -> Result<RecordBatch, ArrowError> {
    let reader = StreamReader::try_new(stream, None)?;
    let schema = reader.schema();
    let batches = reader.collect::<Result<Vec<_>, _>>()?;
    concat_batches(&schema, &batches)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::{Int64Array, RecordBatch};
    use arrow_ipc::writer::StreamWriter;
    use arrow_schema::{DataType, Field, Schema};

    use super::arrows;

    #[test]
    fn the_batches_of_a_stream_become_one() {
        let schema = Arc::new(Schema::new(vec![Field::new("n", DataType::Int64, false)]));
        let rows = |numbers: Vec<i64>| {
            RecordBatch::try_new(Arc::clone(&schema), vec![Arc::new(Int64Array::from(numbers))]).unwrap()
        };
        let mut writer = StreamWriter::try_new(Vec::new(), &schema).unwrap();
        writer.write(&rows(vec![1, 2])).unwrap();
        writer.write(&rows(vec![3])).unwrap();
        let stream = writer.into_inner().unwrap();
        assert_eq!(arrows(&stream).unwrap(), rows(vec![1, 2, 3]));
        assert!(arrows(&stream[..10]).is_err());
    }
}
