//! Rejected rows are raw rows of an old version: they can be given up with it, and until then it is said that they are there.

use std::path::{Path, PathBuf};

use host_tests::{Call, Site};
use serde_json::{Value, json};

use crate::{columns, orders};

fn finalize(site: &Site, dataset: &Path, more: &[&str]) -> Call {
    let call = site.skein("finalize").arg(dataset).arg("--yes");
    more.iter().fold(call, Call::arg)
}

fn rejects(site: &Site) -> Vec<PathBuf> {
    let dir = site.path("data/.skein/orders/quarantine");
    dir.read_dir().unwrap().map(|entry| entry.unwrap().path()).collect()
}

fn removed(site: &Site, dataset: &Path, more: &[&str]) -> Value {
    let call = finalize(site, dataset, more).arg("--quarantine").arg("-o").arg("json");
    call.finish().succeeded().json()["quarantine"]["removed"].take()
}

fn cast() -> Value {
    json!([{ "cast": "amount", "to": "decimal(12,2)" }])
}

#[test]
fn rejected_rows_go_with_the_version_that_they_are_rows_of_and_not_before() {
    let (site, dataset) = orders();
    columns(&site, &dataset, "cast", cast()).finish().succeeded();
    assert_eq!(removed(&site, &dataset, &[]), json!(0), "version 0 is kept for seven days");
    site.skein("rollback").arg(&dataset).arg("--yes").finish().succeeded();
    assert_eq!(removed(&site, &dataset, &["--now"]), json!(0), "version 0 is current again");
    assert_eq!(rejects(&site).len(), 1);

    columns(&site, &dataset, "cast", cast()).finish().succeeded();
    assert_eq!(rejects(&site).len(), 2);
    let gc = site.skein("gc").arg(&dataset).finish().succeeded();
    assert!(gc.stdout.contains(" of rejected rows stay; see `skein finalize --quarantine`"), "{}", gc.stdout);
    let plain = finalize(&site, &dataset, &["--now"]).finish().succeeded();
    assert!(plain.stdout.contains("rejected rows stay: 2 files, "), "{}", plain.stdout);
    assert_eq!(rejects(&site).len(), 2);

    // Those of versions that were given up before go too.
    let all = finalize(&site, &dataset, &["--now", "--quarantine"]).finish().succeeded();
    assert!(all.stdout.contains("gave up rejected rows: 2 files, "), "{}", all.stdout);
    assert_eq!(rejects(&site), [] as [PathBuf; 0]);
    assert_eq!(removed(&site, &dataset, &["--now"]), json!(0), "once");
    let history = site.skein("history").arg(&dataset).arg("-o").arg("json").finish().succeeded().json();
    assert_eq!(history["versions"].as_array().unwrap().last().unwrap()["current"], json!(true));
}
