//! The server and its nodes.

use skein_api::{Backup, BackupAsk, FleetState, NodeStatus, Page, Status};

use super::Desk;
use crate::access::Act;
use crate::control::Control;
use crate::error::ServiceError;
use crate::list::ListPart;
use crate::marks::NodeVerb;

impl Desk<'_> {
    /// The server as it is now: that it is well for who may ask anything, sums over all teams for who may see all.
    pub fn status(&self) -> Result<Status, ServiceError> {
        self.control.status(self.who.sees().as_deref())
    }

    /// Numbers for Prometheus: sums over all teams, so they are for who may see all.
    pub fn metrics(&self) -> Result<String, ServiceError> {
        self.who.check_whole(Act::See)?;
        self.control.metrics_page()
    }

    /// Writes a backup where this server may write. Who has its keys has every secret, so these go into one that a person asks for.
    pub fn back_up(&self, asked: &BackupAsk) -> Result<Backup, ServiceError> {
        self.who.check_whole(Act::Govern)?;
        if asked.with_keys {
            self.who.is_a_person("may have the server's keys copied")?;
        }
        self.control.back_up(self.who, asked)
    }

    /// Nodes that this ledger knows, by id; of their work, as of the server's.
    pub fn nodes(&self, part: &ListPart) -> Result<Page<NodeStatus>, ServiceError> {
        self.control.nodes(part, self.who.sees().as_deref())
    }

    /// A node, by its id or its name.
    pub fn node(&self, named: &str) -> Result<NodeStatus, ServiceError> {
        self.control.node(named, self.who.sees().as_deref())
    }

    /// Marks a node: `cordon`, `uncordon`, `drain`.
    pub fn mark_node(&self, named: &str, verb: &str, reason: &str) -> Result<NodeStatus, ServiceError> {
        self.who.check_whole(Act::Govern)?;
        self.control.mark_node(self.who, (named, NodeVerb::of(verb)?), reason)
    }

    /// Whether the fleet works.
    pub fn fleet(&self) -> Result<FleetState, ServiceError> {
        self.control.fleet()
    }

    /// `freeze`, `thaw`.
    pub fn freeze(&self, verb: &str, reason: &str) -> Result<FleetState, ServiceError> {
        self.who.check_whole(Act::Govern)?;
        self.control.freeze(self.who, Control::fleet_verb(verb)?, reason)
    }
}
