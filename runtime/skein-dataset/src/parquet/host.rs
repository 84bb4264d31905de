//! Carried columns, laid over what the file presents: copied, written anew by the host, or in no file at all.
//!
//! A stored column is copied. One that the dataset has wider is decoded, cast and encoded; where only nulls have to become
//! possible its values stay what they were to Parquet, whatever their type, and get levels. One that the file
//! lacks is written as nulls. What is written anew is one column at a time, so that no more than one is in memory decoded,
//! and one chunk each, so that a fragment has them in order.

use std::sync::Arc;

use arrow_array::{RecordBatch, RecordBatchOptions, new_null_array};
use arrow_schema::{DataType, Field, FieldRef, Schema};
use parquet::arrow::{ArrowSchemaConverter, PARQUET_FIELD_ID_META_KEY};
use parquet::basic::Repetition;
use parquet::file::properties::WriterPropertiesPtr;
use parquet::schema::types::SchemaDescriptor;
use skein_types::{ColumnId, ColumnNode, ColumnPlan, Origin, Selection, alike, row_width, unmarked};

use super::chunk::{ColumnsEncoder, EncodedColumns, Layout};
use super::error::FileError;
use super::filter::{self, Reencoded};
use super::graft::{self, Graft, Laid};
use super::held;
use super::output::{OutputPlan, group};
use super::presented::Presence;
use super::source::{SourceFile, unsupported};

/// Rows made at a time, unless they are wide.
const STEP: usize = 8192;
/// Nulls of a fixed width take it while they are encoded.
const NULLS_BYTES: u64 = 16 << 20;

/// What becomes of a carried column.
pub(super) enum Fate {
    /// It is in the names of directories.
    Unwritten,
    /// These leaves of the file are copied.
    Spliced(Laid, Vec<usize>),
    /// The host writes it.
    Host(HostColumn),
}

/// A carried column that the host writes.
#[derive(Debug)]
pub(super) struct HostColumn {
    laid: Laid,
    way: Way,
}

#[derive(Debug)]
enum Way {
    Nulls(Layout),
    /// Decodes this leaf, as it is presented.
    Cast {
        layout: Layout,
        leaf: usize,
    },
    Raised(Reencoded),
}

/// One carried column of a plan over one file.
pub(super) struct Carried<'a> {
    pub(super) source: &'a SourceFile,
    pub(super) column: &'a ColumnPlan,
    pub(super) graft: &'a Graft<'a>,
    pub(super) target: ColumnId,
    pub(super) from: ColumnId,
}

