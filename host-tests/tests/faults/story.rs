//! Campaigns that are brought from one state to another, whoever dies meanwhile.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use host_tests::service::Service;
use serde_json::{Value, json};

/// Nothing of these tests works for longer; beyond it is stuck.
const DEADLINE: Duration = Duration::from_secs(240);

/// A point at which a process is to die.
struct Armed {
    point: String,
    /// Made by the one that dies.
    mark: PathBuf,
    /// Whether a campaign has passed without anybody coming by.
    again: bool,
}

/// A server that dies at one point after the other: each time that it is started the next one is said to it.
pub(crate) struct Story {
    pub(crate) service: Service,
    waiting: VecDeque<(String, bool)>,
    armed: Option<Armed>,
    /// Where somebody died.
    pub(crate) met: Vec<String>,
    /// Where nobody came by, twice.
    pub(crate) missed: Vec<String>,
}

impl Story {
    /// A server that has not begun to die.
    pub(crate) fn of(service: Service, points: impl IntoIterator<Item = String>) -> Self {
        let waiting = points.into_iter().map(|point| (point, false)).collect();
        Self { service, waiting, armed: None, met: Vec::new(), missed: Vec::new() }
    }

    /// Whether there are points left.
    pub(crate) fn goes_on(&self) -> bool {
        self.armed.is_some() || !self.waiting.is_empty()
    }

    /// Starts the server again, to die at the next point.
    fn next(&mut self) {
        let Some((point, again)) = self.waiting.pop_front() else {
            self.service.kill_and_start_again();
            return;
        };
        let mark = self.service.site.path("died");
        std::fs::remove_file(&mark).ok();
        // What it made and nobody synced goes with it.
        let faults = self.service.site.file("unsynced", "unsynced 0 1");
        let said = [
            ("SKEIN_CRASH_AT", &*point),
            ("SKEIN_CRASH_ONCE", mark.to_str().unwrap()),
            ("SKEIN_STORE_FAULTS", faults.to_str().unwrap()),
        ];
        self.service.kill_and_start_doomed(|call| call.envs(said));
        self.armed = Some(Armed { point, mark, again });
    }

    /// Starts the server again if it, or one of its nodes, has died where it should.
    pub(crate) fn look(&mut self) {
        match &self.armed {
            None if !self.waiting.is_empty() => self.next(),
            None => assert!(!self.service.running.has_ended(), "the server ended by itself"),
            Some(armed) if armed.mark.exists() => {
                self.met.extend(self.armed.take().map(|armed| armed.point));
                self.next();
            }
            Some(armed) => {
                assert!(!self.service.running.has_ended(), "it ended, and not at {}", armed.point);
            }
        }
    }

    /// What nobody came by is tried once more, from the start of something.
    pub(crate) fn is_over(&mut self) {
        self.look();
        match self.armed.take() {
            None => {}
            Some(armed) if armed.again => self.missed.push(armed.point),
            Some(armed) => self.waiting.push_front((armed.point, true)),
        }
    }

    /// Waits until a campaign is somewhere, and asks for what leads there.
    pub(crate) fn bring(&mut self, campaign: &str, to: &str) {
        let started = Instant::now();
        loop {
            self.look();
            let state = self.service.state_of(campaign).unwrap_or_default();
            if state == to {
                return;
            }
            if let Some(verb) = verb(&state, to) {
                let act = self.service.call("campaign").arg("act").arg(campaign).arg(verb);
                let act = if matches!(verb, "finalize" | "resume") { act.arg("--now") } else { act };
                // The server may die over it, or the campaign be elsewhere by now: the next look says.
                act.finish();
            }
            let armed = self.armed.as_ref().map(|armed| &armed.point);
            assert!(
                started.elapsed() < DEADLINE,
                "still {state:?} and not {to}, to die at {armed:?}: {}\n{:#?}",
                self.service.call("campaign").arg("events").arg(campaign).finish().stdout,
                self.service.runs(campaign)
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// A campaign of this name that drops a column; made again if the server dies over it and nothing came of it.
    pub(crate) fn made(&mut self, name: &str) -> String {
        let params = json!({ "name": name, "steps": [{ "drop": "note" }] });
        let there = |listed: &Value| listed["name"] == name;
        self.done("a campaign", |service| {
            let listed = service.call("campaign").arg("list").finish();
            let listed = listed.status.success().then(|| listed.json())?;
            if let Some(found) = listed.as_array().unwrap().iter().find(|listed| there(listed)) {
                return Some(found["campaign"].as_str().unwrap().to_owned());
            }
            let call = service.call("campaign").arg("create").arg(name).arg("--module").arg("columns@1");
            call.arg("--migration").arg(name).params(&params).finish();
            None
        })
    }

    /// Asks until something is done.
    pub(crate) fn done<T>(&mut self, what: &str, ask: impl Fn(&Service) -> Option<T>) -> T {
        let started = Instant::now();
        loop {
            self.look();
            if let Some(answer) = ask(&self.service) {
                return answer;
            }
            assert!(started.elapsed() < DEADLINE, "{what} cannot be had");
        }
    }

    /// Plans, runs and rolls back a campaign, and finds everything done once.
    pub(crate) fn undone_once(&mut self, number: usize) {
        let before = self.service.trees();
        let campaign = self.made(&format!("campaign-{number}"));
        self.bring(&campaign, "soaking");
        self.published(number);
        self.bring(&campaign, "rolled_back");
        assert_eq!(self.service.trees(), before);
        let runs = self.service.runs(&campaign);
        assert!(runs.iter().all(|run| run["state"] == "reverted"), "{runs:#?}");
    }

    /// Each dataset was published to so often.
    pub(crate) fn published(&self, times: usize) {
        for dataset in &self.service.datasets {
            assert_eq!(self.service.published(dataset), times, "{}, after {:?}", dataset.display(), self.met);
        }
    }
}

/// What is asked for in a state, to come to another one.
fn verb(state: &str, to: &str) -> Option<&'static str> {
    match (state, to) {
        ("draft" | "plan_failed" | "stale", _) => Some("plan"),
        ("planned", "cancelled") => Some("cancel"),
        ("planned", to) if to != "planned" => Some("start"),
        ("halted", _) => Some("resume"),
        ("soaking", "rolled_back") | ("rollback_incomplete", _) => Some("roll_back"),
        ("soaking", "succeeded") => Some("finalize"),
        _ => None,
    }
}

/// Lets a server's store fail from now on, or be well again.
pub(crate) fn store_is(file: &Path, what: Option<&str>) {
    match what {
        // Whole at every moment: processes read it meanwhile.
        Some(what) => {
            let aside = file.with_extension("aside");
            std::fs::write(&aside, what).unwrap();
            std::fs::rename(aside, file).unwrap();
        }
        None => std::fs::remove_file(file).unwrap(),
    }
}
