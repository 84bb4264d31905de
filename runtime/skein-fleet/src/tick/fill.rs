//! Progressive filling: one agent at a time to whoever comes first, until nobody can have more.
//!
//! The order is that of DRF, over the tree of teams, campaigns and queues: who lacks of what is guaranteed, then who has the least
//! dominant share for their weight. Grants only grow within a tick, so what cannot have one more now cannot have it later, and
//! each queue is asked once more than it is granted.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

use skein_types::{Excess, QuotaOf, Resource};

use super::table::{COUNTED, Party, Rank, Stop, StopCause, Table};
use crate::amounts::{Amounts, FLOWS, SOLID};
use crate::reason::Reason;

/// Grants everything.
pub(super) fn fill(table: &mut Table<'_>) {
    table.keep_closed();
    let mut order = Order::new(table);
    while let Some(at) = order.next() {
        let more = match table.grant(at) {
            Ok(()) => table.lines[at].count < table.lines[at].wants,
            Err(reason) => {
                table.lines[at].blocked = Some(reason);
                false
            }
        };
        order.put_back(table, at, more);
    }
    table.stop_beyond_limits();
}

#[derive(Clone, Copy, Debug)]
struct Place {
    rank: Rank,
    at: usize,
}

impl PartialEq for Place {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Place {}

impl PartialOrd for Place {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Place {
    fn cmp(&self, other: &Self) -> Ordering {
        self.rank.order(&other.rank).then(self.at.cmp(&other.at))
    }
}

type Heap = BinaryHeap<Reverse<Place>>;

/// Who comes next: teams, in each its campaigns, in each its queues.
struct Order {
    teams: Heap,
    campaigns: Vec<Heap>,
    lines: Vec<Heap>,
}

impl Order {
    fn new(table: &Table<'_>) -> Self {
        let mut order = Self {
            teams: Heap::new(),
            campaigns: vec![Heap::new(); table.teams.len()],
            lines: vec![Heap::new(); table.campaigns.len()],
        };
        for (at, line) in table.lines.iter().enumerate() {
            if line.closed.is_none() && line.wants > 0 {
                order.push_line(table, at);
            }
        }
        for campaign in 0..table.campaigns.len() {
            order.push_campaign(table, campaign);
        }
        for team in 0..table.teams.len() {
            order.push_team(table, team);
        }
        order
    }

    fn push_line(&mut self, table: &Table<'_>, at: usize) {
        let line = &table.lines[at];
        self.lines[line.campaign].push(Reverse(Place { rank: line.rank(line.count, &table.whole), at }));
    }

    fn push_campaign(&mut self, table: &Table<'_>, at: usize) {
        if let Some(Reverse(first)) = self.lines[at].peek() {
            let rank = table.campaigns[at].rank(&table.lines[first.at], &table.whole);
            self.campaigns[table.team_of[at]].push(Reverse(Place { rank, at }));
        }
    }

    fn push_team(&mut self, table: &Table<'_>, at: usize) {
        let first = self.campaigns[at].peek().and_then(|Reverse(campaign)| self.lines[campaign.at].peek());
        if let Some(Reverse(first)) = first {
            let rank = table.teams[at].rank(&table.lines[first.at], &table.whole);
            self.teams.push(Reverse(Place { rank, at }));
        }
    }

    /// Takes out the queue that comes first, its campaign and its team.
    fn next(&mut self) -> Option<usize> {
        let Reverse(team) = self.teams.pop()?;
        let Reverse(campaign) = self.campaigns[team.at].pop()?;
        let Reverse(line) = self.lines[campaign.at].pop()?;
        Some(line.at)
    }

