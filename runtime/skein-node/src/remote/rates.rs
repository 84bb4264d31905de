//! At which rates bytes pass here: one gate for each team, and for each campaign, whose tasks this node has or had.
//!
//! Main sets the rates with each answer of control; workers go through the gates of their task, and wait there. A rate that changes
//! holds at once for tasks that are at work.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use skein_api::node::{Lease, Rate};
use skein_dataset::Flow;
use skein_fleet::{Bucket, Take};
use skein_types::Clock;

/// Between two looks at a gate through which nothing goes.
const CLOSED: Duration = Duration::from_millis(50);

/// Somebody's bytes go through it.
pub(super) struct Gate {
    clock: Arc<dyn Clock>,
    read: Mutex<Option<Bucket>>,
    write: Mutex<Option<Bucket>>,
}

impl fmt::Debug for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Gate")
    }
}

impl Gate {
    fn open(clock: &Arc<dyn Clock>) -> Self {
        Self { clock: Arc::clone(clock), read: Mutex::default(), write: Mutex::default() }
    }

    /// Comes back when so many bytes may pass, or when nobody wants them any more.
    pub(super) fn pass(&self, flow: Flow, bytes: u64, is_given_up: impl Fn() -> bool) {
        let bucket = match flow {
            Flow::Read => &self.read,
            Flow::Write => &self.write,
        };
        let mut left = bytes;
        while left > 0 && !is_given_up() {
            let now = self.clock.elapsed();
            let taken = match &mut *bucket.lock().unwrap_or_else(PoisonError::into_inner) {
                None => return,
                Some(bucket) => bucket.take(now, left),
            };
            let wait = match taken {
                Some(Take { bytes, wait }) => {
                    left = left.saturating_sub(bytes);
                    wait
                }
                None => CLOSED,
            };
            if !wait.is_zero() {
                std::thread::sleep(wait);
            }
        }
    }

    fn set(&self, read: Option<u64>, write: Option<u64>) {
        let now = self.clock.elapsed();
        for (bucket, rate) in [(&self.read, read), (&self.write, write)] {
            let mut bucket = bucket.lock().unwrap_or_else(PoisonError::into_inner);
            match (rate, &mut *bucket) {
                (None, bucket) => *bucket = None,
                (Some(rate), Some(bucket)) => bucket.set_rate(rate, now),
                (Some(rate), bucket @ None) => *bucket = Some(Bucket::new(rate, now)),
            }
        }
    }
}

/// All gates of this node.
pub(super) struct Gates {
    clock: Arc<dyn Clock>,
    gates: BTreeMap<String, Arc<Gate>>,
}

impl Gates {
    pub(super) fn new(clock: &Arc<dyn Clock>) -> Self {
        Self { clock: Arc::clone(clock), gates: BTreeMap::new() }
    }

    /// These rates and no others hold from now on.
    pub(super) fn set(&mut self, rates: &[Rate]) {
        // What nobody goes through and nobody is told about is forgotten.
        self.gates.retain(|_, gate| Arc::strong_count(gate) > 1);
        let of = |rate: &Rate| rate.of.to_string();
        for rate in rates {
            self.gate(of(rate)).set(rate.read.map(|rate| rate.0), rate.write.map(|rate| rate.0));
        }
        for (name, gate) in &self.gates {
            if !rates.iter().any(|rate| of(rate) == *name) {
                gate.set(None, None);
            }
        }
    }

    /// The gates that a task's bytes go through.
    pub(super) fn of(&mut self, lease: &Lease) -> Vec<Arc<Gate>> {
        let team = lease.team.as_ref().map(|team| format!("team:{team}"));
        let campaign = lease.payload.campaign().map(|campaign| format!("campaign:{campaign}"));
        team.into_iter().chain(campaign).map(|name| self.gate(name)).collect()
    }

    fn gate(&mut self, name: String) -> Arc<Gate> {
        Arc::clone(self.gates.entry(name).or_insert_with(|| Arc::new(Gate::open(&self.clock))))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::time::Duration;

    use skein_api::Text;
    use skein_api::node::Rate;
    use skein_dataset::Flow;
    use skein_types::{Bytes, Clock, SystemClock, Timestamp};

    use super::Gates;

    /// Goes on by itself at each look, so that a test sees how long was waited without waiting.
    #[derive(Debug, Default)]
    struct Looked(AtomicU64);

    impl Clock for Looked {
        fn now(&self) -> Timestamp {
            Timestamp(0)
        }

        fn elapsed(&self) -> Duration {
            Duration::from_millis(self.0.fetch_add(1, Ordering::Relaxed))
        }
    }

    fn rate(of: &str, read: u64) -> Rate {
        Rate { of: Text::escaped(of), read: Some(Bytes(read)), write: None }
    }

    #[test]
    fn bytes_pass_at_the_rate_that_is_said_and_freely_when_nothing_is_said() {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::start());
        let mut gates = Gates::new(&clock);
        gates.set(&[rate("team:shop", 1 << 20)]);
        let gate = gates.gate("team:shop".to_owned());
        let took = |flow, bytes| {
            let before = clock.elapsed();
            gate.pass(flow, bytes, || false);
            clock.elapsed().saturating_sub(before)
        };
        // A fifth of a second's worth; the first piece, a twentieth of it, may be there already.
        assert!(took(Flow::Read, (1 << 20) / 5) >= Duration::from_millis(140));
        assert!(took(Flow::Write, 1 << 30) < Duration::from_millis(140));
        gates.set(&[]);
        assert!(took(Flow::Read, 1 << 30) < Duration::from_millis(140));
    }

    #[test]
    fn whoever_is_given_up_does_not_wait_at_a_closed_gate() {
        let clock: Arc<dyn Clock> = Arc::new(Looked::default());
        let mut gates = Gates::new(&clock);
        gates.set(&[rate("team:shop", 0)]);
        let looks = AtomicU64::new(0);
        gates.gate("team:shop".to_owned()).pass(Flow::Read, 1, || looks.fetch_add(1, Ordering::Relaxed) > 1);
        assert_eq!(looks.load(Ordering::Relaxed), 3);
    }
}
