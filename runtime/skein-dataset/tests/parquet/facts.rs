//! What stands beside the data: keys, sorting columns, page indexes, bloom filters, statistics, codecs.

use std::cell::Cell;
use std::sync::Arc;

use arrow_array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::basic::{BrotliLevel, Compression, Encoding, GzipLevel, ZstdLevel};
use parquet::file::metadata::{
    KeyValue, PageIndexPolicy, ParquetMetaData, ParquetMetaDataReader, SortingColumn,
};
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterPropertiesBuilder};
use parquet::file::statistics::Statistics;
use skein_types::Selection;

use crate::amplify::rewritten;
use crate::support::{
    To, all, batch, carry, int_field, no_guest, open, parquet_of, plan, read_all, rename, run,
};
use crate::wire::with_metadata;

fn table() -> RecordBatch {
    let numbers: ArrayRef = Arc::new(Int64Array::from_iter_values(0..2000));
    let words: ArrayRef = Arc::new(StringArray::from_iter_values((0..2000).map(|n| format!("w{}", n % 300))));
    let more: ArrayRef = Arc::new(Int64Array::from_iter((0..2000).map(|n| (n % 3 != 0).then_some(n * 7))));
    batch(vec![("n", numbers, false), ("w", words, false), ("m", more, true)])
}

fn properties() -> WriterPropertiesBuilder {
    WriterProperties::builder().set_max_row_group_row_count(Some(600))
}

fn metadata(bytes: &[u8]) -> ParquetMetaData {
    ParquetMetaDataReader::new()
        .with_page_index_policy(PageIndexPolicy::Optional)
        .parse_and_finish(&bytes::Bytes::copy_from_slice(bytes))
        .unwrap()
}

fn half(_: usize, rows: usize) -> Selection {
    Selection::from_bits(arrow_buffer::BooleanBuffer::collect_bool(rows, |row| row % 2 == 0))
}

/// `w` carried, `n` carried under another name, a computed column.
fn columns() -> Vec<To> {
    vec![carry("w"), rename("n", "key"), To::Compute(int_field("c"))]
}

fn ones(_: usize, kept: &RecordBatch) -> Vec<ArrayRef> {
    vec![Arc::new(Int64Array::from_iter_values(std::iter::repeat_n(1, kept.num_rows())))]
}

