//! A node: a process that carries out tasks of a control process until it is told to end.
//!
//! ```text
//! main      owns the lease machine and the list of what the node has; the only one that decides
//! link      one request to control at a time; brings answers back
//! workers   one agent's task at a time each, up to staged
//! hander    gathers what is staged and hands it over, many with the waits for the disk of one
//! ```
//! All threads send to main over one bounded queue; main sends tasks to workers over another. Nothing else is shared but the
//! flags that stop an agent. A node keeps nothing: what it staged and did not report is nobody's and control removes it.
//!
//! Ends: told to drain (finishes what has begun, gives the rest back), told by control to go (it has nothing left), its input closes (its supervisor is gone: at once),
//! fenced (drops everything and registers again), alone for too long (fails).

mod again;
mod client;
mod having;
mod meter;
mod metrics;
mod notes;
mod pace;
mod permits;
mod rates;
mod rehearsal;
mod rule_book;
mod sampling;
mod scanning;
mod secrets;
mod tasks;
mod usage;
mod watching;
mod work;

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::Duration;

use skein_api::List;
use skein_api::node::{
    CheckpointReport, EXCHANGE_BYTES_MAX, Exchange, Exchanged, HELD_MAX, Held, Lease, Outcome, PROTOCOL,
    Register, Registered, Report, RevokeReason, TASKS_MAX, Used, Wants,
};
use skein_campaign::lease::{LeaseCommand, LeaseInput, LeaseTerms, NodeLease, NodeLost};
use skein_types::{AttemptId, Bytes, Clock, Code, Millis, NodeId, Vital, codes};

use client::{Client, ClientError};
use having::{Having, Start};
pub use metrics::Metrics;
use permits::{Permits, Queue};
use rates::Gates;
use tasks::Workers;
pub(crate) use work::limits;

/// Of lines that an exchange tells of all tasks that are at work; results have half of it.
const SAID_BYTES_MAX: usize = EXCHANGE_BYTES_MAX / 16;

/// How a node is started.
#[derive(Debug)]
pub struct NodeOptions {
    /// Where control answers: `http://127.0.0.1:7447`.
    pub server: String,
    /// What control lets it in by, as its header carries it.
    pub secret: String,
    /// What it is called.
    pub name: String,
    /// Agents at a time.
    pub slots: usize,
    /// What is there for them.
    pub capacity: Capacity,
    /// Spans of its process that no collector got.
    pub spans_lost: Arc<AtomicU64>,
}

/// What a node has of its machine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Capacity {
    /// Thousandths of a core; 0: nobody said.
    pub cpu: u64,
    /// Memory; 0: nobody said.
    pub memory: Bytes,
    /// Bytes a second that it may read from stores.
    pub read: Option<Bytes>,
    /// Bytes a second that it may write to stores.
    pub write: Option<Bytes>,
}

/// Why a node ended otherwise than asked.
#[derive(Debug, thiserror::Error)]
pub enum NodeError {
    /// Control cannot be reached, or does not want it.
    #[error(transparent)]
    Lost(#[from] NodeLost),
    /// The connection cannot even be tried.
    #[error("a node cannot be started: {0}")]
    Setup(String),
}

impl NodeError {
    /// The code of this error.
    pub const fn code(&self) -> Code {
        match self {
            Self::Lost(lost) => lost.code(),
            Self::Setup(_) => codes::IO,
        }
    }

    /// What a person can do about it.
    pub const fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Lost(lost) => lost.hint(),
            Self::Setup(_) => None,
        }
    }
}

/// What the threads tell main.
enum News {
    Registered(Result<Registered, ClientError>),
    Answered { incarnation: u64, sequence: u64, answer: Result<Exchanged, ClientError> },
    Started(AttemptId),
    Over(Report),
    Drain,
}

/// What link is asked to send.
enum Request {
    Register(Register),
    Exchange(Box<Exchange>),
}

