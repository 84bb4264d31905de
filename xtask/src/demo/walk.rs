//! What the demo leaves, walked through by a script that knows of it what the portal's pages say: the test's of the same name.

use anyhow::{Context, Result, ensure};
use serde_json::json;

use super::browser::{owners, play};
use super::server::{Question, Server};
use super::story::ADMIN;
use super::warehouse::TEAMS;
use crate::project::Project;
use crate::stopwatch::Stopwatch;
use crate::surroundings::Surroundings;

/// From the first page to a campaign that is approved and taken back.
pub(super) fn walk(project: &Project, surroundings: &Surroundings, server: &Server<'_>) -> Result<()> {
    let watch = Stopwatch::start();
    let about = json!({ "team": TEAMS[0], "column": "comment", "owners": owners() });
    let told = play(project, surroundings, server, ("newcomer.py", about))?;
    let campaign = told["campaign"].as_str().context("a campaign")?;
    let path = format!("/v1/campaigns/{campaign}");
    let made = server.done(&Question { method: "GET", path: &path, token: ADMIN, with: &[] })?;
    ensure!(made.body["state"] == "rolled_back", "the newcomer's campaign: {}", made.body);
    println!("walk        a newcomer made, approved, started and took back {campaign}, {}", watch.read());
    Ok(())
}