    fn put_back(&mut self, table: &Table<'_>, at: usize, more: bool) {
        let (team, campaign) = (table.lines[at].team, table.lines[at].campaign);
        if more {
            self.push_line(table, at);
        }
        self.push_campaign(table, campaign);
        self.push_team(table, team);
    }
}

/// What an agent is granted on.
enum On {
    /// A place of its own that runs already.
    Rest(usize),
    /// A free place.
    Free(usize),
    /// Nothing yet: somebody of the same quota has to end first.
    Later,
}

impl Table<'_> {
    /// One more agent for a queue.
    fn grant(&mut self, at: usize) -> Result<(), Reason> {
        self.within_limits(at)?;
        self.within_what_is_lent(at)?;
        if let Some(spot) = self.own_place(at) {
            self.book(at, On::Rest(spot));
            return Ok(());
        }
        if let Some(reason) = self.beyond_limits_in_fact(at) {
            // Only as many as end may start; until then none of them may.
            if !self.hand_over(at) {
                return Err(reason);
            }
            self.book(at, On::Later);
            return Ok(());
        }
        if let Some(spot) = self.free_place(at) {
            self.book(at, On::Free(spot));
            return Ok(());
        }
        self.take_place(at).map(|spot| self.book(at, On::Free(spot)))
    }

    /// Of what is closed, what runs is counted and nothing else happens; unless its quota ends it.
    fn keep_closed(&mut self) {
        for at in 0..self.lines.len() {
            let Some(Reason::FuelSpent { of, .. }) = &self.lines[at].closed else { continue };
            let (team, campaign) = (self.lines[at].team, self.lines[at].campaign);
            let (party, cause) = match of {
                QuotaOf::Org | QuotaOf::Default => (&self.org, StopCause::OrgFuel),
                QuotaOf::Team(_) => (&self.teams[team], StopCause::TeamFuel(team)),
                QuotaOf::Campaign(_) => (&self.campaigns[campaign], StopCause::CampaignFuel(campaign)),
            };
            let ends = party.terms.excess == Excess::Terminate;
            while let Some((spot, _)) = self.lines[at].rest.first().copied() {
                if ends {
                    self.stops.push(Stop { line: at, spot, cause });
                }
                self.book(at, On::Rest(spot));
            }
        }
    }

    /// Refuses what no limit lets run.
    fn within_limits(&mut self, at: usize) -> Result<(), Reason> {
        let cost = self.lines[at].cost;
        for party in self.parties(at) {
            let (granted, limit) = (party.granted, party.terms.limit);
            let Some(of) = &party.of else { continue };
            if let Some(resource) = cost.beyond(&limit, &SOLID) {
                let (of, needs, limit) = (of.clone(), cost[resource], limit[resource]);
                return Err(Reason::OverLimit { of, resource, needs, limit });
            }
            let over = granted
                .plus(cost)
                .beyond(&limit, &SOLID)
                .or_else(|| party.is_busy(&granted, &cost).then_some(Resource::Cpu));
            let over = over.or_else(|| {
                // Of what flows one agent is enough to use all of it; more are let in while there is something for them.
                FLOWS.into_iter().find(|flow| {
                    granted[*flow] > 0 && granted[*flow].saturating_add(cost[*flow] / 2) > limit[*flow]
                })
            });
            if let Some(resource) = over {
                return Err(Reason::AtLimit { of: of.clone(), resource, limit: limit[resource] });
            }
        }
        Ok(())
    }

    /// Refuses what is promised to others who do not lend it.
    fn within_what_is_lent(&self, at: usize) -> Result<(), Reason> {
        let line = &self.lines[at];
        let team = &self.teams[line.team];
        let held = self.held.minus(team.granted.or_more(team.terms.kept));
        let with = held.plus(team.granted.plus(line.cost).or_more(team.terms.kept));
        let others = self.kept_by_others(line.team);
        let is_short = |resource: &Resource| {
            let known = SOLID.contains(resource) || self.total[*resource] > 0;
            known
                && others[*resource] > 0
                && team.granted[*resource].saturating_add(line.cost[*resource]) > team.terms.kept[*resource]
                && with[*resource] > self.total[*resource]
                && !team.lacks(line)
        };
        COUNTED.iter().copied().find(is_short).map_or(Ok(()), |resource| Err(Reason::Reserved { resource }))
    }

    fn kept_by_others(&self, team: usize) -> Amounts {
        self.kept.minus(self.teams[team].terms.kept)
    }