/// Tells a node from outside to finish what it has begun and end.
#[derive(Clone, Debug)]
pub struct Drain(SyncSender<News>);

impl Drain {
    /// Once is enough.
    pub fn ask(&self) {
        // Full or gone: it is busy ending, or will be asked again by who waits for it.
        self.0.try_send(News::Drain).unwrap_or_default();
    }
}

/// A node that was not started yet.
#[derive(Debug)]
pub struct Node {
    options: NodeOptions,
    clock: Arc<dyn Clock>,
    client: Arc<Client>,
    news: SyncSender<News>,
    heard: Receiver<News>,
    metrics: Arc<Metrics>,
}

impl Node {
    /// Prepares its connection.
    pub fn new(options: NodeOptions, clock: Arc<dyn Clock>) -> Result<Self, NodeError> {
        let client = Client::new(&options.server, &options.secret)
            .map_err(|error| NodeError::Setup(error.to_string()))?;
        let (news, heard) = sync_channel(4 * HELD_MAX);
        let metrics = Arc::new(Metrics::new(Arc::clone(&options.spans_lost)));
        Ok(Self { options, clock, client: Arc::new(client), news, heard, metrics })
    }

    /// What it counts.
    pub fn metrics(&self) -> Arc<Metrics> {
        Arc::clone(&self.metrics)
    }

    /// For whoever is told to end it.
    pub fn drain(&self) -> Drain {
        Drain(self.news.clone())
    }

    /// Works until it is drained or lost.
    pub fn run(self) -> Result<(), NodeError> {
        let Self { options, clock, client, news, heard, metrics } = self;
        // For lines of this thread; it lasts as long as the process, so it is none of Skein's spans for a collector.
        let _span = tracing::error_span!(target: "node", "node", node = options.name).entered();
        let (requests, asked) = sync_channel(1);
        let link = {
            let (client, news) = (Arc::clone(&client), news.clone());
            let timed = (Arc::clone(&clock), Arc::clone(&metrics));
            move || {
                let _vital = Vital;
                link(&client, &asked, &news, &timed);
            }
        };
        std::thread::Builder::new()
            .name("link".to_owned())
            .spawn(link)
            .map_err(|error| NodeError::Setup(error.to_string()))?;
        let workers = Workers::start(options.slots, (&client, &clock, &options.name), news)
            .map_err(|error| NodeError::Setup(error.to_string()))?;
        let lease = NodeLease::new(LeaseTerms::STANDARD, clock.elapsed());
        let desk = Desk {
            options,
            permits: Permits::default(),
            gates: Gates::new(&clock),
            clock,
            lease,
            node: None,
            waiting: VecDeque::new(),
            held: BTreeMap::new(),
            results: Vec::new(),
            last: None,
            draining: false,
            frozen: false,
            speak: false,
            requests,
            workers,
            metrics,
        };
        desk.run(&heard)
    }
}

/// Sends what it is asked to, one at a time, and tells what came back.
fn link(
    client: &Client,
    asked: &Receiver<Request>,
    news: &SyncSender<News>,
    (clock, metrics): &(Arc<dyn Clock>, Arc<Metrics>),
) {
    while let Ok(request) = asked.recv() {
        let told = match request {
            Request::Register(register) => News::Registered(client.register(&register)),
            Request::Exchange(exchange) => {
                let began = clock.elapsed();
                let answer = client.exchange(&exchange);
                metrics.exchanged(answer.is_ok(), clock.elapsed().saturating_sub(began));
                News::Answered { incarnation: exchange.incarnation, sequence: exchange.sequence, answer }
            }
        };
        if news.send(told).is_err() {
            return;
        }
    }
}

