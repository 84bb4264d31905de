//! What a tick remembers of those before: who is ahead of whom, what agents have been measured to take, fuel spent. Soft: a
//! control that starts without it begins evenly, and can say how much fuel was spent ([`Past::spent`]).

use std::collections::{BTreeMap, BTreeSet};

use skein_types::{CampaignId, Fuel, FuelBudget, Millis, Name, NodeId, Resource, Timestamp};

use crate::amounts::{Amounts, real, whole};
use crate::demand::{QueueKey, SizeClass, Used};

/// The longest time between two ticks that counts: a clock that is put forward makes nobody pay.
const STEP_MAX: u64 = 2_000;
/// Over what time measurements are averaged.
const MEMORY: f64 = 8_000.0;
/// Over what time flows are.
const FLOW_MEMORY: f64 = 2_000.0;
/// So much time of agents must be measured until it counts as much as what was expected.
const PRIOR: f64 = 1_000.0;
/// For how long a charge waits for the report that it is of.
const UNREPORTED: u32 = 10_000;

/// Handed from tick to tick.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Past {
    at: Option<Timestamp>,
    /// Milliseconds that ticks have counted.
    pub(crate) elapsed: u64,
    /// Of all together.
    pub(crate) fuel: Spent,
    pub(crate) cpu: Overdraft,
    pub(crate) teams: BTreeMap<Name, TeamPast>,
    /// What was to stop, so that the same is said again and not something else in addition.
    pub(crate) reclaimed: BTreeSet<(QueueKey, NodeId)>,
}

/// Of a team.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct TeamPast {
    pub(crate) lead: Lead,
    pub(crate) fuel: Spent,
    pub(crate) cpu: Overdraft,
    pub(crate) flow: Flow,
    pub(crate) campaigns: BTreeMap<Option<CampaignId>, CampaignPast>,
}

/// Of a campaign.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct CampaignPast {
    pub(crate) lead: Lead,
    pub(crate) fuel: Spent,
    pub(crate) cpu: Overdraft,
    pub(crate) agents: Agents,
    /// Charged by what runs, and not yet reported.
    pub(crate) ahead: Amounts,
    /// Reported since the tick before, by the unit of a resource times milliseconds.
    pub(crate) reported: Amounts,
    pub(crate) queues: BTreeMap<(Name, SizeClass), Lead>,
}

/// How far somebody is ahead of those who waited meanwhile, in seconds of the whole fleet by weight.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Lead {
    pub(crate) seconds: f64,
    /// They could not have what they wanted because others had it.
    pub(crate) waited: bool,
}

/// Nobody is further ahead than so many seconds of an even part.
const LEAD_MAX: f64 = 4.0;
/// Over how many seconds a lead is given back.
const PAY_BACK: f64 = 2.0;

impl Lead {
    /// As a part of the fleet, to be added to what somebody has now.
    pub(crate) fn penalty(self) -> f64 {
        self.seconds / PAY_BACK
    }
}

/// Brings leads in relation: who did not wait has no claim on what they did not want, and nobody is ahead for long. They are of
/// those that divide this part of the fleet, with their weights; answers what part of it one of weight 1 has if it is even.
pub(crate) fn level<'a>(leads: impl Iterator<Item = (f64, &'a mut Lead)>, part: f64) -> f64 {
    let mut leads: Vec<(f64, &mut Lead)> = leads.collect();
    let even = part / leads.iter().map(|(weight, _)| weight).sum::<f64>().max(1.0);
    let waited = leads.iter().filter(|(_, lead)| lead.waited).map(|(_, lead)| lead.seconds);
    let floor = waited.fold(f64::INFINITY, f64::min);
    for (_, lead) in &mut leads {
        let ahead = if floor.is_finite() { lead.seconds - floor } else { 0.0 };
        lead.seconds = ahead.clamp(0.0, LEAD_MAX * even);
    }
    even
}

/// Fuel spent in a time.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Spent {
    window: u64,
    pub(crate) fuel: Fuel,
    fresh: Fuel,
}

impl Spent {
    /// Goes on to the time that runs now, with what was reported meanwhile; answers when the budget is there again, if it is spent.
    pub(crate) fn settle(&mut self, budget: Option<&FuelBudget>, now: Timestamp) -> Option<Timestamp> {
        let fresh = std::mem::take(&mut self.fresh);
        let budget = budget.filter(|budget| budget.per.0 > 0)?;
        self.enter(budget.per, now);
        self.fuel += fresh;
        (self.fuel >= budget.fuel).then(|| Self::next(budget, now))
    }

