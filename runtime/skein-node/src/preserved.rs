//! Preserved columns: went through the guest, must come back as they were.
//!
//! Where rows keep their places (`same`, `filtered`) values are compared one by one. Under `free` they have none: then a column
//! must have the values of the rows that were not rejected, in whatever order, and so must all preserved columns of a row
//! together, so that values cannot change places between rows. That is seen by sums under a seed that is drawn for each run
//! and that no module ever learns: with the seed of the log a module could look for values with the same sum. Without
//! state each batch has to come back; a module with state may keep rows back, so its whole run is compared.

use std::sync::{Arc, Mutex, PoisonError};

use arrow_array::{Array, ArrayRef, BooleanArray, RecordBatch};
use arrow_select::filter::filter;
use skein_fingerprint::{Seed, Summer, Sums};
use skein_types::{ColumnId, Origin, SchemaPlan, Selection, Shape};

use crate::error::RunError;

/// Preserved columns that came back changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PreservedChanged {
    /// A value, or more.
    #[error("preserved column {column:?} was changed")]
    Rows {
        /// The target column.
        column: String,
    },
    /// Under `free`: values were lost, added or changed.
    #[error("preserved column {column:?} has {found} values of {expected}, or other ones than before")]
    Values {
        /// The target column.
        column: String,
        /// Values that came back.
        found: u64,
        /// Values of rows that were not rejected.
        expected: u64,
    },
    /// Under `free`: each has its values, in rows with others of another.
    #[error("values of the preserved columns {columns} changed places between rows")]
    Together {
        /// The target columns.
        columns: String,
    },
}

/// Draws the seed of a run.
pub(crate) fn secret() -> Result<Seed, RunError> {
    getrandom::u64().map(Seed::secret).map_err(|error| RunError::bug(format!("no random number: {error}")))
}

/// What preserved columns held and hold, over all of a run.
#[derive(Debug, Default)]
pub(crate) struct Multisets {
    expected: Sums,
    found: Sums,
}

/// How far values may have moved.
#[derive(Debug, Clone, Default)]
enum Scope {
    /// Not at all.
    #[default]
    Row,
    /// Within a batch.
    Batch(Seed),
    /// Anywhere.
    Run(Seed, Arc<Mutex<Multisets>>),
}

/// A preserved column: its place in the guest's input and in its output.
#[derive(Debug, Clone)]
struct Pair {
    input: usize,
    output: usize,
    column: String,
}

/// Pairs of columns of the guest's input and output that must hold the same on kept rows.
#[derive(Debug, Clone, Default)]
pub(crate) struct PreservedCheck {
    pairs: Vec<Pair>,
    scope: Scope,
}

impl PreservedCheck {
    /// For a module without state.
    pub(crate) fn new(plan: &SchemaPlan, secret: Seed) -> Self {
        let scope = if plan.shape() == Shape::Free { Scope::Batch(secret) } else { Scope::Row };
        Self { pairs: pairs(plan).collect(), scope }
    }

    /// For a module with state: what comes at the end is compared by [`PreservedCheck::ended`]. `common` are the columns
    /// that all plans under `free` preserve.
    pub(crate) fn of_run(
        plan: &SchemaPlan,
        (secret, all): (Seed, &Arc<Mutex<Multisets>>),
        common: &[String],
    ) -> Self {
        if plan.shape() != Shape::Free {
            return Self::new(plan, secret);
        }
        let pairs = pairs(plan).filter(|pair| common.contains(&pair.column));
        Self { pairs: pairs.collect(), scope: Scope::Run(secret, Arc::clone(all)) }
    }

