//! Several waves: gates, a straggler, and what a late run still costs.

use host_tests::guard::state_directory;
use host_tests::patience::until;
use host_tests::service::Service;
use serde_json::{Value, json};
use skein_types::{RunState, WaveState};

use crate::record::Record;
use crate::story::Story;

/// With a tenth of them in the second wave one of that is a twentieth: the most that may be late.
const DATASETS: i64 = 200;

#[test]
fn the_next_wave_does_not_wait_for_a_straggler_whose_failure_still_spends_its_own_budget() {
    let mut service = Service::start(DATASETS).with_module_and_datasets();
    let params = json!({ "name": "without-note", "steps": [{ "drop": "note" }] });
    let campaign = service.campaign_of("columns@1", &params, &json!({ "budget": { "runs": 2 } }));
    service.act(&campaign, "plan").succeeded();
    service.watched(&campaign);
    let sizes: Vec<u64> =
        waves(&service, &campaign).iter().map(|wave| wave["size"].as_u64().unwrap()).collect();
    assert_eq!(sizes, [2, 20, 178]);
    let runs = service.get(&format!("/v1/campaigns/{campaign}/runs?limit=1000"));
    let straggler =
        runs["items"].as_array().unwrap().iter().find(|run| run["wave"] == 1).unwrap()["seq"].clone();
    let dataset = service.datasets[usize::try_from(straggler.as_u64().unwrap()).unwrap()].clone();

    // Nothing can be staged for it, which passes: it is tried again and again, and later each time.
    let stage = state_directory(&dataset).join("stage");
    std::fs::rename(&stage, stage.with_extension("away")).unwrap();
    service.act(&campaign, "start").succeeded();
    until("the last wave to begin", || {
        let now = service.shown(&campaign);
        assert_eq!(now["state"], "running", "{now}");
        (now["waves"][2]["runs"]["published"].as_u64().unwrap() > 0).then_some(())
    });
    let second = &waves(&service, &campaign)[1];
    assert_eq!((&second["state"], &second["runs"]["planned"]), (&json!("promoted"), &json!(1)), "{second}");
    assert_eq!(second["runs"]["published"], 19);

    // Now it fails for good.
    let away = dataset.with_file_name("away");
    std::fs::rename(&dataset, &away).unwrap();
    std::fs::rename(stage.with_extension("away"), &stage).unwrap();
    let done = service.watched(&campaign);
    assert_eq!((&done["state"], &done["runs"]["failed"]), (&json!("soaking"), &json!(1)), "{done}");
    let failed: Vec<Value> =
        waves(&service, &campaign).iter().map(|wave| wave["runs"]["failed"].clone()).collect();
    assert_eq!(failed, [0, 1, 0], "it spends the budget of its own wave");

    std::fs::rename(&away, &dataset).unwrap();
    service.acting(&campaign, "retry").arg("--run").arg(straggler.to_string()).finish().succeeded();
    let done = service.watched(&campaign);
    assert_eq!((&done["state"], &done["runs"]["published"]), (&json!("soaking"), &json!(DATASETS)), "{done}");
    service.stop();

    let record = Record::of(&service);
    let story = Story::of(&record.events(Some(campaign.parse().unwrap())));
    assert_eq!(story.total(RunState::Published), DATASETS.unsigned_abs());
    assert_eq!(story.halts, [0_u64; 0]);
    assert!(story.waves.values().all(|wave| wave.state == WaveState::Promoted), "{:?}", story.waves);
}

fn waves(service: &Service, campaign: &str) -> Vec<Value> {
    service.shown(campaign)["waves"].as_array().unwrap().clone()
}
