//! Going back, and going on after a mistake.

use std::path::Path;

use host_tests::{Site, fixture};
use serde_json::{Value, json};
use skein_types::codes;

use crate::{columns, orders};

fn rename(to: &str) -> Value {
    json!([{ "rename": "customer", "to": to }])
}

fn back(site: &Site, dataset: &Path) -> Value {
    let call = site.skein("rollback").arg(dataset).arg("--yes").arg("-o").arg("json");
    call.finish().succeeded().json()["to"].take()
}

#[test]
fn two_rollbacks_undo_two_runs() {
    let (site, dataset) = orders();
    let before = fixture::read(&dataset.join("part-00000.parquet"));
    columns(&site, &dataset, "A", rename("client")).finish().succeeded();
    columns(&site, &dataset, "B", json!([{ "drop": "note" }])).finish().succeeded();

    let asked = site.skein("rollback").arg(&dataset).finish();
    asked.refused(codes::USAGE);
    assert!(asked.stderr.contains("Make version 1 (A 0.1.0) of "), "{}", asked.stderr);
    assert_eq!(back(&site, &dataset), json!(1));
    let asked = site.skein("rollback").arg(&dataset).finish();
    assert!(asked.stderr.contains("Make version 0 (as it was found) of "), "{}", asked.stderr);
    assert_eq!(back(&site, &dataset), json!(0));
    assert_eq!(fixture::read(&dataset.join("part-00000.parquet")), before);

    let end = site.skein("rollback").arg(&dataset).arg("--yes").finish();
    end.refused(codes::NO_SUCH_VERSION);
    assert!(end.stderr.contains("there is no version before 0"), "{}", end.stderr);
    // Forward again is a version like any other.
    let asked = site.skein("rollback").arg(&dataset).arg("--to").arg("2").finish();
    assert!(asked.stderr.contains("Make version 2 (B 0.1.0) of "), "{}", asked.stderr);
    site.skein("rollback").arg(&dataset).arg("--to").arg("2").arg("--yes").finish().succeeded();
    assert_eq!(back(&site, &dataset), json!(1));
    // A run after a rollback is undone first.
    columns(&site, &dataset, "C", rename("buyer")).finish().refused(codes::PLAN_REFUSED);
    columns(&site, &dataset, "C", json!([{ "drop": "year" }])).finish().succeeded();
    assert_eq!(back(&site, &dataset), json!(6));
    assert_eq!(back(&site, &dataset), json!(0));
}

#[test]
fn a_dataset_made_beside_has_nothing_before_it() {
    let (site, dataset) = orders();
    let call = columns(&site, &dataset, "A", rename("client")).arg("--publish").arg("beside=made");
    call.finish().succeeded();
    let made = site.path("data/made");
    let refused = site.skein("rollback").arg(&made).arg("--yes").finish();
    refused.refused(codes::NO_SUCH_VERSION);
    assert!(refused.stderr.contains("there is no version before 0"), "{}", refused.stderr);
}

#[test]
fn commands_about_what_runs_left_say_that_no_run_was_there() {
    let (site, dataset) = orders();
    site.skein("finalize").arg(&dataset).arg("--yes").finish().refused(codes::NO_HISTORY);
    site.skein("recover").arg(&dataset).finish().refused(codes::NO_HISTORY);
    assert!(!site.path("data/.skein").exists());
}

#[test]
fn a_corrected_spec_is_sent_back_to_the_rollback_and_a_wrong_one_is_refused_first() {
    let (site, dataset) = orders();
    columns(&site, &dataset, "A", rename("client")).finish().succeeded();
    let corrected = columns(&site, &dataset, "A", rename("buyer")).finish();
    corrected.refused(codes::ALREADY_OTHER_DIGEST);
    let hint = "hint: corrected? `skein rollback DATASET`, then run again; --again applies it on top";
    assert!(corrected.stderr.contains(hint), "{}", corrected.stderr);
    let slip = columns(&site, &dataset, "A", json!([{ "renmae": "customer", "to": "buyer" }])).finish();
    slip.refused(codes::PARAMS_INVALID);
    assert!(slip.stderr.contains("did you mean `rename`?"), "{}", slip.stderr);

    site.skein("rollback").arg(&dataset).arg("--yes").finish().succeeded();
    columns(&site, &dataset, "A", rename("buyer")).finish().succeeded();
    let file = dataset.read_dir().unwrap().next().unwrap().unwrap().path();
    assert_eq!(fixture::read(&file).schema().field(1).name(), "buyer");
}

#[test]
fn an_empty_secret_is_refused_before_anything_runs() {
    let (site, dataset) = orders();
    let steps = json!([{ "hash": "customer", "key": { "$secret": "key" } }]);
    for content in ["", "\n", "\r\n"] {
        let file = site.file("key", content);
        let call = columns(&site, &dataset, "A", steps.clone());
        let outcome = call.arg("--secret").arg(format!("key=@{}", file.display())).finish();
        outcome.refused(codes::SECRET_MISSING);
        assert!(outcome.stderr.contains("secret \"key\" is empty"), "{}", outcome.stderr);
    }
    assert!(!site.path("data/.skein").exists());
}
