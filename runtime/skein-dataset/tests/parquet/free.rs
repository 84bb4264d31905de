//! Rows that follow no row group: where they are cut, and files from batches alone.

use std::sync::Arc;

use arrow_array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use arrow_schema::{DataType, Field, Schema};
use parquet::file::metadata::ParquetMetaDataReader;
use skein_dataset::parquet::{FileSealer, FreshFile, OutputPlan, Piece, RowGroupCutter, splits};
use skein_types::{ProposedOrigin, ProposedPlan, SchemaPlan};

use crate::arbitrary::{batch_of, flat_types, nested_types};
use crate::support::{batch, carry, grouped, open, parquet_of, plan, read_all, taken_over};

fn free_plan(field: Field) -> (Arc<skein_dataset::parquet::SourceFile>, Arc<OutputPlan>) {
    let input = batch(vec![("n", Arc::new(Int64Array::from(vec![1])) as ArrayRef, false)]);
    let source = Arc::new(open(&parquet_of(&input, grouped(10))).unwrap());
    let proposed = ProposedPlan {
        target: Schema::new(vec![field]),
        origins: vec![(0, ProposedOrigin::Computed(Vec::new()))],
        reads: Vec::new(),
        shape: "free".to_owned(),
        ext: Vec::new(),
    };
    let plan = SchemaPlan::check(Arc::clone(source.view()), &proposed).unwrap();
    let output = OutputPlan::new(&source, &plan).unwrap();
    (source, Arc::new(output))
}

fn sealed(plan: &Arc<OutputPlan>, batches: impl Iterator<Item = RecordBatch>) -> Vec<u8> {
    let mut cutter = RowGroupCutter::new(Arc::clone(plan)).unwrap();
    let mut fresh = Vec::new();
    for batch in batches {
        fresh.extend(cutter.push(&batch).unwrap());
    }
    fresh.extend(cutter.finish().unwrap());
    let made = vec![Piece::Fresh(fresh)];
    let [resumed, bytes] = [taken_over(&made), made].map(|pieces| {
        let mut bytes = Vec::new();
        let mut sealer = FileSealer::new(Arc::clone(plan), &mut bytes).unwrap();
        for piece in pieces {
            let Piece::Fresh(groups) = piece else { panic!("they were fresh") };
            groups.into_iter().for_each(|group| sealer.append_fresh(group).unwrap());
        }
        sealer.finish().unwrap();
        bytes
    });
    assert!(resumed == bytes, "pieces that are taken over give other bytes");
    bytes
}

fn group_rows(bytes: &[u8]) -> Vec<i64> {
    let metadata =
        ParquetMetaDataReader::new().parse_and_finish(&bytes::Bytes::copy_from_slice(bytes)).unwrap();
    metadata.row_groups().iter().map(|group| group.num_rows()).collect()
}

fn in_steps(whole: &RecordBatch, step: usize) -> impl Iterator<Item = RecordBatch> {
    (0..whole.num_rows()).step_by(step).map(move |at| whole.slice(at, step.min(whole.num_rows() - at)))
}

#[test]
fn row_groups_end_after_a_million_rows_whatever_the_batches() {
    let (_, plan) = free_plan(Field::new("n", DataType::Int64, false));
    let rows = (1 << 20) * 2 + 77;
    let whole = batch(vec![("n", Arc::new(Int64Array::from_iter_values(0..rows)) as ArrayRef, false)]);
    for step in [100_000, 1 << 20, 1 << 22] {
        let bytes = sealed(&plan, in_steps(&whole, step));
        assert_eq!(group_rows(&bytes), [1 << 20, 1 << 20, 77], "{step}");
        assert_eq!(read_all(&bytes).column(0), whole.column(0));
    }
}

