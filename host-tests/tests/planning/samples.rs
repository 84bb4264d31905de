//! What is tried while planning, and what the plan says of it.

use super::{create, drops, get, made, planned, service};
use host_tests::fixture;
use host_tests::service::Service;
use serde_json::{Value, json};
use skein_types::codes;

#[test]
fn a_plan_tries_a_dataset_of_each_schema_and_says_what_that_showed() {
    let service = Service::start(8);
    // Two of another schema.
    for dataset in &service.datasets[..2] {
        let wider = fixture::with_copy_of(&fixture::orders(0, 40), "note", "remark");
        fixture::write(&dataset.join("part.parquet"), &wider, 30);
    }
    let service = service.with_module_and_datasets();
    let before = service.trees();
    let campaign = made(create(&service, "without-note").params(&drops("without-note")));
    let shown = planned(&service, &campaign);
    assert_eq!(service.trees(), before);
    assert_eq!(
        (&shown["plan"]["samples"], &shown["plan"]["risk"]),
        (&json!(2), &json!("moderate")),
        "{shown}"
    );

    let report = get(&service, &format!("/v1/campaigns/{campaign}/plan"));
    let samples = &report["samples"];
    let counts = ["datasets", "of_datasets", "groups", "of_groups", "failed"].map(|key| &samples[key]);
    assert_eq!(counts, [&json!(2), &json!(8), &json!(2), &json!(2), &json!(0)], "{report}");
    assert_eq!((&samples["rows"]["read"], &samples["rows"]["rejected"]), (&json!(80), &json!(0)), "{report}");
    assert_eq!(report["estimate"]["agents"], 2, "{report}");
    assert!(report["estimate"]["cpu_ms"].as_u64().unwrap() >= 8 * 4, "{report}");
    assert_eq!(report["waves"], json!([2, 1, 5]));

    let list = service.call("campaign").arg("samples").arg(&campaign).finish().succeeded().json();
    let first = list[0]["seq"].to_string();
    let one = service.call("campaign").arg("samples").arg(&campaign).arg(&first).finish().succeeded().json();
    assert_eq!((&one["outcome"], &one["work"]["rows"]), (&json!("would_run"), &json!(40)), "{one}");
    let table = service.site.skein("campaign").env("SKEIN_SERVER", &service.address);
    let table = table.arg("show").arg(&campaign).finish().succeeded().stdout;
    let shown = service.site.skein("campaign").env("SKEIN_SERVER", &service.address);
    let shown = shown.arg("samples").arg(&campaign).arg(&first).finish().succeeded().stdout;
    for part in [&format!("over sample {first} version"), "lineage\n", "estimate for the whole\n"] {
        assert!(shown.contains(part), "wanted {part:?}:\n{shown}");
    }
    assert!(!shown.contains("\"outcome\""), "{shown}");
    assert!(table.contains("tried 2 of 8 datasets, 2 of 2 schemas: 80 rows read"), "{table}");
    assert!(table.contains("risk moderate: columns are dropped: note"), "{table}");
}

#[test]
fn a_sample_that_fails_raises_the_risk_and_not_the_end_of_the_plan() {
    let service = service(3);
    // What the module can plan for.
    for dataset in &service.datasets {
        let two = fixture::orders(0, 40).project(&[0, 3]).unwrap();
        fixture::write(&dataset.join("part.parquet"), &two, 30);
    }
    let call = service.call("campaign").arg("create").arg("bad").arg("--module").arg("hostile@1");
    let campaign = made(call.params(&json!({ "behave": "panic", "shape": "same" })));
    let shown = planned(&service, &campaign);
    assert_eq!((&shown["state"], &shown["plan"]["eligible"]), (&json!("planned"), &json!(3)), "{shown}");
    assert_eq!((&shown["plan"]["risk"], &shown["plan"]["samples_failed"]), (&json!("high"), &json!(1)));
    let report = get(&service, &format!("/v1/campaigns/{campaign}/plan"));
    let failure = &report["samples"]["failures"][0];
    assert_eq!(
        (&failure["code"], &failure["datasets"]),
        (&json!(codes::GUEST_TRAP.id), &json!(1)),
        "{report}"
    );
    assert_eq!(report["because"][0], "1 of 1 samples failed");
    let list = service.call("campaign").arg("samples").arg(&campaign).finish().succeeded().json();
    let seq = list[0]["seq"].to_string();
    let one = service.call("campaign").arg("samples").arg(&campaign).arg(&seq).finish();
    one.refused_json(codes::NOT_FOUND);
    // Whoever starts it all the same is stopped by the canary.
    service.act(&campaign, "start").succeeded();
    assert_eq!(service.watched(&campaign)["state"], "halted");
}

