//! What leaves sums alone, and what changes them.
#![expect(clippy::unwrap_used, reason = "helpers of tests: a failure here is a failed test")]

use std::sync::Arc;

use arrow_array::builder::{Int32Builder, ListBuilder};
use arrow_array::types::Int32Type;
use arrow_array::{
    Array, ArrayRef, BooleanArray, Decimal128Array, Float64Array, Int32Array, Int64Array, RecordBatch,
    RunArray, StringArray, StructArray, TimestampMillisecondArray, UInt32Array,
};
use arrow_cast::cast;
use arrow_schema::{DataType, Field, TimeUnit};
use arrow_select::take::take_record_batch;
use proptest::prelude::*;
use skein_fingerprint::{Kind, Measures, Seed, Summer, Sums, cells};

type Row = (Option<i64>, Option<String>, Option<Vec<Option<i32>>>, Option<f64>, Option<bool>);

fn rows() -> impl Strategy<Value = Vec<Row>> {
    let text = prop::option::of("[a-cé]{0,20}");
    let list = prop::option::of(prop::collection::vec(prop::option::of(-3..3), 0..4));
    let row = (prop::option::of(-5_i64..5), text, list, prop::option::of(-1.0..1.0), any::<Option<bool>>());
    prop::collection::vec(row, 0..60)
}

fn batch(rows: &[Row]) -> RecordBatch {
    let mut lists = ListBuilder::new(Int32Builder::new());
    for (_, _, list, ..) in rows {
        match list {
            None => lists.append_null(),
            Some(items) => lists.append_value(items.iter().copied()),
        }
    }
    let numbers: ArrayRef = Arc::new(rows.iter().map(|row| row.0).collect::<Int64Array>());
    let texts: ArrayRef = Arc::new(rows.iter().map(|row| row.1.clone()).collect::<StringArray>());
    let both = StructArray::from(vec![
        (Arc::new(Field::new("n", DataType::Int64, true)), Arc::clone(&numbers)),
        (Arc::new(Field::new("t", DataType::Utf8, true)), Arc::clone(&texts)),
    ]);
    let columns: [(&str, ArrayRef); 6] = [
        ("n", numbers),
        ("t", texts),
        ("l", Arc::new(lists.finish())),
        ("f", Arc::new(rows.iter().map(|row| row.3).collect::<Float64Array>())),
        ("b", Arc::new(rows.iter().map(|row| row.4).collect::<BooleanArray>())),
        ("s", Arc::new(both)),
    ];
    RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, column)| (name, column, true)))
        .unwrap()
}

fn summed(batches: &[RecordBatch], seed: Seed) -> (Sums, Measures) {
    let (mut sums, mut measures, mut summer) = (Sums::default(), Measures::default(), Summer::new(seed));
    for batch in batches {
        summer.add(batch, &mut sums).unwrap();
        measures.batch(batch);
    }
    (sums, measures)
}

fn of(rows: &[Row]) -> Sums {
    summed(&[batch(rows)], Seed::RECORDED).0
}

fn cells_of(array: &dyn Array) -> Vec<u64> {
    let mut all = Vec::new();
    cells(array, Seed::RECORDED, &mut all).unwrap();
    all
}

/// Array by array the same cells.
#[track_caller]
fn alike(arrays: &[ArrayRef]) {
    for array in arrays {
        assert_eq!(cells_of(array), cells_of(&arrays[0]), "{}", array.data_type());
        if array.len() > 2 {
            // With offsets, as slices of files have them.
            assert_eq!(
                cells_of(&array.slice(1, 2)),
                cells_of(&arrays[0])[1..3],
                "a slice of {}",
                array.data_type()
            );
        }
    }
}

fn cast_to(array: &ArrayRef, types: &[DataType]) -> Vec<ArrayRef> {
    let casts = types.iter().map(|to| cast(array, to).unwrap());
    std::iter::once(Arc::clone(array)).chain(casts).collect()
}

