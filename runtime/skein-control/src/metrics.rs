//! Numbers for Prometheus: what is counted as it happens, and the page that shows it with what is looked up for it.
//!
//! Names follow Prometheus' conventions: `skein_`, the unit, `_total` for what only grows. No label is an id or grows without a
//! bound: routes are templates, codes the catalogue's, teams the first 64 by name, nodes the numbers of this machine's.
//! Counters begin at nothing with each process, as Prometheus expects.
//!
//! Soft: nothing is decided by any of it. What is in the ledger is looked up when somebody asks (`sampled`), so a page costs a
//! read for each campaign that is not over, and work costs nothing more.

mod sampled;

use std::fmt;
use std::time::Duration;

use prometheus_client::encoding::text::{encode_eof, encode_registry};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};
use skein_api::node::{Outcome, Report};
use skein_ledger::DeliveryState;
use skein_types::{Bytes, Code, ReceiverKind, codes};

use crate::control::Control;
use crate::error::ServiceError;
use crate::nodes::Loss;

/// One label.
type One = [(&'static str, &'static str); 1];
/// Two labels.
type Two = [(&'static str, &'static str); 2];
/// Of a request: its route, method and status.
type Asked = [(&'static str, String); 3];

/// A request that was answered.
#[derive(Clone, Copy, Debug)]
pub struct Answered<'a> {
    /// The template of its path; none, if there is none for it.
    pub route: Option<&'a str>,
    /// As it was sent.
    pub method: &'a str,
    /// What it was answered.
    pub status: u16,
    /// Why it was refused or failed, if so.
    pub problem: Option<Code>,
    /// From its head to the head of its answer.
    pub took: Duration,
}

/// What is counted.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    requests: Family<Asked, Counter>,
    request_times: Family<[(&'static str, String); 1], Histogram>,
    problems: Family<One, Counter>,
    attempts: Family<One, Counter>,
    rows: Family<One, Counter>,
    bytes: Family<One, Counter>,
    fuel: Counter,
    cpu: Counter<f64, std::sync::atomic::AtomicU64>,
    nodes_lost: Family<One, Counter>,
    compiles: Family<One, Histogram>,
    notice_tries: Family<Two, Counter>,
    notices_dropped: Family<One, Counter>,
    alarms: Family<One, Counter>,
    scrubbed: Counter,
    damaged: Family<One, Counter>,
}

/// What a check finds wrong.
const SOAK_CODES: [Code; 4] =
    [codes::PUBLISHED_DAMAGED, codes::OLD_SCHEMA_WRITTEN, codes::CHECK_FAILED, codes::SOAK_RULE_BROKEN];
/// What a scrub finds damaged.
const DAMAGED: [&str; 2] = ["current", "kept"];

impl Default for Metrics {
    fn default() -> Self {
        // From 1 ms to 16 s.
        let request = || Histogram::new(exponential_buckets(0.001, 2.0, 15));
        // From 50 ms to 100 s.
        let compile = || Histogram::new(exponential_buckets(0.05, 2.0, 12));
        let mut metrics = Self {
            registry: Registry::with_prefix("skein"),
            requests: Family::default(),
            request_times: Family::new_with_constructor(request),
            problems: Family::default(),
            attempts: Family::default(),
            rows: Family::default(),
            bytes: Family::default(),
            fuel: Counter::default(),
            cpu: Counter::default(),
            nodes_lost: Family::default(),
            compiles: Family::new_with_constructor(compile),
            notice_tries: Family::default(),
            notices_dropped: Family::default(),
            alarms: Family::default(),
            scrubbed: Counter::default(),
            damaged: Family::default(),
        };
        metrics.register();
        // A series that is there before anything happened shows the first time that it does.
        for how in HOW_LOST {
            drop(metrics.nodes_lost.get_or_create(&[("how", how_lost(how))]));
        }
        for outcome in Outcome::WORDS {
            drop(metrics.attempts.get_or_create(&[("outcome", outcome)]));
        }
        for code in SOAK_CODES {
            drop(metrics.alarms.get_or_create(&[("code", code.id)]));
        }
        for version in DAMAGED {
            drop(metrics.damaged.get_or_create(&[("version", version)]));
        }
        for receiver in ReceiverKind::ALL.iter().map(|kind| kind.as_str()) {
            for outcome in TRIED.map(how_tried) {
                drop(metrics.notice_tries.get_or_create(&[("receiver", receiver), ("outcome", outcome)]));
            }
            drop(metrics.notices_dropped.get_or_create(&[("receiver", receiver)]));
        }
        metrics
    }
}

impl Metrics {
    /// Something is wrong with what a run published.
    pub(crate) fn alarmed(&self, code: Code) {
        self.alarms.get_or_create(&[("code", code.id)]).inc();
    }

    /// A version was read again.
    pub(crate) fn scrubbed(&self, bytes: Bytes) {
        self.scrubbed.inc_by(bytes.0);
    }

    /// A file is not what it was.
    pub(crate) fn damaged(&self, current: bool) {
        let [is_current, kept] = DAMAGED;
        self.damaged.get_or_create(&[("version", if current { is_current } else { kept })]).inc();
    }

    fn register(&mut self) {
        let registry = &mut self.registry;
        let help = "Things found wrong with what was published";
        registry.register("alarms", help, self.alarms.clone());
        let help = "Bytes of versions that were read again";
        registry.register_with_unit("scrubbed", help, Unit::Bytes, self.scrubbed.clone());
        let help = "Files of versions that are not what their datasets' logs say";
        registry.register("damaged_files", help, self.damaged.clone());
        registry.register("http_requests", "Requests that were answered", self.requests.clone());
        registry.register_with_unit(
            "http_request_duration",
            "From a request's head to the head of its answer",
            Unit::Seconds,
            self.request_times.clone(),
        );
        registry.register(
            "http_problems",
            "Requests that were refused or failed, by the code of the error",
            self.problems.clone(),
        );
        registry.register("attempts", "Attempts that ended, by what came of them", self.attempts.clone());
        registry.register("rows", "Rows of attempts, by what became of them", self.rows.clone());
        registry.register_with_unit(
            "data",
            "Bytes that attempts read from and wrote to datasets; spliced ones are among those written",
            Unit::Bytes,
            self.bytes.clone(),
        );
        registry.register("fuel", "Work of modules in attempts, in fuel", self.fuel.clone());
        registry.register_with_unit(
            "attempt_cpu",
            "CPU time of attempts, the host's share of the work included",
            Unit::Seconds,
            self.cpu.clone(),
        );
        registry.register(
            "nodes_lost",
            "Nodes that were given up: ended is a process that died, silent a lease that ran out",
            self.nodes_lost.clone(),
        );
        registry.register_with_unit(
            "module_compile",
            "Compiling a module, by what came of it",
            Unit::Seconds,
            self.compiles.clone(),
        );
        registry.register(
            "notice_tries",
            "Tries to tell receivers something: a failed one is followed by another, unless it was given_up",
            self.notice_tries.clone(),
        );
        registry.register(
            "notices_dropped",
            "Notices that were not kept for a receiver, because too many wait for it already",
            self.notices_dropped.clone(),
        );
    }

    /// A request was answered.
    pub fn answered(&self, one: &Answered<'_>) {
        let route = one.route.unwrap_or("none").to_owned();
        let asked = [
            ("route", route.clone()),
            ("method", method(one.method).to_owned()),
            ("status", one.status.to_string()),
        ];
        self.requests.get_or_create(&asked).inc();
        self.request_times.get_or_create(&[("route", route)]).observe(one.took.as_secs_f64());
        if let Some(code) = one.problem {
            self.problems.get_or_create(&[("code", code.id)]).inc();
        }
    }

    /// An attempt came to its end and its report was taken.
    pub(crate) fn over(&self, report: &Report) {
        let outcome = &report.outcome;
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
        self.cpu.inc_by(Duration::from_millis(meters.cpu_ms.0).as_secs_f64());
    }

    /// A node was given up.
    pub(crate) fn lost(&self, how: Loss) {
        self.nodes_lost.get_or_create(&[("how", how_lost(how))]).inc();
    }

    /// A module was compiled, refused, or could not be.
    pub(crate) fn compiled(&self, outcome: &'static str, took: Duration) {
        self.compiles.get_or_create(&[("outcome", outcome)]).observe(took.as_secs_f64());
    }
}

impl Metrics {
    /// A receiver was told something, or could not be.
    pub(crate) fn tried(&self, receiver: ReceiverKind, state: DeliveryState) {
        let labels = [("receiver", receiver.as_str()), ("outcome", how_tried(state))];
        self.notice_tries.get_or_create(&labels).inc();
    }

    /// A receiver was not told something, because too much waits for it.
    pub(crate) fn dropped(&self, receiver: ReceiverKind) {
        self.notices_dropped.get_or_create(&[("receiver", receiver.as_str())]).inc();
    }
}

impl Control {
    /// What is counted.
    pub const fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// All numbers in the text format of OpenMetrics.
    pub fn metrics_page(&self) -> Result<String, ServiceError> {
        let sampled = sampled::registry(self)?;
        let mut page = String::new();
        encode_registry(&mut page, &self.metrics.registry)
            .and_then(|()| encode_registry(&mut page, &sampled))
            .and_then(|()| encode_eof(&mut page))
            .map_err(|fmt::Error| ServiceError::bug("the numbers cannot be written"))?;
        Ok(page)
    }
}

const HOW_LOST: [Loss; 4] = [Loss::Ended, Loss::Silent, Loss::Again, Loss::Restarted];

const fn how_lost(how: Loss) -> &'static str {
    match how {
        Loss::Ended => "ended",
        Loss::Left => "left",
        Loss::Silent => "silent",
        Loss::Again => "again",
        Loss::Restarted => "restarted",
    }
}

const TRIED: [DeliveryState; 3] = [DeliveryState::Done, DeliveryState::Waiting, DeliveryState::GivenUp];

/// By what became of the notice.
const fn how_tried(state: DeliveryState) -> &'static str {
    match state {
        DeliveryState::Done => "taken",
        DeliveryState::Waiting => "failed",
        DeliveryState::GivenUp => "given_up",
    }
}

