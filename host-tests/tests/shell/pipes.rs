//! A reader that has had enough ends the output and nothing else.

use std::process::Command;

use host_tests::{Outcome, Site, fixture, guests, project};
use serde_json::json;

/// `skein ARGUMENTS | READER`, with the exit code of `skein`.
fn piped(site: &Site, arguments: &str, reader: &str) -> Outcome {
    let script = format!("set -o pipefail; {} {arguments} | {reader}", project::skein().display());
    let mut command = Command::new("bash");
    command.arg("-c").arg(script).current_dir(site.path(".")).env("SKEIN_HOME", site.home());
    let output = command.output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Outcome { status: output.status, stdout: text(output.stdout), stderr: text(output.stderr) }
}

/// Reads nothing and is gone before anything is said.
const DEAF: &str = "true";

#[test]
fn a_run_goes_on_to_its_end_when_nobody_reads_what_it_says() {
    let site = Site::new();
    fixture::orders_directory(&site.path("orders"), 1);
    let module = guests::component("columns");
    for (name, format, column) in [("n", "json", "note"), ("m", "table", "year")] {
        let params = json!({ "name": "n", "steps": [{ "drop": column }] });
        let line = format!("run {} orders --params '{params}' --name {name} -o {format}", module.display());
        let outcome = piped(&site, &line, DEAF);
        assert_eq!((outcome.code(), outcome.stderr.contains("panicked")), (0, false), "{}", outcome.stderr);
    }
    let history = site.skein("history").arg("orders").arg("-o").arg("json").finish().succeeded().json();
    assert_eq!(history["versions"].as_array().unwrap().len(), 3);
    let first = piped(&site, "history orders", "head -1");
    assert_eq!(
        (first.code(), first.stdout.trim_start().starts_with("VERSION"), first.stderr),
        (0, true, String::new())
    );
}

#[test]
fn a_list_of_datasets_is_worked_through_when_nobody_reads_what_became_of_them() {
    let site = Site::new();
    let mut list = String::from("dataset\n");
    for name in ["a", "b", "c"] {
        fixture::orders_directory(&site.path(name), 1);
        list.push_str(&format!("{name}\n"));
    }
    site.file("list.csv", &list);
    let module = guests::component("columns");
    let params = json!({ "name": "n", "steps": [{ "drop": "note" }] });
    let line = format!("run {} --manifest list.csv --params '{params}' -o json", module.display());
    let outcome = piped(&site, &line, DEAF);
    assert_eq!(outcome.code(), 0, "{}", outcome.stderr);
    assert!(outcome.stderr.contains("3 published of 3 datasets"), "{}", outcome.stderr);
}

#[test]
fn long_texts_end_where_their_reader_does() {
    let site = Site::new();
    for arguments in ["completion bash", "reference cli", "--help", "run --help"] {
        let outcome = piped(&site, arguments, "head -1");
        assert_eq!((outcome.code(), outcome.stderr.as_str()), (0, ""), "{arguments}");
    }
    let refused = piped(&site, "history nowhere -o json", DEAF);
    assert_eq!((refused.code(), refused.stderr.as_str()), (5, ""));
}

#[test]
fn an_answer_that_a_full_disk_swallows_is_an_error() {
    let site = Site::new();
    let outcome = piped(&site, "doctor >/dev/full", "cat");
    assert_eq!(outcome.code(), 75, "{}", outcome.stderr);
    assert!(
        outcome.stderr.starts_with("error[SK0004]: the output was not written in full"),
        "{}",
        outcome.stderr
    );
}
