//! Encoding columns into chunks that are plain bytes with relative offsets, ready to be appended to any file.

use std::ops::Range;
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::{FieldRef, SchemaRef};
use parquet::arrow::arrow_writer::{ArrowColumnWriter, ArrowRowGroupWriterFactory, compute_leaves};
use parquet::errors::ParquetError;
use parquet::file::metadata::{ColumnChunkMetaData, RowGroupMetaData};
use parquet::file::page_index::column_index::ColumnIndexMetaData;
use parquet::file::page_index::offset_index::OffsetIndexMetaData;
use parquet::file::properties::WriterPropertiesPtr;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter, TrackedWrite};
use parquet::schema::types::{SchemaDescPtr, SchemaDescriptor, TypePtr};

use super::error::FileError;

/// Some columns of the output, encoded together.
#[derive(Clone, Debug)]
pub(super) struct Layout {
    pub(super) arrow: SchemaRef,
    pub(super) root: TypePtr,
    pub(super) properties: WriterPropertiesPtr,
}

impl Layout {
    pub(super) fn descriptor(&self) -> SchemaDescPtr {
        Arc::new(SchemaDescriptor::new(Arc::clone(&self.root)))
    }
}

/// Chunks of one row group: bytes, and metadata whose offsets count from the first of them.
#[derive(Debug, Default)]
pub(super) struct EncodedColumns {
    pub(super) bytes: Vec<u8>,
    pub(super) chunks: Vec<EncodedChunk>,
}

#[derive(Debug)]
pub(super) struct EncodedChunk {
    pub(super) metadata: ColumnChunkMetaData,
    pub(super) column_index: Option<ColumnIndexMetaData>,
    pub(super) offset_index: Option<OffsetIndexMetaData>,
    pub(super) bloom: Option<Bloom>,
}

/// A bloom filter with its header, as it stands in a file.
#[derive(Debug)]
pub(super) enum Bloom {
    Made(Vec<u8>),
    /// These bytes of the source. They may be a hundred megabytes for each column, so they are copied when their
    /// place in the output is reached.
    Source(Range<u64>),
}

/// Writes one row group's chunks into memory. `fill` must write or append every column of `descriptor` in order.
pub(super) fn in_memory(
    descriptor: SchemaDescPtr,
    properties: WriterPropertiesPtr,
    capacity: usize,
    fill: impl FnOnce(&mut SerializedRowGroupWriter<'_, Vec<u8>>) -> Result<(), ParquetError>,
) -> Result<EncodedColumns, ParquetError> {
    let mut out = TrackedWrite::new(Vec::with_capacity(capacity));
    let mut closed: Option<Closed> = None;
    {
        let keep = Box::new(
            |_: &mut _, group, filters: Vec<Option<parquet::bloom_filter::Sbbf>>, columns, offsets| {
                let filters = filters.into_iter().map(|f| f.map(|f| serialised(&f)).transpose());
                closed =
                    Some(Closed { group, filters: filters.collect::<Result<_, _>>()?, columns, offsets });
                Ok(())
            },
        );
        let mut writer = SerializedRowGroupWriter::new(descriptor, properties, &mut out, 0, Some(keep));
        fill(&mut writer)?;
        writer.close()?;
    }
    let closed = closed.ok_or_else(|| ParquetError::General("a row group did not close".to_owned()))?;
    let metadata = closed.group.columns().iter().cloned();
    let chunks = metadata.zip(closed.filters).zip(closed.columns.into_iter().zip(closed.offsets));
    let chunks = chunks.map(|((metadata, bloom), (column_index, offset_index))| EncodedChunk {
        metadata,
        column_index,
        offset_index,
        bloom: bloom.map(Bloom::Made),
    });
    let chunks = chunks.collect();
    Ok(EncodedColumns { bytes: out.into_inner()?, chunks })
}

/// What the crate tells about a row group when it closes, one entry per column.
struct Closed {
    group: RowGroupMetaData,
    filters: Vec<Option<Vec<u8>>>,
    columns: Vec<Option<ColumnIndexMetaData>>,
    offsets: Vec<Option<OffsetIndexMetaData>>,
}

fn serialised(filter: &parquet::bloom_filter::Sbbf) -> Result<Vec<u8>, ParquetError> {
    let mut bytes = Vec::new();
    filter.write(&mut bytes)?;
    Ok(bytes)
}

/// Encodes Arrow batches of one row group.
pub(super) struct ColumnsEncoder {
    layout: Layout,
    writers: Vec<ArrowColumnWriter>,
    rows: usize,
}

impl std::fmt::Debug for ColumnsEncoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ColumnsEncoder").field("rows", &self.rows).finish_non_exhaustive()
    }
}

impl ColumnsEncoder {
    pub(super) fn new(layout: &Layout) -> Result<Self, FileError> {
        let (root, properties) = (Arc::clone(&layout.root), Arc::clone(&layout.properties));
        // The factory wants a file to write to; the chunks are kept in memory, so this one goes nowhere.
        let nowhere = SerializedFileWriter::new(std::io::sink(), root, properties)?;
        let factory = ArrowRowGroupWriterFactory::new(&nowhere, Arc::clone(&layout.arrow));
        Ok(Self { layout: layout.clone(), writers: factory.create_column_writers(0)?, rows: 0 })
    }

    /// Rows written so far.
    pub(super) const fn rows(&self) -> usize {
        self.rows
    }

    /// Encodes a batch. Its columns must have the layout's types, in order.
    pub(super) fn write(&mut self, batch: &RecordBatch) -> Result<(), FileError> {
        let fields = self.layout.arrow.fields();
        if batch.num_columns() != fields.len() {
            let what = format!("{} columns for {} to encode", batch.num_columns(), fields.len());
            return Err(FileError::bug(what));
        }
        let mut writers = self.writers.iter_mut();
        for (field, column) in fields.iter().zip(batch.columns()) {
            fits(field, column.as_ref())?;
            for leaf in compute_leaves(field, column)? {
                let missing = || FileError::bug("more leaves than column writers");
                writers.next().ok_or_else(missing)?.write(&leaf)?;
            }
        }
        self.rows += batch.num_rows();
        Ok(())
    }

    pub(super) fn finish(self) -> Result<EncodedColumns, FileError> {
        if self.writers.is_empty() {
            return Ok(EncodedColumns::default());
        }
        let chunks = self.writers.into_iter().map(ArrowColumnWriter::close).collect::<Result<Vec<_>, _>>()?;
        let sizes = chunks.iter().map(|c| usize::try_from(c.close().metadata.compressed_size()).unwrap_or(0));
        let encoded = in_memory(self.layout.descriptor(), self.layout.properties, sizes.sum(), |writer| {
            chunks.into_iter().try_for_each(|chunk| chunk.append_to_row_group(writer))
        })?;
        Ok(encoded)
    }
}

/// The caller checks what guests answer; a batch that does not fit here is a mistake of the host.
fn fits(field: &FieldRef, column: &dyn arrow_array::Array) -> Result<(), FileError> {
    if column.data_type() != field.data_type() {
        let what =
            format!("column {:?} is {} instead of {}", field.name(), column.data_type(), field.data_type());
        return Err(FileError::bug(what));
    }
    if !field.is_nullable() && column.logical_null_count() > 0 {
        return Err(FileError::bug(format!("column {:?} has nulls and must not", field.name())));
    }
    Ok(())
}
