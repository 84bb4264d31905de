//! What people want of nodes and of the fleet: that a node gets nothing new, that it is emptied and goes, that nothing begins anywhere.
//!
//! Decisions, so they are the ledger's; what is here in memory of them (a seat's mark, whether the fleet is frozen) is read again
//! when a node registers and when control starts. What a node has when it is told to be empty stops at its next checkpoint and
//! goes to others; when it has nothing left it is told to go, and its process is not started again while it is drained.

use skein_api::{FleetState, NodeStatus, Page, Text as ApiText, Time};
use skein_ledger::{FleetFrozen, FleetThawed, NodeMarked, Text};
use skein_types::{NodeId, NodeMark, codes};

use crate::access::Principal;
use crate::control::Control;
use crate::error::ServiceError;
use crate::list::ListPart;
use crate::shown;
use crate::status::Sees;

/// What is done to a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NodeVerb {
    Cordon,
    Uncordon,
    Drain,
}

impl NodeVerb {
    const ALL: [(&'static str, Self); 3] =
        [("cordon", Self::Cordon), ("uncordon", Self::Uncordon), ("drain", Self::Drain)];

    pub(crate) fn of(word: &str) -> Result<Self, ServiceError> {
        let found = Self::ALL.iter().find(|(name, _)| *name == word);
        found
            .map(|(_, verb)| *verb)
            .ok_or_else(|| ServiceError::absent("verb", word).hint(Some("known: cordon, uncordon, drain")))
    }

    const fn mark(self) -> NodeMark {
        match self {
            Self::Cordon => NodeMark::Cordoned,
            Self::Uncordon => NodeMark::None,
            Self::Drain => NodeMark::Draining,
        }
    }
}

impl Control {
    /// A node that this ledger knows, by its id or its name.
    pub(crate) fn node(&self, named: &str, sees: Sees<'_>) -> Result<NodeStatus, ServiceError> {
        let row = self.node_row(named)?;
        Ok(self.node_status((&self.state(), sees), &row))
    }

    fn node_row(&self, named: &str) -> Result<skein_ledger::Node, ServiceError> {
        let absent = || ServiceError::absent("node", named);
        if let Ok(id) = named.parse::<NodeId>() {
            return self.ledger.node(id)?.ok_or_else(absent);
        }
        let (id, _) = self.known_node(named)?;
        self.ledger.node(id)?.ok_or_else(absent)
    }

    /// Nodes that this ledger knows, by id.
    pub(crate) fn nodes(&self, part: &ListPart, sees: Sees<'_>) -> Result<Page<NodeStatus>, ServiceError> {
        let after = part
            .after
            .as_deref()
            .map(|after| after.parse::<NodeId>().map_err(|error| ServiceError::unfit("after", &error)));
        let page = self.ledger.nodes(after.transpose()?, part.limit())?;
        let state = self.state();
        shown::page(page.items, page.next.map(|next| next.to_string()), |row| {
            Ok(self.node_status((&state, sees), &row))
        })
    }

    /// Marks a node. What it has is told to it with its next exchange.
    pub(crate) fn mark_node(
        &self,
        who: &Principal,
        (named, verb): (&str, NodeVerb),
        reason: &str,
    ) -> Result<NodeStatus, ServiceError> {
        let row = self.node_row(named)?;
        let mut state = self.state();
        let mark = verb.mark();
        if row.mark != mark {
            let marked = NodeMarked { node: row.id, mark, reason: Text::clip(reason) };
            self.write(who.unit().decide(marked))?;
        }
        if let Some(seat) = state.fleet.seats.get_mut(&row.id) {
            seat.mark = mark;
        }
        drop(state);
        self.wake.nodes();
        self.node(&row.id.to_string(), who.sees().as_deref())
    }

    /// Whether the fleet works.
    pub(crate) fn fleet(&self) -> Result<FleetState, ServiceError> {
        let row = self.ledger.fleet()?;
        let ever = row.version > 0;
        Ok(FleetState {
            frozen: row.frozen,
            reason: ever.then(|| ApiText::escaped(row.reason.as_str())),
            since: ever.then_some(Time(row.since)),
        })
    }

    /// Lets nothing begin anywhere, or lets it begin again.
    pub(crate) fn freeze(
        &self,
        who: &Principal,
        frozen: bool,
        reason: &str,
    ) -> Result<FleetState, ServiceError> {
        let mut state = self.state();
        let reason = Text::clip(reason);
        let unit = match frozen {
            true => who.unit().decide(FleetFrozen { reason }),
            false => who.unit().decide(FleetThawed { reason }),
        };
        // Refused where it is so already: then there is nothing to be done.
        self.commit(unit)?;
        state.fleet.frozen = frozen;
        drop(state);
        self.wake.nodes();
        self.fleet()
    }

    /// Refuses what there is nothing of.
    pub(crate) fn fleet_verb(word: &str) -> Result<bool, ServiceError> {
        match word {
            "freeze" => Ok(true),
            "thaw" => Ok(false),
            _ => Err(ServiceError::new(codes::NOT_FOUND, format!("there is no verb {word:?}"))
                .hint(Some("known: freeze, thaw"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::NodeVerb;
    use skein_types::NodeMark;

    #[test]
    fn each_verb_leaves_its_mark_and_others_are_none() {
        let marks = ["cordon", "uncordon", "drain"].map(|word| NodeVerb::of(word).unwrap().mark());
        assert_eq!(marks, [NodeMark::Cordoned, NodeMark::None, NodeMark::Draining]);
        assert!(NodeVerb::of("kill").is_err());
    }
}
