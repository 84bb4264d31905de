//! Staged files that are no longer what was made: reading them again names the file and the column.

#![expect(clippy::disallowed_methods, reason = "what is staged is damaged as a disk would damage it")]

use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use host_tests::{Guard, Site, fixture, guard};
use parquet::file::reader::{FileReader as _, SerializedFileReader};
use serde_json::{Value, json};
use skein_node::{Progress, RunError, RunRequest, Staged};
use skein_types::{VerifyLevel, codes};

use crate::Shop;

/// Notes are written in capitals, the rest is carried.
fn spec() -> Value {
    json!({ "name": "v2", "steps": [{ "case": "note", "to": "upper" }] })
}

fn staged(shop: &Shop, dataset: &Path) -> Staged {
    let module = shop.module("columns");
    let progress = Progress::default();
    let request = RunRequest { verify: VerifyLevel::Readback, ..Shop::request(&spec()) };
    shop.prepare(&module, dataset, request, &progress).unwrap().stage(&progress).unwrap()
}

/// The one staged file.
fn file(dataset: &Path) -> PathBuf {
    let staged = guard::state_directory(dataset).join("stage");
    let attempt = std::fs::read_dir(staged).unwrap().next().unwrap().unwrap().path();
    let mut found = attempt.join("data");
    while found.is_dir() {
        found = std::fs::read_dir(&found).unwrap().next().unwrap().unwrap().path();
    }
    found
}

/// Turns over one bit in the middle of a column's chunk.
fn flip(path: &Path, column: &str) {
    let reader = SerializedFileReader::new(std::fs::File::open(path).unwrap()).unwrap();
    let group = reader.metadata().row_group(1);
    let chunk = group.columns().iter().find(|chunk| chunk.column_path().string() == column).unwrap();
    let (start, length) = chunk.byte_range();
    turn(path, start + length / 2);
}

fn turn(path: &Path, at: u64) {
    let file = std::fs::OpenOptions::new().read(true).write(true).open(path).unwrap();
    let mut byte = [0];
    file.read_exact_at(&mut byte, at).unwrap();
    file.write_all_at(&[byte[0] ^ 1], at).unwrap();
}

#[test]
fn one_flipped_bit_in_a_staged_file_is_found_and_named() {
    let shop = Shop::new();
    let site = Site::new();
    let dataset = site.directory("orders");
    fixture::write(&dataset.join("a.parquet"), &fixture::orders(0, 3_000), 1_000);
    let guard = Guard::over(&dataset);
    let staged = staged(&shop, &dataset);
    let path = file(&dataset);
    let whole = std::fs::read(&path).unwrap();
    staged.read_back().unwrap();
    let broken = |what: &dyn Fn()| -> RunError {
        what();
        let error = staged.read_back().unwrap_err();
        std::fs::write(&path, &whole).unwrap();
        staged.read_back().unwrap();
        error
    };
    let name = path.file_name().unwrap().to_string_lossy().into_owned();
    let copied = broken(&|| flip(&path, "year"));
    assert_eq!(copied.code(), codes::READBACK_COPY_DIFFERS);
    assert!(copied.to_string().contains(&name) && copied.to_string().contains("\"year\""), "{copied}");
    let made = broken(&|| flip(&path, "note"));
    assert_eq!(made.code(), codes::READBACK_DIFFERS);
    assert!(made.to_string().contains(&name), "{made}");
    // The first byte of what says that it is Parquet, which no column has.
    let outside = broken(&|| turn(&path, 0));
    assert_eq!(outside.code(), codes::READBACK_DIFFERS);
    let cut = broken(&|| std::fs::write(&path, &whole[..whole.len() - 1]).unwrap());
    assert_eq!(cut.code(), codes::READBACK_DIFFERS);
    drop(staged);
    guard.untouched();
}
