//! From the builder to the contract's flat plan.

use std::collections::{BTreeSet, HashSet};

use arrow_schema::Schema;

use super::carried::Carried;
use super::{Column, Plan, Shape};
use crate::Refusal;
use crate::schema::{FlatField, flatten};

/// Where a target field comes from; numbers are column ids of the source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Copied by the host.
    Carried(u32),
    /// Made by the module.
    Computed(Vec<u32>),
    /// Passed through the module and compared.
    Preserved(u32),
}

/// A plan in the form of the contract.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proposal {
    /// Target schema.
    pub target: Vec<FlatField>,
    /// Target column ids with their origin.
    pub origins: Vec<(u32, Origin)>,
    /// Source columns that batches contain.
    pub reads: Vec<u32>,
    /// `same`, `filtered` or `free`.
    pub shape: String,
    /// Open extensions.
    pub ext: Vec<(String, String)>,
}

impl Plan {
    /// The flat plan, or the first refusal on the way to it.
    pub fn lower(&self) -> Result<Proposal, Refusal> {
        if let Some(refusal) = &self.refusal {
            return Err(refusal.clone());
        }
        self.sound()?;
        let mut lowering = Lowering { plan: self, target: Vec::new(), origins: Vec::new() };
        self.columns.iter().try_for_each(|column| lowering.column(column))?;
        let reads = self.all_reads().into_iter().collect();
        let Lowering { target, origins, .. } = lowering;
        Ok(Proposal { target, origins, reads, shape: self.shape.as_str().to_owned(), ext: Vec::new() })
    }

    fn all_reads(&self) -> BTreeSet<u32> {
        let mut reads = self.reads.clone();
        for column in &self.columns {
            match column {
                Column::Carried(_) => {}
                Column::Computed { from, .. } => reads.extend(from),
                Column::Preserved { source, .. } => {
                    reads.insert(*source);
                }
            }
        }
        reads
    }

    /// What the host would refuse, in the author's terms.
    fn sound(&self) -> Result<(), Refusal> {
        if self.columns.is_empty() {
            return Err(Refusal::new("empty-target", "the target has no columns"));
        }
        let mut seen = HashSet::new();
        if let Some(twice) = self.columns.iter().find(|c| !seen.insert(c.name())) {
            let message = format!("the target has two columns {:?}", twice.name());
            return Err(Refusal::new("duplicate-column", message));
        }
        let stuck = self.columns.iter().find(|c| !matches!(c, Column::Computed { .. }));
        match (self.shape, stuck) {
            (Shape::Free, Some(column)) => {
                let message = format!("under `free` column {:?} must be computed", column.name());
                Err(Refusal::new("carried-under-free", message))
            }
            (Shape::Free | Shape::Same | Shape::Filtered, _) => Ok(()),
        }
    }
}

struct Lowering<'a> {
    plan: &'a Plan,
    target: Vec<FlatField>,
    origins: Vec<(u32, Origin)>,
}

impl Lowering<'_> {
    fn column(&mut self, column: &Column) -> Result<(), Refusal> {
        match column {
            Column::Carried(carried) => {
                self.carried(carried, None);
                Ok(())
            }
            Column::Computed { field, from } => {
                self.origins.push((self.next(), Origin::Computed(from.clone())));
                self.whole(field.as_ref().clone())
            }
            Column::Preserved { field, source } => {
                self.origins.push((self.next(), Origin::Preserved(*source)));
                self.whole(field.as_ref().clone())
            }
        }
    }

    fn whole(&mut self, field: arrow_schema::Field) -> Result<(), Refusal> {
        let base = self.next();
        let flat = flatten(&Schema::new(vec![field]))?;
        self.target.extend(flat.into_iter().map(|f| FlatField { parent: f.parent.map(|p| p + base), ..f }));
        Ok(())
    }

    /// Children have an entry of their own only if renamed: the host finds the others by name.
    fn carried(&mut self, carried: &Carried, parent: Option<u32>) {
        let node = self.plan.tree.get(carried.source).expect("carried fields name a source field");
        let id = self.next();
        if parent.is_none() || node.field.name() != &carried.name {
            self.origins.push((id, Origin::Carried(carried.source)));
        }
        let mut flat =
            flatten(&Schema::new(vec![node.field.as_ref().clone()])).expect("it came from a flat form");
        flat.truncate(1);
        self.target.extend(flat.into_iter().map(|f| FlatField { name: carried.name.clone(), parent, ..f }));
        carried.children.iter().for_each(|child| self.carried(child, Some(id)));
    }

    fn next(&self) -> u32 {
        u32::try_from(self.target.len()).expect("hosts bound schemas to 20,000 fields")
    }
}
