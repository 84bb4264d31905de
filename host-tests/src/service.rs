//! A server with its nodes, as people start it, and what tests ask of it.

mod browser;
mod http;
mod processes;

use std::path::{Path, PathBuf};

pub use browser::{Browser, encoded, filled};
pub use http::{Reply, sent};
pub use processes::Stopped;
use serde_json::{Value, json};
use skein_types::codes;

use crate::call::{Running, Stream};
use crate::guard::{Tree, tree};
use crate::{Call, Outcome, Site, fixture, guests};

/// What a file's name begins with until it is whole.
const PART: &str = ".part-";

/// How many node processes a server has, and how many agents at a time each.
#[derive(Clone, Copy, Debug)]
pub struct Fleet {
    /// Processes.
    pub nodes: u16,
    /// Agents at a time in each.
    pub slots: u16,
}

impl Fleet {
    /// Two nodes of one slot each: the least that can stand in for each other.
    pub const SMALL: Self = Self { nodes: 2, slots: 1 };
}

/// A server in a site of its own, with datasets that it does not know yet.
#[derive(Debug)]
pub struct Service {
    /// Where everything of it is; its state in `server`.
    pub site: Site,
    /// `orders-000` and so on: their names are in the order of their numbers.
    pub datasets: Vec<PathBuf>,
    /// The server's process.
    pub running: Running,
    /// `http://127.0.0.1:…`.
    pub address: String,
    fleet: Fleet,
}

impl Service {
    /// A server with a small fleet, and so many datasets of 40 orders each beside it.
    pub fn start(count: i64) -> Self {
        Self::start_as(count, |call, _| call)
    }

    /// The like, with more said to the server's process.
    pub fn start_as(count: i64, with: impl FnOnce(Call, &Site) -> Call) -> Self {
        Self::beside(Fleet::SMALL, (count, orders), with)
    }

    /// A server, and so many datasets of one file each beside it, which `write` is asked to write.
    pub fn over(fleet: Fleet, count: i64, write: impl Fn(i64, &Path)) -> Self {
        Self::beside(fleet, (count, write), |call, _| call)
    }

    /// The like, with more said to the server's process.
    pub fn over_as(
        fleet: Fleet,
        (count, write): (i64, impl Fn(i64, &Path)),
        with: impl FnOnce(Call, &Site) -> Call,
    ) -> Self {
        Self::beside(fleet, (count, write), with)
    }

    fn beside(
        fleet: Fleet,
        (count, write): (i64, impl Fn(i64, &Path)),
        with: impl FnOnce(Call, &Site) -> Call,
    ) -> Self {
        let site = Site::new();
        let parent = site.directory("data");
        let digits = count.to_string().len().max(3);
        let dataset = |number: i64| {
            let path = parent.join(format!("orders-{number:0digits$}"));
            std::fs::create_dir(&path).unwrap();
            write(number, &path.join("part.parquet"));
            path
        };
        let datasets = (0..count).map(dataset).collect();
        let (running, address) = listens(with(server_of(&site, fleet), &site));
        Self { site, datasets, running, address, fleet }
    }

    /// A command that asks this server and answers in JSON.
    pub fn call(&self, noun: &str) -> Call {
        self.site.skein(noun).env("SKEIN_SERVER", &self.address).arg("-o").arg("json")
    }

    /// `columns@1` is submitted and all datasets are added.
    pub fn with_module_and_datasets(self) -> Self {
        self.with_module("columns").with_datasets()
    }

    /// The component of a guest package is submitted under its name, as version 1.
    pub fn with_module(self, package: &str) -> Self {
        let (module, component) = (format!("{package}@1"), guests::component(package));
        self.gets_artifacts();
        self.call("module").arg("submit").arg(module).arg(component).finish().succeeded();
        self.exchange_artifacts(|_| false);
        self
    }

    /// All datasets are added.
    pub fn with_datasets(self) -> Self {
        let add = self.datasets.iter().fold(self.call("dataset").arg("add"), Call::arg);
        assert_eq!(add.finish().succeeded().json()["added"], json!(self.datasets.len()));
        self
    }

    /// What others of these tests have compiled needs not be compiled again.
    pub fn gets_artifacts(&self) {
        self.exchange_artifacts(Path::exists);
    }

    /// Compiling takes most of a small test, and the name of an artifact says all that it depends on: this server gets those
    /// that others of these tests have made, where `given`, or gives its own.
    fn exchange_artifacts(&self, given: impl Fn(&Path) -> bool) {
        let (known, own) =
            (self.site.home().join("artifacts-of-servers"), self.site.path("server/artifacts"));
        let (from, to) = if given(&known) { (known, own) } else { (own, known) };
        std::fs::create_dir_all(&to).unwrap();
        for entry in std::fs::read_dir(&from).into_iter().flatten().flatten() {
            let name = to.join(entry.file_name());
            let is_part = entry.file_name().to_string_lossy().starts_with(PART);
            if is_part || name.exists() {
                continue;
            }
            // Whole or not at all, whoever else does the same; and it is only a cache, which another build's tests may remove.
            let Ok(aside) = tempfile::Builder::new().prefix(PART).tempfile_in(&to) else { return };
            if std::fs::copy(entry.path(), aside.path()).is_ok() {
                aside.persist(name).ok();
            }
        }
    }

