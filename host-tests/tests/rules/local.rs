//! `skein run --rule` and `skein rule test`.

use std::path::{Path, PathBuf};

use host_tests::guard::{state_directory, tree};
use host_tests::{Call, Site, fixture, guests};
use serde_json::{Value, json};
use skein_types::codes;

pub(crate) fn orders() -> (Site, PathBuf) {
    let site = Site::new();
    let dataset = site.path("data/orders");
    fixture::orders_directory(&dataset, 2);
    (site, dataset)
}

/// Renames, casts (twenty of 2,000 rows are rejected) and drops, under rules.
pub(crate) fn run(site: &Site, dataset: &Path, rules: &str) -> Call {
    let spec = json!({ "name": "tidy", "steps": [
        { "rename": "customer", "to": "client" }, { "cast": "amount", "to": "decimal(12,2)" }, { "drop": "note" }
    ] });
    let file = site.file("rules.toml", rules);
    site.run(&guests::component("columns"), dataset).params(&spec).arg("--rule").arg(file)
}

/// One rule, as a file has it.
pub(crate) fn rule(severity: &str, what: &str) -> String {
    format!("[[rules]]\nname = \"r\"\nseverity = \"{severity}\"\n{what}\n")
}

const HOLDS: [&str; 9] = [
    "reconcile = true",
    "not_null = [\"id\", \"client\"]",
    "unique = [\"id\"]",
    "range = { column = \"id\", min = 0, max = 1999 }",
    "accepted_values = { column = \"client\", values = ",
    "row_count = { min = 1980, max = 1980, min_percent = 99, max_percent = 99 }",
    "sql = \"select count(*) from before b left join after a using (id) left join rejects r on r.id = b.id \
     where a.id is null and r.id is null\"",
    "sql = \"select count(*) = 20 from rejects where skein_code is not null and skein_file like '%.parquet'\"",
    "sql = \"select sum(amount) > 0 from after\"",
];

#[test]
fn what_holds_is_published_and_is_in_the_summary_and_the_log() {
    let (site, dataset) = orders();
    let clients: Vec<String> = (0..97).map(|n| format!("\"customer {n}\"")).collect();
    let rules: Vec<String> = HOLDS
        .iter()
        .enumerate()
        .map(|(number, what)| {
            let what = if what.ends_with("= ") {
                format!("{what}[{}] }}", clients.join(", "))
            } else {
                (*what).to_owned()
            };
            rule("error", &what).replace("\"r\"", &format!("\"r{number}\""))
        })
        .collect();
    let report = run(&site, &dataset, &rules.concat()).arg("-o").arg("json").finish().succeeded().json();
    let verdicts: Vec<&Value> =
        report["rules"].as_array().unwrap().iter().map(|rule| &rule["verdict"]).collect();
    assert_eq!(verdicts, [&json!("pass"); 9], "{}", report["rules"]);
    let log = state_directory(&dataset).join("log");
    let records: Vec<String> = std::fs::read_dir(log)
        .unwrap()
        .map(|entry| std::fs::read_to_string(entry.unwrap().path()).unwrap())
        .collect();
    assert!(records.iter().any(|record| record.contains("rows are there again")), "{records:?}");
}

#[test]
fn a_broken_rule_does_what_its_severity_says_and_changes_nothing_else() {
    let broken = "range = { column = \"id\", max = 1000 }";
    for (severity, mode, code) in [
        ("error", "replace", Some(codes::RULE_BROKEN)),
        ("error", "hold", Some(codes::RULE_BROKEN)),
        ("hold", "replace", Some(codes::RULES_HOLD)),
        ("hold", "hold", None),
        ("warn", "replace", None),
    ] {
        let (site, dataset) = orders();
        let before = tree(&dataset);
        let ended = run(&site, &dataset, &rule(severity, broken)).arg("--publish").arg(mode).finish();
        match code {
            Some(code) => {
                ended.refused(code);
                assert!(
                    ended.stderr.contains("989 rows are out of range"),
                    "{severity} {mode}: {}",
                    ended.stderr
                );
                assert_eq!(tree(&dataset), before, "{severity} {mode}");
            }
            None => {
                ended.succeeded();
                assert_eq!(tree(&dataset) == before, mode == "hold", "{severity} {mode}");
            }
        }
    }
}

