//! Fuel: what has spent its budget starts nothing until the next time begins.

use skein_types::{FuelBudget, QuotaOf, Timestamp};

use super::table::{Table, campaign_key};
use crate::past::{Past, Spent};
use crate::quotas::{Quota, Quotas};
use crate::reason::Reason;

/// Settles all budgets and closes the queues of those that are spent.
pub(super) fn close(table: &mut Table<'_>, quotas: &Quotas, past: &mut Past, now: Timestamp) {
    let settle = |spent: &mut Spent, quota: Option<&Quota>, of: QuotaOf| {
        let budget: Option<FuelBudget> = quota.and_then(|quota| quota.fuel).filter(|budget| budget.per.0 > 0);
        let until = spent.settle(budget.as_ref(), now);
        let fuel = budget.map(|budget| (spent.fuel.0, Spent::next(&budget, now)));
        (fuel, until.map(|until| Reason::FuelSpent { of, until }))
    };
    let (fuel, of_all) = settle(&mut past.fuel, quotas.org.as_ref(), QuotaOf::Org);
    table.org.fuel = fuel;
    let mut of_teams: Vec<Option<Reason>> = Vec::with_capacity(table.teams.len());
    for team in &mut table.teams {
        let Some(QuotaOf::Team(name)) = &team.of else { continue };
        let spent = &mut past.teams.entry(name.clone()).or_default().fuel;
        let (fuel, reason) = settle(spent, Some(quotas.of_team(name)), QuotaOf::Team(name.clone()));
        team.fuel = fuel;
        of_teams.push(of_all.clone().or(reason));
    }
    let mut of_campaigns: Vec<Option<Reason>> = Vec::with_capacity(table.campaigns.len());
    for (at, campaign) in table.campaigns.iter_mut().enumerate() {
        let team = table.team_of[at];
        let mut reason = None;
        if let Some((name, Some(id))) = campaign_key(&table.teams[team], campaign) {
            let kept = past.teams.entry(name.clone()).or_default().campaigns.entry(Some(id)).or_default();
            let of = QuotaOf::Campaign(id);
            (campaign.fuel, reason) = settle(&mut kept.fuel, Some(quotas.of_campaign(id)), of);
        }
        of_campaigns.push(of_teams.get(team).cloned().flatten().or(reason));
    }
    for line in &mut table.lines {
        line.closed = of_campaigns[line.campaign].clone();
    }
}
