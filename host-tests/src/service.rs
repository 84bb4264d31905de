//! A server with its nodes, as people start it, and what tests ask of it.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use skein_types::codes;

use crate::call::{Running, Stream};
use crate::guard::{Tree, tree};
use crate::{Call, Outcome, Site, fixture, guests};

/// A server in a site of its own, with datasets that it does not know yet.
#[derive(Debug)]
pub struct Service {
    /// Where everything of it is; its state in `server`.
    pub site: Site,
    /// `orders-000` and so on, of 40 rows each.
    pub datasets: Vec<PathBuf>,
    /// The server's process.
    pub running: Running,
    /// `http://127.0.0.1:…`.
    pub address: String,
}

impl Service {
    /// A server with two nodes of one slot each, and so many datasets beside it.
    pub fn start(count: i64) -> Self {
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
    pub fn kill_and_start_again(&mut self) {
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

    /// A command that asks this server and answers in JSON.
    pub fn call(&self, noun: &str) -> Call {
        self.site.skein(noun).env("SKEIN_SERVER", &self.address).arg("-o").arg("json")
    }

    /// What a path answers.
    pub fn get(&self, path: &str) -> (u16, Value) {
        let address = self.address.trim_start_matches("http://");
        self.ask(&format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n"))
    }

    /// A request as any program can send it.
    pub fn post(&self, path: &str, headers: &str, body: &Value) -> (u16, Value) {
        let address = self.address.trim_start_matches("http://");
        let body = body.to_string();
        let host = if headers.contains("Host:") { String::new() } else { format!("Host: {address}\r\n") };
        let request = format!(
            "POST {path} HTTP/1.1\r\n{host}{headers}Content-Type: application/json\r\nConnection: close\r\n\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        self.ask(&request)
    }

    fn ask(&self, request: &str) -> (u16, Value) {
        let mut stream = TcpStream::connect(self.address.trim_start_matches("http://")).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let status = head.split_whitespace().nth(1).unwrap().parse().unwrap();
        (status, serde_json::from_str(body).unwrap())
    }

    /// `columns@1` is submitted and all datasets are added.
    pub fn with_module_and_datasets(self) -> Self {
        let columns = guests::component("columns");
        self.call("module").arg("submit").arg("columns@1").arg(columns).finish().succeeded();
        let add = self.datasets.iter().fold(self.call("dataset").arg("add"), Call::arg);
        assert_eq!(add.finish().succeeded().json()["added"], json!(self.datasets.len()));
        self
    }

    /// Makes a campaign that drops a column; answers its id.
    pub fn campaign(&self, name: &str) -> String {
        let params = json!({ "name": name, "steps": [{ "drop": "note" }] });
        let call = self.call("campaign").arg("create").arg(name).arg("--module").arg("columns@1");
        let made = call.arg("--migration").arg(name).params(&params).finish().succeeded().json();
        made["campaign"].as_str().unwrap().to_owned()
    }

    /// `skein campaign act`.
    pub fn act(&self, campaign: &str, verb: &str) -> Outcome {
        self.call("campaign").arg("act").arg(campaign).arg(verb).finish()
    }

    /// Waits until there is nothing more to wait for; answers where the campaign is then.
    pub fn watched(&self, campaign: &str) -> Value {
        let last = self.call("campaign").arg("watch").arg(campaign).finish();
        assert!(last.stdout.starts_with('{'), "{last:#?}");
        last.json()
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

impl Drop for Service {
    /// Its nodes end with it.
    fn drop(&mut self) {
        let pid = self.running.id().to_string();
        // It may have ended by itself; then the test says so.
        std::process::Command::new("kill").args(["-9", &pid]).status().ok();
    }
}

/// Starts a server on the state in `site`; answers it when it listens, and where.
pub fn serve(site: &Site) -> (Running, String) {
    let call = site.skein("serve").arg("--listen").arg("127.0.0.1:0").arg("--dir").arg(site.path("server"));
    let call = call.env("SKEIN_LOG", "info");
    let mut running = call.arg("--nodes").arg("2").arg("--slots").arg("1").start();
    let said = running.says(Stream::Stdout, |text| text.contains('\n'));
    let address = said.split_whitespace().nth(2).unwrap().trim_end_matches(',').to_owned();
    (running, address)
}

/// Kills one of a server's nodes; none may be there just now.
pub fn kill_a_node(of: &Running) {
    for thread in std::fs::read_dir(format!("/proc/{}/task", of.id())).unwrap() {
        let children = std::fs::read(thread.unwrap().path().join("children")).unwrap_or_default();
        if let Some(node) = String::from_utf8(children).unwrap().split_whitespace().next() {
            std::process::Command::new("kill").args(["-9", node]).status().unwrap();
            return;
        }
    }
}

/// A moment that is to come, as requests have it.
pub fn from_now(wait: std::time::Duration) -> String {
    let asked = std::process::Command::new("date")
        .args(["-u", "-d", &format!("{} seconds", wait.as_secs()), "+%Y-%m-%dT%H:%M:%S.000Z"])
        .output()
        .unwrap();
    String::from_utf8(asked.stdout).unwrap().trim().to_owned()
}
