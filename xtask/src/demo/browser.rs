//! Scripts of the portal's tests, in a browser before what the demo leaves.

use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use super::server::Server;
use super::story::{ADMIN, owner};
use super::warehouse::TEAMS;
use crate::process;
use crate::project::Project;
use crate::surroundings::Surroundings;

/// Runs one, with what it needs to know besides where the server is and whose token is which; answers what it says at its end.
pub(super) fn play(
    project: &Project,
    surroundings: &Surroundings,
    server: &Server<'_>,
    (script, about): (&str, Value),
) -> Result<Value> {
    let token = |file: &str| -> Result<String> { Ok(server.stage.read(file)?.trim().to_owned()) };
    let mut given = about;
    given["address"] = json!(server.address);
    given["tokens"] = json!({ "admin": token(ADMIN)? });
    for (name, team) in owners().iter().zip(TEAMS) {
        given["tokens"][name] = json!(token(&owner(team))?);
    }
    let path = project.root().join("host-tests/tests/portal").join(script);
    let mut command = Command::new(&surroundings.python);
    command.env("PYTHONDONTWRITEBYTECODE", "1").arg(path).arg(given.to_string());
    let said = process::stdout(&mut command).with_context(|| format!("{script} before the portal"))?;
    let told: Value =
        serde_json::from_str(said.lines().last().unwrap_or_default()).context(script.to_owned())?;
    ensure!(told["errors"] == json!([]), "what the browser said of the portal: {}", told["errors"]);
    Ok(told)
}

/// What the approvers of the teams are called.
pub(super) fn owners() -> [String; 3] {
    TEAMS.map(|team| format!("owner-of-{team}"))
}
