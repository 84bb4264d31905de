//! The canary goes back and forth before it counts.

use host_tests::guard::state_directory;
use host_tests::guests;
use host_tests::service::Service;
use serde_json::json;

use crate::{events, flip, only_file, run, started};

const DATASETS: i64 = 6;

#[test]
fn a_canary_goes_back_and_forth_before_it_is_published_and_no_other_run_does() {
    let service = Service::start(DATASETS).with_module_and_datasets();
    let before = service.trees();
    let campaign = started(&service, &json!({}));
    assert_eq!(service.watched(&campaign)["runs"]["published"], DATASETS);
    let rehearsed = events(&service, "run.rehearsed");
    let canary: Vec<u64> = rehearsed.iter().map(|event| event["body"]["seq"].as_u64().unwrap()).collect();
    assert!(!canary.is_empty() && canary.len() < usize::try_from(DATASETS).unwrap(), "{canary:?}");
    for seq in 0..DATASETS.unsigned_abs() {
        let run = run(&service, &campaign, seq);
        let trip = &run["soak"]["round_trip"];
        if canary.contains(&seq) {
            assert_eq!(
                (&trip["published"], &trip["back"], &trip["forward"]),
                (&json!(1), &json!(2), &json!(3))
            );
            assert_eq!((&trip["files"], &trip["problem"]), (&json!(2), &json!(null)));
            assert_ne!(trip["before"], trip["after"]);
            assert_eq!(run["version"], 3);
        } else {
            assert_eq!((trip, &run["version"]), (&json!(null), &json!(1)));
        }
    }
    // It stands before the publish in the same breath.
    let published = events(&service, "run.published");
    let of = |seq: u64| published.iter().find(|event| event["body"]["seq"] == seq).unwrap();
    for event in &rehearsed {
        let after = of(event["body"]["seq"].as_u64().unwrap())["position"].as_u64();
        assert_eq!(after, event["position"].as_u64().map(|position| position + 1));
    }
    let report = service.get(&format!("/v1/campaigns/{campaign}/report"));
    assert_eq!(report["round_trips"], canary.len());
    // What went back and forth can still go back, to the byte.
    service.act(&campaign, "roll_back").succeeded();
    assert_eq!(service.watched(&campaign)["state"], "rolled_back");
    assert_eq!(service.trees(), before);
}

#[test]
fn what_came_back_from_its_round_trip_is_checked_by_its_own_numbers_and_has_a_statement_by_either_number() {
    let service = Service::start(1).with_module_and_datasets();
    let campaign = started(&service, &json!({}));
    assert_eq!(service.watched(&campaign)["runs"]["published"], 1);
    assert_eq!(run(&service, &campaign, 0)["version"], 3);
    let sql = service.site.skein("export").arg(&service.datasets[0]).arg("--verify-sql").finish().succeeded();
    assert!(
        sql.stdout.contains("Version 3 of ") && sql.stdout.contains("made as version 1 by run_"),
        "{sql:?}"
    );
    let file = service.site.file("verify.sql", &sql.stdout);
    let said = host_tests::python::run("verify.py", &[std::path::Path::new("check"), &file]);
    assert!(said.starts_with("verified"), "{said}");
    let stated = |version: &str| {
        let name = service.datasets[0].file_name().unwrap();
        service.call("audit").arg("attest").arg(name).arg("--version").arg(version).finish()
    };
    let made = stated("1").succeeded().json();
    assert_eq!(made, stated("3").succeeded().json());
    stated("2").refused_json(skein_types::codes::NO_STATEMENT);
    stated("0").refused_json(skein_types::codes::NO_STATEMENT);
}

#[test]
fn a_policy_may_do_without() {
    let service = Service::start(2).with_module_and_datasets();
    let campaign = started(&service, &json!({ "round_trip": false }));
    assert_eq!(service.watched(&campaign)["runs"]["published"], 2);
    assert_eq!(events(&service, "run.rehearsed"), [json!(null); 0]);
}

#[test]
fn what_rots_while_it_is_kept_aside_fails_the_canary_and_the_old_version_stays() {
    for (point, file, code) in
        [("door.after-back", "kept/1", "SK0361"), ("door.after-back", "live", "SK0360")]
    {
        let mut service = Service::start(1).with_module_and_datasets();
        service.kill_and_start_doomed(|call| call.env("SKEIN_CRASH_AT", point));
        let campaign = started(&service, &json!({}));
        service.wait_for_its_end();
        let dataset = service.datasets[0].clone();
        let kept = state_directory(&dataset).join("kept/1");
        flip(&only_file(if file == "live" { &dataset } else { &kept }));
        service.start_again();
        let failed = host_tests::patience::until("failed", || {
            Some(run(&service, &campaign, 0)).filter(|run| run["state"] == "failed")
        });
        assert_eq!(failed["why"]["code"], code, "{failed}");
        assert!(failed["why"]["message"].as_str().unwrap().contains(".parquet"), "{failed}");
        assert_eq!(only_file(&dataset).file_name().unwrap(), "part.parquet", "the old version is current");
        assert_eq!(service.state_of(&campaign).as_deref(), Some("halted"));
    }
}

#[test]
fn a_staged_file_that_changes_before_the_door_is_named_there_though_its_time_is_put_back() {
    let mut service = Service::start(1).with_module_and_datasets();
    service.kill_and_start_doomed(|call| call.env("SKEIN_CRASH_AT", "door.after-intend"));
    let campaign = started(&service, &json!({}));
    service.wait_for_its_end();
    let dataset = service.datasets[0].clone();
    let stage = state_directory(&dataset).join("stage");
    let attempt = stage.read_dir().unwrap().next().unwrap().unwrap().path();
    let staged = attempt.join("data").join(dataset.file_name().unwrap());
    flip(&only_file(&staged));
    service.start_again();
    let failed = host_tests::patience::until("failed", || {
        Some(run(&service, &campaign, 0)).filter(|run| run["state"] == "failed")
    });
    let message = failed["why"]["message"].as_str().unwrap();
    assert!(message.contains("modified") && message.contains(".parquet"), "{failed}");
    assert_eq!(service.published(&dataset), 0);
}

#[test]
fn the_benchmarks_migration_goes_back_and_forth_too() {
    let site = host_tests::Site::new();
    let dataset = site.directory("lineitem");
    crate::damage::lineitem(&dataset.join("part.parquet"));
    let before = host_tests::guard::tree(&dataset);
    let call = site.run(&guests::component("lineitem-v2"), &dataset).arg("-o").arg("json");
    let report = call.arg("--round-trip").finish().succeeded().json();
    let trip = &report["round_trip"];
    assert_eq!((&trip["base"], &trip["published"]), (&json!(0), &json!(1)));
    assert_eq!((&trip["forward"], &report["version"]), (&json!(3), &json!(3)));
    site.skein("rollback").arg(&dataset).arg("--yes").finish().succeeded();
    assert_eq!(host_tests::guard::tree(&dataset), before);
}
