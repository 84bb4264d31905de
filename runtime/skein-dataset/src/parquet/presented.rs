//! What a file presents: its own columns, or those of the dataset that it is part of.
//!
//! Callers number columns and leaves by the presented schema; this is where the numbers become Parquet's. A stored column
//! has the same leaves in both, in the same order.

use std::sync::Arc;

use arrow_schema::SchemaRef;
use skein_types::{ColumnNode, ColumnTree, FileView, Standing, alike, row_width};

use super::error::FileError;
use super::source::{SourceFile, unsupported};

/// A value of a partition column; `None` is null.
pub(super) type Constant = Option<Arc<str>>;

/// The presented schema and where its columns come from.
#[derive(Debug)]
pub(super) struct Presented {
    pub(super) view: SchemaRef,
    pub(super) tree: ColumnTree,
    /// Of each top-level column.
    pub(super) columns: Vec<Presence>,
}

/// Where the values of one top-level column come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Presence {
    /// The file's column of this number, as it is. Its first leaf in the file.
    Stored { column: usize, first_leaf: usize },
    /// The file's column of this number, with a wider type. Its first leaf in the file.
    Widened { column: usize, first_leaf: usize },
    /// Nulls.
    Nulls,
    /// The same value in every row.
    Constant(Constant),
}

/// Where a column of a batch comes from.
#[derive(Clone, Debug)]
pub(super) enum Part {
    /// This one of the decoded columns.
    Decoded(usize),
    Nulls,
    Constant(Constant),
}

impl SourceFile {
    /// The same file presenting what `view` says. `partitions` has the file's value of each partition key.
    pub fn present(mut self, view: &FileView, partitions: &[Option<String>]) -> Result<Self, FileError> {
        let misfit =
            |what: &str| FileError::bug(format!("{:?} cannot present this view: {what}", self.name()));
        let tree = ColumnTree::new(&view.schema).map_err(|e| unsupported(self.name(), e.to_string()))?;
        if tree.roots().len() != view.columns.len() {
            return Err(misfit("columns without a source"));
        }
        let stored = |column: usize| {
            let root = self.stored().roots().get(column).and_then(|root| self.stored().get(*root));
            root.ok_or_else(|| misfit("no such column"))
        };
        let presence = |(field, standing): (&Arc<arrow_schema::Field>, &Standing)| match standing {
            Standing::Stored { column } => {
                let node = stored(*column)?;
                if !alike(&node.field, field) || node.field.name() != field.name() {
                    return Err(misfit("a stored column of another type"));
                }
                Ok(Presence::Stored { column: *column, first_leaf: node.leaves.start })
            }
            Standing::Widened { column } => {
                Ok(Presence::Widened { column: *column, first_leaf: stored(*column)?.leaves.start })
            }
            Standing::Nulls => Ok(Presence::Nulls),
            Standing::Partition { key } => {
                let value = partitions.get(*key).ok_or_else(|| misfit("a partition key without a value"))?;
                Ok(Presence::Constant(value.as_deref().map(Arc::from)))
            }
        };
        let columns = view.schema.fields().iter().zip(&view.columns).map(presence);
        let columns = columns.collect::<Result<Vec<_>, FileError>>()?;
        self.presented = Presented { view: Arc::clone(&view.schema), tree, columns };
        Ok(self)
    }
}

impl Presented {
    /// What the file stores.
    pub(super) fn own(view: &SchemaRef, stored: &ColumnTree) -> Self {
        let roots = stored.roots().iter().enumerate();
        let columns = roots.map(|(column, root)| Presence::Stored {
            column,
            first_leaf: stored.get(*root).map_or(0, |node| node.leaves.start),
        });
        Self { view: Arc::clone(view), columns: columns.collect(), tree: stored.clone() }
    }

    /// Presence of the top-level column with this id.
    pub(super) fn of(&self, id: skein_types::ColumnId) -> Option<&Presence> {
        let place = self.tree.roots().binary_search(&id).ok()?;
        self.columns.get(place)
    }

    /// Top-level columns of which some of these leaves (sorted) are, with those leaves.
    fn read<'a>(
        &'a self,
        leaves: &'a [usize],
    ) -> impl Iterator<Item = (&'a ColumnNode, &'a Presence, &'a [usize])> {
        let roots = self.tree.roots().iter().filter_map(|root| self.tree.get(*root));
        roots.zip(&self.columns).filter_map(|(node, presence)| {
            let place = |end: usize| leaves.partition_point(|leaf| *leaf < end);
            let inside = leaves.get(place(node.leaves.start)..place(node.leaves.end)).unwrap_or_default();
            (!inside.is_empty()).then_some((node, presence, inside))
        })
    }

    /// Ordinals in the file of these leaves, sorted; those that it does not store are left out.
    pub(super) fn stored_leaves(&self, leaves: &[usize]) -> Vec<usize> {
        let mut stored: Vec<usize> = Vec::with_capacity(leaves.len());
        for (node, presence, inside) in self.read(leaves) {
            match presence {
                Presence::Stored { first_leaf, .. } | Presence::Widened { first_leaf, .. } => {
                    stored.extend(inside.iter().map(|leaf| first_leaf + (leaf - node.leaves.start)));
                }
                Presence::Nulls | Presence::Constant(_) => {}
            }
        }
        stored.sort_unstable();
        stored
    }

    /// Where the columns come from that a batch of these leaves has.
    pub(super) fn parts(&self, leaves: &[usize]) -> Vec<Part> {
        let read: Vec<&Presence> = self.read(leaves).map(|(_, presence, _)| presence).collect();
        let mut stored: Vec<usize> = read.iter().filter_map(|presence| presence.column()).collect();
        stored.sort_unstable();
        let part = |presence: &&Presence| match presence {
            Presence::Stored { column, .. } | Presence::Widened { column, .. } => {
                Part::Decoded(stored.partition_point(|other| other < column))
            }
            Presence::Nulls => Part::Nulls,
            Presence::Constant(value) => Part::Constant(value.clone()),
        };
        read.iter().map(part).collect()
    }

    /// Bytes that a row of these leaves takes for what the host makes, whatever is in it.
    pub(super) fn made_bytes(&self, leaves: &[usize]) -> u64 {
        let bytes = self.read(leaves).map(|(node, presence, _)| match presence {
            Presence::Stored { .. } => 0,
            Presence::Widened { .. } | Presence::Nulls => row_width(node.field.data_type()),
            Presence::Constant(value) => 8 + value.as_ref().map_or(0, |value| value.len() as u64),
        });
        bytes.fold(0, u64::saturating_add)
    }
}

impl Presence {
    /// Number of the file's column, if it is one.
    pub(super) const fn column(&self) -> Option<usize> {
        match self {
            Self::Stored { column, .. } | Self::Widened { column, .. } => Some(*column),
            Self::Nulls | Self::Constant(_) => None,
        }
    }
}
