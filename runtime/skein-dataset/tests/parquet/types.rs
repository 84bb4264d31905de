//! Every type, with nulls at every level: copied, selected, decoded for guests and encoded anew.

use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch};
use arrow_cast::cast;
use arrow_schema::DataType;
use arrow_select::filter::filter_record_batch;
use proptest::prelude::*;
use skein_dataset::parquet::assert_spliced;
use skein_types::Selection;

use crate::arbitrary::{Dice, batch_of, flat_types, nested_types};
use crate::support::{To, all, grouped, no_guest, open, parquet_of, plan, read_all, run};

fn every_type() -> Vec<DataType> {
    flat_types().into_iter().chain(nested_types()).collect()
}

fn renamed_all(batch: &RecordBatch) -> Vec<To> {
    let schema = batch.schema();
    schema.fields().iter().rev().map(|f| To::Carry(f.name().clone(), format!("new_{}", f.name()))).collect()
}

fn assert_same_columns(read: &RecordBatch, expected: &RecordBatch) {
    assert_eq!(read.num_rows(), expected.num_rows());
    for (field, column) in read.schema().fields().iter().zip(read.columns()) {
        let name = field.name().trim_start_matches("new_");
        assert_eq!(Some(column), expected.column_by_name(name), "{field}");
    }
}

fn some_rows(seed: u64) -> impl Fn(usize, usize) -> Selection {
    move |group, rows| {
        let mut dice = Dice(seed.wrapping_add(group as u64));
        match dice.below(4) {
            0 => Selection::all(rows),
            1 => Selection::from_bits(arrow_buffer::BooleanBuffer::new_unset(rows)),
            _ => {
                Selection::from_bits(arrow_buffer::BooleanBuffer::collect_bool(rows, |_| dice.below(3) != 0))
            }
        }
    }
}

fn selected(
    input: &RecordBatch,
    group_rows: usize,
    select: &dyn Fn(usize, usize) -> Selection,
) -> RecordBatch {
    let parts = (0..input.num_rows().div_ceil(group_rows))
        .map(|group| select(group, group_rows.min(input.num_rows() - group * group_rows)));
    let whole = Selection::concat(&parts.collect::<Vec<_>>());
    filter_record_batch(input, &whole.bits().clone().into()).unwrap()
}

#[test]
fn every_type_is_copied_under_a_new_name() {
    let input = batch_of(1, &every_type(), 500);
    let bytes = parquet_of(&input, grouped(200));
    let source = Arc::new(open(&bytes).unwrap());
    let plan = plan(&source, &renamed_all(&input), "same");
    let output = run(&source, &plan, &all, &no_guest);
    assert_same_columns(&read_all(&output.bytes), &read_all(&bytes));
    assert_same_columns(&read_all(&output.bytes), &input);
    let written = open(&output.bytes).unwrap();
    assert_eq!(assert_spliced(&source, &written, &output.plan).unwrap(), output.sealed.spliced_bytes);
}

#[test]
fn every_type_survives_native_selection() {
    let input = batch_of(2, &every_type(), 900);
    let bytes = parquet_of(&input, grouped(100));
    let source = Arc::new(open(&bytes).unwrap());
    let plan = plan(&source, &renamed_all(&input), "filtered");
    let select = some_rows(7);
    let output = run(&source, &plan, &select, &no_guest);
    let expected = selected(&input, 100, &select);
    assert!(expected.num_rows() > 100 && expected.num_rows() < 800);
    assert_same_columns(&read_all(&output.bytes), &expected);
}

