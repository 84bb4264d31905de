//! Carried columns keep the file's own Parquet nodes: field ids, INT96, legacy lists, odd names of repeated groups.
//!
//! A target column is laid over its source column once; what comes out is the Parquet node and the stored Arrow field
//! of the output. Only names change and fields of structs go away or change place, so levels stay what they were.

use std::sync::Arc;

use arrow_schema::{DataType, Field, FieldRef};
use parquet::basic::{ConvertedType, LogicalType, Repetition};
use parquet::errors::ParquetError;
use parquet::schema::types::{Type, TypePtr};
use skein_types::{ColumnId, ColumnNode, ColumnTree};

use super::error::FileError;

/// One field of the output.
#[derive(Clone, Debug)]
pub(super) struct Laid {
    pub(super) node: TypePtr,
    pub(super) field: FieldRef,
}

/// Lays one carried target column over its source.
pub(super) struct Graft<'a> {
    pub(super) source: &'a ColumnTree,
    pub(super) target: &'a ColumnTree,
    /// Source leaf of each leaf of the target column.
    pub(super) leaves: &'a [ColumnId],
    /// Ordinal of the target column's first leaf.
    pub(super) first_leaf: usize,
}

impl Graft<'_> {
    pub(super) fn lay(&self, target: ColumnId, source: ColumnId, from: &Laid) -> Result<Laid, FileError> {
        let (to, at) = (node(self.target, target)?, node(self.source, source)?);
        let name = to.field.name();
        if self.unchanged(to, at) {
            return Ok(from.clone());
        }
        #[expect(clippy::wildcard_enum_match_arm, reason = "every other type is a leaf to Parquet")]
        let (node, data_type) = match from.field.data_type() {
            DataType::Struct(_) => self.structure(to, at, from, name)?,
            DataType::List(element)
            | DataType::LargeList(element)
            | DataType::ListView(element)
            | DataType::LargeListView(element)
            | DataType::FixedSizeList(element, _) => self.list(to, at, from, element)?,
            DataType::Map(entries, _) => self.map(to, at, from, entries)?,
            leaf => (renamed(&from.node, name)?, leaf.clone()),
        };
        Ok(Laid { node, field: Arc::new(refield(&from.field, name, data_type)) })
    }

    /// Whether names and fields are the same all the way down.
    fn unchanged(&self, to: &ColumnNode, at: &ColumnNode) -> bool {
        to.field.name() == at.field.name()
            && to.children.len() == at.children.len()
            && to.leaves.len() == at.leaves.len()
            && to.leaves.clone().zip(at.leaves.clone()).all(|(to_leaf, at_leaf)| {
                self.source_leaf(to_leaf).is_some()
                    && self.source_leaf(to_leaf) == self.source.leaves().get(at_leaf).copied()
            })
            && to.children.iter().zip(&at.children).all(|(to_child, at_child)| {
                match (self.target.get(*to_child), self.source.get(*at_child)) {
                    (Some(to_child), Some(at_child)) => self.unchanged(to_child, at_child),
                    _ => false,
                }
            })
    }

    fn source_leaf(&self, target_leaf: usize) -> Option<ColumnId> {
        self.leaves.get(target_leaf.checked_sub(self.first_leaf)?).copied()
    }

    /// A struct's group under a new name, with the fields that the target has.
    fn structure(
        &self,
        to: &ColumnNode,
        at: &ColumnNode,
        from: &Laid,
        name: &str,
    ) -> Result<(TypePtr, DataType), FileError> {
        let DataType::Struct(fields) = from.field.data_type() else { return Err(misfit(&from.field)) };
        let mut laid = Vec::with_capacity(to.children.len());
        for child in &to.children {
            let leaf = self.target.get(*child).and_then(|c| self.source_leaf(c.leaves.start));
            let place = at.children.iter().position(|candidate| {
                leaf.zip(self.source.get(*candidate))
                    .is_some_and(|(leaf, c)| leaf >= *candidate && leaf.0 < c.end)
            });
            let found = place.and_then(|p| Some((p, group_fields(&from.node).get(p)?, fields.get(p)?)));
            let (place, node, field) = found.ok_or_else(|| misfit(&from.field))?;
            let child_from = Laid { node: Arc::clone(node), field: Arc::clone(field) };
            laid.push(self.lay(*child, at.children[place], &child_from)?);
        }
        let nodes = laid.iter().map(|l| Arc::clone(&l.node)).collect();
        let fields: Vec<FieldRef> = laid.into_iter().map(|l| l.field).collect();
        Ok((regrouped(&from.node, name, nodes)?, DataType::Struct(fields.into())))
    }

    fn list(
        &self,
        to: &ColumnNode,
        at: &ColumnNode,
        from: &Laid,
        element: &FieldRef,
    ) -> Result<(TypePtr, DataType), FileError> {
        let name = to.field.name();
        let (Some(to_child), Some(at_child)) = (to.children.first(), at.children.first()) else {
            return Err(misfit(&from.field));
        };
        let (node, element) = if is_repeated(&from.node) {
            // A bare repeated field is list and element at once.
            self.merged(
                *to_child,
                *at_child,
                &Laid { node: Arc::clone(&from.node), field: Arc::clone(element) },
                name,
            )?
        } else {
            let repeated = group_fields(&from.node).first().ok_or_else(|| misfit(&from.field))?;
            let inner = if is_element(repeated, from.node.name()) {
                let tuple = repeated.name() == format!("{}_tuple", from.node.name());
                let inner_name = if tuple { format!("{name}_tuple") } else { repeated.name().to_owned() };
                let from = Laid { node: Arc::clone(repeated), field: Arc::clone(element) };
                self.merged(*to_child, *at_child, &from, &inner_name)?
            } else {
                let item = group_fields(repeated).first().ok_or_else(|| misfit(&from.field))?;
                let item = Laid { node: Arc::clone(item), field: Arc::clone(element) };
                let laid = self.lay(*to_child, *at_child, &item)?;
                (regrouped(repeated, repeated.name(), vec![laid.node])?, laid.field)
            };
            (regrouped(&from.node, name, vec![inner.0])?, inner.1)
        };
        Ok((node, relist(from.field.data_type(), element)))
    }

    /// A repeated node that is the list's element itself.
    fn merged(
        &self,
        target: ColumnId,
        source: ColumnId,
        from: &Laid,
        name: &str,
    ) -> Result<(TypePtr, FieldRef), FileError> {
        if from.node.is_primitive() {
            return Ok((renamed(&from.node, name)?, Arc::clone(&from.field)));
        }
        let (to, at) = (node(self.target, target)?, node(self.source, source)?);
        let (node, data_type) = self.structure(to, at, from, name)?;
        Ok((node, Arc::new(refield(&from.field, from.field.name(), data_type))))
    }

    fn map(
        &self,
        to: &ColumnNode,
        at: &ColumnNode,
        from: &Laid,
        entries: &FieldRef,
    ) -> Result<(TypePtr, DataType), FileError> {
        let DataType::Map(_, sorted) = from.field.data_type() else { return Err(misfit(&from.field)) };
        let pair = group_fields(&from.node).first().ok_or_else(|| misfit(&from.field))?;
        let (Some(to_child), Some(at_child)) = (to.children.first(), at.children.first()) else {
            return Err(misfit(&from.field));
        };
        let (to_pair, at_pair) = (node(self.target, *to_child)?, node(self.source, *at_child)?);
        let pair_from = Laid { node: Arc::clone(pair), field: Arc::clone(entries) };
        let (pair, data_type) = self.structure(to_pair, at_pair, &pair_from, pair.name())?;
        let entries = Arc::new(refield(entries, entries.name(), data_type));
        Ok((regrouped(&from.node, to.field.name(), vec![pair])?, DataType::Map(entries, *sorted)))
    }
}