impl Carried<'_> {
    pub(super) fn fate(&self) -> Result<Fate, FileError> {
        let presented = self.presented()?;
        let unknown = || FileError::bug(format!("column {} is not a top-level column", self.from));
        match self.source.presented.of(self.from).ok_or_else(unknown)? {
            Presence::Constant(_) => Ok(Fate::Unwritten),
            Presence::Nulls => {
                // A column that is new to the file must not claim an id that another of its columns may have.
                let layout = self.layout(without_ids(&self.column.field))?;
                Ok(Fate::Host(HostColumn { laid: laid(&layout)?, way: Way::Nulls(layout) }))
            }
            Presence::Stored { column, first_leaf } => {
                let laid = self.graft.lay(self.target, self.from, &stored_column(self.source, *column)?)?;
                Ok(Fate::Spliced(laid, self.stored_leaves(presented, *first_leaf)?))
            }
            Presence::Widened { column, first_leaf } => self.widened(presented, (*column, *first_leaf)),
        }
    }

    fn widened(
        &self,
        presented: &ColumnNode,
        (column, first_leaf): (usize, usize),
    ) -> Result<Fate, FileError> {
        let stored = self.source.stored();
        let own = stored.roots().get(column).and_then(|root| stored.get(*root));
        let own = own.ok_or_else(|| FileError::bug("an unknown stored column"))?;
        let (to, mut from) = (presented.field.data_type(), stored_column(self.source, column)?);
        let as_nullable = own.field.as_ref().clone().with_nullable(presented.field.is_nullable());
        if is_longer_offset(own.field.data_type(), to) {
            // The same bytes to Parquet; only the embedded Arrow schema tells them apart.
            from.field = Arc::new(from.field.as_ref().clone().with_data_type(to.clone()));
        } else if !alike(&as_nullable, &presented.field) {
            let metadata = own.field.metadata().clone();
            let field = self.column.field.as_ref().clone().with_metadata(metadata);
            let layout = self.layout(unmarked(&Arc::new(field)).as_ref().clone())?;
            let leaf = presented.leaves.start;
            return Ok(Fate::Host(HostColumn { laid: laid(&layout)?, way: Way::Cast { layout, leaf } }));
        }
        let mut laid = self.graft.lay(self.target, self.from, &from)?;
        let leaves = self.stored_leaves(presented, first_leaf)?;
        if own.field.is_nullable() == presented.field.is_nullable() {
            return Ok(Fate::Spliced(laid, leaves));
        }
        laid.field = Arc::new(laid.field.as_ref().clone().with_nullable(true));
        match graft::repetition(&laid.node) {
            Repetition::OPTIONAL => return Ok(Fate::Spliced(laid, leaves)),
            Repetition::REQUIRED => laid.node = graft::optional(&laid.node)?,
            Repetition::REPEATED => {
                let what = format!("the repeated column {:?} cannot get nulls", own.field.name());
                return Err(unsupported(self.source.name(), what));
            }
        }
        let root = group("root", vec![Arc::clone(&laid.node)])?;
        let descriptor = Arc::new(SchemaDescriptor::new(root));
        let way = Way::Raised(Reencoded { descriptor, leaves, raised: true, page_index: false });
        Ok(Fate::Host(HostColumn { laid, way }))
    }

    fn presented(&self) -> Result<&ColumnNode, FileError> {
        self.source.tree().get(self.from).ok_or_else(|| FileError::bug(format!("no column {}", self.from)))
    }

    /// The file's own leaves of the target column, in its order: they lie in the file as they do in what is presented.
    fn stored_leaves(&self, presented: &ColumnNode, first_leaf: usize) -> Result<Vec<usize>, FileError> {
        let unknown = || FileError::bug("an unknown source leaf");
        let Origin::Carried { leaves, .. } = &self.column.origin else { return Err(unknown()) };
        let leaf = |id: &ColumnId| {
            let leaf = self.source.tree().get(*id).map(|node| node.leaves.start);
            let inside = leaf.and_then(|leaf| leaf.checked_sub(presented.leaves.start));
            inside.map(|inside| first_leaf + inside).ok_or_else(unknown)
        };
        leaves.iter().map(leaf).collect()
    }

    fn layout(&self, field: Field) -> Result<Layout, FileError> {
        let arrow = Arc::new(Schema::new(vec![field]));
        let converted = ArrowSchemaConverter::new().convert(&arrow);
        let name = self.column.field.name();
        let converted = converted
            .map_err(|error| unsupported(self.source.name(), format!("column {name:?} anew: {error}")))?;
        Ok(Layout { root: converted.root_schema_ptr(), arrow, properties: Arc::default() })
    }
}

fn laid(layout: &Layout) -> Result<Laid, FileError> {
    let (node, field) = (layout.root.get_fields().first(), layout.arrow.fields().first());
    let (node, field) = node.zip(field).ok_or_else(|| FileError::bug("a column without a node"))?;
    Ok(Laid { node: Arc::clone(node), field: Arc::clone(field) })
}

fn stored_column(source: &SourceFile, column: usize) -> Result<Laid, FileError> {
    let nodes = source.metadata().file_metadata().schema().get_fields();
    let found = nodes.get(column).zip(source.schema().fields().get(column));
    let (node, field) = found.ok_or_else(|| FileError::bug("an unknown stored column"))?;
    Ok(Laid { node: Arc::clone(node), field: Arc::clone(field) })
}

const fn is_longer_offset(from: &DataType, to: &DataType) -> bool {
    matches!((from, to), (DataType::Utf8, DataType::LargeUtf8) | (DataType::Binary, DataType::LargeBinary))
}

