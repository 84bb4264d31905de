//! Partition columns stand in the names of directories, so no plan can change them.

use super::{ColumnPlan, Origin, PlanError};
use crate::{ColumnId, ColumnTree, Shape, is_partition};

pub(super) fn check(source: &ColumnTree, columns: &[ColumnPlan], shape: Shape) -> Result<(), PlanError> {
    let partitions = source.roots().iter().filter_map(|id| Some((*id, source.get(*id)?)));
    for (id, node) in partitions.filter(|(_, node)| is_partition(&node.field)) {
        let name = node.field.name();
        if let Some(how) = change(id, name, columns, shape) {
            return Err(PlanError::PartitionChanged { column: name.chars().take(100).collect(), how });
        }
    }
    Ok(())
}

/// What a plan does to the partition column `id` that it must not.
fn change(id: ColumnId, name: &str, columns: &[ColumnPlan], shape: Shape) -> Option<String> {
    let named = columns.iter().find(|column| column.field.name() == name);
    if shape == Shape::Free {
        return named.map(|_| "cannot be in a target of shape `free`: its rows have no place".to_owned());
    }
    if let Some(other) = columns.iter().find(|column| column.field.name() != name && comes_from(column, id)) {
        return Some(format!("becomes {:?}", other.field.name().chars().take(100).collect::<String>()));
    }
    match named.map(|column| &column.origin) {
        None => Some("is left out".to_owned()),
        Some(Origin::Computed { .. }) => Some("is computed".to_owned()),
        Some(Origin::Preserved { .. }) => Some("is preserved instead of carried".to_owned()),
        Some(Origin::Carried { source, .. }) if *source == id => None,
        Some(Origin::Carried { .. }) => Some("is replaced by another column".to_owned()),
    }
}

fn comes_from(column: &ColumnPlan, id: ColumnId) -> bool {
    match &column.origin {
        Origin::Carried { source, .. } | Origin::Preserved { source } => *source == id,
        Origin::Computed { .. } => false,
    }
}
