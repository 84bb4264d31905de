//! What a module says of what it has made itself: it is planned over its own output and, if it would do something, given a batch
//! of it. Nobody is told off for the answer: that nothing is applied twice is the log's business. But who reviews a plan wants to
//! know what would happen.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow_array::{ArrayRef, BooleanArray, RecordBatch, RecordBatchOptions};
use arrow_schema::{Field, Schema, SchemaRef};
use arrow_select::concat::concat_batches;
use arrow_select::filter::filter;
use skein_api::Idempotence;
use skein_sandbox::{GuestError, PlanCallError, Processed, Source};
use skein_types::{ColumnId, ColumnPlan, Origin, PARTITION, SchemaPlan, schema_difference};

use super::probe::{Probe, Prober};
use super::{pairs_rows, relay};
use crate::error::RunError;
use crate::look::NOT_APPLICABLE;
use crate::planning::SchemaGroup;
use crate::run::Asked;

/// Rows of its output that a module is given.
const ROWS: usize = 1_024;

/// The verdict; none where it cannot be asked.
pub(super) fn verdict(
    asked: &Asked<'_>,
    prober: &Prober<'_>,
    probe: &Probe,
) -> Result<Option<Idempotence>, RunError> {
    let plan = &prober.group(probe.pick).plan;
    let own = presented(plan);
    let source = Source {
        schema: SchemaRef::clone(&own),
        params: asked.request.params.json().to_owned(),
        applied: prober.work.applied.clone(),
    };
    let config = asked.request.params.guest_config();
    let proposed = match asked.module.plan(&source, config, &asked.request.limits) {
        Ok(proposed) => proposed,
        Err(PlanCallError::Refused { code, .. }) if code == NOT_APPLICABLE => {
            return Ok(Some(Idempotence::NotApplicable));
        }
        Err(_) => return Ok(Some(Idempotence::Refused)),
    };
    let Ok(again) = SchemaPlan::check(SchemaRef::clone(&own), &proposed) else {
        return Ok(Some(Idempotence::Refused));
    };
    if schema_difference(&own, &again.target()).is_some() || !carries_in_place(&again) {
        return Ok(Some(Idempotence::ChangesAgain));
    }
    if !again.needs_guest() {
        return Ok(Some(Idempotence::Same));
    }
    // The module's plans may hide what it is told of the output as of the source.
    let names: Vec<String> = hidden(plan).map(|column| column.field.name().clone()).collect();
    let again = again.with_sensitive(&names);
    let Some(output) = output(prober, probe, &own)? else { return Ok(None) };
    once_more(prober, probe, (SchemaGroup { proposed, plan: again, files: Vec::new() }, output))
}

/// The target as another run would present it.
fn presented(plan: &SchemaPlan) -> SchemaRef {
    let field = |column: &ColumnPlan| -> Field {
        let field = column.field.as_ref().clone();
        if !plan.is_partition(column) {
            return field;
        }
        let mut metadata = field.metadata().clone();
        metadata.insert(PARTITION.to_owned(), "true".to_owned());
        field.with_metadata(metadata)
    };
    Arc::new(Schema::new(plan.columns().iter().map(field).collect::<Vec<_>>()))
}

fn hidden(plan: &SchemaPlan) -> impl Iterator<Item = &ColumnPlan> {
    plan.columns().iter().filter(|column| plan.hides(column))
}

/// Whether every carried column is where it was, with all that is in it in its order.
fn carries_in_place(plan: &SchemaPlan) -> bool {
    let tree = plan.source_tree();
    plan.columns().iter().all(|column| match &column.origin {
        Origin::Carried { source, leaves } => tree.get(*source).is_some_and(|node| {
            let own = tree.leaves().get(node.leaves.clone()).unwrap_or_default();
            node.field.name() == column.field.name() && own == leaves.as_slice()
        }),
        Origin::Computed { .. } | Origin::Preserved { .. } => true,
    })
}

fn once_more(
    prober: &Prober<'_>,
    probe: &Probe,
    (group, output): (SchemaGroup, RecordBatch),
) -> Result<Option<Idempotence>, RunError> {
    let tree = group.plan.source_tree();
    // Parts of columns would have to be cut out of it.
    if group.plan.reads().iter().any(|id| tree.root_of(*id) != *id) || output.num_rows() == 0 {
        return Ok(None);
    }
    let places: BTreeSet<usize> =
        group.plan.reads().iter().filter_map(|id| tree.roots().iter().position(|root| root == id)).collect();
    let columns: Vec<ArrayRef> = places.iter().map(|place| Arc::clone(output.column(*place))).collect();
    let rows = RecordBatchOptions::new().with_row_count(Some(output.num_rows()));
    let input = RecordBatch::try_new_with_options(Arc::new(group.plan.guest_input()), columns, &rows);
    let Ok(input) = input else { return Ok(None) };
    let seed = prober.seed(probe).row_group(probe.pick.row_group);
    let agents = prober.sandboxes.for_group(&group);
    let processed = agents.open(seed, None).and_then(|mut agent| {
        let mut processed = agent.process(0, &input)?;
        // With state rows may come at the end.
        processed.data.extend(agent.finish()?);
        Ok(processed)
    });
    let processed = match processed {
        Ok(processed) => processed,
        Err(error @ GuestError::Cancelled { .. }) => {
            return Err(RunError::guest(probe.source.name(), probe.pick.row_group, error));
        }
        Err(_) => return Ok(Some(Idempotence::Refused)),
    };
    let same = is_same(&group.plan, &output, &processed)?;
    Ok(Some(if same { Idempotence::Same } else { Idempotence::ChangesAgain }))
}

