//! A checked schema plan laid over one source file: what the output file will look like.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow_schema::{DataType, Field, FieldRef, Schema, SchemaRef};
use parquet::arrow::{ArrowSchemaConverter, PARQUET_FIELD_ID_META_KEY, parquet_to_arrow_schema};
use parquet::basic::Compression;
use parquet::file::metadata::{KeyValue, SortingColumn};
use parquet::schema::types::{SchemaDescPtr, SchemaDescriptor, Type, TypePtr};
use skein_types::{Blake3, ColumnPlan, ColumnTree, Origin, SchemaPlan, guest_view};

use super::chunk::Layout;
use super::error::{FileError, guarded};
use super::graft::{Graft, Laid};
use super::keys::{self, Keys};
use super::properties;
use super::source::SourceFile;

/// Where a leaf of the output comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LeafOrigin {
    /// This leaf of the source.
    Carried { source: usize },
    /// This leaf among those that the guest made.
    Made { ordinal: usize },
}

impl LeafOrigin {
    fn source(&self) -> Option<usize> {
        match self {
            Self::Carried { source } => Some(*source),
            Self::Made { .. } => None,
        }
    }
}

/// The plan of one output file.
#[derive(Debug)]
pub struct OutputPlan {
    pub(super) source: Blake3,
    pub(super) descriptor: SchemaDescPtr,
    pub(super) leaves: Vec<LeafOrigin>,
    pub(super) made: Layout,
    /// The carried columns alone, and the source leaf of each of their leaves.
    pub(super) carried: SchemaDescPtr,
    pub(super) carried_leaves: Vec<usize>,
    pub(super) keys: Vec<KeyValue>,
    pub(super) sorting: Option<Vec<SortingColumn>>,
    pub(super) page_index: bool,
    schema: SchemaRef,
    codec: Compression,
    carried_columns: Vec<String>,
    dropped_keys: Vec<String>,
}

impl OutputPlan {
    /// Lays `plan` over `source`. The plan must have been checked against this file's view.
    pub fn new(source: &SourceFile, plan: &SchemaPlan) -> Result<Self, FileError> {
        if source.view().fields() != plan.source().fields() {
            return Err(FileError::bug(format!(
                "the plan is for another schema than that of {:?}",
                source.name()
            )));
        }
        let target = plan.target();
        let tree = ColumnTree::new(&target).map_err(|e| FileError::bug(e.to_string()))?;
        let made = made_layout(source, plan)?;
        let columns = Columns::lay(source, plan, &tree, &made)?;
        let name = source.metadata().file_metadata().schema().name();
        let root = group(name, columns.laid.iter().map(|l| Arc::clone(&l.node)).collect())?;
        let carried = Arc::new(SchemaDescriptor::new(group(name, columns.carried_nodes)?));
        let schema = Schema::new(columns.laid.iter().map(|l| Arc::clone(&l.field)).collect::<Vec<_>>());
        let descriptor = Arc::new(SchemaDescriptor::new(root));
        same_shape(source, &descriptor, &columns.leaves)?;
        let Keys { kept, dropped } = keys::carry_over(source.metadata(), &schema, &columns.same_name);
        reads_back(&descriptor, &kept, &target)?;
        let place = |leaf| columns.leaves.iter().position(|o| *o == LeafOrigin::Carried { source: leaf });
        let carries = !columns.carried.is_empty();
        let page_index = !carries || source.page_indexes().is_some();
        let codec = properties::majority_codec(source.metadata());
        Ok(Self {
            source: source.footer_digest(),
            sorting: keys::sorting(source.metadata(), place),
            made: Layout { properties: Arc::new(properties::computed(codec, page_index)), ..made },
            carried_leaves: columns.leaves.iter().filter_map(LeafOrigin::source).collect(),
            carried,
            leaves: columns.leaves,
            carried_columns: columns.carried,
            schema: Arc::new(schema),
            descriptor,
            keys: kept,
            dropped_keys: dropped,
            page_index,
            codec,
        })
    }