proptest! {
    #[test]
    fn batches_slices_and_merges_leave_sums_alone(rows in rows(), at in 0_usize..60, seed: u64) {
        let whole = batch(&rows);
        let at = at.min(rows.len());
        let (head, tail) = (whole.slice(0, at), whole.slice(at, rows.len() - at));
        let seed = Seed::secret(seed);
        let (expected, measured) = summed(std::slice::from_ref(&whole), seed);
        prop_assert_eq!(&summed(&[head.clone(), tail.clone()], seed), &(expected.clone(), measured.clone()));
        // Parts of two tasks, the later one first.
        let (mut merged, mut measures) = summed(&[tail], seed);
        let (first, first_measured) = summed(&[head], seed);
        merged.add(&first);
        measures.add(&first_measured);
        prop_assert_eq!((merged, measures), (expected, measured));
    }

    #[test]
    fn the_order_of_rows_leaves_sums_alone(rows in rows(), by in 0_usize..60) {
        let mut turned = rows.clone();
        turned.rotate_left(by.min(rows.len()));
        turned.reverse();
        prop_assert_eq!(of(&turned), of(&rows));
    }

    #[test]
    fn a_changed_cell_and_a_duplicate_row_are_seen(rows in rows(), at in 0_usize..60) {
        prop_assume!(!rows.is_empty());
        let at = at % rows.len();
        let mut changed = rows.clone();
        changed[at].0 = Some(99);
        let (before, after) = (of(&rows), of(&changed));
        prop_assert_eq!(before.differs_at(&after), Some(0));
        prop_assert_ne!(before.rows, after.rows);
        // Twice: what XOR would not see.
        let mut doubled = rows.clone();
        doubled.extend([rows[at].clone(), rows[at].clone()]);
        prop_assert_ne!(of(&doubled).columns[1].sum, before.columns[1].sum);
    }

    #[test]
    fn values_that_change_places_between_rows_are_seen_by_rows_alone(rows in rows()) {
        prop_assume!(rows.len() > 1);
        let mut rows = rows;
        (rows[0].0, rows[0].1) = (Some(1), Some("a".to_owned()));
        (rows[1].0, rows[1].1) = (Some(2), Some("b".to_owned()));
        let mut swapped = rows.clone();
        (swapped[0].1, swapped[1].1) = (rows[1].1.clone(), rows[0].1.clone());
        let (before, after) = (of(&rows), of(&swapped));
        prop_assert_eq!(&before.columns[..5], &after.columns[..5]);
        prop_assert_ne!(before.rows, after.rows);
    }

    #[test]
    fn some_rows_are_summed_as_if_the_others_were_not_there(rows in rows(), bits in prop::collection::vec(any::<bool>(), 60)) {
        let kept: Vec<Row> = rows.iter().zip(&bits).filter(|(_, keep)| **keep).map(|(row, _)| row.clone()).collect();
        let keep = BooleanArray::from(bits[..rows.len()].to_vec());
        let whole = batch(&rows);
        let columns: Vec<&dyn Array> = whole.columns().iter().map(AsRef::as_ref).collect();
        let mut found = Sums::default();
        Summer::new(Seed::RECORDED).add_where(&columns, rows.len(), Some(keep.values()), &mut found).unwrap();
        prop_assert_eq!(found, of(&kept));
    }

    #[test]
    fn taking_rows_through_dictionaries_and_views_leaves_cells_alone(texts in prop::collection::vec(prop::option::of("[a-c]{0,16}"), 3..40)) {
        let plain: ArrayRef = Arc::new(StringArray::from(texts));
        let keyed = |key| DataType::Dictionary(Box::new(key), Box::new(DataType::Utf8));
        let types = [DataType::LargeUtf8, DataType::Utf8View, keyed(DataType::Int8), keyed(DataType::UInt32)];
        alike(&cast_to(&plain, &types));
        let binary = cast(&plain, &DataType::Binary).unwrap();
        alike(&cast_to(&binary, &[DataType::LargeBinary, DataType::BinaryView]));
    }
}

