//! Options that are mistaken for others, and how that is said.

use host_tests::{Guard, Site, fixture, guests};
use skein_types::codes;

#[test]
fn who_asks_for_json_gets_a_refused_command_line_as_json() {
    let site = Site::new();
    for asked in [["-o", "json"], ["--format", "json"]] {
        let call = site.skein("run").arg("m.wasm").arg("d").arg("--fule").arg("1");
        let outcome = call.arg(asked[0]).arg(asked[1]).finish();
        outcome.refused_json(codes::USAGE);
        let error = &outcome.json()["error"];
        assert_eq!(error["message"], "unexpected argument '--fule' found");
        assert_eq!(error["hint"], "a similar argument exists: '--fuel'");
        assert_eq!(outcome.stderr, "");
    }
    let people = site.skein("run").arg("m.wasm").arg("d").arg("--fule").arg("1").finish();
    assert_eq!((people.code(), people.stdout.as_str()), (64, ""));
    assert!(people.stderr.contains("a similar argument exists: '--fuel'"), "{}", people.stderr);
}

#[test]
fn the_name_of_a_format_is_no_directory_to_write_into() {
    let site = Site::new();
    let dataset = site.path("orders");
    fixture::orders_directory(&dataset, 1);
    let guard = Guard::over(&dataset);
    for format in ["json", "table", "ndjson"] {
        let outcome = site.run(&guests::component("columns"), &dataset).arg("--output").arg(format).finish();
        assert_eq!(outcome.code(), 64, "{}", outcome.stderr);
        assert!(outcome.stderr.contains(&format!("write `-o {format}`")), "{}", outcome.stderr);
        assert!(!site.path(format).exists());
    }
    guard.untouched();
    let elsewhere = site.skein("history").arg(&dataset).arg("--output").arg("json").finish();
    assert_eq!(elsewhere.code(), 64);
    assert!(elsewhere.stderr.contains("'-o, --format'"), "{}", elsewhere.stderr);
}

#[test]
fn a_size_without_a_unit_is_shown_with_one() {
    let site = Site::new();
    for (option, given, meant) in
        [("--file-size", "256", "256MiB"), ("--memory", "1", "1MiB"), ("--row-group-size", "128", "128MiB")]
    {
        let outcome = site.skein("run").arg("m.wasm").arg("d").arg(option).arg(given).finish();
        assert_eq!(outcome.code(), 64, "{}", outcome.stderr);
        assert!(outcome.stderr.contains(&format!("write {meant}")), "{}", outcome.stderr);
    }
}
