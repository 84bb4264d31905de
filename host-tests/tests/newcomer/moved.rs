//! A dataset that was renamed without its state.

use std::fs::rename;

use host_tests::{Guard, fixture, guests};
use serde_json::json;
use skein_types::codes;

use crate::{columns, orders};

fn tidy() -> serde_json::Value {
    json!([{ "drop": "note" }])
}

#[test]
fn a_renamed_dataset_is_not_migrated_again_and_the_hint_brings_its_memory_back() {
    let (site, dataset) = orders();
    columns(&site, &dataset, "tidy", tidy()).finish().succeeded();
    let renamed = site.path("data/sales");
    rename(&dataset, &renamed).unwrap();
    let guard = Guard::over(&renamed);

    let states = site.path("data/.skein");
    let command = format!("mv {}/orders {}/sales", states.display(), states.display());
    let run = columns(&site, &renamed, "tidy", tidy()).finish();
    let dry = columns(&site, &renamed, "tidy", tidy()).arg("--dry-run").finish();
    let out = columns(&site, &renamed, "tidy", tidy()).arg("--output").arg(site.path("out")).finish();
    let check = site.skein("check").arg(guests::component("columns")).arg("--dataset").arg(&renamed);
    let check = check.params(&json!({ "name": "tidy", "steps": tidy() })).finish();
    for outcome in [run, dry, out, check] {
        outcome.refused(codes::DATASET_MOVED);
        assert!(outcome.stderr.contains("was called \"orders\" before"), "{}", outcome.stderr);
        assert!(outcome.stderr.contains(&format!("hint: `{command}` takes it along")), "{}", outcome.stderr);
    }
    guard.untouched();
    let doctor = site.skein("doctor").arg(&renamed).finish();
    assert_eq!(doctor.code(), i32::from(codes::DATASET_MOVED.exit_code()));
    assert!(doctor.stdout.contains(&command), "{}", doctor.stdout);
    for verb in ["rollback", "finalize"] {
        let refused = site.skein(verb).arg(&renamed).arg("--yes").finish();
        refused.refused(codes::NO_HISTORY);
        assert!(refused.stderr.contains("`skein doctor` on it says how"), "{}", refused.stderr);
    }

    rename(states.join("orders"), states.join("sales")).unwrap();
    let again = columns(&site, &renamed, "tidy", tidy()).finish().succeeded();
    assert!(again.stdout.starts_with("already migrated: "), "{}", again.stdout);
    site.skein("rollback").arg(&renamed).arg("--yes").finish().succeeded();
    assert_eq!(fixture::read(&renamed.join("part-00000.parquet")), fixture::orders(0, 1_000));
}

#[test]
fn a_single_file_and_a_dataset_to_which_others_added_are_known_too() {
    let (site, dataset) = orders();
    let file = site.path("data/one.parquet");
    fixture::write(&file, &fixture::orders(0, 50), 10);
    for path in [&dataset, &file] {
        columns(&site, path, "tidy", tidy()).finish().succeeded();
    }
    let (renamed, file_renamed) = (site.path("data/sales"), site.path("data/two.parquet"));
    rename(&dataset, &renamed).unwrap();
    rename(&file, &file_renamed).unwrap();
    fixture::write(&renamed.join("added.parquet"), &fixture::orders(0, 5), 10);
    let list = format!("dataset\n{}\n{}\n", renamed.display(), file_renamed.display());
    let list = site.file("list.csv", list);
    let call = site.skein("run").arg(guests::component("columns")).arg("--manifest").arg(&list);
    let outcome = call.params(&json!({ "name": "tidy", "steps": tidy() })).finish();
    outcome.refused(codes::DATASET_MOVED);
    assert!(outcome.stderr.contains("2 x SK0543"), "{}", outcome.stderr);

    rename(site.path("data/.skein/one.parquet"), site.path("data/.skein/two.parquet")).unwrap();
    let again = columns(&site, &file_renamed, "tidy", tidy()).finish().succeeded();
    assert!(again.stdout.starts_with("already migrated: "), "{}", again.stdout);
}

#[test]
fn a_copy_or_another_dataset_beside_an_orphan_is_none_of_its_business() {
    let (site, dataset) = orders();
    columns(&site, &dataset, "tidy", tidy()).finish().succeeded();
    let copy = site.path("data/copy");
    fixture::copy(&dataset, &copy);
    let kept = site.path("kept");
    rename(&dataset, &kept).unwrap();
    let spec = json!([{ "rename": "customer", "to": "client" }]);
    columns(&site, &copy, "client", spec).finish().succeeded();
    assert!(site.path("data/.skein/orders").is_dir(), "the orphan was touched");
}
