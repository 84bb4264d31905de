//! A server as people start it, asked by the commands that people use.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::Context as _;
use serde::de::DeserializeOwned;
use skein_api::{LedgerUse, ProcessUse, Status, WholeServer, WorkDone};

/// As many processes as the machine that the numbers are for has cores, each with one agent at a time.
const NODES: &str = "2";
const SLOTS: &str = "1";
/// Of a list of processes.
const CHILDREN_MAX: u64 = 64 << 10;

/// `skein serve` with its nodes, which end with it. Dropped, it is killed.
pub(crate) struct Server {
    process: Child,
    address: String,
    skein: PathBuf,
    home: PathBuf,
}

impl Server {
    /// Starts it on the state in `home`, or on a new one.
    pub(crate) fn start(skein: &Path, home: PathBuf) -> anyhow::Result<Self> {
        let mut command = Command::new(skein);
        command.args(["serve", "--listen", "127.0.0.1:0", "--nodes", NODES, "--slots", SLOTS]);
        command.env("SKEIN_HOME", &home).env("SKEIN_LOG", "warn").stdout(Stdio::piped());
        let mut process = command.spawn().context("the binary does not start")?;
        let mut said = String::new();
        let stdout = process.stdout.take().context("a piped stdout")?;
        BufReader::new(stdout).read_line(&mut said)?;
        let address = said.split_whitespace().nth(2).map(|word| word.trim_end_matches(',').to_owned());
        let mut server = Self { process, address: String::new(), skein: skein.to_owned(), home };
        server.address = address.with_context(|| format!("the server said {said:?}"))?;
        Ok(server)
    }

    /// `http://127.0.0.1:…`.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// Processor time that it has taken, without its nodes.
    pub(crate) fn cpu(&self) -> anyhow::Result<Duration> {
        cpu_of(self.process.id())
    }

    /// Processes that it has started.
    pub(crate) fn nodes(&self) -> anyhow::Result<Vec<u32>> {
        let mut nodes = Vec::new();
        for thread in std::fs::read_dir(format!("/proc/{}/task", self.process.id()))? {
            let mut children = String::new();
            File::open(thread?.path().join("children"))?.take(CHILDREN_MAX).read_to_string(&mut children)?;
            for child in children.split_whitespace() {
                nodes.push(child.parse()?);
            }
        }
        Ok(nodes)
    }

    /// A command that answers with one JSON document.
    pub(crate) fn ask<T: DeserializeOwned>(
        &self,
        arguments: impl IntoIterator<Item = impl AsRef<OsStr>>,
    ) -> anyhow::Result<T> {
        let arguments: Vec<OsString> = arguments.into_iter().map(|word| word.as_ref().to_owned()).collect();
        let mut command = Command::new(&self.skein);
        command.args(&arguments).args(["-o", "json"]).stderr(Stdio::piped());
        command.env("SKEIN_HOME", &self.home).env("SKEIN_SERVER", &self.address);
        let output = command.output().context("the binary does not start")?;
        let shown = || format!("skein {:?}", arguments.iter().take(4).collect::<Vec<_>>());
        let said = String::from_utf8_lossy(&output.stderr);
        anyhow::ensure!(output.status.success(), "{} ended with {}: {said}", shown(), output.status);
        serde_json::from_slice(&output.stdout).with_context(shown)
    }

    /// What it says of itself.
    pub(crate) fn account(&self) -> anyhow::Result<Account> {
        let status: Status = self.ask(["fleet", "status"])?;
        let WholeServer { used, ledger, work } = status.whole.context("what it did for all teams")?;
        let nodes = status.nodes.iter().filter_map(|node| node.seat.as_ref()?.whole);
        let node_peak = nodes.map(|does| does.used.memory_peak.0).max().unwrap_or(0);
        Ok(Account { used, ledger, work, node_peak })
    }
}

/// What a server took and did since its process started.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Account {
    pub(crate) used: ProcessUse,
    pub(crate) ledger: LedgerUse,
    pub(crate) work: WorkDone,
    /// Bytes that one of its nodes had at most.
    pub(crate) node_peak: u64,
}

impl Drop for Server {
    fn drop(&mut self) {
        // Its datasets are copies, and what becomes of them is nobody's loss.
        if self.process.kill().is_ok() {
            self.process.wait().ok();
        }
    }
}

/// Processor time of a process, as the kernel counts it in ticks of 10 ms.
fn cpu_of(process: u32) -> anyhow::Result<Duration> {
    let mut stat = String::new();
    File::open(format!("/proc/{process}/stat"))?.take(4_096).read_to_string(&mut stat)?;
    // Behind the name, which may hold anything.
    let fields: Vec<&str> = stat.rsplit_once(')').context("a name")?.1.split_whitespace().collect();
    let ticks = |at: usize| fields.get(at).and_then(|field| field.parse::<u64>().ok()).context("a number");
    Ok(Duration::from_millis((ticks(11)? + ticks(12)?) * 10))
}
