//! One file of a directory was tried first, and stands in the way of the directory until it is forgotten.

use host_tests::guard::tree;
use host_tests::{Site, fixture, guests};
use serde_json::{Value, json};
use skein_types::codes;

#[test]
fn a_file_that_was_tried_first_is_taken_back_and_forgotten_and_the_directory_migrated() {
    let site = Site::new();
    let dataset = site.path("orders");
    fixture::orders_directory(&dataset, 2);
    let before = tree(&dataset);
    let params = json!({ "name": "n", "steps": [{ "drop": "note" }] });
    let run =
        |dataset: &str| site.run(&guests::component("columns"), &site.path(dataset)).params(&params).finish();
    let call = |words: &[&str]| {
        words.iter().skip(1).fold(site.skein(words[0]), |call, word| call.arg(word)).finish()
    };
    let file = "orders/part-00000.parquet";
    run(file).succeeded();
    let refused = run("orders");
    refused.refused(codes::PLACE_REFUSED);
    assert!(
        refused.stderr.contains("part-00000.parquet inside is a dataset of its own"),
        "{}",
        refused.stderr
    );
    assert!(refused.stderr.contains("`skein forget`"), "{}", refused.stderr);

    call(&["rollback", file, "--yes"]).succeeded();
    let holds = call(&["forget", file]);
    holds.refused(codes::STATE_IN_USE);
    assert!(holds.stderr.contains("\n  version 1, "), "{}", holds.stderr);
    call(&["finalize", file, "--now", "--yes"]).succeeded();
    call(&["forget", file]).refused(codes::USAGE);
    let forgotten = call(&["forget", file, "--yes", "-o", "json"]).succeeded().json();
    assert_eq!(forgotten["lost"], Value::Array(Vec::new()));
    assert_eq!(tree(&dataset), before, "nothing of Skein is left in it");
    call(&["forget", file, "--yes"]).refused(codes::NO_HISTORY);
    let published = run("orders").succeeded().stdout;
    assert!(published.starts_with("published ") && published.contains("version 1"), "{published}");
    let lost = call(&["forget", "orders", "--yes"]).succeeded().stdout;
    assert!(lost.contains("lost     version 0, "), "{lost}");
}
