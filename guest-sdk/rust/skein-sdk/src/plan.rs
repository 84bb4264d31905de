//! The plan builder: starts from "carry everything" and says what differs.
//!
//! The first thing that cannot be is remembered and becomes the plan's [`Refusal`], so that authors chain calls
//! without `?`. Target columns are named by their *current* target name, columns read by their *source* path.

mod carried;
mod lower;

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow_schema::{DataType, Field, FieldRef, Schema};

use crate::source::{is_partition, missing};
use crate::tree::Tree;
use crate::{Refusal, Source};
use carried::Carried;
pub use lower::{Origin, Proposal};

/// How output rows relate to input rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Kept rows are all but rejected ones, in order.
    Same,
    /// Kept rows are those that [`crate::Output::keep_only`] and rejects leave, in order.
    Filtered,
    /// Any rows; nothing is carried.
    Free,
}

impl Shape {
    /// The word of the contract.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Same => "same",
            Self::Filtered => "filtered",
            Self::Free => "free",
        }
    }
}

#[derive(Clone, Debug)]
enum Column {
    Carried(Carried),
    Computed { field: FieldRef, from: Vec<u32> },
    Preserved { field: FieldRef, source: u32 },
}

impl Column {
    fn name(&self) -> &str {
        match self {
            Self::Carried(carried) => &carried.name,
            Self::Computed { field, .. } | Self::Preserved { field, .. } => field.name(),
        }
    }
}

/// What becomes of each column. See the module's documentation for how names are read.
#[derive(Clone, Debug)]
#[must_use]
pub struct Plan {
    tree: Arc<Tree>,
    columns: Vec<Column>,
    reads: BTreeSet<u32>,
    shape: Shape,
    refusal: Option<Refusal>,
}

impl Plan {
    /// Every source column carried under its own name, in order, partition columns among them; shape `same`.
    pub fn carry_all(source: &Source) -> Self {
        let tree = Arc::clone(&source.tree);
        let columns = tree.roots().iter().map(|id| Column::Carried(Carried::of(&tree, *id))).collect();
        Self { tree, columns, reads: BTreeSet::new(), shape: Shape::Same, refusal: None }
    }

    /// Gives a column another name. `path` may lead into carried structs (`address.city`); `to` is the last name only.
    pub fn rename(self, path: &str, to: &str) -> Self {
        self.change(|plan| {
            if let Some(at) = plan.position(path) {
                plan.changeable(at, "renamed")?;
                return plan.rename_column(at, to);
            }
            let field = plan.inner(path)?;
            to.clone_into(&mut field.name);
            Ok(())
        })
    }

    /// Leaves a column out. `path` may lead into carried structs; a struct keeps at least one field.
    pub fn drop(self, path: &str) -> Self {
        self.change(|plan| {
            if let Some(at) = plan.position(path) {
                plan.changeable(at, "dropped")?;
                plan.columns.remove(at);
                return Ok(());
            }
            plan.drop_inner(path)
        })
    }

    /// These columns first, in this order; the others follow in theirs.
    pub fn order(self, names: &[&str]) -> Self {
        self.change(|plan| {
            let mut first = Vec::with_capacity(names.len());
            for name in names {
                let at = plan.position(name).ok_or_else(|| plan.no_target(name))?;
                first.push(plan.columns.remove(at));
            }
            first.append(&mut plan.columns);
            plan.columns = first;
            Ok(())
        })
    }

    /// A column that the migration makes from these source columns: replaces the target column of this name in its
    /// place, or is appended. With no columns read it is a constant.
    pub fn compute(self, name: &str, data_type: DataType, nullable: bool, reads: &[&str]) -> Self {
        self.compute_field(Field::new(name, data_type, nullable), reads)
    }

