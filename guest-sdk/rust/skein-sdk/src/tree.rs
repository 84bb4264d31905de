//! The source's fields by column id and by dotted path.

use arrow_schema::{FieldRef, Schema};

use crate::schema::children;

#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) field: FieldRef,
    pub(crate) parent: Option<u32>,
    pub(crate) children: Vec<u32>,
}

/// Fields in pre-order; the index is the column id.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tree {
    nodes: Vec<Node>,
    roots: Vec<u32>,
}

impl Tree {
    pub(crate) fn new(schema: &Schema) -> Self {
        let mut tree = Self::default();
        for field in schema.fields() {
            let root = tree.push(field, None);
            tree.roots.push(root);
        }
        tree
    }

    fn push(&mut self, field: &FieldRef, parent: Option<u32>) -> u32 {
        let id = u32::try_from(self.nodes.len()).expect("hosts bound schemas to 20,000 fields");
        self.nodes.push(Node { field: FieldRef::clone(field), parent, children: Vec::new() });
        for child in children(field.data_type()) {
            let child = self.push(child, Some(id));
            self.nodes[id as usize].children.push(child);
        }
        id
    }

    pub(crate) fn roots(&self) -> &[u32] {
        &self.roots
    }

    pub(crate) fn get(&self, id: u32) -> Option<&Node> {
        self.nodes.get(id as usize)
    }

    pub(crate) fn len(&self) -> usize {
        self.nodes.len()
    }

    /// The field at a dotted path. A name that itself contains dots wins over a path through it.
    pub(crate) fn find(&self, path: &str) -> Option<u32> {
        self.find_among(&self.roots, path)
    }

    fn find_among(&self, among: &[u32], path: &str) -> Option<u32> {
        let named = |id: &u32| self.nodes[*id as usize].field.name().as_str();
        if let Some(id) = among.iter().find(|id| named(id) == path) {
            return Some(*id);
        }
        among.iter().find_map(|id| {
            let rest = path.strip_prefix(named(id))?.strip_prefix('.')?;
            self.find_among(&self.nodes[*id as usize].children, rest)
        })
    }

    /// Dotted path of a field.
    pub(crate) fn path(&self, id: u32) -> String {
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
