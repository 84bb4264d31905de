//! A campaign from its draft to its end, with nothing in its way.

use host_tests::guests;
use host_tests::service::Service;
use serde_json::{Value, json};
use skein_types::codes;

const DATASETS: i64 = 40;

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
    // Whether or not their dataset was in the canary, and so went back and forth.
    let versions = versions.filter(|version| !version["kind"].as_str().unwrap().starts_with("rolled"));
    let available: Vec<&Value> = versions.map(|version| &version["available"]).collect();
    assert_eq!(available, [true, false, true], "{history}");
}
