//! Decoding some columns of one row group into the guest's types.

use std::sync::Arc;

use arrow_array::{RecordBatch, RecordBatchOptions};
use arrow_cast::cast;
use arrow_schema::{ArrowError, DataType, Field, FieldRef, Schema, SchemaRef};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};
use parquet::errors::ParquetError;
use skein_types::{ColumnId, ColumnNode, ColumnTree, fixed_list_bytes, fixed_list_bytes_of_items};

use super::error::{FileError, guarded};
use super::held::{self, Together};
use super::source::SourceFile;

/// Batches of one row group, in order. Ends after the first error.
#[derive(Debug)]
pub struct BatchReader {
    name: String,
    columns: Option<Columns>,
    schema: SchemaRef,
    /// Rows that the footer promises and that did not come yet.
    left: usize,
    batch_rows: usize,
}

struct Columns(ParquetRecordBatchReader);

impl std::fmt::Debug for Columns {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Columns")
    }
}

impl SourceFile {
    /// Decodes the columns with these leaf ordinals (sorted) of one row group, in batches of `batch_rows` or, where
    /// their values could be too large together, fewer.
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
        let group = self.group(row_group)?;
        let rows = self.row_group_rows(row_group);
        let chunk = |leaf: &usize| {
            let missing = || FileError::bug(format!("{:?} has no leaf {leaf}", self.name()));
            group.columns().get(*leaf).ok_or_else(missing)
        };
        let chunks = leaves.iter().filter(|_| rows > 0).map(chunk).collect::<Result<Vec<_>, _>>()?;
        let roots = self.tree().roots().iter().filter_map(|root| self.tree().get(*root));
        let read = |node: &&ColumnNode| leaves.iter().any(|leaf| node.leaves.contains(leaf));
        let roots: Vec<&ColumnNode> = roots.filter(read).collect();
        let list_bytes = roots.iter().map(|node| fixed_list_bytes(node.field.data_type())).sum();
        let values = |node: &ColumnNode| {
            let inside = leaves.iter().filter(|leaf| node.leaves.contains(leaf));
            let counts = inside.filter_map(|leaf| group.columns().get(*leaf)).map(|c| c.num_values());
            counts.max().and_then(|most| u64::try_from(most).ok()).unwrap_or(0)
        };
        let claim = |node: &&ColumnNode| {
            fixed_list_bytes_of_items(node.field.data_type()).saturating_mul(values(node))
        };
        let item_bytes = roots.iter().map(claim).fold(0, u64::saturating_add);
        let together = Together { chunks: &chunks, rows, list_bytes, item_bytes };
        let batch_rows = held::batch_rows(self.file(), self.name(), &together, batch_rows)?;
        let columns = if leaves.is_empty() || rows == 0 {
            None
        } else {
            let descriptor = self.metadata().file_metadata().schema_descr();
            let mask = ProjectionMask::leaves(descriptor, leaves.iter().copied());
            let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(
                self.file().clone(),
                self.decoder().clone(),
            );
            let reader = guarded(self.name(), || {
                builder
                    .with_row_groups(vec![row_group])
                    .with_projection(mask)
                    .with_batch_size(batch_rows)
                    .build()
            })?;
            Some(Columns(reader))
        };
        Ok(BatchReader {
            name: self.name().to_owned(),
            columns,
            schema: Arc::new(projected(self.tree(), leaves)),
            left: rows,
            batch_rows,
        })
    }
}

impl BatchReader {
    /// Schema of the batches.
    pub const fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// Rows of each batch but the last.
    pub const fn batch_rows(&self) -> usize {
        self.batch_rows
    }

    fn decode(&mut self) -> Result<Option<RecordBatch>, FileError> {
        let Some(columns) = &mut self.columns else { return self.bare().map(Some) };
        let schema = &self.schema;
        let batch = guarded(&self.name, || match columns.0.next() {
            None => Ok(None),
            Some(batch) => batch.and_then(|b| conform(&b, schema)).map(Some).map_err(to_parquet),
        })?;
        if batch.as_ref().is_none_or(|b| b.num_rows() == 0 || b.num_rows() > self.left) {
            let what = "a row group does not have the rows that the footer says".to_owned();
            return Err(FileError::Damaged { file: self.name.clone(), what });
        }
        Ok(batch)
    }

    fn bare(&self) -> Result<RecordBatch, FileError> {
        let rows = RecordBatchOptions::new().with_row_count(Some(self.left.min(self.batch_rows)));
        RecordBatch::try_new_with_options(Arc::clone(&self.schema), Vec::new(), &rows)
            .map_err(|e| FileError::bug(e.to_string()))
    }
}

impl Iterator for BatchReader {
    type Item = Result<RecordBatch, FileError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.left == 0 {
            return None;
        }
        let batch = self.decode();
        match &batch {
            Ok(Some(batch)) => self.left -= batch.num_rows(),
            Ok(None) | Err(_) => self.left = 0,
        }
        batch.transpose()
    }
}

fn to_parquet(error: ArrowError) -> ParquetError {
    ParquetError::ArrowError(error.to_string())
}

/// The batch under exactly this schema; columns that the decoder gives in their stored encoding are cast.
fn conform(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch, ArrowError> {
    let columns = batch.columns().iter().zip(schema.fields()).map(|(column, field)| {
        if column.data_type() == field.data_type() {
            Ok(Arc::clone(column))
        } else {
            cast(column, field.data_type())
        }
    });
    let columns = columns.collect::<Result<Vec<_>, _>>()?;
    RecordBatch::try_new(Arc::clone(schema), columns)
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
