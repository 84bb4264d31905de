//! Numbers of a node for Prometheus. Names as control's, with `skein_node_` before them; no label is an id.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use prometheus_client::encoding::text::{encode_eof, encode_registry};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};
use skein_api::node::Outcome;
use skein_dataset::account;

type One = [(&'static str, &'static str); 1];

/// What a node counts since its process started.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    attempts: Family<One, Counter>,
    rows: Family<One, Counter>,
    bytes: Family<One, Counter>,
    fuel: Counter,
    exchanges: Family<One, Histogram>,
    tasks: Family<One, Gauge>,
    spans_lost: Arc<AtomicU64>,
}

impl Metrics {
    /// Of a process that has lost so many spans.
    pub(super) fn new(spans_lost: Arc<AtomicU64>) -> Self {
        // From 1 ms to 4 s, after which an exchange is given up.
        let exchange = || Histogram::new(exponential_buckets(0.001, 2.0, 13));
        let mut metrics = Self {
            registry: Registry::with_prefix("skein_node"),
            attempts: Family::default(),
            rows: Family::default(),
            bytes: Family::default(),
            fuel: Counter::default(),
            exchanges: Family::new_with_constructor(exchange),
            tasks: Family::default(),
            spans_lost,
        };
        let registry = &mut metrics.registry;
        let help = "Attempts that ended, by what came of them";
        registry.register("attempts", help, metrics.attempts.clone());
        registry.register("rows", "Rows of attempts, by what became of them", metrics.rows.clone());
        let help =
            "Bytes that attempts read from and wrote to datasets; spliced ones are among those written";
        registry.register_with_unit("data", help, Unit::Bytes, metrics.bytes.clone());
        registry.register("fuel", "Work of modules in attempts, in fuel", metrics.fuel.clone());
        let help = "From sending an exchange until it was answered, or until there was none";
        registry.register_with_unit("exchange_duration", help, Unit::Seconds, metrics.exchanges.clone());
        registry.register(
            "tasks",
            "Tasks that it has, and those of them that are begun",
            metrics.tasks.clone(),
        );
        for outcome in Outcome::WORDS {
            drop(metrics.attempts.get_or_create(&[("outcome", outcome)]));
        }
        metrics.holds(0, 0);
        metrics
    }

    /// An attempt came to its end.
    pub(super) fn over(&self, outcome: &Outcome) {
        self.attempts.get_or_create(&[("outcome", outcome.word())]).inc();
        if let Some(rows) = outcome.rows() {
            for (fate, count) in rows.by_fate() {
                self.rows.get_or_create(&[("fate", fate)]).inc_by(count.0);
            }
        }
        let Some(meters) = outcome.meters() else { return };
        for (way, bytes) in meters.by_way() {
            self.bytes.get_or_create(&[("way", way)]).inc_by(bytes.0);
        }
        self.fuel.inc_by(meters.fuel.0);
    }

    /// An exchange was answered, or not.
    pub(super) fn exchanged(&self, answered: bool, took: Duration) {
        let outcome = if answered { "answered" } else { "failed" };
        self.exchanges.get_or_create(&[("outcome", outcome)]).observe(took.as_secs_f64());
    }

    /// So many tasks it has, of which so many are begun.
    pub(super) fn holds(&self, held: usize, begun: usize) {
        for (phase, count) in [("held", held), ("begun", begun)] {
            self.tasks.get_or_create(&[("phase", phase)]).set(i64::try_from(count).unwrap_or(i64::MAX));
        }
    }

    /// All numbers in the text format of OpenMetrics.
    pub fn page(&self) -> Result<String, fmt::Error> {
        let mut process = Registry::with_prefix("skein_node");
        let account = account();
        let memory = Gauge::<i64>::default();
        memory.set(i64::try_from(account.memory.0).unwrap_or(i64::MAX));
        process.register_with_unit("memory", "Resident memory of the process", Unit::Bytes, memory);
        let cpu = Counter::<f64, AtomicU64>::default();
        cpu.inc_by(account.cpu.as_secs_f64());
        process.register_with_unit("cpu", "CPU time of the process", Unit::Seconds, cpu);
        let waits = Counter::<u64>::default();
        waits.inc_by(account.disk_waits);
        process.register("disk_waits", "Waits for the disk: a barrier over many files is one", waits);
        let lost = Counter::<u64>::default();
        lost.inc_by(self.spans_lost.load(Ordering::Relaxed));
        process.register("spans_lost", "Spans that no collector got", lost);
        let mut page = String::new();
        encode_registry(&mut page, &self.registry)?;
        encode_registry(&mut page, &process)?;
        encode_eof(&mut page)?;
        Ok(page)
    }
}

#[cfg(test)]
mod tests {
    use super::Metrics;
    use skein_api::node::Outcome;
    use std::sync::Arc;
    use std::sync::atomic::AtomicU64;
    use std::time::Duration;

    #[test]
    fn what_a_node_did_is_on_its_page() {
        let metrics = Metrics::new(Arc::new(AtomicU64::new(7)));
        metrics.over(&Outcome::Revoked);
        metrics.exchanged(false, Duration::from_millis(3));
        metrics.holds(5, 2);
        let page = metrics.page().unwrap();
        for line in [
            r#"skein_node_attempts_total{outcome="revoked"} 1"#,
            r#"skein_node_attempts_total{outcome="staged"} 0"#,
            r#"skein_node_exchange_duration_seconds_count{outcome="failed"} 1"#,
            r#"skein_node_tasks{phase="begun"} 2"#,
            "skein_node_spans_lost_total 7",
        ] {
            assert!(page.lines().any(|had| had == line), "{line} is not in {page}");
        }
        assert!(page.contains("\nskein_node_memory_bytes ") && page.ends_with("# EOF\n"), "{page}");
    }
}
