//! `--publish hold` and `beside`, and what becomes of the result, through the real binary.

use std::path::{Path, PathBuf};

use host_tests::guard::{state_directory, tree};
use host_tests::{Call, Site, fixture, guests, python};
use serde_json::{Value, json};
use skein_types::codes;

fn orders() -> (Site, PathBuf) {
    let site = Site::new();
    let dataset = site.path("data/orders");
    fixture::orders_directory(&dataset, 2);
    (site, dataset)
}

fn run(site: &Site, dataset: &Path, mode: &str) -> Call {
    let spec = json!({ "name": "tidy", "steps": [
        { "rename": "customer", "to": "client" }, { "cast": "amount", "to": "decimal(12,2)" }, { "drop": "note" }
    ] });
    site.run(&guests::component("columns"), dataset).params(&spec).arg("--publish").arg(mode)
}

fn json_of(call: Call) -> Value {
    call.arg("-o").arg("json").finish().succeeded().json()
}

#[test]
fn what_is_held_is_read_by_duckdb_and_then_published() {
    let (site, dataset) = orders();
    let before = tree(&dataset);
    let report = json_of(run(&site, &dataset, "hold"));
    assert_eq!((&report["outcome"], &report["version"]), (&json!("held"), &json!(1)));
    let path = PathBuf::from(report["path"].as_str().unwrap());
    assert!(path.starts_with(state_directory(&dataset).join("held")), "{path:?}");
    assert_eq!(
        python::run("rows.py", &[&path, &dataset]),
        "1980 id client amount year\n2000 id customer amount note year\n"
    );
    let rejects = PathBuf::from(report["quarantine"].as_str().unwrap());
    assert_eq!(fixture::read(&rejects).num_rows(), 20);
    assert_eq!(tree(&dataset), before);

    let history = json_of(site.skein("history").arg(&dataset));
    assert_eq!(history["held"][0]["run"], report["run"]);
    assert_eq!(history["held"][0]["path"], report["path"]);
    assert_eq!(history["held"][0]["publishable"], json!(true));
    let held = tree(&path);
    assert_eq!(json_of(site.skein("publish").arg(&dataset)), json!({ "version": 1 }));
    assert_eq!(tree(&dataset), held);
    site.skein("rollback").arg(&dataset).arg("--yes").finish().succeeded();
    assert_eq!(tree(&dataset), before);
}

#[test]
fn what_is_held_is_discarded_only_after_a_yes() {
    let (site, dataset) = orders();
    let report = json_of(run(&site, &dataset, "hold"));
    let path = PathBuf::from(report["path"].as_str().unwrap());
    site.skein("discard").arg(&dataset).finish().refused(codes::USAGE);
    assert!(path.is_dir());
    let other = "run_00000000000000000000000000000001";
    site.skein("discard")
        .arg(&dataset)
        .arg("--run")
        .arg(other)
        .arg("--yes")
        .finish()
        .refused(codes::NOTHING_HELD);
    let gone = json_of(site.skein("discard").arg(&dataset).arg("--yes"));
    assert_eq!((&gone["run"], &gone["files"]), (&report["run"], &json!(2)));
    assert!(!path.exists());
    site.skein("publish").arg(&dataset).finish().refused(codes::NOTHING_HELD);
}

#[test]
fn a_held_version_whose_base_is_not_current_any_more_is_refused_with_a_way_out() {
    let (site, dataset) = orders();
    run(&site, &dataset, "hold").finish().succeeded();
    run(&site, &dataset, "replace").finish().succeeded();
    let refused = site.skein("publish").arg(&dataset).finish();
    refused.refused(codes::HELD_STALE);
    assert!(refused.stderr.contains("discard it and run the migration again"), "{}", refused.stderr);
    let told = site.skein("history").arg(&dataset).finish().succeeded().stdout;
    assert!(told.contains("over version 0, which is not current any more"), "{told}");
}

