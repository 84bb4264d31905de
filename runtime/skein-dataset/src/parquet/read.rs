//! Decoding some columns of one row group into the guest's types.

use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch, RecordBatchOptions, StringArray, new_null_array};
use arrow_cast::cast;
use arrow_schema::{ArrowError, DataType, Field, FieldRef, Schema, SchemaRef};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};
use parquet::errors::ParquetError;
use skein_types::{ColumnId, ColumnNode, ColumnTree, fixed_list_bytes, fixed_list_bytes_of_items};

use super::error::{FileError, guarded};
use super::held::{self, Batches, Together};
use super::presented::Part;
use super::seat::{self, Taken};
use super::source::SourceFile;

/// Batches of one row group, in order. Ends after the first error.
#[derive(Debug)]
pub struct BatchReader {
    name: String,
    columns: Option<Columns>,
    schema: SchemaRef,
    /// Where each column of the schema comes from.
    parts: Vec<Part>,
    /// Rows that the footer promises and that did not come yet.
    left: usize,
    batches: Batches,
    /// From the first batch to the last.
    seat: Option<Taken<'static>>,
    begun: bool,
}

struct Columns(ParquetRecordBatchReader);

impl std::fmt::Debug for Columns {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Columns")
    }
}

impl SourceFile {
    /// Decodes the columns with these leaf ordinals (sorted) of one row group, in batches of `batch_rows` or, where
    /// their values could be too large together, fewer. What the file presents and does not store is made here.
    ///
    /// Batches have the view's types and, where only some leaves of a column are asked for, only those: with
    /// [`skein_types::SchemaPlan::read_leaves`] the schema is exactly [`skein_types::SchemaPlan::guest_input`].
    /// Without leaves the batches have row counts and no columns.
    pub fn read(
        &self,
        row_group: usize,
        leaves: &[usize],
        batch_rows: usize,
    ) -> Result<BatchReader, FileError> {
        let rows = self.row_group_rows(row_group);
        if let Some(leaf) = leaves.iter().find(|leaf| **leaf >= self.tree().leaves().len()) {
            return Err(FileError::bug(format!("{:?} has no leaf {leaf}", self.name())));
        }
        let stored = self.presented.stored_leaves(leaves);
        let batches = self.batches(row_group, &stored, self.presented.made_bytes(leaves), batch_rows)?;
        let columns = if stored.is_empty() || rows == 0 {
            None
        } else {
            let descriptor = self.metadata().file_metadata().schema_descr();
            let mask = ProjectionMask::leaves(descriptor, stored.iter().copied());
            let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(
                self.file().clone(),
                self.decoder().clone(),
            );
            let reader = guarded(self.name(), || {
                builder
                    .with_row_groups(vec![row_group])
                    .with_projection(mask)
                    .with_batch_size(batches.rows)
                    .build()
            })?;
            Some(Columns(reader))
        };
        Ok(BatchReader {
            name: self.name().to_owned(),
            columns,
            schema: Arc::new(projected(self.tree(), leaves)),
            parts: self.presented.parts(leaves),
            left: rows,
            batches,
            seat: None,
            begun: false,
        })
    }

    /// How many rows a batch of these stored leaves may have if the host makes `made` bytes for each row besides.
    fn batches(
        &self,
        row_group: usize,
        leaves: &[usize],
        made: u64,
        wanted: usize,
    ) -> Result<Batches, FileError> {
        let group = self.group(row_group)?;
        let rows = self.row_group_rows(row_group);
        let chunk = |leaf: &usize| {
            let missing = || FileError::bug(format!("{:?} stores no leaf {leaf}", self.name()));
            group.columns().get(*leaf).ok_or_else(missing)
        };
        let chunks = leaves.iter().filter(|_| rows > 0).map(chunk).collect::<Result<Vec<_>, _>>()?;
        let roots = self.stored().roots().iter().filter_map(|root| self.stored().get(*root));
        let read = |node: &&ColumnNode| leaves.iter().any(|leaf| node.leaves.contains(leaf));
        let roots: Vec<&ColumnNode> = roots.filter(read).collect();
        let list_bytes = roots.iter().map(|node| fixed_list_bytes(node.field.data_type()));
        let row_bytes = list_bytes.fold(made, u64::saturating_add);
        let values = |node: &ColumnNode| {
            let inside = leaves.iter().filter(|leaf| node.leaves.contains(leaf));
            let counts = inside.filter_map(|leaf| group.columns().get(*leaf)).map(|c| c.num_values());
            counts.max().and_then(|most| u64::try_from(most).ok()).unwrap_or(0)
        };
        let claim = |node: &&ColumnNode| {
            fixed_list_bytes_of_items(node.field.data_type()).saturating_mul(values(node))
        };
        let item_bytes = roots.iter().map(claim).fold(0, u64::saturating_add);
        let together = Together { chunks: &chunks, rows, row_bytes, item_bytes };
        held::batches(self.file(), self.name(), &together, wanted)
    }
}

