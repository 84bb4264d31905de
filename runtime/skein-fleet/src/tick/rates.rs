//! How fast teams may read and write: what is there is divided by weight beside what is guaranteed, over those that use it, and
//! what some do not use over the others; then over the nodes where each has agents.

use std::collections::BTreeMap;

use skein_types::{NodeId, QuotaOf, Resource};

use super::table::{Party, Table};
use crate::amounts::{FLOWS, real, whole};
use crate::grants::Rate;
use crate::past::Past;

/// Who uses so much of their rate may want more.
const HUNGRY: f64 = 0.75;
/// Who uses less gets so much more than they use, so that they can grow.
const ROOM: f64 = 1.5;
/// And no less than this.
const LEAST: f64 = 1_048_576.0;

/// Of every team and campaign, on every node where it has agents or may have.
pub(super) fn rates(table: &Table<'_>, past: &mut Past) -> BTreeMap<(QuotaOf, NodeId), Rate> {
    let places = Places::of(table);
    // By number first: names are compared only once for each.
    let mut rates: BTreeMap<(Whose, usize), Rate> = BTreeMap::new();
    for flow in FLOWS {
        let teams = of_teams(table, past, &places.teams, flow);
        for (at, rate) in teams.iter().enumerate() {
            if let Some(QuotaOf::Team(name)) = &table.teams[at].of {
                let given = &mut past.teams.entry(name.clone()).or_default().flow.given;
                *given = given.with(flow, rate.unwrap_or(u64::MAX));
            }
        }
        at_nodes(table, &places.teams, (&teams, flow), |team, spot, rate| {
            enter(&mut rates, (Whose::Team(team), spot), (rate, flow));
        });
        for (at, (campaign, places)) in table.campaigns.iter().zip(&places.campaigns).enumerate() {
            let limit = campaign.terms.limit[flow];
            for (spot, part) in parts(places).filter(|_| limit < u64::MAX) {
                enter(&mut rates, (Whose::Campaign(at), spot), (real(limit) * part, flow));
            }
        }
    }
    let named = |((whose, spot), rate): ((Whose, usize), Rate)| {
        let party = match whose {
            Whose::Team(team) => &table.teams[team],
            Whose::Campaign(campaign) => &table.campaigns[campaign],
        };
        Some(((party.of.clone()?, table.spots[spot].id), rate))
    };
    rates.into_iter().filter_map(named).collect()
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Whose {
    Team(usize),
    Campaign(usize),
}

/// Somebody's agents, by node.
type At = Vec<(usize, u32)>;

/// Agents of each team and campaign at each node: those that run, or that may, whichever are more.
struct Places {
    teams: Vec<At>,
    campaigns: Vec<At>,
}

impl Places {
    fn of(table: &Table<'_>) -> Self {
        let mut teams = vec![BTreeMap::new(); table.teams.len()];
        let mut campaigns = vec![BTreeMap::new(); table.campaigns.len()];
        for line in &table.lines {
            let mut agents: BTreeMap<usize, u32> = line.granted.iter().copied().collect();
            let by_id = |id: &NodeId| table.spots.binary_search_by_key(id, |spot| spot.id).ok();
            for (node, running) in &line.queue.running {
                if let Some(spot) = by_id(node) {
                    let at = agents.entry(spot).or_default();
                    *at = (*at).max(*running);
                }
            }
            for (spot, agents) in agents {
                *teams[line.team].entry(spot).or_default() += agents;
                *campaigns[line.campaign].entry(spot).or_default() += agents;
            }
        }
        let flat = |all: Vec<BTreeMap<usize, u32>>| all.into_iter().map(At::from_iter).collect();
        Self { teams: flat(teams), campaigns: flat(campaigns) }
    }
}

/// Each team's over the whole fleet.
fn of_teams(table: &Table<'_>, past: &Past, places: &[At], flow: Resource) -> Vec<Option<u64>> {
    let there = table.total[flow];
    if there == 0 {
        let limit = |team: &Party| Some(team.terms.limit[flow]).filter(|limit| *limit < u64::MAX);
        return table.teams.iter().map(limit).collect();
    }
    let teams = table.teams.iter().zip(places).enumerate();
    let mut shares: Vec<(usize, Share)> =
        teams.map(|(at, (team, places))| (at, Share::of(team, places, past, flow))).collect();
    let kept: f64 = shares.iter().map(|(_, share)| share.has).sum();
    let scale = if kept > real(there) { real(there) / kept } else { 1.0 };
    shares.iter_mut().for_each(|(_, share)| share.has *= scale);
    let left = pour(&mut shares, real(there) - kept * scale, |share| share.wants);
    // What nobody wants now is there for whoever wants it first.
    pour(&mut shares, left, |share| if share.wants > 0.0 { share.limit } else { 0.0 });
    shares.iter().map(|(_, share)| Some(whole(share.has))).collect()
}

/// A team's part of a flow.
struct Share {
    has: f64,
    wants: f64,
    limit: f64,
    weight: f64,
}

impl Share {
    fn of(team: &Party, places: &[(usize, u32)], past: &Past, flow: Resource) -> Self {
        let terms = &team.terms;
        let limit = real(terms.limit[flow]);
        let known = match &team.of {
            Some(QuotaOf::Team(name)) => past.teams.get(name).map(|kept| kept.flow),
            Some(QuotaOf::Org | QuotaOf::Default | QuotaOf::Campaign(_)) | None => None,
        };
        let used = known.and_then(|kept| Some((kept.of(flow)?, real(kept.given[flow]))));
        let wants = match used {
            _ if places.is_empty() => 0.0,
            Some((used, given)) if used < HUNGRY * given => (used * ROOM).max(LEAST),
            // Nothing is known of it yet, or it takes what it gets.
            Some(_) | None => f64::MAX,
        };
        let wants = wants.min(limit);
        let has = wants.min(real(terms.guaranteed[flow])).max(real(terms.kept[flow]));
        Self { has, wants, limit, weight: terms.weight }
    }
}

/// Pours what is left into those that have less than `most`, evenly by weight; those without weight get what the others leave.
/// Answers what is left.
fn pour(shares: &mut [(usize, Share)], mut left: f64, most: impl Fn(&Share) -> f64) -> f64 {
    for weightless in [false, true] {
        let weight = |share: &Share| match (weightless, share.weight > 0.0) {
            (false, true) => share.weight,
            (true, false) => 1.0,
            (false, false) | (true, true) => 0.0,
        };
        let open = |share: &Share| share.has < most(share) && weight(share) > 0.0;
        // Each round fills one share or ends.
        for _ in 0..=shares.len() {
            let takers = || shares.iter().map(|(_, share)| share).filter(|share| open(share));
            let all: f64 = takers().map(weight).sum();
            if left < 1.0 || all <= 0.0 {
                break;
            }
            let lacks = |share: &Share| (most(share) - share.has) / weight(share);
            let step = takers().map(lacks).fold(left / all, f64::min);
            for (_, share) in shares.iter_mut().filter(|(_, share)| open(share)) {
                share.has = (share.has + step * weight(share)).min(most(share));
            }
            left -= step * all;
        }
    }
    left.max(0.0)
}

/// Tells each team's rate at each node: where it has agents, and where one node cannot do its part, more at the others.
fn at_nodes(
    table: &Table<'_>,
    places: &[At],
    (rates, flow): (&[Option<u64>], Resource),
    mut tell: impl FnMut(usize, usize, f64),
) {
    let mut at: Vec<Vec<(usize, Share)>> = table.spots.iter().map(|_| Vec::new()).collect();
    let mut left: Vec<f64> = rates.iter().map(|rate| rate.map_or(0.0, real)).collect();
    for (team, (places, rate)) in places.iter().zip(rates).enumerate() {
        let Some(rate) = rate else { continue };
        let weight = table.teams[team].terms.weight;
        for (spot, part) in parts(places) {
            at[spot].push((team, Share { has: 0.0, wants: real(*rate) * part, limit: 0.0, weight }));
        }
    }
    let room: Vec<f64> = table
        .spots
        .iter()
        .zip(&mut at)
        .map(|(spot, shares)| {
            let there = if spot.capacity[flow] > 0 { real(spot.capacity[flow]) } else { f64::MAX };
            let room = pour(shares, there, |share| share.wants);
            shares.iter().for_each(|(team, share)| left[*team] -= share.has);
            room
        })
        .collect();
    for (spot, (shares, room)) in at.iter_mut().zip(room).enumerate() {
        for (team, share) in shares.iter_mut() {
            share.limit = share.has + left[*team].max(0.0);
        }
        pour(shares, room, |share| share.limit);
        for (team, share) in shares {
            left[*team] = share.limit - share.has;
            tell(*team, spot, share.has);
        }
    }
}

/// What part of somebody's agents is at each node.
fn parts(places: &[(usize, u32)]) -> impl Iterator<Item = (usize, f64)> {
    let all: f64 = places.iter().map(|(_, agents)| f64::from(*agents)).sum();
    places.iter().map(move |(spot, agents)| (*spot, f64::from(*agents) / all))
}

fn enter(rates: &mut BTreeMap<(Whose, usize), Rate>, place: (Whose, usize), (rate, flow): (f64, Resource)) {
    let entry = rates.entry(place).or_default();
    // A rate of nothing would never end.
    let rate = Some(whole(rate).max(1));
    match flow {
        Resource::Read => entry.read = rate,
        Resource::Write => entry.write = rate,
        Resource::Cpu | Resource::Memory | Resource::Slots => {}
    }
}

#[cfg(test)]
mod tests {
    use super::{Share, pour};

    fn share(weight: f64, wants: f64) -> (usize, Share) {
        (0, Share { has: 0.0, wants, limit: 1_000.0, weight })
    }

    #[test]
    fn what_some_do_not_want_goes_to_the_others_by_weight() {
        let mut shares = [share(1.0, 10.0), share(1.0, 1_000.0), share(2.0, 1_000.0), share(0.0, 500.0)];
        assert!(pour(&mut shares, 100.0, |share| share.wants) < 1.0);
        assert_eq!(shares.map(|(_, share)| share.has.round()), [10.0, 30.0, 60.0, 0.0]);
    }

    #[test]
    fn who_has_no_weight_gets_what_nobody_else_wants() {
        let mut shares = [share(1.0, 10.0), share(0.0, 40.0)];
        let left = pour(&mut shares, 100.0, |share| share.wants);
        assert_eq!((shares[1].1.has, left.round()), (40.0, 50.0));
    }
}
