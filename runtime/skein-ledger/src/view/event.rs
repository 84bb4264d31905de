//! Which events.

use skein_types::{Actor, Timestamp, TokenId};

use crate::event::{Kind, Subject};

/// Which events; all that is given must fit.
///
/// One of the conditions leads to events by an index: the subject, else the token, else the actor, else the kinds, and times to a part of the
/// log. The others are looked at event by event, and a page looks at a bounded number: it may be short, or empty, and still
/// say where to go on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventFilter {
    /// About this. A campaign's include its runs'.
    pub of: Option<Subject>,
    /// By this one.
    pub actor: Option<Actor>,
    /// With this token.
    pub token: Option<TokenId>,
    /// Of one of these kinds; empty: of every kind.
    pub kinds: Vec<Kind>,
    /// Not before this time, as the clock was when they were recorded.
    pub from: Option<Timestamp>,
    /// Before this time.
    pub to: Option<Timestamp>,
}

impl EventFilter {
    /// All about one thing; none: all.
    pub fn about(of: Option<Subject>) -> Self {
        Self { of, ..Self::default() }
    }
}