impl BatchReader {
    /// Schema of the batches.
    pub const fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// Rows of each batch but the last.
    pub const fn batch_rows(&self) -> usize {
        self.batches.rows
    }

    fn decode(&mut self) -> Result<Option<RecordBatch>, FileError> {
        let Some(columns) = &mut self.columns else {
            let rows = self.left.min(self.batches.rows);
            return made(&[], rows, &self.schema, &self.parts)
                .map(Some)
                .map_err(|e| FileError::bug(e.to_string()));
        };
        let (schema, parts) = (&self.schema, &self.parts);
        let conform = |batch: RecordBatch| made(batch.columns(), batch.num_rows(), schema, parts);
        let batch = guarded(&self.name, || match columns.0.next() {
            None => Ok(None),
            Some(batch) => batch.and_then(conform).map(Some).map_err(to_parquet),
        })?;
        if batch.as_ref().is_none_or(|b| b.num_rows() == 0 || b.num_rows() > self.left) {
            let what = "a row group does not have the rows that the footer says".to_owned();
            return Err(FileError::Damaged { file: self.name.clone(), what });
        }
        Ok(batch)
    }
}

impl Iterator for BatchReader {
    type Item = Result<RecordBatch, FileError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.left == 0 {
            return None;
        }
        if !self.begun {
            // Not before: until now whoever reads may wait for others.
            (self.seat, self.begun) = (seat::for_bytes(self.batches.bytes), true);
        }
        let batch = self.decode();
        match &batch {
            Ok(Some(batch)) => self.left -= batch.num_rows(),
            Ok(None) | Err(_) => self.left = 0,
        }
        if self.left == 0 {
            // The decoder's pages first.
            self.columns = None;
            self.seat = None;
        }
        batch.transpose()
    }
}

fn to_parquet(error: ArrowError) -> ParquetError {
    ParquetError::ArrowError(error.to_string())
}

/// A batch of exactly this schema: columns that the decoder gives in their stored form are cast, the others made.
fn made(
    decoded: &[ArrayRef],
    rows: usize,
    schema: &SchemaRef,
    parts: &[Part],
) -> Result<RecordBatch, ArrowError> {
    let columns = schema.fields().iter().zip(parts).map(|(field, part)| match part {
        Part::Decoded(place) => match decoded.get(*place) {
            Some(column) if column.data_type() == field.data_type() => Ok(Arc::clone(column)),
            Some(column) => cast(column, field.data_type()),
            None => Err(ArrowError::SchemaError(format!("{:?} was not decoded", field.name()))),
        },
        Part::Nulls => Ok(new_null_array(field.data_type(), rows)),
        Part::Constant(value) => {
            let values = StringArray::from_iter(std::iter::repeat_n(value.as_deref(), rows));
            Ok(Arc::new(values) as ArrayRef)
        }
    });
    let columns = columns.collect::<Result<Vec<_>, _>>()?;
    let rows = RecordBatchOptions::new().with_row_count(Some(rows));
    RecordBatch::try_new_with_options(Arc::clone(schema), columns, &rows)
}

/// The columns of the view pruned to some leaves.
fn projected(tree: &ColumnTree, leaves: &[usize]) -> Schema {
    Schema::new(tree.roots().iter().filter_map(|root| prune(tree, *root, leaves)).collect::<Vec<_>>())
}

fn prune(tree: &ColumnTree, id: ColumnId, leaves: &[usize]) -> Option<FieldRef> {
    let node = tree.get(id)?;
    let wanted = node.leaves.clone().filter(|leaf| leaves.binary_search(leaf).is_ok()).count();
    if wanted == node.leaves.len() {
        return (wanted > 0).then(|| Arc::clone(&node.field));
    }
    let mut children: Vec<FieldRef> = node.children.iter().filter_map(|c| prune(tree, *c, leaves)).collect();
    #[expect(clippy::wildcard_enum_match_arm, reason = "other types have no children to lose")]
    let data_type = match node.field.data_type() {
        DataType::Struct(_) if !children.is_empty() => DataType::Struct(children.into()),
        DataType::List(_) => DataType::List(children.pop()?),
        DataType::LargeList(_) => DataType::LargeList(children.pop()?),
        DataType::FixedSizeList(_, n) => DataType::FixedSizeList(children.pop()?, *n),
        DataType::Map(_, sorted) => DataType::Map(children.pop()?, *sorted),
        _ => return None,
    };
    let field = Field::new(node.field.name(), data_type, node.field.is_nullable());
    Some(Arc::new(field.with_metadata(node.field.metadata().clone())))
}
