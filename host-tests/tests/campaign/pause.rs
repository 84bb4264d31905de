//! Pause and cancel under load: when they are answered nothing starts any more.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use host_tests::fixture;
use host_tests::patience::until;
use host_tests::service::{Fleet, Service};
use serde_json::{Value, json};

use crate::large::{attempts, planned, service};

const SMALL: i64 = 60;
const DATASETS: i64 = 24;
/// So many that an agent is at work on each for a while.
const ROWS: i64 = 20_000;
/// Longer than a node waits between two exchanges.
const A_WHILE: Duration = Duration::from_secs(2);

/// Attempts of all datasets, begun and not collected yet.
fn begun(service: &Service) -> BTreeSet<String> {
    service.datasets.iter().flat_map(|dataset| attempts(dataset)).map(|(attempt, _)| attempt).collect()
}

fn progress(service: &Service, campaign: &str) -> Value {
    service.progress(campaign)
}

/// Waits until the large dataset is being made: it is the only one of its schema, so it is in the first wave.
fn under_load(service: &Service) {
    let large = service.datasets.last().unwrap();
    until("a checkpoint", || attempts(large).iter().any(|(_, kept)| *kept > 0).then_some(()));
}

#[test]
fn after_a_pause_nothing_starts_what_runs_stops_at_a_checkpoint_and_a_resume_finishes() {
    let (service, large) = service(SMALL);
    let campaign = planned(&service, "*");
    service.act(&campaign, "start").succeeded();
    under_load(&service);
    service.act(&campaign, "pause").succeeded();
    let (at_once, published) = (begun(&service), progress(&service, &campaign)["runs"]["published"].clone());
    std::thread::sleep(A_WHILE);
    let later = begun(&service);
    assert!(later.is_subset(&at_once), "begun after the answer: {:?}", later.difference(&at_once));
    let paused = progress(&service, &campaign);
    assert_eq!((&paused["state"], &paused["runs"]["published"]), (&json!("paused"), &published));
    assert_eq!(paused["running"], json!(0), "{paused}");
    let kept: usize = attempts(&large).iter().map(|(_, kept)| kept).sum();
    assert!(kept > 0, "what lies behind checkpoints stays");

    service.act(&campaign, "resume").succeeded();
    let done = service.watched(&campaign);
    assert_eq!(
        (&done["state"], &done["runs"]["published"]),
        (&json!("soaking"), &json!(SMALL + 1)),
        "{done}"
    );
    for dataset in &service.datasets {
        assert_eq!(service.published(dataset), 1, "{}", dataset.display());
    }
}

#[test]
fn after_a_cancel_nothing_starts_and_what_is_not_published_stays_as_it_was() {
    let (service, large) = service(SMALL);
    let before = service.trees();
    let campaign = planned(&service, "*");
    service.act(&campaign, "start").succeeded();
    under_load(&service);
    service.act(&campaign, "cancel").succeeded();
    let at_once = begun(&service);
    let done = service.watched(&campaign);
    assert_eq!(done["state"], "cancelled", "{done}");
    std::thread::sleep(A_WHILE);
    let later = begun(&service);
    assert!(later.is_subset(&at_once), "begun after the answer: {:?}", later.difference(&at_once));
    let published: Vec<usize> = service.datasets.iter().map(|dataset| service.published(dataset)).collect();
    assert_eq!(json!(published.iter().sum::<usize>()), done["runs"]["published"]);
    for ((was, is), published) in before.iter().zip(service.trees()).zip(published) {
        assert_eq!(*was == is, published == 0);
    }
    assert_eq!(attempts(&large), [], "nothing of it is left");
}

#[test]
fn a_pause_is_not_answered_while_a_node_that_has_work_says_nothing_and_may_still_begin_some() {
    let write = |number: i64, path: &Path| {
        fixture::write(path, &fixture::orders(number * ROWS, (number + 1) * ROWS), 4_000);
    };
    let service = Service::over(Fleet::SMALL, DATASETS, write).with_module_and_datasets();
    let campaign = service.campaign("without-note");
    service.act(&campaign, "plan").succeeded();
    service.watched(&campaign);
    service.act(&campaign, "start").succeeded();
    let stopped = service.stop_a_node_at_work();
    service.act(&campaign, "pause").succeeded();
    let events = service.get("/v1/events?limit=1000");
    let lost = events["items"].as_array().unwrap().iter().filter(|event| event["kind"] == "node.lost");
    assert_eq!(lost.count(), 1, "it was waited for until its lease was over");
    let at_once = begun(&service);
    // What it goes on with is an attempt that nobody publishes, and it begins nothing else.
    drop(stopped);
    std::thread::sleep(A_WHILE);
    let later = begun(&service);
    assert!(later.is_subset(&at_once), "begun after the answer: {:?}", later.difference(&at_once));
    let done =
        service.call("campaign").arg("resume").arg(&campaign).arg("--wait").finish().succeeded().json();
    assert_eq!((&done["state"], &done["runs"]["published"]), (&json!("soaking"), &json!(DATASETS)), "{done}");
}
