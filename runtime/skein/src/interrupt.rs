//! Ctrl-C: the first asks the run to stop, the second stops the process.

use std::io::IsTerminal as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, sync_channel};

use skein_node::Progress;

/// Makes SIGINT and SIGTERM cancel the run between two batches. A dataset is safe whatever happens: this is so that
/// staged files go at once instead of with the next run.
pub(crate) fn cancels(progress: &Arc<Progress>) {
    let progress = Arc::clone(progress);
    let asked = AtomicBool::new(false);
    let handler = move || {
        if asked.swap(true, Ordering::Relaxed) {
            std::process::exit(i32::from(skein_types::codes::CANCELLED.exit_code()));
        }
        progress.cancel();
        // On a terminal a bar stands in the line that the cursor is in.
        let clear = if std::io::stderr().is_terminal() { "\r\u{1b}[2K" } else { "" };
        crate::render::raw_to_stderr(&format!(
            "{clear}stopping after this batch; press Ctrl-C again to stop at once\n"
        ));
    };
    if let Err(error) = ctrlc::set_handler(handler) {
        tracing::warn!(%error, "interrupts are not caught");
    }
}

/// Makes SIGINT and SIGTERM the end of a command that only watches: what it watches goes on, as `said`.
pub(crate) fn leaves(said: &str) {
    let said = said.to_owned();
    let handler = move || {
        // On a terminal a bar stands in the line that the cursor is in.
        let clear = if std::io::stderr().is_terminal() { "\r\u{1b}[2K" } else { "" };
        crate::render::raw_to_stderr(&format!("{clear}{said}\n"));
        std::process::exit(i32::from(skein_types::codes::CANCELLED.exit_code()));
    };
    if let Err(error) = ctrlc::set_handler(handler) {
        tracing::warn!(%error, "interrupts are not caught");
    }
}

/// Makes SIGINT and SIGTERM the end of a command that waits for changes: what it is at is cancelled, and it hears of it.
/// A second one stops the process, for what cannot be cancelled.
pub(crate) fn ends(progress: &Arc<Progress>) -> Receiver<()> {
    let (ended, hears) = sync_channel(1);
    let progress = Arc::clone(progress);
    let asked = AtomicBool::new(false);
    let handler = move || {
        if asked.swap(true, Ordering::Relaxed) {
            std::process::exit(i32::from(skein_types::codes::CANCELLED.exit_code()));
        }
        progress.cancel();
        // Full: it was told before and has not listened yet.
        ended.try_send(()).unwrap_or_default();
    };
    if let Err(error) = ctrlc::set_handler(handler) {
        tracing::warn!(%error, "interrupts are not caught");
    }
    hears
}