    /// A clock that was put back does not give the same fuel again.
    fn enter(&mut self, per: Millis, now: Timestamp) {
        let window = now.0 / per.0;
        if window > self.window || self.window > window.saturating_add(1) {
            *self = Self { window, ..Self::default() };
        }
    }

    /// When the next time begins.
    pub(crate) const fn next(budget: &FuelBudget, now: Timestamp) -> Timestamp {
        Timestamp((now.0 / budget.per.0).saturating_add(1).saturating_mul(budget.per.0))
    }
}

/// For how much time of a limit processors may be taken before it is known how much that is: nodes report every second and a half.
const CREDIT: f64 = 2_000.0;

/// Time of processors against a limit of them. One agent can take more than any limit: it is let, and what comes after it waits
/// until that is made up for.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Overdraft {
    /// Thousandths of a core times milliseconds, taken and not made up for; below nothing there is something left.
    owed: f64,
    limit: f64,
    /// When that was, by the time that ticks count.
    at: u64,
    fresh: Millis,
}

impl Overdraft {
    /// Takes in what was reported; answers whether that is more than the limit let so far.
    pub(crate) fn settle(&mut self, limit: u64, elapsed: u64) -> bool {
        let fresh = std::mem::take(&mut self.fresh);
        if limit == u64::MAX {
            *self = Self::default();
            return false;
        }
        let owed = self.left(elapsed) + real(fresh.0) * 1_000.0;
        *self =
            Self { owed: owed.max(-CREDIT * real(limit)), limit: real(limit), at: elapsed, fresh: Millis(0) };
        self.owed > 0.0
    }

    /// What is owed then.
    fn left(&self, elapsed: u64) -> f64 {
        self.owed - self.limit * real(elapsed.saturating_sub(self.at))
    }
}

/// What agents of a campaign take on average, over a while.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Agents {
    slots: f64,
    cpu: f64,
    read: f64,
    write: f64,
}

impl Agents {
    fn pass(&mut self, step: f64) {
        let left = (1.0 - step / MEMORY).max(0.0);
        for sum in [&mut self.slots, &mut self.cpu, &mut self.read, &mut self.write] {
            *sum *= left;
        }
    }

    fn add(&mut self, used: &Used) {
        self.slots += real(used.slots.0);
        self.cpu += real(used.cpu.0);
        self.read += real(used.read.0);
        self.write += real(used.write.0);
    }

    /// What one agent takes, as far as it was measured; the rest as expected. Memory and slots are as granted.
    pub(crate) fn one(&self, expected: &Amounts) -> Amounts {
        let of = |resource: Resource, sum: f64, unit: f64| {
            whole((sum * unit + real(expected[resource]) * PRIOR) / (self.slots + PRIOR))
        };
        expected
            .with(Resource::Cpu, of(Resource::Cpu, self.cpu, 1_000.0))
            .with(Resource::Read, of(Resource::Read, self.read, 1_000.0))
            .with(Resource::Write, of(Resource::Write, self.write, 1_000.0))
    }
}

/// Bytes a second of a team, over a short while, and how fast it was allowed to be.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Flow {
    time: f64,
    read: f64,
    write: f64,
    /// Rates that the tick before gave.
    pub(crate) given: Amounts,
}

impl Flow {
    fn pass(&mut self, step: f64) {
        let left = (1.0 - step / FLOW_MEMORY).max(0.0);
        self.time = self.time * left + step;
        self.read *= left;
        self.write *= left;
    }

    /// Bytes a second; none while nothing is known yet.
    pub(crate) fn of(&self, resource: Resource) -> Option<f64> {
        let sum = match resource {
            Resource::Read => self.read,
            Resource::Write => self.write,
            Resource::Cpu | Resource::Memory | Resource::Slots => return None,
        };
        (self.time >= FLOW_MEMORY / 4.0 && sum > 0.0).then(|| sum * 1_000.0 / self.time)
    }
}

