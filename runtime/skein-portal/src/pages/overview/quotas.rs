//! What the teams of whoever looks use now of what they may, and what they used since yesterday.

use maud::{Markup, html};
use skein_api::{QuotaExplained, QuotaPut, Status, Time, UsageReport, UsageSum};
use skein_control::{Desk, ListPart, ServiceError, UsagePart};
use skein_types::{Bytes, Resource, Timestamp, codes, grouped};

use crate::assets::GAUGE;
use crate::duration::lasting;
use crate::frame::{self, Gauge, gauge};

/// Whose are shown.
const SHOWN: usize = 6;
const DAY_MS: u64 = 24 * 3_600_000;

pub(super) struct Shown {
    quotas: Vec<QuotaExplained>,
    used: UsageReport,
}

pub(super) fn gather(desk: &Desk<'_>, status: &Status) -> Result<Shown, ServiceError> {
    let whoami = desk.whoami();
    let mut of: Vec<String> = Vec::new();
    if whoami.grants.iter().any(|grant| grant.team.is_none()) {
        // Of whoever sees all teams, those whose quota somebody set.
        let set = desk.quotas(&ListPart { limit: Some(SHOWN + 1), ..ListPart::default() })?;
        of.extend(set.items.iter().map(|quota| quota.of.to_string()).filter(|of| of != "default"));
    } else {
        of.extend(whoami.grants.iter().filter_map(|grant| Some(format!("team:{}", grant.team.as_ref()?))));
        of.sort();
        of.dedup();
    }
    let mut quotas = Vec::new();
    for one in of.iter().take(SHOWN) {
        match desk.explain_quota(one) {
            Ok(explained) => quotas.push(explained),
            Err(error) if error.code == codes::NOT_FOUND => {}
            Err(error) => return Err(error),
        }
    }
    let now = status.started.0.0.saturating_add(status.up_ms.0);
    let from = Some(Time(Timestamp(now.saturating_sub(DAY_MS))));
    Ok(Shown { quotas, used: desk.usage(&UsagePart { from, ..UsagePart::default() })? })
}

pub(super) fn view(shown: &Shown) -> Markup {
    html! {
        section aria-labelledby="quotas" {
            h2 #quotas { "What teams use" }
            @if shown.quotas.iter().all(|one| one.quota.is_none()) {
                p.empty { "No quota is set for you: what is there is shared by all that are at work." }
            } @else {
                (GAUGE.module())
                div.scroll tabindex="0" role="region" aria-labelledby="quotas" {
                    table {
                        thead { tr { th { "Whose" } th { "Of" } th { "Now, of what it may" } th { "Why no more" } } }
                        tbody { @for one in &shown.quotas { (rows(one)) } }
                    }
                }
            }
            @if !shown.used.sums.is_empty() { (used(&shown.used)) }
            p { a href="/quotas" { "Quotas" } }
        }
    }
}

fn rows(of: &QuotaExplained) -> Markup {
    let Some(quota) = &of.quota else { return html! {} };
    let burns = burns(of, quota);
    let why = of.account.as_ref().and_then(|account| account.why.as_ref());
    html! {
        @if burns.is_empty() {
            tr { th scope="row" { (of.of) } td colspan="3" { span.note { "not bounded" } } }
        }
        @for (at, burn) in burns.iter().enumerate() {
            tr {
                th scope="row" { (of.of) }
                td { (burn.what) }
                td { (meter(burn, &of.of)) }
                td { @if at == 0 { @if let Some(why) = why { (why) } } }
            }
        }
    }
}

/// How much of something is used, of how much.
struct Burn {
    what: &'static str,
    used: u64,
    limit: u64,
    unit: fn(u64) -> String,
}

fn burns(of: &QuotaExplained, quota: &QuotaPut) -> Vec<Burn> {
    let used = |resource| of.account.as_ref().and_then(|account| account.used.get(&resource)).copied();
    let bounded = quota.bounds.iter().filter_map(|(resource, bounds)| {
        let (what, unit): (_, fn(u64) -> String) = match resource {
            Resource::Cpu => ("cores", cores),
            Resource::Memory => ("memory", |bytes| Bytes(bytes).to_string()),
            Resource::Slots => ("agents", grouped),
            Resource::Read => ("reading", rate),
            Resource::Write => ("writing", rate),
        };
        Some(Burn { what, used: used(*resource).unwrap_or_default(), limit: bounds.limit?, unit })
    });
    let spent = of.account.as_ref().and_then(|account| account.fuel);
    let fuel = quota.fuel.map(|fuel| Burn {
        what: "fuel",
        used: spent.map_or(0, |spent| spent.0),
        limit: fuel.fuel.0,
        unit: grouped,
    });
    bounded.chain(fuel).collect()
}

fn cores(thousandths: u64) -> String {
    format!("{}.{}", thousandths / 1_000, thousandths % 1_000 / 100)
}

fn rate(bytes: u64) -> String {
    format!("{}/s", Bytes(bytes))
}

fn meter(burn: &Burn, of: &str) -> Markup {
    let Burn { what, used, limit, unit } = *burn;
    let said = format!("{} of {}", unit(used), unit(limit));
    gauge(&Gauge { name: &format!("{what} of {of}"), used, limit, said: &said, warns: true })
}

fn used(report: &UsageReport) -> Markup {
    html! {
        h3 { "Used" @if let Some(from) = report.from { " since " (frame::time(from)) } }
        div.scroll tabindex="0" role="region" aria-label="Used since yesterday" {
            table {
                thead {
                    tr {
                        th { "Team" } th.number { "CPU time" } th.number { "Fuel" } th.number { "Read" } th.number { "Written" }
                        th.number { "Attempts" } th.number { "Old versions kept" }
                        @if let Some(currency) = &report.currency { th.number { "Cost, " (currency) } }
                    }
                }
                tbody { @for sum in report.sums.iter().take(SHOWN) { (sum_row(sum, report.currency.is_some())) } }
            }
        }
    }
}

fn sum_row(sum: &UsageSum, priced: bool) -> Markup {
    html! {
        tr {
            th scope="row" { @if sum.of.is_empty() { "of none" } @else { (sum.of) } }
            td.number { (lasting(sum.cpu_ms)) }
            td.number { (grouped(sum.fuel.0)) }
            td.number { (sum.bytes_read) }
            td.number { (sum.bytes_written) }
            td.number { (grouped(sum.attempts)) }
            td.number { @if let Some(kept) = sum.kept { (kept) } }
            @if priced { td.number { @if let Some(cost) = &sum.cost { (cost) } } }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Burn, cores, meter};
    use skein_types::grouped;

    #[test]
    fn what_is_used_is_said_as_it_is() {
        let said =
            meter(&Burn { what: "agents", used: 12, limit: 10, unit: grouped }, "team:pay").into_string();
        assert!(said.contains("12 of 10") && said.contains("aria-label=\"agents of team:pay\""), "{said}");
    }

    #[test]
    fn people_see_cores() {
        assert_eq!([cores(1_500), cores(4_000), cores(50)], ["1.5", "4.0", "0.0"]);
    }
}