#[test]
fn the_width_of_a_type_leaves_cells_alone() {
    let signed: ArrayRef = Arc::new(Int64Array::from(vec![Some(-128), None, Some(0), Some(127)]));
    alike(&cast_to(&signed, &[DataType::Int8, DataType::Int16, DataType::Int32]));
    let unsigned: ArrayRef = Arc::new(UInt32Array::from(vec![Some(0), None, Some(255)]));
    alike(&cast_to(&unsigned, &[DataType::UInt8, DataType::UInt16, DataType::UInt64]));
    let floats: ArrayRef = Arc::new(Float64Array::from(vec![Some(-1.5), None, Some(f64::INFINITY)]));
    alike(&cast_to(&floats, &[DataType::Float16, DataType::Float32]));
    let decimals =
        Decimal128Array::from(vec![Some(-12_345), None, Some(7)]).with_precision_and_scale(9, 2).unwrap();
    let decimals: ArrayRef = Arc::new(decimals);
    let types = [DataType::Decimal32(9, 2), DataType::Decimal64(18, 2), DataType::Decimal256(40, 2)];
    alike(&cast_to(&decimals, &types));
    let days: ArrayRef = cast(
        &(Arc::new(Int32Array::from(vec![Some(-1), None, Some(19_000)])) as ArrayRef),
        &DataType::Date32,
    )
    .unwrap();
    alike(&cast_to(&days, &[DataType::Date64]));
    let times: ArrayRef = Arc::new(TimestampMillisecondArray::from(vec![Some(-1_000), None, Some(1_000)]));
    let in_unit = |unit| DataType::Timestamp(unit, None);
    alike(&cast_to(&times, &[TimeUnit::Second, TimeUnit::Microsecond, TimeUnit::Nanosecond].map(in_unit)));
}

#[test]
fn times_that_have_no_nanoseconds_in_64_bits_are_the_same_in_every_unit() {
    // The year 9999.
    let far: ArrayRef = Arc::new(TimestampMillisecondArray::from(vec![253_402_300_799_000, 1, 2]));
    let in_unit = |unit| DataType::Timestamp(unit, None);
    let cells = [TimeUnit::Second, TimeUnit::Microsecond]
        .map(|unit| cells_of(&cast(&far, &in_unit(unit)).unwrap())[0]);
    assert_eq!(cells, [cells_of(&far)[0]; 2]);
}

#[test]
fn the_kind_of_a_list_leaves_cells_alone_and_runs_are_what_they_stand_for() {
    let mut lists = ListBuilder::new(Int32Builder::new());
    for items in [[Some(1), None], [Some(3), Some(4)], [None, None]] {
        lists.append_value(items);
    }
    let lists: ArrayRef = Arc::new(lists.finish());
    let item = Arc::new(Field::new("item", DataType::Int64, true));
    let types = [
        DataType::LargeList(Arc::clone(&item)),
        DataType::FixedSizeList(Arc::clone(&item), 2),
        DataType::ListView(Arc::clone(&item)),
        DataType::LargeListView(item),
    ];
    alike(&cast_to(&lists, &types));
    let plain: ArrayRef = Arc::new(StringArray::from(vec![Some("a"), Some("a"), None, Some("b")]));
    let values = StringArray::from(vec![Some("a"), None, Some("b")]);
    let runs = RunArray::<Int32Type>::try_new(&Int32Array::from(vec![2, 3, 4]), &values).unwrap();
    alike(&[plain, Arc::new(runs)]);
}

#[test]
fn what_is_something_else_has_another_cell() {
    let text = |value: Option<&str>| cells_of(&StringArray::from(vec![value]))[0];
    let one = |array: &dyn Array| cells_of(array)[0];
    let instant = TimestampMillisecondArray::from(vec![0]).with_timezone("UTC");
    let decimal = |scale| Decimal128Array::from(vec![0]).with_precision_and_scale(9, scale).unwrap();
    let mut list = ListBuilder::new(Int32Builder::new());
    list.append_value([Some(0)]);
    let cells = [
        text(None),
        text(Some("")),
        text(Some("\0")),
        one(&cast(&StringArray::from(vec![""]), &DataType::Binary).unwrap()),
        one(&Int64Array::from(vec![0])),
        one(&UInt32Array::from(vec![0])),
        one(&Float64Array::from(vec![0.0])),
        one(&BooleanArray::from(vec![false])),
        one(&TimestampMillisecondArray::from(vec![0])),
        one(&instant),
        one(&decimal(2)),
        one(&decimal(3)),
        one(&list.finish()),
        one(&ListBuilder::new(Int32Builder::new()).finish_cloned_with_one_empty()),
    ];
    for (place, cell) in cells.iter().enumerate() {
        assert!(!cells[..place].contains(cell), "cell {place} is another one's");
    }
}

trait OneEmpty {
    fn finish_cloned_with_one_empty(self) -> arrow_array::ListArray;
}

