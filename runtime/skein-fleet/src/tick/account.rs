//! What each has, for people who ask.

use std::collections::BTreeMap;

use skein_types::{QuotaOf, Resource};

use super::table::{Party, Table};
use crate::amounts::{Amounts, real, whole};
use crate::grants::Account;
use crate::reason::Reason;

/// Of all together, of each team that takes part or has a quota, and of each campaign that takes part.
pub(super) fn accounts(table: &Table<'_>, reasons: &[Option<Reason>]) -> BTreeMap<QuotaOf, Account> {
    let mut why_team: Vec<Option<&Reason>> = vec![None; table.teams.len()];
    let mut why_campaign: Vec<Option<&Reason>> = vec![None; table.campaigns.len()];
    for (line, reason) in table.lines.iter().zip(reasons) {
        let Some(reason) = reason.as_ref().filter(|reason| **reason != Reason::Starting) else { continue };
        why_team[line.team].get_or_insert(reason);
        why_campaign[line.campaign].get_or_insert(reason);
    }
    let lent = lent(table);
    let teams = table.teams.iter().zip(&why_team).enumerate();
    let teams = teams.filter_map(|(at, (team, why))| {
        Some((team.of.clone()?, account(table, team, lent.get(at).copied().unwrap_or_default(), *why)))
    });
    let campaigns = table.campaigns.iter().zip(&why_campaign);
    let campaigns = campaigns.filter_map(|(campaign, why)| {
        Some((campaign.of.clone()?, account(table, campaign, Amounts::NONE, *why)))
    });
    let all = (QuotaOf::Org, account(table, &table.org, Amounts::NONE, None));
    teams.chain(campaigns).chain(std::iter::once(all)).collect()
}

fn account(table: &Table<'_>, party: &Party, lent: Amounts, why: Option<&Reason>) -> Account {
    let (dominant, share) = party.granted.dominant(&table.whole);
    Account {
        guaranteed: party.terms.guaranteed,
        used: party.running,
        granted: party.granted,
        borrowed: party.granted.minus(party.terms.guaranteed),
        lent,
        dominant,
        share,
        ahead: party.lead.seconds,
        fuel: party.fuel,
        why: why.cloned(),
    }
}

/// What others have of what each team is guaranteed and does not use: what all have beyond their guarantees and is not what
/// nobody was promised, divided over those who could lend it.
fn lent(table: &Table<'_>) -> Vec<Amounts> {
    let mut lent = vec![Amounts::NONE; table.teams.len()];
    for resource in Resource::ALL.iter().copied() {
        let idle = |team: &Party| {
            let (terms, granted) = (&team.terms, team.granted[resource]);
            terms.guaranteed[resource].saturating_sub(granted.max(terms.kept[resource]))
        };
        let sum = |of: &dyn Fn(&Party) -> u64| table.teams.iter().map(of).fold(0, u64::saturating_add);
        let promised = sum(&|team| team.terms.guaranteed[resource]);
        let beyond = sum(&|team| team.granted[resource].saturating_sub(team.terms.guaranteed[resource]));
        let unpromised = table.total[resource].saturating_sub(promised);
        let (borrowed, could) = (beyond.saturating_sub(unpromised), sum(&idle));
        if borrowed == 0 || could == 0 {
            continue;
        }
        let part = (real(borrowed) / real(could)).min(1.0);
        for (team, lent) in table.teams.iter().zip(&mut lent) {
            *lent = lent.with(resource, whole((real(idle(team)) * part).round()));
        }
    }
    lent
}