#[test]
fn a_dataset_beside_is_a_dataset_of_its_own_and_the_old_one_stays() {
    let (site, dataset) = orders();
    let before = tree(&dataset);
    let new = site.path("data/orders v2");
    let report = json_of(run(&site, &dataset, "beside=orders v2"));
    assert_eq!(report["outcome"], "beside");
    assert_eq!(report["path"], new.display().to_string());
    assert_eq!(fixture::read(Path::new(report["quarantine"].as_str().unwrap())).num_rows(), 20);
    assert_eq!(tree(&dataset), before);
    assert_eq!(python::run("rows.py", &[&new]), "1980 id client amount year\n");

    let history = json_of(site.skein("history").arg(&new));
    assert_eq!(history["versions"][0]["kind"], "beside");
    assert_eq!(history["versions"][0]["what"].as_str().unwrap().split(" of ").last(), Some("orders"));
    assert_eq!(json_of(run(&site, &new, "replace"))["outcome"], "already_migrated");
    let first = tree(&new);
    let drop_year = json!({ "name": "less", "steps": [{ "drop": "year" }] });
    site.run(&guests::component("columns"), &new).params(&drop_year).finish().succeeded();
    assert_eq!(python::run("rows.py", &[&new]), "1980 id client amount\n");
    site.skein("rollback").arg(&new).arg("--yes").finish().succeeded();
    assert_eq!(tree(&new), first);

    run(&site, &dataset, "beside=orders v2").finish().refused(codes::NAME_TAKEN);
    assert_eq!(tree(&new), first);
    assert_eq!(run(&site, &dataset, "beside=a/b").finish().code(), 64);
    assert_eq!(run(&site, &dataset, "besides").finish().code(), 64);
}

/// A migration that changes no column's name or type.
fn shout(site: &Site, dataset: &Path) -> Call {
    let spec = json!({ "name": "shout", "steps": [{ "case": "customer", "to": "upper" }] });
    site.run(&guests::component("columns"), dataset).params(&spec)
}

#[test]
fn files_that_were_added_since_a_hold_are_part_of_what_is_published_and_the_next_run_migrates_them() {
    let (site, dataset) = orders();
    shout(&site, &dataset).arg("--publish").arg("hold").finish().succeeded();
    fixture::write(&dataset.join("late.parquet"), &fixture::orders(5_000, 5_010), 100);
    site.file("data/orders/README", "r");
    let late = std::fs::read(dataset.join("late.parquet")).unwrap();
    let told = site.skein("publish").arg(&dataset).finish().succeeded().stdout;
    assert!(
        told.contains(
            "2 files were added since; they are kept as they are and will be migrated by the next run"
        ),
        "{told}"
    );
    assert_eq!(std::fs::read(dataset.join("late.parquet")).unwrap(), late);
    assert_eq!(std::fs::read(dataset.join("README")).unwrap(), b"r");
    assert_eq!(python::run("rows.py", &[&dataset]), "2010 id customer amount note year\n");
    let report = json_of(shout(&site, &dataset));
    assert_eq!((&report["files"], &report["files_joined"]), (&json!(1), &json!(2)));
    assert_eq!(json_of(shout(&site, &dataset))["outcome"], "already_migrated");
}

#[test]
fn a_file_of_another_schema_that_was_added_since_a_hold_is_named_and_nothing_is_published() {
    let (site, dataset) = orders();
    run(&site, &dataset, "hold").finish().succeeded();
    fixture::write(&dataset.join("late.parquet"), &fixture::orders(5_000, 5_010), 100);
    let before = tree(&dataset);
    let refused = site.skein("publish").arg(&dataset).finish();
    refused.refused(codes::HELD_STALE);
    for part in ["late.parquet cannot join it: 4 columns against 5", "discard it and run the migration again"]
    {
        assert!(refused.stderr.contains(part), "{part:?} is not in {}", refused.stderr);
    }
    assert_eq!(tree(&dataset), before);
    site.skein("discard").arg(&dataset).arg("--yes").finish().succeeded();
    assert_eq!(json_of(run(&site, &dataset, "replace"))["files"], json!(3));
}

#[test]
fn a_file_outside_of_all_partitions_cannot_join_a_held_version_that_has_them() {
    let site = Site::new();
    let dataset = site.path("data/orders");
    fixture::orders_directory(&dataset.join("k=1"), 2);
    shout(&site, &dataset).arg("--publish").arg("hold").finish().succeeded();
    fixture::write(&dataset.join("late.parquet"), &fixture::orders(5_000, 5_010), 100);
    let refused = site.skein("publish").arg(&dataset).finish();
    refused.refused(codes::HELD_STALE);
    assert!(refused.stderr.contains("it changes which levels are partition columns"), "{}", refused.stderr);
}
