//! A log while it is written: what is new, asked for until the attempt is over.

use std::time::Duration;

use super::{LINES_BYTES_MAX, one, parsed, told};
use crate::failure::CommandResult;
use crate::render;
use crate::server::{Server, encoded};
use crate::view::View;

/// Nodes tell what is new about as often.
const EVERY: Duration = Duration::from_secs(1);

/// Prints what is said until nothing more is. What the server has left out of the record of one that was over is not waited for.
pub(super) fn log(server: &Server, attempt: &str, view: View) -> CommandResult {
    let path = format!("attempts/{}/log", encoded(attempt));
    let (mut after, mut none) = (0, true);
    loop {
        let (bytes, next) = server.lines(&path, after, LINES_BYTES_MAX)?;
        for line in String::from_utf8_lossy(&bytes).lines().map(parsed) {
            none = false;
            match view.is_table() {
                true => render::line(&told(&line)),
                // One on each line: a document would end with the attempt alone.
                false => render::line(&line.to_string()),
            }
        }
        match next {
            Some(next) => after = next,
            None => break,
        }
        std::thread::sleep(EVERY);
    }
    if none {
        render::to_stderr("it said nothing");
    }
    if view.is_table() {
        super::show(&one(server, attempt)?);
    }
    Ok(())
}
