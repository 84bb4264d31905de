//! The steps. Each prints what came out, how long it took, and the line that does the same by hand.

mod campaign;

use std::path::PathBuf;

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};

use super::hostile;
use super::judge::Judge;
use super::server::{Question, Server};
use super::skein::Skein;
use super::stage::Stage;
use super::warehouse::{Dataset, MIGRATED, TEAMS, Warehouse};
use crate::project::Project;
use crate::stopwatch::Stopwatch;
use crate::surroundings::Surroundings;

const STEPS: usize = 9;
const MODULE: &str = "modules/lineitem_v2.wasm";
const VERSION: &str = "/v1/modules/orders/versions/2";
/// Where the value is that the module cannot compute with.
const SPOILED_ROW: u64 = 17;
/// Where tokens are, below the stage's directory.
pub(super) const ADMIN: &str = "server/admin-token";
pub(super) const AUTHOR: &str = "author.token";
pub(super) const OPERATOR: &str = "operator.token";
pub(super) const JSON: &str = "Content-Type: application/json";

/// Where the token of the approver of a team is.
pub(super) fn owner(team: &str) -> String {
    format!("owner-of-{team}.token")
}

/// What a step says.
struct Told {
    result: String,
    /// What a person would type.
    lines: Vec<String>,
}

struct Story<'a> {
    stage: &'a Stage,
    skein: Skein<'a>,
    judge: Judge,
    sql: PathBuf,
    warehouse: Warehouse,
    server: Server<'a>,
    /// The id of the campaign.
    campaign: String,
    /// Runs of it that were published, of how many.
    published: (u64, u64),
    /// The place of the dataset that got a value which the module cannot compute with.
    spoiled: String,
    /// Things that a person did.
    human: usize,
}

/// Tells it, and leaves the server to whoever asked.
pub(super) fn tell<'a>(
    project: &Project,
    surroundings: &Surroundings,
    stage: &'a Stage,
) -> Result<Server<'a>> {
    let whole = Stopwatch::start();
    let watch = Stopwatch::start();
    let bench = project.target().join("release/skein-bench");
    let skein = Skein { binary: surroundings.skein.clone(), stage };
    let warehouse = Warehouse::make(stage, &bench).context("step 1 (warehouse)")?;
    let result = format!(
        "{} datasets, {} owner teams, {} rows",
        warehouse.datasets.len(),
        TEAMS.len(),
        warehouse.rows
    );
    say(1, "warehouse", &Told { result, lines: warehouse.lines.clone() }, watch);
    let server = Server::start(&surroundings.skein, stage)?;
    let judge = Judge { python: surroundings.python.clone(), scripts: project.root().join("xtask/demo") };
    let mut story = Story {
        stage,
        skein,
        judge,
        sql: project.root().join("migrations-wasm/lineitem-v2/equivalent.sql"),
        warehouse,
        server,
        campaign: String::new(),
        published: (0, 0),
        spoiled: String::new(),
        human: 0,
    };
    step(2, "submit", || story.submit())?;
    step(3, "refuse", || story.refuse())?;
    step(4, "plan", || story.plan())?;
    step(5, "approve", || story.approve())?;
    step(6, "canary", || story.canary())?;
    step(7, "rollout", || story.roll_out())?;
    step(8, "check", || story.check())?;
    step(9, "undo", || story.undo())?;
    let (published, of) = story.published;
    let percent = published as f64 * 100.0 / of as f64;
    println!(
        "\nReport: {published}/{of} ({percent:.1} %), {} human actions, {}. Next: skein new my-first --from warehouse/{}/orders-003.parquet",
        story.human,
        whole.read(),
        TEAMS[0]
    );
    story.leave_something_to_do()?;
    Ok(story.server)
}

fn step(number: usize, name: &str, work: impl FnOnce() -> Result<Told>) -> Result<()> {
    let watch = Stopwatch::start();
    let told = work().with_context(|| format!("step {number} of {STEPS} ({name})"))?;
    say(number, name, &told, watch);
    Ok(())
}

fn say(number: usize, name: &str, told: &Told, watch: Stopwatch) {
    println!("[{number}/{STEPS}] {name:<9} {:<88} {:>8}", told.result, watch.read());
    told.lines.iter().for_each(|line| println!("      $ {line}"));
}

