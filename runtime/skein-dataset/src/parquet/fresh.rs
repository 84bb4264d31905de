//! A Parquet file from nothing but batches: rejected rows in quarantine.

use std::io::Write;

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::file::properties::WriterProperties;
use skein_types::{Bytes, Rows};

use super::error::FileError;
use super::properties::CREATED_BY;

/// What a fresh file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FreshSealed {
    /// Rows in it.
    pub rows: Rows,
    /// Size of the file.
    pub bytes: Bytes,
}

/// Writes batches of one schema as a file of their own.
pub struct FreshFile<W: Write + Send> {
    writer: ArrowWriter<W>,
    rows: u64,
}

impl<W: Write + Send> std::fmt::Debug for FreshFile<W> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FreshFile").field("rows", &self.rows).finish_non_exhaustive()
    }
}

impl<W: Write + Send> FreshFile<W> {
    /// Begins a file.
    pub fn new(schema: SchemaRef, out: W) -> Result<Self, FileError> {
        let properties = WriterProperties::builder()
            .set_created_by(CREATED_BY.to_owned())
            .set_compression(Compression::SNAPPY)
            .build();
        Ok(Self { writer: ArrowWriter::try_new(out, schema, Some(properties))?, rows: 0 })
    }

    /// Appends a batch.
    pub fn write(&mut self, batch: &RecordBatch) -> Result<(), FileError> {
        self.writer.write(batch)?;
        self.rows += batch.num_rows() as u64;
        Ok(())
    }

    /// Writes the footer and flushes. Nothing is synced.
    pub fn finish(mut self) -> Result<FreshSealed, FileError> {
        self.writer.finish()?;
        Ok(FreshSealed { rows: Rows(self.rows), bytes: Bytes(self.writer.bytes_written() as u64) })
    }
}
