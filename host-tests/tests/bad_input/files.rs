//! Parquet files that cannot be used. One bad file among good ones refuses the whole dataset.

use host_tests::{Guard, Site, damage, fixture, guests};
use serde_json::json;
use skein_types::{Code, codes};

use crate::{goes_through, orders, refused_by_columns, rename};

/// A directory with a good file and one made from a good one.
#[track_caller]
fn is_refused(make: impl FnOnce(&std::path::Path) -> Vec<u8>, code: Code) {
    let site = Site::new();
    let dataset = site.directory("data/orders");
    fixture::write(&dataset.join("a.parquet"), &fixture::orders(0, 500), 200);
    let bad = dataset.join("b.parquet");
    fixture::write(&bad, &fixture::orders(500, 1_000), 200);
    let bytes = make(&bad);
    std::fs::write(&bad, bytes).unwrap();
    refused_by_columns(&site, &dataset, code);

    std::fs::remove_file(&bad).unwrap();
    goes_through(&site, &dataset);
}

fn bytes(path: &std::path::Path) -> Vec<u8> {
    std::fs::read(path).unwrap()
}

#[test]
fn a_file_without_bytes_is_refused() {
    is_refused(|_| Vec::new(), codes::FILE_NOT_PARQUET);
}

#[test]
fn a_file_of_another_format_is_refused() {
    is_refused(|_| b"id,customer\n1,somebody\n2,somebody else\n".to_vec(), codes::FILE_NOT_PARQUET);
}

#[test]
fn a_file_cut_off_in_its_data_is_refused() {
    is_refused(|path| damage::cut_off(&bytes(path), 400), codes::FILE_TRUNCATED);
}

#[test]
fn a_file_cut_off_in_its_footer_is_refused() {
    is_refused(|path| damage::cut_off(&bytes(path), 990), codes::FILE_TRUNCATED);
}

#[test]
fn a_footer_longer_than_its_file_is_refused() {
    is_refused(|path| damage::wild_footer_length(&bytes(path)), codes::FILE_TRUNCATED);
}

/// Nobody decodes what is only carried: the columns that a module reads are where noise is met.
#[test]
fn noise_is_refused_where_it_is_read_and_carried_where_it_is_not() {
    let (site, dataset) = orders();
    let bad = dataset.join("part-00001.parquet");
    std::fs::write(&bad, damage::noise_in_data(&bytes(&bad))).unwrap();
    let guard = Guard::over(&dataset);
    let reads = json!({ "name": "x", "steps": [{ "cast": "amount", "to": "decimal(12,2)" }] });
    let run = |params| site.run(&guests::component("columns"), &dataset).params(params).finish();
    let outcome = run(&reads);
    outcome.refused(codes::FILE_TRUNCATED);
    assert!(outcome.stderr.contains("part-00001.parquet"), "{}", outcome.stderr);
    guard.untouched();

    run(&rename()).succeeded();
}

#[test]
fn an_encrypted_file_is_refused() {
    is_refused(|path| damage::encrypted_footer(&bytes(path)), codes::FILE_ENCRYPTED);
}

#[test]
fn chunks_that_lie_outside_their_file_are_refused() {
    is_refused(damage::wild_offsets, codes::FILE_WILD_OFFSETS);
}

#[test]
fn thirty_three_thousand_row_groups_are_refused() {
    is_refused(|path| damage::many_row_groups(path, 33_000), codes::FILE_TOO_MANY_ROW_GROUPS);
}

#[test]
fn a_single_damaged_file_is_refused_too() {
    let site = Site::new();
    let path = site.path("data/one.parquet");
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    fixture::write(&path, &fixture::orders(0, 500), 200);
    let good = bytes(&path);
    std::fs::write(&path, damage::cut_off(&good, 700)).unwrap();
    refused_by_columns(&site, &path, codes::FILE_TRUNCATED);
}