    /// For the end of a run of a module with state, whatever its last file is: of all files under `free` together.
    pub(crate) fn of_whole_run<'a>(
        mut plans: impl Iterator<Item = &'a SchemaPlan>,
        seen: (Seed, &Arc<Mutex<Multisets>>),
        common: &[String],
    ) -> Self {
        let free = plans.find(|plan| plan.shape() == Shape::Free);
        free.map_or_else(Self::default, |plan| Self::of_run(plan, seen, common))
    }

    /// Compares the kept rows of `input` with the guest's output for them.
    pub(crate) fn check(
        &self,
        input: &RecordBatch,
        kept: &Selection,
        output: &[RecordBatch],
    ) -> Result<(), PreservedChanged> {
        if self.pairs.is_empty() {
            return Ok(());
        }
        match &self.scope {
            Scope::Row => self.rows(input, kept, output),
            Scope::Batch(seed) => {
                let mut sets = Multisets::default();
                self.given(*seed, (input, kept), &mut sets);
                self.came(*seed, output, &mut sets);
                self.compare(&sets)
            }
            Scope::Run(seed, all) => {
                let mut sets = all.lock().unwrap_or_else(PoisonError::into_inner);
                self.given(*seed, (input, kept), &mut sets);
                self.came(*seed, output, &mut sets);
                Ok(())
            }
        }
    }

    /// What a module with state gives at the end belongs to the rest; then all of it is compared.
    pub(crate) fn ended(&self, last: &[RecordBatch]) -> Result<(), PreservedChanged> {
        let Scope::Run(seed, all) = &self.scope else { return Ok(()) };
        let mut sets = all.lock().unwrap_or_else(PoisonError::into_inner);
        self.came(*seed, last, &mut sets);
        self.compare(&sets)
    }

    fn rows(
        &self,
        input: &RecordBatch,
        kept: &Selection,
        output: &[RecordBatch],
    ) -> Result<(), PreservedChanged> {
        for Pair { input: from, output: to, column } in &self.pairs {
            let expected = kept_rows(input.column(*from), kept);
            let mut row = 0;
            let equal = output.iter().all(|part| {
                let found = part.column(*to);
                let same = expected.len() >= row + found.len() && *found == expected.slice(row, found.len());
                row += found.len();
                same
            });
            if !equal || row != expected.len() {
                return Err(PreservedChanged::Rows { column: column.clone() });
            }
        }
        Ok(())
    }

    fn given(&self, seed: Seed, (input, kept): (&RecordBatch, &Selection), sets: &mut Multisets) {
        let columns: Vec<&dyn Array> =
            self.pairs.iter().map(|pair| input.column(pair.input).as_ref()).collect();
        let summed =
            Summer::new(seed).add_where(&columns, input.num_rows(), Some(kept.bits()), &mut sets.expected);
        summed.expect("what Parquet can hold has cells");
    }

    fn came(&self, seed: Seed, output: &[RecordBatch], sets: &mut Multisets) {
        let mut summer = Summer::new(seed);
        for part in output {
            let columns: Vec<&dyn Array> =
                self.pairs.iter().map(|pair| part.column(pair.output).as_ref()).collect();
            let summed = summer.add_where(&columns, part.num_rows(), None, &mut sets.found);
            summed.expect("what Parquet can hold has cells");
        }
    }

    fn compare(&self, Multisets { expected, found }: &Multisets) -> Result<(), PreservedChanged> {
        if let Some(at) = expected.differs_at(found) {
            let count = |sums: &Sums| sums.columns.get(at).map_or(0, |column| column.count);
            let column = self.pairs.get(at).map(|pair| pair.column.clone()).unwrap_or_default();
            let (found, expected) = (count(found), count(expected));
            return Err(PreservedChanged::Values { column, found, expected });
        }
        if expected.rows != found.rows {
            let columns: Vec<String> = self.pairs.iter().map(|pair| format!("{:?}", pair.column)).collect();
            return Err(PreservedChanged::Together { columns: columns.join(", ") });
        }
        Ok(())
    }
}

/// Columns that all of these plans preserve that are of shape `free`: under the others each row is compared by itself.
pub(crate) fn common<'a>(plans: impl Iterator<Item = &'a SchemaPlan>) -> Vec<String> {
    let mut all: Option<Vec<String>> = None;
    for plan in plans.filter(|plan| plan.shape() == Shape::Free) {
        let names: Vec<String> = pairs(plan).map(|pair| pair.column).collect();
        match &mut all {
            None => all = Some(names),
            Some(all) => all.retain(|name| names.contains(name)),
        }
    }
    all.unwrap_or_default()
}

