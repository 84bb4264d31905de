//! Checks after a publish.

use host_tests::patience::until;
use host_tests::service::Service;
use serde_json::json;

use crate::{alarm, events, old_file, only_file, run, started};

#[test]
fn a_producer_that_still_writes_the_old_columns_is_told_of_and_nothing_is_undone() {
    let service = Service::start(2).with_module_and_datasets();
    let soak = json!({ "checks_ms": [1_000, 2_000], "on_failure": "revert" });
    let campaign = started(&service, &json!({ "soak": soak }));
    assert_eq!(service.watched(&campaign)["runs"]["published"], 2);
    let late = service.datasets[1].join("late.parquet");
    old_file(&late);
    let told = alarm(&service, &campaign, 1, "SK0364");
    assert_eq!(told["path"], "late.parquet");
    assert!(["1s", "2s"].contains(&told["check"].as_str().unwrap()), "{told}");
    // Others wrote: there is nothing to be rolled back for, whatever the policy says.
    until("both checks", || service.shown(&campaign)["soak"]["checked"] == 2);
    assert_eq!(run(&service, &campaign, 1)["state"], "published");
    assert!(late.exists());
    let shown = service.shown(&campaign);
    assert_eq!((&shown["soak"]["alarms"], &shown["soak"]["checks"]), (&json!(1), &json!(2)));
    // Whoever runs it may see which run that is, and is told how.
    let call = |verb: &str| {
        let call = service.site.skein("campaign").env("SKEIN_SERVER", &service.address);
        call.arg(verb).arg(&campaign).finish().succeeded().stdout
    };
    assert!(call("show").contains(&format!("1 alarm: `skein campaign runs {campaign}")), "{}", call("show"));
    let listed = call("runs");
    assert_eq!(listed.matches("published, 1 alarm ").count(), 1, "{listed}");
    // One event a check, whatever number of runs.
    let checked: Vec<_> = events(&service, "campaign.checked");
    assert_eq!(checked.len(), 2, "{checked:?}");
    assert_eq!((&checked[1]["body"]["runs"], &checked[1]["body"]["check"]), (&json!(2), &json!(1)));
    let page = service.own_browser().page(&format!("/campaigns/{campaign}"));
    assert!(page.contains("1 alarm<"), "{page}");
}

#[test]
fn a_published_file_that_goes_missing_or_changes_its_size_is_told_of_by_name() {
    let service = Service::start(2).with_module_and_datasets();
    let campaign = started(&service, &json!({ "soak": { "checks_ms": [1_500] } }));
    assert_eq!(service.watched(&campaign)["runs"]["published"], 2);
    let (gone, cut) = (only_file(&service.datasets[0]), only_file(&service.datasets[1]));
    std::fs::remove_file(&gone).unwrap();
    std::fs::write(&cut, b"PAR1").unwrap();
    for (seq, file, how) in [(0, &gone, "is not there"), (1, &cut, "has another size")] {
        let told = alarm(&service, &campaign, seq, "SK0363");
        assert_eq!(told["path"], file.file_name().unwrap().to_str().unwrap());
        assert!(told["message"].as_str().unwrap().contains(how), "{told}");
    }
}

#[test]
fn where_the_policy_says_so_damage_is_rolled_back_and_what_others_wrote_is_not() {
    let service = Service::start(4).with_module_and_datasets();
    let before = service.trees();
    // Whichever of the checks comes behind the damage finds it.
    let soak = json!({ "checks_ms": [2_000, 5_000, 9_000, 15_000], "on_failure": "revert" });
    let campaign = started(&service, &json!({ "soak": soak }));
    assert_eq!(service.watched(&campaign)["runs"]["published"], 4);
    let [gone, cut, joined, rewritten] = [0, 1, 2, 3].map(|number| only_file(&service.datasets[number]));
    // Before the other damage: a dataset to which somebody added is never one that is only damaged.
    let late = service.datasets[2].join("late.parquet");
    old_file(&late);
    std::fs::remove_file(joined).unwrap();
    std::fs::remove_file(gone).unwrap();
    let whole = std::fs::read(&cut).unwrap();
    std::fs::write(&cut, &whole[..whole.len() / 2]).unwrap();
    old_file(&rewritten);
    for number in [0, 1] {
        until("reverted", || run(&service, &campaign, number)["state"] == "reverted");
        let told = alarm(&service, &campaign, number, "SK0363");
        assert!(!told["message"].as_str().unwrap().contains("not rolled back"), "{told}");
        let dataset = usize::try_from(number).unwrap();
        assert_eq!(service.trees()[dataset], before[dataset]);
    }
    for (number, stands) in [(2, "added late.parquet"), (3, "modified ")] {
        let told = alarm(&service, &campaign, number, "SK0363");
        let message = told["message"].as_str().unwrap();
        assert!(message.contains("not rolled back: a later write") && message.contains(stands), "{told}");
        assert_eq!(run(&service, &campaign, number)["state"], "published");
    }
    assert!(late.exists() && rewritten.exists());
}

#[test]
fn a_server_that_is_killed_in_between_looks_again_and_says_nothing_twice() {
    let mut service = Service::start(1).with_module_and_datasets();
    let campaign = started(&service, &json!({ "soak": { "checks_ms": [500, 4_000] } }));
    assert_eq!(service.watched(&campaign)["runs"]["published"], 1);
    old_file(&service.datasets[0].join("late.parquet"));
    alarm(&service, &campaign, 0, "SK0364");
    service.kill_and_start_again();
    until("both checks", || service.shown(&campaign)["soak"]["checked"] == 2);
    assert_eq!(events(&service, "run.alarmed").len(), 1);
}
