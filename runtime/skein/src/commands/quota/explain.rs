//! `skein quota explain`: what somebody has of the fleet, and why not more.

use skein_api::{QuotaAccount, QuotaExplained, QuotaQueue};
use skein_types::{Resource, grouped};

use super::amount;
use crate::render;
use crate::view::View;

pub(super) fn shown(view: View, explained: &QuotaExplained) {
    view.told(explained, || told(explained));
}

fn told(explained: &QuotaExplained) {
    let by = match &explained.by {
        Some(by) if *by == explained.of => "its own quota".to_owned(),
        Some(by) => format!("the quota of {by}"),
        None => "no quota".to_owned(),
    };
    render::line(&format!("{}: {by}", explained.of));
    if !explained.divided {
        render::line("the fleet is not divided now: nobody set a quota, and one team at most is at work");
    }
    if let Some(account) = &explained.account {
        of_account(account);
    }
    if !explained.queues.is_empty() {
        render::line("");
        render::table(&["campaign", "size", "waiting", "permits", "why"], explained.queues.iter().map(row));
    }
}

fn of_account(account: &QuotaAccount) {
    let columns = [&account.guaranteed, &account.used, &account.granted, &account.borrowed, &account.lent];
    let there = |resource: &&Resource| columns.iter().any(|column| column.contains_key(resource));
    let cells = |resource: &Resource| {
        let of = |column: &std::collections::BTreeMap<Resource, u64>| {
            column.get(resource).map_or_else(|| "-".to_owned(), |number| amount(*resource, *number))
        };
        std::iter::once(resource.to_string()).chain(columns.iter().map(|column| of(column))).collect()
    };
    let header = ["resource", "guaranteed", "used", "permitted", "borrowed", "lent"];
    render::table(&header, Resource::ALL.iter().filter(there).map(cells));
    render::line(&format!("largest part: {} of {}", account.share, account.dominant));
    if let (Some(fuel), Some(until)) = (account.fuel, account.fuel_until) {
        render::line(&format!("fuel: {} spent, more from {until} on", grouped(fuel.0)));
    }
    if let Some(why) = &account.why {
        render::line(&format!("no more because: {why}"));
    }
}

fn row(queue: &QuotaQueue) -> Vec<String> {
    vec![
        queue.campaign.map(|id| id.to_string()).unwrap_or_default(),
        if queue.large { "large" } else { "small" }.to_owned(),
        grouped(queue.waiting),
        grouped(queue.permits),
        queue.why.as_ref().map(ToString::to_string).unwrap_or_default(),
    ]
}
