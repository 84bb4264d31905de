//! Carried columns: the target's tree laid over the source's.

use std::collections::{BTreeMap, BTreeSet};

use arrow_schema::{DataType, FieldRef};

use super::{PlanError, ProposedOrigin};
use crate::{ColumnId, ColumnNode, ColumnTree};

/// Lays one carried target column over its source column and answers the source leaf of each target leaf.
pub(super) struct Carry<'a> {
    pub(super) source: &'a ColumnTree,
    pub(super) target: &'a ColumnTree,
    pub(super) origins: &'a BTreeMap<ColumnId, &'a ProposedOrigin>,
    /// Dotted name of the top-level target column, for messages.
    pub(super) column: String,
}

impl Carry<'_> {
    pub(super) fn leaves(&self, target: ColumnId, source: ColumnId) -> Result<Vec<ColumnId>, PlanError> {
        let mut leaves = Vec::new();
        self.lay(target, source, &mut leaves)?;
        Ok(leaves)
    }

    fn lay(
        &self,
        target_id: ColumnId,
        source_id: ColumnId,
        leaves: &mut Vec<ColumnId>,
    ) -> Result<(), PlanError> {
        let (Some(target), Some(source)) = (self.target.get(target_id), self.source.get(source_id)) else {
            return Err(self.elsewhere(target_id));
        };
        self.same_node(target, source)?;
        if target.is_leaf() {
            leaves.push(source_id);
            return Ok(());
        }
        let is_struct = matches!(target.field.data_type(), DataType::Struct(_));
        let in_map =
            source.parent.and_then(|p| self.source.get(p)).is_some_and(|p| is_map(p.field.data_type()));
        if (!is_struct || in_map) && target.children.len() != source.children.len() {
            return Err(self.type_changed(target, source));
        }
        let mut used = BTreeSet::new();
        for (place, child) in target.children.iter().enumerate() {
            let from = if is_struct && !in_map {
                self.child_source(*child, source)?
            } else {
                source.children[place]
            };
            if !used.insert(from) {
                return Err(self.elsewhere(*child));
            }
            self.lay(*child, from, leaves)?;
        }
        Ok(())
    }

    /// The source of a struct's child: as the plan says, else the child of the same name.
    fn child_source(&self, child: ColumnId, source: &ColumnNode) -> Result<ColumnId, PlanError> {
        let found = match self.origins.get(&child) {
            Some(ProposedOrigin::Carried(id)) => source.children.contains(id).then_some(*id),
            Some(ProposedOrigin::Computed(_) | ProposedOrigin::Preserved(_)) => None,
            None => {
                let name = self.target.get(child).map(|n| n.field.name().as_str());
                let same_name =
                    |id: &&ColumnId| self.source.get(**id).map(|n| n.field.name().as_str()) == name;
                source.children.iter().find(same_name).copied()
            }
        };
        found.ok_or_else(|| self.elsewhere(child))
    }

    fn same_node(&self, target: &ColumnNode, source: &ColumnNode) -> Result<(), PlanError> {
        if !same_kind(target.field.data_type(), source.field.data_type()) {
            return Err(self.type_changed(target, source));
        }
        if target.field.is_nullable() != source.field.is_nullable() {
            return Err(PlanError::CarriedNullabilityChanged {
                column: self.column.clone(),
                source_nullable: source.field.is_nullable(),
                target_nullable: target.field.is_nullable(),
            });
        }
        Ok(())
    }

    fn type_changed(&self, target: &ColumnNode, source: &ColumnNode) -> PlanError {
        PlanError::CarriedTypeChanged {
            column: self.column.clone(),
            source_type: source.field.data_type().to_string(),
            target_type: target.field.data_type().to_string(),
        }
    }

    fn elsewhere(&self, target: ColumnId) -> PlanError {
        PlanError::CarriedElsewhere { column: self.column.clone(), field: self.target.path(target) }
    }
}

/// Equal types, not looking at children: those are laid one by one.
fn same_kind(target: &DataType, source: &DataType) -> bool {
    match (target, source) {
        (DataType::Struct(_), DataType::Struct(_))
        | (DataType::List(_), DataType::List(_))
        | (DataType::LargeList(_), DataType::LargeList(_)) => true,
        (DataType::FixedSizeList(_, a), DataType::FixedSizeList(_, b)) => a == b,
        (DataType::Map(_, a), DataType::Map(_, b)) => a == b,
        (a, b) => a == b,
    }
}

const fn is_map(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Map(_, _))
}

/// The same type with other children; `None` where a type cannot lose any (maps, lists without element).
#[expect(clippy::wildcard_enum_match_arm, reason = "only these types can be pruned")]
pub(super) fn with_children(data_type: &DataType, mut children: Vec<FieldRef>) -> Option<DataType> {
    match data_type {
        DataType::Struct(_) => Some(DataType::Struct(children.into())),
        DataType::List(_) => Some(DataType::List(children.pop()?)),
        DataType::LargeList(_) => Some(DataType::LargeList(children.pop()?)),
        DataType::FixedSizeList(_, n) => Some(DataType::FixedSizeList(children.pop()?, *n)),
        DataType::Map(_, sorted) => Some(DataType::Map(children.pop()?, *sorted)),
        _ => None,
    }
}