#[test]
fn rows_that_would_be_rejected_are_seen_before_anything_runs() {
    let service = Service::start(3).with_module_and_datasets();
    let params = json!({ "name": "typed", "steps": [{ "cast": "amount", "to": "decimal(12,2)" }] });
    // The third dataset has the row with the amount that is none.
    let call = create(&service, "typed").arg("--samples").arg("3").arg("--policy");
    let campaign =
        made(call.arg(service.site.file("all.toml", "[dry_run]\nshare = \"100%\"\n")).params(&params));
    planned(&service, &campaign);
    let report = get(&service, &format!("/v1/campaigns/{campaign}/plan"));
    assert_eq!((&report["risk"], &report["samples"]["rows"]["rejected"]), (&json!("moderate"), &json!(1)));
    assert_eq!(report["because"][0], "the module rejected 1 of 120 sampled rows", "{report}");
}

#[test]
fn what_is_refused_is_counted_by_code_with_an_example() {
    let service = Service::start(4);
    std::fs::write(service.datasets[1].join("part.parquet"), "no parquet").unwrap();
    let service = service.with_module_and_datasets();
    std::fs::remove_dir_all(&service.datasets[2]).unwrap();
    let campaign = made(create(&service, "without-note").params(&drops("without-note")));
    let shown = planned(&service, &campaign);
    assert_eq!((&shown["plan"]["eligible"], &shown["plan"]["refused"]), (&json!(2), &json!(2)), "{shown}");
    let report = get(&service, &format!("/v1/campaigns/{campaign}/plan"));
    let reasons = report["reasons"].as_array().unwrap().iter();
    let told: Vec<(&Value, &Value)> = reasons.map(|reason| (&reason["code"], &reason["example"])).collect();
    let wanted = [(codes::DATASET_NOT_FOUND, "orders-002"), (codes::FILE_NOT_PARQUET, "orders-001")];
    for (code, example) in wanted {
        assert!(told.contains(&(&json!(code.id), &json!(example))), "{report}");
    }
    assert_eq!(report["risk"], "moderate");
}

#[test]
fn a_dataset_that_cannot_be_opened_just_now_is_refused_and_the_plan_is_made() {
    let service = Service::start(3).with_module_and_datasets();
    let away = service.datasets[1].with_extension("away");
    std::fs::rename(&service.datasets[1], &away).unwrap();
    std::os::unix::fs::symlink(&service.datasets[1], &service.datasets[1]).unwrap();
    let policy = "[retries]\ntransient = 2\nwait = \"10ms\"\nlongest = \"10ms\"\n";
    let policy = service.site.file("hasty.toml", policy);
    let create = create(&service, "without-note").params(&drops("without-note"));
    let campaign = made(create.arg("--policy").arg(policy));
    let shown = planned(&service, &campaign);
    assert_eq!((&shown["plan"]["eligible"], &shown["plan"]["refused"]), (&json!(2), &json!(1)), "{shown}");
    let report = get(&service, &format!("/v1/campaigns/{campaign}/plan"));
    let reason = &report["reasons"][0];
    assert_eq!(
        (&reason["code"], &reason["example"]),
        (&json!(codes::IO.id), &json!("orders-001")),
        "{report}"
    );
}

#[test]
fn a_plan_survives_the_death_of_nodes_and_server() {
    let mut service = Service::start(20).with_module_and_datasets();
    let campaign = made(create(&service, "without-note").params(&drops("without-note")));
    service.act(&campaign, "plan").succeeded();
    service.kill_a_node(0);
    service.kill_and_start_again();
    assert_eq!(service.watched(&campaign)["state"], "planned");
    let report = get(&service, &format!("/v1/campaigns/{campaign}/plan"));
    assert_eq!((&report["eligible"], &report["samples"]["failed"]), (&json!(20), &json!(0)), "{report}");
}
