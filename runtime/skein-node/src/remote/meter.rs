//! What an attempt takes: counted while it works, told with each exchange and with its end.

use std::sync::Arc;
use std::time::Duration;

use skein_api::node::Used;
use skein_dataset::{Flow, Pace, paced};
use skein_types::{Clock, Millis};

use super::rates::Gate;
use crate::cpu;
use crate::meters::Thread;
use crate::progress::Progress;

/// Counts an attempt's bytes, which pass at the rates of whoever it is on the account of.
#[derive(Debug)]
struct Meter {
    progress: Arc<Progress>,
    gates: Vec<Arc<Gate>>,
}

impl Pace for Meter {
    fn pass(&self, flow: Flow, bytes: u64) {
        for gate in &self.gates {
            gate.pass(flow, bytes, || self.progress.is_cancelled());
        }
        match flow {
            Flow::Read => self.progress.meters().read(bytes),
            Flow::Write => self.progress.meters().written(bytes),
        }
    }
}

/// Does an attempt's work on this thread, and answers what it took.
pub(super) fn metered<T>(
    (progress, gates): (&Arc<Progress>, Vec<Arc<Gate>>),
    clock: &dyn Clock,
    act: impl FnOnce() -> T,
) -> (T, Used) {
    let (began, before) = (clock.elapsed(), cpu::exactly_of_this_thread());
    Thread::Own.begins();
    let meter = Meter { progress: Arc::clone(progress), gates };
    let answer = paced(Some(Arc::new(meter)), act);
    let own = cpu::exactly_of_this_thread().saturating_sub(before);
    let used = used(progress, own, clock.elapsed().saturating_sub(began));
    (answer, used)
}

/// What one that is at work has taken, as far as it has said.
pub(super) fn so_far(progress: &Progress, began: Duration, now: Duration) -> Used {
    used(progress, progress.meters().reading().own, now.saturating_sub(began))
}

fn used(progress: &Progress, own: Duration, slot: Duration) -> Used {
    let reading = progress.meters().reading();
    // To the nearest: most attempts take few milliseconds, and cut off they would take a good part less.
    let millis = |time: Duration| Millis(u64::try_from((time.as_micros() + 500) / 1_000).unwrap_or(u64::MAX));
    Used {
        cpu_ms: millis(own.saturating_add(reading.helpers)),
        slot_ms: millis(slot),
        fuel: reading.fuel,
        bytes_read: reading.read,
        bytes_written: reading.written,
    }
}
