//! Quotas: whose there are, what each comes to now and why not to more, and the form that sets one.

mod edit;
mod show;

use std::sync::Arc;

use axum::Router;
use axum::extract::Query;
use axum::routing::get;
use maud::{Markup, html};
use serde::Deserialize;
use skein_api::{Quota, QuotaPut};
use skein_campaign::Span;
use skein_control::Control;
use skein_types::{Bytes, Resource, grouped};

use super::offered::{bad, offered};
use crate::frame::{self, command, counted, encoded};
use crate::pages::{After, rows};
use crate::viewer::{Failed, Page, Seen, Viewer};

const AT: &str = "/quotas";

pub(super) fn routes() -> Router<Arc<Control>> {
    Router::new()
        .route(AT, get(page))
        .route("/quotas/find", get(find))
        .merge(show::routes())
        .merge(edit::routes())
}

async fn page(viewer: Viewer, Query(asked): Query<After>) -> Result<Page, Failed> {
    viewer
        .page(move |desk, viewer| {
            let page =
                desk.quotas(&rows(asked.after))?;
            let content = html! {
                p { "How the fleet is divided: what a team is promised, and what it may take at most. Who has none of their own has the "
                    a href="/quotas/default" { "default" } "; all of them together have what is " a href="/quotas/org" { "everybody's" } "." }
                p { a href="/usage" { "What was used" } " · " (command("skein quota show")) }
                @if page.items.is_empty() { p.empty { "Nobody set any: teams at work share the fleet evenly." } } @else { (table(&page.items)) }
                (frame::more(AT, &[], page.next.as_deref()))
                (finder())
                (offered(&desk.may_govern(), || html! { p { "To set one, look at whose it is, here or in the list." } }))
            };
            Ok(frame::page(viewer, ("Quotas", Some(AT)), content))
        })
        .await
}

fn table(quotas: &[Quota]) -> Markup {
    html! {
        table {
            thead { tr { th { "Whose" } th { "Weight" } th { "Promised and at most" } th { "Fuel" } th { "What is more" } th { "Since" } } }
            tbody {
                @for quota in quotas {
                    tr {
                        td { a href={ "/quotas/" (encoded(&quota.of)) } { (quota.of) } }
                        td.number { (quota.quota.weight) }
                        td { (bounds(&quota.quota)) }
                        td { (fuel(&quota.quota)) }
                        td { (quota.quota.excess) }
                        td { (frame::time(quota.since)) }
                    }
                }
            }
        }
    }
}

fn bounds(quota: &QuotaPut) -> Markup {
    html! {
        @if quota.bounds.is_empty() { "nothing promised, no bound" }
        @for (number, (resource, bounds)) in quota.bounds.iter().enumerate() {
            @if number > 0 { "; " }
            (resource) " " (amount(*resource, bounds.guaranteed))
            @if let Some(limit) = bounds.limit { ", at most " (amount(*resource, limit)) }
            @if let Some(lendable) = bounds.lendable { ", lends " (amount(*resource, lendable)) }
        }
    }
}

fn fuel(quota: &QuotaPut) -> Markup {
    html! {
        @match &quota.fuel {
            Some(fuel) => { (grouped(fuel.fuel.0)) " in " (Span::of(fuel.per)) }
            None => { "no bound" }
        }
    }
}

/// So much of a resource, with its unit.
pub(super) fn amount(resource: Resource, amount: u64) -> String {
    match resource {
        Resource::Cpu => format!("{}.{:02} cores", grouped(amount / 1_000), amount % 1_000 / 10),
        Resource::Memory => Bytes(amount).to_string(),
        Resource::Slots => counted(amount, "agent", "agents"),
        Resource::Read | Resource::Write => format!("{}/s", Bytes(amount)),
    }
}

/// Why somebody waits is answered by their name.
fn finder() -> Markup {
    html! {
        section aria-labelledby="find" {
            h2 #find { "Why do I wait?" }
            form method="get" action="/quotas/find" {
                label for="of" { "Team (" code { "team:NAME" } ") or campaign (" code { "campaign:ID" } ")" } " "
                input #of name="of" required maxlength="220"; " "
                button { "Explain" } " " (command("skein quota explain team:NAME"))
            }
        }
    }
}

#[derive(Debug, Deserialize)]
struct Finding {
    of: String,
}

/// The address of a quota is its name's.
async fn find(viewer: Viewer, Query(asked): Query<Finding>) -> Result<Seen, Failed> {
    let named = asked.of.trim().to_owned();
    viewer
        .act(move |_| match named.is_empty() {
            true => Err(bad("whose quota", "nothing was said")),
            // What has no kind is a team, as people say it, or a campaign's id.
            false if ["org", "default"].contains(&named.as_str()) || named.contains(':') => {
                Ok(format!("/quotas/{}", encoded(&named)))
            }
            false if named.starts_with("cmp_") => Ok(format!("/quotas/campaign%3A{}", encoded(&named))),
            false => Ok(format!("/quotas/team%3A{}", encoded(&named))),
        })
        .await
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use skein_api::QuotaPut;
    use skein_types::{Bounds, Resource};

    use super::{amount, bounds};

    #[test]
    fn amounts_have_their_unit() {
        assert_eq!(amount(Resource::Cpu, 1_500), "1.50 cores");
        assert_eq!(amount(Resource::Memory, 3 << 30), "3GiB");
        assert_eq!(amount(Resource::Slots, 4_000), "4,000 agents");
        assert_eq!(amount(Resource::Read, 1 << 20), "1MiB/s");
        let memory = Bounds { guaranteed: 1 << 30, limit: Some(2 << 30), lendable: None };
        let quota = QuotaPut { bounds: BTreeMap::from([(Resource::Memory, memory)]), ..QuotaPut::default() };
        assert_eq!(bounds(&quota).into_string(), "memory 1GiB, at most 2GiB");
    }
}