/// Main's own.
struct Desk {
    options: NodeOptions,
    clock: Arc<dyn Clock>,
    lease: NodeLease,
    node: Option<NodeId>,
    /// Not begun.
    waiting: VecDeque<Lease>,
    held: BTreeMap<AttemptId, Having>,
    /// Not acknowledged yet.
    results: Vec<Report>,
    last: Option<Exchange>,
    draining: bool,
    frozen: bool,
    /// There is something to say that control waits for.
    speak: bool,
    requests: SyncSender<Request>,
    workers: Workers,
    metrics: Arc<Metrics>,
    /// How many agents of whose tasks may be begun.
    permits: Permits,
    /// At which rates bytes pass.
    gates: Gates,
}

impl Desk {
    fn run(mut self, heard: &Receiver<News>) -> Result<(), NodeError> {
        let mut input = LeaseInput::Tick;
        loop {
            for command in self.lease.step(self.clock.elapsed(), input) {
                self.obey(command)?;
            }
            self.begin();
            if std::mem::take(&mut self.speak) {
                for command in self.lease.step(self.clock.elapsed(), LeaseInput::News) {
                    self.obey(command)?;
                }
            }
            if self.draining && self.held.is_empty() && self.results.is_empty() && self.last.is_none() {
                return Ok(());
            }
            let until = self.lease.wake().unwrap_or_default().saturating_sub(self.clock.elapsed());
            input = match heard.recv_timeout(until) {
                Ok(news) => self.hear(news),
                Err(RecvTimeoutError::Timeout) => LeaseInput::Tick,
                Err(RecvTimeoutError::Disconnected) => return Ok(()),
            };
        }
    }

    fn obey(&mut self, command: LeaseCommand) -> Result<(), NodeError> {
        match command {
            LeaseCommand::Register => {
                let capacity = self.options.capacity;
                let register = Register {
                    protocol: PROTOCOL,
                    name: skein_api::Text::escaped(&self.options.name),
                    version: skein_api::Text::escaped(env!("CARGO_PKG_VERSION")),
                    slots: u32::try_from(self.options.slots).unwrap_or(u32::MAX),
                    cpu: capacity.cpu,
                    memory: capacity.memory,
                    read: capacity.read,
                    write: capacity.write,
                };
                self.send(Request::Register(register));
            }
            LeaseCommand::Send { incarnation, sequence } => {
                let Some(node) = self.node else { return Ok(()) };
                let exchange = self.exchange(node, incarnation, sequence);
                self.last = Some(exchange.clone());
                self.send(Request::Exchange(Box::new(exchange)));
            }
            LeaseCommand::SendAgain { .. } => {
                if let Some(exchange) = self.last.clone() {
                    self.send(Request::Exchange(Box::new(exchange)));
                }
            }
            LeaseCommand::Freeze => self.frozen = true,
            LeaseCommand::Thaw => self.frozen = false,
            LeaseCommand::Kill => {
                self.waiting.clear();
                self.held.values().for_each(|having| having.progress.cancel());
                self.held.clear();
                self.results.clear();
                self.last = None;
            }
            LeaseCommand::Exit(lost) => return Err(lost.into()),
        }
        Ok(())
    }

    /// Link is at its last request still: the lease machine asks again.
    fn send(&self, request: Request) {
        if self.requests.try_send(request).is_err() {
            tracing::debug!("a request waits for the one before it");
        }
    }

    fn exchange(&mut self, node: NodeId, incarnation: u64, sequence: u64) -> Exchange {
        let (results, rest) = pace::fitting(std::mem::take(&mut self.results));
        self.results = rest;
        let checkpoints: Vec<CheckpointReport> =
            self.held.values_mut().filter_map(Having::checkpoint).collect();
        for having in self.held.values_mut() {
            having.tell();
        }
        let now = self.clock.elapsed();
        let mut room = SAID_BYTES_MAX;
        let holding: Vec<_> = self.held.values_mut().map(|having| having.told(now, &mut room)).collect();
        let started = self.held.values().filter(|having| having.started).count();
        self.metrics.holds(self.held.len(), started);
        Exchange {
            node,
            incarnation,
            sequence,
            holding: List::first(holding).0,
            checkpoints: List::first(checkpoints).0,
            results,
            usage: usage::of_this_process(started),
            wants: self.wants(),
            draining: self.draining,
        }
    }

