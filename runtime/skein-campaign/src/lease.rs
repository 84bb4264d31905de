//! A node's belief in its lease, and when it speaks to control.
//!
//! Pure: time and what happened go in, commands come out, and the same inputs give the same commands. The clock that is passed in
//! must not step back and must count the time that the machine was suspended.
//!
//! ```text
//!            Registered                    belief ends
//! Outside ──────────────► Member ─────────────────────────► Member, frozen
//!    ▲                      │  ▲         answered in time        │
//!    │       Fenced: Kill   │  └────────────────Thaw─────────────┤
//!    └──────────────────────┴────────────────────────────────────┘
//! any of them, nobody heard for `alone`, or Denied: Kill, Exit
//! ```
//! **Belief.** Control counts the lease from when it took the renewal, which is after the node sent it. So the node counts from the
//! moment that it *first* sent the last exchange that was answered, and stops `margin` before the end. While it believes, no other
//! attempt has its tasks, as long as both clocks go equally fast to within the margin. When it does not, it starts nothing that can be
//! seen from outside; the fence on every write makes a mistake here harmless (05-I4), so this is about work wasted and
//! never about data.
//!
//! **Exchanges.** One in flight. The next leaves when the last was answered and there is news, or `exchange` after the last
//! was sent: control may keep that of a node that has nothing so long, and such a node is never without one. A request that was not answered is sent again with the same number and the same bytes: control may have taken it.
//!
//! It deliberately does not know what is in an exchange, how it travels, or what an agent is.

use std::time::Duration;

use skein_types::{Code, ErrorClass, codes};

/// What control said at registration, and how patient the node is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LeaseTerms {
    /// A renewal is good for so long.
    pub lease: Duration,
    /// The node stops so long before that.
    pub margin: Duration,
    /// Longest time from an exchange to the next one, unless its answer takes longer.
    pub exchange: Duration,
    /// A request is given up and sent again after so long.
    pub patience: Duration,
    /// A node that heard nobody for so long ends.
    pub alone: Duration,
}

impl LeaseTerms {
    /// DESIGN §9.
    pub const STANDARD: Self = Self {
        lease: Duration::from_secs(10),
        margin: Duration::from_secs(2),
        exchange: Duration::from_secs(2),
        patience: Duration::from_secs(2),
        alone: Duration::from_secs(60),
    };

    /// Control gives the tasks of a node to others so long after the end of its lease.
    pub const GRACE: Duration = Duration::from_secs(2);
}

/// First pause before a failed request is sent again; doubles up to `patience`.
const RETRY_FIRST: Duration = Duration::from_millis(100);

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeaseInput {
    /// Time passed.
    Tick,
    /// Something finished, got to a checkpoint or was given back.
    News,
    /// Control knows the node.
    Registered {
        /// As this.
        incarnation: u64,
    },
    /// Control took an exchange.
    Answered {
        /// It was sent as this.
        incarnation: u64,
        /// With this number.
        sequence: u64,
    },
    /// Control gave the node's tasks to others.
    Fenced {
        /// It was sent as this.
        incarnation: u64,
    },
    /// The request in flight failed on its way.
    Unanswered,
    /// Control will not have this node: other protocol, wrong secret.
    Denied,
}

/// What the node has to do now, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeaseCommand {
    /// Send a registration; give up the request in flight, if there is one.
    Register,
    /// Make an exchange of what there is to say, and send it.
    Send {
        /// As this.
        incarnation: u64,
        /// With this number.
        sequence: u64,
    },
    /// Give up the request in flight and send the same bytes again.
    SendAgain {
        /// As this.
        incarnation: u64,
        /// With this number.
        sequence: u64,
    },
    /// Start nothing and let no agent go on.
    Freeze,
    /// Go on.
    Thaw,
    /// Drop all agents and tasks; delete nothing, report nothing.
    Kill,
    /// End the process as failed.
    Exit(NodeLost),
}

/// Why a node ends itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NodeLost {
    /// Nobody was heard.
    #[error("the server was not reached for {} s", .silent.as_secs())]
    Alone {
        /// For so long.
        silent: Duration,
    },
    /// Told so.
    #[error("the server does not take this node")]
    Denied,
}

impl NodeLost {
    /// The catalogue's entry.
    pub const fn code(&self) -> Code {
        match self {
            Self::Alone { .. } => codes::NODE_ALONE,
            Self::Denied => codes::NODE_SECRET,
        }
    }

    /// Blame and retry.
    pub const fn class(&self) -> ErrorClass {
        self.code().class
    }

    /// What to do.
    pub const fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Alone { .. } => {
                Some("see that the server runs and can be reached, then start the node again")
            }
            Self::Denied => Some("start the node with the version and the secret of its server"),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Standing {
    Outside,
    Member { incarnation: u64 },
    Gone,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Request {
    /// None; the next is due then, or earlier with news.
    Idle { due: Duration },
    /// Sent, and sent again when that time comes.
    InFlight { first_sent: Duration, again: Duration, tries: u32 },
}

/// The machine.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct NodeLease {
    terms: LeaseTerms,
    standing: Standing,
    request: Request,
    /// The highest that it ever was: an answer to an earlier registration may come late.
    newest: u64,
    sequence: u64,
    good_until: Duration,
    heard: Duration,
    news: bool,
    frozen: bool,
}

impl NodeLease {
    /// A process that starts now and is nobody yet. The first [`NodeLease::step`] registers.
    pub const fn new(terms: LeaseTerms, now: Duration) -> Self {
        Self {
            terms,
            standing: Standing::Outside,
            request: Request::Idle { due: now },
            newest: 0,
            sequence: 0,
            good_until: Duration::ZERO,
            heard: now,
            news: false,
            frozen: false,
        }
    }

