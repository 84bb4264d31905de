//! Campaigns through the binary: `skein serve` with its nodes, asked by `skein module`, `dataset` and `campaign`.
#![expect(clippy::unwrap_used, reason = "helpers of tests: a failure here is a failed test")]

use std::path::{Path, PathBuf};

use host_tests::call::{Running, Stream};
use host_tests::guard::{Tree, tree};
use host_tests::{Call, Outcome, Site, dice, fixture, guests};
use serde_json::{Value, json};
use skein_types::codes;

const DATASETS: i64 = 40;
/// Kills of nodes and, every third time, of the server, while a campaign is under way.
const KILLS: usize = 6;

/// A server in a site of its own, with datasets that it does not know yet.
struct Service {
    site: Site,
    datasets: Vec<PathBuf>,
    running: Running,
    address: String,
}

impl Service {
    fn start(count: i64) -> Self {
        let site = Site::new();
        let parent = site.directory("data");
        let dataset = |number: i64| {
            let path = parent.join(format!("orders-{number:03}"));
            std::fs::create_dir(&path).unwrap();
            fixture::write(&path.join("part.parquet"), &fixture::orders(number * 40, (number + 1) * 40), 30);
            path
        };
        let datasets = (0..count).map(dataset).collect();
        let (running, address) = serve(&site);
        Self { site, datasets, running, address }
    }

    /// As after a crash of the machine's processes, but not of its disk.
    fn kill_and_start_again(&mut self) {
        let (running, address) = {
            let pid = self.running.id().to_string();
            let killed = std::process::Command::new("kill").args(["-9", &pid]).status().unwrap();
            assert!(killed.success());
            while !self.running.has_ended() {
                std::thread::yield_now();
            }
            serve(&self.site)
        };
        (self.running, self.address) = (running, address);
    }

    fn call(&self, noun: &str) -> Call {
        self.site.skein(noun).env("SKEIN_SERVER", &self.address).arg("-o").arg("json")
    }

    fn with_module_and_datasets(self) -> Self {
        let columns = guests::component("columns");
        self.call("module").arg("submit").arg("columns@1").arg(columns).finish().succeeded();
        let add = self.datasets.iter().fold(self.call("dataset").arg("add"), Call::arg);
        assert_eq!(add.finish().succeeded().json()["added"], json!(self.datasets.len()));
        self
    }

    fn campaign(&self, name: &str) -> String {
        let params = json!({ "name": name, "steps": [{ "drop": "note" }] });
        let call = self.call("campaign").arg("create").arg(name).arg("--module").arg("columns@1");
        let made = call.arg("--migration").arg(name).params(&params).finish().succeeded().json();
        made["campaign"].as_str().unwrap().to_owned()
    }

    fn act(&self, campaign: &str, verb: &str) -> Outcome {
        self.call("campaign").arg("act").arg(campaign).arg(verb).finish()
    }

    /// Waits until there is nothing more to wait for; answers where the campaign is then.
    fn watched(&self, campaign: &str) -> Value {
        let last = self.call("campaign").arg("watch").arg(campaign).finish();
        assert!(last.stdout.starts_with('{'), "{last:#?}");
        last.json()
    }

    fn trees(&self) -> Vec<Tree> {
        self.datasets.iter().map(|dataset| tree(dataset)).collect()
    }

    /// How many versions of a dataset runs have published.
    fn published(&self, dataset: &Path) -> usize {
        let history =
            self.site.skein("history").arg(dataset).arg("-o").arg("json").finish().succeeded().json();
        let versions = history["versions"].as_array().unwrap().iter();
        versions.filter(|version| version["kind"] == "published").count()
    }
}

impl Drop for Service {
    /// Its nodes end with it.
    fn drop(&mut self) {
        let pid = self.running.id().to_string();
        // It may have ended by itself; then the test says so.
        std::process::Command::new("kill").args(["-9", &pid]).status().ok();
    }
}

fn serve(site: &Site) -> (Running, String) {
    let call = site.skein("serve").arg("--listen").arg("127.0.0.1:0").arg("--dir").arg(site.path("server"));
    let mut running = call.arg("--nodes").arg("2").arg("--slots").arg("1").start();
    let said = running.says(Stream::Stdout, |text| text.contains('\n'));
    let address = said.split_whitespace().nth(2).unwrap().trim_end_matches(',').to_owned();
    (running, address)
}

/// Kills one of a server's nodes; none may be there just now.
fn kill_a_node(of: &Running) {
    for thread in std::fs::read_dir(format!("/proc/{}/task", of.id())).unwrap() {
        let children = std::fs::read(thread.unwrap().path().join("children")).unwrap_or_default();
        if let Some(node) = String::from_utf8(children).unwrap().split_whitespace().next() {
            std::process::Command::new("kill").args(["-9", node]).status().unwrap();
            return;
        }
    }
}

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
fn a_state_directory_has_one_server_and_a_server_that_is_not_there_is_named() {
    let service = Service::start(0);
    let second = service.site.skein("serve").arg("--listen").arg("127.0.0.1:0");
    second.arg("--dir").arg(service.site.path("server")).finish().refused(codes::LEDGER_LOCKED);
    let outside = service.site.skein("serve").arg("--listen").arg("0.0.0.0:0");
    outside.arg("--dir").arg(service.site.path("other")).finish().refused(codes::USAGE);
    let nowhere = service.site.skein("campaign").arg("list").arg("--server").arg("http://127.0.0.1:1");
    nowhere.finish().refused(codes::SERVER_UNREACHABLE);
}
