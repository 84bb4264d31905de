//! A stream's record batch, its buffers borrowed.

use std::sync::Arc;

use arrow_array::{RecordBatch, RecordBatchOptions, make_array};
use arrow_buffer::Buffer;
use arrow_data::ArrayData;
use arrow_ipc::{Message, convert::fb_to_schema, root_as_message};
use arrow_schema::{Field, SchemaRef};

use super::{MARKER, bad, children, is_known, unknown};
use crate::Failure;

/// The record batch of a stream; `None` if it has none.
pub(super) fn batch(stream: &Buffer) -> Result<Option<RecordBatch>, Failure> {
    let mut schema: Option<SchemaRef> = None;
    let mut batch = None;
    let mut at = 0;
    while let Some((message, body)) = next(stream, &mut at)? {
        if let Some(found) = message.header_as_schema() {
            schema = Some(Arc::new(fb_to_schema(found)));
        } else if let Some(found) = message.header_as_record_batch() {
            let schema = schema.as_ref().ok_or_else(|| bad("a record batch before the schema"))?;
            if batch.is_some() {
                return Err(bad("more than one record batch"));
            }
            batch = Some(arrays(&found, schema, &body)?);
        } else {
            return Err(bad("a message that is neither schema nor record batch"));
        }
    }
    Ok(batch)
}

/// The message at a place and its body; `None` at the end of the stream.
fn next<'a>(stream: &'a Buffer, at: &mut usize) -> Result<Option<(Message<'a>, Buffer)>, Failure> {
    let cut = || bad("a stream that is cut off");
    let rest = stream.get(*at..).ok_or_else(cut)?;
    if rest.is_empty() {
        return Ok(None);
    }
    let (head, rest) = rest.split_at_checked(8).ok_or_else(cut)?;
    let length = head.strip_prefix(&MARKER).and_then(|length| length.try_into().ok()).map(u32::from_le_bytes);
    let length = length.ok_or_else(|| bad("a message without its marker"))? as usize;
    if length == 0 {
        return Ok(None);
    }
    let message = root_as_message(rest.get(..length).ok_or_else(cut)?).map_err(|e| bad(&e.to_string()))?;
    let start = *at + 8 + length;
    let body = usize::try_from(message.bodyLength()).map_err(|_| cut())?;
    *at = start.checked_add(body).filter(|end| *end <= stream.len()).ok_or_else(cut)?;
    Ok(Some((message, stream.slice_with_length(start, body))))
}

fn arrays(
    found: &arrow_ipc::RecordBatch<'_>,
    schema: &SchemaRef,
    body: &Buffer,
) -> Result<RecordBatch, Failure> {
    if found.compression().is_some() {
        return Err(bad("a compressed record batch"));
    }
    let missing = || bad("a record batch without nodes or buffers");
    let nodes = found.nodes().ok_or_else(missing)?;
    let buffers = found.buffers().ok_or_else(missing)?;
    let mut parts = Parts { nodes: nodes.iter(), buffers: buffers.iter(), body };
    let columns = schema.fields().iter().map(|field| parts.array(field).map(make_array));
    let columns = columns.collect::<Result<Vec<_>, Failure>>()?;
    let rows = usize::try_from(found.length()).map_err(|_| bad("a negative number of rows"))?;
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    Ok(RecordBatch::try_new_with_options(Arc::clone(schema), columns, &options)?)
}

/// Nodes and buffers that no array has taken yet.
struct Parts<'a, N, B> {
    nodes: N,
    buffers: B,
    body: &'a Buffer,
}

impl<'a, N, B> Parts<'a, N, B>
where
    N: Iterator<Item = &'a arrow_ipc::FieldNode>,
    B: Iterator<Item = &'a arrow_ipc::Buffer>,
{
    fn array(&mut self, field: &Field) -> Result<ArrayData, Failure> {
        let data_type = field.data_type();
        if !is_known(data_type) {
            return Err(unknown(data_type));
        }
        let node = self.nodes.next().ok_or_else(|| bad("fewer nodes than fields"))?;
        let rows = usize::try_from(node.length()).map_err(|_| bad("a column of negative length"))?;
        let layout = arrow_data::layout(data_type);
        let validity = if layout.can_contain_null_mask { Some(self.buffer()?) } else { None };
        let own = layout.buffers.iter().map(|_| self.buffer()).collect::<Result<Vec<_>, Failure>>()?;
        let below = children(data_type).into_iter().map(|child| self.array(child));
        let below = below.collect::<Result<Vec<_>, Failure>>()?;
        let array = ArrayData::builder(data_type.clone())
            .len(rows)
            .null_bit_buffer(validity.filter(|_| node.null_count() > 0))
            .buffers(own)
            .child_data(below)
            .align_buffers(true);
        Ok(array.build()?)
    }

    fn buffer(&mut self) -> Result<Buffer, Failure> {
        let found = self.buffers.next().ok_or_else(|| bad("fewer buffers than columns need"))?;
        let range = usize::try_from(found.offset()).ok().zip(usize::try_from(found.length()).ok());
        let inside =
            |(at, length): &(usize, usize)| at.checked_add(*length).is_some_and(|end| end <= self.body.len());
        let (at, length) = range.filter(inside).ok_or_else(|| bad("a buffer outside the body"))?;
        Ok(self.body.slice_with_length(at, length))
    }
}