    /// Takes the terms that control gave with the registration; before its [`LeaseInput::Registered`].
    pub const fn agree(&mut self, terms: LeaseTerms) {
        self.terms = terms;
    }

    /// Whether the node may let something happen that others can see.
    pub fn believes(&self, now: Duration) -> bool {
        matches!(self.standing, Standing::Member { .. }) && !self.frozen && now < self.good_until
    }

    /// When to come back with a [`LeaseInput::Tick`] at the latest; `None` if the node is gone.
    pub fn wake(&self) -> Option<Duration> {
        let next = match self.request {
            Request::Idle { due } => due,
            Request::InFlight { again, .. } => again,
        };
        let end = self.heard + self.terms.alone;
        match self.standing {
            Standing::Gone => None,
            Standing::Member { .. } if !self.frozen => Some(next.min(end).min(self.good_until)),
            Standing::Member { .. } | Standing::Outside => Some(next.min(end)),
        }
    }

    /// Takes what happened and says what to do.
    pub fn step(&mut self, now: Duration, input: LeaseInput) -> Vec<LeaseCommand> {
        let mut commands = Vec::new();
        if self.standing == Standing::Gone {
            return commands;
        }
        match input {
            LeaseInput::Tick => {}
            LeaseInput::News => self.news = true,
            LeaseInput::Registered { incarnation } => self.registered(now, incarnation, &mut commands),
            LeaseInput::Answered { incarnation, sequence } => {
                self.answered(now, (incarnation, sequence), &mut commands);
            }
            LeaseInput::Fenced { incarnation } => self.fenced(now, incarnation, &mut commands),
            LeaseInput::Unanswered => self.unanswered(now),
            LeaseInput::Denied => return self.leave(NodeLost::Denied),
        }
        let silent = now.saturating_sub(self.heard);
        if silent >= self.terms.alone {
            return self.leave(NodeLost::Alone { silent });
        }
        self.doubt(now, &mut commands);
        self.speak(now, &mut commands);
        commands
    }

    fn leave(&mut self, why: NodeLost) -> Vec<LeaseCommand> {
        self.standing = Standing::Gone;
        vec![LeaseCommand::Kill, LeaseCommand::Exit(why)]
    }

    fn registered(&mut self, now: Duration, incarnation: u64, commands: &mut Vec<LeaseCommand>) {
        let (Standing::Outside, Request::InFlight { first_sent, .. }) = (self.standing, self.request) else {
            return;
        };
        if incarnation <= self.newest {
            return;
        }
        self.newest = incarnation;
        self.standing = Standing::Member { incarnation };
        self.sequence = 0;
        // There may be work already: do not wait for it.
        self.news = true;
        self.renewed(now, first_sent, commands);
    }

    fn answered(&mut self, now: Duration, of: (u64, u64), commands: &mut Vec<LeaseCommand>) {
        let (Standing::Member { incarnation }, Request::InFlight { first_sent, .. }) =
            (self.standing, self.request)
        else {
            return;
        };
        // An answer to an earlier number, held up on its way, says nothing about the lease now.
        if of == (incarnation, self.sequence) {
            self.renewed(now, first_sent, commands);
        }
    }

    fn renewed(&mut self, now: Duration, sent: Duration, commands: &mut Vec<LeaseCommand>) {
        self.heard = now;
        self.good_until = sent + self.terms.lease.saturating_sub(self.terms.margin);
        if self.good_until <= now {
            // Too late to be worth anything: the next one leaves at once.
            self.request = Request::Idle { due: now };
            return;
        }
        self.request = Request::Idle { due: now.max(sent + self.terms.exchange) };
        if self.frozen {
            self.frozen = false;
            commands.push(LeaseCommand::Thaw);
        }
    }

    fn fenced(&mut self, now: Duration, of: u64, commands: &mut Vec<LeaseCommand>) {
        if self.standing != (Standing::Member { incarnation: of }) {
            return;
        }
        self.standing = Standing::Outside;
        self.request = Request::Idle { due: now };
        self.heard = now;
        commands.push(LeaseCommand::Kill);
    }

    fn unanswered(&mut self, now: Duration) {
        if let Request::InFlight { again, tries, .. } = &mut self.request {
            let pause = RETRY_FIRST.saturating_mul(1 << (*tries).min(10)).min(self.terms.patience);
            *again = (*again).min(now + pause);
        }
    }

    fn doubt(&mut self, now: Duration, commands: &mut Vec<LeaseCommand>) {
        if matches!(self.standing, Standing::Member { .. }) && !self.frozen && now >= self.good_until {
            self.frozen = true;
            commands.push(LeaseCommand::Freeze);
        }
    }

    fn speak(&mut self, now: Duration, commands: &mut Vec<LeaseCommand>) {
        let again = now + self.terms.patience;
        let (first_sent, tries) = match self.request {
            Request::Idle { due } => {
                let news = self.news && matches!(self.standing, Standing::Member { .. });
                if now < due && !news {
                    return;
                }
                (now, 0)
            }
            Request::InFlight { again, .. } if now < again => return,
            Request::InFlight { first_sent, tries, .. } => (first_sent, tries + 1),
        };
        self.request = Request::InFlight { first_sent, again, tries };
        commands.push(self.words(tries == 0));
    }

    fn words(&mut self, first: bool) -> LeaseCommand {
        match self.standing {
            Standing::Outside | Standing::Gone => LeaseCommand::Register,
            Standing::Member { incarnation } if first => {
                self.sequence += 1;
                self.news = false;
                LeaseCommand::Send { incarnation, sequence: self.sequence }
            }
            Standing::Member { incarnation } => {
                LeaseCommand::SendAgain { incarnation, sequence: self.sequence }
            }
        }
    }
}
