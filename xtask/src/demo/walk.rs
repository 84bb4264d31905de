//! What the demo leaves, walked through by a script that knows of it what the portal's pages say: the test's of the same name.

use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use super::server::{Question, Server};
use super::story::{ADMIN, owner};
use super::warehouse::TEAMS;
use crate::process;
use crate::project::Project;
use crate::stopwatch::Stopwatch;
use crate::surroundings::Surroundings;

const SCRIPT: &str = "host-tests/tests/portal/newcomer.py";

/// From the first page to a campaign that is approved and taken back.
pub(super) fn walk(project: &Project, surroundings: &Surroundings, server: &Server<'_>) -> Result<()> {
    let watch = Stopwatch::start();
    let token = |file: &str| -> Result<String> { Ok(server.stage.read(file)?.trim().to_owned()) };
    let mut tokens = json!({ "admin": token(ADMIN)? });
    let owners = TEAMS.map(|team| format!("owner-of-{team}"));
    for (name, team) in owners.iter().zip(TEAMS) {
        tokens[name] = json!(token(&owner(team))?);
    }
    let given = json!({
        "address": server.address, "tokens": tokens, "team": TEAMS[0], "column": "comment", "owners": owners,
    });
    let mut command = Command::new(&surroundings.python);
    command.env("PYTHONDONTWRITEBYTECODE", "1").arg(project.root().join(SCRIPT)).arg(given.to_string());
    let said = process::stdout(&mut command).context("a newcomer's walk through the portal")?;
    let told: Value = serde_json::from_str(said.lines().last().unwrap_or_default()).context(SCRIPT)?;
    ensure!(told["errors"] == json!([]), "what the browser said of the portal: {}", told["errors"]);
    let campaign = told["campaign"].as_str().context("a campaign")?;
    let path = format!("/v1/campaigns/{campaign}");
    let made = server.done(&Question { method: "GET", path: &path, token: ADMIN, with: &[] })?;
    ensure!(made.body["state"] == "rolled_back", "the newcomer's campaign: {}", made.body);
    println!("walk        a newcomer made, approved, started and took back {campaign}, {}", watch.read());
    Ok(())
}