    /// A node where it runs what was not granted again so far: that is what it keeps first, so nothing moves without need.
    fn own_place(&self, at: usize) -> Option<usize> {
        let line = &self.lines[at];
        let fits = |spot: usize| {
            let spot = &self.spots[spot];
            spot.granted.plus(line.cost).beyond(&spot.capacity, &SOLID).is_none()
        };
        // Where nothing new may begin, what runs still does.
        let there = line.rest.iter().map(|(spot, _)| *spot);
        there
            .clone()
            .find(|spot| self.spots[*spot].takes && fits(*spot))
            .or_else(|| there.into_iter().find(|spot| fits(*spot)))
    }

    /// The limit beyond which it would be if this agent started beside all that runs.
    fn beyond_limits_in_fact(&mut self, at: usize) -> Option<Reason> {
        let cost = self.lines[at].cost;
        self.parties(at).into_iter().find_map(|party| {
            let solid = party.real.plus(cost).beyond(&party.terms.limit, &SOLID);
            let resource = solid.or_else(|| party.is_busy(&party.real, &cost).then_some(Resource::Cpu))?;
            let limit = party.terms.limit[resource];
            Some(Reason::AtLimit { of: party.of.clone()?, resource, limit })
        })
    }

    /// Enters one agent into all accounts.
    fn book(&mut self, at: usize, on: On) {
        let (cost, promise) = (self.lines[at].cost, self.lines[at].promise);
        let team = self.lines[at].team;
        let before = self.teams[team].granted.or_more(self.teams[team].terms.kept);
        for party in self.parties(at) {
            party.granted = party.granted.plus(cost);
            party.promised = party.promised.plus(promise);
            match on {
                On::Rest(_) => {
                    party.rest = party.rest.minus(cost);
                    party.rest_promised = party.rest_promised.minus(promise);
                }
                On::Free(_) => party.real = party.real.plus(cost),
                On::Later => {}
            }
        }
        let team = &self.teams[team];
        self.held = self.held.minus(before).plus(team.granted.or_more(team.terms.kept));
        let line = &mut self.lines[at];
        line.count += 1;
        match on {
            On::Rest(spot) => {
                less(&mut line.rest, spot);
                more(&mut line.granted, spot);
                let spot = &mut self.spots[spot];
                spot.rest = spot.rest.minus(cost);
                spot.granted = spot.granted.plus(cost);
            }
            On::Free(spot) => {
                more(&mut line.granted, spot);
                let spot = &mut self.spots[spot];
                spot.granted = spot.granted.plus(cost);
            }
            On::Later => {}
        }
    }

    /// What runs beyond a limit that was lowered is to stop.
    fn stop_beyond_limits(&mut self) {
        for at in 0..self.lines.len() {
            loop {
                let (team, campaign) = (self.lines[at].team, self.lines[at].campaign);
                let beyond = |party: &Party| {
                    party.real.minus(party.going).beyond(&party.terms.limit, &SOLID).is_some()
                };
                let cause = if beyond(&self.campaigns[campaign]) {
                    StopCause::CampaignLimit(campaign)
                } else if beyond(&self.teams[team]) {
                    StopCause::TeamLimit(team)
                } else if beyond(&self.org) {
                    StopCause::OrgLimit
                } else {
                    break;
                };
                let line = &mut self.lines[at];
                let Some((spot, _)) = line.rest.last().or(line.lost.last()).copied() else { break };
                self.stops.push(Stop { line: at, spot, cause });
                let from = if line.rest.is_empty() { &mut line.lost } else { &mut line.rest };
                less(from, spot);
                let cost = self.lines[at].cost;
                for party in self.parties(at) {
                    party.real = party.real.minus(cost);
                }
            }
        }
    }
}

/// One agent more there.
pub(super) fn more(places: &mut Vec<(usize, u32)>, spot: usize) {
    match places.iter_mut().find(|(at, _)| *at == spot) {
        Some((_, agents)) => *agents += 1,
        None => places.push((spot, 1)),
    }
}

/// One agent fewer there.
pub(super) fn less(places: &mut Vec<(usize, u32)>, spot: usize) {
    if let Some(at) = places.iter().position(|(at, _)| *at == spot) {
        places[at].1 -= 1;
        if places[at].1 == 0 {
            places.remove(at);
        }
    }
}
