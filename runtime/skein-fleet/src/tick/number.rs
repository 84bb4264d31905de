//! Teams, campaigns and queues get numbers, in the order of their keys; each begins with what is remembered of it and with what runs.

use std::collections::{BTreeMap, BTreeSet};

use skein_types::{ModuleDigest, Name, NodeId, QuotaOf};

use super::table::{Line, Party, Places, Table};
use crate::demand::{Demand, Queue};
use crate::past::{CampaignPast, Lead, Past};
use crate::quotas::{OPEN, Quotas};

/// Enters everything that wants or has something, and teams that have a quota: who wants nothing lends, and keeps what they do
/// not lend.
pub(super) fn number<'a>(table: &mut Table<'a>, demand: &'a Demand, quotas: &Quotas, past: &mut Past) {
    let mut queues: Vec<&Queue> = demand.queues.iter().collect();
    queues.sort_by(|one, other| one.key.cmp(&other.key));
    let teams: BTreeSet<&Name> =
        queues.iter().map(|queue| &queue.key.team).chain(quotas.teams.keys()).collect();
    let mut numbers = Numbers {
        nodes: table.spots.iter().enumerate().map(|(at, spot)| (spot.id, at)).collect(),
        modules: BTreeMap::new(),
    };
    let mut groups = queues.chunk_by(|one, other| one.key.team == other.key.team).peekable();
    for (at, team) in teams.into_iter().enumerate() {
        let mut party = Party::new(Some(QuotaOf::Team(team.clone())), quotas.of_team(team), Lead::default());
        let Some(group) = groups.next_if(|group| group[0].key.team == *team) else {
            table.teams.push(party);
            continue;
        };
        let kept = past.teams.entry(team.clone()).or_default();
        party.lead = kept.lead;
        table.teams.push(party);
        for group in group.chunk_by(|one, other| one.key.campaign == other.key.campaign) {
            let id = group[0].key.campaign;
            let kept = kept.campaigns.entry(id).or_default();
            let quota = id.map_or(&OPEN, |id| quotas.of_campaign(id));
            table.campaigns.push(Party::new(id.map(QuotaOf::Campaign), quota, kept.lead));
            table.team_of.push(at);
            for queue in group {
                numbers.enter(table, queue, kept);
            }
        }
    }
}

struct Numbers {
    nodes: BTreeMap<NodeId, usize>,
    modules: BTreeMap<ModuleDigest, usize>,
}

impl Numbers {
    /// Enters a queue of the last campaign.
    fn enter<'a>(&mut self, table: &mut Table<'a>, queue: &'a Queue, kept: &CampaignPast) {
        let key = &queue.key;
        let lead = kept.queues.get(&(key.store.clone(), key.size)).copied().unwrap_or_default();
        let cost = kept.agents.one(&queue.task);
        let fresh = self.modules.len();
        let module = queue.module.map(|digest| *self.modules.entry(digest).or_insert(fresh));
        let (at, promise) = (table.lines.len(), cost.or_more(queue.task));
        let known = |(node, agents): (&NodeId, &u32)| Some((*self.nodes.get(node)?, *agents));
        let rest: Vec<(usize, u32)> =
            queue.running.iter().filter(|(_, agents)| **agents > 0).filter_map(known).collect();
        let running: u32 = rest.iter().map(|(_, agents)| *agents).fold(0, u32::saturating_add);
        for (spot, agents) in &rest {
            let spot = &mut table.spots[*spot];
            spot.rest = spot.rest.plus(cost.times(*agents));
            spot.residents.push(at);
            if let Some(module) = module.filter(|module| !spot.modules.contains(module)) {
                spot.modules.push(module);
            }
        }
        table.lines.push(Line {
            queue,
            team: table.teams.len() - 1,
            campaign: table.campaigns.len() - 1,
            module,
            cost,
            promise,
            wants: running.saturating_add(queue.waiting),
            count: 0,
            lead,
            rest,
            lost: Vec::new(),
            granted: Vec::new(),
            places: Places::default(),
            closed: None,
            blocked: None,
        });
        for party in table.parties(at) {
            party.running = party.running.plus(cost.times(running));
            party.real = party.running;
            party.least = party.least.or_less(cost);
            party.rest = party.rest.plus(cost.times(running));
            party.rest_promised = party.rest_promised.plus(promise.times(running));
            party.stays = party.rest_promised;
        }
    }
}
