//! Row groups cut anew, from one file or from several that lead to one target: compaction.
//!
//! Here nothing is copied: carried columns are decoded as they are presented, lose the rows that the guest dropped, stand
//! beside what the guest made, and all of it is encoded by one [`RowGroupCutter`](super::RowGroupCutter) per output. The
//! output's first file says how columns are stored; of the others only values count. Whether a file can be written anew
//! without becoming another to its readers is asked before: [`SourceFile::recut_kind`].
//!
//! In memory are one batch, bounded like any other, and the row group that is being encoded.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{
    Array, ArrayRef, BooleanArray, FixedSizeListArray, LargeListArray, ListArray, MapArray, RecordBatch,
    RecordBatchOptions, StructArray,
};
use arrow_schema::{ArrowError, DataType, FieldRef, Schema, SchemaRef};
use arrow_select::concat::concat_batches;
use arrow_select::filter::filter_record_batch;
use parquet::arrow::ArrowSchemaConverter;
use parquet::basic::Type as Physical;
use parquet::schema::types::{ColumnDescriptor, SchemaDescriptor};
use skein_types::{Blake3, ColumnId, ColumnTree, Origin, SchemaPlan, Selection, unmarked};

use super::chunk::Layout;
use super::error::FileError;
use super::filter::Reencoded;
use super::keys;
use super::output::{LeafOrigin, OutputPlan};
use super::properties;
use super::read::BatchReader;
use super::source::{SourceFile, unsupported};

/// Rows decoded at a time, unless they are wide.
const STEP: usize = 8192;

impl SourceFile {
    /// What files have to have in common to be written as one: the keys by which readers understand the values. `None` if
    /// this one cannot be written anew without its columns becoming others, such as INT96 timestamps. To be asked before
    /// the file presents anything but its own columns.
    pub fn recut_kind(&self) -> Option<Blake3> {
        let stored = self.metadata().file_metadata().schema_descr();
        if !writes_as(self.view(), stored) {
            return None;
        }
        Some(Blake3::of(keys::of_values(self.metadata()).as_bytes()))
    }
}

/// Whether arrays of this schema are encoded with exactly the types and levels of these Parquet columns.
fn writes_as(arrow: &Schema, stored: &SchemaDescriptor) -> bool {
    let (Ok(made), Ok(tree)) = (ArrowSchemaConverter::new().convert(arrow), ColumnTree::new(arrow)) else {
        return false;
    };
    let same = |(leaf, (made, stored)): (&ColumnId, (&Arc<ColumnDescriptor>, &Arc<ColumnDescriptor>))| {
        let levels =
            made.max_def_level() == stored.max_def_level() && made.max_rep_level() == stored.max_rep_level();
        let plain =
            made.physical_type() == stored.physical_type() && made.type_length() == stored.type_length();
        levels && (plain || tree.get(*leaf).is_some_and(|node| holds(node.field.data_type(), stored)))
    };
    made.num_columns() == stored.num_columns()
        && tree.leaves().len() == stored.num_columns()
        && tree.leaves().iter().zip(made.columns().iter().zip(stored.columns())).all(same)
}

/// Decimals are stored in several ways; the encoder knows those that the precision alone decides.
fn holds(data_type: &DataType, stored: &ColumnDescriptor) -> bool {
    let (DataType::Decimal32(precision, _)
    | DataType::Decimal64(precision, _)
    | DataType::Decimal128(precision, _)
    | DataType::Decimal256(precision, _)) = data_type
    else {
        return false;
    };
    match stored.physical_type() {
        Physical::INT32 => *precision <= 9,
        Physical::INT64 => *precision <= 18,
        Physical::FIXED_LEN_BYTE_ARRAY => {
            let bits = (10_f64.powi(i32::from(*precision)) + 1.0).log2() + 1.0;
            f64::from(stored.type_length()) == (bits / 8.0).ceil()
        }
        Physical::BOOLEAN | Physical::INT96 | Physical::FLOAT | Physical::DOUBLE | Physical::BYTE_ARRAY => {
            false
        }
    }
}

