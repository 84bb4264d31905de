//! Time of processors: who has taken more of it than their limit lets begins nothing until that is made up for.

use skein_types::Resource;

use super::table::{Party, Table, campaign_key};
use crate::past::{Overdraft, Past};

/// Settles the overdrafts of all that have a limit.
pub(super) fn settle(table: &mut Table<'_>, past: &mut Past) {
    let elapsed = past.elapsed;
    let settle = |party: &mut Party, overdraft: &mut Overdraft| {
        party.overdrawn = overdraft.settle(party.terms.limit[Resource::Cpu], elapsed);
    };
    settle(&mut table.org, &mut past.cpu);
    for (at, campaign) in table.campaigns.iter_mut().enumerate() {
        let Some((name, id)) = campaign_key(&table.teams[table.team_of[at]], campaign) else { continue };
        let team = past.teams.entry(name.clone()).or_default();
        settle(campaign, &mut team.campaigns.entry(id).or_default().cpu);
    }
    for team in &mut table.teams {
        let Some(skein_types::QuotaOf::Team(name)) = &team.of else { continue };
        let overdraft = &mut past.teams.entry(name.clone()).or_default().cpu;
        settle(team, overdraft);
    }
}
