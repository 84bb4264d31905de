//! What becomes of columns, for people: the schema diff and the lineage of one schema group.
//!
//! Everything here is a function of the checked plan. A target column is *paired* with the source column that a reader
//! of the old schema would call the same: the one it is carried or preserved from, else the one of the same name, else
//! the only one it is computed from if nothing else is. What changed is said of that pair; a column without one is new,
//! and a source column without one is dropped. Names are the guest's and the file's: escape them where they are shown.

mod moved;
mod widening;

use std::collections::{BTreeMap, BTreeSet};

use arrow_schema::Field;
use serde::{Deserialize, Serialize};
use skein_types::{ABSENT, ColumnId, ColumnTree, Origin, STORED, SchemaPlan, Shape, format, is_partition};

use crate::mask::MASKED;
use crate::planning::SchemaGroup;

/// Target columns that a dropped one names.
const READ_FOR_MAX: usize = 16;

/// What a plan does to the columns of the files of one schema.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Lineage {
    /// Files of this schema.
    pub files: usize,
    /// The first of them.
    pub first_file: String,
    /// How output rows relate to input rows.
    pub shape: Shape,
    /// Source columns that the module sees, dotted.
    pub reads: Vec<String>,
    /// Target columns in order.
    pub columns: Vec<ColumnLineage>,
    /// Source columns, and fields inside carried ones, that the target does not have.
    pub dropped: Vec<DroppedColumn>,
}

/// One target column.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ColumnLineage {
    /// Its name.
    pub name: String,
    /// Its type, in the guest's view.
    #[serde(rename = "type")]
    pub data_type: String,
    /// Whether it may hold nulls.
    pub nullable: bool,
    /// Who makes it.
    pub origin: OriginKind,
    /// Source columns that it is made of, dotted.
    pub from: Vec<String>,
    /// The source column that it was, unless it is new.
    pub was: Option<WasColumn>,
    /// How it differs from that; empty for a column that stays as it is.
    pub changes: Vec<ColumnChange>,
    /// The new type cannot hold all that the old one could.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub narrowed: bool,
    /// Its values are shown to nobody.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub sensitive: bool,
    /// How it is known where its values come from.
    pub proven: Proof,
    /// Source columns that it moved with in a dry run, dotted; nothing of a column for which that was not tried.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub moves_with: Vec<String>,
    /// Fields inside a carried column, if they are called otherwise or lie elsewhere than in the source.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub nested: Vec<NestedLineage>,
    #[serde(skip)]
    pub(crate) pair: Option<ColumnId>,
}

/// Who makes a target column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OriginKind {
    /// The host copies it.
    Carried,
    /// The module makes it.
    Computed,
    /// The module passes it through and the host compares.
    Preserved,
}

/// How it is known where the values of a target column come from: `from` is what the plan says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Proof {
    /// The host copies them, and the module never sees them.
    Copied,
    /// The host compares what comes back with what went in, row by row.
    Compared,
    /// The module gets nothing but what it reads, so they come from no other column than these.
    PassedIn,
    /// Beside that a dry run has changed one read column at a time and looked what moved.
    Tried,
}

/// The source column of a pair.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WasColumn {
    /// Its name.
    pub name: String,
    /// Its type, in the guest's view.
    #[serde(rename = "type")]
    pub data_type: String,
    /// Whether it may hold nulls.
    pub nullable: bool,
    /// The files of this schema do not have it; it is read as nulls.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub absent: bool,
    /// The narrower type with which the files of this schema store it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stored: Option<String>,
    /// It is part of the files' paths.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub partition: bool,
}

/// One way in which a target column differs from what it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ColumnChange {
    /// It was not there.
    New,
    /// Another name.
    Renamed,
    /// Another type.
    Retyped,
    /// Nulls are allowed now, or no longer.
    Nullability,
    /// Another place among the columns that stay.
    Moved,
    /// The module makes its values.
    Recomputed,
}

impl ColumnChange {
    /// The word for people.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Renamed => "renamed",
            Self::Retyped => "retyped",
            Self::Nullability => "nullability",
            Self::Moved => "moved",
            Self::Recomputed => "recomputed",
        }
    }
}

/// One leaf inside a carried column.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NestedLineage {
    /// Dotted path in the target.
    pub path: String,
    /// Dotted path in the source.
    pub from: String,
}

/// A source column that the target does not have.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DroppedColumn {
    /// Dotted path.
    pub name: String,
    /// Its type, in the guest's view.
    #[serde(rename = "type")]
    pub data_type: String,
    /// Whether it may hold nulls.
    pub nullable: bool,
    /// Target columns that are computed from it, the first of them if there are many.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub read_for: Vec<String>,
}

