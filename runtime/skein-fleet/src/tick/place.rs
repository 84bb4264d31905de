//! Where an agent goes: to a free place, else to one that somebody else has beyond their part.

use skein_types::Resource;

use super::fill::{less, more};
use super::table::{Party, Rank, Stop, StopCause, Table};
use crate::amounts::{Amounts, SOLID};
use crate::reason::Reason;

/// A node that runs the module already may have so much more to do than another one, as a part of what it has.
const WARM: f64 = 0.125;
/// Somebody's agent in the way.
#[derive(Clone, Copy, Debug)]
struct Victim {
    line: usize,
    spot: usize,
    /// It was to stop already.
    stopping: bool,
    /// The share of who has it.
    share: f64,
}

impl Victim {
    fn is_better(&self, than: Option<&Self>) -> bool {
        than.is_none_or(|other| (self.stopping, self.share) > (other.stopping, other.share))
    }
}

/// Between whom a place goes from one to the other, and by what right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Right {
    /// Who asks has it guaranteed: it comes back at the next checkpoint.
    Guaranteed,
    /// Who asks has less for their weight: they get it when it is free.
    Share,
}

/// Where somebody stands who asks for a place.
struct Standing {
    /// It is part of what they are guaranteed.
    lacks: bool,
    /// With all that they have, and not with what they ask for: who has less comes first, however large the task is that they
    /// come with.
    rank: Rank,
}

/// A queue that asks for a place, and where it, its campaign and its team stand.
struct Asks {
    line: usize,
    campaign: usize,
    team: usize,
    of_queue: Rank,
    of_campaign: Standing,
    of_team: Standing,
}

impl Asks {
    fn of(table: &Table<'_>, at: usize) -> Self {
        let line = &table.lines[at];
        let standing = |party: &Party| Standing {
            lacks: party.lacks(line),
            rank: party.rank_with(&party.granted.plus(party.rest), &table.whole),
        };
        Self {
            line: at,
            campaign: line.campaign,
            team: line.team,
            of_queue: line.rank(line.count + line.rest_count(), &table.whole),
            of_campaign: standing(&table.campaigns[line.campaign]),
            of_team: standing(&table.teams[line.team]),
        }
    }
}