impl OneEmpty for ListBuilder<Int32Builder> {
    fn finish_cloned_with_one_empty(mut self) -> arrow_array::ListArray {
        self.append(true);
        self.finish()
    }
}

#[test]
fn what_is_no_number_and_what_is_nothing_are_one_each() {
    let quiet = f64::from_bits(0x7ff8_0000_0000_0001);
    let cells = cells_of(&Float64Array::from(vec![f64::NAN, quiet, -f64::NAN, 0.0, -0.0]));
    assert_eq!(cells[..3], [cells[0]; 3]);
    assert_eq!(cells[3], cells[4]);
}

#[test]
fn a_null_counts_whatever_lies_under_it() {
    let under = |value: i64| {
        let nulls = arrow_buffer::NullBuffer::from(vec![false, true]);
        cells_of(&Int64Array::new(vec![value, 5].into(), Some(nulls)))
    };
    assert_eq!(under(1), under(2));
    let list = |items: Vec<i32>| {
        let offsets = arrow_buffer::OffsetBuffer::new(vec![0, i32::try_from(items.len()).unwrap()].into());
        let nulls = Some(arrow_buffer::NullBuffer::from(vec![false]));
        let item = Arc::new(Field::new("item", DataType::Int32, true));
        cells_of(&arrow_array::ListArray::new(item, offsets, Arc::new(Int32Array::from(items)), nulls))
    };
    assert_eq!(list(vec![]), list(vec![1, 2]));
}

#[test]
fn what_was_recorded_once_stays_what_it_is() {
    let rows = vec![
        (Some(1), Some("a".to_owned()), Some(vec![Some(1), None]), Some(0.5), Some(true)),
        (None, None, None, None, None),
        (Some(-7), Some(String::new()), Some(vec![]), Some(-0.0), Some(false)),
    ];
    let sums = of(&rows);
    let written = serde_json::to_string(&sums).unwrap();
    assert_eq!(serde_json::from_str::<Sums>(&written).unwrap(), sums);
    let texts: Vec<String> = sums.columns.iter().map(|column| format!("{:032x}", column.sum)).collect();
    assert_eq!(texts, GOLDEN);
    assert_eq!(format!("{:032x}", sums.rows.sum), GOLDEN_ROWS);
    assert!(sums.columns.iter().take(5).all(|column| (column.count, column.nulls) == (3, 1)));
}

const GOLDEN: [&str; 6] = [
    "0000000000000001abe148807e2a5087",
    "0000000000000001792a292f83d18f81",
    "000000000000000133b2ea73092556c5",
    "000000000000000125dee9f89f9d03d3",
    "0000000000000000cf5de5a52d4fe2ff",
    "0000000000000001fe08b5febc500527",
];
const GOLDEN_ROWS: &str = "5054a0a5e979a7e54f372946b03488ae";

#[test]
fn totals_and_bounds_are_those_of_the_values_that_are_there() {
    let rows = vec![
        (Some(i64::MAX), Some("éa".to_owned()), None, None, Some(true)),
        (None, None, None, None, None),
        (Some(i64::MAX), Some(String::new()), None, None, Some(true)),
        (Some(-3), Some("b".to_owned()), None, None, Some(false)),
    ];
    let (_, measures) = summed(&[batch(&rows)], Seed::RECORDED);
    let told = |place: usize| {
        let measure = measures.columns[place].unwrap();
        (measure.kind, measure.total.unwrap(), measure.least.unwrap(), measure.greatest.unwrap())
    };
    let most = i128::from(i64::MAX);
    assert_eq!(told(0), (Kind::Integer, 2 * most - 3, -3, most));
    assert_eq!(told(1), (Kind::Text, 4, 0, 3));
    assert_eq!(told(4), (Kind::Boolean, 2, 0, 1));
    assert_eq!((measures.columns[2], measures.columns[3], measures.columns[5]), (None, None, None));
    let written = serde_json::to_string(&measures).unwrap();
    assert_eq!(serde_json::from_str::<Measures>(&written).unwrap(), measures);
    let taken = take_record_batch(&batch(&rows), &UInt32Array::from(vec![1])).unwrap();
    let nulls = summed(&[taken], Seed::RECORDED).1.columns[0].unwrap();
    assert_eq!((nulls.total, nulls.least, nulls.greatest), (Some(0), None, None));
}
