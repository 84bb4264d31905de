//! Ctrl-C: the first asks the run to stop, the second stops the process.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

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
        crate::render::to_stderr("stopping after this batch; press Ctrl-C again to stop at once");
    };
    if let Err(error) = ctrlc::set_handler(handler) {
        tracing::warn!(%error, "interrupts are not caught");
    }
}