impl OutputPlan {
    /// The same output with every column written anew, so that rows of other files may follow. `plan` is the one that
    /// this was made with.
    pub fn recut(self, plan: &SchemaPlan) -> Result<Self, FileError> {
        let written = plan.columns().iter().filter(|column| !plan.is_partition(column));
        let arrow = Arc::new(Schema::new(written.map(|c| unmarked(&c.field)).collect::<Vec<FieldRef>>()));
        if !writes_as(&arrow, &self.descriptor) {
            return Err(unsupported("the output", "a column that cannot be written anew".to_owned()));
        }
        let properties = Arc::new(properties::computed(self.codec, true));
        let root = self.descriptor.root_schema_ptr();
        let carried = Reencoded { leaves: Vec::new(), page_index: true, ..self.carried };
        Ok(Self {
            leaves: (0..self.leaves.len()).map(|ordinal| LeafOrigin::Made { ordinal }).collect(),
            made: Layout { arrow, root, properties },
            carried,
            host: Vec::new(),
            // The rows of the next file begin anew.
            sorting: None,
            page_index: true,
            carried_columns: Vec::new(),
            ..self
        })
    }

    /// Leaves of the file's metadata what is also true of another file whose rows will follow.
    pub fn meet(&mut self, other: &Self) {
        let is_schema = |key: &str| key == keys::ARROW_SCHEMA;
        let kept = std::mem::take(&mut self.keys);
        let (kept, lost): (Vec<_>, Vec<_>) =
            kept.into_iter().partition(|pair| is_schema(&pair.key) || other.keys.contains(pair));
        let theirs = other.keys.iter().filter(|pair| !is_schema(&pair.key) && !kept.contains(pair));
        self.dropped_keys.extend(lost.iter().chain(theirs).map(|pair| pair.key.clone()));
        self.dropped_keys.extend(other.dropped_keys.iter().cloned());
        self.dropped_keys.sort();
        self.dropped_keys.dedup();
        self.keys = kept;
    }
}

/// The rows of one row group as the target has them, put together from what the host carries and what the guest made.
#[derive(Debug)]
pub struct WholeRows<'a> {
    name: &'a str,
    schema: SchemaRef,
    source: &'a ColumnTree,
    target: ColumnTree,
    columns: Vec<Slot<'a>>,
    /// Leaves that are decoded, sorted.
    read: Vec<usize>,
    batches: BatchReader,
    /// What is left of the batch that was decoded last.
    open: Option<RecordBatch>,
}

/// Where a target column comes from.
#[derive(Debug)]
enum Slot<'a> {
    /// The decoded column at this place.
    Carried { place: usize, from: ColumnId, to: ColumnId, leaves: &'a [ColumnId] },
    /// The next one that the guest made.
    Made,
}

