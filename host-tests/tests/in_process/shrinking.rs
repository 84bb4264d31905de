//! A file that its writer cuts off while a run reads it: the run says that it changed, and nothing is published.

use std::fs::OpenOptions;
use std::path::{Path, PathBuf};

use arrow_array::RecordBatch;
use host_tests::{Site, fixture};
use serde_json::json;
use skein_node::{Agent, AgentSource, Progress, Resize, RunRequest, SchemaGroup};
use skein_sandbox::{GuestError, Processed, Seed, Usage};
use skein_types::{Bytes, codes};

use crate::Shop;

/// Cuts a file off when its first agent is opened: then the file is open, and nothing of it is decoded yet.
struct Shrinking(PathBuf);

/// Is never asked: the rows cannot be read.
struct Idle;

impl AgentSource for Shrinking {
    fn open(&self, _: Seed, _: Option<Vec<u8>>) -> Result<Box<dyn Agent>, GuestError> {
        OpenOptions::new().write(true).open(&self.0).unwrap().set_len(64).unwrap();
        Ok(Box::new(Idle))
    }
}

impl Agent for Idle {
    fn reseed(&mut self, _: Seed) {}

    fn process(&mut self, _: u64, _: &RecordBatch) -> Result<Processed, GuestError> {
        unreachable!("rows of a file that is cut off")
    }

    fn finish(&mut self) -> Result<Vec<RecordBatch>, GuestError> {
        Ok(Vec::new())
    }

    fn save(&mut self) -> Result<Option<Vec<u8>>, GuestError> {
        Ok(None)
    }

    fn usage(&self) -> Usage {
        Usage::default()
    }
}

fn names(directory: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(directory).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

/// Why a run over these files ends of which one shrinks; the small ones become one. Files without rows open no agent, so
/// the first that is opened is that of the file with rows, which is the one that shrinks.
fn shrinking_while_compacted(files: &[(&str, i64)], shrinks: &str) -> String {
    let shop = Shop::new();
    let module = shop.module("columns");
    let site = Site::new();
    let dataset = site.directory("data/orders");
    for (name, rows) in files {
        fixture::write(&dataset.join(name), &fixture::orders(0, *rows), 400);
    }
    let params = json!({ "name": "cast", "steps": [{ "cast": "amount", "to": "decimal(12,2)" }] });
    let resize = Resize { file_size: Some(Bytes(16 << 10)), row_groups: None };
    let request = RunRequest { resize, ..Shop::request(&params) };
    let progress = Progress::default();
    let prepared = shop.prepare(&module, &dataset, request, &progress).unwrap();
    let file = dataset.join(shrinks);
    let agents = |_: &SchemaGroup| -> Box<dyn AgentSource> { Box::new(Shrinking(file.clone())) };
    let error = prepared.stage_with(&progress, agents).unwrap_err();
    assert_eq!(error.code(), codes::FILE_CHANGED_WHILE_READ, "{error}");
    error.to_string()
}

#[test]
fn a_file_that_shrinks_during_a_compaction_is_named_wherever_it_stands_among_its_neighbours() {
    let second = shrinking_while_compacted(&[("a.parquet", 0), ("b.parquet", 20)], "b.parquet");
    assert_eq!(second, "b.parquet changed while the run was under way");
    // The second output and the third file.
    let files = [("a.parquet", 0), ("b.parquet", 0), ("c.parquet", 1_000)];
    let third = shrinking_while_compacted(&files, "c.parquet");
    assert_eq!(third, "c.parquet changed while the run was under way");
}

#[test]
fn a_file_that_shrinks_while_it_is_read_has_changed_and_is_not_called_damaged() {
    let shop = Shop::new();
    let module = shop.module("columns");
    let site = Site::new();
    let dataset = site.path("data/orders");
    fixture::orders_directory(&dataset, 1);
    let file = dataset.join("part-00000.parquet");
    let params = json!({ "name": "cast", "steps": [{ "cast": "amount", "to": "decimal(12,2)" }] });
    let progress = Progress::default();
    let prepared = shop.prepare(&module, &dataset, Shop::request(&params), &progress).unwrap();
    let agents = |_: &SchemaGroup| -> Box<dyn AgentSource> { Box::new(Shrinking(file.clone())) };
    let error = prepared.stage_with(&progress, agents).unwrap_err();
    assert_eq!(error.code(), codes::FILE_CHANGED_WHILE_READ, "{error}");
    assert_eq!(error.to_string(), "part-00000.parquet changed while the run was under way");
    assert!(error.hint().is_some_and(|hint| hint.starts_with("run it again when its writer is done")));
    assert_eq!(names(&dataset), ["part-00000.parquet"]);
    assert_eq!(names(&site.path("data/.skein/orders/stage")), [""; 0]);
}
