//! The allocator from outside: tables of small cases, properties over random fleets, and stories in a simulated one.

mod bucket;
mod cases;
mod properties;
mod stories;

use std::collections::BTreeMap;

use skein_types::{Bounds, CampaignId, Name, Resource};

use crate::simulation::node_id;
use crate::{Amounts, Node, Queue, QueueKey, Quota, SizeClass};

fn team(text: &str) -> Name {
    text.parse().unwrap()
}

fn campaign(at: u128) -> CampaignId {
    CampaignId::new(uuid::Uuid::from_u128(at))
}

fn slots(count: u64) -> Amounts {
    Amounts::of([(Resource::Slots, count), (Resource::Memory, count << 30), (Resource::Cpu, count * 1_000)])
}

fn node(at: u64, capacity: Amounts) -> Node {
    Node { id: node_id(at), capacity, takes: true }
}

fn key(team_name: &str, of: Option<u128>) -> QueueKey {
    QueueKey {
        team: team(team_name),
        campaign: of.map(campaign),
        store: team("local"),
        size: SizeClass::Small,
    }
}

/// Tasks of one slot, one GiB and one processor.
fn queue(key: QueueKey, waiting: u32, running: &[(u64, u32)]) -> Queue {
    let running: BTreeMap<_, _> = running.iter().map(|(at, agents)| (node_id(*at), *agents)).collect();
    Queue { key, module: None, task: slots(1), waiting, running, not_at: None }
}

fn bounded(resource: Resource, guaranteed: u64, limit: Option<u64>, lendable: Option<u64>) -> Quota {
    Quota { bounds: BTreeMap::from([(resource, Bounds { guaranteed, limit, lendable })]), ..Quota::OPEN }
}
