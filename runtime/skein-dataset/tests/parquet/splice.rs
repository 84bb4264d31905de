//! Full row groups: carried columns are copied as they are.

use std::sync::Arc;

use arrow_array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use skein_dataset::parquet::assert_spliced;

use crate::support::{
    To, all, batch, carry, grouped, int_field, no_guest, open, parquet_of, plan, read_all, rename, run,
};

fn people(rows: i64) -> RecordBatch {
    let ids: ArrayRef = Arc::new(Int64Array::from_iter_values(0..rows));
    let names: ArrayRef =
        Arc::new(StringArray::from_iter((0..rows).map(|i| (i % 7 != 0).then(|| format!("n{}", i % 50)))));
    let ages: ArrayRef = Arc::new(Int64Array::from_iter((0..rows).map(|i| (i % 5 != 0).then_some(i % 90))));
    batch(vec![("id", ids, false), ("name", names, true), ("age", ages, true)])
}

#[test]
fn renamed_dropped_and_reordered_columns_are_copied_byte_for_byte() {
    let input = people(10_000);
    let source = Arc::new(open(&parquet_of(&input, grouped(3000))).unwrap());
    let plan = plan(&source, &[carry("age"), rename("id", "key")], "same");
    let output = run(&source, &plan, &all, &no_guest);
    let read = read_all(&output.bytes);
    assert_eq!(read.schema().field(1).name(), "key");
    assert_eq!(read.column(0), input.column(2));
    assert_eq!(read.column(1), input.column(0));
    let written = open(&output.bytes).unwrap();
    let equal = assert_spliced(&source, &written, &output.plan).unwrap();
    assert_eq!(equal, output.sealed.spliced_bytes);
    assert!(equal.0 > 0 && output.sealed.row_groups == 4 && output.sealed.rows.0 == 10_000);
}

#[test]
fn computed_columns_stand_beside_spliced_ones() {
    let input = people(5000);
    let source = Arc::new(open(&parquet_of(&input, grouped(2000))).unwrap());
    let columns = [To::Compute(int_field("double")), carry("name"), To::Preserve("id".into(), "id".into())];
    let plan = plan(&source, &columns, "same");
    let output = run(&source, &plan, &all, &|_, kept| {
        let ids = kept.column(0).as_any().downcast_ref::<Int64Array>().unwrap();
        let double: ArrayRef = Arc::new(Int64Array::from_iter(ids.iter().map(|v| v.map(|v| v * 2))));
        vec![double, Arc::clone(kept.column(0))]
    });
    let read = read_all(&output.bytes);
    let expected: ArrayRef = Arc::new(Int64Array::from_iter((0..5000).map(|i| Some(i * 2))));
    assert_eq!(read.column(0), &expected);
    assert_eq!(read.column(1), input.column(1));
    assert_eq!(read.column(2), input.column(0));
}