impl Story<'_> {
    /// An admin makes teams and tokens and registers datasets; an author sends a module.
    fn submit(&mut self) -> Result<Told> {
        let mut lines = vec![self.server.line.clone()];
        for team in TEAMS {
            let path = format!("/v1/teams/{team}");
            let with = ["-H", JSON, "-d", "{}"];
            self.server.done(&Question { method: "PUT", path: &path, token: ADMIN, with: &with })?;
        }
        self.issue("author", AUTHOR, &TEAMS.map(|team| (team, "author")))?;
        for team in TEAMS {
            self.issue(&format!("owner-of-{team}"), &owner(team), &[(team, "approver")])?;
        }
        self.issue("operator", OPERATOR, &TEAMS.map(|team| (team, "operator")))?;
        self.migrate_some_before()?;
        for (team, name) in TEAMS.iter().enumerate() {
            let of_team = self.warehouse.datasets.iter().filter(|dataset| dataset.team == team);
            let places: Vec<&str> = of_team.map(|dataset| dataset.place.as_str()).collect();
            let arguments = [&["dataset", "add", "--owner", name][..], &places].concat();
            self.with_server(&arguments, ADMIN)?;
            lines.push(format!("skein dataset add --owner {name} warehouse/{name}/*.parquet"));
        }
        let sent = format!("@{MODULE}");
        let team = format!("Skein-Team: {}", TEAMS[0]);
        let with = ["--data-binary", &sent, "-H", "Prefer: wait=60", "-H", &team, "-H", "Skein-Source: demo"];
        let watch = Stopwatch::start();
        let question = Question { method: "PUT", path: VERSION, token: AUTHOR, with: &with };
        let answer = self.server.done(&question)?;
        lines.push(answer.line);
        let look = Question { method: "GET", path: VERSION, token: AUTHOR, with: &[] };
        let module = self.server.until(&look, |body| {
            let state = word(body, "state")?;
            ensure!(state != "refused", "the module is refused: {body}");
            Ok(state == "ready")
        })?;
        self.human += 1;
        let digest: String = word(&module.body, "digest")?.chars().take(18).collect();
        Ok(Told { result: format!("PUT {VERSION} -> {digest}..., jail OK, {}", watch.read()), lines })
    }

    fn issue(&self, name: &str, file: &str, grants: &[(&str, &str)]) -> Result<()> {
        let grants: Vec<Value> =
            grants.iter().map(|(team, role)| json!({ "team": team, "role": role })).collect();
        let body = json!({ "name": name, "kind": "person", "grants": grants }).to_string();
        let key = format!("Idempotency-Key: demo-{name}");
        let with = ["-H", JSON, "-H", &key, "-d", &body];
        let question = Question { method: "POST", path: "/v1/tokens", token: ADMIN, with: &with };
        let issued = self.server.done(&question)?;
        self.stage.write(file, word(&issued.body, "secret")?.as_bytes())
    }

    /// What `skein run` has migrated is not migrated again.
    fn migrate_some_before(&mut self) -> Result<()> {
        let places = self.warehouse.migrated_before().iter().map(|dataset| dataset.place.as_str());
        let list = std::iter::once("dataset").chain(places).collect::<Vec<_>>().join("\n");
        self.stage.write("before.csv", list.as_bytes())?;
        self.skein.succeed(&["run", MODULE, "--manifest", "before.csv"])?;
        self.warehouse.look_again(self.stage)
    }

    /// A second module, so that whoever looks at the portal afterwards finds datasets that it can still be run over.
    fn leave_something_to_do(&self) -> Result<()> {
        let team = format!("Skein-Team: {}", TEAMS[0]);
        let path = "/v1/modules/columns/versions/1";
        let with = ["--data-binary", "@modules/columns.wasm", "-H", "Prefer: wait=60", "-H", &team];
        self.server.done(&Question { method: "PUT", path, token: AUTHOR, with: &with })?;
        let look = Question { method: "GET", path, token: AUTHOR, with: &[] };
        self.server.until(&look, |body| Ok(word(body, "state")? == "ready")).map(drop)
    }

    /// A module that reaches for the network, and a token that may not.
    fn refuse(&self) -> Result<Told> {
        self.stage.write("modules/evil.wasm", &hostile::component())?;
        let path = "/v1/modules/evil/versions/1";
        let team = format!("Skein-Team: {}", TEAMS[0]);
        let with = ["--data-binary", "@modules/evil.wasm", "-H", "Prefer: wait=60", "-H", &team];
        let question = Question { method: "PUT", path, token: AUTHOR, with: &with };
        let sent = self.server.ask(&question)?;
        let look = Question { method: "GET", path, token: AUTHOR, with: &[] };
        let refused = self.server.until(&look, |body| Ok(word(body, "state")? == "refused"))?;
        let why = &refused.body["why"];
        ensure!(why["code"] == "SK0107", "refused for another reason: {why}");
        let with = ["-H", JSON, "-d", "{}"];
        let team = Question { method: "PUT", path: "/v1/teams/mine", token: AUTHOR, with: &with };
        let denied = self.server.ask(&team)?;
        ensure!((denied.status, &denied.body["code"]) == (403, &json!("SK0691")), "{}", denied.body);
        let message = why["message"].as_str().unwrap_or_default();
        Ok(Told {
            result: format!("evil.wasm -> SK0107 {message}; author makes a team -> 403 SK0691"),
            lines: vec![sent.line, denied.line],
        })
    }

    /// DuckDB's opinion of all that was published, by what Skein wrote down of it and by the same query; and why the one failed.
    fn check(&self) -> Result<Told> {
        let mut rows = 0;
        let mut places = Vec::new();
        for (team, name) in TEAMS.iter().enumerate() {
            let (before, after) = (format!("check/{name}/before/lineitem"), format!("check/{name}/after"));
            for dataset in self.warehouse.datasets.iter().filter(|dataset| dataset.team == team) {
                if dataset.place == self.warehouse.damaged().place || dataset.place == self.spoiled {
                    continue;
                }
                let file = dataset.place.rsplit('/').next().context("a file's name")?;
                self.stage.link(&format!("originals/{}", dataset.place), &before, file)?;
                self.stage.link(&dataset.place, &after, file)?;
                places.push(dataset.place.as_str());
            }
            rows += self.judge.compare(&self.stage.path(&before), &self.stage.path(&after), &self.sql)?;
        }
        self.stage.write("published.txt", places.join("\n").as_bytes())?;
        let verified = self.judge.verify(&self.skein.binary, (self.stage.root(), "published.txt"))?;
        ensure!(verified.agree == places.len() as u64, "verify.sql was run for {} only", verified.agree);
        let (failed, line) = self.failed()?;
        let result = format!(
            "DuckDB runs verify.sql: {} pass ({} numbers), {rows} rows equal its own; {failed}",
            verified.agree, verified.numbers
        );
        let export = format!("skein export {} --verify-sql > verify.sql && duckdb -f verify.sql", places[0]);
        Ok(Told { result, lines: vec![export, line] })
    }

    /// Which run failed, where and why.
    fn failed(&self) -> Result<(String, String)> {
        let path = format!("/v1/campaigns/{}/runs?state=failed", self.campaign);
        let answer =
            self.server.done(&Question { method: "GET", path: &path, token: OPERATOR, with: &[] })?;
        let runs = answer.body["items"].as_array().context("runs")?;
        let [run] = runs.as_slice() else { bail!("one was to fail: {}", answer.body) };
        let (code, message) = (word(&run["why"], "code")?, word(&run["why"], "message")?);
        ensure!(code == "SK0311" && message.contains(&format!("row {SPOILED_ROW}")), "{run}");
        let name = word(run, "name")?;
        let spoiled = self.warehouse.datasets.iter().find(|dataset| dataset.place == self.spoiled);
        ensure!(spoiled.is_some_and(|one| one.is_called(name)), "{name} failed, and {} was to", self.spoiled);
        Ok((format!("1 failed: {code}, row {SPOILED_ROW} of {name}"), answer.line))
    }

    /// A command that asks the server.
    fn with_server(&self, arguments: &[&str], token: &str) -> Result<Value> {
        let token = self.stage.read(token)?;
        self.skein.ask(arguments, (&self.server.address, token.trim()))
    }
}

/// Fails if one of them has other bytes than it had.
fn must_be_as_before<'a>(stage: &Stage, datasets: impl Iterator<Item = &'a Dataset>) -> Result<usize> {
    let mut number = 0;
    for dataset in datasets {
        ensure!(dataset.is_as_before(stage)?, "{} is not what it was", dataset.place);
        number += 1;
    }
    Ok(number)
}

/// A text of an answer.
pub(super) fn word<'a>(body: &'a Value, key: &str) -> Result<&'a str> {
    body[key].as_str().with_context(|| format!("no {key} in {body}"))
}

/// A number of an answer.
fn number(body: &Value, path: &str) -> Result<u64> {
    body.pointer(path).and_then(Value::as_u64).with_context(|| format!("no {path} in {body}"))
}

/// So many were migrated before the server knew of them.
const fn migrated_before() -> u64 {
    MIGRATED as u64
}