impl Lineage {
    /// What the plan of a schema group does.
    pub fn of(group: &SchemaGroup) -> Self {
        let plan = &group.plan;
        let tree = plan.source_tree();
        let pairs = pairs(plan);
        let moved = moved::moved(&pairs.iter().map(|pair| pair.map(|id| id.0)).collect::<Vec<_>>());
        let mut columns = Vec::with_capacity(pairs.len());
        let mut dropped = dropped(plan, &pairs);
        // A checked plan has a target that can be numbered.
        let target = ColumnTree::new(&plan.target()).unwrap_or_default();
        for (place, pair) in pairs.iter().enumerate() {
            let mut column = column(plan, place, *pair);
            if moved[place] {
                column.changes.push(ColumnChange::Moved);
            }
            if let Origin::Carried { source, leaves } = &plan.columns()[place].origin {
                let nested = Nested { tree, target: &target, place, source: *source, leaves };
                column.nested = nested.lines();
                dropped.extend(nested.dropped());
            }
            columns.push(column);
        }
        Self {
            files: group.files.len(),
            first_file: match hides_paths(plan) {
                true => MASKED.to_owned(),
                false => group.files.first().cloned().unwrap_or_default(),
            },
            shape: plan.shape(),
            reads: plan.reads().iter().map(|id| tree.path(*id)).collect(),
            columns,
            dropped,
        }
    }

    /// Says what a dry run found to move with what; `moves` is by place among the columns that the module makes.
    pub(crate) fn moved(&mut self, plan: &SchemaPlan, moves: &BTreeMap<usize, BTreeSet<ColumnId>>) {
        let made = self.columns.iter_mut().filter(|column| column.origin != OriginKind::Carried);
        for (place, column) in made.enumerate().filter(|(_, column)| column.origin == OriginKind::Computed) {
            column.proven = Proof::Tried;
            let with = moves.get(&place).into_iter().flatten();
            column.moves_with = with.map(|root| plan.source_tree().path(*root)).collect();
        }
    }

    /// Partition columns of the source.
    pub fn partitions(&self) -> impl Iterator<Item = &str> {
        let was = self.columns.iter().filter_map(|column| column.was.as_ref());
        was.filter(|was| was.partition).map(|was| was.name.as_str())
    }
}

/// Whether a sensitive column is in the names of directories.
pub(crate) fn hides_paths(plan: &SchemaPlan) -> bool {
    let of = |root: &ColumnId| plan.source_tree().get(*root).is_some_and(|node| is_partition(&node.field));
    plan.sensitive().iter().any(of)
}

/// For each target column the top-level source column that it was.
fn pairs(plan: &SchemaPlan) -> Vec<Option<ColumnId>> {
    let tree = plan.source_tree();
    let named = |name: &str| {
        let is_called = |id: &&ColumnId| tree.get(**id).is_some_and(|node| node.field.name() == name);
        tree.roots().iter().find(is_called).copied()
    };
    let mut pairs: Vec<Option<ColumnId>> = plan
        .columns()
        .iter()
        .map(|column| match &column.origin {
            Origin::Carried { source, .. } | Origin::Preserved { source } => Some(*source),
            Origin::Computed { .. } => named(column.field.name()),
        })
        .collect();
    let taken: BTreeSet<ColumnId> = pairs.iter().flatten().copied().collect();
    let readers = readers(plan);
    let uses = |root: &ColumnId| readers.get(root).map_or(0, Vec::len);
    for (pair, column) in pairs.iter_mut().zip(plan.columns()).filter(|(pair, _)| pair.is_none()) {
        let Origin::Computed { from } = &column.origin else { continue };
        *pair = match from.as_slice() {
            [only] if tree.root_of(*only) == *only && !taken.contains(only) && uses(only) == 1 => Some(*only),
            _ => None,
        };
    }
    pairs
}

/// The top-level source columns of an origin.
fn roots(tree: &ColumnTree, origin: &Origin) -> BTreeSet<ColumnId> {
    match origin {
        Origin::Carried { source, .. } | Origin::Preserved { source } => BTreeSet::from([*source]),
        Origin::Computed { from } => from.iter().map(|id| tree.root_of(*id)).collect(),
    }
}

/// For each top-level source column the places of the target columns that are made of it.
fn readers(plan: &SchemaPlan) -> BTreeMap<ColumnId, Vec<usize>> {
    let mut readers: BTreeMap<ColumnId, Vec<usize>> = BTreeMap::new();
    for (place, column) in plan.columns().iter().enumerate() {
        for root in roots(plan.source_tree(), &column.origin) {
            readers.entry(root).or_default().push(place);
        }
    }
    readers
}

