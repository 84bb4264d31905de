//! `skein run --output DIR`: plain files elsewhere, complete or absent; the dataset as it was.

use std::path::Path;

use host_tests::{Guard, Site, fixture, guard, guests};
use serde_json::json;
use skein_types::codes;

use crate::{migrate, orders};

fn names(directory: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(directory).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn the_result_is_in_the_directory_and_the_dataset_is_not_even_registered() {
    let (site, dataset) = orders(2);
    site.file("data/orders/README", "read me");
    let guard = Guard::over(&dataset);
    let to = site.path("out/new");
    std::fs::create_dir(site.path("out")).unwrap();
    let outcome = migrate(&site, &dataset).arg("--output").arg(&to).finish().succeeded();
    assert!(
        outcome
            .stdout
            .starts_with(&format!("wrote plain files: rename 0.1.0\n  place    {}\n", to.display())),
        "{}",
        outcome.stdout
    );
    assert_eq!(names(&to), ["README", "part-00000.parquet", "part-00001.parquet"]);
    assert_eq!(fixture::read(&to.join("part-00001.parquet")).schema().field(1).name(), "client");
    assert_eq!(names(&site.path("out")), ["new"]);
    assert!(!site.path("data/.skein").exists());
    guard.untouched();

    // The same bytes as a publish would make.
    migrate(&site, &dataset).finish().succeeded();
    let contents = |directory: &Path| {
        let tree = guard::tree(directory);
        let mut contents: Vec<String> = tree.into_values().filter(|what| what.starts_with("file")).collect();
        contents.sort();
        contents
    };
    assert_eq!(contents(&to), contents(&dataset));
}

#[test]
fn another_device_and_an_empty_directory_will_do_and_a_file_keeps_its_name() {
    let (site, dataset) = orders(1);
    let to = tempfile::Builder::new().prefix("skein-test-").tempdir_in("/dev/shm").unwrap();
    let file = dataset.join("part-00000.parquet");
    let outcome =
        migrate(&site, &file).arg("--output").arg(to.path()).arg("-o").arg("json").finish().succeeded();
    let report = outcome.json();
    assert_eq!((&report["outcome"], &report["version"]), (&json!("written"), &json!(0)));
    assert_eq!(report["path"], json!(to.path()));
    assert_eq!(names(to.path()), ["part-00000.parquet"]);
    assert!(!dataset.join(".skein").exists());
}

#[test]
fn rejects_lie_inside_where_readers_pass_them_over() {
    let (site, dataset) = orders(1);
    let to = site.path("new");
    let params = json!({ "name": "cast", "steps": [{ "cast": "amount", "to": "decimal(12,2)" }] });
    let call = site.run(&guests::component("columns"), &dataset).params(&params);
    let report = call.arg("--output").arg(&to).arg("-o").arg("json").finish().succeeded().json();
    let rejects = to.join("_quarantine.parquet");
    assert_eq!(report["quarantine"], json!(rejects));
    assert_eq!((report["rows"]["rejected"].clone(), fixture::read(&rejects).num_rows()), (json!(10), 10));
    assert_eq!(fixture::read(&to.join("part-00000.parquet")).num_rows(), 990);
}

#[test]
fn what_is_not_selected_is_not_written_and_its_directories_neither() {
    let site = Site::new();
    let dataset = site.path("data/orders");
    for part in ["year=2023", "year=2024"] {
        fixture::orders_directory(&dataset.join(part), 1);
    }
    site.directory("data/orders/empty");
    let to = site.path("new");
    migrate(&site, &dataset).arg("--where").arg("year=2024").arg("--output").arg(&to).finish().succeeded();
    assert_eq!(names(&to), ["empty", "year=2024"]);
    assert_eq!(names(&to.join("year=2024")), ["part-00000.parquet"]);
}

#[test]
fn a_directory_that_holds_something_or_lies_in_a_dataset_is_refused() {
    let (site, dataset) = orders(1);
    let guard = Guard::over(&dataset);
    site.file("full/file", "mine");
    site.file("file", "mine");
    let other = site.path("data/other");
    fixture::orders_directory(&other, 1);
    migrate(&site, &other).finish().succeeded();
    for (to, code, problem) in [
        (site.path("full"), codes::OUTPUT_REFUSED, "is not empty"),
        (site.path("file"), codes::OUTPUT_REFUSED, "is no directory"),
        (dataset.clone(), codes::OUTPUT_REFUSED, "lies inside the dataset, or is it"),
        (dataset.join("new"), codes::OUTPUT_REFUSED, "lies inside the dataset, or is it"),
        (site.path("none/new"), codes::OUTPUT_REFUSED, "lies in a directory that does not exist"),
        (other.join("new"), codes::PLACE_REFUSED, "lies inside the dataset"),
        (site.path("data/.skein/other/new"), codes::OUTPUT_REFUSED, "lies where states of datasets are kept"),
        (site.path("data/.skein/new"), codes::OUTPUT_REFUSED, "lies where states of datasets are kept"),
    ] {
        let outcome = migrate(&site, &dataset).arg("--output").arg(&to).finish();
        outcome.refused(code);
        assert!(outcome.stderr.contains(problem), "{}", outcome.stderr);
    }
    guard.untouched();
    assert_eq!(names(&site.path("full")), ["file"]);
}

#[test]
fn a_dry_run_looks_at_the_directory_and_not_beside_the_dataset() {
    let site = Site::new();
    let dataset = site.path("data/orders");
    for part in ["year=2023", "year=2024"] {
        fixture::orders_directory(&dataset.join(part), 1);
    }
    let dry = |to: &Path| {
        let call = migrate(&site, &dataset).arg("--where").arg("year=2024").arg("--output").arg(to);
        call.arg("--dry-run").arg("-o").arg("json").finish()
    };
    dry(&dataset.join("new")).refused_json(codes::OUTPUT_REFUSED);
    dry(&site.path("none/new")).refused_json(codes::OUTPUT_REFUSED);
    let to = tempfile::Builder::new().prefix("skein-test-").tempdir_in("/dev/shm").unwrap();
    let traces = guard::tree(to.path());
    let found = dry(to.path()).succeeded().json();
    let one = std::fs::metadata(dataset.join("year=2024/part-00000.parquet")).unwrap().len();
    assert_eq!(found["room"]["needed"], json!(one + one.div_ceil(5)), "what is not selected is not written");
    assert_eq!(found["room"]["output"], json!(to.path()));
    // Free space moves, but the two file systems are not of one size.
    let free = |path: &Path| {
        let stat = rustix::fs::statvfs(path).unwrap();
        i128::from(stat.f_bavail * stat.f_frsize)
    };
    let told = i128::from(found["room"]["free"].as_u64().unwrap());
    assert!((told - free(to.path())).abs() < (told - free(&dataset)).abs(), "{}", found["room"]);
    assert_eq!((guard::tree(to.path()), found["work"]["joined"].clone()), (traces, json!(0)));
}

#[test]
fn a_file_called_like_the_rejected_rows_is_refused_before_any_work() {
    let (site, dataset) = orders(1);
    site.file("data/orders/_quarantine.parquet", "of an earlier output");
    let guard = Guard::over(&dataset);
    let to = site.path("out/new");
    std::fs::create_dir(site.path("out")).unwrap();
    let params = json!({ "name": "cast", "steps": [{ "cast": "amount", "to": "decimal(12,2)" }] });
    let run = || {
        let call = site.run(&guests::component("columns"), &dataset).params(&params);
        // Whoever comes as far as to write a file dies.
        call.arg("--output").arg(&to).env("SKEIN_CRASH_AT", "stage.before-file-rename")
    };
    let outcome = run().finish();
    outcome.refused(codes::OUTPUT_REFUSED);
    assert!(outcome.stderr.contains("two files called _quarantine.parquet"), "{}", outcome.stderr);
    run().arg("--dry-run").finish().refused(codes::OUTPUT_REFUSED);
    guard.untouched();
    assert_eq!(names(&site.path("out")), [""; 0]);
    // Where nothing can be rejected it is a file like others.
    migrate(&site, &dataset).arg("--output").arg(&to).finish().succeeded();
    assert_eq!(names(&to), ["_quarantine.parquet", "part-00000.parquet"]);
}

#[test]
fn a_run_that_fails_or_is_killed_leaves_no_directory() {
    let (site, dataset) = orders(1);
    let to = site.path("out/new");
    std::fs::create_dir(site.path("out")).unwrap();
    let params = json!({ "name": "cast", "steps": [{ "cast": "customer", "to": "int64" }] });
    let call = || site.run(&guests::component("columns"), &dataset).params(&params).arg("--output").arg(&to);
    call().arg("--max-rejects").arg("3").finish().refused(codes::GUEST_REJECTS);
    assert_eq!(names(&site.path("out")), [""; 0]);
    assert!(
        migrate(&site, &dataset)
            .arg("--output")
            .arg(&to)
            .env("SKEIN_CRASH_AT", "store.before-dir-sync")
            .finish()
            .was_killed()
    );
    // Everything was synced, so the name was given; or it was not, and then there is none.
    assert!(names(&site.path("out")).iter().all(|name| name == "new" || name.starts_with(".new.skein-")));
    for at in ["stage.before-file-rename", "stage.after-file-rename"] {
        let (site, dataset) = orders(1);
        let to = site.path("new");
        let call = migrate(&site, &dataset).arg("--output").arg(&to).env("SKEIN_CRASH_AT", at);
        assert!(call.finish().was_killed(), "{at}");
        assert!(!to.exists());
        migrate(&site, &dataset).arg("--output").arg(&to).finish().succeeded();
        assert_eq!(names(&to), ["part-00000.parquet"]);
    }
}