fn node(tree: &ColumnTree, id: ColumnId) -> Result<&ColumnNode, FileError> {
    tree.get(id).ok_or_else(|| FileError::bug(format!("no column {id}")))
}

fn misfit(field: &Field) -> FileError {
    FileError::bug(format!("the Parquet nodes of {:?} are not those of its type", field.name()))
}

fn refield(field: &Field, name: &str, data_type: DataType) -> Field {
    Field::new(name, data_type, field.is_nullable()).with_metadata(field.metadata().clone())
}

fn relist(list: &DataType, element: FieldRef) -> DataType {
    #[expect(clippy::wildcard_enum_match_arm, reason = "called for lists only")]
    match list {
        DataType::LargeList(_) => DataType::LargeList(element),
        DataType::ListView(_) => DataType::ListView(element),
        DataType::LargeListView(_) => DataType::LargeListView(element),
        DataType::FixedSizeList(_, n) => DataType::FixedSizeList(element, *n),
        _ => DataType::List(element),
    }
}

fn group_fields(node: &Type) -> &[TypePtr] {
    match node {
        Type::GroupType { fields, .. } => fields,
        Type::PrimitiveType { .. } => &[],
    }
}

fn is_repeated(node: &Type) -> bool {
    let info = node.get_basic_info();
    info.has_repetition() && info.repetition() == Repetition::REPEATED
}