fn pairs(plan: &SchemaPlan) -> impl Iterator<Item = Pair> + '_ {
    let made = plan.columns().iter().filter(|c| !matches!(c.origin, Origin::Carried { .. }));
    made.enumerate().filter_map(|(output, column)| match &column.origin {
        Origin::Preserved { source } => {
            Some(Pair { input: input_column(plan, *source), output, column: column.field.name().clone() })
        }
        Origin::Carried { .. } | Origin::Computed { .. } => None,
    })
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
    use skein_fingerprint::Seed;
    use skein_types::{ColumnId, ProposedOrigin, ProposedPlan, SchemaPlan, Selection};
    use std::sync::Arc;

    /// Reads `a` and `b`, carries `c`, computes `n` and preserves `b`.
    fn check() -> PreservedCheck {
        PreservedCheck::new(&plan("filtered"), Seed::secret(7))
    }

    fn plan(shape: &str) -> SchemaPlan {
        let carried = if shape == "free" { vec![] } else { vec![(1, ProposedOrigin::Carried(ColumnId(1)))] };
        let field = |name: &str, data_type| Field::new(name, data_type, true);
        let source = Schema::new(vec![
            field("a", DataType::Int64),
            field("c", DataType::Int64),
            field("b", DataType::Utf8),
        ]);
        let mut target =
            vec![field("n", DataType::Int64), field("c", DataType::Int64), field("b", DataType::Utf8)];
        let mut origins = vec![(0, ProposedOrigin::Computed(vec![ColumnId(0)]))];
        origins.extend(carried);
        origins.push((2, ProposedOrigin::Preserved(ColumnId(2))));
        if shape == "free" {
            // Both that are left pass through.
            target.remove(1);
            origins = vec![
                (0, ProposedOrigin::Preserved(ColumnId(0))),
                (1, ProposedOrigin::Preserved(ColumnId(2))),
            ];
            target[0] = field("a", DataType::Int64);
        }
        let proposed = ProposedPlan {
            target: Schema::new(target),
            origins,
            reads: vec![0, 2],
            shape: shape.into(),
            ext: vec![],
        };
        SchemaPlan::check(Arc::new(source), &proposed).unwrap()
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
        Err(PreservedChanged::Rows { column: "b".into() })
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

    fn free() -> PreservedCheck {
        PreservedCheck::new(&plan("free"), Seed::secret(7))
    }

    fn values(column: &str, found: u64) -> Result<(), PreservedChanged> {
        Err(PreservedChanged::Values { column: column.into(), found, expected: 3 })
    }

    #[test]
    fn under_free_rows_may_be_anywhere_and_values_stay_what_they_are() {
        let all = Selection::all(3);
        let came = |numbers: Vec<i64>, texts: Vec<Option<&str>>| {
            free().check(&input(), &all, &[batch(numbers, texts)])
        };
        assert_eq!(came(vec![3, 1, 2], vec![Some("z"), Some("x"), None]), Ok(()));
        assert_eq!(came(vec![1, 2, 4], vec![Some("x"), None, Some("z")]), values("a", 3));
        assert_eq!(came(vec![1, 2, 3], vec![Some("x"), Some(""), Some("z")]), values("b", 3));
        assert_eq!(came(vec![1, 2], vec![Some("x"), None]), values("a", 2));
        assert_eq!(came(vec![1, 2, 3, 3], vec![Some("x"), None, Some("z"), Some("z")]), values("a", 4));
        let swapped = PreservedChanged::Together { columns: "\"a\", \"b\"".into() };
        assert_eq!(came(vec![1, 2, 3], vec![None, Some("x"), Some("z")]), Err(swapped));
        let two = Selection::from_bitmap(&[0b101], 3).unwrap();
        assert_eq!(free().check(&input(), &two, &[batch(vec![3, 1], vec![Some("z"), Some("x")])]), Ok(()));
    }

    #[test]
    fn a_module_with_state_may_keep_rows_back_until_the_end() {
        let plan = plan("free");
        let common = super::common([&plan].into_iter());
        assert_eq!(common, ["a", "b"]);
        let run = || PreservedCheck::of_run(&plan, (Seed::secret(7), &Arc::default()), &common);
        let all = Selection::all(3);
        let (honest, liar) = (run(), run());
        for check in [&honest, &liar] {
            assert_eq!(check.check(&input(), &all, &[]), Ok(()));
            assert_eq!(check.check(&input(), &all, &[input()]), Ok(()));
        }
        assert_eq!(honest.ended(&[input()]), Ok(()));
        let short = PreservedChanged::Values { column: "a".into(), found: 5, expected: 6 };
        assert_eq!(liar.ended(&[input().slice(0, 2)]), Err(short));
    }

    #[test]
    fn rows_that_were_kept_back_are_missed_whatever_the_shape_of_the_last_file() {
        let (free, last) = (plan("free"), plan("filtered"));
        let plans = || [&last, &free].into_iter();
        let common = super::common(plans());
        assert_eq!(common, ["a", "b"], "what the last file preserves is compared row by row");
        let seen = Arc::default();
        let of = |plan| PreservedCheck::of_run(plan, (Seed::secret(7), &seen), &common);
        let all = Selection::all(3);
        assert_eq!(of(&free).check(&input(), &all, &[input().slice(0, 2)]), Ok(()));
        let rest = batch(vec![0; 3], vec![Some("x"), None, Some("z")]);
        assert_eq!(of(&last).check(&input(), &all, &[rest]), Ok(()));
        let whole = PreservedCheck::of_whole_run(plans(), (Seed::secret(7), &seen), &common);
        let short = PreservedChanged::Values { column: "a".into(), found: 2, expected: 3 };
        assert_eq!(whole.ended(&[]), Err(short));
    }
}
