//! The processes of a server and what may happen to them: killed, stopped, started again.

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
        let said = self.running.hears(Stream::Stdout, |text| text.contains('\n'));
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
        until("a node at work", || {
            let node = self.nodes().into_iter().find(|node| is_staging(*node))?;
            signal(node, Signal::STOP).then_some(())?;
            // It may have got on until it was stopped; then this lets it go on.
            Some(Stopped(node)).filter(|_| is_staging(node))
        })
    }

    /// Waits until it has ended.
    pub fn wait_for_its_end(&mut self) {
        while !self.running.has_ended() {
            std::thread::yield_now();
        }
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

/// Whether a node has something open that it stages.
fn is_staging(node: u32) -> bool {
    let open = std::fs::read_dir(format!("/proc/{node}/fd")).into_iter().flatten().flatten();
    let mut targets = open.filter_map(|file| std::fs::read_link(file.path()).ok());
    targets.any(|target| target.to_string_lossy().contains("/stage/"))
}

/// Whether there was somebody to get it.
fn signal(process: u32, signal: Signal) -> bool {
    let pid = Pid::from_raw(i32::try_from(process).unwrap()).unwrap();
    kill_process(pid, signal).is_ok()
}
