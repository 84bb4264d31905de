//! Pictures of the portal's main pages over what the demo leaves, as the documentation shows them.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use super::browser::play;
use super::server::{Question, Server};
use super::story::{ADMIN, AUTHOR, JSON, OPERATOR, word};
use super::warehouse::TEAMS;
use crate::project::Project;
use crate::stopwatch::Stopwatch;
use crate::surroundings::Surroundings;

/// Datasets of the campaign that is planned for the pictures.
const PLANNED: usize = 12;

/// Puts them into a directory, in both themes.
pub(super) fn take(
    project: &Project,
    surroundings: &Surroundings,
    server: &Server<'_>,
    place: &Path,
) -> Result<()> {
    let watch = Stopwatch::start();
    let place = std::path::absolute(place)?;
    std::fs::create_dir_all(&place)?;
    let waits = wait_for_approval(server)?;
    let ask = |path: &str| -> Result<Value> {
        Ok(server.done(&Question { method: "GET", path, token: ADMIN, with: &[] })?.body)
    };
    let told = ask("/v1/campaigns?prefix=orders-v2&limit=1")?;
    let campaign = word(&told["items"][0], "campaign")?;
    let failed = ask(&format!("/v1/campaigns/{campaign}/runs?state=failed&limit=1"))?;
    let run = &failed["items"][0]["seq"];
    ensure!(run.is_u64(), "a run that failed: {failed}");
    let shots = json!({
        "overview": "/", "campaigns": "/campaigns", "campaign": format!("/campaigns/{campaign}"),
        "plan": format!("/campaigns/{waits}/plan"), "run": format!("/campaigns/{campaign}/runs/{run}"),
        "datasets": "/datasets", "fleet": "/fleet", "quotas": "/quotas",
    });
    play(
        project,
        surroundings,
        server,
        ("looks.py", json!({ "pages": [], "shots": shots, "place": place })),
    )?;
    println!("pictures    {}, {}", place.display(), watch.read());
    Ok(())
}

/// A campaign whose plan a team has yet to approve.
fn wait_for_approval(server: &Server<'_>) -> Result<String> {
    let path = format!("/v1/datasets?owner={}&limit={PLANNED}", TEAMS[0]);
    let few = server.done(&Question { method: "GET", path: &path, token: AUTHOR, with: &[] })?.body;
    let named = few["items"].as_array().context("datasets")?.iter();
    let over: Vec<Value> = named.map(|dataset| json!({ "dataset": dataset["name"] })).collect();
    let body = json!({
        "name": "without-comments", "owner": TEAMS[0], "module": "columns@1", "selection": { "manifest": over },
        "params": { "name": "without-comments", "steps": [{ "drop": "comment" }] },
    });
    let body = body.to_string();
    let with = ["-H", JSON, "-H", "Idempotency-Key: pictures", "-d", &body];
    let make = Question { method: "POST", path: "/v1/campaigns", token: AUTHOR, with: &with };
    let campaign = word(&server.done(&make)?.body, "campaign")?.to_owned();
    let path = format!("/v1/campaigns/{campaign}/actions/plan");
    let with = ["-H", JSON, "-d", r#"{"expect":"draft"}"#];
    server.done(&Question { method: "POST", path: &path, token: OPERATOR, with: &with })?;
    let path = format!("/v1/campaigns/{campaign}");
    let look = Question { method: "GET", path: &path, token: AUTHOR, with: &[] };
    server.until(&look, |body| Ok(word(body, "state")? == "awaiting_approval"))?;
    Ok(campaign)
}
