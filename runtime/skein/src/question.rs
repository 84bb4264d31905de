//! Asking before something is undone or removed.

use std::io::{BufRead as _, Write as _};

use skein_types::codes;

use crate::failure::{CommandResult, Failure};
use crate::render::text::escaped;
use crate::settings::Settings;

/// Goes on after a yes, or `yes` given beforehand. Where nobody can answer, that is needed.
pub(crate) fn confirmed(settings: &Settings, yes: bool, question: &str) -> CommandResult {
    if yes {
        return Ok(());
    }
    if !settings.can_ask {
        let refused = Failure::text(codes::USAGE, format!("this wants to be confirmed: {question}"));
        return Err(refused.hint(Some("add --yes")));
    }
    let asked = std::io::stderr().write_all(format!("{} [y/N] ", escaped(question)).as_bytes());
    let mut answer = String::new();
    let read = asked.and_then(|()| std::io::stdin().lock().read_line(&mut answer));
    read.map_err(|error| Failure::new(codes::IO, &error))?;
    match answer.trim() {
        "y" | "Y" | "yes" => Ok(()),
        _ => Err(Failure::text(codes::CANCELLED, "nothing was changed")),
    }
}