    /// Small tasks for about two seconds of work, large ones for free hands.
    fn wants(&self) -> Wants {
        let unstarted: u64 = self.waiting.iter().map(|lease| lease.estimate_ms.0).sum();
        let slots = self.options.slots;
        let free = slots.saturating_sub(self.held.values().filter(|having| having.large).count());
        let room = HELD_MAX.saturating_sub(self.held.len() + self.results.len());
        let budget = (2_000 * slots as u64).saturating_sub(unstarted);
        let unasked = TASKS_MAX.saturating_sub(self.waiting.len());
        let small = if self.draining || self.frozen || budget == 0 { 0 } else { unasked.min(room) };
        let large = if self.draining || self.frozen { 0 } else { free.min(room) };
        Wants { small: u32::try_from(small).unwrap_or(0), large: u32::try_from(large).unwrap_or(0) }
    }

    fn hear(&mut self, news: News) -> LeaseInput {
        match news {
            News::Registered(Ok(registered)) => {
                self.node = Some(registered.node);
                self.workers.trust(&registered.artifact_key);
                let terms = LeaseTerms {
                    lease: duration(registered.lease_ms),
                    margin: duration(registered.margin_ms),
                    exchange: duration(registered.exchange_ms),
                    alone: duration(registered.alone_ms),
                    ..LeaseTerms::STANDARD
                };
                self.lease.agree(terms);
                LeaseInput::Registered { incarnation: registered.incarnation }
            }
            News::Registered(Err(error)) => refused(&error, None),
            News::Answered { incarnation, sequence, answer: Ok(answer) } => {
                self.answered(answer, (incarnation, sequence));
                LeaseInput::Answered { incarnation, sequence }
            }
            News::Answered { incarnation, answer: Err(error), .. } => refused(&error, Some(incarnation)),
            News::Started(attempt) => {
                if let Some(having) = self.held.get_mut(&attempt) {
                    having.started = true;
                    having.began = Some(self.clock.elapsed());
                }
                LeaseInput::Tick
            }
            News::Over(report) => {
                // What was fenced meanwhile is not ours to report.
                if self.held.remove(&report.held.attempt).is_some() {
                    self.metrics.over(&report.outcome);
                    self.results.push(report);
                }
                match pace::is_worth_an_exchange(self.results.len(), self.unbegun()) {
                    true => LeaseInput::News,
                    false => LeaseInput::Tick,
                }
            }
            News::Drain => {
                self.draining = true;
                for lease in std::mem::take(&mut self.waiting) {
                    self.held.remove(&lease.held.attempt);
                    self.results.push(never_begun(lease.held));
                }
                LeaseInput::News
            }
        }
    }

    fn answered(&mut self, answer: Exchanged, of: (u64, u64)) {
        let current = self.last.as_ref().is_some_and(|last| (last.incarnation, last.sequence) == of);
        if !current {
            return;
        }
        let said_that_idle =
            self.last.take().is_some_and(|last| last.holding.is_empty() && last.results.is_empty());
        self.held.values_mut().for_each(Having::heard);
        for revoke in answer.revokes.iter() {
            self.revoked(revoke.held, revoke.reason);
        }
        for lease in answer.leases {
            // One that is given again may be here: the answer that gave it came late.
            if let Entry::Vacant(place) = self.held.entry(lease.held.attempt) {
                place.insert(Having::new(&lease));
                self.waiting.push_back(lease);
            }
        }
        self.permits.set(answer.permits.as_deref());
        self.gates.set(&answer.rates);
        self.draining |= answer.drain;
        // Control keeps the exchange of a node that has nothing until there is something: it asks for it as soon as it has nothing.
        let idle = self.held.is_empty() && self.results.is_empty() && !self.draining && !self.frozen;
        self.speak |= idle && !said_that_idle;
    }

