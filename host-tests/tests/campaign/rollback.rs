//! The rollback of a whole campaign, also killed in the middle. A round of the long form is a dataset.

use std::collections::BTreeSet;

use host_tests::dice::{Dice, setting};
use host_tests::patience::until;
use host_tests::service::Service;
use serde_json::json;
use skein_ledger::{Event, Recorded};
use skein_types::{CampaignState, RunState};

use crate::datasets::versions;
use crate::kills::{LONG, Storm, planned};
use crate::record::Record;
use crate::story::Story;

/// Publishes all of a planned campaign and begins to undo it.
fn published_and_to_be_undone(service: &Service, campaign: &str, datasets: u64) {
    service.act(campaign, "start").succeeded();
    assert_eq!(service.watched(campaign)["runs"]["published"], datasets);
    service.act(campaign, "roll_back").succeeded();
}

fn undone(service: &Service, campaign: &str, datasets: u64) {
    let undone = service.watched(campaign);
    assert_eq!((&undone["state"], &undone["runs"]["reverted"]), (&json!("rolled_back"), &json!(datasets)));
}

/// How long it took, by the events' times, in milliseconds.
fn duration(events: &[Recorded]) -> u64 {
    let moved = |state: CampaignState| {
        let mut moves =
            events.iter().filter(|one| matches!(&one.event, Event::CampaignMoved(to) if to.to == state));
        moves.next().unwrap().at.0
    };
    moved(CampaignState::RolledBack).saturating_sub(moved(CampaignState::RollingBack))
}

#[test]
fn a_rollback_that_is_killed_in_the_middle_goes_on_and_every_byte_is_as_before() {
    let (datasets, seed) = (setting("SKEIN_SOAK_ROUNDS", 40), setting("SKEIN_SEED", 5));
    println!("{datasets} datasets, seed {seed}");
    let (mut service, mut campaign) = planned(datasets);
    let before = service.trees();
    let mut campaigns = vec![campaign.clone()];
    if datasets >= LONG {
        // Once in peace, for the time that it takes.
        published_and_to_be_undone(&service, &campaign, datasets);
        undone(&service, &campaign, datasets);
        assert_eq!(service.trees(), before);
        campaign = service.campaign("without-note");
        campaigns.push(campaign.clone());
        service.act(&campaign, "plan").succeeded();
        service.watched(&campaign);
    }
    published_and_to_be_undone(&service, &campaign, datasets);
    // It is over soon: the first kills have to come sooner than those of a campaign.
    let storm = Storm { mean_ms: datasets.min(1_000), server_every: 2, most: 6 };
    let (nodes, servers) = storm.rage(&mut service, &campaign, &mut Dice(seed), &mut BTreeSet::new());
    undone(&service, &campaign, datasets);
    assert_eq!(service.trees(), before);
    service.stop();

    for dataset in &service.datasets {
        assert_eq!(versions(dataset), (campaigns.len(), campaigns.len()), "{}", dataset.display());
    }
    let record = Record::of(&service);
    record.checked(None);
    for campaign in campaigns {
        let events = record.events(Some(campaign.parse().unwrap()));
        assert_eq!(Story::of(&events).total(RunState::Reverted), datasets);
        println!("{datasets} rolled back in {} ms", duration(&events));
    }
    println!("{nodes} nodes and {servers} servers were killed during the last");
}

#[test]
fn a_rollback_in_the_middle_of_a_campaign_ends_what_was_not_published_and_undoes_the_rest() {
    let datasets = 40;
    let (service, campaign) = planned(datasets);
    let before = service.trees();
    service.act(&campaign, "start").succeeded();
    until("the first publishes", || {
        let runs = &service.progress(&campaign)["runs"];
        (runs["published"].as_u64().unwrap() > 2 && runs["planned"].as_u64().unwrap() > 0).then_some(())
    });
    service.act(&campaign, "roll_back").succeeded();
    let undone = service.watched(&campaign);
    let (reverted, cancelled) = (&undone["runs"]["reverted"], &undone["runs"]["cancelled"]);
    assert_eq!(undone["state"], "rolled_back", "{undone}");
    assert_eq!(reverted.as_u64().unwrap() + cancelled.as_u64().unwrap(), datasets, "{undone}");
    assert_eq!(service.trees(), before);
}
