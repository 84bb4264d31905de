//! From a proposal to a plan.

use std::collections::{BTreeMap, BTreeSet};

use arrow_schema::{FieldRef, Schema, SchemaRef};

use super::carry::Carry;
use super::partition;
use super::types::{check_field, check_name, check_width};
use super::{ColumnPlan, Origin, PlanError, ProposedOrigin, ProposedPlan, SchemaPlan};
use crate::{ColumnId, ColumnTree, Shape};

pub(super) fn check(source: SchemaRef, proposed: &ProposedPlan) -> Result<SchemaPlan, PlanError> {
    if let Some((key, _)) = proposed.ext.iter().find(|(key, _)| key.starts_with("must-")) {
        return Err(PlanError::UnknownMust { key: key.chars().take(100).collect() });
    }
    let shape: Shape = proposed.shape.parse()?;
    let tree = ColumnTree::new(&source)?;
    let target = ColumnTree::new(&proposed.target)?;
    check_names(&proposed.target)?;
    let reads = reads(&proposed.reads, &tree)?;
    let origins = origins(&proposed.origins, &target)?;
    let checking = Checking { source: &tree, target: &target, origins: &origins, reads: &reads, shape };
    let columns = target.roots().iter().map(|root| checking.column(*root)).collect::<Result<Vec<_>, _>>()?;
    checking.no_stray_origins(&columns)?;
    partition::check(&tree, &columns, shape)?;
    Ok(SchemaPlan { source, tree, columns, reads, shape, sensitive: BTreeSet::new() }.inherit())
}

/// Whether `id` or a column above it is in `reads`.
pub(super) fn covers(reads: &[ColumnId], tree: &ColumnTree, id: ColumnId) -> bool {
    let mut at = Some(id);
    while let Some(current) = at {
        if reads.binary_search(&current).is_ok() {
            return true;
        }
        at = tree.get(current).and_then(|n| n.parent);
    }
    false
}

fn check_names(target: &Schema) -> Result<(), PlanError> {
    if target.fields().is_empty() {
        return Err(PlanError::EmptyTarget);
    }
    let mut seen = BTreeSet::new();
    for field in target.fields() {
        check_name(field.name(), field.name())?;
        if !seen.insert(field.name()) {
            return Err(PlanError::DuplicateName { column: field.name().clone() });
        }
    }
    Ok(())
}

fn reads(proposed: &[u32], tree: &ColumnTree) -> Result<Vec<ColumnId>, PlanError> {
    let sorted: BTreeSet<ColumnId> =
        proposed.iter().map(|id| known(ColumnId(*id), tree)).collect::<Result<_, _>>()?;
    let mut minimal: Vec<ColumnId> = Vec::with_capacity(sorted.len());
    for id in sorted {
        // Pre-order: a column above `id` has a smaller id and so is in `minimal` already.
        if !covers(&minimal, tree, id) {
            minimal.push(widen_in_map(id, tree));
        }
    }
    minimal.dedup();
    Ok(minimal)
}

/// A map is read whole: keys without values are no map.
fn widen_in_map(id: ColumnId, tree: &ColumnTree) -> ColumnId {
    let mut widest = id;
    let mut at = Some(id);
    while let Some(node) = at.and_then(|id| tree.get(id)) {
        if matches!(node.field.data_type(), arrow_schema::DataType::Map(_, _)) {
            widest = at.unwrap_or(widest);
        }
        at = node.parent;
    }
    widest
}

fn known(id: ColumnId, tree: &ColumnTree) -> Result<ColumnId, PlanError> {
    match tree.get(id) {
        Some(_) => Ok(id),
        None => Err(PlanError::UnknownColumn { id: id.0, count: tree.nodes().len() }),
    }
}

