//! What is looked up for a page of numbers: the ledger's rows, the seats of nodes, this process.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use prometheus_client::encoding::{EncodeMetric, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};
use skein_dataset::account;
use skein_ledger::{
    CampaignFilter, CampaignsFrom, CommitTimes, DeliveryFilter, DeliveryState, Limit, NodeState, PhaseName,
    SizeClass, TaskFilter, Written,
};
use skein_types::{CampaignState, Millis, NodeMark, ReceiverKind, RunState};

use crate::control::{Control, State};
use crate::error::ServiceError;
use crate::fleet::Seat;

/// Teams that have a label of their own.
const TEAMS: usize = 64;
/// Of the teams behind those.
const OTHER_TEAMS: &str = "other";
/// Tasks that are counted. There are never many more: what is admitted is what nodes can have soon.
const TASKS: u64 = 20_000;
/// Notices that are counted.
const NOTICES: usize = 20_000;

type Named = [(&'static str, String); 1];
type OfTeam = [(&'static str, String); 2];
type Word = [(&'static str, &'static str); 1];
type Words = [(&'static str, &'static str); 2];
type Seconds<L> = Family<L, Counter<f64, AtomicU64>>;

/// Everything, as of now.
pub(super) fn registry(control: &Control) -> Result<Registry, ServiceError> {
    let mut registry = Registry::with_prefix("skein");
    let version = [("version", env!("CARGO_PKG_VERSION"))];
    registry.register("build", "The program", Info::new(version));
    process(control, &mut registry);
    ledger(control, &mut registry)?;
    campaigns(control, &mut registry)?;
    tasks(control, &mut registry)?;
    notices(control, &mut registry)?;
    let known = control.ledger.nodes(None, Limit::MAX)?.items;
    let state = control.state();
    work(&state, &mut registry);
    nodes(&state, &known, &mut registry);
    Ok(registry)
}

fn gauge(registry: &mut Registry, (name, help): (&str, &str), unit: Option<Unit>, value: u64) {
    let gauge = Gauge::<i64, AtomicI64>::default();
    gauge.set(i64::try_from(value).unwrap_or(i64::MAX));
    match unit {
        Some(unit) => registry.register_with_unit(name, help, unit, gauge),
        None => registry.register(name, help, gauge),
    }
}

fn counter(registry: &mut Registry, (name, help): (&str, &str), unit: Option<Unit>, value: u64) {
    let counter = Counter::<u64, AtomicU64>::default();
    counter.inc_by(value);
    match unit {
        Some(unit) => registry.register_with_unit(name, help, unit, counter),
        None => registry.register(name, help, counter),
    }
}

fn add<L: Clone + std::hash::Hash + Eq>(family: &Family<L, Gauge>, labels: &L, more: u64) {
    family.get_or_create(labels).inc_by(i64::try_from(more).unwrap_or(i64::MAX));
}

fn seconds(millis: Millis) -> f64 {
    std::time::Duration::from_millis(millis.0).as_secs_f64()
}

fn process(control: &Control, registry: &mut Registry) {
    let account = account();
    gauge(registry, ("memory", "Resident memory of control"), Some(Unit::Bytes), account.memory.0);
    let cpu = Counter::<f64, AtomicU64>::default();
    cpu.inc_by(account.cpu.as_secs_f64());
    registry.register_with_unit("cpu", "CPU time of control", Unit::Seconds, cpu);
    let help = "Streams of events that are open";
    gauge(registry, ("event_streams", help), None, control.watchers() as u64);
    let help = "Waits of control for the disk because of datasets: a barrier over many files is one";
    counter(registry, ("disk_waits", help), None, account.disk_waits);
    let help = "Spans of control that no collector got";
    counter(registry, ("spans_lost", help), None, control.spans_lost.load(Ordering::Relaxed));
    let up = control.clock.elapsed().saturating_sub(control.started.elapsed);
    gauge(registry, ("uptime", "Since control was started"), Some(Unit::Seconds), up.as_secs());
}

fn ledger(control: &Control, registry: &mut Registry) -> Result<(), ServiceError> {
    let Written { transactions, syncs, events, bytes, times } = control.ledger.written();
    let position = control.ledger.head()?.position;
    gauge(registry, ("ledger_head_position", "Of the last event"), None, position);
    let size = control.ledger.size()?.0;
    gauge(registry, ("ledger_size", "On the disk"), Some(Unit::Bytes), size);
    counter(registry, ("ledger_commits", "Transactions"), None, transactions);
    counter(registry, ("ledger_syncs", "Transactions that waited for the disk"), None, syncs);
    counter(registry, ("ledger_events", "Events that were appended"), None, events);
    counter(registry, ("ledger_event", "Bodies of events"), Some(Unit::Bytes), bytes.0);
    let help = "From a transaction's begin until it was on the disk";
    registry.register_with_unit("ledger_commit", help, Unit::Seconds, Times(times));
    Ok(())
}

/// Times of commits as a histogram.
#[derive(Debug)]
struct Times(CommitTimes);

impl EncodeMetric for Times {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> Result<(), std::fmt::Error> {
        let end = |end: Option<std::time::Duration>| end.map_or(f64::INFINITY, |end| end.as_secs_f64());
        let classes: Vec<(f64, u64)> = self.0.classes().map(|(to, count)| (end(to), count)).collect();
        let count = classes.iter().map(|(_, count)| count).sum();
        encoder.encode_histogram::<NoLabelSet>(self.0.sum().as_secs_f64(), count, &classes, None)
    }

    fn metric_type(&self) -> MetricType {
        MetricType::Histogram
    }
}

/// Campaigns that are not over and their runs, by team.
fn campaigns(control: &Control, registry: &mut Registry) -> Result<(), ServiceError> {
    let (campaigns, runs) = (Family::<OfTeam, Gauge>::default(), Family::<OfTeam, Gauge>::default());
    let mut teams: BTreeMap<String, Vec<skein_ledger::Campaign>> = BTreeMap::new();
    for state in CampaignState::ALL.iter().filter(|state| !state.is_terminal()) {
        let filter = CampaignFilter { state: Some(*state), ..CampaignFilter::default() };
        let mut from = CampaignsFrom::Oldest(None);
        loop {
            let page = control.ledger.campaigns(&filter, &from, Limit::MAX)?;
            for campaign in page.items {
                teams.entry(campaign.owner.as_str().to_owned()).or_default().push(campaign);
            }
            match page.next {
                Some(next) => from = next,
                None => break,
            }
        }
    }
    for (place, (team, of_team)) in teams.into_iter().enumerate() {
        let team = if place < TEAMS { team } else { OTHER_TEAMS.to_owned() };
        let labels = |state: &str| [("team", team.clone()), ("state", state.to_owned())];
        for campaign in of_team {
            add(&campaigns, &labels(campaign.state.as_str()), 1);
            for state in RunState::ALL {
                let count = campaign.runs.of(*state);
                if count > 0 {
                    add(&runs, &labels(state.as_str()), count);
                }
            }
        }
    }
    registry.register("campaigns", "Campaigns that are not over", campaigns);
    registry.register("runs", "Runs of campaigns that are not over", runs);
    Ok(())
}

/// Tasks that wait, are at nodes, or are staged.
fn tasks(control: &Control, registry: &mut Registry) -> Result<(), ServiceError> {
    let tasks = Family::<Words, Gauge>::default();
    for phase in [PhaseName::Ready, PhaseName::Claimed, PhaseName::Staged] {
        for (class, word) in [(SizeClass::Small, "small"), (SizeClass::Large, "large")] {
            let labels = [("phase", phase.as_str()), ("class", word)];
            add(&tasks, &labels, 0);
            let filter = TaskFilter { phase: Some(phase), class: Some(class), ..TaskFilter::default() };
            let (mut after, mut counted) = (0, 0);
            while counted < TASKS {
                let page = control.ledger.tasks(filter, after, Limit::MAX)?;
                counted += page.items.len() as u64;
                match page.next {
                    Some(next) => after = next,
                    None => break,
                }
            }
            add(&tasks, &labels, counted);
        }
    }
    registry.register("tasks", "Tasks: ready ones wait for a node, staged ones for the door", tasks);
    Ok(())
}

/// Notices that wait, by what is to receive them.
fn notices(control: &Control, registry: &mut Registry) -> Result<(), ServiceError> {
    let waiting = Family::<Word, Gauge>::default();
    for kind in ReceiverKind::ALL {
        add(&waiting, &[("receiver", kind.as_str())], 0);
    }
    let kinds: BTreeMap<_, _> = control.all_webhooks()?.into_iter().map(|row| (row.id, row.kind)).collect();
    let filter = DeliveryFilter { webhook: None, state: Some(DeliveryState::Waiting) };
    let (mut after, mut counted) = (None, 0);
    while counted < NOTICES {
        let page = control.ledger.deliveries(filter, after, Limit::MAX)?;
        counted += page.items.len();
        // Whose receiver was removed waits for nothing.
        for kind in page.items.iter().filter_map(|row| kinds.get(&row.webhook)) {
            add(&waiting, &[("receiver", kind.as_str())], 1);
        }
        match page.next {
            Some(next) => after = Some(next),
            None => break,
        }
    }
    registry.register("notices_waiting", "Notices that wait for a first or another try", waiting);
    Ok(())
}

/// What was done since this process started.
fn work(state: &State, registry: &mut Registry) {
    let done = &state.counters;
    for (name, help, count) in [
        ("publishes", "Runs that were published", done.published),
        ("publish_failures", "Runs that failed at the door", done.ended.saturating_sub(done.published)),
        ("publish_lots", "Lots of runs that were at the door together", done.lots),
        ("rollbacks", "Runs that were rolled back", done.reverted),
        ("exchanges", "Exchanges of nodes that were taken", done.exchanges),
        ("store_waits", "Waits of nodes for the disk, of those that are gone too", done.node_disk_waits()),
    ] {
        counter(registry, (name, help), None, count);
    }
    gauge(registry, ("fleet_frozen", "1 while nothing begins anywhere"), None, state.fleet.frozen.into());
}

/// Nodes by where they are, and what those of this machine said of themselves.
fn nodes(state: &State, known: &[skein_ledger::Node], registry: &mut Registry) {
    let by_state = Family::<Word, Gauge>::default();
    for word in ["ready", "cordoned", "draining", "lost", "left"] {
        add(&by_state, &[("state", word)], 0);
    }
    for node in known {
        let word = match (node.state, node.mark) {
            (NodeState::Joined, NodeMark::None) => "ready",
            (NodeState::Joined, NodeMark::Cordoned) => "cordoned",
            (NodeState::Joined, NodeMark::Draining) => "draining",
            (NodeState::Lost, _) => "lost",
            (NodeState::Left, _) => "left",
        };
        add(&by_state, &[("state", word)], 1);
    }
    registry.register("nodes", "Nodes that this server knows", by_state);
    let (slots, agents) = (Family::<Named, Gauge>::default(), Family::<Named, Gauge>::default());
    let (held, memory) = (Family::<Named, Gauge>::default(), Family::<Named, Gauge>::default());
    let (cpu, waits) = (Seconds::<Named>::default(), Family::<Named, Counter>::default());
    for (node, seat) in &state.fleet.seats {
        let said = state.counters.said(*node);
        let labels = [("node", number(seat))];
        add(&slots, &labels, seat.slots as u64);
        add(&agents, &labels, said.slots.into());
        add(&held, &labels, seat.holds.len() as u64);
        add(&memory, &labels, said.memory.0);
        cpu.get_or_create(&labels).inc_by(seconds(said.cpu_ms));
        waits.get_or_create(&labels).inc_by(said.disk_waits);
    }
    registry.register("node_slots", "Agents that a node may have at a time", slots);
    registry.register("node_agents", "Agents at work in a node, as it last said", agents);
    registry.register("node_tasks", "Tasks that a node has", held);
    registry.register_with_unit("node_memory", "Resident memory of a node's process", Unit::Bytes, memory);
    registry.register_with_unit("node_cpu", "CPU time of a node's process", Unit::Seconds, cpu);
    registry.register("node_disk_waits", "Waits of a node's process for the disk", waits);
}

/// The number of a node of this machine; all others are one.
fn number(seat: &Seat) -> String {
    let digits = seat.name.strip_prefix("local-").filter(|rest| rest.parse::<u16>().is_ok());
    digits.unwrap_or("other").to_owned()
}
