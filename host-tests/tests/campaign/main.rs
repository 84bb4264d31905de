//! Campaigns through the binary: `skein serve` with its nodes, asked by `skein module`, `dataset` and `campaign`.

mod large;
mod pause;

use host_tests::service::{Service, kill_a_node};
use host_tests::{dice, guests};
use serde_json::{Value, json};
use skein_types::codes;

const DATASETS: i64 = 40;
/// Kills of nodes and, every third time, of the server, while a campaign is under way.
const KILLS: usize = 6;

#[test]
fn a_campaign_publishes_every_dataset_and_is_rolled_back_to_the_byte() {
    let service = Service::start(DATASETS).with_module_and_datasets();
    let before = service.trees();
    let campaign = service.campaign("without-note");
    service.act(&campaign, "start").refused_json(codes::CAMPAIGN_STATE);
    service.act(&campaign, "plan").succeeded();
    assert_eq!(service.watched(&campaign)["state"], "planned");
    assert_eq!(service.trees(), before);

    service.act(&campaign, "start").succeeded();
    let done = service.watched(&campaign);
    assert_eq!((&done["state"], &done["runs"]["published"]), (&json!("soaking"), &json!(DATASETS)));
    for dataset in &service.datasets {
        assert_eq!(service.published(dataset), 1, "{}", dataset.display());
    }

    service.act(&campaign, "roll_back").succeeded();
    let undone = service.watched(&campaign);
    assert_eq!((&undone["state"], &undone["runs"]["reverted"]), (&json!("rolled_back"), &json!(DATASETS)));
    assert_eq!(service.trees(), before);
}

#[test]
fn nodes_and_the_server_may_be_killed_at_any_time_and_nothing_is_lost_or_done_twice() {
    let mut service = Service::start(DATASETS).with_module_and_datasets();
    let campaign = service.campaign("without-note");
    service.act(&campaign, "plan").succeeded();
    assert_eq!(service.watched(&campaign)["state"], "planned");
    service.act(&campaign, "start").succeeded();
    let seed = dice::setting("SKEIN_SEED", 4);
    println!("seed {seed}");
    let mut dice = dice::Dice(seed);
    for kill in 1..=KILLS {
        std::thread::sleep(std::time::Duration::from_millis(dice.roll(400)));
        if kill % 3 == 0 {
            service.kill_and_start_again();
        } else {
            kill_a_node(&service.running);
        }
    }
    let done = service.watched(&campaign);
    assert_eq!((&done["state"], &done["runs"]["published"]), (&json!("soaking"), &json!(DATASETS)), "{done}");
    for dataset in &service.datasets {
        assert_eq!(service.published(dataset), 1, "{}", dataset.display());
    }
}

#[test]
fn what_a_server_manages_is_left_to_it_until_it_gives_it_back() {
    let service = Service::start(1).with_module_and_datasets();
    let dataset = &service.datasets[0];
    let columns = guests::component("columns");
    let params = json!({ "name": "mine", "steps": [{ "drop": "note" }] });
    let run = || service.site.run(&columns, dataset).params(&params).finish();
    run().refused(codes::DATASET_MANAGED);
    service.call("dataset").arg("remove").arg("orders-000").finish().succeeded();
    run().succeeded();
    service.call("dataset").arg("show").arg("orders-000").finish().refused_json(codes::NOT_FOUND);
}

#[test]
fn a_campaign_gives_up_what_it_displaced_and_nothing_else() {
    let service = Service::start(1);
    let dataset = service.datasets[0].clone();
    let params = json!({ "name": "before", "steps": [{ "rename": "customer", "to": "client" }] });
    let run = service.site.run(&guests::component("columns"), &dataset).params(&params);
    run.finish().succeeded();
    let service = service.with_module_and_datasets();
    let campaign = service.campaign("without-note");
    for verb in ["plan", "start"] {
        service.act(&campaign, verb).succeeded();
        service.watched(&campaign);
    }
    let finalize = service.call("campaign").arg("act").arg(&campaign).arg("finalize").arg("--now");
    finalize.finish().succeeded();
    assert_eq!(service.watched(&campaign)["state"], "succeeded");
    let history =
        service.site.skein("history").arg(&dataset).arg("-o").arg("json").finish().succeeded().json();
    let versions = history["versions"].as_array().unwrap().iter();
    let available: Vec<&Value> = versions.map(|version| &version["available"]).collect();
    assert_eq!(available, [true, false, true], "{history}");
}

#[test]
fn what_a_server_does_not_do_yet_is_refused_and_so_are_pages_of_browsers() {
    let service = Service::start(1).with_module_and_datasets();
    let campaign = |policy: Value| json!({ "name": "c", "module": "columns@1", "policy": policy });
    for policy in [json!({ "publish": { "mode": "hold" } }), json!({ "pin": "snapshot" })] {
        let (status, body) = service.post("/v1/campaigns", "", &campaign(policy));
        assert_eq!((status, &body["code"]), (400, &json!("SK0664")), "{body}");
    }
    let elsewhere = json!({ "name": "n", "location": service.datasets[0], "owner": "o", "state": "/s" });
    let (status, body) = service.post("/v1/datasets", "", &json!({ "datasets": [elsewhere] }));
    assert_eq!((status, &body["datasets"][0]["refused"]["code"]), (200, &json!("SK0664")), "{body}");
    for header in ["Origin: https://evil.example\r\n", "Host: evil.example\r\n"] {
        let (status, body) = service.post("/v1/campaigns", header, &campaign(json!({})));
        assert_eq!((status, &body["code"]), (403, &json!("SK0681")), "{body}");
    }
    let (status, body) = service.post("/node/v1/register", "", &json!({}));
    assert_eq!((status, &body["code"]), (401, &json!("SK0661")), "{body}");
}

#[test]
fn a_state_directory_has_one_server_and_a_server_that_is_not_there_is_named() {
    let service = Service::start(0);
    let second = service.site.skein("serve").arg("--listen").arg("127.0.0.1:0");
    second.arg("--dir").arg(service.site.path("server")).finish().refused(codes::LEDGER_LOCKED);
    let outside = service.site.skein("serve").arg("--listen").arg("0.0.0.0:0");
    outside.arg("--dir").arg(service.site.path("other")).finish().refused(codes::USAGE);
    let nowhere = service.site.skein("campaign").arg("list").arg("--server").arg("http://127.0.0.1:1");
    nowhere.finish().refused(codes::SERVER_UNREACHABLE);
}
