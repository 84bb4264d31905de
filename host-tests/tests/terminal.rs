//! What a run shows while it works, with and without a terminal, and what Ctrl-C leaves.
//!
//! The module takes a moment over each batch and there are hundreds of them, so a run never ends before it is interrupted.
#![expect(clippy::unwrap_used, reason = "helpers of tests: a failure here is a failed test")]

use std::path::{Path, PathBuf};

use host_tests::call::Stream;
use host_tests::guard::{state_directory, tree};
use host_tests::{Call, Guard, Outcome, Site, fixture, guests, project};
use serde_json::json;
use skein_types::codes;

const FILES: i64 = 150;
const STOPPING: &str = "stopping after this batch; press Ctrl-C again to stop at once";

fn long_work() -> (Site, PathBuf) {
    let site = Site::new();
    let dataset = site.path("data/orders");
    fixture::notes_directory(&dataset, FILES);
    (site, dataset)
}

fn params() -> String {
    json!({ "behave": "work", "shape": "same" }).to_string()
}

fn attempts(dataset: &Path) -> usize {
    state_directory(dataset).join("stage").read_dir().unwrap().count()
}

/// What stands before the first `after`, from the last `before` on.
fn between<'a>(text: &'a str, before: &str, after: &str) -> Option<&'a str> {
    text.split_once(after)?.0.rsplit_once(before).map(|(_, found)| found.trim())
}

#[test]
fn without_a_terminal_a_run_says_a_plain_line_now_and_then_and_ctrl_c_leaves_nothing() {
    let (site, dataset) = long_work();
    let guard = Guard::over(&dataset);
    let call = site.run(&guests::component("guest-hostile"), &dataset).arg("--threads").arg("1");
    let mut running = call.arg("--params").arg(params()).start();
    let said = running.says(Stream::Stderr, |text| text.contains(" written\n"));
    let done: u64 = said.split_once(" of 150000 rows, ").unwrap().0.parse().unwrap();
    assert!(0 < done && done < 150_000, "{said:?}");
    assert!(!said.contains(['\r', '\u{1b}', '#']), "no bar where there is no terminal: {said:?}");
    assert_eq!(attempts(&dataset), 1, "it is at work");

    running.interrupt();
    let outcome = running.finish();
    let error = outcome.stderr.split_once(&format!("{STOPPING}\n")).unwrap().1.to_owned();
    Outcome { stderr: error, ..outcome }.refused(codes::CANCELLED);
    assert_eq!(codes::CANCELLED.exit_code(), 130);
    assert_eq!(attempts(&dataset), 0);
    guard.untouched();
}

#[test]
fn on_a_terminal_a_run_draws_a_bar_with_rate_and_time_left_and_ctrl_c_leaves_nothing() {
    let (site, dataset) = long_work();
    let before = tree(&dataset);
    let command = "exec \"$BIN\" run \"$MODULE\" \"$DATASET\" --threads 1 --params \"$PARAMS\"";
    let mut running = Call::behind("script", &["-qec", command, "/dev/null"], site.home())
        .env("BIN", project::skein())
        .env("MODULE", guests::component("guest-hostile"))
        .env("DATASET", &dataset)
        .env("PARAMS", params())
        .env("TERM", "xterm")
        .open_input()
        .start();
    let said = running.says(Stream::Stdout, |text| frame(text).is_some());
    let (done, rate) = frame(&said).unwrap();
    assert!(0.0 < done && done < 150_000.0 && rate > 0.0, "{said:?}");
    assert_eq!(attempts(&dataset), 1, "it is at work");

    // The terminal makes SIGINT of it.
    running.types(b"\x03");
    let outcome = running.finish();
    assert_eq!(outcome.code(), 130, "{outcome:#?}");
    // On a line of its own, which is cleared of the bar.
    assert!(outcome.stdout.contains(&format!("\r\u{1b}[2K{STOPPING}")), "{outcome:#?}");
    assert!(outcome.stdout.contains("error[SK0002]: "), "{outcome:#?}");
    assert_eq!(attempts(&dataset), 0);
    assert_eq!(tree(&dataset), before);
}

/// Rows done and rows per second of a whole bar that has come on: `##>---  12% 800/150,000 rows  412.3/s  ETA 6m  2/150 files`.
fn frame(text: &str) -> Option<(f64, f64)> {
    let number = |text: &str| text.replace(',', "").parse::<f64>().ok();
    text.split(['\r', '\n']).find_map(|frame| {
        let done = number(between(frame, "% ", "/150,000 rows  ")?)?;
        let rate = number(between(frame, "rows  ", "/s  ETA ")?)?;
        let (left, files) = frame.split_once("/s  ETA ")?.1.split_once("  ")?;
        let has_unit = left.ends_with(['s', 'm', 'h', 'd']) && left.starts_with(|c: char| c.is_ascii_digit());
        (done > 0.0 && rate > 0.0 && has_unit && files.contains("/150 files")).then_some((done, rate))
    })
}
