//! A file row against the real rivals, with a stand-in for Skein that renames columns with the Parquet crate alone.
#![expect(clippy::unwrap_used, reason = "helpers of tests: a failure here is a failed test")]

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::Schema;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use skein_bench::file_row::{Row, Settings, SkeinTook, measure};
use skein_bench::rival::{Python, Took, Work};
use skein_bench::rows::rename_params;
use skein_bench::tables::{Codec, Request, Table, write};

/// Old and new names, from the parameters that Skein gets.
fn renamed() -> Vec<(String, String)> {
    let params = rename_params();
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    let renames = params["steps"].as_array().unwrap().iter().filter(|step| step["rename"].is_string());
    renames.map(|step| (text(&step["rename"]), text(&step["to"]))).collect()
}

fn interpreter() -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from);
    let python =
        std::env::var_os("SKEIN_PYTHON").map_or_else(|| target.join("venv/bin/python"), PathBuf::from);
    assert!(python.is_file(), "no Python at {}; `cargo xtask test` makes it", python.display());
    python
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// Renames, and leaves the last `short` rows of each batch out.
fn rename(work: &Work, out: &Path, short: usize) -> u64 {
    let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(&work.source).unwrap()).unwrap();
    let source = Arc::clone(reader.schema());
    let renamed = renamed();
    let fields: Vec<_> = renamed
        .iter()
        .map(|(old, new)| source.field_with_name(old).unwrap().clone().with_name(new))
        .collect();
    let schema = Arc::new(Schema::new(fields));
    let mut writer = ArrowWriter::try_new(File::create(out).unwrap(), Arc::clone(&schema), None).unwrap();
    for batch in reader.build().unwrap() {
        let batch = batch.unwrap();
        let batch = batch.slice(0, batch.num_rows() - short);
        let columns = renamed.iter().map(|(old, _)| Arc::clone(batch.column_by_name(old).unwrap()));
        writer.write(&RecordBatch::try_new(Arc::clone(&schema), columns.collect()).unwrap()).unwrap();
    }
    writer.close().unwrap();
    std::fs::metadata(out).unwrap().len()
}

fn row_and_settings(dir: &Path) -> (Row, Settings) {
    let request = Request {
        sf: 0.001,
        out: dir.to_owned(),
        tables: vec![Table::Lineitem],
        codec: Codec::Snappy,
        row_group_rows: 2_000,
        files: 1,
    };
    let source = write(&request).unwrap().remove(0).path;
    let work = Work { job: "rename", source, codec: "snappy", row_group_rows: 2_000 };
    let python = Python { interpreter: interpreter(), scripts: root().join("bench/rivals") };
    let settings = Settings { python, outputs: dir.join("outputs"), threads: 2, rounds: 5 };
    (Row { name: "rename", work, must: 0.35, aim: 0.2 }, settings)
}

#[test]
fn equal_results_are_timed_and_nothing_stays_behind() {
    let dir = tempfile::tempdir().unwrap();
    let (row, settings) = row_and_settings(dir.path());
    let mut calls = 0;
    let report = measure(&row, &settings, &mut |work, out| {
        calls += 1;
        let bytes = rename(work, out, 0);
        Ok(SkeinTook { staged: Took { seconds: 1.0, bytes }, durable_seconds: 2.0 })
    })
    .unwrap();
    assert_eq!(calls, 6, "one compared, five timed");
    let names: Vec<&str> = report.contenders.iter().map(|c| c.name.split(' ').next().unwrap()).collect();
    assert_eq!(names, ["Skein", "Skein,", "DuckDB", "Polars"]);
    assert_eq!(report.figures[1].value / report.figures[0].value, 2.0);
    assert_eq!(settings.outputs.read_dir().unwrap().count(), 0);
}

#[test]
fn a_result_with_a_row_too_few_ends_the_benchmark() {
    let dir = tempfile::tempdir().unwrap();
    let (row, settings) = row_and_settings(dir.path());
    let refused = measure(&row, &settings, &mut |work, out| {
        let bytes = rename(work, out, 1);
        Ok(SkeinTook { staged: Took { seconds: 1.0, bytes }, durable_seconds: 2.0 })
    });
    let chain = format!("{:#}", refused.unwrap_err());
    assert!(chain.contains("stand only left"), "{chain}");
}
