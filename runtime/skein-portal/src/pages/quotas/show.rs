//! One quota: what it comes to now, and why not to more.

use std::sync::Arc;

use axum::Router;
use axum::extract::Path;
use axum::routing::get;
use maud::{Markup, html};
use skein_api::{Quota, QuotaAccount, QuotaExplained, QuotaQueue};
use skein_control::{Control, Desk, ServiceError};
use skein_types::{Resource, codes, grouped};

use super::{AT, amount, bounds, edit, fuel};
use crate::assets::GAUGE;
use crate::frame::{self, Gauge, command, encoded, gauge, live_of_all, quoted};
use crate::pages::offered::offered;
use crate::viewer::{Failed, Page, Viewer};

/// Queues that are shown, of a team with many campaigns.
const QUEUES: usize = 50;

pub(super) fn routes() -> Router<Arc<Control>> {
    Router::new().route("/quotas/{of}", get(page)).route("/live/quotas/{of}", get(part))
}

/// As it was set, if it was.
pub(super) fn set(desk: &Desk<'_>, of: &str) -> Result<Option<Quota>, ServiceError> {
    match desk.quota(of) {
        Ok(quota) => Ok(Some(quota)),
        Err(error) if error.code == codes::NOT_FOUND => Ok(None),
        Err(error) => Err(error),
    }
}

async fn page(viewer: Viewer, Path(of): Path<String>) -> Result<Page, Failed> {
    viewer
        .page(move |desk, viewer| {
            let explained = explained(desk, &of)?;
            let quota = set(desk, &of)?;
            let content = html! {
                (live_of_all(&format!("/live/quotas/{}", encoded(&of)), "kind=quota.,run.,campaign.", view(&of, explained.as_ref())))
                p {
                    (command(&format!("skein quota explain {}", quoted(&of))))
                    // What it was before is in the record, which is not for everybody.
                    @if desk.may_audit().is_ok() {
                        " " a href={ "/audit?subject=" (encoded(&format!("quota:{of}"))) } { "Who set it, when, and to what" }
                    }
                }
                (offered(&desk.may_govern(), || edit::forms(&of, quota.as_ref(), viewer)))
            };
            Ok(frame::page(viewer, (&format!("Quota of {of}"), Some(AT)), content))
        })
        .await
}

async fn part(viewer: Viewer, Path(of): Path<String>) -> Result<Page, Failed> {
    viewer.page(move |desk, _| Ok(view(&of, explained(desk, &of)?.as_ref()))).await
}

/// Whoever may set a quota may do so before there is anything of its team; there is nothing to be said of it then.
fn explained(desk: &Desk<'_>, of: &str) -> Result<Option<QuotaExplained>, ServiceError> {
    match desk.explain_quota(of) {
        Ok(explained) => Ok(Some(explained)),
        Err(error) if error.code == codes::NOT_FOUND && desk.may_govern().is_ok() => Ok(None),
        Err(error) => Err(error),
    }
}

fn view(of: &str, explained: Option<&QuotaExplained>) -> Markup {
    let Some(explained) = explained else {
        return html! { p.empty { "There is nothing of " (of) " yet: no team, no datasets, no quota." } };
    };
    html! {
        dl {
            dt { "Set" }
            dd {
                @match (&explained.by, &explained.quota) {
                    (Some(by), Some(quota)) => {
                        @if by.as_str() != of { "by the " a href={ "/quotas/" (encoded(by)) } { (by) } ": " }
                        (bounds(quota)) "; weight " (quota.weight) "; fuel " (fuel(quota)) "; what is more: " (quota.excess)
                    }
                    _ => { "nothing: it shares evenly with whoever is at work" }
                }
            }
            dt { "Divided" } dd { @if explained.divided { "the fleet is divided now" } @else { "it is not: one team is at work and nobody set a quota" } }
            @if let Some(account) = &explained.account {
                dt { "Why not more" } dd { @if let Some(why) = &account.why { strong.waits { (why) } } @else { "it wants no more" } }
                dt { "Largest part" } dd { (account.share) " of the fleet's " (account.dominant) }
                @if let (Some(spent), Some(until)) = (account.fuel, account.fuel_until) {
                    dt { "Fuel" } dd { (grouped(spent.0)) " spent, until " (frame::time(until)) }
                }
            }
        }
        @match &explained.account { Some(account) => (accounts(account, explained)), None => p.empty { "It takes no part now: it has no work." } }
        (queues(&explained.queues))
    }
}

fn accounts(account: &QuotaAccount, explained: &QuotaExplained) -> Markup {
    let limit = |resource: &Resource| {
        let bounds = explained.quota.as_ref().and_then(|quota| quota.bounds.get(resource));
        bounds.and_then(|bounds| bounds.limit)
    };
    html! {
        (GAUGE.module())
        table {
            caption.visually-hidden { "What it has of each resource" }
            thead { tr { th { "Resource" } th { "Used of what is permitted" } th { "Permitted" } th { "Promised" } th { "Borrowed" } th { "Lent" } th { "At most" } } }
            tbody {
                @for resource in Resource::ALL {
                    @let of = |all: &std::collections::BTreeMap<Resource, u64>| all.get(resource).copied().unwrap_or(0);
                    @let (used, granted) = (of(&account.used), of(&account.granted));
                    tr {
                        th scope="row" { (resource) }
                        td { (gauge(&Gauge { name: &format!("{resource} used"), used, limit: granted, said: &amount(*resource, used), warns: false })) }
                        td.number { (amount(*resource, granted)) }
                        td.number { (amount(*resource, of(&account.guaranteed))) }
                        td.number { (amount(*resource, of(&account.borrowed))) }
                        td.number { (amount(*resource, of(&account.lent))) }
                        td.number { @match limit(resource) { Some(limit) => (amount(*resource, limit)), None => "no bound" } }
                    }
                }
            }
        }
    }
}

fn queues(queues: &[QuotaQueue]) -> Markup {
    html! {
        h2 { "Work" }
        @if queues.is_empty() { p.empty { "None." } } @else {
            table {
                thead { tr { th { "Campaign" } th { "Size" } th { "Waiting" } th { "Permits" } th { "Why they wait" } } }
                tbody {
                    @for queue in queues.iter().take(QUEUES) {
                        tr {
                            td { @match queue.campaign { Some(id) => a href={ "/campaigns/" (id) } { (id) }, None => "none" } }
                            td { @if queue.large { "large" } @else { "small" } }
                            td.number { (grouped(queue.waiting)) @if queue.waiting >= 64 { " or more" } }
                            td.number { (grouped(queue.permits)) }
                            td { @if let Some(why) = &queue.why { (why) } }
                        }
                    }
                }
            }
            @if queues.len() > QUEUES { p.note { (grouped((queues.len() - QUEUES) as u64)) " more are not shown." } }
        }
    }
}
