//! Batches as Arrow IPC streams: schema, record batch, end of stream.
//!
//! Only what the contract allows: one batch, no dictionaries, views, unions or compression. Arrow's own reader and
//! writer do all of that too, and what they need for it makes up a third of a module; the messages themselves are
//! still Arrow's. Decoding borrows the bytes where their alignment allows; the module's allocator sees to it that it
//! does. Encoding copies each column once, into one vector of the right size.

mod read;
#[cfg(test)]
mod tests;
mod write;

use std::sync::Arc;

use arrow_array::{RecordBatch, RecordBatchOptions};
use arrow_buffer::Buffer;
use arrow_schema::{ArrowError, DataType, Field, Schema};

use crate::Failure;

/// Alignment of buffers inside the stream.
const ALIGNMENT: usize = 64;
/// Before each message and, with a length of zero, at the end.
const MARKER: [u8; 4] = [0xff; 4];

/// Decodes a stream of one record batch. No bytes at all stand for a batch of `rows` rows without columns.
pub(crate) fn decode(data: Vec<u8>, rows: usize) -> Result<RecordBatch, Failure> {
    if data.is_empty() {
        return Ok(no_columns(rows)?);
    }
    let batch = read::batch(&Buffer::from_vec(data))?.ok_or_else(|| bad("the stream has no record batch"))?;
    if batch.num_rows() != rows {
        return Err(bad(&format!("the stream has {} rows, the batch {rows}", batch.num_rows())));
    }
    Ok(batch)
}

fn no_columns(rows: usize) -> Result<RecordBatch, ArrowError> {
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    RecordBatch::try_new_with_options(Arc::new(Schema::empty()), Vec::new(), &options)
}

/// Encodes one record batch.
pub(crate) fn encode(batch: &RecordBatch) -> Result<Vec<u8>, Failure> {
    write::stream(batch)
}

/// Bytes of the rows themselves, slices counted as slices.
pub(crate) fn bytes(batch: &RecordBatch) -> usize {
    let column = |array: &arrow_array::ArrayRef| array.to_data().get_slice_memory_size().unwrap_or(0);
    batch.columns().iter().map(column).sum()
}

/// Fields whose arrays follow that of a type, in the order of the format.
#[expect(clippy::wildcard_enum_match_arm, reason = "only these types have children")]
fn children(data_type: &DataType) -> Vec<&Field> {
    match data_type {
        DataType::Struct(fields) => fields.iter().map(AsRef::as_ref).collect(),
        DataType::List(child)
        | DataType::LargeList(child)
        | DataType::FixedSizeList(child, _)
        | DataType::Map(child, _) => vec![child],
        _ => Vec::new(),
    }
}

/// Types that the contract knows: a guest's view has no others.
fn is_known(data_type: &DataType) -> bool {
    !matches!(
        data_type,
        DataType::Utf8View
            | DataType::BinaryView
            | DataType::ListView(_)
            | DataType::LargeListView(_)
            | DataType::Union(_, _)
            | DataType::Dictionary(_, _)
            | DataType::RunEndEncoded(_, _)
    )
}

fn unknown(data_type: &DataType) -> Failure {
    Failure::new("unknown-type", format!("{data_type} is not a type that crosses the sandbox's border"))
}

fn bad(message: &str) -> Failure {
    Failure::new("bad-batch", message)
}
