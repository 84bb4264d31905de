//! The progress bar: rows, rows per second, time left. On stderr, only on a terminal.

use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};
use skein_node::Progress;
use skein_types::Clock;

const TICK: Duration = Duration::from_millis(100);
/// Without a terminal a plain line is enough to see that the run is alive.
const LINE_EVERY_TICKS: u32 = 100;

/// Draws a run's progress from a thread of its own until it is dropped.
#[derive(Debug)]
pub(crate) struct ProgressView {
    stop: Option<SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl ProgressView {
    pub(crate) fn start(progress: Arc<Progress>, interactive: bool) -> Self {
        let (stop, stopped) = sync_channel::<()>(1);
        let draw = move || {
            let bar = bar(interactive);
            let mut ticks = 0_u32;
            while matches!(stopped.recv_timeout(TICK), Err(RecvTimeoutError::Timeout)) {
                ticks += 1;
                let now = progress.read();
                bar.set_length(now.rows_total.0);
                bar.set_position(now.rows_done.0);
                bar.set_message(format!("{}/{} files", now.files_done, now.files_total));
                if !interactive && ticks.is_multiple_of(LINE_EVERY_TICKS) {
                    let (done, total) = (now.rows_done.0, now.rows_total.0);
                    crate::render::to_stderr(&format!(
                        "{done} of {total} rows, {} written",
                        now.bytes_written
                    ));
                }
            }
            bar.finish_and_clear();
        };
        let thread = std::thread::Builder::new().name("progress".into()).spawn(draw).ok();
        Self { stop: Some(stop), thread }
    }
}

/// Draws how many of many datasets have ended. Whoever counts them calls it; it has no thread.
pub(crate) struct CountView {
    bar: ProgressBar,
    interactive: bool,
    total: u64,
    clock: Arc<dyn Clock>,
    said: Duration,
}

impl CountView {
    pub(crate) fn start(total: u64, interactive: bool, clock: Arc<dyn Clock>) -> Self {
        let target = if interactive { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let style = ProgressStyle::with_template(
            "{bar:30} {percent:>3}% {human_pos}/{human_len} datasets  {rate}  ETA {eta}  {msg}",
        )
        .expect("the template is a constant")
        .with_key("rate", rate);
        let bar = ProgressBar::with_draw_target(Some(total), target).with_style(style.progress_chars("#>-"));
        Self { bar, interactive, total, said: clock.elapsed(), clock }
    }

    pub(crate) fn show(&mut self, ended: u64, refused: u64) {
        self.bar.set_position(ended);
        if refused > 0 {
            self.bar.set_message(format!("{refused} refused"));
        }
        let now = self.clock.elapsed();
        if !self.interactive && now.saturating_sub(self.said) >= TICK * LINE_EVERY_TICKS {
            self.said = now;
            crate::render::to_stderr(&format!("{ended} of {} datasets, {refused} refused", self.total));
        }
    }

    pub(crate) fn clear(&self) {
        self.bar.finish_and_clear();
    }
}

impl Drop for ProgressView {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A bar that failed to draw must not fail the run.
            thread.join().unwrap_or_default();
        }
    }
}

/// Things per second, without digits that change faster than they are read.
fn rate(state: &ProgressState, out: &mut dyn std::fmt::Write) {
    // A bar that cannot be written has no other place to say so.
    write!(out, "{}/s", crate::render::grouped(state.per_sec().round() as u64)).unwrap_or_default();
}

fn bar(interactive: bool) -> ProgressBar {
    let target = if interactive { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
    let style = ProgressStyle::with_template(
        "{bar:30} {percent:>3}% {human_pos}/{human_len} rows  {rate}  ETA {eta}  {msg}",
    )
    .expect("the template is a constant")
    .with_key("rate", rate);
    ProgressBar::with_draw_target(Some(0), target).with_style(style.progress_chars("#>-"))
}
