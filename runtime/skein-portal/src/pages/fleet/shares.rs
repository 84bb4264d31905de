//! How much of the fleet each team has: of those that did something in the last day, and of the first that there are.

use std::collections::BTreeSet;

use maud::{Markup, html};
use skein_api::{QuotaExplained, Status, Time, UsageBy};
use skein_control::{Desk, ServiceError, UsagePart};
use skein_types::{Resource, Timestamp, codes, grouped};

use crate::frame::encoded;
use crate::pages::quotas::amount;
use crate::pages::some;

/// Teams that are shown.
const TEAMS: usize = 20;
const DAY_MS: u64 = 24 * 3_600_000;

pub(super) struct Share {
    team: String,
    has: QuotaExplained,
}

pub(super) fn gather(desk: &Desk<'_>, status: &Status) -> Result<Vec<Share>, ServiceError> {
    let now = status.started.0.0.saturating_add(status.up_ms.0);
    let from = Some(Time(Timestamp(now.saturating_sub(DAY_MS))));
    let used = desk.usage(&UsagePart { by: UsageBy::Team, from, ..UsagePart::default() })?;
    let mut teams: BTreeSet<String> = used.sums.iter().take(TEAMS).map(|sum| sum.of.to_string()).collect();
    teams.extend(desk.teams(&some(TEAMS))?.items.iter().map(|team| team.team.to_string()));
    let mut shares = Vec::new();
    for team in teams.into_iter().filter(|team| !team.is_empty()).take(TEAMS) {
        match desk.explain_quota(&format!("team:{team}")) {
            Ok(has) => shares.push(Share { team, has }),
            // It has nothing, and no quota is set for it.
            Err(error) if error.code == codes::NOT_FOUND => {}
            Err(error) => return Err(error),
        }
    }
    Ok(shares)
}

pub(super) fn view(shares: &[Share]) -> Markup {
    html! {
        section aria-labelledby="teams" {
            h2 #teams { "Teams" }
            @if shares.is_empty() { p.empty { "No team that you see has work." } } @else {
                table {
                    thead { tr { th { "Team" } th { "Permits" } th { "Waiting" } th { "Slots" } th { "Memory" } th { "Largest part" } th { "Why not more" } } }
                    tbody { @for share in shares { (row(share)) } }
                }
            }
            p { a href="/quotas" { "Quotas" } " · " a href="/usage" { "What was used" } }
        }
    }
}

fn row(share: &Share) -> Markup {
    let Share { team, has } = share;
    let sum = |of: fn(&skein_api::QuotaQueue) -> u64| grouped(has.queues.iter().map(of).sum());
    let has_of = |resource: Resource| {
        let account = has.account.as_ref().and_then(|account| account.granted.get(&resource));
        amount(resource, account.copied().unwrap_or(0))
    };
    html! {
        tr {
            td { a href={ "/quotas/" (encoded(&format!("team:{team}"))) } { (team) } }
            td.number { (sum(|queue| queue.permits)) }
            td.number { (sum(|queue| queue.waiting)) }
            td.number { (has_of(Resource::Slots)) }
            td.number { (has_of(Resource::Memory)) }
            @match &has.account {
                Some(account) => { td.number { (account.share) " of " (account.dominant) } td { @if let Some(why) = &account.why { (why) } @else { "it wants no more" } } }
                None => { td { "none" } td { @if has.divided { "it has no work" } @else { "the fleet is not divided now" } } }
            }
        }
    }
}
