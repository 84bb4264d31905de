//! Nodes and the server are killed while a campaign runs. A round of the long form is a dataset.

use std::collections::BTreeSet;
use std::time::Duration;

use host_tests::dice::{Dice, setting};
use host_tests::fixture;
use host_tests::service::{Fleet, Service};
use serde_json::{Value, json};
use skein_ledger::PhaseName;
use skein_types::RunState;

use crate::datasets::{note_attempts, rows, versions};
use crate::record::Record;
use crate::story::Story;

/// Rows of each dataset.
pub(crate) const ROWS: i64 = 1_200;
/// Datasets from which on it is the long form.
pub(crate) const LONG: u64 = 500;

/// How often somebody is killed.
#[derive(Clone, Copy)]
pub(crate) struct Storm {
    /// Between two kills, on average.
    pub(crate) mean_ms: u64,
    /// Every so many kills it is the server and not a node.
    pub(crate) server_every: u64,
    /// Kills after which there is peace.
    pub(crate) most: u64,
}

impl Storm {
    /// A node every second and the server every ten until it is over; in the short form faster, and for a while.
    pub(crate) fn of(datasets: u64) -> Self {
        match datasets >= LONG {
            true => Self { mean_ms: 1_000, server_every: 10, most: u64::MAX },
            false => Self { mean_ms: 300, server_every: 4, most: 12 },
        }
    }

    /// Rages until a campaign is at rest. Answers how many nodes and servers died, and adds the attempts that it saw.
    pub(crate) fn rage(
        self,
        service: &mut Service,
        campaign: &str,
        dice: &mut Dice,
        seen: &mut BTreeSet<String>,
    ) -> (u64, u64) {
        let (mut nodes, mut servers) = (0, 0);
        for kill in 1..=self.most {
            std::thread::sleep(Duration::from_millis(dice.roll(2 * self.mean_ms)));
            if is_at_rest(&service.progress(campaign)) {
                break;
            }
            if kill % self.server_every == 0 {
                service.kill();
                note_attempts(service, seen);
                service.start_again();
                servers += 1;
            } else {
                nodes += u64::from(service.kill_a_node(dice.roll(u64::MAX)));
                note_attempts(service, seen);
            }
        }
        (nodes, servers)
    }
}

fn is_at_rest(progress: &Value) -> bool {
    let runs = &progress["runs"];
    ["planned", "intended", "reverting"].iter().all(|state| runs[state] == 0)
        && !["running", "rolling_back", "planning"].iter().any(|state| progress["state"] == *state)
}

/// A server with datasets of [`ROWS`] orders each, all planned in one campaign that drops a column.
pub(crate) fn planned(datasets: u64) -> (Service, String) {
    let write = |number: i64, path: &std::path::Path| {
        fixture::write(path, &fixture::orders(number * ROWS, (number + 1) * ROWS), 400);
    };
    let service = Service::over(Fleet::SMALL, i64::try_from(datasets).unwrap(), write);
    let service = service.with_module_and_datasets();
    let campaign = service.campaign("without-note");
    service.act(&campaign, "plan").succeeded();
    assert_eq!(service.watched(&campaign)["state"], "planned");
    (service, campaign)
}

#[test]
fn nodes_and_the_server_are_killed_all_the_time_and_every_dataset_is_published_once() {
    let (datasets, seed) = (setting("SKEIN_SOAK_ROUNDS", 60), setting("SKEIN_SEED", 4));
    println!("{datasets} datasets, seed {seed}");
    let (mut service, campaign) = planned(datasets);
    service.act(&campaign, "start").succeeded();
    let mut seen = BTreeSet::new();
    let storm = Storm::of(datasets);
    let (nodes, servers) = storm.rage(&mut service, &campaign, &mut Dice(seed), &mut seen);
    let done = service.watched(&campaign);
    assert_eq!((&done["state"], &done["runs"]["published"]), (&json!("soaking"), &json!(datasets)), "{done}");
    note_attempts(&service, &mut seen);
    service.stop();

    for dataset in &service.datasets {
        assert_eq!(versions(dataset), (1, 0), "{}", dataset.display());
        let columns = ["id", "customer", "amount", "year"].map(str::to_owned).to_vec();
        assert_eq!(rows(dataset), (usize::try_from(ROWS).unwrap(), columns), "{}", dataset.display());
    }
    let record = Record::of(&service);
    let head = record.checked(None);
    let id = campaign.parse().unwrap();
    let story = Story::of(&record.events(Some(id)));
    assert_eq!(story.total(RunState::Published), datasets);
    assert!(story.published.values().all(|times| *times == 1));
    assert_eq!(record.campaign(id).meters.rows_in.0, datasets * u64::try_from(ROWS).unwrap());
    let left = [PhaseName::Ready, PhaseName::Claimed, PhaseName::Staged].map(|phase| record.tasks(id, phase));
    assert_eq!(left, [0, 0, 0], "tasks that are left");

    seen.extend(story.intents.values().flatten().map(ToString::to_string));
    let repeated = seen.len() as u64 - datasets;
    println!(
        "{nodes} nodes and {servers} servers killed; {} attempts begun for {datasets} runs: {repeated} repeated, \
         at most {} rows; chain of {} events verified and rebuilt",
        seen.len(),
        repeated * u64::try_from(ROWS).unwrap(),
        head.position,
    );
}