impl Table<'_> {
    /// The node that has most left for it, or almost and runs its module.
    pub(super) fn free_place(&self, at: usize) -> Option<usize> {
        let line = &self.lines[at];
        let mut best: Option<(f64, usize)> = None;
        for (place, spot) in self.spots.iter().enumerate() {
            if !line.may_begin_at(spot) {
                continue;
            }
            if !spot.fits_without(Amounts::NONE, line.cost) {
                continue;
            }
            let with = spot.granted.plus(spot.rest).plus(line.cost);
            let warm = line.module.is_some_and(|module| spot.modules.contains(&module));
            let load = with.share(&spot.whole) - if warm { WARM } else { 0.0 };
            if best.is_none_or(|(least, _)| load < least) {
                best = Some((load, place));
            }
        }
        best.map(|(_, place)| place)
    }

    /// Makes a place on a node of what others have beyond their part.
    pub(super) fn take_place(&mut self, at: usize) -> Result<usize, Reason> {
        let (cost, asks) = (self.lines[at].cost, Asks::of(self, at));
        let ahead = self.ahead(&asks);
        let losers = ahead.into_iter().filter_map(|other| Some((other, self.could_lose(&asks, other)?)));
        let losers: Vec<(usize, f64)> = losers.collect();
        let mut best: Option<Victim> = None;
        for (other, share) in losers.iter().copied() {
            let line = &self.lines[other];
            for (place, _) in line.rest.iter().copied() {
                let spot = &self.spots[place];
                if self.lines[at].may_begin_at(spot) && spot.fits_without(line.cost, cost) {
                    let stopping = self.is_stopping(other, place);
                    let victim = Victim { line: other, spot: place, stopping, share };
                    best = if victim.is_better(best.as_ref()) { Some(victim) } else { best };
                }
            }
        }
        if let Some(victim) = best {
            self.lose(at, victim);
            return Ok(victim.spot);
        }
        let several = self.room_of_several(at, &losers);
        let taken = several.and_then(|place| self.take_several(at, place));
        taken.ok_or_else(|| self.why_no_place(at))
    }

    /// The first node that would have room for a task without any of what these have there.
    fn room_of_several(&self, at: usize, losers: &[(usize, f64)]) -> Option<usize> {
        if losers.is_empty() {
            return None;
        }
        let mut loses = vec![Amounts::NONE; self.spots.len()];
        for (other, _) in losers {
            for (place, agents) in &self.lines[*other].rest {
                loses[*place] = loses[*place].plus(self.lines[*other].cost.times(*agents));
            }
        }
        let fits = |(place, loses): &(usize, Amounts)| {
            let spot = &self.spots[*place];
            let line = &self.lines[at];
            *loses != Amounts::NONE && line.may_begin_at(spot) && spot.fits_without(*loses, line.cost)
        };
        loses.into_iter().enumerate().find(fits).map(|(place, _)| place)
    }

    /// For a large task the places of several small ones.
    fn take_several(&mut self, at: usize, place: usize) -> Option<usize> {
        let cost = self.lines[at].cost;
        let mut lost = Vec::new();
        loop {
            let spot = &self.spots[place];
            if spot.fits_without(Amounts::NONE, cost) {
                return Some(place);
            }
            let (mut best, asks): (Option<Victim>, _) = (None, Asks::of(self, at));
            for other in spot.residents.iter().copied() {
                if self.lines[other].rest.iter().all(|(spot, _)| *spot != place) {
                    continue;
                }
                let Some(share) = self.could_lose(&asks, other) else { continue };
                let victim =
                    Victim { line: other, spot: place, stopping: self.is_stopping(other, place), share };
                if victim.is_better(best.as_ref()) {
                    best = Some(victim);
                }
            }
            let Some(victim) = best else {
                // Whoever loses does so for something.
                lost.into_iter().rev().for_each(|(victim, right)| self.give_back(at, victim, right));
                return None;
            };
            lost.push((victim, self.lose(at, victim)));
        }
    }

    /// Takes the last loss back.
    fn give_back(&mut self, at: usize, victim: Victim, right: Right) {
        let Victim { line: other, spot, .. } = victim;
        let theirs = self.lines[other].team;
        let (cost, promise) = (self.lines[other].cost, self.lines[other].promise);
        more(&mut self.lines[other].rest, spot);
        for party in self.parties(other) {
            party.rest = party.rest.plus(cost);
            party.rest_promised = party.rest_promised.plus(promise);
            party.stays = party.stays.plus(promise);
            if right == Right::Guaranteed {
                party.going = party.going.minus(cost);
            }
        }
        self.spots[spot].rest = self.spots[spot].rest.plus(cost);
        let places = &mut self.lines[at].places;
        match right {
            Right::Guaranteed => {
                self.stops.pop();
                places.reclaimed.entry(theirs).and_modify(|agents| *agents -= 1);
                places.reclaimed.retain(|_, agents| *agents > 0);
            }
            Right::Share => {
                places.ending -= 1;
                less(&mut self.lines[other].lost, spot);
            }
        }
    }

    fn is_stopping(&self, line: usize, spot: usize) -> bool {
        self.stopping.binary_search(&(line, spot)).is_ok()
    }

    /// Whether a queue may lose an agent to another one: the share of who has it.
    fn could_lose(&self, asks: &Asks, other: usize) -> Option<f64> {
        let line = &self.lines[other];
        if other == asks.line || line.rest.is_empty() {
            return None;
        }
        self.right(asks, other)?;
        let team = &self.teams[line.team];
        Some(team.rank_with(&team.granted.plus(team.rest), &self.whole).share)
    }

    /// Queues of those who have more than who asks, or anything that is theirs: most have not, and need not be looked at.
    fn ahead(&self, asks: &Asks) -> Vec<usize> {
        let is_ahead = |party: &Party, of: &Standing| {
            let left = || party.rank_with(&party.granted.plus(party.rest).minus(party.least), &self.whole);
            party.rest != Amounts::NONE && (of.lacks || left().is_beyond(&of.rank))
        };
        let mut ahead = Vec::new();
        for (team, party) in self.teams.iter().enumerate() {
            let lines = self.lines_of[team].clone();
            if team != asks.team && is_ahead(party, &asks.of_team) {
                ahead.extend(lines);
            } else if team == asks.team && party.rest != Amounts::NONE {
                ahead.extend(lines.filter(|other| {
                    let campaign = self.lines[*other].campaign;
                    campaign == asks.campaign || is_ahead(&self.campaigns[campaign], &asks.of_campaign)
                }));
            }
        }
        ahead
    }

    /// By what right a queue gets what another one has, if it does. Nobody loses what is guaranteed to them.
    fn right(&self, asks: &Asks, other: usize) -> Option<Right> {
        let theirs = &self.lines[other];
        if asks.team != theirs.team {
            return self.right_of(&asks.of_team, &self.teams[theirs.team], other);
        }
        if asks.campaign != theirs.campaign {
            return self.right_of(&asks.of_campaign, &self.campaigns[theirs.campaign], other);
        }
        let left = theirs.rank((theirs.count + theirs.rest_count()).saturating_sub(1), &self.whole);
        left.is_beyond(&asks.of_queue).then_some(Right::Share)
    }

    fn right_of(&self, asks: &Standing, theirs: &Party, other: usize) -> Option<Right> {
        let their = &self.lines[other];
        if theirs.terms.covers(&theirs.stays.minus(their.promise), &their.promise) {
            return None;
        }
        if asks.lacks {
            return Some(Right::Guaranteed);
        }
        let left = theirs.granted.plus(theirs.rest).minus(their.cost);
        theirs.rank_with(&left, &self.whole).is_beyond(&asks.rank).then_some(Right::Share)
    }

    /// An agent's place goes to somebody else.
    fn lose(&mut self, at: usize, victim: Victim) -> Right {
        let Victim { line: other, spot, .. } = victim;
        let right = self.right(&Asks::of(self, at), other).unwrap_or(Right::Share);
        let theirs = self.lines[other].team;
        let (cost, promise) = (self.lines[other].cost, self.lines[other].promise);
        less(&mut self.lines[other].rest, spot);
        for party in self.parties(other) {
            party.rest = party.rest.minus(cost);
            party.rest_promised = party.rest_promised.minus(promise);
            party.stays = party.stays.minus(promise);
            if right == Right::Guaranteed {
                party.going = party.going.plus(cost);
            }
        }
        let place = &mut self.spots[spot];
        place.rest = place.rest.minus(cost);
        match right {
            Right::Guaranteed => {
                let team = self.lines[at].team;
                self.stops.push(Stop { line: other, spot, cause: StopCause::Guaranteed(team) });
                *self.lines[at].places.reclaimed.entry(theirs).or_default() += 1;
            }
            Right::Share => {
                self.lines[at].places.ending += 1;
                more(&mut self.lines[other].lost, spot);
            }
        }
        right
    }

    /// Somebody of the same quota, whose limit keeps this one from starting, gets one less when it ends.
    pub(super) fn hand_over(&mut self, at: usize) -> bool {
        let asks = Asks::of(self, at);
        let lines = if self.org_is_full(at) { 0..self.lines.len() } else { self.lines_of[asks.team].clone() };
        let mut best: Option<Victim> = None;
        for other in lines {
            let Some(share) = self.could_lose(&asks, other) else { continue };
            for (spot, _) in self.lines[other].rest.iter().copied() {
                let victim = Victim { line: other, spot, stopping: self.is_stopping(other, spot), share };
                if victim.is_better(best.as_ref()) {
                    best = Some(victim);
                }
            }
        }
        let Some(victim) = best else { return false };
        // It runs on until it ends, so its node has nothing free yet.
        let cost = self.lines[victim.line].cost;
        self.lose(at, victim);
        let spot = &mut self.spots[victim.spot];
        spot.rest = spot.rest.plus(cost);
        true
    }

    fn org_is_full(&self, at: usize) -> bool {
        let (org, cost) = (&self.org, self.lines[at].cost);
        org.real.plus(cost).beyond(&org.terms.limit, &SOLID).is_some() || org.is_busy(&org.real, &cost)
    }

    fn why_no_place(&self, at: usize) -> Reason {
        let cost = self.lines[at].cost;
        if self.spots.iter().all(|spot| !spot.takes) {
            return Reason::NoNode;
        }
        if self.spots.iter().all(|spot| cost.beyond(&spot.capacity, &SOLID).is_some()) {
            let largest = self.spots.iter().fold(Amounts::NONE, |most, spot| most.or_more(spot.capacity));
            let resource = cost.beyond(&largest, &SOLID).unwrap_or(Resource::Memory);
            let (needs, largest) = (cost[resource], largest[resource]);
            return Reason::NeverFits { resource, needs, largest };
        }
        // Of what most nodes have too little.
        let (mut no_slots, mut no_memory) = (0, 0);
        for spot in self.spots.iter().filter(|spot| self.lines[at].may_begin_at(spot)) {
            let lacks = |resource: Resource| {
                let taken = spot.granted[resource].saturating_add(spot.rest[resource]);
                u32::from(taken.saturating_add(cost[resource]) > spot.capacity[resource])
            };
            no_slots += lacks(Resource::Slots);
            no_memory += lacks(Resource::Memory);
        }
        let resource = if no_slots >= no_memory { Resource::Slots } else { Resource::Memory };
        Reason::NoneFree { resource, needs: cost[resource] }
    }
}
