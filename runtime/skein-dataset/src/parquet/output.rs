//! A checked schema plan laid over one source file: what the output file will look like.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow_schema::{FieldRef, Schema, SchemaRef};
use parquet::arrow::{ArrowSchemaConverter, PARQUET_FIELD_ID_META_KEY, parquet_to_arrow_schema};
use parquet::basic::Compression;
use parquet::file::metadata::{KeyValue, SortingColumn};
use parquet::schema::types::{SchemaDescPtr, SchemaDescriptor, Type, TypePtr};
use skein_types::{
    Blake3, Bytes, ColumnId, ColumnPlan, ColumnTree, Origin, SchemaPlan, alike, guest_view, is_sensitive,
    sensitive, unmarked,
};

use super::chunk::Layout;
use super::error::{FileError, guarded};
use super::filter::Reencoded;
use super::graft::{Graft, Laid};
use super::host::{Carried, Fate, HostColumn};
use super::keys::{self, Keys};
use super::properties;
use super::source::SourceFile;

/// Where a leaf of the output comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LeafOrigin {
    /// This leaf of the source.
    Carried { source: usize },
    /// The next leaf of this column among those that the host writes anew.
    Host { column: usize },
    /// This leaf among those that the guest made.
    Made { ordinal: usize },
}

impl LeafOrigin {
    fn source(&self) -> Option<usize> {
        match self {
            Self::Carried { source } => Some(*source),
            Self::Host { .. } | Self::Made { .. } => None,
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
    pub(super) carried: Reencoded,
    /// Carried columns that are not in the file as they have to be.
    pub(super) host: Vec<HostColumn>,
    pub(super) keys: Vec<KeyValue>,
    pub(super) sorting: Option<Vec<SortingColumn>>,
    pub(super) page_index: bool,
    pub(super) schema: SchemaRef,
    pub(super) codec: Compression,
    pub(super) carried_columns: Vec<String>,
    pub(super) dropped_keys: Vec<String>,
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
        let written = plan.written();
        let made = made_layout(source, plan)?;
        let columns = Columns::lay(source, plan, &tree, &made)?;
        let name = source.metadata().file_metadata().schema().name();
        let root = group(name, columns.laid.iter().map(|l| Arc::clone(&l.node)).collect())?;
        let carried = Arc::new(SchemaDescriptor::new(group(name, columns.carried_nodes)?));
        let carried_leaves = columns.leaves.iter().filter_map(LeafOrigin::source).collect();
        let schema = Schema::new(columns.laid.iter().map(|l| Arc::clone(&l.field)).collect::<Vec<_>>());
        let descriptor = Arc::new(SchemaDescriptor::new(root));
        same_shape(source, &descriptor, &columns.leaves)?;
        let Keys { kept, dropped } = keys::carry_over(source.metadata(), &schema, &columns.same_name);
        reads_back(&descriptor, &kept, &written)?;
        let place = |leaf| columns.leaves.iter().position(|o| *o == LeafOrigin::Carried { source: leaf });
        let carries = !columns.carried.is_empty();
        let page_index = !carries || source.page_indexes().is_some();
        let codec = properties::majority_codec(source.metadata());
        let new = Arc::new(properties::computed(codec, page_index));
        let host = columns.host.into_iter().map(|column| column.written_with(&new, page_index)).collect();
        Ok(Self {
            source: source.footer_digest(),
            sorting: keys::sorting(source.metadata(), place),
            made: Layout { properties: new, ..made },
            carried: Reencoded { descriptor: carried, leaves: carried_leaves, raised: false, page_index },
            host,
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

    /// Size of the source's chunks of those columns: what is copied where no row is dropped.
    pub fn spliced_bytes(&self, source: &SourceFile) -> Bytes {
        let groups = source.metadata().row_groups().iter();
        let chunks =
            groups.flat_map(|group| self.carried.leaves.iter().filter_map(|leaf| group.columns().get(*leaf)));
        chunks.map(|chunk| Bytes(u64::try_from(chunk.compressed_size()).unwrap_or(0))).sum()
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
    host: Vec<HostColumn>,
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
                columns.carry(source, column, (*root, *from), &graft)?;
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

    /// A carried column: copied if the file has it as it has to be, else written by the host, or in no file at all.
    fn carry(
        &mut self,
        source: &SourceFile,
        column: &'a ColumnPlan,
        (target, from): (ColumnId, ColumnId),
        graft: &Graft<'_>,
    ) -> Result<(), FileError> {
        let stored = source.presented.of(from).and_then(|presence| presence.column());
        if let Some(field) = stored.and_then(|stored| source.schema().fields().get(stored))
            && field.name() == column.field.name()
        {
            self.same_name.insert(column.field.name());
        }
        let host = match (Carried { source, column, graft, target, from }).fate()? {
            Fate::Unwritten => return Ok(()),
            Fate::Spliced(laid, leaves) => {
                self.carried.push(column.field.name().clone());
                self.carried_nodes.push(Arc::clone(&laid.node));
                self.laid.push(inheriting(laid, column));
                self.leaves.extend(leaves.into_iter().map(|source| LeafOrigin::Carried { source }));
                return Ok(());
            }
            Fate::Host(host) => host,
        };
        let leaves = std::iter::repeat_n(LeafOrigin::Host { column: self.host.len() }, host.leaves());
        self.leaves.extend(leaves);
        self.laid.push(inheriting(host.laid(), column));
        self.host.push(host);
        Ok(())
    }
}

pub(super) fn group(name: &str, fields: Vec<TypePtr>) -> Result<TypePtr, FileError> {
    Ok(Arc::new(Type::group_type_builder(name).with_fields(fields).build()?))
}

/// A column that the plan marks keeps the mark, also where the file's own column has none.
fn inheriting(laid: Laid, column: &ColumnPlan) -> Laid {
    if is_sensitive(&column.field) { Laid { field: sensitive(&laid.field), ..laid } } else { laid }
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
        let kept = unmarked(&Arc::new(column.field.as_ref().clone().with_metadata(metadata)));
        return if is_sensitive(&column.field) { sensitive(&kept) } else { kept };
    }
    let mut metadata = column.field.metadata().clone();
    metadata.remove(PARQUET_FIELD_ID_META_KEY);
    unmarked(&Arc::new(column.field.as_ref().clone().with_metadata(metadata)))
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