fn origins<'a>(
    proposed: &'a [(u32, ProposedOrigin)],
    target: &ColumnTree,
) -> Result<BTreeMap<ColumnId, &'a ProposedOrigin>, PlanError> {
    let mut by_target = BTreeMap::new();
    for (id, origin) in proposed {
        if target.get(ColumnId(*id)).is_none() {
            return Err(PlanError::UnknownTarget { id: *id, count: target.nodes().len() });
        }
        if by_target.insert(ColumnId(*id), origin).is_some() {
            return Err(PlanError::TwoOrigins { column: target.path(ColumnId(*id)) });
        }
    }
    Ok(by_target)
}

struct Checking<'a> {
    source: &'a ColumnTree,
    target: &'a ColumnTree,
    origins: &'a BTreeMap<ColumnId, &'a ProposedOrigin>,
    reads: &'a [ColumnId],
    shape: Shape,
}

impl Checking<'_> {
    fn column(&self, id: ColumnId) -> Result<ColumnPlan, PlanError> {
        let column = self.target.path(id);
        let Some(node) = self.target.get(id) else { return Err(PlanError::NoOrigin { column }) };
        let origin = match self.origins.get(&id) {
            Some(ProposedOrigin::Carried(source)) => self.carried(id, *source, column)?,
            Some(ProposedOrigin::Computed(from)) => {
                check_field(&column, &node.field)?;
                check_width(&column, &node.field)?;
                self.computed(from, &column)?
            }
            Some(ProposedOrigin::Preserved(source)) => {
                check_width(&column, &node.field)?;
                self.preserved(&node.field, *source, column)?
            }
            None => return Err(PlanError::NoOrigin { column }),
        };
        Ok(ColumnPlan { field: FieldRef::clone(&node.field), origin })
    }

    fn carried(&self, target: ColumnId, source: ColumnId, column: String) -> Result<Origin, PlanError> {
        known(source, self.source)?;
        if self.shape == Shape::Free {
            return Err(PlanError::CarriedUnderFree { column });
        }
        if !self.source.roots().contains(&source) {
            let field = self.source.path(source);
            return Err(PlanError::CarriedElsewhere { column, field });
        }
        let carry = Carry { source: self.source, target: self.target, origins: self.origins, column };
        Ok(Origin::Carried { source, leaves: carry.leaves(target, source)? })
    }

    fn computed(&self, from: &[ColumnId], column: &str) -> Result<Origin, PlanError> {
        let mut from = from.to_vec();
        from.sort_unstable();
        from.dedup();
        from.iter().try_for_each(|id| self.must_be_read(*id, column))?;
        Ok(Origin::Computed { from })
    }

    fn preserved(&self, field: &FieldRef, source: ColumnId, column: String) -> Result<Origin, PlanError> {
        known(source, self.source)?;
        self.must_be_read(source, &column)?;
        let Some(from) = self.source.get(source).filter(|n| n.parent.is_none()) else {
            let field = self.source.path(source);
            return Err(PlanError::CarriedElsewhere { column, field });
        };
        if from.field.data_type() != field.data_type() || from.field.is_nullable() != field.is_nullable() {
            return Err(PlanError::PreservedTypeChanged {
                column,
                source_type: from.field.data_type().to_string(),
                target_type: field.data_type().to_string(),
            });
        }
        Ok(Origin::Preserved { source })
    }

    fn must_be_read(&self, id: ColumnId, column: &str) -> Result<(), PlanError> {
        known(id, self.source)?;
        if covers(self.reads, self.source, id) {
            return Ok(());
        }
        Err(PlanError::NotRead { column: column.to_owned(), source_column: self.source.path(id) })
    }

    /// Origins below the top level mean something only inside a carried struct.
    fn no_stray_origins(&self, columns: &[ColumnPlan]) -> Result<(), PlanError> {
        for id in self.origins.keys() {
            let root = self.target.root_of(*id);
            let place = self.target.roots().iter().position(|r| *r == root);
            let carried = place
                .and_then(|p| columns.get(p))
                .is_some_and(|c| matches!(c.origin, Origin::Carried { .. }));
            if *id != root && !carried {
                return Err(PlanError::MisplacedOrigin { column: self.target.path(*id) });
            }
        }
        Ok(())
    }
}
