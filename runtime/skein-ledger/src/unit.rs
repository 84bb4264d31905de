//! What is written as one, and what became of it.

use skein_types::{Actor, CauseId, TraceId};

use crate::entry::Entry;
use crate::event::Event;
use crate::guard::{Found, Guard};
use crate::origin::Origin;

/// Entries that are written together or not at all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unit {
    /// Who decides what is in it.
    pub actor: Actor,
    /// What it answers to. A unit whose cause was applied before does nothing; a retry after an unknown outcome has the same.
    pub cause: Option<CauseId>,
    /// From where it was asked, with which token.
    pub origin: Origin,
    /// The trace that it is decided in; stands beside its events.
    pub trace: Option<TraceId>,
    /// What must hold.
    pub guards: Vec<Guard>,
    /// What is written.
    pub entries: Vec<Entry>,
}

impl Unit {
    /// An empty one.
    pub fn by(actor: Actor) -> Self {
        Self {
            actor,
            cause: None,
            origin: Origin::default(),
            trace: None,
            guards: Vec::new(),
            entries: Vec::new(),
        }
    }

    /// With a cause.
    #[must_use]
    pub fn caused(mut self, cause: CauseId) -> Self {
        self.cause = Some(cause);
        self
    }

    /// Asked from there.
    #[must_use]
    pub const fn from(mut self, origin: Origin) -> Self {
        self.origin = origin;
        self
    }

    /// As a part of a trace.
    #[must_use]
    pub fn traced(mut self, trace: TraceId) -> Self {
        self.trace = Some(trace);
        self
    }

    /// With one more guard.
    #[must_use]
    pub fn if_(mut self, guard: Guard) -> Self {
        self.guards.push(guard);
        self
    }

    /// With one more decision.
    #[must_use]
    pub fn decide(self, event: impl Into<Event>) -> Self {
        self.then(Entry::Decide(event.into()))
    }

    /// With one more entry.
    #[must_use]
    pub fn then(mut self, entry: Entry) -> Self {
        self.entries.push(entry);
        self
    }
}

/// The events of one unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// Position of the first.
    pub first: u64,
    /// Position of the last.
    pub last: u64,
}

/// What became of a unit. On the disk when it is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UnitOutcome {
    /// All of it is written; with its events, if there are any.
    Applied(Option<Span>),
    /// Its cause was applied before; nothing was written now.
    Known(Option<Span>),
    /// Something is not as it has to be; nothing of it is written.
    Refused {
        /// What.
        at: RefusedAt,
        /// How it is instead.
        found: Found,
    },
}

impl UnitOutcome {
    /// Whether it is written, now or before.
    pub const fn is_done(&self) -> bool {
        match self {
            Self::Applied(_) | Self::Known(_) => true,
            Self::Refused { .. } => false,
        }
    }
}

/// Which part of a unit does not fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefusedAt {
    /// The guard at this index.
    Guard(usize),
    /// The entry at this index.
    Entry(usize),
}
