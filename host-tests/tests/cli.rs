//! What the commands say, whole: a change of any line shows up here and is looked at.
//!
//! Paths, times, digests and costs differ from run to run and are replaced. After a change on purpose:
//! `INSTA_UPDATE=always cargo test -p host-tests --test cli`, then read the difference.

use std::path::{Path, PathBuf};

use host_tests::{Guard, Outcome, Site, fixture, guests};
use serde_json::{Value, json};
use skein_types::codes;

/// Patterns and what they become, in order.
const FILTERS: [(&str, &str); 10] = [
    (r"/[^ \n\x22']*skein-test-[A-Za-z0-9]+", "[SITE]"),
    (r"/[^ \n\x22']*/([a-z_]+)\.wasm", "[GUESTS]/$1.wasm"),
    (r"(sha256|blake3):[0-9a-f]{64}", "${1}:[DIGEST]"),
    (r"(run|att)_[0-9a-f]{32}", "${1}_[ID]"),
    (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", "[TIME]"),
    (r"\d[\d,]* fuel, .*", "[COST]"),
    (r"[\d.]+[KMG]iB, \d+ functions", "[SIZE], [COUNT] functions"),
    (r"\x22(fuel|cpu|wall|memory_peak|compile)\x22: \d+", "\"$1\": [COST]"),
    (r"\b\d+(\.\d+)? ?(ms|us|s)\b", "[DURATION]"),
    (r"-[0-9a-f]{8}\.parquet", "-[HASH].parquet"),
];

fn orders() -> (Site, PathBuf) {
    let site = Site::new();
    let dataset = site.path("data/orders");
    fixture::orders_directory(&dataset, 2);
    (site, dataset)
}

fn spec() -> Value {
    json!({
        "name": "tidy-orders",
        "steps": [
            { "rename": "customer", "to": "client" },
            { "cast": "amount", "to": "decimal(12,2)" },
            { "drop": "note" }
        ]
    })
}

fn migrate(site: &Site, dataset: &Path) -> Outcome {
    site.run(&guests::component("columns"), dataset).params(&spec()).finish().succeeded()
}

/// All that a call said.
fn said(outcome: &Outcome) -> String {
    let mut text = format!("exit code: {}\n", outcome.code());
    for (stream, lines) in [("stdout", &outcome.stdout), ("stderr", &outcome.stderr)] {
        if !lines.is_empty() {
            text.push_str(&format!("--- {stream}\n{lines}"));
        }
    }
    text
}

macro_rules! snapshot {
    ($name:literal, $outcome:expr) => {
        insta::with_settings!({ filters => FILTERS.to_vec(), omit_expression => true, prepend_module_to_snapshot => false }, {
            insta::assert_snapshot!($name, said(&$outcome));
        });
    };
}

#[test]
fn help_says_what_there_is() {
    let site = Site::new();
    snapshot!("help", site.skein("--help").finish());
    snapshot!("help-run", site.skein("run").arg("--help").finish());
    snapshot!("help-campaign", site.skein("campaign").arg("--help").finish());
    snapshot!("help-campaign-start", site.skein("campaign").arg("start").arg("--help").finish());
    snapshot!("help-context", site.skein("context").arg("--help").finish());
    snapshot!("help-token-create", site.skein("token").arg("create").arg("--help").finish());
}

#[test]
fn what_keeps_a_command_from_its_server_is_told_with_a_way_on() {
    let site = Site::new();
    let home = site.directory("home");
    let said = |words: &[&str]| {
        let call = site.skein(words[0]).env("SKEIN_HOME", &home);
        words[1..].iter().fold(call, |call, word| call.arg(word)).finish()
    };
    said(&["context", "add", "prod", "--url", "https://skein.example"]).succeeded();
    snapshot!("context-unknown", said(&["campaign", "list", "--context", "prd"]));
    snapshot!("context-unknown-ndjson", said(&["campaign", "list", "--context", "prd", "-o", "ndjson"]));
    snapshot!("server-unreachable", said(&["team", "list", "--server", "http://127.0.0.1:1"]));
    snapshot!(
        "token-in-argv",
        said(&["context", "add", "lab", "--url", "http://localhost:1", "--token", "skn_1"])
    );
    snapshot!(
        "token-in-the-clear",
        said(&["context", "add", "lab", "--url", "http://far.example", "--token-command", "x"])
    );
    snapshot!("grant-unknown", said(&["token", "create", "ada", "--grant", "boss@pay"]));
    site.file("home/contexts.toml", "curent = 1\n");
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    std::fs::set_permissions(home.join("contexts.toml"), mode).unwrap();
    snapshot!("contexts-unusable", said(&["context", "list"]));
}

#[test]
fn a_run_says_what_became_of_rows_and_columns() {
    let (site, dataset) = orders();
    snapshot!("run", migrate(&site, &dataset));
    snapshot!("history", site.skein("history").arg(&dataset).finish());
}

#[test]
fn a_run_says_the_same_as_json() {
    let (site, dataset) = orders();
    let call = site.run(&guests::component("columns"), &dataset).params(&spec()).arg("-o").arg("json");
    let outcome = call.finish();
    let report = outcome.json();
    assert_eq!(report["rows"], json!({ "read": 2000, "written": 1980, "rejected": 20, "filtered": 0 }));
    snapshot!("run-json", outcome);
    snapshot!("history-json", site.skein("history").arg(&dataset).arg("-o").arg("json").finish());
}

#[test]
fn where_every_row_stays_columns_are_spliced() {
    let (site, dataset) = orders();
    let params = json!({ "name": "kept", "steps": [
        { "rename": "customer", "to": "client" }, { "case": "note", "to": "upper" }, { "drop": "year" }
    ] });
    let call = site.run(&guests::component("columns"), &dataset).params(&params);
    let report = call.arg("-o").arg("json").finish().succeeded().json();
    assert_eq!(report["rows"], json!({ "read": 2000, "written": 2000, "rejected": 0, "filtered": 0 }));
    let columns = json!({ "carried": 3, "spliced": 3, "computed": 1, "preserved": 0, "dropped": 1 });
    assert_eq!(report["columns"], columns);
    let bytes = |name: &str| report[name].as_u64().unwrap();
    assert!(0 < bytes("bytes_spliced") && bytes("bytes_spliced") < bytes("bytes_written"), "{report}");
}

#[test]
fn a_migration_is_known_by_the_name_that_the_run_gives_it() {
    let (site, dataset) = orders();
    let run = |name: &str| {
        let call = site.run(&guests::component("guest-raw"), &dataset).arg("--name").arg(name);
        call.arg("-o").arg("json").finish().succeeded().json()
    };
    let said = |report: &Value| {
        let name = report["migration"]["name"].as_str().unwrap().to_owned();
        (report["outcome"].as_str().unwrap().to_owned(), name, report["version"].as_u64().unwrap())
    };
    let expected = |outcome: &str, name: &str, version| (outcome.to_owned(), name.to_owned(), version);
    assert_eq!(said(&run("one")), expected("published", "one", 1));
    assert_eq!(said(&run("one")), expected("already_migrated", "one", 1));
    assert_eq!(said(&run("two")), expected("published", "two", 2));
}

#[test]
fn the_memory_of_an_agent_is_what_the_run_allows() {
    let site = Site::new();
    let dataset = site.path("data/notes");
    fixture::notes_directory(&dataset, 1);
    let run = |memory: &str, behave: &str| {
        let params = json!({ "behave": behave, "shape": "same" });
        let call = site.run(&guests::component("guest-hostile"), &dataset).params(&params);
        call.arg("--memory").arg(memory).finish()
    };
    let guard = Guard::over(&dataset);
    for allowed in ["8MiB", "32MiB"] {
        let outcome = run(allowed, "grow");
        outcome.refused(codes::GUEST_MEMORY);
        let limit = format!("of memory and tables, {allowed} are allowed");
        assert!(outcome.stderr.contains(&limit), "wanted {limit:?}: {}", outcome.stderr);
    }
    guard.untouched();
    run("32MiB", "sleep").succeeded();
}

#[test]
fn the_same_again_is_already_migrated_and_touches_nothing() {
    let (site, dataset) = orders();
    migrate(&site, &dataset);
    let guard = Guard::over(&dataset);
    snapshot!("already-migrated", migrate(&site, &dataset));
    guard.untouched();
}

#[test]
fn a_rollback_restores_every_byte_and_can_be_rolled_back_itself() {
    let (site, dataset) = orders();
    let before = host_tests::guard::tree(&dataset);
    migrate(&site, &dataset);
    let migrated = host_tests::guard::tree(&dataset);
    snapshot!("rollback", site.skein("rollback").arg(&dataset).arg("--yes").finish());
    assert_eq!(host_tests::guard::tree(&dataset), before);
    snapshot!("history-after-rollback", site.skein("history").arg(&dataset).finish());
    site.skein("rollback").arg(&dataset).arg("--to").arg("1").arg("--yes").finish().succeeded();
    assert_eq!(host_tests::guard::tree(&dataset), migrated);
}

#[test]
fn a_rollback_that_nobody_can_confirm_is_refused() {
    let (site, dataset) = orders();
    migrate(&site, &dataset);
    let guard = Guard::over(&dataset);
    let outcome = site.skein("rollback").arg(&dataset).finish();
    outcome.refused(codes::USAGE);
    snapshot!("rollback-unconfirmed", outcome);
    guard.untouched();
}

#[test]
fn a_held_version_is_listed_published_or_discarded() {
    let (site, dataset) = orders();
    let hold = || {
        let call = site.run(&guests::component("columns"), &dataset).params(&spec());
        call.arg("--publish").arg("hold").finish()
    };
    snapshot!("run-hold", hold());
    snapshot!("history-held", site.skein("history").arg(&dataset).finish());
    snapshot!("discard", site.skein("discard").arg(&dataset).arg("--yes").finish());
    hold().succeeded();
    snapshot!("publish", site.skein("publish").arg(&dataset).finish());
    let call = site.run(&guests::component("guest-raw"), &dataset).arg("--publish").arg("beside=copy");
    snapshot!("run-beside", call.finish());
    snapshot!("history-beside", site.skein("history").arg(site.path("data/copy")).finish());
}

#[test]
fn old_versions_are_given_up_after_a_yes_and_their_window() {
    let (site, dataset) = orders();
    migrate(&site, &dataset);
    let finalize = |arguments: &[&str]| {
        let call = site.skein("finalize").arg(&dataset);
        arguments.iter().fold(call, |call, argument| call.arg(argument)).finish()
    };
    finalize(&["--now"]).refused(codes::USAGE);
    snapshot!("finalize-too-early", finalize(&["--yes"]));
    snapshot!("finalize", finalize(&["--now", "--yes"]));
    snapshot!("history-finalized", site.skein("history").arg(&dataset).finish());
    site.skein("rollback").arg(&dataset).arg("--yes").finish().refused(codes::VERSION_GONE);
    let mut again = finalize(&["--now", "--yes", "-o", "json"]).json();
    let rejects = again.as_object_mut().unwrap().remove("quarantine").unwrap();
    assert_eq!((&rejects["removed"], &rejects["left"]), (&json!(0), &json!(1)));
    assert_eq!(again, json!({ "versions": [], "files": 0, "bytes": 0, "waiting": [] }));
}

#[test]
fn what_a_dead_run_left_is_collected_in_one_dataset_or_all() {
    let (site, dataset) = orders();
    migrate(&site, &dataset);
    let left = || site.file("data/.skein/orders/stage/run_x.0/data/orders/part.parquet", "left");
    left();
    snapshot!("gc", site.skein("gc").arg(site.path("data")).finish());
    left();
    let collected = site.skein("gc").arg(&dataset).arg("-o").arg("json").finish().succeeded().json();
    assert_eq!((&collected["bytes"], &collected["datasets"][0]["busy"]), (&json!(4), &json!(false)));
    // Two that cannot be opened, before and after it in order.
    site.file("data/a/x.parquet", "x");
    site.file("data/.skein/a/state", "/nowhere\n");
    site.file("data/z/x.parquet", "x");
    site.file("data/.skein/z/log/00000000000000000000.json", "torn");
    for part in ["stage", "kept", "quarantine"] {
        site.directory(&format!("data/.skein/z/{part}"));
    }
    left();
    let partly = site.skein("gc").arg(site.path("data")).finish();
    partly.refused(codes::LOG_DAMAGED);
    assert!(partly.stdout.contains("freed 4B in 1 dataset"), "{}", partly.stdout);
    assert!(partly.stderr.contains("nothing was removed from 2 of 3 datasets"), "{}", partly.stderr);
    for (name, code) in [("a", codes::STATE_GONE), ("z", codes::LOG_DAMAGED)] {
        let named = format!("  {}: {}: ", site.path("data").join(name).display(), code.id);
        assert!(partly.stderr.contains(&named), "{}", partly.stderr);
    }
    left();
    let partly = site.skein("gc").arg(site.path("data")).arg("-o").arg("json").finish();
    assert_eq!(partly.json()["bytes"], json!(4));
    assert_eq!(partly.json()["refused"][0]["error"]["code"], codes::STATE_GONE.id);
    std::fs::remove_dir_all(site.path("data/.skein/a")).unwrap();
    std::fs::remove_dir_all(site.path("data/.skein/z")).unwrap();
    std::fs::rename(&dataset, site.path("elsewhere")).unwrap();
    let orphaned = site.skein("gc").arg(site.path("data")).finish().succeeded().stdout;
    assert!(orphaned.contains("orders: its dataset is not there any more"), "{orphaned}");
    // A link in its place does not lead out of the directory.
    fixture::orders_directory(&site.path("far/orders"), 1);
    migrate(&site, &site.path("far/orders"));
    let far = site.file("far/.skein/orders/stage/run_x.0/data/orders/part.parquet", "left");
    std::os::unix::fs::symlink(site.path("far/orders"), &dataset).unwrap();
    let linked = site.skein("gc").arg(site.path("data")).finish().succeeded().stdout;
    assert!(linked.contains("orders: its dataset is not there any more") && far.exists(), "{linked}");
}

#[test]
fn a_rollback_over_later_writes_names_them_and_where_they_are_kept() {
    let (site, dataset) = orders();
    let before = host_tests::guard::tree(&dataset);
    migrate(&site, &dataset);
    site.file("data/orders/late/NOTE", "theirs");
    let rollback = || site.skein("rollback").arg(&dataset).arg("--yes");
    let refused = rollback().finish();
    refused.refused(codes::LATER_WRITES);
    snapshot!("rollback-later-writes", refused);
    snapshot!("rollback-over-later-writes", rollback().arg("--later-writes").arg("keep").finish());
    assert_eq!(host_tests::guard::tree(&dataset), before);
    let kept = std::fs::read(site.path("data/.skein/orders/later/2/late/NOTE")).unwrap();
    assert_eq!(kept, b"theirs");
}

#[test]
fn recovering_a_sound_dataset_finds_nothing_to_do() {
    let (site, dataset) = orders();
    migrate(&site, &dataset);
    let guard = Guard::over(&dataset);
    snapshot!("recover-nothing", site.skein("recover").arg(&dataset).finish());
    guard.untouched();
}

#[test]
fn check_shows_a_module_and_what_it_would_do() {
    let (site, dataset) = orders();
    let guard = Guard::over(&dataset);
    let module = guests::component("lineitem-v2");
    snapshot!("check-module", site.skein("check").arg(&module).finish());
    let call = site.skein("check").arg(guests::component("columns")).arg("--dataset").arg(&dataset);
    snapshot!("check-dataset", call.params(&spec()).finish());
    guard.untouched();
}

#[test]
fn an_error_has_a_code_a_hint_and_a_page() {
    let (site, dataset) = orders();
    let outcome = site.run(&guests::component("lineitem-v2"), &dataset).finish();
    outcome.refused(codes::PLAN_REFUSED);
    snapshot!("plan-refused", outcome);
    let outcome = site.run(&guests::component("lineitem-v2"), &dataset).arg("-o").arg("json").finish();
    outcome.refused_json(codes::PLAN_REFUSED);
    snapshot!("plan-refused-json", outcome);
}

#[test]
fn parameters_may_stand_in_a_file_of_json_or_toml() {
    let (site, dataset) = orders();
    let text = "name = \"tidy\"\n[[steps]]\nrename = \"customer\"\nto = \"client\"\n";
    let file = site.file("spec.toml", text);
    let run = |params: &Path| {
        let call = site.run(&guests::component("columns"), &dataset).arg("--params");
        call.arg(format!("@{}", params.display())).finish().succeeded()
    };
    assert!(run(&file).stdout.contains("published"));
    let same = json!({ "steps": [{ "to": "client", "rename": "customer" }], "name": "tidy" });
    let again = run(&site.file("spec.json", same.to_string()));
    assert!(again.stdout.contains("already migrated"), "{}", again.stdout);
}

/// The pages of `docs` that are made from the code. After a change on purpose: `cargo xtask reference`.
#[test]
fn the_reference_says_what_the_code_says() {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs");
    let pages = [
        ("cli", "reference/cli.md"),
        ("exit-codes", "reference/exit-codes.md"),
        ("limits", "reference/limits.md"),
        ("contract", "reference/contract.md"),
        ("errors", "errors/README.md"),
        ("openapi", "reference/openapi.json"),
    ];
    for (page, path) in pages {
        let printed = Site::new().skein("reference").arg(page).finish().succeeded();
        let committed = String::from_utf8(std::fs::read(docs.join(path)).unwrap()).unwrap();
        assert!(printed.stdout == committed, "{path} is not what `skein reference {page}` prints");
    }
}