    /// Schema of the output as stored: carried columns keep their stored types.
    pub const fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// Top-level output columns that are copied as they are where no row is dropped.
    pub fn spliced_columns(&self) -> &[String] {
        &self.carried_columns
    }

    /// Keys of the source's metadata that the output does not have, because they describe the old schema.
    pub fn dropped_keys(&self) -> &[String] {
        &self.dropped_keys
    }

    /// Codec of new chunks.
    pub const fn codec(&self) -> Compression {
        self.codec
    }

    /// Whether the output gets page indexes. All or nothing: one spliced chunk without would leave a hole.
    pub const fn has_page_index(&self) -> bool {
        self.page_index
    }

    pub(super) fn is_of(&self, source: &SourceFile) -> Result<(), FileError> {
        if source.footer_digest() == self.source {
            return Ok(());
        }
        Err(FileError::bug(format!("{:?} is not the file that was planned for", source.name())))
    }
}

/// The output's columns while they are put together.
#[derive(Default)]
struct Columns<'a> {
    laid: Vec<Laid>,
    leaves: Vec<LeafOrigin>,
    carried: Vec<String>,
    carried_nodes: Vec<TypePtr>,
    same_name: BTreeSet<&'a str>,
}

impl<'a> Columns<'a> {
    fn lay(
        source: &'a SourceFile,
        plan: &'a SchemaPlan,
        tree: &ColumnTree,
        made: &Layout,
    ) -> Result<Self, FileError> {
        let mut columns = Self::default();
        let (mut made_columns, mut made_leaves) =
            (made.root.get_fields().iter().zip(made.arrow.fields()), 0..);
        for (column, root) in plan.columns().iter().zip(tree.roots()) {
            let node = tree.get(*root).ok_or_else(|| FileError::bug("a target column without a node"))?;
            if let Origin::Carried { source: from, leaves } = &column.origin {
                let graft =
                    Graft { source: source.tree(), target: tree, leaves, first_leaf: node.leaves.start };
                let stored = stored_column(source, *from)?;
                if stored.field.name() == column.field.name() {
                    columns.same_name.insert(column.field.name());
                }
                columns.carried.push(column.field.name().clone());
                let laid = graft.lay(*root, *from, &stored)?;
                columns.carried_nodes.push(Arc::clone(&laid.node));
                columns.laid.push(laid);
                for leaf in leaves {
                    let leaf =
                        source.tree().get(*leaf).ok_or_else(|| FileError::bug("an unknown source leaf"))?;
                    columns.leaves.push(LeafOrigin::Carried { source: leaf.leaves.start });
                }
            } else {
                let (node_type, field) =
                    made_columns.next().ok_or_else(|| FileError::bug("a computed column without a node"))?;
                columns.laid.push(Laid { node: Arc::clone(node_type), field: Arc::clone(field) });
                let ordinals = made_leaves.by_ref().take(node.leaves.len());
                columns.leaves.extend(ordinals.map(|ordinal| LeafOrigin::Made { ordinal }));
            }
        }
        Ok(columns)
    }
}

fn stored_column(source: &SourceFile, id: skein_types::ColumnId) -> Result<Laid, FileError> {
    let place = source.tree().roots().iter().position(|root| *root == id);
    let nodes = source.metadata().file_metadata().schema().get_fields();
    let found = place.and_then(|p| Some((nodes.get(p)?, source.schema().fields().get(p)?)));
    let (node, field) =
        found.ok_or_else(|| FileError::bug(format!("column {id} is not a top-level column")))?;
    Ok(Laid { node: Arc::clone(node), field: Arc::clone(field) })
}

pub(super) fn group(name: &str, fields: Vec<TypePtr>) -> Result<TypePtr, FileError> {
    Ok(Arc::new(Type::group_type_builder(name).with_fields(fields).build()?))
}