impl<'a> WholeRows<'a> {
    /// For a row group of a file that `plan` is for; `output` is the [recut](OutputPlan::recut) plan of any file with the
    /// same target.
    pub fn new(
        output: &OutputPlan,
        plan: &'a SchemaPlan,
        (source, row_group): (&'a SourceFile, usize),
    ) -> Result<Self, FileError> {
        let target = ColumnTree::new(&plan.target()).map_err(|e| FileError::bug(e.to_string()))?;
        let tree = source.tree();
        let written = || plan.columns().iter().zip(target.roots()).filter(|(c, _)| !plan.is_partition(c));
        let mut read: Vec<usize> = written()
            .filter_map(|(column, _)| match &column.origin {
                Origin::Carried { leaves, .. } => Some(leaves),
                Origin::Computed { .. } | Origin::Preserved { .. } => None,
            })
            .flatten()
            .filter_map(|leaf| tree.get(*leaf).map(|node| node.leaves.start))
            .collect();
        read.sort_unstable();
        read.dedup();
        let columns = written().map(|(column, to)| match &column.origin {
            Origin::Carried { source, leaves } => {
                let place = place(tree, &read, tree.roots(), *source)
                    .ok_or_else(|| FileError::bug(format!("column {source} is not read")))?;
                Ok(Slot::Carried { place, from: *source, to: *to, leaves })
            }
            Origin::Computed { .. } | Origin::Preserved { .. } => Ok(Slot::Made),
        });
        let columns = columns.collect::<Result<_, FileError>>()?;
        let batches = source.read(row_group, &read, STEP)?;
        let schema = Arc::clone(&output.made.arrow);
        Ok(Self { name: source.name(), schema, source: tree, target, columns, read, batches, open: None })
    }

    /// Goes over the next rows of the row group, as many as `selection` covers, and gives those that it keeps to `sink`.
    /// `made` has one row for each of these.
    pub fn next<E: From<FileError>>(
        &mut self,
        selection: &Selection,
        made: &[RecordBatch],
        mut sink: impl FnMut(RecordBatch) -> Result<(), E>,
    ) -> Result<(), E> {
        let made = match made {
            [] => None,
            [one] => Some(one.clone()),
            [first, ..] => Some(concat_batches(first.schema_ref(), made).map_err(bug)?),
        };
        let (mut row, mut next) = (0, 0);
        while row < selection.rows() {
            let decoded = self.decoded(selection.rows() - row)?;
            let bits = selection.bits().slice(row, decoded.num_rows());
            row += decoded.num_rows();
            let kept = bits.count_set_bits();
            if kept == 0 {
                continue;
            }
            let carried = if kept == decoded.num_rows() || decoded.num_columns() == 0 {
                decoded
            } else {
                filter_record_batch(&decoded, &BooleanArray::new(bits, None)).map_err(bug)?
            };
            let made = made.as_ref().filter(|made| made.num_columns() > 0);
            if made.is_some_and(|made| made.num_rows() < next + kept) {
                return Err(FileError::bug("fewer computed rows than kept ones").into());
            }
            let made = made.map(|made| made.slice(next, kept));
            next += kept;
            sink(self.whole(&carried, made.as_ref(), kept).map_err(bug)?)?;
        }
        Ok(())
    }

    /// The next decoded rows, `most` or fewer.
    fn decoded(&mut self, most: usize) -> Result<RecordBatch, FileError> {
        let batch = match self.open.take() {
            Some(batch) => batch,
            None => self.batches.next().ok_or_else(|| FileError::Damaged {
                file: self.name.to_owned(),
                what: "a row group does not have the rows that the footer says".to_owned(),
            })??,
        };
        if batch.num_rows() > most {
            self.open = Some(batch.slice(most, batch.num_rows() - most));
            return Ok(batch.slice(0, most));
        }
        Ok(batch)
    }

    fn whole(
        &self,
        carried: &RecordBatch,
        made: Option<&RecordBatch>,
        rows: usize,
    ) -> Result<RecordBatch, ArrowError> {
        let mut made = made.into_iter().flat_map(RecordBatch::columns);
        let columns = self.schema.fields().iter().zip(&self.columns).map(|(field, slot)| match slot {
            Slot::Made => laid(made.next().ok_or_else(misfit)?, field.data_type(), None),
            Slot::Carried { place, from, to, leaves } => {
                let first_leaf = self.target.get(*to).ok_or_else(misfit)?.leaves.start;
                let graft = Graft { rows: self, leaves, first_leaf };
                laid(carried.column(*place), field.data_type(), Some((&graft, *to, *from)))
            }
        });
        let columns = columns.collect::<Result<Vec<_>, _>>()?;
        let rows = RecordBatchOptions::new().with_row_count(Some(rows));
        RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns, &rows)
    }
}

/// A carried column whose structs lose fields, or have them in another order.
struct Graft<'a> {
    rows: &'a WholeRows<'a>,
    /// Source leaf of each leaf of the target column.
    leaves: &'a [ColumnId],
    /// Ordinal of the target column's first leaf.
    first_leaf: usize,
}

