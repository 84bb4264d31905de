//! Where an agent goes: to a free place, else to one that somebody else has beyond their part.

use skein_types::Resource;

use super::fill::{less, more};
use super::table::{Party, Stop, StopCause, Table};
use crate::amounts::{Amounts, SOLID};
use crate::reason::Reason;

/// A node that runs the module already may have so much more to do than another one, as a part of what it has.
const WARM: f64 = 0.125;
/// What somebody has must be so much larger than what the other would have, so that nothing moves for nothing.
const EPSILON: f64 = 1e-9;

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

impl Table<'_> {
    /// The node that has most left for it, or almost and runs its module.
    pub(super) fn free_place(&self, at: usize) -> Option<usize> {
        let line = &self.lines[at];
        let mut best: Option<(f64, usize)> = None;
        for (place, spot) in self.spots.iter().enumerate() {
            if !spot.takes {
                continue;
            }
            let with = spot.granted.plus(spot.rest).plus(line.cost);
            if with.beyond(&spot.capacity, &SOLID).is_some() {
                continue;
            }
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
        let cost = self.lines[at].cost;
        let mut best: Option<Victim> = None;
        let mut several: Option<usize> = None;
        for (place, spot) in self.spots.iter().enumerate().filter(|(_, spot)| spot.takes) {
            let mut all = Amounts::NONE;
            for other in spot.residents.iter().copied() {
                let Some((share, agents)) = self.could_lose(at, other, place) else { continue };
                let theirs = self.lines[other].cost;
                all = all.plus(theirs.times(agents));
                let victim =
                    Victim { line: other, spot: place, stopping: self.is_stopping(other, place), share };
                let one = spot.granted.plus(spot.rest.minus(theirs)).plus(cost);
                if one.beyond(&spot.capacity, &SOLID).is_none() && victim.is_better(best.as_ref()) {
                    best = Some(victim);
                }
            }
            let left = spot.granted.plus(spot.rest.minus(all)).plus(cost);
            if several.is_none() && left.beyond(&spot.capacity, &SOLID).is_none() {
                several = Some(place);
            }
        }
        if let Some(victim) = best {
            self.lose(at, victim);
            return Ok(victim.spot);
        }
        several.and_then(|place| self.take_several(at, place)).ok_or_else(|| self.why_no_place(at))
    }

    /// For a large task the places of several small ones.
    fn take_several(&mut self, at: usize, place: usize) -> Option<usize> {
        let cost = self.lines[at].cost;
        let mut lost = Vec::new();
        loop {
            let spot = &self.spots[place];
            if spot.granted.plus(spot.rest).plus(cost).beyond(&spot.capacity, &SOLID).is_none() {
                return Some(place);
            }
            let mut best: Option<Victim> = None;
            for other in spot.residents.iter().copied() {
                let Some((share, _)) = self.could_lose(at, other, place) else { continue };
                let victim =
                    Victim { line: other, spot: place, stopping: self.is_stopping(other, place), share };
                if victim.is_better(best.as_ref()) {
                    best = Some(victim);
                }
            }
            let Some(victim) = best else {
                // Whoever loses does so for something.
                lost.into_iter().rev().for_each(|victim| self.give_back(at, victim));
                return None;
            };
            self.lose(at, victim);
            lost.push(victim);
        }
    }

    /// Takes the last loss back.
    fn give_back(&mut self, at: usize, victim: Victim) {
        let Victim { line: other, spot, .. } = victim;
        let theirs = self.lines[other].team;
        let (cost, promise) = (self.lines[other].cost, self.lines[other].promise);
        more(&mut self.lines[other].rest, spot);
        let guaranteed = |stop: &mut Stop| {
            (stop.line, stop.spot) == (other, spot) && matches!(stop.cause, StopCause::Guaranteed(_))
        };
        let stopped = self.stops.pop_if(guaranteed).is_some();
        for party in self.parties(other) {
            party.rest = party.rest.plus(cost);
            party.rest_promised = party.rest_promised.plus(promise);
            party.stays = party.stays.plus(promise);
            if stopped {
                party.going = party.going.minus(cost);
            }
        }
        self.spots[spot].rest = self.spots[spot].rest.plus(cost);
        let places = &mut self.lines[at].places;
        if stopped {
            places.reclaimed.entry(theirs).and_modify(|agents| *agents -= 1);
            places.reclaimed.retain(|_, agents| *agents > 0);
        } else {
            places.ending -= 1;
            less(&mut self.lines[other].lost, spot);
        }
    }

    fn is_stopping(&self, line: usize, spot: usize) -> bool {
        self.stopping.binary_search(&(line, spot)).is_ok()
    }

    /// Whether a queue may lose an agent on a node to another one: the share of who has it, and how many are there.
    fn could_lose(&self, at: usize, other: usize, place: usize) -> Option<(f64, u32)> {
        let agents = self.lines[other].rest.iter().find(|(spot, _)| *spot == place)?.1;
        if other == at {
            return None;
        }
        self.right(at, other)?;
        let team = &self.teams[self.lines[other].team];
        Some((team.rank_with(&team.granted.plus(team.rest), &self.whole).share, agents))
    }

    /// By what right a queue gets what another one has, if it does. Nobody loses what is guaranteed to them.
    fn right(&self, at: usize, other: usize) -> Option<Right> {
        let (mine, theirs) = (&self.lines[at], &self.lines[other]);
        if mine.team != theirs.team {
            return self.right_of(&self.teams[mine.team], &self.teams[theirs.team], (at, other));
        }
        if mine.campaign != theirs.campaign {
            let (my, their) = (&self.campaigns[mine.campaign], &self.campaigns[theirs.campaign]);
            return self.right_of(my, their, (at, other));
        }
        let left = theirs.rank((theirs.count + theirs.rest_count()).saturating_sub(1), &self.whole);
        let has = mine.rank(mine.count, &self.whole);
        (left.share > has.share + EPSILON).then_some(Right::Share)
    }

    fn right_of(&self, mine: &Party, theirs: &Party, (at, other): (usize, usize)) -> Option<Right> {
        let (my, their) = (&self.lines[at], &self.lines[other]);
        if theirs.terms.covers(&theirs.stays.minus(their.promise), &their.promise) {
            return None;
        }
        if mine.lacks(my) {
            return Some(Right::Guaranteed);
        }
        // As when all is granted anew: who has less comes first, however large the task is that they come with.
        let left = theirs.rank_with(&theirs.granted.plus(theirs.rest).minus(their.cost), &self.whole);
        let has = mine.rank_with(&mine.granted, &self.whole);
        (left.tier > has.tier || (left.tier == has.tier && left.share > has.share + EPSILON))
            .then_some(Right::Share)
    }

    /// An agent's place goes to somebody else.
    fn lose(&mut self, at: usize, victim: Victim) {
        let Victim { line: other, spot, .. } = victim;
        let right = self.right(at, other);
        let theirs = self.lines[other].team;
        let (cost, promise) = (self.lines[other].cost, self.lines[other].promise);
        less(&mut self.lines[other].rest, spot);
        for party in self.parties(other) {
            party.rest = party.rest.minus(cost);
            party.rest_promised = party.rest_promised.minus(promise);
            party.stays = party.stays.minus(promise);
            if right == Some(Right::Guaranteed) {
                party.going = party.going.plus(cost);
            }
        }
        let place = &mut self.spots[spot];
        place.rest = place.rest.minus(cost);
        match right {
            Some(Right::Guaranteed) => {
                let team = self.lines[at].team;
                self.stops.push(Stop { line: other, spot, cause: StopCause::Guaranteed(team) });
                *self.lines[at].places.reclaimed.entry(theirs).or_default() += 1;
            }
            Some(Right::Share) | None => {
                self.lines[at].places.ending += 1;
                more(&mut self.lines[other].lost, spot);
            }
        }
    }

    /// Somebody of the same quota, whose limit keeps this one from starting, gets one less when it ends.
    pub(super) fn hand_over(&mut self, at: usize) -> bool {
        let (mut best, org_is_full): (Option<Victim>, _) = (None, self.org_is_full(at));
        for other in 0..self.lines.len() {
            // A place in another team is no place under this one's limit.
            if self.lines[other].team != self.lines[at].team && !org_is_full {
                continue;
            }
            for (spot, _) in self.lines[other].rest.iter().copied() {
                let Some((share, _)) = self.could_lose(at, other, spot) else { break };
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
        let with = self.org.real.plus(self.lines[at].cost);
        with.beyond(&self.org.terms.limit, &super::table::COUNTED).is_some()
    }

    fn why_no_place(&self, at: usize) -> Reason {
        let cost = self.lines[at].cost;
        let largest = self.spots.iter().fold(Amounts::NONE, |most, spot| most.or_more(spot.capacity));
        if self.spots.iter().all(|spot| !spot.takes) {
            return Reason::NoNode;
        }
        if self.spots.iter().all(|spot| cost.beyond(&spot.capacity, &SOLID).is_some()) {
            let resource = cost.beyond(&largest, &SOLID).unwrap_or(Resource::Memory);
            let (needs, largest) = (cost[resource], largest[resource]);
            return Reason::NeverFits { resource, needs, largest };
        }
        // Of what most nodes have too little.
        let lacks = |resource: Resource| {
            let takes = self.spots.iter().filter(|spot| spot.takes);
            let with = takes.map(|spot| (spot.granted.plus(spot.rest).plus(cost), spot.capacity));
            with.filter(|(with, capacity)| with[resource] > capacity[resource]).count()
        };
        let slots_first = lacks(Resource::Slots) >= lacks(Resource::Memory);
        let resource = if slots_first { Resource::Slots } else { Resource::Memory };
        Reason::NoneFree { resource, needs: cost[resource] }
    }
}
