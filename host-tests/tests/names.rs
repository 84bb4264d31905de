//! Names that strangers gave: shown and never obeyed, whoever prints them.

use std::path::PathBuf;

use host_tests::{Call, Outcome, Site, fixture, guests};
use serde_json::json;
use skein_types::codes;

/// Clears the screen, turns the direction of writing and begins a line.
const LOUD: &str = "a\u{1b}[2J\u{202e}b\nerror[SK0001]: c";
const SHOWN: &str = "a\\u{1b}[2J\\u{202e}b\\nerror[SK0001]: c";

fn loud() -> (Site, PathBuf) {
    let site = Site::new();
    let dataset = site.path(&format!("data/{LOUD}"));
    fixture::orders_directory(&dataset, 2);
    (site, dataset)
}

#[track_caller]
fn is_plain(outcome: &Outcome) {
    for text in [&outcome.stdout, &outcome.stderr] {
        assert!(!text.contains(['\u{1b}', '\u{202e}']), "{text:?}");
        assert!(!text.lines().any(|line| line.starts_with("error[SK0001]")), "{text:?}");
    }
}

/// The outcome of a call that shows the name of the dataset.
#[track_caller]
fn shows(call: Call) -> Outcome {
    let outcome = call.finish();
    is_plain(&outcome);
    assert!(format!("{}{}", outcome.stdout, outcome.stderr).contains(SHOWN), "{outcome:#?}");
    outcome
}

#[test]
fn a_datasets_name_is_shown_and_not_obeyed_by_every_command() {
    let (site, dataset) = loud();
    let spec = json!({ "name": "tidy", "steps": [{ "drop": "note" }] });
    let run = || site.run(&guests::component("columns"), &dataset).params(&spec);
    shows(run().arg("--dry-run")).succeeded();
    shows(run()).succeeded();
    shows(run()).succeeded();
    shows(site.skein("doctor").arg(&dataset)).succeeded();
    is_plain(&site.skein("history").arg(&dataset).finish().succeeded());
    shows(site.skein("rollback").arg(&dataset)).refused(codes::USAGE);
    is_plain(&site.skein("rollback").arg(&dataset).arg("--yes").finish().succeeded());
    shows(site.skein("history").arg(dataset.join("missing"))).refused(codes::DATASET_NOT_FOUND);
    is_plain(&site.skein("gc").arg(&dataset).finish().succeeded());
    let list = site.file("list.csv", format!("dataset\n\"{}\"\n", dataset.join("missing").display()));
    let columns = guests::component("columns");
    shows(site.skein("run").arg(columns).arg("--manifest").arg(list).params(&spec));
}

#[test]
fn names_of_files_that_are_left_out_are_shown_and_not_obeyed() {
    let site = Site::new();
    let dataset = site.path("data/orders");
    fixture::orders_directory(&dataset, 1);
    site.file(&format!("data/orders/{LOUD}.crc"), "sum");
    std::fs::rename(dataset.join("part-00000.parquet"), dataset.join(format!("{LOUD}.parquet"))).unwrap();
    let spec = json!({ "name": "tidy", "steps": [{ "drop": "note" }] });
    let outcome = site.run(&guests::component("columns"), &dataset).params(&spec).finish().succeeded();
    is_plain(&outcome);
    site.file(&format!("data/orders/{LOUD}2.parquet"), "no Parquet");
    shows(site.run(&guests::component("columns"), &dataset).params(&spec)).refused(codes::FILE_NOT_PARQUET);
}

#[test]
fn a_list_of_paths_holds_whatever_a_line_can_hold() {
    let (site, dataset) = loud();
    let migrate = |dataset: &PathBuf| {
        let spec = json!({ "name": "tidy", "steps": [{ "drop": "note" }] });
        site.run(&guests::component("columns"), dataset).params(&spec).finish().succeeded();
    };
    migrate(&dataset);
    let list = || site.skein("export").arg(&dataset);
    for call in [list(), list().arg("--for").arg("duckdb")] {
        let outcome = call.finish();
        outcome.refused(codes::USAGE);
        is_plain(&outcome);
        assert!(outcome.stderr.contains("  hint: -o json lists it"), "{}", outcome.stderr);
        assert_eq!(outcome.stdout, "");
    }
    let listed = list().arg("-o").arg("json").finish().succeeded().json();
    let path = listed["files"][0]["path"].as_str().unwrap();
    assert!(
        path.starts_with(&format!("{}/part-00000", dataset.canonicalize().unwrap().display())),
        "{path:?}"
    );
    // Odd, and still a line.
    let odd = site.path("data/b \u{202e}'\"$x");
    fixture::orders_directory(&odd, 1);
    migrate(&odd);
    let plain = site.skein("export").arg(&odd).finish().succeeded().stdout;
    let begins = format!("{}/part-00000", odd.canonicalize().unwrap().display());
    assert!(plain.starts_with(&begins) && plain.lines().count() == 1, "{plain:?}");
}

#[test]
fn a_name_of_a_megabyte_is_not_printed_whole() {
    let site = Site::new();
    let list = site.file("list.csv", format!("dataset\n{}\n", "n".repeat(1 << 20)));
    let call = site.skein("run").arg(guests::component("columns")).arg("--manifest").arg(list);
    let outcome = call.params(&json!({ "name": "x", "steps": [] })).finish();
    assert!(outcome.code() != 0 && outcome.stderr.len() < 10_000, "{} bytes", outcome.stderr.len());
    assert!(outcome.stderr.contains("nnn…"), "{}", outcome.stderr);
}

#[test]
fn a_new_dataset_gets_no_name_that_a_terminal_or_a_command_would_obey() {
    let (site, dataset) = loud();
    for name in ["-rf", "a\u{1b}[2Jb", "a\nb", "a\u{7f}"] {
        let call = site.run(&guests::component("columns"), &dataset).arg(format!("--publish=beside={name}"));
        let outcome = call.finish();
        assert_eq!(outcome.code(), i32::from(codes::USAGE.exit_code()), "{outcome:#?}");
    }
}