impl Graft<'_> {
    /// Child number `child` of the target `to`: where it is among the decoded children of the source `at`, and the ids of
    /// both.
    fn child(&self, to: ColumnId, at: ColumnId, child: usize) -> Option<(usize, ColumnId, ColumnId)> {
        let (source, target) = (self.rows.source, &self.rows.target);
        let to_child = *target.get(to)?.children.get(child)?;
        let leaf = target.get(to_child)?.leaves.start.checked_sub(self.first_leaf)?;
        let leaf = *self.leaves.get(leaf)?;
        let children = &source.get(at)?.children;
        let holds = |id: &&ColumnId| leaf >= **id && source.get(**id).is_some_and(|node| leaf.0 < node.end);
        let at_child = *children.iter().find(holds)?;
        Some((place(source, &self.rows.read, children, at_child)?, to_child, at_child))
    }
}

/// Where `wanted` is among those of these fields of which a leaf is read.
fn place(tree: &ColumnTree, read: &[usize], fields: &[ColumnId], wanted: ColumnId) -> Option<usize> {
    let is_read = |id: &&ColumnId| {
        tree.get(**id).is_some_and(|node| read.iter().any(|leaf| node.leaves.contains(leaf)))
    };
    fields.iter().filter(is_read).position(|id| *id == wanted)
}

type Grafted<'a> = Option<(&'a Graft<'a>, ColumnId, ColumnId)>;

/// The array under another type of the same form: names inside are the target's.
fn laid(array: &ArrayRef, to: &DataType, graft: Grafted<'_>) -> Result<ArrayRef, ArrowError> {
    let child = |number| match graft {
        None => Ok((number, None)),
        Some((graft, to, at)) => {
            let found = graft.child(to, at, number).ok_or_else(misfit);
            found.map(|(place, to, at)| (place, Some((graft, to, at))))
        }
    };
    let nulls = || array.nulls().cloned();
    #[expect(clippy::wildcard_enum_match_arm, reason = "other types have nothing inside")]
    Ok(match to {
        DataType::Struct(fields) => {
            let from = array.as_struct_opt().ok_or_else(misfit)?;
            let columns = fields.iter().enumerate().map(|(number, field)| {
                let (place, inside) = child(number)?;
                laid(from.columns().get(place).ok_or_else(misfit)?, field.data_type(), inside)
            });
            Arc::new(StructArray::try_new(fields.clone(), columns.collect::<Result<_, _>>()?, nulls())?)
        }
        DataType::List(item) => {
            let from = array.as_list_opt::<i32>().ok_or_else(misfit)?;
            let values = laid(from.values(), item.data_type(), child(0)?.1)?;
            Arc::new(ListArray::try_new(Arc::clone(item), from.offsets().clone(), values, nulls())?)
        }
        DataType::LargeList(item) => {
            let from = array.as_list_opt::<i64>().ok_or_else(misfit)?;
            let values = laid(from.values(), item.data_type(), child(0)?.1)?;
            Arc::new(LargeListArray::try_new(Arc::clone(item), from.offsets().clone(), values, nulls())?)
        }
        DataType::FixedSizeList(item, length) if *length > 0 => {
            let from = array.as_fixed_size_list_opt().ok_or_else(misfit)?;
            let values = laid(from.values(), item.data_type(), child(0)?.1)?;
            Arc::new(FixedSizeListArray::try_new(Arc::clone(item), *length, values, nulls())?)
        }
        DataType::Map(entries, sorted) => {
            let from = array.as_map_opt().ok_or_else(misfit)?;
            let pairs: ArrayRef = Arc::new(from.entries().clone());
            let pairs = laid(&pairs, entries.data_type(), child(0)?.1)?;
            let (offsets, pairs) = (from.offsets().clone(), pairs.as_struct().clone());
            Arc::new(MapArray::try_new(Arc::clone(entries), offsets, pairs, nulls(), *sorted)?)
        }
        leaf if leaf == array.data_type() => Arc::clone(array),
        _ => return Err(misfit()),
    })
}

fn misfit() -> ArrowError {
    ArrowError::SchemaError("a column has not the form of its target".to_owned())
}

#[expect(clippy::needless_pass_by_value, reason = "the shape that map_err wants")]
fn bug(error: ArrowError) -> FileError {
    FileError::bug(error.to_string())
}
