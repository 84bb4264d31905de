//! Batches into the bytes that a guest gets.

use arrow_array::{ArrayRef, RecordBatch, RecordBatchOptions};
use arrow_ipc::writer::StreamWriter;
use arrow_schema::{ArrowError, SchemaRef};

use crate::GuestError;
use crate::bindings::types as wit;

/// End of a stream.
const END: [u8; 8] = [0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0];

/// Encodes each batch as a stream of its own, into one buffer that is used again. The schema message, alike for all, is
/// encoded once.
pub(super) struct Encoder {
    schema: SchemaRef,
    schema_message: Vec<u8>,
    writer: StreamWriter<Vec<u8>>,
    batch: wit::Batch,
}

impl Encoder {
    pub(super) fn new(schema: &SchemaRef) -> Result<Self, GuestError> {
        let writer = StreamWriter::try_new(Vec::new(), schema).map_err(input)?;
        let schema_message = writer.get_ref().clone();
        let batch = wit::Batch { first_row: 0, rows: 0, data: Vec::new() };
        Ok(Self { schema: SchemaRef::clone(schema), schema_message, writer, batch })
    }

    /// The contract's record of a batch.
    pub(super) fn encode(&mut self, first_row: u64, batch: &RecordBatch) -> Result<&wit::Batch, GuestError> {
        let rows = batch.num_rows();
        self.batch.first_row = first_row;
        self.batch.rows = u32::try_from(rows)
            .map_err(|_| GuestError::Input { reason: format!("{rows} rows in one batch") })?;
        let columns: Vec<ArrayRef> = batch.columns().to_vec();
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        let named = RecordBatch::try_new_with_options(SchemaRef::clone(&self.schema), columns, &options);
        let named = named.map_err(input)?;
        let buffer = self.writer.get_mut();
        std::mem::swap(buffer, &mut self.batch.data);
        buffer.clear();
        buffer.extend_from_slice(&self.schema_message);
        self.writer.write(&named).map_err(input)?;
        let buffer = self.writer.get_mut();
        buffer.extend_from_slice(&END);
        std::mem::swap(buffer, &mut self.batch.data);
        Ok(&self.batch)
    }
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn input(error: ArrowError) -> GuestError {
    GuestError::Input { reason: error.to_string() }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::Encoder;
    use arrow_array::{Int64Array, RecordBatch};
    use arrow_ipc::reader::StreamReader;
    use arrow_schema::{DataType, Field, Schema};

    #[test]
    fn each_batch_is_a_whole_stream_and_none_leaks_into_the_next() {
        let schema = Arc::new(Schema::new(vec![Field::new("n", DataType::Int64, false)]));
        let mut encoder = Encoder::new(&schema).unwrap();
        for size in [100, 0, 3] {
            let numbers: Int64Array = (0..size).collect();
            let batch = RecordBatch::try_new(Arc::clone(&schema), vec![Arc::new(numbers)]).unwrap();
            let encoded = encoder.encode(7, &batch).unwrap();
            assert_eq!((encoded.first_row, i64::from(encoded.rows)), (7, size));
            let read: Vec<_> =
                StreamReader::try_new(encoded.data.as_slice(), None).unwrap().map(Result::unwrap).collect();
            assert_eq!(read, [batch]);
        }
    }
}
