//! Requests that make no sense: parameters, secrets, versions and command lines.

use host_tests::{Guard, Site, guests};
use serde_json::json;
use skein_types::codes;

use crate::{goes_through, orders};

#[test]
fn a_module_that_does_not_exist_is_refused() {
    let (site, dataset) = orders();
    let guard = Guard::over(&dataset);
    site.run(&site.path("nothing.wasm"), &dataset).finish().refused(codes::MODULE_NOT_FOUND);
    guard.untouched();
}

#[test]
fn parameters_that_are_no_json_are_refused() {
    let (site, dataset) = orders();
    let guard = Guard::over(&dataset);
    let call = site.run(&guests::component("columns"), &dataset).arg("--params").arg("{ name: ");
    call.finish().refused(codes::PARAMS_INVALID);
    guard.untouched();
}

#[test]
fn parameters_that_the_module_does_not_know_are_refused() {
    let (site, dataset) = orders();
    let guard = Guard::over(&dataset);
    let params = json!({ "name": "x", "steps": [{ "renam": "customer", "to": "client" }] });
    site.run(&guests::component("columns"), &dataset).params(&params).finish().refused(codes::PARAMS_INVALID);
    guard.untouched();
}

#[test]
fn a_column_that_the_dataset_does_not_have_is_refused_by_the_module() {
    let (site, dataset) = orders();
    let guard = Guard::over(&dataset);
    let params = json!({ "name": "x", "steps": [{ "rename": "custmer", "to": "client" }] });
    let outcome = site.run(&guests::component("columns"), &dataset).params(&params).finish();
    outcome.refused(codes::PLAN_REFUSED);
    assert!(outcome.stderr.contains("custmer"), "{}", outcome.stderr);
    guard.untouched();
}

#[test]
fn a_secret_that_was_not_given_is_refused() {
    let (site, dataset) = orders();
    let guard = Guard::over(&dataset);
    let params = json!({ "name": "x", "steps": [{ "hash": "customer", "key": { "$secret": "pepper" } }] });
    let outcome = site.run(&guests::component("columns"), &dataset).params(&params).finish();
    outcome.refused(codes::SECRET_MISSING);
    assert!(outcome.stderr.contains("pepper"), "{}", outcome.stderr);
    guard.untouched();
}

#[test]
fn the_value_of_a_secret_appears_nowhere() {
    let (site, dataset) = orders();
    let value = "correct horse battery staple";
    let key = site.file("pepper", value);
    let params = json!({ "name": "x", "steps": [{ "hash": "customer", "key": { "$secret": "pepper" } }] });
    let outcome = site
        .run(&guests::component("columns"), &dataset)
        .params(&params)
        .arg("--secret")
        .arg(format!("pepper=@{}", key.display()))
        .finish()
        .succeeded();
    assert!(!outcome.stdout.contains(value) && !outcome.stderr.contains(value));
    let history = site.skein("history").arg(&dataset).arg("-o").arg("json").finish().succeeded();
    assert!(!history.stdout.contains(value), "{}", history.stdout);
    let found =
        std::process::Command::new("grep").arg("-rlF").arg(value).arg(site.path("data")).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&found.stdout), "", "files that hold the secret");
}

#[test]
fn a_dataset_without_history_has_nothing_to_show_or_undo() {
    let (site, dataset) = orders();
    let guard = Guard::over(&dataset);
    site.skein("history").arg(&dataset).finish().refused(codes::NO_HISTORY);
    site.skein("rollback").arg(&dataset).arg("--yes").finish().refused(codes::NO_HISTORY);
    guard.untouched();
}

#[test]
fn a_version_that_does_not_exist_cannot_be_gone_back_to() {
    let (site, dataset) = orders();
    goes_through(&site, &dataset);
    let guard = Guard::over(&dataset);
    let call = site.skein("rollback").arg(&dataset).arg("--to").arg("99").arg("--yes");
    call.finish().refused(codes::NO_SUCH_VERSION);
    guard.untouched();
}

#[test]
fn the_same_name_with_other_parameters_needs_to_be_asked_for() {
    let (site, dataset) = orders();
    goes_through(&site, &dataset);
    let guard = Guard::over(&dataset);
    let params = json!({ "name": "rename", "steps": [{ "rename": "client", "to": "buyer" }] });
    let call = || site.run(&guests::component("columns"), &dataset).params(&params);
    call().finish().refused(codes::ALREADY_OTHER_DIGEST);
    guard.untouched();
    call().arg("--again").finish().succeeded();
}

#[test]
fn more_rejects_than_allowed_end_the_run() {
    let (site, dataset) = orders();
    let guard = Guard::over(&dataset);
    let params = json!({ "name": "x", "steps": [{ "cast": "amount", "to": "decimal(12,2)" }] });
    let call = |max: &str| {
        let call = site.run(&guests::component("columns"), &dataset).params(&params);
        call.arg("--max-rejects").arg(max)
    };
    call("19").finish().refused(codes::GUEST_REJECTS);
    guard.untouched();
    call("20").finish().succeeded();
}

#[test]
fn a_command_line_that_cannot_be_understood_is_refused() {
    let site = Site::new();
    let unknown = site.skein("rnu").finish();
    assert_eq!(unknown.code(), i32::from(codes::USAGE.exit_code()), "{}", unknown.stderr);
    let missing = site.skein("run").finish();
    assert_eq!(missing.code(), i32::from(codes::USAGE.exit_code()), "{}", missing.stderr);
    let size = site.skein("run").arg("m.wasm").arg("d").arg("--memory").arg("lots").finish();
    assert_eq!(size.code(), i32::from(codes::USAGE.exit_code()), "{}", size.stderr);
}
