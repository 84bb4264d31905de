//! A record batch as a stream, each buffer copied once.

use std::ops::Sub;

use arrow_array::{Array as _, RecordBatch};
use arrow_buffer::{ArrowNativeType, BooleanBuffer, Buffer};
use arrow_data::{ArrayData, BufferSpec};
use arrow_ipc::convert::IpcSchemaEncoder;
use arrow_ipc::{FieldNode, MessageBuilder, MessageHeader, MetadataVersion, RecordBatchBuilder};
use arrow_schema::{DataType, Schema};
use flatbuffers::{FlatBufferBuilder, UnionWIPOffset, WIPOffset};

use super::{ALIGNMENT, MARKER, is_known, unknown};
use crate::Failure;

/// Nothing may be in memory twice: room for the headers is guessed, and generously.
const ROOM_PER_BUFFER: usize = 256;

/// The stream of one batch.
pub(super) fn stream(batch: &RecordBatch) -> Result<Vec<u8>, Failure> {
    let mut parts = Parts::default();
    for column in batch.columns() {
        parts.array(&column.to_data())?;
    }
    let room = ROOM_PER_BUFFER * (parts.buffers.len() + batch.num_columns() + 2);
    let mut out = Vec::with_capacity(room + parts.length);
    schema(batch.schema_ref(), &mut out);
    parts.message(batch.num_rows(), &mut out);
    for bytes in &parts.bytes {
        out.extend_from_slice(bytes);
        pad(&mut out);
    }
    out.extend_from_slice(&MARKER);
    out.extend_from_slice(&[0; 4]);
    Ok(out)
}

fn schema(schema: &Schema, out: &mut Vec<u8>) {
    let mut builder = FlatBufferBuilder::new();
    let header = IpcSchemaEncoder::new().schema_to_fb_offset(&mut builder, schema).as_union_value();
    finish(builder, MessageHeader::Schema, header, 0, out);
}

/// Ends a message and appends it with marker, length and padding.
fn finish(
    mut builder: FlatBufferBuilder<'_>,
    kind: MessageHeader,
    header: WIPOffset<UnionWIPOffset>,
    body: usize,
    out: &mut Vec<u8>,
) {
    let mut message = MessageBuilder::new(&mut builder);
    message.add_version(MetadataVersion::V5);
    message.add_header_type(kind);
    message.add_bodyLength(size(body));
    message.add_header(header);
    let root = message.finish();
    builder.finish(root, None);
    let bytes = builder.finished_data();
    let padded = (8 + bytes.len()).next_multiple_of(ALIGNMENT) - 8;
    out.extend_from_slice(&MARKER);
    out.extend_from_slice(&u32::try_from(padded).expect("headers are small").to_le_bytes());
    out.extend_from_slice(bytes);
    pad(out);
}

/// Every message and buffer begins on a border.
fn pad(out: &mut Vec<u8>) {
    out.resize(out.len().next_multiple_of(ALIGNMENT), 0);
}

fn size(length: usize) -> i64 {
    i64::try_from(length).expect("a module's memory has 32 bits, a test's less than 63")
}

/// Nodes and buffers of a record batch message, and the bytes that its body will have.
#[derive(Default)]
struct Parts {
    nodes: Vec<FieldNode>,
    buffers: Vec<arrow_ipc::Buffer>,
    bytes: Vec<Buffer>,
    length: usize,
}

impl Parts {
    fn message(&self, rows: usize, out: &mut Vec<u8>) {
        let mut builder = FlatBufferBuilder::new();
        let nodes = builder.create_vector(&self.nodes);
        let buffers = builder.create_vector(&self.buffers);
        let mut batch = RecordBatchBuilder::new(&mut builder);
        batch.add_length(size(rows));
        batch.add_nodes(nodes);
        batch.add_buffers(buffers);
        let header = batch.finish().as_union_value();
        finish(builder, MessageHeader::RecordBatch, header, self.length, out);
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "all other types that are known have one layout each")]
    fn array(&mut self, data: &ArrayData) -> Result<(), Failure> {
        let (data_type, rows) = (data.data_type(), data.len());
        if !is_known(data_type) {
            return Err(unknown(data_type));
        }
        // Arrow counts no nulls in an array of nulls, the format counts them all.
        let nulls = if *data_type == DataType::Null { rows } else { data.null_count() };
        self.nodes.push(FieldNode::new(size(rows), size(nulls)));
        let layout = arrow_data::layout(data_type);
        if layout.can_contain_null_mask {
            let bits = data.nulls().filter(|nulls| nulls.null_count() > 0);
            self.buffer(bits.map_or_else(empty, |nulls| nulls.inner().sliced()));
        }
        match data_type {
            DataType::Utf8 | DataType::Binary => self.bytes::<i32>(data),
            DataType::LargeUtf8 | DataType::LargeBinary => self.bytes::<i64>(data),
            DataType::List(_) | DataType::Map(_, _) => self.list::<i32>(data)?,
            DataType::LargeList(_) => self.list::<i64>(data)?,
            DataType::FixedSizeList(_, each) => {
                let each = usize::try_from(*each).map_err(|_| unknown(data_type))?;
                self.array(&data.child_data()[0].slice(data.offset() * each, rows * each))?;
            }
            // Its children are sliced with it.
            DataType::Struct(_) => data.child_data().iter().try_for_each(|child| self.array(child))?,
            _ => match layout.buffers.as_slice() {
                [] => {}
                [BufferSpec::BitMap] => {
                    let bits = BooleanBuffer::new(data.buffers()[0].clone(), data.offset(), rows);
                    self.buffer(bits.sliced());
                }
                [BufferSpec::FixedWidth { byte_width, .. }] => {
                    let start = data.offset() * byte_width;
                    self.buffer(data.buffers()[0].slice_with_length(start, rows * byte_width));
                }
                _ => return Err(unknown(data_type)),
            },
        }
        Ok(())
    }

    fn bytes<O: ArrowNativeType + Sub<Output = O>>(&mut self, data: &ArrayData) {
        let (offsets, first, count) = rebased::<O>(data);
        self.buffer(offsets);
        self.buffer(data.buffers()[1].slice_with_length(first, count));
    }

    fn list<O: ArrowNativeType + Sub<Output = O>>(&mut self, data: &ArrayData) -> Result<(), Failure> {
        let (offsets, first, count) = rebased::<O>(data);
        self.buffer(offsets);
        self.array(&data.child_data()[0].slice(first, count))
    }

    fn buffer(&mut self, bytes: Buffer) {
        self.buffers.push(arrow_ipc::Buffer::new(size(self.length), size(bytes.len())));
        self.length += bytes.len().next_multiple_of(ALIGNMENT);
        self.bytes.push(bytes);
    }
}

fn empty() -> Buffer {
    Buffer::from_vec(Vec::<u8>::new())
}

/// Offsets that begin at zero, and the range that they point into before that: first item and number of items.
fn rebased<O: ArrowNativeType + Sub<Output = O>>(data: &ArrayData) -> (Buffer, usize, usize) {
    if data.is_empty() {
        return (empty(), 0, 0);
    }
    let all = data.buffers()[0].typed_data::<O>();
    let offsets = &all[data.offset()..=data.offset() + data.len()];
    let (first, last) = (offsets[0], offsets[data.len()]);
    let buffer = if first == O::default() {
        let width = size_of::<O>();
        data.buffers()[0].slice_with_length(data.offset() * width, size_of_val(offsets))
    } else {
        offsets.iter().map(|offset| *offset - first).collect::<Vec<O>>().into()
    };
    (buffer, first.as_usize(), (last - first).as_usize())
}
