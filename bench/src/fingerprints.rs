//! What fingerprints cost: cells by type on one core, and a whole run that takes them beside one that only counts.

use std::sync::Arc;
use std::time::Duration;

use arrow_array::types::Int32Type;
use arrow_array::{
    Array, ArrayRef, Decimal128Array, DictionaryArray, Float64Array, Int32Array, Int64Array, ListArray,
    RecordBatch, StringArray, TimestampMicrosecondArray,
};
use arrow_schema::{DataType, Field};
use skein_bench::report::{Figure, Report};
use skein_fingerprint::{Seed, Summer, Sums};
use skein_types::Clock;

/// Of a batch, as runs have them.
const ROWS: i32 = 16 * 1024;
/// Each type is summed up for so long.
const LONG: Duration = Duration::from_millis(300);

/// A type: what its figures are called, and values of it.
struct Kind {
    cells: &'static str,
    bytes: &'static str,
    array: ArrayRef,
}

/// Columns by themselves, and one table as a run has it, whole rows among them.
pub(crate) fn by_type(clock: &Arc<dyn Clock>) -> anyhow::Result<Report> {
    let mut figures = Vec::new();
    for Kind { cells, bytes, array } in kinds()? {
        let batch = RecordBatch::try_from_iter([("c", array)])?;
        let (rows, megabytes) = speed(clock, &batch)?;
        figures.push(beside(cells, "Mcells/s", rows));
        figures.push(beside(bytes, "MB/s", megabytes));
    }
    let table = kinds()?.into_iter().map(|kind| (kind.cells, kind.array));
    let (rows, megabytes) = speed(clock, &RecordBatch::try_from_iter(table)?)?;
    figures.push(beside("all of these as one table, rows", "Mrows/s", rows));
    figures.push(beside("all of these as one table, bytes", "MB/s", megabytes));
    let timed = "cells and rows of batches in memory summed up on one core, row sums included";
    let cores = std::thread::available_parallelism()?.get();
    Ok(Report { name: "fingerprint", timed, cores, contenders: Vec::new(), figures })
}

fn beside(what: &'static str, unit: &'static str, value: f64) -> Figure {
    Figure { what, unit, value, must: None, aim: None }
}

/// Millions of rows and of bytes a second.
fn speed(clock: &Arc<dyn Clock>, batch: &RecordBatch) -> anyhow::Result<(f64, f64)> {
    let (mut summer, mut sums) = (Summer::new(Seed::RECORDED), Sums::default());
    summer.add(batch, &mut sums)?;
    let (started, mut batches) = (clock.elapsed(), 0_u32);
    let took = loop {
        summer.add(batch, &mut sums)?;
        batches += 1;
        let took = clock.elapsed().saturating_sub(started);
        if took >= LONG {
            break took.as_secs_f64();
        }
    };
    anyhow::ensure!(sums.rows.count > 0, "nothing was summed up");
    let bytes: usize = batch
        .columns()
        .iter()
        .map(|column| column.to_data().get_slice_memory_size())
        .sum::<Result<_, _>>()?;
    let each = f64::from(batches) / took / 1e6;
    Ok((f64::from(ROWS) * each, u32::try_from(bytes).map_or(0.0, f64::from) * each))
}

fn kinds() -> anyhow::Result<Vec<Kind>> {
    let texts = |length: usize| -> ArrayRef {
        Arc::new(StringArray::from_iter_values((0..ROWS).map(|row| format!("{row:0>length$}"))))
    };
    let nulls = Int64Array::from_iter((0..ROWS).map(|row| (row % 3 > 0).then(|| i64::from(row))));
    let decimals =
        Decimal128Array::from_iter_values((0..ROWS).map(i128::from)).with_precision_and_scale(15, 2)?;
    let keyed: DictionaryArray<Int32Type> = (0..ROWS)
        .map(|row| ["AIR", "RAIL", "SHIP", "TRUCK"][usize::try_from(row % 4).unwrap_or(0)])
        .collect();
    let item = Arc::new(Field::new("item", DataType::Int32, true));
    let offsets = arrow_buffer::OffsetBuffer::from_lengths((0..ROWS).map(|_| 4));
    let items = Int32Array::from_iter_values(0..ROWS * 4);
    let lists = ListArray::try_new(item, offsets, Arc::new(items), None)?;
    let kind = |cells, bytes, array| Kind { cells, bytes, array };
    Ok(vec![
        kind(
            "int64, cells",
            "int64, bytes",
            Arc::new(Int64Array::from_iter_values((0..ROWS).map(i64::from))),
        ),
        kind("int64 with nulls, cells", "int64 with nulls, bytes", Arc::new(nulls)),
        kind(
            "float64, cells",
            "float64, bytes",
            Arc::new(Float64Array::from_iter_values((0..ROWS).map(f64::from))),
        ),
        kind("decimal128, cells", "decimal128, bytes", Arc::new(decimals)),
        kind(
            "timestamp, cells",
            "timestamp, bytes",
            Arc::new(TimestampMicrosecondArray::from_iter_values((0..ROWS).map(i64::from))),
        ),
        kind("text of 8 bytes, cells", "text of 8 bytes, bytes", texts(8)),
        kind("text of 40 bytes, cells", "text of 40 bytes, bytes", texts(40)),
        kind("text of 400 bytes, cells", "text of 400 bytes, bytes", texts(400)),
        kind("dictionary of texts, cells", "dictionary of texts, bytes", Arc::new(keyed)),
        kind("list of 4 int32, cells", "list of 4 int32, bytes", Arc::new(lists)),
    ])
}