fn column(plan: &SchemaPlan, place: usize, pair: Option<ColumnId>) -> ColumnLineage {
    let tree = plan.source_tree();
    let column = &plan.columns()[place];
    let (origin, from) = match &column.origin {
        Origin::Carried { source, .. } => (OriginKind::Carried, std::slice::from_ref(source)),
        Origin::Computed { from } => (OriginKind::Computed, from.as_slice()),
        Origin::Preserved { source } => (OriginKind::Preserved, std::slice::from_ref(source)),
    };
    let source = pair.and_then(|id| tree.get(id)).map(|node| node.field.as_ref());
    ColumnLineage {
        name: column.field.name().clone(),
        data_type: column.field.data_type().to_string(),
        nullable: column.field.is_nullable(),
        origin,
        from: from.iter().map(|id| tree.path(*id)).collect(),
        was: source.map(was),
        changes: source.map_or_else(|| vec![ColumnChange::New], |was| changes(was, &column.field, origin)),
        narrowed: source.is_some_and(|was| !widening::holds(column.field.data_type(), was.data_type())),
        sensitive: plan.hides(column),
        proven: match origin {
            OriginKind::Carried => Proof::Copied,
            OriginKind::Preserved => Proof::Compared,
            OriginKind::Computed => Proof::PassedIn,
        },
        moves_with: Vec::new(),
        nested: Vec::new(),
        pair,
    }
}

fn was(field: &Field) -> WasColumn {
    let mark = |key: &str| field.metadata().get(key);
    WasColumn {
        name: field.name().clone(),
        data_type: field.data_type().to_string(),
        nullable: field.is_nullable(),
        absent: mark(ABSENT).is_some(),
        stored: mark(STORED).map(|form| stored_type(form)),
        partition: is_partition(field),
    }
}

/// The type of a format string of the contract; columns that files store narrower are flat.
fn stored_type(form: &str) -> String {
    format::parse(form, Vec::new()).map_or_else(|_| form.to_owned(), |data_type| data_type.to_string())
}

fn changes(was: &Field, is: &Field, origin: OriginKind) -> Vec<ColumnChange> {
    let differs = [
        (ColumnChange::Renamed, was.name() != is.name()),
        (ColumnChange::Retyped, was.data_type() != is.data_type()),
        (ColumnChange::Nullability, was.is_nullable() != is.is_nullable()),
        (ColumnChange::Recomputed, origin == OriginKind::Computed),
    ];
    differs.into_iter().filter(|(_, differs)| *differs).map(|(change, _)| change).collect()
}

fn dropped(plan: &SchemaPlan, pairs: &[Option<ColumnId>]) -> Vec<DroppedColumn> {
    let tree = plan.source_tree();
    let kept: BTreeSet<ColumnId> = pairs.iter().flatten().copied().collect();
    let gone = tree.roots().iter().filter(|root| !kept.contains(*root));
    let readers = readers(plan);
    let read_for = |root: &ColumnId| {
        let made = readers.get(root).into_iter().flatten().take(READ_FOR_MAX);
        made.map(|place| plan.columns()[*place].field.name().clone()).collect::<Vec<_>>()
    };
    gone.filter_map(|root| dropped_column(tree, *root, read_for(root))).collect()
}

fn dropped_column(tree: &ColumnTree, id: ColumnId, read_for: Vec<String>) -> Option<DroppedColumn> {
    let field = &tree.get(id)?.field;
    Some(DroppedColumn {
        name: tree.path(id),
        data_type: field.data_type().to_string(),
        nullable: field.is_nullable(),
        read_for,
    })
}

/// A carried column laid over its source, leaf by leaf.
struct Nested<'a> {
    tree: &'a ColumnTree,
    target: &'a ColumnTree,
    /// Of the target column among the top-level ones.
    place: usize,
    source: ColumnId,
    leaves: &'a [ColumnId],
}

impl Nested<'_> {
    fn lines(&self) -> Vec<NestedLineage> {
        let Some(root) = self.target.roots().get(self.place).and_then(|id| self.target.get(*id)) else {
            return Vec::new();
        };
        let lines: Vec<NestedLineage> = self.target.leaves()[root.leaves.clone()]
            .iter()
            .zip(self.leaves)
            .map(|(to, from)| NestedLineage { path: self.target.path(*to), from: self.tree.path(*from) })
            .collect();
        let (old, new) = (self.tree.path(self.source), root.field.name());
        let stays = |line: &NestedLineage| line.path.get(new.len()..) == line.from.get(old.len()..);
        let in_order = self.leaves.is_sorted();
        if in_order && lines.iter().all(stays) { Vec::new() } else { lines }
    }

    /// Leaves of the source column that no leaf of the target comes from.
    fn dropped(&self) -> Vec<DroppedColumn> {
        let Some(node) = self.tree.get(self.source) else { return Vec::new() };
        let kept: BTreeSet<&ColumnId> = self.leaves.iter().collect();
        let gone = self.tree.leaves()[node.leaves.clone()].iter().filter(|leaf| !kept.contains(leaf));
        gone.filter_map(|leaf| dropped_column(self.tree, *leaf, Vec::new())).collect()
    }
}

#[cfg(test)]
mod tests;