    /// Makes a campaign that drops a column; answers its id.
    pub fn campaign(&self, name: &str) -> String {
        let params = json!({ "name": name, "steps": [{ "drop": "note" }] });
        let call = self.call("campaign").arg("create").arg(name).arg("--module").arg("columns@1");
        let made = call.arg("--migration").arg(name).params(&params).finish().succeeded().json();
        made["campaign"].as_str().unwrap().to_owned()
    }

    /// Makes a campaign over all datasets by its body, for a policy that the command line has no words for; answers its id.
    pub fn campaign_of(&self, module: &str, params: &Value, policy: &Value) -> String {
        let body = json!({ "name": "c", "module": module, "params": params, "policy": policy });
        let (status, made) = self.post("/v1/campaigns", "", &body);
        assert_eq!(status, 200, "{made}");
        made["campaign"].as_str().unwrap().to_owned()
    }

    /// `skein campaign act CAMPAIGN VERB`, under construction.
    pub fn acting(&self, campaign: &str, verb: &str) -> Call {
        self.call("campaign").arg("act").arg(campaign).arg(verb)
    }

    /// `skein campaign act`.
    pub fn act(&self, campaign: &str, verb: &str) -> Outcome {
        self.acting(campaign, verb).finish()
    }

    /// Waits until there is nothing more to wait for; answers where the campaign is then.
    pub fn watched(&self, campaign: &str) -> Value {
        let last = self.call("campaign").arg("watch").arg(campaign).finish();
        assert!(last.stdout.starts_with('{'), "{last:#?}");
        last.json()
    }

    /// Whether its log has said something by now.
    pub fn said(&self, what: &str) -> bool {
        self.running.has_said(Stream::Stderr).contains(what)
    }

    /// Where a campaign is, if there is anybody to say so.
    pub fn state_of(&self, campaign: &str) -> Option<String> {
        let shown = self.call("campaign").arg("show").arg(campaign).finish();
        shown.status.success().then(|| shown.json()["state"].as_str().unwrap().to_owned())
    }

    /// Runs of a campaign, by number.
    pub fn runs(&self, campaign: &str) -> Vec<Value> {
        let listed = self.call("campaign").arg("runs").arg(campaign).arg("--limit").arg("1000").finish();
        listed.succeeded().json().as_array().unwrap().clone()
    }

    /// All files of all datasets, as they are now.
    pub fn trees(&self) -> Vec<Tree> {
        self.datasets.iter().map(|dataset| tree(dataset)).collect()
    }

    /// How many versions of a dataset runs have published.
    pub fn published(&self, dataset: &Path) -> usize {
        let history = self.site.skein("history").arg(dataset).arg("-o").arg("json").finish();
        if history.json()["error"]["code"] == codes::NO_HISTORY.id {
            return 0;
        }
        let history = history.succeeded().json();
        let versions = history["versions"].as_array().unwrap().iter();
        versions.filter(|version| version["kind"] == "published").count()
    }
}

/// The 40 orders of a dataset with this number.
fn orders(number: i64, path: &Path) {
    fixture::write(path, &fixture::orders(number * 40, (number + 1) * 40), 30);
}

/// The call that becomes a server with a small fleet on the state in `site`.
pub fn server(site: &Site) -> Call {
    server_of(site, Fleet::SMALL)
}

fn server_of(site: &Site, fleet: Fleet) -> Call {
    let call = site.skein("serve").arg("--listen").arg("127.0.0.1:0").arg("--dir").arg(site.path("server"));
    let (nodes, slots) = (fleet.nodes.to_string(), fleet.slots.to_string());
    call.env("SKEIN_LOG", "info").arg("--nodes").arg(nodes).arg("--slots").arg(slots)
}

/// Starts what becomes a server; answers it when it listens, and where.
pub fn listens(call: Call) -> (Running, String) {
    let mut running = call.start();
    let said = running.says(Stream::Stdout, |text| address(text).is_some());
    (running, address(&said).unwrap())
}

/// Of the line `listening on ADDRESS, …`, once it is whole.
fn address(said: &str) -> Option<String> {
    let (whole, _) = said.rsplit_once('\n')?;
    let line = whole.lines().find(|line| line.starts_with("listening on "))?;
    Some(line.split_whitespace().nth(2)?.trim_end_matches(',').to_owned())
}

/// A moment that is to come, as requests have it.
pub fn from_now(wait: std::time::Duration) -> String {
    let asked = std::process::Command::new("date")
        .args(["-u", "-d", &format!("{} seconds", wait.as_secs()), "+%Y-%m-%dT%H:%M:%S.000Z"])
        .output()
        .unwrap();
    String::from_utf8(asked.stdout).unwrap().trim().to_owned()
}
