//! Batches into the bytes that a guest gets.

use arrow_array::{ArrayRef, RecordBatch, RecordBatchOptions};
use arrow_ipc::writer::StreamWriter;
use arrow_schema::{ArrowError, SchemaRef};

use crate::GuestError;
use crate::bindings::types as wit;

/// Encodes into one buffer that is used again for every batch.
pub(super) struct Encoder {
    schema: SchemaRef,
    batch: wit::Batch,
}

impl Encoder {
    pub(super) fn new(schema: &SchemaRef) -> Result<Self, GuestError> {
        let batch = wit::Batch { first_row: 0, rows: 0, data: Vec::new() };
        Ok(Self { schema: SchemaRef::clone(schema), batch })
    }

    /// The contract's record of a batch.
    pub(super) fn encode(&mut self, first_row: u64, batch: &RecordBatch) -> Result<&wit::Batch, GuestError> {
        let input = |error: ArrowError| GuestError::Input { reason: error.to_string() };
        let rows = batch.num_rows();
        self.batch.first_row = first_row;
        self.batch.rows = u32::try_from(rows)
            .map_err(|_| GuestError::Input { reason: format!("{rows} rows in one batch") })?;
        let columns: Vec<ArrayRef> = batch.columns().to_vec();
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        let named = RecordBatch::try_new_with_options(SchemaRef::clone(&self.schema), columns, &options);
        let named = named.map_err(input)?;
        self.batch.data.clear();
        let mut writer = StreamWriter::try_new(&mut self.batch.data, &self.schema).map_err(input)?;
        writer.write(&named).map_err(input)?;
        writer.finish().map_err(input)?;
        drop(writer);
        Ok(&self.batch)
    }
}