/// The field without field ids at any depth, and without what the view says about it.
fn without_ids(field: &Field) -> Field {
    let inside = |child: &FieldRef| Arc::new(without_ids(child));
    #[expect(clippy::wildcard_enum_match_arm, reason = "other types have no fields inside")]
    let data_type = match field.data_type() {
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(inside).collect()),
        DataType::List(item) => DataType::List(inside(item)),
        DataType::LargeList(item) => DataType::LargeList(inside(item)),
        DataType::FixedSizeList(item, n) => DataType::FixedSizeList(inside(item), *n),
        DataType::Map(entries, sorted) => DataType::Map(inside(entries), *sorted),
        other => other.clone(),
    };
    let mut metadata = field.metadata().clone();
    metadata.remove(PARQUET_FIELD_ID_META_KEY);
    let field = Field::new(field.name(), data_type, field.is_nullable()).with_metadata(metadata);
    unmarked(&Arc::new(field)).as_ref().clone()
}

impl HostColumn {
    pub(super) fn laid(&self) -> Laid {
        self.laid.clone()
    }

    /// Parquet leaves.
    pub(super) fn leaves(&self) -> usize {
        match &self.way {
            Way::Nulls(layout) | Way::Cast { layout, .. } => layout.descriptor().num_columns(),
            Way::Raised(column) => column.leaves.len(),
        }
    }

    /// How new chunks are written.
    pub(super) fn written_with(self, new: &WriterPropertiesPtr, page_index: bool) -> Self {
        let with = |layout| Layout { properties: Arc::clone(new), ..layout };
        let way = match self.way {
            Way::Nulls(layout) => Way::Nulls(with(layout)),
            Way::Cast { layout, leaf } => Way::Cast { layout: with(layout), leaf },
            Way::Raised(column) => Way::Raised(Reencoded { page_index, ..column }),
        };
        Self { way, ..self }
    }

    fn encode(
        &self,
        source: &SourceFile,
        row_group: usize,
        selection: &Selection,
    ) -> Result<EncodedColumns, FileError> {
        match &self.way {
            Way::Nulls(layout) => nulls(layout, selection.kept()),
            Way::Cast { layout, leaf } => cast(layout, *leaf, (source, row_group), selection),
            Way::Raised(column) => filter::reencode(column, source, row_group, selection),
        }
    }
}

/// The kept rows of all columns of a row group that the host writes, one entry each.
pub(super) fn encode(
    plan: &OutputPlan,
    source: &SourceFile,
    row_group: usize,
    selection: &Selection,
) -> Result<Vec<EncodedColumns>, FileError> {
    plan.host.iter().map(|column| column.encode(source, row_group, selection)).collect()
}

fn nulls(layout: &Layout, rows: usize) -> Result<EncodedColumns, FileError> {
    let mut encoder = ColumnsEncoder::new(layout)?;
    let data_type = layout.arrow.field(0).data_type();
    let step = usize::try_from(NULLS_BYTES / row_width(data_type).max(1)).unwrap_or(STEP).clamp(1, STEP);
    while encoder.rows() < rows {
        let step = step.min(rows - encoder.rows());
        encoder.write(&batch(layout, new_null_array(data_type, step))?)?;
    }
    encoder.finish()
}

fn cast(
    layout: &Layout,
    leaf: usize,
    (source, row_group): (&SourceFile, usize),
    selection: &Selection,
) -> Result<EncodedColumns, FileError> {
    held::check_again(source.name(), selection.kept(), row_width(layout.arrow.field(0).data_type()))?;
    let mut encoder = ColumnsEncoder::new(layout)?;
    let mut row = 0;
    for decoded in source.read(row_group, &[leaf], STEP)? {
        let decoded = decoded?;
        let kept = selection.bits().slice(row, decoded.num_rows());
        row += decoded.num_rows();
        let values = arrow_select::filter::filter(decoded.column(0), &kept.into());
        encoder.write(&batch(layout, values.map_err(|e| FileError::bug(e.to_string()))?)?)?;
    }
    encoder.finish()
}

fn batch(layout: &Layout, values: arrow_array::ArrayRef) -> Result<RecordBatch, FileError> {
    let rows = RecordBatchOptions::new().with_row_count(Some(values.len()));
    let batch = RecordBatch::try_new_with_options(Arc::clone(&layout.arrow), vec![values], &rows);
    batch.map_err(|e| FileError::bug(e.to_string()))
}