/// Whether the repeated field of a LIST group is the element itself (Parquet's backward compatibility rules).
fn is_element(repeated: &Type, list: &str) -> bool {
    let fields = group_fields(repeated);
    let [only] = fields else { return true };
    let info = repeated.get_basic_info();
    let annotated =
        info.logical_type_ref() == Some(&LogicalType::List) || info.converted_type() == ConvertedType::LIST;
    !annotated
        && !is_repeated(only)
        && (repeated.name() == "array" || repeated.name() == format!("{list}_tuple"))
}

/// The node under another name.
fn renamed(node: &TypePtr, name: &str) -> Result<TypePtr, ParquetError> {
    if node.name() == name {
        return Ok(Arc::clone(node));
    }
    again(node, name, repetition(node))
}

pub(super) fn repetition(node: &Type) -> Repetition {
    let info = node.get_basic_info();
    if info.has_repetition() { info.repetition() } else { Repetition::REQUIRED }
}

/// The node, with nulls.
pub(super) fn optional(node: &TypePtr) -> Result<TypePtr, ParquetError> {
    again(node, node.name(), Repetition::OPTIONAL)
}

fn again(node: &TypePtr, name: &str, repetition: Repetition) -> Result<TypePtr, ParquetError> {
    match node.as_ref() {
        Type::GroupType { fields, .. } => group_again(node, name, (repetition, fields.clone())),
        Type::PrimitiveType { basic_info, physical_type, type_length, scale, precision } => {
            let node = Type::primitive_type_builder(name, *physical_type)
                .with_repetition(repetition)
                .with_converted_type(basic_info.converted_type())
                .with_logical_type(basic_info.logical_type_ref().cloned())
                .with_length(*type_length)
                .with_precision(*precision)
                .with_scale(*scale)
                .with_id(basic_info.has_id().then(|| basic_info.id()))
                .build()?;
            Ok(Arc::new(node))
        }
    }
}

/// The group under a name and with other fields.
fn regrouped(group: &Type, name: &str, fields: Vec<TypePtr>) -> Result<TypePtr, ParquetError> {
    group_again(group, name, (repetition(group), fields))
}

fn group_again(
    group: &Type,
    name: &str,
    (repetition, fields): (Repetition, Vec<TypePtr>),
) -> Result<TypePtr, ParquetError> {
    let info = group.get_basic_info();
    let builder = Type::group_type_builder(name)
        .with_repetition(repetition)
        .with_converted_type(info.converted_type())
        .with_logical_type(info.logical_type_ref().cloned())
        .with_fields(fields)
        .with_id(info.has_id().then(|| info.id()));
    Ok(Arc::new(builder.build()?))
}
