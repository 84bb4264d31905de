//! The processes of a server and what may happen to them: killed, stopped, started again.

use std::collections::BTreeMap;

use rustix::process::{Pid, Signal, kill_process};

use super::{Service, address, listens, server_of};
use crate::call::Stream;
use crate::patience::until;
use crate::{Call, Site};

/// A node that was stopped. It goes on when this is dropped.
#[derive(Debug)]
pub struct Stopped(u32);

impl Service {
    /// Kills the server, as when its machine's processes die and its disk does not. Its nodes end with it.
    pub fn kill(&mut self) {
        if !self.running.has_ended() {
            signal(self.running.id(), Signal::KILL);
        }
        self.wait_for_its_end();
    }

    /// Asks the server to end; its nodes finish what they have begun.
    pub fn stop(&mut self) {
        self.asks_to_end();
        self.wait_for_its_end();
    }

    /// Asks the server to end, and does not wait for it.
    pub fn asks_to_end(&self) {
        signal(self.running.id(), Signal::TERM);
    }

    /// Starts the server that was killed or stopped again.
    pub fn start_again(&mut self) {
        (self.running, self.address) = listens(server_of(&self.site, self.fleet));
    }

    /// Both.
    pub fn kill_and_start_again(&mut self) {
        self.kill();
        self.start_again();
    }

    /// The like, with more said to the next process. One that is dead already is not killed again.
    pub fn kill_and_start_again_as(&mut self, with: impl FnOnce(Call, &Site) -> Call) {
        self.kill();
        (self.running, self.address) = listens(with(server_of(&self.site, self.fleet), &self.site));
    }

    /// The like, of a process that may die before it listens. It is not started again then.
    pub fn kill_and_start_doomed(&mut self, with: impl FnOnce(Call) -> Call) {
        self.kill();
        self.running = with(server_of(&self.site, self.fleet)).start();
        let said = self.running.hears(Stream::Stdout, |text| address(text).is_some());
        self.address = address(&said).unwrap_or_else(|| "http://127.0.0.1:1".to_owned());
    }

    /// Processes of the nodes that it has just now.
    pub fn nodes(&self) -> Vec<u32> {
        let mut nodes = Vec::new();
        for thread in std::fs::read_dir(format!("/proc/{}/task", self.running.id())).unwrap() {
            let children = std::fs::read(thread.unwrap().path().join("children")).unwrap_or_default();
            let children = String::from_utf8(children).unwrap();
            let children = children.split_whitespace().map(|pid| pid.parse::<u32>().unwrap());
            nodes.extend(children.filter(|child| is_node(*child)));
        }
        nodes.sort_unstable();
        nodes
    }

    /// Kills one of its nodes, the one of those it has at which `choice` points; none may be there just now.
    pub fn kill_a_node(&self, choice: u64) -> bool {
        let nodes = self.nodes();
        let chosen =
            choice.checked_rem(nodes.len() as u64).and_then(|at| nodes.get(usize::try_from(at).unwrap()));
        chosen.is_some_and(|node| signal(*node, Signal::KILL))
    }

    /// Stops a node that is staging something, in the middle of that.
    #[track_caller]
    pub fn stop_a_node_at_work(&self) -> Stopped {
        until("a node at work", || stop_at_work(*self.at_work().first_key_value()?.0))
    }

    /// Stops a node that is staging one of these datasets, if there is one just now and another at work beside it.
    pub fn stop_a_node_beside_another(&self, dataset: impl Fn(&str) -> bool) -> Option<Stopped> {
        let at_work = self.at_work();
        let (node, _) = at_work.iter().find(|(_, name)| dataset(name))?;
        (at_work.len() > 1).then(|| stop_at_work(*node)).flatten()
    }

    /// Nodes that are staging something just now, and the name of the dataset.
    fn at_work(&self) -> BTreeMap<u32, String> {
        self.nodes().into_iter().filter_map(|node| Some((node, staged(node)?))).collect()
    }

    /// Waits until it has ended.
    pub fn wait_for_its_end(&mut self) {
        until("its end", || self.running.has_ended().then_some(()));
    }

    /// Waits until all of its nodes are there: what is done before may be done by some of them alone.
    pub fn with_all_nodes(self) -> Self {
        let all = usize::from(self.fleet.nodes);
        until("all nodes", || {
            let nodes = self.get("/v1/nodes");
            let nodes = nodes["items"].as_array().unwrap().iter();
            (nodes.filter(|node| !node["seat"].is_null()).count() == all).then_some(())
        });
        self
    }
}

impl Drop for Service {
    /// Its nodes end with it. What it answered was described.
    fn drop(&mut self) {
        let strange = !std::thread::panicking() && self.said("an answer that is not described");
        // It may have ended by itself; then the test says so.
        if !self.running.has_ended() {
            signal(self.running.id(), Signal::KILL);
        }
        assert!(!strange, "{}", self.running.has_said(Stream::Stderr));
    }
}

impl Drop for Stopped {
    fn drop(&mut self) {
        signal(self.0, Signal::CONT);
    }
}

/// Whether a process runs `skein node`; one that has died or has not become its program yet does not.
fn is_node(process: u32) -> bool {
    let line = std::fs::read(format!("/proc/{process}/cmdline")).unwrap_or_default();
    line.split(|byte| *byte == 0).nth(1) == Some(b"node")
}

/// It may have got on until it was stopped; then this lets it go on.
fn stop_at_work(node: u32) -> Option<Stopped> {
    let stopped = signal(node, Signal::STOP).then_some(Stopped(node))?;
    staged(node).map(|_| stopped)
}

/// The name of a dataset for which a node has something open that it stages.
fn staged(node: u32) -> Option<String> {
    let open = std::fs::read_dir(format!("/proc/{node}/fd")).into_iter().flatten().flatten();
    let mut targets = open.filter_map(|file| std::fs::read_link(file.path()).ok());
    targets.find_map(|target| {
        let above = target.ancestors().find(|above| above.ends_with("stage"))?.parent()?;
        Some(above.file_name()?.to_string_lossy().into_owned())
    })
}

/// Whether there was somebody to get it.
fn signal(process: u32, signal: Signal) -> bool {
    let pid = Pid::from_raw(i32::try_from(process).unwrap()).unwrap();
    kill_process(pid, signal).is_ok()
}
