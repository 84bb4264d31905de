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
#[derive(Debug, Clone, Default)]
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

#[cfg(test)]
mod tests {
    use super::{PreservedChanged, PreservedCheck};
    use arrow_array::{ArrayRef, Int64Array, RecordBatch, StringArray};
    use arrow_schema::{DataType, Field, Schema};
    use skein_types::{ColumnId, ProposedOrigin, ProposedPlan, SchemaPlan, Selection};
    use std::sync::Arc;

    /// Reads `a` and `b`, carries `c`, computes `n` and preserves `b`.
    fn check() -> PreservedCheck {
        let field = |name: &str, data_type| Field::new(name, data_type, true);
        let source = Schema::new(vec![
            field("a", DataType::Int64),
            field("c", DataType::Int64),
            field("b", DataType::Utf8),
        ]);
        let target = Schema::new(vec![
            field("n", DataType::Int64),
            field("c", DataType::Int64),
            field("b", DataType::Utf8),
        ]);
        let proposed = ProposedPlan {
            target,
            origins: vec![
                (0, ProposedOrigin::Computed(vec![ColumnId(0)])),
                (1, ProposedOrigin::Carried(ColumnId(1))),
                (2, ProposedOrigin::Preserved(ColumnId(2))),
            ],
            reads: vec![0, 2],
            shape: "filtered".into(),
            ext: vec![],
        };
        PreservedCheck::new(&SchemaPlan::check(Arc::new(source), &proposed).unwrap())
    }

    fn batch(numbers: Vec<i64>, texts: Vec<Option<&str>>) -> RecordBatch {
        let columns: [(&str, ArrayRef); 2] =
            [("x", Arc::new(Int64Array::from(numbers))), ("b", Arc::new(StringArray::from(texts)))];
        RecordBatch::try_from_iter(columns).unwrap()
    }

    fn input() -> RecordBatch {
        batch(vec![1, 2, 3], vec![Some("x"), None, Some("z")])
    }

    fn changed() -> Result<(), PreservedChanged> {
        Err(PreservedChanged { column: "b".into() })
    }

    #[test]
    fn kept_rows_may_come_back_in_several_parts() {
        let kept = Selection::from_bitmap(&[0b101], 3).unwrap();
        let parts = [batch(vec![7], vec![Some("x")]), batch(vec![8], vec![Some("z")])];
        assert_eq!(check().check(&input(), &kept, &parts), Ok(()));
    }

    #[test]
    fn changed_swapped_nulled_and_missing_values_are_seen() {
        let all = Selection::all(3);
        for texts in [
            vec![Some("x"), None, Some("y")],
            vec![None, Some("x"), Some("z")],
            vec![Some("x"), None, None],
            vec![Some("x"), None],
        ] {
            let output = batch(vec![0; texts.len()], texts);
            assert_eq!(check().check(&input(), &all, &[output]), changed());
        }
    }
}