#[test]
fn row_groups_of_large_rows_end_after_their_bytes_whatever_the_batches() {
    let (_, plan) = free_plan(Field::new("t", DataType::Utf8, true));
    let text = "x".repeat(16 << 10);
    let texts: ArrayRef =
        Arc::new(StringArray::from_iter((0..20_000).map(|n| (n % 10 != 0).then_some(text.as_str()))));
    let whole = batch(vec![("t", texts, true)]);
    let expected = group_rows(&sealed(&plan, in_steps(&whole, 20_000)));
    // 128 MiB are 8,192 such texts; nine of ten rows have one, and blocks are 1,024 rows.
    assert_eq!(expected, [9216, 9216, 1568]);
    assert_eq!(group_rows(&sealed(&plan, in_steps(&whole, 777))), expected);
}

#[test]
fn plans_that_carry_columns_have_no_fresh_row_groups() {
    let input = batch(vec![("n", Arc::new(Int64Array::from(vec![1])) as ArrayRef, false)]);
    let source = open(&parquet_of(&input, grouped(10))).unwrap();
    let output = OutputPlan::new(&source, &plan(&source, &[carry("n")], "same")).unwrap();
    assert!(RowGroupCutter::new(Arc::new(output)).is_err());
}

#[test]
fn splits_are_runs_of_row_groups_of_at_most_a_million_rows() {
    let column: ArrayRef = Arc::new(arrow_array::BooleanArray::from(vec![true; 2_500_000]));
    let input = batch(vec![("b", column, false)]);
    let of = |rows| splits(&open(&parquet_of(&input, grouped(rows))).unwrap());
    assert_eq!(of(400_000), [0..2, 2..4, 4..7]);
    assert_eq!(of(1 << 20), [0..1, 1..2, 2..3]);
    assert_eq!(of(2_000_000), [0..1, 1..2]);
}

#[test]
fn rejected_rows_of_any_type_become_a_file_of_their_own() {
    let types: Vec<DataType> = flat_types().into_iter().chain(nested_types()).collect();
    let input = batch_of(21, &types, 120);
    let mut bytes = Vec::new();
    let mut file = FreshFile::new(input.schema(), &mut bytes).unwrap();
    in_steps(&input, 50).for_each(|part| file.write(&part).unwrap());
    let sealed = file.finish().unwrap();
    assert_eq!((sealed.rows.0, sealed.bytes.0), (120, bytes.len() as u64));
    assert_eq!(read_all(&bytes).columns(), input.columns());
}

/// A writer that fails when its time has come.
struct Full(usize);

impl std::io::Write for Full {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0 = self.0.checked_sub(bytes.len()).ok_or_else(|| std::io::Error::from_raw_os_error(28))?;
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_full_disk_is_reported_wherever_it_strikes() {
    // So many columns that the footer is larger than any buffer on the way.
    let input = batch_of(22, &vec![DataType::Int32; 60], 5000);
    let source = Arc::new(open(&parquet_of(&input, grouped(1000))).unwrap());
    let schema = input.schema();
    let columns: Vec<_> = schema.fields().iter().map(|f| carry(f.name())).collect();
    let output = Arc::new(OutputPlan::new(&source, &plan(&source, &columns, "same")).unwrap());
    let seal = |room: usize| {
        let mut sealer = FileSealer::new(Arc::clone(&output), Full(room))?;
        for group in 0..5 {
            let rows = source.row_group_rows(group);
            let encoder = skein_dataset::parquet::FragmentEncoder::new(
                Arc::clone(&output),
                Arc::clone(&source),
                group,
            )?;
            sealer.append(&source, encoder.finish(&skein_types::Selection::all(rows))?)?;
        }
        sealer.finish()
    };
    let bytes = seal(usize::MAX).unwrap().bytes.0 as usize;
    for room in (0..bytes).step_by(bytes / 60) {
        assert_eq!(seal(room).unwrap_err().code(), skein_types::codes::NO_SPACE, "{room} of {bytes}");
    }
    assert!(seal(bytes).is_ok());
}
