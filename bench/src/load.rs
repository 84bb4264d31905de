//! A server under many clients at once: how long answers take and whether any is an error, and how late events reach 500
//! readers of the stream while one more never reads.
//!
//! Through the released binary and its HTTP interface, by clients in this process on the same machine: they take their share of its
//! cores, so the figures are those of server and clients together.

mod readers;
mod requests;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use serde_json::json;
use skein_bench::report::{Figure, Report};
use skein_types::Clock;

use crate::Tell;
use crate::scale::client::Client;
use crate::scale::warehouse;
use crate::server::Server;

const DATASETS: usize = 2_000;

/// What is measured, and where.
pub(crate) struct Load<'a> {
    /// Directory for datasets and the server's state; made anew, and removed when all is measured.
    pub(crate) desk: PathBuf,
    pub(crate) skein: &'a Path,
    pub(crate) component: PathBuf,
    pub(crate) clock: Arc<dyn Clock>,
}

impl Load<'_> {
    pub(crate) fn measure(&self, tell: Tell<'_>) -> anyhow::Result<()> {
        let places = warehouse::fill(&self.desk.join("data"), DATASETS)?;
        let server = Server::start(self.skein, self.desk.join("home"))?;
        let client = Client::of(server.address())?;
        self.furnish(&client, &places)?;
        let clock = &*self.clock;
        let clients = "200 clients that keep their connections";
        tell(report("load", clients, requests::measure(server.address(), clock)?))?;
        let told = "events of 500 readers, from the request that makes one to its arrival";
        tell(report("load, events", told, readers::measure(server.address(), &client, clock)?))?;
        drop(server);
        Ok(std::fs::remove_dir_all(&self.desk)?)
    }

    /// Datasets, a module and some campaigns, so that lists have pages.
    fn furnish(&self, client: &Client, places: &[PathBuf]) -> anyhow::Result<()> {
        for (lot, some) in places.chunks(500).enumerate() {
            let one = |(index, place): (usize, &PathBuf)| json!({ "name": format!("orders-{:06}", lot * 500 + index), "location": place, "owner": "shop" });
            let asked: Vec<_> = some.iter().enumerate().map(one).collect();
            client.post("datasets", &json!({ "datasets": asked }))?;
        }
        client.put("modules/columns/versions/1", crate::workshop::read(&self.component)?)?;
        for number in 0..100 {
            let asked = json!({
                "name": format!("load-{number}"), "module": "columns@1",
                "params": { "name": "without-comment", "steps": [{ "drop": "n_comment" }] },
                "policy": { "migration": "without-comment" },
            });
            client.post("campaigns", &asked)?.get("campaign").context("a campaign's id")?;
        }
        Ok(())
    }
}

fn report(name: &'static str, timed: &'static str, figures: Vec<Figure>) -> Report {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    Report { name, timed, cores, contenders: Vec::new(), figures }
}

const fn beside(what: &'static str, unit: &'static str, value: f64) -> Figure {
    Figure { what, unit, value, must: None, aim: None }
}
