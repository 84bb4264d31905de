//! What is said to people who typed something else than they meant, and where they look things up.

use host_tests::{Call, Outcome, Site, fixture, guests};
use serde_json::json;
use skein_types::codes;

fn orders() -> Site {
    let site = Site::new();
    fixture::orders_directory(&site.path("orders"), 1);
    site
}

fn words(call: Call, words: &[&str]) -> Outcome {
    words.iter().fold(call, |call, word| call.arg(word)).finish()
}

/// The refusal, and that it says this.
#[track_caller]
fn says(outcome: &Outcome, code: skein_types::Code, text: &str) {
    outcome.refused(code);
    assert!(outcome.stderr.contains(text), "wanted {text:?}: {}", outcome.stderr);
}

#[test]
fn the_page_of_a_code_is_in_the_binary() {
    let site = Site::new();
    let page = words(site.skein("explain"), &["311"]).succeeded().stdout;
    let committed = std::fs::read(host_tests::project::root().join("docs/errors/SK0311.md")).unwrap();
    assert_eq!(page.as_bytes(), committed);
    says(&words(site.skein("explain"), &["SK9311"]), codes::USAGE, "there is no code \"SK9311\"");
    let all = words(site.skein("explain"), &[]).succeeded().stdout;
    assert!(all.starts_with("SK0001 a mistake in Skein\nSK0002 cancelled\n"), "{all}");
}

#[test]
fn parameters_that_are_given_in_another_way_are_recognised() {
    let site = orders();
    site.file("s.yaml", "name: n\n");
    site.file("s.toml", "name = \"n\"\n");
    let module = guests::component("columns");
    let run = |params: &str| site.run(&module, &site.path("orders")).arg("--params").arg(params);
    says(&run("@s.yaml").finish(), codes::PARAMS_INVALID, "files of TOML end in .toml");
    says(&run("s.toml").finish(), codes::PARAMS_INVALID, "did you mean @s.toml?");
    says(&run("{\"steps\":[]}").finish(), codes::PARAMS_INVALID, "`name` is missing");
    let piped = run("@-").input(json!({ "name": "n", "steps": [] }).to_string()).finish().succeeded();
    assert!(
        piped.stdout.starts_with("published orders version 1: n ") || piped.stdout.contains("version 1: n ")
    );
}

#[test]
fn places_that_are_no_local_dataset_are_recognised() {
    let site = orders();
    let module = guests::component("columns");
    let run =
        |dataset: &str| words(site.skein("run").arg(&module), &[dataset, "--params", "{\"name\":\"n\"}"]);
    says(&run("orders/*.parquet"), codes::DATASET_NOT_FOUND, "give the directory, and --include");
    says(&run("s3://bucket/orders"), codes::DATASET_NOT_FOUND, "local files only");
    let swapped =
        words(site.skein("run"), &["orders", module.to_str().unwrap(), "--params", "{\"name\":\"n\"}"]);
    says(&swapped, codes::USAGE, "MODULE comes first");
    let rollback = |to: &str| words(site.skein("rollback"), &["orders", "--yes", "--to", to]);
    run("orders").succeeded();
    says(&rollback("9"), codes::NO_SUCH_VERSION, "`skein history` lists the versions");
    let beside = words(
        site.skein("run").arg(&module),
        &["orders", "--params", "{\"name\":\"m\"}", "--publish", "beside=orders"],
    );
    says(&beside, codes::NAME_TAKEN, "take another name with --publish beside=NAME");
}

#[test]
fn a_module_that_is_installed_is_named_where_its_path_is_wrong() {
    let site = orders();
    let home = site.directory("home/modules");
    std::fs::copy(guests::component("columns"), home.join("columns.wasm")).unwrap();
    let call = site.skein("check").arg("nowhere/columns.wasm").env("SKEIN_HOME", site.path("home"));
    says(&call.finish(), codes::MODULE_NOT_FOUND, "`columns` is installed: leave the path out");
    let call = site.skein("check").arg("nowhere/other.wasm").env("SKEIN_HOME", site.path("home"));
    assert!(!call.finish().stderr.contains("installed"));
}

#[test]
fn verbose_says_which_files_were_chosen_and_what_becomes_of_columns() {
    let site = orders();
    let run = |name: &str, more: &[&str]| {
        let call = site.run(&guests::component("columns"), &site.path("orders"));
        words(call.params(&json!({ "name": name })), more).succeeded().stderr
    };
    assert!(!run("a", &[]).contains("files chosen"));
    let info = run("b", &["-v"]);
    assert!(info.contains("files chosen files=1 already_migrated=0 not_selected=0"), "{info}");
    assert!(info.contains("schema group files=1") && info.contains("carried=5 computed=0"), "{info}");
    assert!(info.contains("carried=5 spliced=5"), "{info}");
    let debug = run("c", &["-vv"]);
    assert!(debug.contains("column name=\"customer\""), "{debug}");
}

#[test]
fn history_counts_data_files_and_rows_that_are_known_and_names_module_and_parameters() {
    let site = orders();
    site.file("orders/_SUCCESS", "");
    let run = |name: &str| {
        let call = site.run(&guests::component("columns"), &site.path("orders"));
        call.params(&json!({ "name": name, "steps": [] })).finish().succeeded()
    };
    run("a");
    fixture::write(&site.path("orders/late.parquet"), &fixture::orders(0, 500), 500);
    run("b");
    let json = words(site.skein("history"), &["orders", "-o", "json"]).succeeded().json();
    let versions = json["versions"].as_array().unwrap();
    let facts: Vec<_> =
        versions.iter().map(|v| (v["kind"].clone(), v["files"].clone(), v["rows"].clone())).collect();
    let of = |kind: &str, files: u64, rows: Option<u64>| (json!(kind), json!(files), json!(rows));
    assert_eq!(
        facts,
        [
            of("adopted", 1, None),
            of("published", 1, Some(1000)),
            of("observed", 2, None),
            of("published", 2, Some(1500)),
        ]
    );
    assert!(versions[1]["module"].as_str().unwrap().starts_with("sha256:"), "{json}");
    assert_ne!(versions[1]["params"], versions[3]["params"]);
    let table = words(site.skein("history"), &["orders"]).succeeded().stdout;
    let current = table.lines().find(|line| line.trim_start().starts_with("3*")).unwrap();
    assert!(current.ends_with("current"), "{table}");
}