/// Whether what came of `output` is what it was.
fn is_same(plan: &SchemaPlan, output: &RecordBatch, processed: &Processed) -> Result<bool, RunError> {
    if !processed.rejects.is_empty() || !processed.selection.is_full() {
        return Ok(false);
    }
    // All rows may be gone where none has a place.
    let schema = processed.data.first().map_or_else(|| Arc::new(plan.guest_output()), RecordBatch::schema);
    let made = concat_batches(&schema, &processed.data).map_err(|error| RunError::bug(error.to_string()))?;
    Ok(schema
        .fields()
        .iter()
        .zip(made.columns())
        .all(|(field, values)| output.column_by_name(field.name()).is_some_and(|before| before == values)))
}

/// The first rows of what came out, with the columns that the host carries; none where they cannot be put together.
fn output(prober: &Prober<'_>, probe: &Probe, own: &SchemaRef) -> Result<Option<RecordBatch>, RunError> {
    let plan = &prober.group(probe.pick).plan;
    let whole = probe.made.first().map(|first| concat_batches(&first.schema(), &probe.made)).transpose();
    let whole = whole.map_err(|error| RunError::bug(error.to_string()))?;
    if !pairs_rows(plan.shape()) {
        return Ok(whole.and_then(|made| {
            let made = made.slice(0, made.num_rows().min(ROWS));
            RecordBatch::try_new(SchemaRef::clone(own), made.columns().to_vec()).ok()
        }));
    }
    let rows = probe.kept.rows().min(ROWS);
    let bits = BooleanArray::new(probe.kept.bits().slice(0, rows), None);
    let kept = bits.true_count();
    let carried = carried(prober, probe, &bits)?;
    let (mut carried, mut made) = (carried.into_iter(), 0..);
    let mut columns: Vec<ArrayRef> = Vec::with_capacity(plan.columns().len());
    for column in plan.columns() {
        let values = match column.origin {
            Origin::Carried { .. } => carried.next().flatten(),
            Origin::Computed { .. } | Origin::Preserved { .. } => {
                let values = whole.as_ref().zip(made.next()).and_then(|(made, at)| made.columns().get(at));
                values.filter(|values| values.len() >= kept).map(|values| values.slice(0, kept))
            }
        };
        let Some(values) = values else { return Ok(None) };
        columns.push(values);
    }
    let rows = RecordBatchOptions::new().with_row_count(Some(kept));
    Ok(RecordBatch::try_new_with_options(SchemaRef::clone(own), columns, &rows).ok())
}

/// The carried columns of the rows that stay, in order, as the target has them.
fn carried(
    prober: &Prober<'_>,
    probe: &Probe,
    kept: &BooleanArray,
) -> Result<Vec<Option<ArrayRef>>, RunError> {
    let plan = &prober.group(probe.pick).plan;
    let tree = plan.source_tree();
    let carried: Vec<(&ColumnPlan, ColumnId, &[ColumnId])> = (plan.columns().iter())
        .filter_map(|column| match &column.origin {
            Origin::Carried { source, leaves } => Some((column, *source, leaves.as_slice())),
            Origin::Computed { .. } | Origin::Preserved { .. } => None,
        })
        .collect();
    let sources: BTreeSet<ColumnId> = carried.iter().map(|(_, source, _)| *source).collect();
    let leaves: Vec<usize> =
        sources.iter().filter_map(|id| tree.get(*id)).flat_map(|node| node.leaves.clone()).collect();
    let rows = kept.len();
    let batch = probe.source.read(probe.pick.row_group, &leaves, rows.max(1))?.next().transpose()?;
    let values = |source: ColumnId| {
        let at = sources.iter().position(|known| *known == source)?;
        let values = batch.as_ref()?.columns().get(at)?;
        filter(&values.slice(0, rows.min(values.len())), kept).ok()
    };
    let laid = |(column, source, leaves): &(&ColumnPlan, ColumnId, &[ColumnId])| {
        relay::relay(tree, (&values(*source)?, *source), column.field.data_type(), leaves)
    };
    Ok(carried.iter().map(laid).collect())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::{Array, Int64Array, RecordBatch};
    use arrow_schema::{DataType, Field, Schema};
    use skein_sandbox::Processed;
    use skein_types::{ColumnId, ProposedOrigin, ProposedPlan, SchemaPlan, Selection};

    use super::is_same;

    fn batch(numbers: &[i64]) -> RecordBatch {
        let numbers: Arc<dyn Array> = Arc::new(Int64Array::from(numbers.to_vec()));
        RecordBatch::try_from_iter([("n", numbers)]).unwrap()
    }

    #[test]
    fn rows_that_are_gone_are_a_change_too() {
        let schema = Schema::new(vec![Field::new("n", DataType::Int64, false)]);
        let proposed = ProposedPlan {
            target: schema.clone(),
            origins: vec![(0, ProposedOrigin::Computed(vec![ColumnId(0)]))],
            reads: vec![0],
            shape: "free".into(),
            ext: vec![],
        };
        let plan = SchemaPlan::check(Arc::new(schema), &proposed).unwrap();
        let came = |data: Vec<RecordBatch>| {
            let processed = Processed { data, selection: Selection::all(3), rejects: vec![] };
            is_same(&plan, &batch(&[1, 2, 3]), &processed).unwrap()
        };
        assert!(came(vec![batch(&[1]), batch(&[2, 3])]));
        assert!(!came(vec![batch(&[1, 2])]));
        assert!(!came(vec![]), "not one of them came back");
    }
}
