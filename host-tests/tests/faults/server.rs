//! A server with nodes over a store that fails.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use host_tests::guard::Tree;
use host_tests::service::Service;
use serde_json::Value;

use crate::story::{Story, store_is};
use crate::{KINDS, seeds};

const DATASETS: i64 = 6;
/// How long faults last at most; who is not through by then finishes without them.
const FAULTY: Duration = Duration::from_secs(4);

/// Runs that are over: published, or failed with a reason.
fn over(runs: &[Value]) -> bool {
    !runs.is_empty() && runs.iter().all(|run| matches!(run["state"].as_str(), Some("published" | "failed")))
}

/// A server whose store fails when a file says so; the file.
fn story() -> (Story, PathBuf) {
    let mut service = Service::start(DATASETS).with_module_and_datasets();
    let faults = service.site.path("faults");
    let said = faults.to_str().unwrap().to_owned();
    service.kill_and_start_again_as(|call, _| call.env("SKEIN_STORE_FAULTS", &said));
    (Story::of(service, []), faults)
}

#[test]
fn a_campaign_over_a_store_that_fails_loses_nothing_does_nothing_twice_and_finishes_when_it_is_well_again() {
    let (mut story, faults) = story();
    let before = story.service.trees();
    let (mut campaigns, mut failures) = (0, 0);
    for seed in seeds(1) {
        for (kind, one_in) in KINDS.iter().flat_map(|kind| [60, 15].map(|one_in| (kind, one_in))) {
            campaigns += 1;
            let what = format!("{kind} {} {one_in}", seed.wrapping_add(campaigns as u64));
            let campaign = story.made(&format!("campaign-{campaigns}"));
            story.bring(&campaign, "planned");
            store_is(&faults, Some(&what));
            story.service.act(&campaign, "start").succeeded();
            let started = Instant::now();
            while started.elapsed() < FAULTY && !over(&story.service.runs(&campaign)) {
                std::thread::sleep(Duration::from_millis(20));
            }
            store_is(&faults, None);
            story.bring(&campaign, "soaking");
            failures += failed(&story.service, &campaign, &what, &before);
            if failures > 0 {
                story.service.act(&campaign, "retry");
                story.bring(&campaign, "soaking");
            }
            let runs = story.service.runs(&campaign);
            assert!(runs.iter().all(|run| run["state"] == "published"), "{what}: {runs:#?}");
            story.published(campaigns);
            story.bring(&campaign, "rolled_back");
            assert_eq!(story.service.trees(), before, "{what}");
        }
    }
    println!("{campaigns} campaigns, {failures} runs failed first");
}

/// Runs that failed did so with a reason and changed nothing. Answers how many there are.
fn failed(service: &Service, campaign: &str, what: &str, before: &[Tree]) -> usize {
    let runs = service.runs(campaign);
    let failed: Vec<&Value> = runs.iter().filter(|run| run["state"] == "failed").collect();
    for run in &failed {
        assert!(run["why"]["code"].as_str().is_some_and(|code| code.starts_with("SK")), "{what}: {run}");
        let dataset = usize::try_from(run["seq"].as_u64().unwrap()).unwrap();
        assert_eq!(service.trees()[dataset], before[dataset], "{what}: {run}");
    }
    failed.len()
}

#[test]
fn planning_undoing_and_finalizing_over_a_store_that_fails_come_to_their_end() {
    let (mut story, faults) = story();
    for (number, kind) in (1..).zip(KINDS) {
        let before = story.service.trees();
        let campaign = story.made(&format!("undone-{number}"));
        // Rare enough that it comes to an end by itself, often enough that each step meets some: a look at a dataset, and a way back after
        // a round trip, take many steps, and one that failed each of its times leaves the dataset out.
        let what = format!("{kind} {number} 80");
        store_is(&faults, Some(&what));
        story.bring(&campaign, "planned");
        store_is(&faults, None);
        story.bring(&campaign, "soaking");
        let runs = story.service.runs(&campaign);
        assert!(runs.iter().all(|run| run["state"] == "published"), "{what}: {runs:#?}");
        store_is(&faults, Some(&what));
        story.bring(&campaign, "rolled_back");
        store_is(&faults, None);
        assert_eq!(story.service.trees(), before, "{what}");
    }
    let campaign = story.made("finalized");
    story.bring(&campaign, "soaking");
    let after = story.service.trees();
    story.published(KINDS.len() + 1);
    // Each dataset has a version for each of the campaigns, and what goes is looked at first.
    store_is(&faults, Some("eio 9 40"));
    story.bring(&campaign, "succeeded");
    store_is(&faults, None);
    assert_eq!(story.service.trees(), after);
}
