//! Plan, approve, rehearse, roll out with a node killed at work, and take a wave back.

use std::collections::BTreeSet;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use super::super::server::{Answer, Question};
use super::{AUTHOR, JSON, OPERATOR, Story, Told, migrated_before, must_be_as_before, number, word};
use crate::stopwatch::Stopwatch;

/// The wave that is taken back: the one after the canary.
const WAVE: u64 = 1;

/// Rules of the campaign: no row is set aside.
const POLICY: &str = "no-rejects.toml";

/// A plan that is made, whether somebody has to approve it or not.
const PLANNED: &[&str] = &["planned", "awaiting_approval"];

/// An approval that is to be sent.
struct Approving {
    path: String,
    body: String,
    token: String,
}

impl Story<'_> {
    pub(super) fn plan(&mut self) -> Result<Told> {
        self.stage.write(POLICY, b"[limits]\nrejects = 0\n")?;
        let create = ["campaign", "create", "orders-v2", "--module", "orders@2", "--policy", POLICY];
        let create = [&create[..], &["--team", super::TEAMS[0]]].concat();
        let made = self.with_server(&create, AUTHOR)?;
        word(&made, "campaign")?.clone_into(&mut self.campaign);
        let campaign = self.campaign.clone();
        let planned = self.act(&campaign, "plan", PLANNED)?;
        let plan = &planned.body["plan"];
        let of = |key: &str| number(plan, &format!("/{key}"));
        let (eligible, already, refused) = (of("eligible")?, of("already_migrated")?, of("refused")?);
        ensure!((already, refused) == (migrated_before(), 1), "{plan}");
        ensure!(eligible + already + refused == self.warehouse.datasets.len() as u64, "{plan}");
        let (seconds, room) = (number(plan, "/estimate/time_ms")? / 1_000, number(plan, "/estimate/room")?);
        self.human += 2;
        let lines = vec![format!("skein {}", create.join(" ")), planned.line];
        let result = format!(
            "{eligible} eligible, {already} already migrated, {refused} refused; est. {seconds} s, {:.1} GB",
            room as f64 / 1e9
        );
        Ok(Told { result, lines })
    }

    /// Whoever made the campaign may not; each owner approves the own part.
    pub(super) fn approve(&mut self) -> Result<Told> {
        let campaign = self.campaign.clone();
        let own = self.approving(&campaign, super::TEAMS[0], AUTHOR)?;
        let with = ["-H", JSON, "-d", &own.body];
        let denied =
            self.server.ask(&Question { method: "POST", path: &own.path, token: &own.token, with: &with })?;
        ensure!((denied.status, &denied.body["code"]) == (403, &json!("SK0412")), "{}", denied.body);
        let mut lines = vec![denied.line];
        let parts = self.approve_all(&campaign, &mut lines)?;
        ensure!(!parts.is_empty(), "nobody had to approve");
        self.human += parts.len();
        let counts: Vec<String> = parts.iter().map(u64::to_string).collect();
        Ok(Told {
            result: format!(
                "author -> 403 SK0412 own campaign; {} owners approve {}",
                parts.len(),
                counts.join(" + ")
            ),
            lines,
        })
    }

    /// The owners give what the plan of a campaign lacks: of how many datasets each.
    fn approve_all(&self, campaign: &str, lines: &mut Vec<String>) -> Result<Vec<u64>> {
        let path = format!("/v1/campaigns/{campaign}/approvals");
        let look = Question { method: "GET", path: &path, token: OPERATOR, with: &[] };
        let mut parts = Vec::new();
        // Of high risk a part needs a second person, who may be another team's owner.
        for round in 0..2 {
            let now = self.server.done(&look)?.body;
            let lacking: Vec<&Value> = now["slices"]
                .as_array()
                .context("slices")?
                .iter()
                .filter(|slice| !slice["lacks"].is_null())
                .collect();
            for slice in lacking {
                let team = word(slice, "team")?;
                let who = match slice["lacks"]["of_owner"] == true {
                    true => team,
                    false => {
                        super::TEAMS.iter().find(|other| **other != team).copied().context("another owner")?
                    }
                };
                let asked = self.approving(campaign, team, &super::owner(who))?;
                let with = ["-H", JSON, "-d", &asked.body];
                let (path, token) = (&asked.path, &asked.token);
                let answer = self.server.done(&Question { method: "POST", path, token, with: &with })?;
                lines.push(answer.line);
                if round == 0 {
                    parts.push(number(slice, "/datasets")?);
                }
            }
        }
        Ok(parts)
    }

    /// An approval of a team's part of the plan as it is now.
    fn approving(&self, campaign: &str, team: &str, token: &str) -> Result<Approving> {
        let there = self.there(campaign)?;
        let (state, plan) = (word(&there, "state")?, word(&there["plan"], "digest")?);
        Ok(Approving {
            path: format!("/v1/campaigns/{campaign}/actions/approve"),
            body: json!({ "expect": state, "plan": plan, "slice": team }).to_string(),
            token: token.to_owned(),
        })
    }

    fn there(&self, campaign: &str) -> Result<Value> {
        let path = format!("/v1/campaigns/{campaign}");
        Ok(self.server.done(&Question { method: "GET", path: &path, token: OPERATOR, with: &[] })?.body)
    }

    /// It is started; the first few are published, taken back and made current again before any other begins.
    pub(super) fn canary(&mut self) -> Result<Told> {
        let spoiled = self.spoil()?;
        let started = self.asked(&self.campaign.clone(), "start")?;
        let path = format!("/v1/campaigns/{}", self.campaign);
        let look = Question { method: "GET", path: &path, token: OPERATOR, with: &[] };
        let through = self.server.until(&look, |body| {
            let canary = &body["waves"][0];
            ensure!(number(canary, "/runs/failed")? == 0, "a run of the canary failed: {body}");
            Ok(canary["state"] == "promoted")
        })?;
        let runs = number(&through.body["waves"][0], "/size")?;
        let path = "/v1/events?kind=run.rehearsed&limit=1000";
        let rehearsed = self.server.done(&Question { method: "GET", path, token: OPERATOR, with: &[] })?;
        let proven = rehearsed.body["items"].as_array().context("events")?.iter().filter(|event| {
            let body = &event["body"];
            body["problem"].is_null() && body["back"].is_u64() && body["forward"].is_u64()
        });
        ensure!(
            proven.count() as u64 == runs,
            "not all of {runs} made the way there and back: {}",
            rehearsed.body
        );
        self.human += 1;
        Ok(Told {
            result: format!("{runs}: migrated, verified, rolled back, bytes identical, rolled forward"),
            lines: vec![spoiled, started.line, rehearsed.line],
        })
    }

    /// A producer goes on writing after the plan: into the last of those that come last.
    fn spoil(&mut self) -> Result<String> {
        let runs = self.runs()?;
        let last = |run: &&Value| run["wave"].as_u64().is_some_and(|wave| wave > WAVE);
        let run = runs.iter().rev().find(last).context("a run of the last wave")?;
        let name = word(run, "name")?;
        let of = self.warehouse.datasets.iter().find(|dataset| dataset.is_called(name));
        of.context("its dataset")?.place.clone_into(&mut self.spoiled);
        self.judge.spoil(self.stage.root(), (&self.spoiled, super::SPOILED_ROW))
    }

    pub(super) fn roll_out(&mut self) -> Result<Told> {
        let campaign = self.campaign.clone();
        let path = format!("/v1/campaigns/{campaign}/progress");
        let watch = Stopwatch::start();
        let mut lines = Vec::new();
        let progress = Question { method: "GET", path: &path, token: OPERATOR, with: &[] };
        let published = |body: &Value| number(body, "/runs/published");
        let quarter = self.warehouse.datasets.len() as u64 / 4;
        self.server
            .until(&progress, |body| Ok(published(body)? >= quarter && number(body, "/running")? > 0))?;
        let node = *self.server.nodes()?.first().context("a node")?;
        let before = published(&self.server.done(&progress)?.body)?;
        let killed = Stopwatch::start();
        let status = Command::new("kill").args(["-KILL", &node.to_string()]).status()?;
        ensure!(status.success(), "the node {node} was not there any more");
        let mut back = None;
        let end = self.server.until(&progress, |body| {
            if back.is_none() && published(body)? > before && self.nodes_are_back(node)? {
                back = Some(killed.read());
            }
            let state = word(body, "state")?;
            ensure!(matches!(state, "running" | "soaking"), "the campaign is {state}: {body}");
            Ok(state == "soaking" && back.is_some())
        })?;
        let took = watch.elapsed().max(Duration::from_millis(1));
        let runs = &end.body["runs"];
        let of = ["published", "failed", "stale", "skipped"].iter();
        let all = of.map(|state| number(runs, &format!("/{state}"))).sum::<Result<u64>>()?;
        self.published = (published(&end.body)?, all);
        ensure!(self.published.0 + 1 == all, "all but one were to be published: {runs}");
        lines.push(format!("kill -KILL {node}"));
        lines.push(end.line);
        let back = back.map(|took| took.to_string()).unwrap_or_default();
        let result = format!(
            "{}/{all} published, {:.0} datasets/min; a node killed at {before}: another at work and published on after {back}; {}",
            self.published.0,
            all as f64 * 60.0 / took.as_secs_f64(),
            self.guessed()?
        );
        Ok(Told { result, lines })
    }

    /// How far the plan's guesses are from what came.
    fn guessed(&self) -> Result<String> {
        let path = format!("/v1/campaigns/{}/report", self.campaign);
        let report =
            self.server.done(&Question { method: "GET", path: &path, token: OPERATOR, with: &[] })?.body;
        let mut told = Vec::new();
        for guess in report["guessed"].as_array().context("guesses")? {
            let (estimated, actual) = (number(guess, "/estimated")? as f64, number(guess, "/actual")? as f64);
            let quantity = word(guess, "quantity")?;
            if estimated == 0.0 && actual == 0.0 {
                continue;
            }
            let error = (estimated - actual) / actual * 100.0;
            // How long it takes is the machine's and the killed node's business too.
            ensure!(
                matches!(quantity, "time_ms" | "cpu_ms") || error.abs() <= 20.0,
                "{quantity} was guessed badly: {guess}"
            );
            told.push(format!("{quantity} {error:+.0} %"));
        }
        Ok(format!("estimates: {}", told.join(", ")))
    }

    /// Whether there are as many nodes as before and the killed one is none of them.
    fn nodes_are_back(&self, killed: u32) -> Result<bool> {
        let nodes = self.server.nodes()?;
        Ok(nodes.len() == 2 && !nodes.contains(&killed))
    }

    pub(super) fn undo(&mut self) -> Result<Told> {
        let campaign = self.campaign.clone();
        let of_wave = self.runs_of_wave()?;
        let watch = Stopwatch::start();
        let runs: Vec<String> = of_wave.iter().map(|(seq, _)| seq.to_string()).collect();
        let body =
            format!("{{\"expect\":\"soaking\",\"reason\":\"the demo\",\"runs\":[{}]}}", runs.join(","));
        let path = format!("/v1/campaigns/{campaign}/actions/roll_back");
        let with = ["-H", JSON, "-d", &body];
        let asked =
            self.server.done(&Question { method: "POST", path: &path, token: OPERATOR, with: &with })?;
        let look = format!("/v1/campaigns/{campaign}/progress");
        let question = Question { method: "GET", path: &look, token: OPERATOR, with: &[] };
        self.server.until(&question, |body| Ok(number(body, "/runs/reverted")? == of_wave.len() as u64))?;
        let took = watch.read();
        let names: BTreeSet<String> = of_wave.into_iter().map(|(_, name)| name).collect();
        let in_wave = self.warehouse.datasets.iter();
        let in_wave = in_wave.filter(|dataset| names.iter().any(|name| dataset.is_called(name)));
        let identical = must_be_as_before(self.stage, in_wave)?;
        ensure!(identical == names.len(), "{identical} of {} were found", names.len());
        let again = self.apply_again(&names)?;
        self.human += 3;
        let lines =
            vec![asked.line.split(" -d ").next().unwrap_or_default().to_owned() + " -d @wave-1.json", again];
        Ok(Told {
            result: format!(
                "wave {WAVE} rolled back: {identical} datasets, bytes identical, {took}; re-applied"
            ),
            lines,
        })
    }

    /// A campaign over what was taken back finds all of it to be done again.
    fn apply_again(&self, names: &BTreeSet<String>) -> Result<String> {
        let list = std::iter::once("dataset").chain(names.iter().map(String::as_str));
        self.stage.write("wave-1.csv", list.collect::<Vec<_>>().join("\n").as_bytes())?;
        let create =
            ["campaign", "create", "orders-v2-again", "--module", "orders@2", "--manifest", "wave-1.csv"];
        let create = [&create[..], &["--team", super::TEAMS[0]]].concat();
        let made = self.with_server(&create, AUTHOR)?;
        let campaign = word(&made, "campaign")?;
        let planned = self.act(campaign, "plan", PLANNED)?;
        let all = names.len() as u64;
        ensure!(number(&planned.body, "/plan/eligible")? == all, "{}", planned.body);
        self.approve_all(campaign, &mut Vec::new())?;
        let done = self.act(campaign, "start", &["soaking"])?;
        ensure!(number(&done.body, "/runs/published")? == all, "{}", done.body);
        Ok(format!("skein {}", create.join(" ")))
    }

    /// Number and name of each run of the wave.
    fn runs_of_wave(&self) -> Result<Vec<(u64, String)>> {
        let runs = self.runs()?;
        let of_wave = runs.iter().filter(|run| run["wave"] == WAVE && run["state"] == "published");
        of_wave.map(|run| Ok((number(run, "/seq")?, word(run, "name")?.to_owned()))).collect()
    }

    fn runs(&self) -> Result<Vec<Value>> {
        let mut found = Vec::new();
        let mut after = String::new();
        loop {
            let path = format!("/v1/campaigns/{}/runs?limit=100{after}", self.campaign);
            let page =
                self.server.done(&Question { method: "GET", path: &path, token: OPERATOR, with: &[] })?.body;
            found.extend(page["items"].as_array().context("runs")?.iter().cloned());
            match page["next"].as_str() {
                Some(next) => after = format!("&after={next}"),
                None => return Ok(found),
            }
        }
    }

    /// Asks and waits until it is done.
    fn act(&self, campaign: &str, verb: &str, to: &[&str]) -> Result<Answer> {
        let asked = self.asked(campaign, verb)?;
        let path = format!("/v1/campaigns/{campaign}");
        let look = Question { method: "GET", path: &path, token: OPERATOR, with: &[] };
        let answer = self.server.until(&look, |body| Ok(to.contains(&word(body, "state")?)))?;
        Ok(Answer { line: asked.line, ..answer })
    }

    fn asked(&self, campaign: &str, verb: &str) -> Result<Answer> {
        let there = self.there(campaign)?;
        let from = word(&there, "state")?;
        let path = format!("/v1/campaigns/{campaign}/actions/{verb}");
        let body = format!("{{\"expect\":\"{from}\"}}");
        let with = ["-H", JSON, "-d", &body];
        self.server.done(&Question { method: "POST", path: &path, token: OPERATOR, with: &with })
    }
}
