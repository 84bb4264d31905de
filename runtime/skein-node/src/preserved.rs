//! Preserved columns: went through the guest, must come back as they were.

use arrow_array::{ArrayRef, BooleanArray, RecordBatch};
use arrow_select::filter::filter;
use skein_types::{ColumnId, Origin, SchemaPlan, Selection};

/// A preserved column that came back changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("preserved column {column:?} was changed")]
pub struct PreservedChanged {
    /// The target column.
    pub column: String,
}

/// Pairs of (column of the guest's input, column of its output) that must be equal on kept rows.
#[derive(Debug, Clone)]
pub(crate) struct PreservedCheck {
    pairs: Vec<(usize, usize, String)>,
}

impl PreservedCheck {
    pub(crate) fn new(plan: &SchemaPlan) -> Self {
        let made = plan.columns().iter().filter(|c| !matches!(c.origin, Origin::Carried { .. }));
        let pairs = made.enumerate().filter_map(|(output, column)| match &column.origin {
            Origin::Preserved { source } => {
                Some((input_column(plan, *source), output, column.field.name().clone()))
            }
            Origin::Carried { .. } | Origin::Computed { .. } => None,
        });
        Self { pairs: pairs.collect() }
    }

    /// Compares the kept rows of `input` with the guest's output for them.
    pub(crate) fn check(
        &self,
        input: &RecordBatch,
        kept: &Selection,
        output: &[RecordBatch],
    ) -> Result<(), PreservedChanged> {
        for (from, to, column) in &self.pairs {
            let expected = kept_rows(input.column(*from), kept);
            let mut row = 0;
            let equal = output.iter().all(|part| {
                let found = part.column(*to);
                let same = expected.len() >= row + found.len() && *found == expected.slice(row, found.len());
                row += found.len();
                same
            });
            if !equal || row != expected.len() {
                return Err(PreservedChanged { column: column.clone() });
            }
        }
        Ok(())
    }
}

/// Position of a top-level source column among those that the guest reads.
fn input_column(plan: &SchemaPlan, source: ColumnId) -> usize {
    let tree = plan.source_tree();
    let roots = plan.reads().iter().map(|id| tree.root_of(*id)).collect::<std::collections::BTreeSet<_>>();
    roots.range(..source).count()
}

fn kept_rows(column: &ArrayRef, kept: &Selection) -> ArrayRef {
    if kept.is_full() {
        return ArrayRef::clone(column);
    }
    filter(column, &BooleanArray::new(kept.bits().clone(), None)).expect("the selection has one bit per row")
}
