//! What teams do in these tests, and what is looked at of it.
//!
//! Tasks are made to last by a rate at which they can read. Nothing is asserted about how soon something
//! happens, only that it does, and that what may not be is at no time.

use std::path::{Path, PathBuf};

use host_tests::service::{Fleet, Service};
use host_tests::{Call, Site, fixture};
use serde_json::{Value, json};

use crate::{put, team, until};

/// Two nodes of two slots.
pub(crate) const FLEET: Fleet = Fleet { nodes: 2, slots: 2 };
/// Rows of a row group.
const ROW_GROUP: usize = 300;
/// Bytes that a slow fleet reads in a second. A limit of a team would be no such thing: it is also a reason to have fewer at work.
pub(crate) const READ: u64 = 16 << 10;
/// Rows of a dataset of which four at once take half a minute there.
pub(crate) const LONG: i64 = 6_000;
/// Longer than any of these tests: what is spent in it is not there again.
const FOR_EVER_MS: u64 = 3_000_000_000_000;

/// A dataset of orders.
pub(crate) fn orders(number: i64, rows: i64, path: &Path) {
    let from = number * 10_000;
    fixture::write(path, &fixture::orders(from, from + rows), ROW_GROUP);
}

/// A server with datasets, of which a function of their numbers says how many orders each has.
pub(crate) fn service(teams: &[&str], count: i64, rows: impl Fn(i64) -> i64) -> Service {
    let service = Service::over(FLEET, count, |number, path| orders(number, rows(number), path));
    with_teams(service.with_module_and_datasets(), teams)
}

/// The like, whose nodes together read no more than [`READ`] while the fleet is divided.
pub(crate) fn slow(teams: &[&str], count: i64, rows: impl Fn(i64) -> i64) -> Service {
    let write = |number: i64, path: &Path| orders(number, rows(number), path);
    let service = Service::over_as(FLEET, (count, write), |call, site| reading(READ, call, site));
    with_teams(service.with_module_and_datasets(), teams)
}

/// With settings for nodes that together read so many bytes a second.
pub(crate) fn reading(rate: u64, call: Call, site: &Site) -> Call {
    let settings = site.file("skein.toml", format!("[nodes]\nread = \"{}KiB/s\"\n", rate >> 10));
    call.arg("--config").arg(settings)
}

/// A server with datasets of so many rows for the module that misbehaves as it is told.
pub(crate) fn hostile(teams: &[&str], (count, rows): (i64, i64)) -> Service {
    let write = |number: i64, path: &Path| {
        let orders = fixture::orders(number * rows, (number + 1) * rows);
        fixture::write(path, &orders.project(&[0, 3]).unwrap(), 30);
    };
    let service = Service::over(FLEET, count, write).with_module("guest-hostile").with_datasets();
    with_teams(service, teams)
}

fn with_teams(service: Service, teams: &[&str]) -> Service {
    teams.iter().for_each(|name| team(&service, name));
    service.with_all_nodes()
}

/// A campaign of a team.
pub(crate) struct Job<'j> {
    pub(crate) owner: &'j str,
    pub(crate) name: &'j str,
    pub(crate) datasets: &'j [PathBuf],
    pub(crate) module: &'j str,
    pub(crate) params: Value,
}

impl<'j> Job<'j> {
    /// Drops a column: no code of a guest runs.
    pub(crate) fn drops(owner: &'j str, datasets: &'j [PathBuf]) -> Self {
        let params = json!({ "name": owner, "steps": [{ "drop": "note" }] });
        Self { owner, name: owner, datasets, module: "columns@1", params }
    }

    /// Rewrites a column.
    pub(crate) fn rewrites(owner: &'j str, datasets: &'j [PathBuf]) -> Self {
        let params = json!({ "name": owner, "steps": [{ "case": "note", "to": "upper" }] });
        Self { params, ..Self::drops(owner, datasets) }
    }

    /// Does what the module that misbehaves is told.
    pub(crate) fn behaves(owner: &'j str, datasets: &'j [PathBuf], behave: &str) -> Self {
        let params = json!({ "behave": behave, "shape": "same" });
        Self { module: "guest-hostile@1", params, ..Self::drops(owner, datasets) }
    }

    /// Made and being planned: the smallest dataset first, then all the others at once.
    fn made(&self, service: &Service) -> String {
        let names: Vec<&str> =
            self.datasets.iter().map(|path| path.file_name().unwrap().to_str().unwrap()).collect();
        let body = json!({
            "name": self.name, "module": self.module, "owner": self.owner, "params": self.params,
            "policy": {
                "migration": self.name, "canary": { "datasets": 1 }, "waves": [], "budget": { "runs": 16 },
            },
            "selection": { "names": names },
        });
        let (status, made) = service.post("/v1/campaigns", "", &body);
        assert_eq!(status, 200, "{made}");
        let campaign = made["campaign"].as_str().unwrap().to_owned();
        act(service, &campaign, "plan", "draft");
        campaign
    }