/// Methods that anybody has heard of: whoever sends others makes no labels.
fn method(sent: &str) -> &'static str {
    const KNOWN: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"];
    KNOWN.into_iter().find(|known| *known == sent).unwrap_or("other")
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::Answered;
    use crate::scene::{HandClock, open, running};
    use skein_types::codes;

    #[test]
    fn a_page_has_what_was_counted_and_what_is() {
        let place = tempfile::tempdir().unwrap();
        let control = open(place.path(), &Arc::new(HandClock::default()));
        running(&control);
        let refused = Answered {
            route: Some("/v1/campaigns/{campaign}"),
            method: "BREW",
            status: 404,
            problem: Some(codes::NOT_FOUND),
            took: Duration::from_millis(3),
        };
        control.metrics().answered(&refused);
        let page = control.metrics_page().unwrap();
        for line in [
            r#"skein_http_requests_total{route="/v1/campaigns/{campaign}",method="other",status="404"} 1"#,
            r#"skein_http_request_duration_seconds_bucket{le="0.004",route="/v1/campaigns/{campaign}"} 1"#,
            r#"skein_http_problems_total{code="SK0680"} 1"#,
            r#"skein_campaigns{team="local",state="running"} 1"#,
            r#"skein_runs{team="local",state="planned"} 1"#,
            r#"skein_nodes{state="ready"} 0"#,
        ] {
            assert!(page.lines().any(|had| had == line), "{line} is not in {page}");
        }
        assert!(page.ends_with("# EOF\n"));
        let events = page.lines().find_map(|line| line.strip_prefix("skein_ledger_events_total "));
        assert!(events.is_some_and(|events| events.parse::<u64>().unwrap() > 5), "{page}");
    }
}
