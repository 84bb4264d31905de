//! How the server and its nodes are, and what they have done.

use skein_api::{LedgerUse, List, NodeHas, NodeStatus, ProcessUse, Seated, Status, Text, Time, WorkDone};
use skein_dataset::account;
use skein_ledger::Limit;

use skein_types::{Bytes, NodeMark, Resource};

use crate::control::{Control, State};
use crate::error::ServiceError;
use crate::fleet::{LEASE, Seat};
use crate::nodes::millis;

impl Control {
    /// The server as it is now. Of nodes, those that the ledger knows, as many as fit into an answer.
    pub fn status(&self) -> Result<Status, ServiceError> {
        let written = self.ledger.written();
        let ledger = LedgerUse {
            position: self.ledger.head()?.position,
            size: self.ledger.size()?,
            transactions: written.transactions,
            syncs: written.syncs,
            events: written.events,
            bytes: written.bytes,
        };
        let known = self.ledger.nodes(None, Limit::MAX)?.items;
        let state = self.state();
        let nodes = known.iter().map(|node| self.node_status(&state, node)).collect();
        let counters = &state.counters;
        let work = WorkDone {
            exchanges: counters.exchanges,
            lots: counters.lots,
            ended: counters.ended,
            published: counters.published,
            reverted: counters.reverted,
            node_disk_waits: counters.node_disk_waits(),
        };
        let waits = self.nothing_begins(&state)?;
        drop(state);
        Ok(Status {
            version: Text::escaped(env!("CARGO_PKG_VERSION")),
            started: Time(self.started.at),
            up_ms: millis(self.clock.elapsed().saturating_sub(self.started.elapsed)),
            used: own_use(),
            ledger,
            work,
            nodes: List::first(nodes).0,
            waits,
        })
    }

    pub(crate) fn node_status(&self, state: &State, node: &skein_ledger::Node) -> NodeStatus {
        // One that registered since the row was read has another incarnation.
        let seat = state.fleet.seats.get(&node.id);
        let seat = seat.filter(|seat| seat.session.incarnation == node.incarnation);
        NodeStatus {
            node: node.id,
            name: Text::escaped(node.name.as_str()),
            incarnation: node.incarnation,
            since: Time(node.since),
            mark: node.mark,
            mark_reason: (node.mark != NodeMark::None).then(|| Text::escaped(node.mark_reason.as_str())),
            seat: seat.map(|seat| self.seated(state, (node.id, seat))),
        }
    }

    fn seated(&self, state: &State, (node, seat): (skein_types::NodeId, &Seat)) -> Seated {
        let said = state.counters.said(node);
        Seated {
            holds: seat.holds.len() as u64,
            started: seat.holds.values().filter(|hold| hold.started).count() as u64,
            finished: seat.finished,
            silent_ms: millis((self.clock.elapsed() + LEASE).saturating_sub(seat.until)),
            slots: said.slots,
            most: u32::try_from(seat.slots).unwrap_or(u32::MAX),
            used: ProcessUse {
                memory: said.memory,
                memory_peak: said.memory_peak,
                cpu_ms: said.cpu_ms,
                disk_waits: said.disk_waits,
            },
            version: seat.version.clone(),
            has: has(seat),
        }
    }
}

fn has(seat: &Seat) -> NodeHas {
    let of = |resource| seat.capacity.get(&resource).copied();
    NodeHas {
        cpu: of(Resource::Cpu),
        memory: of(Resource::Memory).map(Bytes),
        read: of(Resource::Read).map(Bytes),
        write: of(Resource::Write).map(Bytes),
    }
}

fn own_use() -> ProcessUse {
    let account = account();
    ProcessUse {
        memory: account.memory,
        memory_peak: account.memory_peak,
        cpu_ms: millis(account.cpu),
        disk_waits: account.disk_waits,
    }
}
