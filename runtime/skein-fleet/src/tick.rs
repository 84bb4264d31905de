//! One tick: from what there is, what is wanted and what was before to who may use what.

mod account;
mod cpu;
mod fill;
mod fuel;
mod number;
mod place;
mod rates;
mod table;

use std::collections::BTreeMap;

use skein_types::{NodeId, QuotaOf, Timestamp};

use crate::demand::{Demand, QueueKey};
use crate::grants::{Cause, Grants, Reclaim};
use crate::past::{Lead, Past};
use crate::quotas::Quotas;
use crate::reason::Reason;
use table::{Line, Party, StopCause, Table};

/// Divides the fleet until the next tick. A pure function: the same input gives the same answer, in whatever order it is listed.
/// `now` is the time of day; it may be put forward or back.
pub fn tick(demand: &Demand, quotas: &Quotas, mut past: Past, now: Timestamp) -> (Grants, Past) {
    let mut table = Table::new(demand, quotas, &mut past, now);
    fill::fill(&mut table);
    let reasons: Vec<Option<Reason>> = table.lines.iter().map(|line| reason(&table, line)).collect();
    let grants = Grants {
        permits: permits(&table),
        rates: rates::rates(&table, &mut past),
        reclaims: reclaims(&table),
        accounts: account::accounts(&table, &reasons),
        waits: table
            .lines
            .iter()
            .zip(&reasons)
            .filter_map(|(line, reason)| Some((line.queue.key.clone(), reason.clone()?)))
            .collect(),
    };
    remember(&table, &reasons, &mut past);
    past.reclaimed = grants.reclaims.iter().map(|stop| (stop.queue.clone(), stop.node)).collect();
    (grants, past)
}

fn permits(table: &Table<'_>) -> BTreeMap<QueueKey, BTreeMap<NodeId, u32>> {
    let open = table.lines.iter().filter(|line| line.closed.is_none());
    let of = |line: &Line<'_>| -> BTreeMap<NodeId, u32> {
        let takes = line.granted.iter().filter(|(spot, _)| table.spots[*spot].takes);
        takes.map(|(spot, agents)| (table.spots[*spot].id, *agents)).collect()
    };
    open.map(|line| (line.queue.key.clone(), of(line))).filter(|(_, nodes)| !nodes.is_empty()).collect()
}

/// Stops of one queue on one node together, by cause.
fn reclaims(table: &Table<'_>) -> Vec<Reclaim> {
    let mut agents: BTreeMap<(usize, usize, StopCause), u32> = BTreeMap::new();
    for stop in &table.stops {
        *agents.entry((stop.line, stop.spot, stop.cause)).or_default() += 1;
    }
    let reclaim = |((line, spot, cause), agents): ((usize, usize, StopCause), u32)| {
        let (queue, node) = (table.lines[line].queue.key.clone(), table.spots[spot].id);
        Some(Reclaim { queue, node, agents, cause: spoken(table, cause)? })
    };
    agents.into_iter().filter_map(reclaim).collect()
}

fn spoken(table: &Table<'_>, cause: StopCause) -> Option<Cause> {
    let limit = |party: &Party| {
        let of = party.of.clone()?;
        Some(match party.terms.excess {
            skein_types::Excess::Terminate => Cause::LimitEnds(of),
            skein_types::Excess::Reject | skein_types::Excess::Throttle => Cause::Limit(of),
        })
    };
    match cause {
        StopCause::Guaranteed(team) => match &table.teams[team].of {
            Some(QuotaOf::Team(team)) => Some(Cause::Guaranteed(team.clone())),
            Some(QuotaOf::Org | QuotaOf::Default | QuotaOf::Campaign(_)) | None => None,
        },
        StopCause::OrgLimit => limit(&table.org),
        StopCause::TeamLimit(team) => limit(&table.teams[team]),
        StopCause::CampaignLimit(campaign) => limit(&table.campaigns[campaign]),
        StopCause::OrgFuel => table.org.of.clone().map(Cause::FuelEnds),
        StopCause::TeamFuel(team) => table.teams[team].of.clone().map(Cause::FuelEnds),
        StopCause::CampaignFuel(campaign) => table.campaigns[campaign].of.clone().map(Cause::FuelEnds),
    }
}

/// Why what waits in a queue does.
fn reason(table: &Table<'_>, line: &Line<'_>) -> Option<Reason> {
    if line.queue.waiting == 0 {
        return None;
    }
    if line.closed.is_some() {
        return line.closed.clone();
    }
    let reclaimed: u32 = line.places.reclaimed.values().sum();
    let most = line.places.reclaimed.iter().max_by_key(|(_, agents)| **agents);
    if let Some(QuotaOf::Team(from)) = most.and_then(|(team, _)| table.teams[*team].of.clone()) {
        return Some(Reason::Reclaiming { from, agents: reclaimed });
    }
    line.blocked.clone().or(Some(match line.places.ending {
        0 => Reason::Starting,
        agents => Reason::Ending { agents },
    }))
}

/// Keeps what the next tick needs, and forgets who is gone.
fn remember(table: &Table<'_>, reasons: &[Option<Reason>], past: &mut Past) {
    past.forget();
    let waits = |line: &Line<'_>, reason: &Option<Reason>| {
        line.places.ending > 0 || reason.as_ref().is_some_and(Reason::is_contended)
    };
    let mut team_waits = vec![false; table.teams.len()];
    let mut campaign_waits = vec![false; table.campaigns.len()];
    for (line, reason) in table.lines.iter().zip(reasons) {
        let waited = waits(line, reason);
        team_waits[line.team] |= waited;
        campaign_waits[line.campaign] |= waited;
    }
    let lead = |lead: Lead, waited| Lead { waited, ..lead };
    for (at, range) in table.lines_of.iter().enumerate().filter(|(_, range)| !range.is_empty()) {
        let lines = &table.lines[range.clone()];
        let team = past.teams.entry(lines[0].queue.key.team.clone()).or_default();
        team.lead = lead(table.teams[at].lead, team_waits[at]);
        let mut reasons = reasons[range.clone()].iter();
        for lines in lines.chunk_by(|one, other| one.campaign == other.campaign) {
            let at = lines[0].campaign;
            let campaign = team.campaigns.entry(lines[0].queue.key.campaign).or_default();
            campaign.lead = lead(table.campaigns[at].lead, campaign_waits[at]);
            for (line, reason) in lines.iter().zip(&mut reasons) {
                let key = (line.queue.key.store.clone(), line.queue.key.size);
                campaign.queues.insert(key, lead(line.lead, waits(line, reason)));
            }
        }
    }
}
