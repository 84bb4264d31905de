//! A node that is stopped for longer than its lease and then goes on. The round of the long form is a second that it is
//! stopped at least.

use std::time::{Duration, Instant};

use host_tests::dice::setting;
use host_tests::fixture;
use host_tests::patience::until;
use host_tests::service::{Fleet, Service};
use serde_json::{Value, json};
use skein_ledger::Event;
use skein_types::RunState;

use crate::datasets::{rows, versions};
use crate::record::Record;
use crate::story::Story;

const DATASETS: i64 = 24;
/// So many that an agent is at work on each for a while.
const ROWS: i64 = 20_000;

#[test]
fn a_node_that_was_stopped_for_longer_than_its_lease_does_nothing_twice() {
    // Not the time that is waited for: at least that long, and until the other node has done all of it.
    let seconds = setting("SKEIN_SOAK_ROUNDS", 0);
    let write = |number: i64, path: &std::path::Path| {
        fixture::write(path, &fixture::orders(number * ROWS, (number + 1) * ROWS), 4_000);
    };
    let mut service = Service::over(Fleet::SMALL, DATASETS, write).with_module_and_datasets();
    let campaign = service.campaign("without-note");
    service.act(&campaign, "plan").succeeded();
    service.watched(&campaign);
    service.act(&campaign, "start").succeeded();
    let stopped = service.stop_a_node_at_work();
    let since = Instant::now();

    until("the node to be given up", || (of_kind(&service, "node.lost").len() == 1).then_some(()));
    let left = service.progress(&campaign)["runs"]["planned"].as_u64().unwrap();
    assert!(left > 0, "it had no work");
    let done = service.watched(&campaign);
    assert_eq!((&done["state"], &done["runs"]["published"]), (&json!("soaking"), &json!(DATASETS)), "{done}");
    let before = service.trees();
    std::thread::sleep(Duration::from_secs(seconds).saturating_sub(since.elapsed()));
    drop(stopped);

    // It says what it has to say, is fenced, and registers once more (or ends, if it was silent for too long).
    let joined = until("the node to come back", || {
        let joined = of_kind(&service, "node.joined");
        (joined.len() == 3).then_some(joined)
    });
    let last = joined.last().unwrap();
    assert_eq!(last["body"]["incarnation"], 2, "{last}");
    let lost = &of_kind(&service, "node.lost")[0];
    assert_eq!(last["body"]["node"], lost["body"]["node"]);
    println!("given up with {left} runs to do; {}", lost["body"]["reason"]);
    assert_eq!(service.trees(), before);
    service.stop();

    for dataset in &service.datasets {
        assert_eq!(versions(dataset), (1, 0), "{}", dataset.display());
        assert_eq!(rows(dataset).0, usize::try_from(ROWS).unwrap());
    }
    let record = Record::of(&service);
    record.checked(None);
    let story = Story::of(&record.events(Some(campaign.parse().unwrap())));
    assert_eq!(story.total(RunState::Published), DATASETS.unsigned_abs());
    let events = record.events(None);
    let lost = events.iter().position(|one| matches!(one.event, Event::NodeLost(_))).unwrap();
    let later = events[lost..].iter().filter(|one| matches!(one.event, Event::RunIntended(_))).count() as u64;
    assert!(later >= left, "{later} of {left} runs that it had were done by the other");
}

/// Events of a kind, of all that there are.
fn of_kind(service: &Service, kind: &str) -> Vec<Value> {
    let page = service.get("/v1/events?limit=1000");
    assert_eq!(page["next"], Value::Null, "more than a page");
    page["items"].as_array().unwrap().iter().filter(|event| event["kind"] == kind).cloned().collect()
}
