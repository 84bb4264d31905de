//! How the server and its nodes are, and what they have done.
//!
//! That the server is well is for everybody. What it takes and did is a sum over all teams, from which one would learn how much others have to
//! do, so it is told to who sees all of them; who sees some is told what is under way of those.

use skein_api::{
    LedgerUse, List, NodeDoes, NodeHas, NodeStatus, ProcessUse, Seated, Status, Text, Time, UnderWay,
    WholeServer, WorkDone,
};
use skein_dataset::account;
use skein_ledger::{Limit, Name};

use skein_types::{Bytes, NodeMark, Resource};

use crate::control::{Control, State};
use crate::error::ServiceError;
use crate::fleet::{Hold, LEASE, Seat};
use crate::nodes::millis;

/// Teams whose things somebody sees; none: of all, and what is nobody's.
pub(crate) type Sees<'a> = Option<&'a [Name]>;

impl Control {
    /// The server as it is now, for who sees these teams. Of nodes, those that the ledger knows, as many as fit into an answer.
    pub(crate) fn status(&self, sees: Sees<'_>) -> Result<Status, ServiceError> {
        let ledger = match sees {
            None => Some(self.ledger_use()?),
            Some(_) => None,
        };
        let known = self.ledger.nodes(None, Limit::MAX)?.items;
        let state = self.state();
        let nodes = known.iter().map(|node| self.node_status((&state, sees), node)).collect();
        let whole = |ledger| WholeServer { used: own_use(), ledger, work: work_done(&state) };
        Ok(Status {
            version: Text::escaped(env!("CARGO_PKG_VERSION")),
            started: Time(self.started.at),
            up_ms: millis(self.clock.elapsed().saturating_sub(self.started.elapsed)),
            under_way: self.seen_at_work(&state, sees)?,
            whole: ledger.map(whole),
            nodes: List::first(nodes).0,
            waits: self.nothing_begins(&state)?,
        })
    }

    fn ledger_use(&self) -> Result<LedgerUse, ServiceError> {
        let written = self.ledger.written();
        Ok(LedgerUse {
            position: self.ledger.head()?.position,
            size: self.ledger.size()?,
            transactions: written.transactions,
            syncs: written.syncs,
            events: written.events,
            bytes: written.bytes,
        })
    }

    /// Of campaigns that are not over, whether they were read since the process started or not.
    fn seen_at_work(&self, state: &State, sees: Sees<'_>) -> Result<UnderWay, ServiceError> {
        let mut under_way = UnderWay::default();
        for campaign in &state.open {
            let (owner, runs) = match state.campaigns.get(campaign) {
                Some(live) => (live.owner.clone(), live.tasks.len() as u64),
                None => match self.ledger.campaign(*campaign)? {
                    Some(row) => (row.owner, 0),
                    None => continue,
                },
            };
            if is_seen(sees, &owner) {
                under_way.campaigns += 1;
                under_way.runs += runs;
            }
        }
        let holds = state.fleet.seats.values().flat_map(|seat| seat.holds.values());
        under_way.attempts = holds.filter(|hold| hold.started && may_know(state, sees, hold)).count() as u64;
        Ok(under_way)
    }

    pub(crate) fn node_status(
        &self,
        (state, sees): (&State, Sees<'_>),
        node: &skein_ledger::Node,
    ) -> NodeStatus {
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
            seat: seat.map(|seat| self.seated((state, sees), (node.id, seat))),
        }
    }

    fn seated(
        &self,
        (state, sees): (&State, Sees<'_>),
        (node, seat): (skein_types::NodeId, &Seat),
    ) -> Seated {
        let said = state.counters.said(node);
        let holds: Vec<&Hold> = seat.holds.values().filter(|hold| may_know(state, sees, hold)).collect();
        let used = ProcessUse {
            memory: said.memory,
            memory_peak: said.memory_peak,
            cpu_ms: said.cpu_ms,
            disk_waits: said.disk_waits,
        };
        let whole = NodeDoes { finished: seat.finished, slots: said.slots, used };
        Seated {
            holds: holds.len() as u64,
            started: holds.iter().filter(|hold| hold.started).count() as u64,
            silent_ms: millis((self.clock.elapsed() + LEASE).saturating_sub(seat.until)),
            most: u32::try_from(seat.slots).unwrap_or(u32::MAX),
            whole: sees.is_none().then_some(whole),
            version: seat.version.clone(),
            has: has(seat),
        }
    }
}

fn work_done(state: &State) -> WorkDone {
    let counters = &state.counters;
    WorkDone {
        exchanges: counters.exchanges,
        lots: counters.lots,
        ended: counters.ended,
        published: counters.published,
        reverted: counters.reverted,
        node_disk_waits: counters.node_disk_waits(),
    }
}

fn is_seen(sees: Sees<'_>, owner: &Name) -> bool {
    sees.is_none_or(|teams| teams.contains(owner))
}

/// Whether a task is of a campaign that somebody sees. Others are of the server's own work, which is nobody's.
fn may_know(state: &State, sees: Sees<'_>, hold: &Hold) -> bool {
    let live = hold.campaign.and_then(|campaign| state.campaigns.get(&campaign));
    sees.is_none() || live.is_some_and(|live| is_seen(sees, &live.owner))
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
