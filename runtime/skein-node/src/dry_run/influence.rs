//! Which columns a made column depends on: the values of one source column at a time change places among the rows of a small batch,
//! and what moves with them depends on it. What moves and is not said to come from there is named.
//!
//! This shows a dependency that is there; that none shows does not prove that there is none. What a column cannot depend on is
//! known otherwise: the module gets nothing that its plan does not read.

use std::collections::{BTreeMap, BTreeSet};

use arrow_array::{ArrayRef, RecordBatch, UInt32Array};
use arrow_select::concat::concat_batches;
use arrow_select::take::take;
use skein_sandbox::GuestError;
use skein_types::{ColumnId, Origin, SchemaPlan, Selection};

use super::probe::{Probe, Prober};
use crate::error::RunError;

/// Rows that are looked at.
const ROWS: usize = 256;
/// Columns that are tried.
const COLUMNS: usize = 24;

/// For each column that the module makes, by its place among these, the source columns that it moved with.
pub(super) type Moves = BTreeMap<usize, BTreeSet<ColumnId>>;

/// One batch through an agent of its own.
struct Came {
    kept: Selection,
    made: RecordBatch,
}

/// Tries the columns of one probe of a module without state, whose rows keep their place.
pub(super) fn moves(prober: &Prober<'_>, probe: &Probe) -> Result<Option<Moves>, RunError> {
    let plan = &prober.group(probe.pick).plan;
    let rows = probe.kept.rows().min(ROWS);
    if !plan.needs_guest() || plan.guest_output().fields().is_empty() || rows < 2 {
        return Ok(None);
    }
    let Some(batch) = prober.batches(probe, rows)?.next() else { return Ok(None) };
    let batch = batch?.slice(0, rows);
    let Some(usual) = once(prober, probe, &batch)? else { return Ok(None) };
    let mut moves = Moves::new();
    for (place, root) in read_roots(plan).into_iter().enumerate().take(COLUMNS) {
        let Some(turned) = turned(&batch, place)? else { continue };
        // One that fails or refuses other rows says nothing of the others.
        let Some(came) = once(prober, probe, &turned)? else { continue };
        for made in moved(&usual, &came, rows)? {
            moves.entry(made).or_default().insert(root);
        }
    }
    Ok(Some(moves))
}

/// Columns that moved with a source column that the plan does not name as theirs: the column, and that one.
pub(super) fn undeclared(plan: &SchemaPlan, moves: &Moves) -> Vec<(String, String)> {
    let tree = plan.source_tree();
    let made = plan.columns().iter().filter(|column| !matches!(column.origin, Origin::Carried { .. }));
    let mut found = Vec::new();
    for (place, column) in made.enumerate() {
        let declared: BTreeSet<ColumnId> = match &column.origin {
            Origin::Computed { from } => from.iter().map(|id| tree.root_of(*id)).collect(),
            Origin::Carried { source, .. } | Origin::Preserved { source } => [*source].into(),
        };
        let others = moves.get(&place).into_iter().flatten().filter(|root| !declared.contains(root));
        found.extend(others.map(|root| (column.field.name().clone(), tree.path(*root))));
    }
    found
}

/// Top-level source columns that the module gets, in order.
fn read_roots(plan: &SchemaPlan) -> BTreeSet<ColumnId> {
    plan.reads().iter().map(|id| plan.source_tree().root_of(*id)).collect()
}

fn once(prober: &Prober<'_>, probe: &Probe, batch: &RecordBatch) -> Result<Option<Came>, RunError> {
    let seed = prober.seed(probe).row_group(probe.pick.row_group);
    let processed = prober
        .agents(probe.pick)
        .open(seed, None)
        .and_then(|mut agent| agent.process(probe.first_row, batch));
    let processed = match processed {
        Ok(processed) => processed,
        Err(error @ GuestError::Cancelled { .. }) => {
            return Err(RunError::guest(probe.source.name(), probe.pick.row_group, error));
        }
        Err(_) => return Ok(None),
    };
    let Some(first) = processed.data.first() else { return Ok(None) };
    let made = concat_batches(&first.schema(), &processed.data).map_err(|e| RunError::bug(e.to_string()))?;
    Ok((made.num_rows() == processed.selection.kept()).then_some(Came { kept: processed.selection, made }))
}

/// The batch with the values of one column moved on by a row; none if that changes nothing.
fn turned(batch: &RecordBatch, column: usize) -> Result<Option<RecordBatch>, RunError> {
    let Some(values) = batch.columns().get(column) else { return Ok(None) };
    let rows = u32::try_from(values.len()).unwrap_or(0);
    let places: UInt32Array = (0..rows).map(|row| (row + 1) % rows).collect();
    let bug = |error: arrow_schema::ArrowError| RunError::bug(error.to_string());
    let turned = take(values, &places, None).map_err(bug)?;
    if *turned == **values {
        return Ok(None);
    }
    let mut columns: Vec<ArrayRef> = batch.columns().to_vec();
    columns[column] = turned;
    RecordBatch::try_new(batch.schema(), columns).map(Some).map_err(bug)
}

/// Columns with another value in some row that stays in both.
fn moved(usual: &Came, came: &Came, rows: usize) -> Result<BTreeSet<usize>, RunError> {
    let (mut before, mut now) = (Vec::new(), Vec::new());
    let (mut at_before, mut at_now) = (0_u32, 0_u32);
    for row in 0..rows {
        let (stayed, stays) = (usual.kept.keeps(row), came.kept.keeps(row));
        if stayed && stays {
            before.push(at_before);
            now.push(at_now);
        }
        at_before += u32::from(stayed);
        at_now += u32::from(stays);
    }
    let (before, now) = (UInt32Array::from(before), UInt32Array::from(now));
    let mut moved = BTreeSet::new();
    for (place, (one, other)) in usual.made.columns().iter().zip(came.made.columns()).enumerate() {
        let taken = |values: &ArrayRef, places: &UInt32Array| {
            take(values, places, None).map_err(|error| RunError::bug(error.to_string()))
        };
        if taken(one, &before)? != taken(other, &now)? {
            moved.insert(place);
        }
    }
    Ok(moved)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::{Array, Int64Array, RecordBatch};
    use skein_types::Selection;

    use super::{Came, moved, turned};

    fn batch(a: &[i64], b: &[i64]) -> RecordBatch {
        let array = |numbers: &[i64]| -> Arc<dyn Array> { Arc::new(Int64Array::from(numbers.to_vec())) };
        RecordBatch::try_from_iter([("a", array(a)), ("b", array(b))]).unwrap()
    }

    #[test]
    fn values_of_one_column_change_places_and_those_of_others_stay() {
        let (three, same) = (batch(&[1, 2, 3], &[4, 5, 6]), batch(&[1, 2, 3], &[7, 7, 7]));
        assert_eq!(turned(&three, 0).unwrap(), Some(batch(&[2, 3, 1], &[4, 5, 6])));
        assert_eq!(turned(&same, 1).unwrap(), None);
    }

    #[test]
    fn only_rows_that_stay_both_times_are_compared() {
        let kept = |bits: u8| Selection::from_bitmap(&[bits], 3).unwrap();
        let usual = Came { kept: kept(0b111), made: batch(&[1, 2, 3], &[4, 5, 6]) };
        let fewer = Came { kept: kept(0b101), made: batch(&[1, 3], &[4, 9]) };
        assert_eq!(moved(&usual, &fewer, 3).unwrap(), [1].into());
        let less = Came { kept: kept(0b001), made: batch(&[1], &[4]) };
        assert!(moved(&usual, &less, 3).unwrap().is_empty());
    }
}
