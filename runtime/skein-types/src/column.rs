//! Column ids: a schema's fields numbered in pre-order.
//!
//! The contract with guests names columns by this number, and Parquet numbers its leaves in the same order, so
//! a column id maps to a leaf range without a search. Children of a list are its element; of a map, its entries
//! struct; of a dictionary or a primitive, none.

use std::ops::Range;

use arrow_schema::{DataType, FieldRef, Schema};
use serde::{Deserialize, Serialize};

/// Id of a field: its index in pre-order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ColumnId(pub u32);

impl ColumnId {
    /// As an index into [`ColumnTree::nodes`].
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

impl std::fmt::Display for ColumnId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// One field with its place in the tree.
#[derive(Clone, Debug)]
pub struct ColumnNode {
    /// The field itself, children included.
    pub field: FieldRef,
    /// The field that contains it; `None` for a top-level column.
    pub parent: Option<ColumnId>,
    /// Ids of the direct children, in order.
    pub children: Vec<ColumnId>,
    /// One past the last id of the subtree.
    pub end: u32,
    /// Ordinals of the leaves below (of the node itself, if it is one).
    pub leaves: Range<usize>,
}

impl ColumnNode {
    /// Whether the field has no children and so is one Parquet leaf.
    pub fn is_leaf(&self) -> bool {
        self.children.is_empty()
    }
}

/// A schema that cannot be numbered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ColumnTreeError {
    /// More fields than [`ColumnTree::MAX_FIELDS`].
    #[error("the schema has more than {} fields", ColumnTree::MAX_FIELDS)]
    TooManyFields,
    /// Fields nested deeper than [`ColumnTree::MAX_DEPTH`].
    #[error("column {path:?} is nested deeper than {} levels", ColumnTree::MAX_DEPTH)]
    TooDeep {
        /// Dotted path of the field.
        path: String,
    },
}

/// The fields of a schema in pre-order.
#[derive(Clone, Debug, Default)]
pub struct ColumnTree {
    nodes: Vec<ColumnNode>,
    roots: Vec<ColumnId>,
    leaves: Vec<ColumnId>,
}

impl ColumnTree {
    /// Bound on the number of fields at all levels.
    pub const MAX_FIELDS: usize = 20_000;
    /// Bound on nesting.
    pub const MAX_DEPTH: usize = 32;

    /// Numbers a schema.
    pub fn new(schema: &Schema) -> Result<Self, ColumnTreeError> {
        let mut tree = Self::default();
        for field in schema.fields() {
            let id = tree.push(field, None, 0)?;
            tree.roots.push(id);
        }
        Ok(tree)
    }

    fn push(
        &mut self,
        field: &FieldRef,
        parent: Option<ColumnId>,
        depth: usize,
    ) -> Result<ColumnId, ColumnTreeError> {
        if depth >= Self::MAX_DEPTH {
            let path = parent.map(|p| self.path(p)).unwrap_or_default();
            return Err(ColumnTreeError::TooDeep { path });
        }
        if self.nodes.len() >= Self::MAX_FIELDS {
            return Err(ColumnTreeError::TooManyFields);
        }
        let index = self.nodes.len();
        let id = ColumnId(u32::try_from(index).map_err(|_| ColumnTreeError::TooManyFields)?);
        let first_leaf = self.leaves.len();
        self.nodes.push(ColumnNode {
            field: FieldRef::clone(field),
            parent,
            children: Vec::new(),
            end: 0,
            leaves: first_leaf..first_leaf,
        });
        let children = child_fields(field.data_type())
            .into_iter()
            .map(|child| self.push(child, Some(id), depth + 1))
            .collect::<Result<Vec<_>, _>>()?;
        if children.is_empty() {
            self.leaves.push(id);
        }
        let end = u32::try_from(self.nodes.len()).map_err(|_| ColumnTreeError::TooManyFields)?;
        let leaves = first_leaf..self.leaves.len();
        let node = &mut self.nodes[index];
        (node.children, node.end, node.leaves) = (children, end, leaves);
        Ok(id)
    }

    /// All nodes; the index is the column id.
    pub fn nodes(&self) -> &[ColumnNode] {
        &self.nodes
    }

    /// The node of an id, if there is one.
    pub fn get(&self, id: ColumnId) -> Option<&ColumnNode> {
        self.nodes.get(id.index())
    }

    /// Top-level columns in order.
    pub fn roots(&self) -> &[ColumnId] {
        &self.roots
    }

    /// Leaves in order; the index is the Parquet leaf ordinal.
    pub fn leaves(&self) -> &[ColumnId] {
        &self.leaves
    }

    /// The top-level column above an id (itself, if it is one).
    pub fn root_of(&self, mut id: ColumnId) -> ColumnId {
        while let Some(parent) = self.get(id).and_then(|n| n.parent) {
            id = parent;
        }
        id
    }

    /// Dotted path of a column, for messages.
    pub fn path(&self, id: ColumnId) -> String {
        let mut names = Vec::new();
        let mut at = Some(id);
        while let Some(node) = at.and_then(|id| self.get(id)) {
            names.push(node.field.name().as_str());
            at = node.parent;
        }
        names.reverse();
        names.join(".")
    }
}

/// Direct children of a type in the order of the contract.
#[expect(clippy::wildcard_enum_match_arm, reason = "every other Arrow type is a leaf to Parquet")]
fn child_fields(data_type: &DataType) -> Vec<&FieldRef> {
    match data_type {
        DataType::Struct(fields) => fields.iter().collect(),
        DataType::List(f)
        | DataType::LargeList(f)
        | DataType::ListView(f)
        | DataType::LargeListView(f)
        | DataType::FixedSizeList(f, _)
        | DataType::Map(f, _) => vec![f],
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::{ColumnId, ColumnTree};
    use arrow_schema::{DataType, Field, Schema};
    use std::sync::Arc;

    fn nested() -> Schema {
        let item = Arc::new(Field::new("item", DataType::Int32, true));
        let s = DataType::Struct(
            vec![Field::new("x", DataType::Int64, true), Field::new("l", DataType::List(item), true)].into(),
        );
        Schema::new(vec![
            Field::new("a", DataType::Int32, false),
            Field::new("s", s, true),
            Field::new("b", DataType::Utf8, true),
        ])
    }

    #[test]
    fn ids_count_in_pre_order_and_leaves_in_parquet_order() {
        let tree = ColumnTree::new(&nested()).unwrap();
        let paths: Vec<_> = (0..6).map(|i| tree.path(ColumnId(i))).collect();
        assert_eq!(paths, ["a", "s", "s.x", "s.l", "s.l.item", "b"]);
        assert_eq!(tree.roots(), [ColumnId(0), ColumnId(1), ColumnId(5)]);
        assert_eq!(tree.leaves(), [ColumnId(0), ColumnId(2), ColumnId(4), ColumnId(5)]);
        assert_eq!(tree.nodes()[1].leaves, 1..3);
        assert_eq!(tree.nodes()[1].end, 5);
        assert_eq!(tree.root_of(ColumnId(4)), ColumnId(1));
    }

    #[test]
    fn bottomless_schemas_are_refused() {
        let mut data_type = DataType::Int8;
        for _ in 0..40 {
            data_type = DataType::Struct(vec![Field::new("n", data_type, true)].into());
        }
        assert!(ColumnTree::new(&Schema::new(vec![Field::new("deep", data_type, true)])).is_err());
    }
}