#[test]
fn guests_read_plain_types_and_what_they_give_back_is_stored() {
    let input = batch_of(3, &every_type(), 700);
    let bytes = parquet_of(&input, grouped(300));
    let source = Arc::new(open(&bytes).unwrap());
    let schema = input.schema();
    let preserved = schema.fields().iter().map(|f| To::Preserve(f.name().clone(), f.name().clone()));
    let plan = plan(&source, &preserved.collect::<Vec<_>>(), "same");
    let output = run(&source, &plan, &all, &|_, kept| kept.columns().to_vec());
    let read = read_all(&output.bytes);
    for (field, column) in source.view().fields().iter().zip(input.columns()) {
        let viewed: ArrayRef = if column.data_type() == field.data_type() {
            Arc::clone(column)
        } else {
            cast(column, field.data_type()).unwrap()
        };
        assert_eq!(read.column_by_name(field.name()), Some(&viewed), "{field}");
    }
}

#[test]
fn the_same_input_gives_the_same_bytes_whatever_thread_encodes() {
    let input = batch_of(4, &every_type(), 600);
    let source = Arc::new(open(&parquet_of(&input, grouped(250))).unwrap());
    let plan = plan(&source, &renamed_all(&input), "filtered");
    let once = run(&source, &plan, &some_rows(3), &no_guest).bytes;
    let again = std::thread::scope(|scope| {
        scope.spawn(|| run(&source, &plan, &some_rows(3), &no_guest).bytes).join().unwrap()
    });
    assert_eq!(once, again);
}

#[test]
fn some_leaves_of_nested_columns_give_exactly_the_guests_input() {
    let input = batch_of(5, &nested_types(), 300);
    let bytes = parquet_of(&input, grouped(150));
    let source = open(&bytes).unwrap();
    // `c0` is a struct of a, b and c: every second node below the roots.
    let reads: Vec<u32> = source
        .tree()
        .nodes()
        .iter()
        .enumerate()
        .filter(|(id, node)| node.parent.is_some() && id % 2 == 0)
        .map(|(id, _)| id as u32)
        .collect();
    let proposed = skein_types::ProposedPlan {
        target: arrow_schema::Schema::new(vec![crate::support::int_field("n")]),
        origins: vec![(0, skein_types::ProposedOrigin::Computed(Vec::new()))],
        reads,
        shape: "same".to_owned(),
        ext: Vec::new(),
    };
    let plan = skein_types::SchemaPlan::check(Arc::clone(source.view()), &proposed).unwrap();
    let mut rows = 0;
    for batch in source
        .read(0, &plan.read_leaves(), 64)
        .unwrap()
        .chain(source.read(1, &plan.read_leaves(), 64).unwrap())
    {
        let batch = batch.unwrap();
        assert_eq!(*batch.schema(), plan.guest_input());
        rows += batch.num_rows();
    }
    assert_eq!(rows, 300);
    let mut bare = source.read(0, &[], 100).unwrap();
    assert_eq!(bare.next().unwrap().unwrap().num_rows(), 100);
    assert_eq!(bare.next().unwrap().unwrap().num_rows(), 50);
    assert!(bare.next().is_none());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    /// Rename, drop, reorder and filter on files is what it is on Arrow.
    #[test]
    fn any_schema_and_selection_gives_what_arrow_gives(
        seed in any::<u64>(), rows in 0_usize..400, group_rows in 1_usize..200, width in 1_usize..6,
    ) {
        let mut dice = Dice(seed);
        let every = every_type();
        let types: Vec<DataType> = (0..width).map(|_| every[dice.below(every.len())].clone()).collect();
        let input = batch_of(seed, &types, rows);
        let mut columns = renamed_all(&input);
        let turn = dice.below(columns.len());
        columns.rotate_left(turn);
        columns.truncate(1 + dice.below(columns.len()));
        let source = Arc::new(open(&parquet_of(&input, grouped(group_rows))).unwrap());
        let plan = plan(&source, &columns, "filtered");
        let select = some_rows(seed);
        let output = run(&source, &plan, &select, &no_guest);
        let expected = selected(&input, group_rows, &select);
        let read = read_all(&output.bytes);
        prop_assert_eq!(read.num_columns(), columns.len());
        assert_same_columns(&read, &expected);
        // What comes out can go in again.
        let again = open(&output.bytes).unwrap();
        prop_assert_eq!(again.rows().0, expected.num_rows() as u64);
    }
}
