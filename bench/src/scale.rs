//! A hundred thousand registered datasets: what it costs to register and to plan over all of them, whether lists stay fast while a
//! campaign runs, what a restart in the middle costs, and how much memory and disk it all takes.
//!
//! Everything goes through the released binary and its HTTP interface, as programs of others would. One round, whatever
//! `--rounds` says: each figure is a sum or a percentile over thousands of requests already.

pub(crate) mod client;
pub(crate) mod warehouse;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use serde_json::{Value, json};
use skein_bench::report::{Figure, Report};
use skein_bench::series::Series;
use skein_types::Clock;

use crate::server::Server;
use client::Client;

/// Of the design's table of numbers, at scale factor 1.
const DATASETS: f64 = 100_000.0;
/// Datasets in one request.
const LOT: usize = 500;
const PLAN_MUST: f64 = 900.0;
const PLAN_AIM: f64 = 300.0;
const PAGE_MUST: f64 = 50.0;
const PAGE_AIM: f64 = 20.0;
/// Between two looks at a campaign.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// Looks until something must have happened: ten times what the plan of all of them may take.
const LOOKS_MAX: usize = 180_000;
/// Runs that are published before lists are read, so that the campaign is past its canary.
const UNDER_WAY: u64 = 100;

/// What is measured, and where.
pub(crate) struct Scale<'a> {
    pub(crate) sf: f64,
    /// Directory for datasets and the server's state; made anew, and removed when all is measured.
    pub(crate) desk: PathBuf,
    pub(crate) skein: &'a Path,
    pub(crate) component: PathBuf,
    pub(crate) clock: Arc<dyn Clock>,
}

/// A server with all of them, and a campaign over them that is at work.
pub(crate) struct Stocked {
    pub(crate) server: Server,
    pub(crate) client: Client,
    pub(crate) campaign: String,
}

