//! Queries that want more than they may: files, memory, time, a stack.

use host_tests::fixture;
use host_tests::guard::tree;
use skein_types::codes;

use crate::local::{orders, rule, run};

/// Rules of these queries in one run: each is inconclusive by itself, and the one that holds still does.
fn all_inconclusive(queries: &[String]) {
    let (site, dataset) = orders();
    let before = tree(&dataset);
    let holds = rule("error", "unique = [\"id\"]").replace("\"r\"", "\"last\"");
    let named = |(number, query): (usize, &String)| {
        let what = format!("sql = {}", serde_json::to_string(query).unwrap());
        rule("warn", &what).replace("\"r\"", &format!("\"r{number}\""))
    };
    let rules: String = queries.iter().enumerate().map(named).collect::<String>() + &holds;
    let report = run(&site, &dataset, &rules)
        .arg("--publish")
        .arg("hold")
        .arg("-o")
        .arg("json")
        .finish()
        .succeeded()
        .json();
    let results = report["rules"].as_array().unwrap();
    let (last, hostile) = results.split_last().unwrap();
    assert_eq!(
        (&last["rule"], &last["verdict"]),
        (&serde_json::json!("last"), &serde_json::json!("pass")),
        "{results:?}"
    );
    for (result, query) in hostile.iter().zip(queries) {
        assert_eq!(result["verdict"], "inconclusive", "{query:.100}: {result}");
    }
    assert_eq!(hostile.len(), queries.len());
    assert_eq!(tree(&dataset), before);
}

#[test]
fn no_query_reads_or_writes_a_file() {
    let (site, _) = orders();
    let secret = site.path("secret.parquet");
    fixture::write(&secret, &fixture::orders(0, 10), 10);
    let (secret, out) = (secret.display().to_string(), site.path("out.parquet").display().to_string());
    all_inconclusive(&[
        format!("select count(*) from '{secret}'"),
        format!("select count(*) from \"{secret}\""),
        format!("copy (select * from before) to '{out}'"),
        format!("create external table t stored as parquet location '{secret}'"),
        format!("select count(*) from read_parquet('{secret}')"),
        "insert into after select * from before".to_owned(),
        "set datafusion.catalog.location = '/'".to_owned(),
        "select count(*) from information_schema.tables".to_owned(),
    ]);
    assert!(!std::path::Path::new(&out).exists());
}

#[test]
fn a_query_that_wants_all_memory_or_stack_ends_its_process_and_no_other_rule() {
    all_inconclusive(&[
        // Of which no pool of the engine's knows.
        "select length(repeat('x', 2000000000)) = length(repeat('y', 1999999999))".to_owned(),
        "select count(distinct a) = 1 from (select unnest(range(0, 200000000)) as a)".to_owned(),
        // Soon, wherever it is tried: after one that takes too long the rest of the set would not be.
        "select array_length(array_agg(repeat('x', 500))) = 1 from before a cross join before b".to_owned(),
        format!("select {}1{}", "(".repeat(8_000), ")".repeat(8_000)),
        format!("select {}true", "not ".repeat(4_000)),
        format!("select 1{}", " + 1".repeat(3_000)).replace("select 1 ", "select id from after where 1 "),
    ]);
}

#[test]
fn a_query_without_end_is_ended() {
    let (site, dataset) = orders();
    let tables: Vec<String> = (0..6).map(|number| format!("before t{number}")).collect();
    let ids: Vec<String> = (0..6).map(|number| format!("t{number}.id")).collect();
    let query = format!(
        "sql = \"select count(*) from {} where {} = -1\"",
        tables.join(" cross join "),
        ids.join(" + ")
    );
    // A minute is what a rule may take; this one would take longer than anybody lives.
    let ended = run(&site, &dataset, &rule("warn", &query)).finish();
    ended.refused(codes::RULES_HOLD);
    assert!(ended.stderr.contains("inconclusive"), "{}", ended.stderr);
}