#[test]
fn what_does_not_hold_and_ends_nothing_is_named_by_the_run_the_publish_and_the_history() {
    let broken = "range = { column = \"id\", max = 1000 }";
    let says = "rule r is broken: 989 rows are out of range";
    let (site, dataset) = orders();
    let ran = run(&site, &dataset, &rule("warn", broken)).finish().succeeded();
    assert!(ran.stdout.contains(&format!("  rules    {says} (warn)\n")), "{}", ran.stdout);
    let history = site.skein("history").arg(&dataset).finish().succeeded();
    assert!(history.stdout.contains(&format!("version 1: {says} (warn)\n")), "{}", history.stdout);
    let history = site.skein("history").arg(&dataset).arg("-o").arg("json").finish().succeeded().json();
    assert_eq!(history["versions"].as_array().unwrap().last().unwrap()["rules"][0]["verdict"], "broken");

    let (site, dataset) = orders();
    let held = run(&site, &dataset, &rule("hold", broken)).arg("--publish").arg("hold").finish().succeeded();
    assert!(held.stdout.contains(&format!("  rules    {says} (hold)\n")), "{}", held.stdout);
    let history = site.skein("history").arg(&dataset).finish().succeeded();
    assert!(history.stdout.contains(&format!("  {says} (hold)\n")), "{}", history.stdout);
    let published = site.skein("publish").arg(&dataset).finish().succeeded();
    assert!(published.stdout.contains(&format!("  {says} (hold)\n")), "{}", published.stdout);
}

#[test]
fn what_cannot_be_evaluated_is_never_published() {
    for severity in ["error", "warn", "hold"] {
        let (site, dataset) = orders();
        let before = tree(&dataset);
        let ended = run(&site, &dataset, &rule(severity, "not_null = [\"no-such-column\"]")).finish();
        ended.refused(codes::RULES_HOLD);
        assert!(ended.stderr.contains("inconclusive"), "{}", ended.stderr);
        assert_eq!(tree(&dataset), before);
    }
}

#[test]
fn rules_are_tried_on_what_is_there_and_files_that_are_none_refused() {
    let (site, dataset) = orders();
    let test = |rules: &str| {
        let file = site.file("rules.toml", rules);
        site.skein("rule").arg("test").arg(file).arg(&dataset).arg("-o").arg("json").finish()
    };
    let holds = test(&rule("error", "unique = [\"id\"]")).succeeded().json();
    assert_eq!(holds[0]["verdict"], "pass");
    assert_eq!(test(&rule("error", "unique = [\"year\"]")).code(), i32::from(codes::RULE_BROKEN.exit_code()));
    test(&rule("warn", "unique = [\"year\"]")).succeeded();
    test(&rule("error", "uniq = [\"id\"]")).refused_json(codes::RULE_INVALID);
    test("").refused_json(codes::RULE_INVALID);
    let wrong = test("[[rules]]\nname = \"r\"\nunique = [\"id\"\n");
    let message = wrong.json()["error"]["message"].to_string();
    assert!(message.contains("line 3: ") && message.contains("rules.toml"), "{message}");
    assert!(wrong.json()["error"]["hint"].to_string().contains("[[rules]]"), "{}", wrong.stdout);
    test(&rule("error", "range = { column = \"id\", min = 100, max = 10 }"))
        .refused_json(codes::RULE_INVALID);
    let misspelt = test(&rule("error", "not_null = [\"identity\"]"));
    misspelt.refused(codes::RULES_HOLD);
    assert!(
        misspelt.stderr.contains("hint: the columns are id, customer, amount, note, year"),
        "{}",
        misspelt.stderr
    );
    let absent = site.skein("rule").arg("test").arg(site.path("no-such.toml")).arg(&dataset);
    absent.arg("-o").arg("json").finish().refused_json(codes::FILE_NOT_FOUND);
}
