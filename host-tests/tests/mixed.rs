//! Datasets of which a part has been through the migration: others added files after it.
#![expect(clippy::unwrap_used, reason = "helpers of tests: a failure here is a failed test")]

use std::path::Path;

use host_tests::guard::{Tree, tree};
use host_tests::{Call, Guard, Site, fixture, guests, text_table};
use serde_json::{Value, json};
use skein_types::codes;

/// Renames, casts and drops.
fn tidy(site: &Site, dataset: &Path) -> Call {
    let steps = json!([
        { "rename": "customer", "to": "client" },
        { "cast": "amount", "to": "decimal(12,2)" },
        { "drop": "note" }
    ]);
    let params = json!({ "name": "tidy", "steps": steps });
    site.run(&guests::component("columns"), dataset).params(&params).arg("-o").arg("json")
}

/// What a version is, what made it, and how many files it has.
fn history(site: &Site, dataset: &Path) -> Vec<Value> {
    let history = site.skein("history").arg(dataset).arg("-o").arg("json").finish().succeeded().json();
    let versions = history["versions"].as_array().unwrap().iter();
    versions.map(|v| json!([v["version"], v["kind"], v["what"], v["files"], v["current"]])).collect()
}

/// What is in `after` and was not in `before`, or is not what it was there.
fn changed(before: &Tree, after: &Tree) -> Vec<String> {
    after
        .iter()
        .filter(|(name, what)| before.get(*name) != Some(*what))
        .map(|(name, _)| name.clone())
        .collect()
}

#[test]
fn files_added_after_a_migration_are_migrated_and_the_others_join_as_they_are() {
    let site = Site::new();
    let dataset = site.path("data/orders");
    fixture::orders_directory(&dataset, 2);
    assert_eq!(tidy(&site, &dataset).finish().succeeded().json()["rows"]["read"], 2_000);
    let migrated = tree(&dataset);

    fixture::write(&dataset.join("part-00002.parquet"), &fixture::orders(2_096, 2_102), 4);
    let mixed = tree(&dataset);
    let report = tidy(&site, &dataset).finish().succeeded().json();
    assert_eq!(report["rows"], json!({ "read": 6, "written": 5, "rejected": 1, "filtered": 0 }));
    assert_eq!(report["files"], 1);

    // The root, two files that joined under their names, one that is new.
    let after = tree(&dataset);
    assert_eq!(after.len(), 4, "{after:#?}");
    let new = changed(&migrated, &after);
    let [new] = new.as_slice() else { panic!("{new:?}") };
    assert!(new.starts_with("part-00002-") && new.len() == "part-00002-01234567.parquet".len(), "{new}");
    assert_eq!(
        text_table::show(&fixture::read(&dataset.join(new))),
        "\
id int64 | client string | amount decimal(12,2) | year int32?
2096     | customer 59   | 2096.96              | 2021
2097     | customer 60   | 2097.97              | 2022
2098     | customer 61   | 2098.98              | 2023
2100     | customer 63   | 2100.00              | 2000
2101     | customer 64   | 2101.01              | 2001
"
    );

    let migration = format!("tidy {}", env!("CARGO_PKG_VERSION"));
    assert_eq!(
        history(&site, &dataset),
        [
            json!([0, "adopted", "found in place", 2, false]),
            json!([1, "published", migration, 2, false]),
            json!([2, "observed", "1 change by others", 3, false]),
            json!([3, "published", migration, 3, true]),
        ]
    );
    let again = tidy(&site, &dataset).finish().succeeded().json();
    assert_eq!(again["outcome"], "already_migrated");
    assert_eq!(tree(&dataset), after);

    site.skein("rollback").arg(&dataset).arg("--yes").finish().succeeded();
    assert_eq!(tree(&dataset), mixed);
}

#[test]
fn check_plans_for_the_files_that_a_run_would_take_and_refuses_what_it_would() {
    let site = Site::new();
    let dataset = site.path("data/orders");
    fixture::orders_directory(&dataset, 2);
    let params = json!({ "name": "tidy", "steps": [{ "rename": "customer", "to": "client" }] });
    let columns = || guests::component("columns");
    let check = || {
        let call = site.skein("check").arg(columns()).arg("--dataset").arg(&dataset);
        call.params(&params).arg("-o").arg("json").finish()
    };
    let run = || site.run(&columns(), &dataset).params(&params).arg("-o").arg("json").finish();
    let planned = |answer: &Value| {
        let names = |plan: &Value| plan["columns"].as_array().unwrap().len();
        answer["plans"].as_array().map(|plans| plans.iter().map(names).collect::<Vec<_>>())
    };
    assert_eq!(planned(&check().succeeded().json()), Some(vec![5]));
    run().succeeded();
    let done = check().succeeded().json();
    assert_eq!((&done["already_migrated"]["version"], planned(&done)), (&json!(1), None));

    // Only the new file is planned: the others have no column of the old name.
    fixture::write(&dataset.join("part-00002.parquet"), &fixture::orders(2_000, 2_010), 10);
    assert_eq!(planned(&check().succeeded().json()), Some(vec![5]));
    // The others join only with the new target.
    let wider = fixture::with_copy_of(&fixture::orders(2_010, 2_020), "id", "extra");
    fixture::write(&dataset.join("part-00003.parquet"), &wider, 10);
    check().refused_json(codes::PLAN_GROUPS_DIFFER);
    run().refused_json(codes::PLAN_GROUPS_DIFFER);
}

#[test]
fn a_module_with_state_refuses_a_partly_migrated_dataset() {
    let site = Site::new();
    let dataset = site.path("data/orders");
    fixture::orders_directory(&dataset, 1);
    let params = json!({ "keys": ["customer"] });
    let dedupe = || site.run(&guests::component("dedupe-keys"), &dataset).params(&params);
    dedupe().finish().succeeded();

    fixture::write(&dataset.join("part-00001.parquet"), &fixture::orders(1_000, 1_100), 50);
    let guard = Guard::over(&dataset);
    let versions = history(&site, &dataset);
    dedupe().finish().refused(codes::STATE_LOST);
    dedupe().arg("-o").arg("json").finish().refused_json(codes::STATE_LOST);
    guard.untouched();
    assert_eq!(history(&site, &dataset), versions);
}