#[test]
fn keys_that_describe_the_old_schema_are_dropped_and_listed() {
    let geo = |column: &str| {
        format!(r#"{{"version":"1.0.0","primary_column":"{column}","columns":{{"{column}":{{}}}}}}"#)
    };
    for (geometry, stays) in [("w", true), ("n", false), ("gone", false)] {
        let pairs = [
            ("pandas", "{}"),
            ("owner", "team-a"),
            ("org.apache.spark.version", "4.0"),
            ("org.apache.spark.legacyDateTime", ""),
            ("org.apache.spark.sql.parquet.row.metadata", "{}"),
            ("parquet.avro.schema", "{}"),
            ("iceberg.schema", "{}"),
            ("geo", &geo(geometry)),
        ];
        let pairs = pairs.iter().map(|(k, v)| KeyValue::new((*k).to_owned(), (*v).to_owned())).collect();
        let bytes = parquet_of(&table(), properties().set_key_value_metadata(Some(pairs)).build());
        let source = Arc::new(open(&bytes).unwrap());
        let output = run(&source, &plan(&source, &columns(), "same"), &all, &ones);
        let spark = ["org.apache.spark.version", "org.apache.spark.legacyDateTime"];
        let row = "org.apache.spark.sql.parquet.row.metadata";
        let mut dropped = vec!["pandas", row, "parquet.avro.schema", "iceberg.schema"];
        let mut kept = vec!["owner", spark[0], spark[1], "geo", "ARROW:schema"];
        if !stays {
            dropped.push("geo");
            kept.remove(3);
        }
        assert_eq!(output.plan.dropped_keys(), dropped, "{geometry}");
        let written = metadata(&output.bytes);
        let keys = written.file_metadata().key_value_metadata().unwrap();
        assert_eq!(keys.iter().map(|pair| pair.key.as_str()).collect::<Vec<_>>(), kept);
        assert_eq!(output.plan.spliced_columns(), ["w", "key"]);
    }
}

#[test]
fn the_longest_carried_prefix_of_the_sorting_columns_is_kept() {
    let sorted = |leaves: &[i32]| {
        let columns = leaves.iter().map(|leaf| SortingColumn {
            column_idx: *leaf,
            descending: true,
            nulls_first: false,
        });
        properties().set_sorting_columns(Some(columns.collect())).build()
    };
    for (source_leaves, expected) in
        [(vec![0, 1, 2], Some(vec![1, 0])), (vec![2, 0], None), (vec![1, 99], Some(vec![0]))]
    {
        let source = Arc::new(open(&parquet_of(&table(), sorted(&source_leaves))).unwrap());
        let output = run(&source, &plan(&source, &columns(), "same"), &all, &ones);
        for group in metadata(&output.bytes).row_groups() {
            let found = group.sorting_columns().map(|c| c.iter().map(|c| c.column_idx).collect::<Vec<_>>());
            assert_eq!(found, expected, "{source_leaves:?}");
            assert!(group.sorting_columns().is_none_or(|c| c.iter().all(|c| c.descending && !c.nulls_first)));
        }
    }
}

#[test]
fn page_indexes_are_kept_for_all_chunks_or_for_none() {
    for indexed in [true, false] {
        let statistics = if indexed { EnabledStatistics::Page } else { EnabledStatistics::Chunk };
        let old = properties().set_offset_index_disabled(!indexed).set_statistics_enabled(statistics).build();
        let bytes = parquet_of(&table(), old);
        let source = Arc::new(open(&bytes).unwrap());
        let output = run(
            &source,
            &plan(&source, &columns(), "filtered"),
            &|g, rows| if g == 1 { half(g, rows) } else { all(g, rows) },
            &ones,
        );
        let written = metadata(&output.bytes);
        assert_eq!((written.offset_index().is_some(), written.column_index().is_some()), (indexed, indexed));
        assert_eq!(output.plan.has_page_index(), indexed);
        for (group, offsets) in written.row_groups().iter().zip(written.offset_index().into_iter().flatten())
        {
            for (chunk, index) in group.columns().iter().zip(offsets) {
                let (start, length) = chunk.byte_range();
                let first = &index.page_locations()[0];
                assert_eq!(first.offset, chunk.data_page_offset());
                assert!(first.offset as u64 >= start && first.offset as u64 <= start + length);
            }
        }
        assert_eq!(read_all(&output.bytes).num_rows(), 600 + 300 + 600 + 200);
    }
}

#[test]
fn bloom_filters_still_answer() {
    let bytes = parquet_of(&table(), properties().set_bloom_filter_enabled(true).build());
    let source = Arc::new(open(&bytes).unwrap());
    let output = run(&source, &plan(&source, &columns(), "same"), &all, &ones);
    let reader = ParquetRecordBatchReaderBuilder::try_new(bytes::Bytes::from(output.bytes)).unwrap();
    for group in 0..3 {
        let filter = reader.get_row_group_column_bloom_filter(group, 1).unwrap().unwrap();
        let first = i64::try_from(group).unwrap() * 600;
        assert!((first..first + 100).all(|n| filter.check(&n)));
        assert!((first + 10_000..first + 10_100).filter(|n| filter.check(n)).count() < 20);
    }
    assert!(reader.metadata().row_group(0).column(2).bloom_filter_offset().is_none());
}

#[test]
fn statistics_of_copied_chunks_are_the_sources_and_bound_the_data() {
    let bytes = parquet_of(&table(), properties().build());
    let source = Arc::new(open(&bytes).unwrap());
    let output = run(&source, &plan(&source, &columns(), "same"), &all, &ones);
    let (from, to) = (metadata(&bytes), metadata(&output.bytes));
    for (from, to) in from.row_groups().iter().zip(to.row_groups()) {
        assert!(from.column(1).statistics().is_some());
        assert_eq!(from.column(1).statistics(), to.column(0).statistics());
        assert_eq!(from.column(0).statistics(), to.column(1).statistics());
        assert_eq!(from.column(1).page_encoding_stats(), to.column(0).page_encoding_stats());
        assert_eq!(to.column(2).statistics().unwrap().null_count_opt(), Some(0));
    }
    assert_eq!(output.sealed.columns[0].nulls, Some(0));
    assert_eq!(to.file_metadata().created_by(), Some(concat!("skein version ", env!("CARGO_PKG_VERSION"))));
}

/// Statistics of column `a` in the source and, copied, in the output.
fn statistics(bytes: &[u8]) -> [Option<Statistics>; 2] {
    let source = Arc::new(open(bytes).unwrap());
    let output = run(&source, &plan(&source, &[carry("a")], "same"), &all, &no_guest);
    let of = |bytes| metadata(bytes).row_group(0).column(0).statistics().cloned();
    [of(bytes), of(&output.bytes)]
}

#[test]
fn statistics_of_an_order_that_the_output_does_not_have_are_dropped() {
    let [old, new] = statistics(&with_metadata(|_| ()));
    assert_eq!(old, new);
    assert!(old.is_some());
    // Metadata ends with the columns' orders: one of the type's own.
    let [old, new] = statistics(&with_metadata(|metadata| {
        assert_eq!(metadata.split_off(metadata.len() - 6), [0x19, 0x1c, 0x1c, 0, 0, 0]);
        metadata.push(0);
    }));
    assert_eq!((old.is_some(), new), (true, None));
    let numbers: ArrayRef = Arc::new(Int64Array::from_iter_values(0..4));
    let bytes =
        rewritten(parquet_of(&batch(vec![("a", numbers, false)]), properties().build()), b"", |groups| {
            let groups = groups.into_iter().map(|group| {
                let deprecated = Statistics::int64(Some(0), Some(3), None, Some(0), true);
                let chunk =
                    group.columns()[0].clone().into_builder().set_statistics(deprecated).build().unwrap();
                group.into_builder().set_column_metadata(vec![chunk]).build().unwrap()
            });
            groups.collect()
        });
    let [old, new] = statistics(&bytes);
    assert_eq!((old.map(|s| s.is_min_max_deprecated()), new), (Some(true), None));
}

#[test]
fn every_codec_is_copied_selected_and_used_for_computed_columns() {
    let codecs = [
        Compression::UNCOMPRESSED,
        Compression::SNAPPY,
        Compression::GZIP(GzipLevel::default()),
        Compression::BROTLI(BrotliLevel::default()),
        Compression::LZ4,
        Compression::LZ4_RAW,
        Compression::ZSTD(ZstdLevel::default()),
    ];
    for codec in codecs {
        let input = table();
        let bytes = parquet_of(&input, properties().set_compression(codec).build());
        let source = Arc::new(open(&bytes).unwrap());
        let written = if codec == Compression::LZ4 { Compression::LZ4_RAW } else { codec };
        for shape in ["same", "filtered"] {
            let select = if shape == "same" { all } else { half };
            let output = run(&source, &plan(&source, &columns(), shape), &select, &ones);
            assert_eq!(output.plan.codec(), written);
            let footer = metadata(&output.bytes);
            assert_eq!(footer.row_group(0).column(2).compression(), written);
            assert_eq!(
                footer.row_group(0).column(0).compression(),
                if shape == "same" { codec } else { written }
            );
            let read = read_all(&output.bytes);
            let rows = if shape == "same" { 2000 } else { 1000 };
            assert_eq!(read.num_rows(), rows);
            let step = 2000 / rows;
            let key = read.column(1).as_any().downcast_ref::<Int64Array>().unwrap();
            assert!((0..rows).all(|row| key.value(row) == (row * step) as i64));
        }
    }
}

#[test]
fn columns_that_nobody_carries_leave_no_bytes_behind() {
    let bytes = parquet_of(&table(), properties().build());
    let source = Arc::new(open(&bytes).unwrap());
    let output = run(&source, &plan(&source, &[carry("m")], "same"), &all, &no_guest);
    assert_eq!(output.sealed.columns.len(), 1);
    assert!(output.bytes.len() < bytes.len());
}

/// For each column of a row group: whether it has a dictionary page, and whether values beside it too.
fn dictionaries(bytes: &[u8], group: usize) -> Vec<(bool, bool)> {
    let written = metadata(bytes);
    let columns = written.row_group(group).columns().iter().map(|chunk| {
        let has_plain = chunk.page_encoding_stats_mask().unwrap().is_set(Encoding::PLAIN);
        (chunk.dictionary_page_offset().is_some(), has_plain)
    });
    columns.collect()
}

#[test]
fn a_selected_column_has_a_dictionary_where_its_chunk_of_the_source_had_one() {
    for with in [true, false] {
        let old = properties()
            .set_dictionary_enabled(!with)
            .set_column_dictionary_enabled("w".into(), with)
            .build();
        let source = Arc::new(open(&parquet_of(&table(), old)).unwrap());
        let output = run(&source, &plan(&source, &[carry("w"), carry("n")], "filtered"), &half, &no_guest);
        for group in 0..4 {
            assert_eq!(dictionaries(&output.bytes, group), [(with, !with), (!with, with)], "{group}");
        }
    }
}

/// 32,768 values of 8 bytes are what a computed column's dictionary may hold.
#[test]
fn a_computed_column_keeps_a_small_dictionary_and_gives_up_a_large_one() {
    const ROWS: i64 = 100_000;
    let numbers: ArrayRef = Arc::new(Int64Array::from_iter_values(0..ROWS));
    let bytes = parquet_of(&batch(vec![("n", numbers, false)]), WriterProperties::builder().build());
    let source = Arc::new(open(&bytes).unwrap());
    for (distinct, keeps) in [(300, true), (30_000, true), (40_000, false), (ROWS, false)] {
        let row = Cell::new(0);
        let computed = |_: usize, kept: &RecordBatch| -> Vec<ArrayRef> {
            let rows = row.get()..row.get() + i64::try_from(kept.num_rows()).unwrap();
            row.set(rows.end);
            vec![Arc::new(Int64Array::from_iter_values(rows.map(|row| row % distinct)))]
        };
        let plan = plan(&source, &[To::Compute(int_field("c"))], "same");
        let output = run(&source, &plan, &all, &computed);
        assert_eq!(row.get(), ROWS);
        assert_eq!(dictionaries(&output.bytes, 0), [(true, !keeps)], "{distinct}");
    }
}
