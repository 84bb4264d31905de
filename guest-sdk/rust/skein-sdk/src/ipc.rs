//! Batches as Arrow IPC streams: schema, record batch, end of stream.
//!
//! Decoding borrows the bytes where their alignment allows; the module's allocator sees to it that it does. Encoding
//! copies each column once, into one vector of the right size.

use std::sync::Arc;

use arrow_array::{RecordBatch, RecordBatchOptions};
use arrow_buffer::Buffer;
use arrow_ipc::reader::StreamDecoder;
use arrow_ipc::writer::{IpcWriteOptions, StreamWriter};
use arrow_schema::{ArrowError, Schema};

use crate::Failure;

/// Alignment of buffers inside the stream.
const ALIGNMENT: usize = 64;
/// Room for schema, headers and padding, per column.
const OVERHEAD_PER_COLUMN: usize = 512;

/// Decodes a stream of at most one record batch. An empty stream, or one without batch, has `rows` rows only if it has no
/// columns.
pub(crate) fn decode(data: Vec<u8>, rows: usize) -> Result<RecordBatch, Failure> {
    if data.is_empty() {
        return Ok(no_columns(rows)?);
    }
    let mut buffer = Buffer::from_vec(data);
    let mut decoder = StreamDecoder::new();
    let Some(batch) = decoder.decode(&mut buffer)? else {
        let message = "the stream has no record batch";
        return Err(Failure::new("bad-batch", message));
    };
    if batch.num_rows() != rows {
        let message = format!("the stream has {} rows, the batch {rows}", batch.num_rows());
        return Err(Failure::new("bad-batch", message));
    }
    Ok(batch)
}

fn no_columns(rows: usize) -> Result<RecordBatch, ArrowError> {
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    RecordBatch::try_new_with_options(Arc::new(Schema::empty()), Vec::new(), &options)
}

/// Encodes one record batch.
pub(crate) fn encode(batch: &RecordBatch) -> Result<Vec<u8>, Failure> {
    let options = IpcWriteOptions::try_new(ALIGNMENT, false, arrow_ipc::MetadataVersion::V5)?;
    let room = bytes(batch) + OVERHEAD_PER_COLUMN * (batch.num_columns() + 1);
    let mut writer =
        StreamWriter::try_new_with_options(Vec::with_capacity(room), batch.schema_ref(), options)?;
    writer.write(batch)?;
    Ok(writer.into_inner()?)
}

/// Bytes of the rows themselves, slices counted as slices.
pub(crate) fn bytes(batch: &RecordBatch) -> usize {
    let column = |array: &arrow_array::ArrayRef| array.to_data().get_slice_memory_size().unwrap_or(0);
    batch.columns().iter().map(column).sum()
}

#[cfg(test)]
mod tests {
    use super::{decode, encode};
    use arrow_array::{ArrayRef, Decimal128Array, RecordBatch, StringArray};
    use std::sync::Arc;

    #[test]
    fn a_batch_comes_back_as_it_was_in_one_allocation() {
        let names: ArrayRef = Arc::new(StringArray::from(vec![Some("a"), None, Some("ccc")]));
        let prices: ArrayRef = Arc::new(Decimal128Array::from(vec![Some(1), Some(-2), None]));
        let batch = RecordBatch::try_from_iter([("name", names), ("price", prices)]).unwrap();
        let encoded = encode(&batch).unwrap();
        assert_eq!(decode(encoded, 3).unwrap(), batch);
    }

    #[test]
    fn a_wrong_row_count_is_a_bad_batch() {
        let one: ArrayRef = Arc::new(StringArray::from(vec!["x"]));
        let batch = RecordBatch::try_from_iter([("name", one)]).unwrap();
        assert_eq!(decode(encode(&batch).unwrap(), 2).unwrap_err().code, "bad-batch");
        assert_eq!(decode(Vec::new(), 5).unwrap().num_rows(), 5);
    }
}