    /// A campaign that can be started.
    pub(crate) fn planned(&self, service: &Service) -> String {
        let [campaign] = planned(service, [self]).try_into().unwrap();
        campaign
    }
}

/// Campaigns that can be started.
pub(crate) fn planned<'j>(service: &Service, jobs: impl IntoIterator<Item = &'j Job<'j>>) -> Vec<String> {
    let made: Vec<String> = jobs.into_iter().map(|job| job.made(service)).collect();
    for campaign in &made {
        until("it is planned", || service.shown(campaign)["state"] == "planned");
    }
    made
}

fn act(service: &Service, campaign: &str, verb: &str, expect: &str) {
    let at = format!("/v1/campaigns/{campaign}/actions/{verb}");
    let (status, answer) = service.post(&at, "", &json!({ "expect": expect }));
    assert_eq!(status, 200, "{answer}");
}

pub(crate) fn start(service: &Service, campaign: &str) {
    act(service, campaign, "start", "planned");
}

pub(crate) fn bounded(resource: &str, limit: u64) -> Value {
    json!({ resource: { "guaranteed": 0, "limit": limit } })
}

pub(crate) fn guaranteed(resource: &str, guaranteed: u64) -> Value {
    json!({ resource: { "guaranteed": guaranteed } })
}

/// Nobody is held back any more.
pub(crate) fn lift(service: &Service, of: &str) {
    service.call("quota").arg("remove").arg(of).arg("--yes").finish().succeeded();
}

/// Sets somebody's quota, whatever it was.
pub(crate) fn set(service: &Service, of: &str, bounds: &[Value], excess: &str) {
    set_with(service, of, bounds, json!({ "excess": excess }));
}

/// The like with a budget of fuel.
pub(crate) fn set_fuel(service: &Service, of: &str, (fuel, bounds): (u64, &[Value]), excess: &str) {
    set_with(service, of, bounds, json!({ "excess": excess, "fuel": { "fuel": fuel, "per": FOR_EVER_MS } }));
}

fn set_with(service: &Service, of: &str, bounds: &[Value], mut quota: Value) {
    let mut all = serde_json::Map::new();
    bounds.iter().for_each(|bounds| all.extend(bounds.as_object().unwrap().clone()));
    quota["bounds"] = Value::Object(all);
    let (status, answer) = put(service, of, "If-Match: *\r\n", &quota);
    assert_eq!(status, 200, "{answer}");
}

/// Runs that are at work.
pub(crate) fn running(service: &Service, campaign: &str) -> u64 {
    service.progress(campaign)["running"].as_u64().unwrap()
}

pub(crate) fn published(service: &Service, campaign: &str) -> u64 {
    service.shown(campaign)["runs"]["published"].as_u64().unwrap()
}

/// What the first run that is not done waits for.
pub(crate) fn waits(service: &Service, campaign: &str) -> Value {
    let why = service.call("campaign").arg("why").arg(campaign).finish().succeeded().json();
    why[0]["waiting"].clone()
}

/// Whether a run waits for a quota, and is told so.
pub(crate) fn waits_for(service: &Service, campaign: &str, what: &str) -> bool {
    let why = service.call("campaign").arg("why").arg(campaign).finish().succeeded().json();
    let told = |run: &Value| {
        let waiting = &run["waiting"];
        waiting["reason"] == "quota" && waiting["message"].as_str().unwrap().contains(what)
    };
    why.as_array().unwrap().iter().any(told)
}

/// What a team is said to have.
pub(crate) fn explained(service: &Service, of: &str) -> Value {
    service.call("quota").arg("explain").arg(of).finish().succeeded().json()
}

/// What a team has used so far.
pub(crate) fn used(service: &Service, team: &str, what: &str) -> u64 {
    let usage = service.get(&format!("/v1/usage?by=team&team={team}"));
    usage["sums"][0][what].as_u64().unwrap_or(0)
}

/// Attempts of a campaign's runs, in the order in which they ended.
pub(crate) fn attempts(service: &Service, campaign: &str) -> Vec<Value> {
    let all = service.get(&format!("/v1/campaigns/{campaign}/attempts?limit=1000"));
    let items = all["items"].as_array().unwrap().iter();
    items.filter(|one| ["run", "split", "seal"].iter().any(|kind| one["kind"] == *kind)).cloned().collect()
}

/// Whether some attempts of a campaign's runs have ended in a way.
pub(crate) fn ended(service: &Service, campaign: &str, how: &str) -> usize {
    attempts(service, campaign).iter().filter(|one| one["ending"] == how).count()
}

/// Each dataset has been through it once.
pub(crate) fn all_once(service: &Service, datasets: &[PathBuf]) {
    for dataset in datasets {
        assert_eq!(service.published(dataset), 1, "{}", dataset.display());
    }
}