    fn revoked(&mut self, held: Held, reason: RevokeReason) {
        let Some(having) = self.held.get_mut(&held.attempt) else { return };
        // Control repeats it until it is done; it is answered once.
        self.speak |= !having.stopping;
        having.stopping = true;
        let begun = having.started && self.waiting.iter().all(|lease| lease.held != held);
        match (reason, begun) {
            (RevokeReason::Fenced, _) => {
                having.progress.cancel();
                self.held.remove(&held.attempt);
                self.waiting.retain(|lease| lease.held != held);
            }
            (RevokeReason::Cancelled | RevokeReason::Paused | RevokeReason::Moved, false) => {
                having.progress.cancel();
                self.held.remove(&held.attempt);
                self.waiting.retain(|lease| lease.held != held);
                self.results.push(never_begun(held));
            }
            // Its end is reported when it has ended.
            (RevokeReason::Cancelled, true) => having.progress.cancel(),
            (RevokeReason::Paused | RevokeReason::Moved, true) => having.progress.evict(),
        }
    }

    /// Tasks that may be begun when a hand is free.
    fn unbegun(&self) -> usize {
        let may =
            self.permits.are_open() || self.permits.next(self.waiting.iter(), &self.begun(), true).is_some();
        if may { self.waiting.len() } else { 0 }
    }

    /// Tasks that workers have, by whose permit they are on.
    fn begun(&self) -> BTreeMap<Queue, u32> {
        let mut begun = BTreeMap::new();
        for queue in
            self.held.values().filter(|having| having.begun).filter_map(|having| having.queue.clone())
        {
            *begun.entry(queue).or_insert(0) += 1;
        }
        begun
    }

    /// The place of the task that is begun next.
    fn next(&self) -> Option<usize> {
        if self.permits.are_open() {
            return (!self.waiting.is_empty()).then_some(0);
        }
        self.permits.next(self.waiting.iter(), &self.begun(), self.workers.are_free())
    }

    /// Gives workers what they can take and what its permit lets begin. A task whose start is to be told first stays where it is
    /// until that is done: what comes after it could end the node in its place.
    fn begin(&mut self) {
        while !self.frozen && self.lease.believes(self.clock.elapsed()) {
            let Some(place) = self.next() else { return };
            let Some(lease) = self.waiting.remove(place) else { return };
            let Some(having) = self.held.get_mut(&lease.held.attempt) else { continue };
            if having.start != Start::Free && self.workers.are_free() {
                self.speak |= having.start == Start::ToTell;
                having.started = true;
            }
            if having.start != Start::Free {
                self.waiting.insert(place, lease);
                return;
            }
            let gates = self.gates.of(&lease);
            if let Some(lease) = self.workers.take(lease, &having.progress, gates) {
                self.waiting.insert(place, lease);
                return;
            }
            having.begun = true;
        }
    }
}

/// What is said of a task that was taken back before anybody began it.
fn never_begun(held: Held) -> Report {
    Report { held, outcome: Outcome::Revoked, notes: None, used: Used::default() }
}

fn refused(error: &ClientError, incarnation: Option<u64>) -> LeaseInput {
    tracing::warn!(%error, "server did not answer as hoped");
    match (error.code(), incarnation) {
        (Some("SK0660" | "SK0661"), _) => LeaseInput::Denied,
        // One that can never be taken is not sent again: all that it is about is others' from now on.
        (Some("SK0608" | "SK0662" | "SK0664" | "SK0665"), Some(incarnation)) => {
            LeaseInput::Fenced { incarnation }
        }
        (Some(_) | None, _) => LeaseInput::Unanswered,
    }
}

const fn duration(millis: Millis) -> Duration {
    Duration::from_millis(millis.0)
}