impl Past {
    /// Fuel that is known to be spent already in the time of a budget that runs at `now`: for a control that starts.
    pub fn spent(
        &mut self,
        of: (&Name, Option<CampaignId>),
        budget: &FuelBudget,
        now: Timestamp,
        fuel: Fuel,
    ) {
        let (team, campaign) = of;
        let team = self.teams.entry(team.clone()).or_default();
        let spent = match campaign {
            None => &mut team.fuel,
            Some(_) => &mut team.campaigns.entry(campaign).or_default().fuel,
        };
        if budget.per.0 > 0 {
            spent.enter(budget.per, now);
            spent.fuel += fuel;
        }
    }

    /// The same of the budget of all together.
    pub fn spent_by_all(&mut self, budget: &FuelBudget, now: Timestamp, fuel: Fuel) {
        if budget.per.0 > 0 {
            self.fuel.enter(budget.per, now);
            self.fuel.fuel += fuel;
        }
    }

    /// Forgets who is gone, but for what would come back to them: fuel that is spent, time of processors that is owed, and what was
    /// measured a while ago.
    pub(crate) fn forget(&mut self) {
        let elapsed = self.elapsed;
        let owes = |cpu: &Overdraft| cpu.limit > 0.0 && cpu.left(elapsed) > 0.0;
        for team in self.teams.values_mut() {
            team.lead = Lead::default();
            for campaign in team.campaigns.values_mut() {
                campaign.lead = Lead::default();
                campaign.queues.clear();
            }
            team.campaigns.retain(|_, campaign| {
                campaign.fuel.fuel.0 > 0 || campaign.agents.slots >= 1.0 || owes(&campaign.cpu)
            });
        }
        self.teams.retain(|_, team| team.fuel.fuel.0 > 0 || !team.campaigns.is_empty() || owes(&team.cpu));
    }

    /// Takes in what was reported; answers how much time has passed, in milliseconds.
    pub(crate) fn pass(&mut self, used: &[Used], now: Timestamp) -> u32 {
        let passed = self.at.map_or(0, |at| now.0.saturating_sub(at.0)).min(STEP_MAX);
        let step = u32::try_from(passed).unwrap_or(u32::MAX);
        self.at = Some(now);
        self.elapsed = self.elapsed.saturating_add(step.into());
        for team in self.teams.values_mut() {
            team.flow.pass(f64::from(step));
            team.campaigns.values_mut().for_each(|campaign| campaign.agents.pass(f64::from(step)));
        }
        for one in used {
            let team = self.teams.entry(one.team.clone()).or_default();
            team.flow.read += real(one.read.0);
            team.flow.write += real(one.write.0);
            team.fuel.fresh += one.fuel;
            team.cpu.fresh += one.cpu;
            self.fuel.fresh += one.fuel;
            self.cpu.fresh += one.cpu;
            let campaign = team.campaigns.entry(one.campaign).or_default();
            campaign.agents.add(one);
            campaign.fuel.fresh += one.fuel;
            campaign.cpu.fresh += one.cpu;
            campaign.reported = campaign.reported.plus(Amounts::of([
                (Resource::Slots, one.slots.0),
                (Resource::Cpu, one.cpu.0.saturating_mul(1_000)),
                (Resource::Read, one.read.0.saturating_mul(1_000)),
                (Resource::Write, one.write.0.saturating_mul(1_000)),
            ]));
        }
        step
    }
}

impl CampaignPast {
    /// What is charged for a tick: what runs, as it is expected or measured, at once; and what is reported beyond what was charged.
    pub(crate) fn charge(&mut self, running: &Amounts, step: u32) -> Amounts {
        let assumed = running.times(step);
        let owed = self.ahead.plus(assumed);
        let reported = std::mem::take(&mut self.reported);
        self.ahead = owed.minus(reported).or_less(running.times(UNREPORTED));
        assumed.plus(reported.minus(owed))
    }

    /// What is reported and was charged to nobody, if anything is.
    pub(crate) fn rest(&mut self) -> Option<Amounts> {
        let reported = std::mem::take(&mut self.reported);
        (reported != Amounts::NONE).then(|| reported.minus(std::mem::take(&mut self.ahead)))
    }
}

#[cfg(test)]
mod tests {
    use super::{Agents, CampaignPast, Lead, Overdraft, Past, Spent, level};
    use crate::amounts::Amounts;
    use crate::demand::Used;
    use skein_types::{Bytes, Fuel, FuelBudget, Millis, Resource, Timestamp};

