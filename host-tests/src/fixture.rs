//! Small, well-formed Parquet files.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use arrow_array::{ArrayRef, Int32Array, Int64Array, RecordBatch, StringArray};
use arrow_schema::Schema;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::basic::Compression;
use parquet::file::properties::WriterProperties;

/// Rows `from..to` of an imaginary orders table: `id` int64, `customer` utf8, `amount` utf8 (numbers as text, every
/// hundredth unreadable), `note` utf8 with nulls, `year` int32.
pub fn orders(from: i64, to: i64) -> RecordBatch {
    let rows = from..to;
    let amount = |i: i64| if i % 100 == 99 { "n/a".to_owned() } else { format!("{}.{:02}", i, i % 100) };
    let columns: [(&str, ArrayRef, bool); 5] = [
        ("id", Arc::new(Int64Array::from_iter_values(rows.clone())), false),
        (
            "customer",
            Arc::new(StringArray::from_iter_values(rows.clone().map(|i| format!("customer {}", i % 97)))),
            false,
        ),
        ("amount", Arc::new(StringArray::from_iter_values(rows.clone().map(amount))), false),
        (
            "note",
            Arc::new(StringArray::from_iter(rows.clone().map(|i| (i % 3 != 0).then(|| format!("note {i}"))))),
            true,
        ),
        (
            "year",
            Arc::new(rows.map(|i| Some(2000 + i32::try_from(i % 25).unwrap())).collect::<Int32Array>()),
            true,
        ),
    ];
    RecordBatch::try_from_iter_with_nullable(columns).unwrap()
}

/// The rows with one column twice, the second time under another name and last.
pub fn with_copy_of(batch: &RecordBatch, column: &str, copy: &str) -> RecordBatch {
    let schema = batch.schema();
    let field = schema.field_with_name(column).unwrap().clone().with_name(copy);
    let fields = schema.fields().iter().map(|field| field.as_ref().clone()).chain([field]);
    let mut arrays = batch.columns().to_vec();
    arrays.push(Arc::clone(batch.column_by_name(column).unwrap()));
    RecordBatch::try_new(Arc::new(Schema::new(fields.collect::<Vec<_>>())), arrays).unwrap()
}

/// The batch with one text in all rows of a column.
pub fn with_value(batch: &RecordBatch, column: &str, value: &str) -> RecordBatch {
    let at = batch.schema().index_of(column).unwrap();
    let mut columns = batch.columns().to_vec();
    columns[at] = Arc::new(StringArray::from(vec![value; batch.num_rows()]));
    RecordBatch::try_new(batch.schema(), columns).unwrap()
}

/// A file with these rows in row groups of the given size, Snappy.
pub fn write(path: &Path, batch: &RecordBatch, row_group_rows: usize) {
    let properties = WriterProperties::builder()
        .set_compression(Compression::SNAPPY)
        .set_max_row_group_row_count(Some(row_group_rows))
        .build();
    let mut writer =
        ArrowWriter::try_new(File::create(path).unwrap(), batch.schema(), Some(properties)).unwrap();
    writer.write(batch).unwrap();
    writer.close().unwrap();
}

/// A directory of `files` files with 1,000 orders each, in row groups of 400.
pub fn orders_directory(path: &Path, files: i64) {
    std::fs::create_dir_all(path).unwrap();
    for file in 0..files {
        let batch = orders(file * 1_000, (file + 1) * 1_000);
        write(&path.join(format!("part-{file:05}.parquet")), &batch, 400);
    }
}

/// Like [`orders_directory`], with `id` and `note` alone: what the hostile guest plans for.
pub fn notes_directory(path: &Path, files: i64) {
    std::fs::create_dir_all(path).unwrap();
    for file in 0..files {
        let batch = orders(file * 1_000, (file + 1) * 1_000).project(&[0, 3]).unwrap();
        write(&path.join(format!("part-{file:05}.parquet")), &batch, 400);
    }
}

/// A dataset that is too large for one task: more than 64 MiB that do not get smaller, in row groups of 256 Ki rows. `id`
/// and `year` as [`orders`] has them, `note` and `value` of 20 digits.
pub fn large_directory(path: &Path, files: u64) {
    const ROWS: u64 = 1 << 20;
    std::fs::create_dir_all(path).unwrap();
    let properties = WriterProperties::builder()
        .set_compression(Compression::SNAPPY)
        .set_dictionary_enabled(false)
        .set_max_row_group_row_count(Some(1 << 18))
        .build();
    for file in 0..files {
        let rows = file * ROWS..(file + 1) * ROWS;
        // The finaliser of SplitMix64: every row another number, none near its neighbours.
        let mixed = |row: u64, salt: u64| {
            let mut z = (row ^ (salt << 40)).wrapping_add(0x9e37_79b9_7f4a_7c15);
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            z ^ (z >> 31)
        };
        let texts =
            |salt| StringArray::from_iter_values(rows.clone().map(|row| format!("{:020}", mixed(row, salt))));
        let ids = Int64Array::from_iter_values(rows.clone().map(|row| i64::try_from(row).unwrap()));
        let years: Int32Array = rows.clone().map(|row| Some(2000 + (row % 25) as i32)).collect();
        let columns: [(&str, ArrayRef); 4] = [
            ("id", Arc::new(ids)),
            ("note", Arc::new(texts(1))),
            ("value", Arc::new(texts(2))),
            ("year", Arc::new(years)),
        ];
        let batch = RecordBatch::try_from_iter(columns).unwrap();
        let out = File::create(path.join(format!("part-{file:03}.parquet"))).unwrap();
        let mut writer = ArrowWriter::try_new(out, batch.schema(), Some(properties.clone())).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
    }
}

/// All rows of a file as one batch.
pub fn read(path: &Path) -> RecordBatch {
    let builder = ParquetRecordBatchReaderBuilder::try_new(File::open(path).unwrap()).unwrap();
    let rows = usize::try_from(builder.metadata().file_metadata().num_rows()).unwrap();
    let schema = Arc::clone(builder.schema());
    let mut batches = builder.with_batch_size(rows.max(1)).build().unwrap();
    batches.next().map_or_else(|| RecordBatch::new_empty(schema), |batch| batch.unwrap())
}

/// A copy of a directory and everything in it.
pub fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}