impl Scale<'_> {
    pub(crate) fn measure(&self) -> anyhow::Result<Report> {
        let places = self.filled()?;
        let server = self.server()?;
        let client = Client::of(server.address())?;
        let mut figures = self.register(&client, &places)?;
        figures.push(self.pages(&client, "list page p95, datasets, nothing else to do", "datasets")?);
        let campaign = self.campaign(&client)?;
        figures.extend(self.plan(&client, &campaign)?);
        client.act(&campaign, "start", "planned")?;
        self.until(&client, &campaign, |now| published(now) >= UNDER_WAY)?;
        let events = format!("campaigns/{campaign}/events");
        for (what, path) in [
            ("list page p95, datasets, a campaign running", "datasets"),
            ("list page p95, runs of the campaign", &format!("campaigns/{campaign}/runs")),
            ("list page p95, events of the campaign", &events),
            ("list page p95, all events", "events"),
        ] {
            figures.push(self.pages(&client, what, path)?);
        }
        let account = server.account()?;
        let mib = |bytes: u64| bytes as f64 / f64::from(1 << 20);
        figures.push(beside("memory of control, peak", "MiB", mib(account.used.memory_peak.0)));
        figures.push(beside("memory of a node, peak", "MiB", mib(account.node_peak)));
        let (server, restarted) = self.restart(server, &campaign)?;
        figures.extend(restarted);
        figures.push(beside("ledger, with all of that in it", "MiB", mib(server.account()?.ledger.size.0)));
        drop(server);
        self.cleared()?;
        Ok(Report {
            name: "scale",
            timed: "a server with two nodes of one slot each, asked over HTTP; pages of 100",
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            contenders: Vec::new(),
            figures,
        })
    }

    /// A server whose campaign over all of them is at work.
    pub(crate) fn stocked(&self) -> anyhow::Result<Stocked> {
        let places = self.filled()?;
        let server = self.server()?;
        let client = Client::of(server.address())?;
        self.register(&client, &places)?;
        let campaign = self.campaign(&client)?;
        self.plan(&client, &campaign)?;
        client.act(&campaign, "start", "planned")?;
        self.until(&client, &campaign, |now| published(now) >= UNDER_WAY)?;
        Ok(Stocked { server, client, campaign })
    }

    /// Removes what was measured.
    pub(crate) fn cleared(&self) -> anyhow::Result<()> {
        Ok(std::fs::remove_dir_all(&self.desk)?)
    }

    fn filled(&self) -> anyhow::Result<Vec<PathBuf>> {
        anyhow::ensure!(self.sf > 0.0 && self.sf <= 10.0, "--sf must be above 0 and at most 10");
        let datasets = (DATASETS * self.sf).round().max(500.0) as usize;
        warehouse::fill(&self.desk.join("data"), datasets)
    }

    fn server(&self) -> anyhow::Result<Server> {
        Server::start(self.skein, self.desk.join("home"))
    }

    fn register(&self, client: &Client, places: &[PathBuf]) -> anyhow::Result<Vec<Figure>> {
        let started = self.clock.elapsed();
        for (lot, some) in places.chunks(LOT).enumerate() {
            let one = |(index, place): (usize, &PathBuf)| {
                let owner = format!("team-{}", index % 20);
                json!({ "name": format!("orders-{:06}", lot * LOT + index), "location": place, "owner": owner })
            };
            let asked: Vec<Value> = some.iter().enumerate().map(one).collect();
            let answer = client.post("datasets", &json!({ "datasets": asked }))?;
            let answers = answer["datasets"].as_array().context("answers")?;
            let refused = answers.iter().find(|answer| answer["added"].is_null());
            anyhow::ensure!(refused.is_none(), "a dataset is not added: {refused:?}");
        }
        let took = self.since(started);
        Ok(vec![
            beside("datasets", "", places.len() as f64),
            beside("registered, 500 a request, all of them", "s", took),
            beside("registered, each", "ms", took * 1e3 / places.len() as f64),
        ])
    }

    fn campaign(&self, client: &Client) -> anyhow::Result<String> {
        client.put("modules/columns/versions/1", crate::workshop::read(&self.component)?)?;
        let asked = json!({
            "name": "scale",
            "module": "columns@1",
            "params": { "name": "without-comment", "steps": [{ "drop": "n_comment" }] },
            "policy": { "migration": "without-comment" },
        });
        let made = client.post("campaigns", &asked)?;
        Ok(made["campaign"].as_str().context("a campaign's id")?.to_owned())
    }

    /// Until it is planned. Meanwhile a question that needs what control decides with is asked again and again: it tells for how
    /// long others, nodes before all, have to wait.
    fn plan(&self, client: &Client, campaign: &str) -> anyhow::Result<Vec<Figure>> {
        let started = self.clock.elapsed();
        client.act(campaign, "plan", "draft")?;
        let waits = self.until(client, campaign, |now| now["state"] != "planning")?;
        let took = self.since(started);
        let state = client.get(&format!("campaigns/{campaign}"))?;
        anyhow::ensure!(state["state"] == "planned", "no plan: {state}");
        let limit = |seconds: f64| Some(seconds * self.sf);
        Ok(vec![
            Figure {
                must: limit(PLAN_MUST),
                aim: limit(PLAN_AIM),
                ..beside("plan over all of them", "s", took)
            },
            beside("longest answer while it is planned", "ms", waits.summary().max),
        ])
    }

    /// Looks until the campaign's progress is as asked; milliseconds of each look.
    fn until(
        &self,
        client: &Client,
        campaign: &str,
        there: impl Fn(&Value) -> bool,
    ) -> anyhow::Result<Series> {
        let path = format!("campaigns/{campaign}/progress");
        let mut waits = Vec::new();
        for _ in 0..LOOKS_MAX {
            let started = self.clock.elapsed();
            let now = client.get(&path)?;
            waits.push(self.since(started) * 1e3);
            if there(&now) {
                return Series::new(waits).context("at least one look");
            }
            std::thread::sleep(LOOK_EVERY);
        }
        anyhow::bail!("the campaign gets nowhere")
    }

    fn pages(&self, client: &Client, what: &'static str, path: &str) -> anyhow::Result<Figure> {
        let mut millis = Vec::new();
        let mut after = String::new();
        loop {
            let started = self.clock.elapsed();
            let page = client.get(&format!("{path}?limit=100{after}"))?;
            millis.push(self.since(started) * 1e3);
            match page["next"].as_str() {
                Some(next) => after = format!("&after={next}"),
                None => break,
            }
        }
        millis.sort_by(f64::total_cmp);
        let p95 = millis[(millis.len() * 95).div_ceil(100) - 1];
        Ok(Figure { must: Some(PAGE_MUST), aim: Some(PAGE_AIM), ..beside(what, "ms", p95) })
    }

    /// `kill -9` while the campaign runs, and a new server on what is left.
    fn restart(&self, server: Server, campaign: &str) -> anyhow::Result<(Server, Vec<Figure>)> {
        drop(server);
        let started = self.clock.elapsed();
        let server = self.server()?;
        let client = Client::of(server.address())?;
        let path = format!("campaigns/{campaign}/progress");
        let before = published(&client.get(&path)?);
        let answered = self.since(started);
        self.until(&client, campaign, |now| published(now) > before || now["state"] != "running")?;
        let figures = vec![
            beside("killed while it runs: answers again after", "s", answered),
            beside("killed while it runs: next publish after", "s", self.since(started)),
        ];
        Ok((server, figures))
    }

    fn since(&self, started: Duration) -> f64 {
        (self.clock.elapsed() - started).as_secs_f64()
    }
}

fn published(progress: &Value) -> u64 {
    progress["runs"]["published"].as_u64().unwrap_or(0)
}

fn beside(what: &'static str, unit: &'static str, value: f64) -> Figure {
    Figure { what, unit, value, must: None, aim: None }
}