    /// [`Plan::compute`] with a whole field, metadata included.
    pub fn compute_field(self, field: Field, reads: &[&str]) -> Self {
        self.change(|plan| {
            let from = plan.sources(reads)?;
            let made = Column::Computed { field: Arc::new(field), from };
            match plan.position(made.name()) {
                Some(at) => {
                    plan.changeable(at, "computed")?;
                    plan.columns[at] = made;
                }
                None => plan.columns.push(made),
            }
            Ok(())
        })
    }

    /// Passes a carried column through the module instead: the host compares it with the source afterwards.
    pub fn preserve(self, name: &str) -> Self {
        self.change(|plan| {
            let at = plan.position(name).ok_or_else(|| plan.no_target(name))?;
            plan.changeable(at, "preserved")?;
            let Column::Carried(carried) = &plan.columns[at] else {
                return Err(Refusal::new("not-carried", format!("column {name:?} is not carried")));
            };
            let node = plan.tree.get(carried.source).expect("carried columns name a source column");
            let field = node.field.as_ref().clone().with_name(&carried.name);
            plan.columns[at] = Column::Preserved { field: Arc::new(field), source: carried.source };
            Ok(())
        })
    }

    /// More source columns for batches to contain: to filter or reject by.
    pub fn read(self, paths: &[&str]) -> Self {
        self.change(|plan| {
            let ids = plan.sources(paths)?;
            plan.reads.extend(ids);
            Ok(())
        })
    }

    /// Shape `filtered`: the migration decides per row whether it stays.
    pub fn filter(mut self) -> Self {
        self.shape = Shape::Filtered;
        self
    }

    /// Shape `free`: the target has this schema and any rows, all made from these source columns.
    pub fn reshape(self, target: &Schema, reads: &[&str]) -> Self {
        self.change(|plan| {
            let from = plan.sources(reads)?;
            let made =
                |field: &FieldRef| Column::Computed { field: FieldRef::clone(field), from: from.clone() };
            plan.columns = target.fields().iter().map(made).collect();
            plan.shape = Shape::Free;
            Ok(())
        })
    }

    /// Runs one step unless an earlier one was refused.
    fn change(mut self, step: impl FnOnce(&mut Self) -> Result<(), Refusal>) -> Self {
        if self.refusal.is_none() {
            self.refusal = step(&mut self).err();
        }
        self
    }

    fn position(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|c| c.name() == name)
    }

    fn sources(&self, paths: &[&str]) -> Result<Vec<u32>, Refusal> {
        let find = |path: &&str| self.tree.find(path).ok_or_else(|| missing(&self.tree, path));
        paths.iter().map(find).collect()
    }

    fn no_target(&self, name: &str) -> Refusal {
        if self.tree.find(name).is_none() {
            return missing(&self.tree, name);
        }
        let near = crate::nearest::nearest(name, self.columns.iter().map(Column::name));
        let hint = near.map(|n| format!(", did you mean {n:?}?")).unwrap_or_default();
        Refusal::new("missing-column", format!("the target has no column {name:?} any more{hint}"))
    }

    /// Partition columns stand in the names of directories: they are carried as they are.
    fn changeable(&self, at: usize, change: &str) -> Result<(), Refusal> {
        let Column::Carried(carried) = &self.columns[at] else { return Ok(()) };
        let node = self.tree.get(carried.source).expect("carried columns name a source column");
        if !is_partition(&node.field) {
            return Ok(());
        }
        let name = node.field.name();
        let message = format!(
            "{name:?} is a partition column, it stands in the names of directories and cannot be {change}"
        );
        Err(Refusal::new("partition-column", message).at(carried.source))
    }

    fn rename_column(&mut self, at: usize, to: &str) -> Result<(), Refusal> {
        if self.columns.iter().enumerate().any(|(i, c)| i != at && c.name() == to) {
            return Err(Refusal::new("duplicate-column", format!("the target has a column {to:?} already")));
        }
        match &mut self.columns[at] {
            Column::Carried(carried) => to.clone_into(&mut carried.name),
            Column::Computed { field, .. } | Column::Preserved { field, .. } => {
                *field = Arc::new(field.as_ref().clone().with_name(to));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