    #[test]
    fn who_waited_longest_is_the_measure_and_who_wanted_nothing_has_no_claim() {
        let lead = |seconds, waited| Lead { seconds, waited };
        let mut leads = [lead(0.1, false), lead(0.4, true), lead(0.6, true), lead(9.0, true)];
        let even = level(leads.iter_mut().map(|lead| (1.0, lead)), 0.5);
        let seconds = leads.map(|lead| (lead.seconds * 1_000.0).round());
        assert_eq!((even, seconds), (0.125, [0.0, 0.0, 200.0, 500.0]));
    }

    #[test]
    fn fuel_is_there_again_when_its_time_is_over_and_not_when_the_clock_is_put_back() {
        let budget = FuelBudget { fuel: Fuel(10), per: Millis(1_000) };
        let mut spent = Spent { fresh: Fuel(9), ..Spent::default() };
        assert_eq!(spent.settle(Some(&budget), Timestamp(5_200)), None);
        spent.fresh = Fuel(1);
        assert_eq!(spent.settle(Some(&budget), Timestamp(5_400)), Some(Timestamp(6_000)));
        assert!(spent.settle(Some(&budget), Timestamp(4_900)).is_some());
        assert_eq!(spent.settle(Some(&budget), Timestamp(6_000)), None);
        assert_eq!(spent.fuel, Fuel(0));
    }

    #[test]
    fn what_agents_take_is_measured_and_until_then_as_expected() {
        let expected = Amounts::of([(Resource::Cpu, 1_000), (Resource::Slots, 1), (Resource::Read, 1 << 20)]);
        let mut agents = Agents::default();
        assert_eq!(agents.one(&expected), expected);
        let used = Used {
            team: "a".parse().unwrap(),
            campaign: None,
            slots: Millis(99_000),
            cpu: Millis(9_000),
            read: Bytes(99_000_000),
            write: Bytes(0),
            fuel: Fuel(0),
        };
        agents.add(&used);
        let one = agents.one(&expected);
        assert_eq!(one[Resource::Cpu], (9_000_000 + 1_000_000) / 100_000);
        assert_eq!(one[Resource::Slots], 1);
        assert!((950_000..1_050_000).contains(&one[Resource::Read]), "{one:?}");
    }

    #[test]
    fn what_is_taken_beyond_a_limit_of_processors_is_made_up_for_by_time() {
        let mut overdraft = Overdraft::default();
        assert!(!overdraft.settle(500, 1_000));
        overdraft.fresh = Millis(1_000);
        assert!(!overdraft.settle(500, 3_000), "a second of a processor in two seconds");
        overdraft.fresh = Millis(1_000);
        assert!(overdraft.settle(500, 3_500));
        assert!(overdraft.settle(500, 4_900));
        assert!(!overdraft.settle(500, 5_000));
        assert!(!overdraft.settle(500, 99_000));
        overdraft.fresh = Millis(1_001);
        assert!(overdraft.settle(500, 99_000), "nobody saves more than two seconds");
        assert!(!overdraft.settle(u64::MAX, 99_000), "no limit");
    }

    #[test]
    fn what_was_charged_as_it_ran_is_not_charged_again_when_it_is_reported() {
        let running = Amounts::of([(Resource::Slots, 2)]);
        let mut past = CampaignPast::default();
        let slots = |amounts: Amounts| amounts[Resource::Slots];
        assert_eq!(slots(past.charge(&running, 250)), 500);
        past.reported = Amounts::of([(Resource::Slots, 1_000)]);
        assert_eq!(slots(past.charge(&running, 250)), 500, "1,000 were charged: 500 before and 500 now");
        past.reported = Amounts::of([(Resource::Slots, 700)]);
        assert_eq!(slots(past.charge(&running, 250)), 700, "200 more than was charged");
        assert_eq!(slots(past.charge(&Amounts::NONE, 250)), 0);
    }

    #[test]
    fn a_clock_that_is_put_forward_makes_nobody_pay() {
        let mut past = Past::default();
        assert_eq!(past.pass(&[], Timestamp(1_000)), 0);
        assert_eq!(past.pass(&[], Timestamp(1_250)), 250);
        assert_eq!(past.pass(&[], Timestamp(9_000_000)), 2_000);
        assert_eq!(past.pass(&[], Timestamp(10)), 0);
    }
}
