//! What must not be inside a dataset, or under it: each is refused with a code, a page and a hint, and nothing is changed.

use std::path::Path;
use std::process::Command;

use host_tests::{Call, Guard, Outcome, Site, fixture, guard, guests, project};
use serde_json::json;
use skein_types::{Code, codes};

use crate::places::in_own_mounts;
use crate::{goes_through, orders, rename};

/// Fails unless a run is refused in both forms, with this message and a hint, and leaves no trace.
#[track_caller]
fn refused(site: &Site, dataset: &Path, code: Code, message: &str) {
    let guard = Guard::over(dataset);
    let call = || site.run(&guests::component("columns"), dataset).params(&rename());
    let outcome = call().finish();
    outcome.refused(code);
    says(&outcome, message);
    let json = call().arg("-o").arg("json").finish();
    json.refused_json(code);
    assert!(json.json()["error"]["hint"].is_string(), "{}", json.stdout);
    guard.untouched();
}

#[track_caller]
fn says(outcome: &Outcome, message: &str) {
    assert!(outcome.stderr.contains(message), "wanted {message:?}:\n{}", outcome.stderr);
    assert!(outcome.stderr.contains("\n  hint: "), "{}", outcome.stderr);
}

#[test]
fn tables_of_other_systems_are_refused_by_their_name() {
    for (entry, message) in [
        ("_delta_log/00000000000000000000.json", "_delta_log belongs to Delta Lake"),
        (".hoodie/hoodie.properties", ".hoodie belongs to Apache Hudi"),
        ("metadata/v3.metadata.json", "metadata/v3.metadata.json belongs to Apache Iceberg"),
        ("metadata/version-hint.text", "metadata/version-hint.text belongs to Apache Iceberg"),
        ("year=2024/_spark_metadata/0", "year=2024/_spark_metadata belongs to a Spark streaming sink"),
    ] {
        let (site, dataset) = orders();
        site.file(&format!("data/orders/{entry}"), "{}");
        refused(&site, &dataset, codes::PLACE_REFUSED, message);
    }
}

#[test]
fn links_and_special_files_are_refused_wherever_they_point() {
    let (site, dataset) = orders();
    let link = dataset.join("year=2024/part.parquet");
    std::fs::create_dir(dataset.join("year=2024")).unwrap();
    std::os::unix::fs::symlink("../part-00000.parquet", &link).unwrap();
    refused(&site, &dataset, codes::SYMLINK_OUTSIDE, "year=2024/part.parquet is a symbolic link");
    std::fs::remove_file(&link).unwrap();
    assert!(Command::new("mkfifo").arg(&link).status().unwrap().success());
    refused(&site, &dataset, codes::SPECIAL_FILE, "year=2024/part.parquet is not a regular file");
    std::fs::remove_file(&link).unwrap();
    goes_through(&site, &dataset);
}

#[test]
fn a_dataset_that_contains_another_is_refused() {
    let site = Site::new();
    let (outer, inner) = (site.path("data/outer"), site.path("data/outer/inner"));
    fixture::orders_directory(&outer, 1);
    fixture::orders_directory(&inner, 1);
    goes_through(&site, &inner);
    refused(&site, &outer, codes::PLACE_REFUSED, "is a dataset of its own, with its state in .skein");
}

/// Runs `skein run` over `$DATA` after `prepare`, in a mount namespace of its own.
fn behind_mounts(site: &Site, dataset: &Path, prepare: &str) -> Outcome {
    let script = format!("{prepare}; exec \"$SKEIN\" run \"$MODULE\" \"$DATA\" --params \"$PARAMS\"");
    in_own_mounts(site, dataset, &script)
}

#[test]
fn mounts_inside_are_refused_on_another_device_and_on_the_same() {
    for (prepare, message) in [
        (
            "mkdir \"$DATA/more\"; mount -t tmpfs none \"$DATA/more\"",
            "more is on another device than its dataset",
        ),
        ("mkdir \"$DATA/more\"; mount --bind \"$DATA\" \"$DATA/more\"", "more is a mount point"),
        (
            "mkdir \"$DATA/more\"; mount -t tmpfs none \"$DATA/more\"; \
             cp \"$DATA/part-00000.parquet\" \"$DATA/more/\"; \
             mount --bind \"$DATA/more/part-00000.parquet\" \"$DATA/part-00000.parquet\"; umount \"$DATA/more\"",
            "part-00000.parquet is on another device than its dataset",
        ),
    ] {
        let (site, dataset) = orders();
        let before = guard::tree(&dataset);
        let outcome = behind_mounts(&site, &dataset, prepare);
        outcome.refused(codes::PLACE_REFUSED);
        says(&outcome, message);
        std::fs::remove_dir(dataset.join("more")).unwrap();
        assert_eq!(guard::tree(&dataset), before);
        assert!(!site.path("data/.skein").exists());
    }
}

#[test]
fn an_overlay_is_refused_by_its_name() {
    let (site, dataset) = orders();
    for part in ["upper", "work", "merged"] {
        site.directory(part);
    }
    let root = site.path("");
    let prepare = format!(
        "mount -t tmpfs none '{0}work'; mkdir '{0}work/u' '{0}work/w'; \
         mount -t overlay overlay -o lowerdir='{0}data',upperdir='{0}work/u',workdir='{0}work/w' '{0}merged'; \
         DATA='{0}merged/orders'",
        root.display()
    );
    let guard = Guard::over(&dataset);
    let outcome = behind_mounts(&site, &dataset, &prepare);
    outcome.refused(codes::FILESYSTEM_UNSUPPORTED);
    says(&outcome, "the file system overlayfs cannot rename directories atomically");
    guard.untouched();
}

#[test]
fn two_outputs_with_one_name_are_refused() {
    let site = Site::new();
    let upper = json!({ "name": "upper", "steps": [{ "case": "customer", "to": "upper" }] });
    let run = |dataset: &Path| site.run(&guests::component("columns"), dataset).params(&upper);
    let rehearsal = site.path("rehearsal/orders");
    fixture::orders_directory(&rehearsal, 1);
    run(&rehearsal).finish().succeeded();
    let name = std::fs::read_dir(&rehearsal).unwrap().next().unwrap().unwrap().file_name();

    // A file that is not selected has the very name that the other's output gets.
    let dataset = site.path("data/orders");
    fixture::orders_directory(&dataset, 1);
    fixture::write(&dataset.join(&name), &fixture::orders(5_000, 5_010), 10);
    let guard = Guard::over(&dataset);
    let outcome = run(&dataset).arg("--exclude").arg(&name).finish();
    outcome.refused(codes::NAME_COLLISION);
    says(&outcome, &format!("two outputs would be called {}", name.display()));
    guard.untouched();
    run(&dataset).finish().succeeded();
}

#[test]
fn a_place_that_was_refused_is_looked_at_with_the_same_words() {
    let (site, dataset) = orders();
    site.file("data/orders/_delta_log/0.json", "{}");
    let outcome =
        Call::behind(project::skein().to_str().unwrap(), &["doctor"], site.home()).arg(&dataset).finish();
    let said = "problem  contents     [SK0511] _delta_log belongs to Delta Lake";
    assert!(outcome.stdout.contains(said), "{}", outcome.stdout);
}