/// Nodes and types of the columns that the guest makes.
fn made_layout(source: &SourceFile, plan: &SchemaPlan) -> Result<Layout, FileError> {
    let made = plan.columns().iter().filter(|c| !matches!(c.origin, Origin::Carried { .. }));
    let fields: Vec<FieldRef> = made.map(|column| made_field(source, column)).collect();
    let arrow = Arc::new(Schema::new(fields));
    let converted = ArrowSchemaConverter::new().convert(&arrow)?;
    Ok(Layout { root: converted.root_schema_ptr(), arrow, properties: Arc::default() })
}

/// A preserved column is the same column and keeps its field id; a computed one is new, and an id that the guest
/// copied from somewhere would make two columns of one.
fn made_field(source: &SourceFile, column: &ColumnPlan) -> FieldRef {
    if let Origin::Preserved { source: from } = &column.origin {
        let metadata = source.tree().get(*from).map(|n| n.field.metadata().clone()).unwrap_or_default();
        return Arc::new(column.field.as_ref().clone().with_metadata(metadata));
    }
    let mut metadata = column.field.metadata().clone();
    metadata.remove(PARQUET_FIELD_ID_META_KEY);
    Arc::new(column.field.as_ref().clone().with_metadata(metadata))
}

/// Every carried leaf must have the physical type and levels that its bytes were written with.
fn same_shape(
    source: &SourceFile,
    target: &SchemaDescriptor,
    leaves: &[LeafOrigin],
) -> Result<(), FileError> {
    if target.num_columns() != leaves.len() {
        let what = format!("{} Parquet columns for {} leaves", target.num_columns(), leaves.len());
        return Err(FileError::bug(what));
    }
    let stored = source.metadata().file_metadata().schema_descr();
    for (to, origin) in target.columns().iter().zip(leaves) {
        let LeafOrigin::Carried { source: leaf } = origin else { continue };
        let from = stored.columns().get(*leaf).ok_or_else(|| FileError::bug("an unknown source leaf"))?;
        let same = to.physical_type() == from.physical_type()
            && to.type_length() == from.type_length()
            && to.max_def_level() == from.max_def_level()
            && to.max_rep_level() == from.max_rep_level();
        if !same {
            let what = format!("column {:?} would not be read as it was written", to.path().string());
            return Err(FileError::Unsupported { file: source.name().to_owned(), what });
        }
    }
    Ok(())
}

/// Reads the planned schema the way any reader will, and compares with what was promised.
fn reads_back(descriptor: &SchemaDescriptor, keys: &Vec<KeyValue>, target: &Schema) -> Result<(), FileError> {
    let read = guarded("the planned output", || parquet_to_arrow_schema(descriptor, Some(keys)))?;
    let view = guest_view(&read);
    let same = view.fields().len() == target.fields().len()
        && view.fields().iter().zip(target.fields()).all(|(a, b)| a.name() == b.name() && alike(a, b));
    if same {
        return Ok(());
    }
    let differs =
        view.fields().iter().zip(target.fields()).find(|(a, b)| a.name() != b.name() || !alike(a, b));
    Err(FileError::bug(format!("the output would be read as {differs:?}")))
}

/// Equal types and nullability; metadata and the names of list elements and map entries are the writer's business.
fn alike(a: &Field, b: &Field) -> bool {
    a.is_nullable() == b.is_nullable()
        && match (a.data_type(), b.data_type()) {
            (DataType::Struct(a), DataType::Struct(b)) => {
                a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.name() == b.name() && alike(a, b))
            }
            (DataType::List(a), DataType::List(b)) | (DataType::LargeList(a), DataType::LargeList(b)) => {
                alike(a, b)
            }
            (DataType::FixedSizeList(a, n), DataType::FixedSizeList(b, m)) => n == m && alike(a, b),
            (DataType::Map(a, _), DataType::Map(b, _)) => match (a.data_type(), b.data_type()) {
                (DataType::Struct(a), DataType::Struct(b)) => a.iter().zip(b).all(|(a, b)| alike(a, b)),
                _ => false,
            },
            (a, b) => a == b,
        }
}
