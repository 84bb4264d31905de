//! Carried columns with what is renamed or left out inside them.

use arrow_schema::DataType;

use super::{Column, Plan};
use crate::Refusal;
use crate::tree::Tree;

/// A carried field: where it comes from, its new name, and the fields inside that stay.
#[derive(Clone, Debug)]
pub(super) struct Carried {
    pub(super) source: u32,
    pub(super) name: String,
    pub(super) children: Vec<Carried>,
}

impl Carried {
    pub(super) fn of(tree: &Tree, source: u32) -> Self {
        let node = tree.get(source).expect("the tree numbers its own nodes");
        let children = node.children.iter().map(|child| Self::of(tree, *child)).collect();
        Self { source, name: node.field.name().clone(), children }
    }

    /// Index path to the field of this name below.
    fn find(&self, path: &str) -> Option<Vec<usize>> {
        if let Some(at) = self.children.iter().position(|c| c.name == path) {
            return Some(vec![at]);
        }
        self.children.iter().enumerate().find_map(|(at, child)| {
            let rest = path.strip_prefix(child.name.as_str())?.strip_prefix('.')?;
            let mut below = child.find(rest)?;
            below.insert(0, at);
            Some(below)
        })
    }
}

impl Plan {
    /// The carried field inside a struct at a dotted path.
    pub(super) fn inner(&mut self, path: &str) -> Result<&mut Carried, Refusal> {
        let (parent, at) = self.inner_place(path)?;
        Ok(&mut parent.children[at])
    }

    pub(super) fn drop_inner(&mut self, path: &str) -> Result<(), Refusal> {
        let (parent, at) = self.inner_place(path)?;
        if parent.children.len() == 1 {
            let message = format!("{path:?} is the last field of its struct: drop the struct");
            return Err(Refusal::new("empty-struct", message).at(parent.children[at].source));
        }
        parent.children.remove(at);
        Ok(())
    }

    fn inner_place(&mut self, path: &str) -> Result<(&mut Carried, usize), Refusal> {
        let found = self.columns.iter().enumerate().find_map(|(column, c)| {
            let rest = path.strip_prefix(c.name())?.strip_prefix('.')?;
            let Column::Carried(carried) = c else { return None };
            Some((column, carried.find(rest)?))
        });
        let Some((column, indexes)) = found else { return Err(self.no_target(path)) };
        let Column::Carried(column) = &mut self.columns[column] else {
            unreachable!("found among the carried columns");
        };
        let mut at = column;
        let (last, way) = indexes.split_last().expect("a found path has at least one step");
        let mut in_map = false;
        for step in way {
            in_map = is_map(&self.tree, at.source);
            at = &mut at.children[*step];
        }
        let is_struct = self
            .tree
            .get(at.source)
            .is_some_and(|node| matches!(node.field.data_type(), DataType::Struct(_)));
        if !is_struct || in_map {
            let message = format!("{path:?} is no field of a struct: only those can be renamed or dropped");
            return Err(Refusal::new("not-a-struct", message).at(at.source));
        }
        Ok((at, *last))
    }
}

fn is_map(tree: &Tree, id: u32) -> bool {
    tree.get(id).is_some_and(|node| matches!(node.field.data_type(), DataType::Map(_, _)))
}
