//! `--include`, `--exclude`, `--where`: what is not selected stays byte for byte, and is done by a later run.

use std::path::{Path, PathBuf};

use host_tests::guard::Tree;
use host_tests::{Call, Guard, Outcome, Site, fixture, guard, guests};
use serde_json::{Value, json};
use skein_types::codes;

/// Keeps the schema, so that files that have been through it and others are one dataset.
fn upper() -> Value {
    json!({ "name": "upper", "steps": [{ "case": "customer", "to": "upper" }] })
}

fn run(site: &Site, dataset: &Path) -> Call {
    site.run(&guests::component("columns"), dataset).params(&upper())
}

/// Four files in partitions of year and country, with a sidecar.
fn partitioned() -> (Site, PathBuf) {
    let site = Site::new();
    let dataset = site.path("data/orders");
    let parts =
        ["year=2023/land=DE", "year=2024/land=DE", "year=2024/land=C%C3%B4te d'Ivoire", "year=2025/land=FR"];
    for (number, part) in (0..).zip(parts) {
        std::fs::create_dir_all(dataset.join(part)).unwrap();
        fixture::write(
            &dataset.join(part).join("a.parquet"),
            &fixture::orders(number * 10, number * 10 + 10),
            5,
        );
    }
    site.file("data/orders/README", "read me");
    (site, dataset)
}

fn files(tree: &Tree) -> Vec<(&str, &str)> {
    let files = tree.iter().filter(|(_, what)| what.starts_with("file"));
    files.map(|(path, what)| (path.as_str(), what.as_str())).collect()
}

/// Directories of the files that are not what they were.
fn changed(before: &Tree, after: &Tree) -> Vec<String> {
    let new =
        files(after).into_iter().filter(|(path, what)| before.get(*path).map(String::as_str) != Some(what));
    new.map(|(path, _)| path.rsplit_once('/').unwrap_or_default().0.to_owned()).collect()
}

#[test]
fn only_what_is_selected_goes_through_and_a_later_run_does_the_rest() {
    let (site, dataset) = partitioned();
    let before = guard::tree(&dataset);
    let outcome =
        run(&site, &dataset).arg("--where").arg("year=2024").arg("-o").arg("json").finish().succeeded();
    let report = outcome.json();
    assert_eq!((&report["files"], &report["files_joined"]), (&json!(2), &json!(2)));
    assert_eq!(report["rows"]["read"], 20);
    let after = guard::tree(&dataset);
    assert_eq!(changed(&before, &after), ["year=2024/land=C%C3%B4te d'Ivoire", "year=2024/land=DE"]);
    assert_eq!(files(&after).len(), 5);

    let again = run(&site, &dataset).arg("--where").arg("year=2024").finish().succeeded();
    assert!(again.stdout.ends_with("upper 0.1.0 was applied to all selected files\n"), "{}", again.stdout);
    let rest = run(&site, &dataset).finish().succeeded();
    assert!(rest.stdout.contains("\n  joined   2 files as they were\n"), "{}", rest.stdout);
    let all = guard::tree(&dataset);
    assert_eq!(changed(&after, &all), ["year=2023/land=DE", "year=2025/land=FR"]);
    let said = run(&site, &dataset).finish().succeeded().stdout;
    assert!(said.ends_with("was applied to all files\n"), "{said}");
}

#[test]
fn globs_and_partition_values_are_those_of_the_paths() {
    for (arguments, selected) in [
        (&["--where", "land=DE"][..], &["year=2023/land=DE", "year=2024/land=DE"][..]),
        (&["--where", "land=Côte d'Ivoire"], &["year=2024/land=C%C3%B4te d'Ivoire"]),
        (&["--where", "year!=2024", "--where", "land=DE,FR"], &["year=2023/land=DE", "year=2025/land=FR"]),
        (&["--include", "year=2025/**"], &["year=2025/land=FR"]),
        (
            &["--include", "**/a.parquet", "--exclude", "**/land=DE/*", "--where", "year=2025"],
            &["year=2025/land=FR"],
        ),
    ] {
        let (site, dataset) = partitioned();
        let before = guard::tree(&dataset);
        arguments.iter().fold(run(&site, &dataset), Call::arg).finish().succeeded();
        assert_eq!(changed(&before, &guard::tree(&dataset)), selected, "{arguments:?}");
    }
}

#[track_caller]
fn refused(arguments: &[&str], code: skein_types::Code, hint: &str) -> Outcome {
    let (site, dataset) = partitioned();
    let guard = Guard::over(&dataset);
    let outcome = arguments.iter().fold(run(&site, &dataset), Call::arg).finish();
    outcome.refused(code);
    assert!(outcome.stderr.contains(&format!("  hint: {hint}")), "{}", outcome.stderr);
    guard.untouched();
    outcome
}

#[test]
fn a_selection_of_nothing_and_one_that_is_none_are_refused() {
    let whole = "globs match whole paths inside the dataset, such as year=2023/land=DE/a.parquet";
    refused(&["--include", "*.parquet"], codes::NOTHING_SELECTED, whole);
    refused(&["--where", "year=2024", "--where", "land=FR"], codes::NOTHING_SELECTED, whole);
    refused(&["--where", "yeer=2024"], codes::NOTHING_SELECTED, "did you mean \"year\"?");
    refused(
        &["--where", "year"],
        codes::SELECTION_INVALID,
        "write key=value, key=value1,value2 or key!=value",
    );
    refused(
        &["--include", "/data/**"],
        codes::SELECTION_INVALID,
        "write it relative to the dataset, such as year=2024/**",
    );
}

#[test]
fn files_that_would_keep_another_schema_are_refused_unless_that_is_wanted() {
    let (site, dataset) = partitioned();
    let guard = Guard::over(&dataset);
    let cast = json!({ "name": "cast", "steps": [{ "cast": "year", "to": "int64" }] });
    let part = || {
        site.run(&guests::component("columns"), &dataset).params(&cast).arg("--include").arg("year=2024/**")
    };
    let outcome = part().finish();
    outcome.refused(codes::PLAN_GROUPS_DIFFER);
    let said = "year=2023/land=DE/a.parquet is not selected and would keep another schema: \
                \"year\" Int64 null against \"year\" Int32 null";
    assert!(outcome.stderr.contains(said), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("give --mixed-schemas"), "{}", outcome.stderr);
    guard.untouched();

    part().arg("--mixed-schemas").finish().succeeded();
    let rest = site.run(&guests::component("columns"), &dataset).params(&cast).arg("-o").arg("json");
    assert_eq!(rest.finish().succeeded().json()["files_joined"], 2);
}

#[test]
fn the_plan_of_a_part_can_be_looked_at() {
    let (site, dataset) = partitioned();
    let check = site.skein("check").arg(guests::component("columns")).arg("--dataset").arg(&dataset);
    let outcome = check.params(&upper()).arg("--where").arg("year=2024").finish().succeeded();
    let plan = "plan for year=2024/land=C%C3%B4te d'Ivoire/a.parquet and 1 more file: ";
    assert!(outcome.stdout.contains(plan), "{}", outcome.stdout);
}
