//! The list of campaigns: filtered and sorted by the server, as the address says.

use std::sync::Arc;

use axum::Router;
use axum::extract::Query;
use axum::routing::get;
use maud::{Markup, html};
use serde::Deserialize;
use skein_api::Campaign;
use skein_control::{CampaignOrder, CampaignPart, Control, Desk, ServiceError};
use skein_types::{CampaignState, ModuleDigest, codes};

use super::said;
use crate::ROWS;
use crate::frame::{self, address, bar, because, command, line, quoted, select, state};
use crate::viewer::{Failed, Page, Viewer};

const AT: &str = "/campaigns";
/// Where the address says nothing.
const ORDER: CampaignOrder = CampaignOrder::Newest;

pub(super) fn routes() -> Router<Arc<Control>> {
    Router::new().route(AT, get(page))
}

/// What the address says.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Asked {
    after: Option<String>,
    state: Option<String>,
    owner: Option<String>,
    prefix: Option<String>,
    module: Option<String>,
    order: Option<String>,
}

impl Asked {
    fn read(self) -> Self {
        Self {
            after: said(self.after),
            state: said(self.state),
            owner: said(self.owner),
            prefix: said(self.prefix),
            module: said(self.module),
            order: said(self.order),
        }
    }

    fn part(&self) -> Result<CampaignPart, ServiceError> {
        let bad = |what: &str, said: &str| {
            ServiceError::new(codes::BODY_INVALID, format!("the address says {said:?}, which is no {what}"))
                .hint(Some("begin anew with the list of all campaigns, and choose there"))
        };
        let state = |word: &str| word.parse::<CampaignState>().map_err(|_| bad("state of a campaign", word));
        let module = |word: &str| word.parse::<ModuleDigest>().map_err(|_| bad("digest of a module", word));
        Ok(CampaignPart {
            after: self.after.clone(),
            limit: Some(ROWS),
            state: self.state.as_deref().map(state).transpose()?,
            owner: self.owner.clone(),
            prefix: self.prefix.clone(),
            module: self.module.as_deref().map(module).transpose()?,
            order: self
                .order
                .as_deref()
                .map_or(Ok(ORDER), |word| order(word).ok_or_else(|| bad("order of campaigns", word)))?,
        })
    }

    /// The order that the list is in.
    fn order(&self) -> CampaignOrder {
        self.order.as_deref().and_then(order).unwrap_or(ORDER)
    }

    fn is_filtered(&self) -> bool {
        [&self.state, &self.owner, &self.prefix, &self.module].into_iter().any(Option::is_some)
    }

    /// For the address of the next page.
    fn query(&self) -> [(&'static str, &str); 5] {
        [
            ("state", self.state.as_deref().unwrap_or_default()),
            ("owner", self.owner.as_deref().unwrap_or_default()),
            ("prefix", self.prefix.as_deref().unwrap_or_default()),
            ("module", self.module.as_deref().unwrap_or_default()),
            ("order", self.order.as_deref().unwrap_or_default()),
        ]
    }

    /// The address of the same list from its beginning, in another order.
    fn sorted(&self, order: CampaignOrder) -> String {
        let rest = self.query().into_iter().filter(|(name, _)| *name != "order");
        address(AT, rest.chain([("order", order.as_str())]))
    }
}

fn order(word: &str) -> Option<CampaignOrder> {
    CampaignOrder::ALL.into_iter().find(|order| order.as_str() == word)
}

/// What people call an order.
const fn called(order: CampaignOrder) -> &'static str {
    match order {
        CampaignOrder::Oldest => "oldest first",
        CampaignOrder::Newest => "newest first",
        CampaignOrder::Name => "by name",
        CampaignOrder::Failed => "most failed runs first",
        CampaignOrder::Moved => "last moved first",
    }
}

async fn page(viewer: Viewer, Query(asked): Query<Asked>) -> Result<Page, Failed> {
    let asked = asked.read();
    viewer
        .page(move |desk, viewer| Ok(frame::page(viewer, ("Campaigns", Some(AT)), gathered(desk, &asked)?)))
        .await
}

fn gathered(desk: &Desk<'_>, asked: &Asked) -> Result<Markup, ServiceError> {
    let page = desk.campaigns(&asked.part()?)?;
    let may = desk.may_make_campaigns();
    Ok(html! {
        @match &may {
            Ok(()) => p {
                a.button href="/campaigns/new" { "New campaign" } " "
                (command("skein campaign create NAME --module MODULE@VERSION"))
            },
            Err(refused) => (frame::refused(refused)),
        }
        (filter(asked))
        @if page.items.is_empty() { (nothing(asked, may.is_ok())) } @else { (sortable(asked, &page.items)) }
        (frame::more(AT, &asked.query(), page.next.as_deref()))
    })
}

fn filter(asked: &Asked) -> Markup {
    let states = CampaignState::ALL.iter().map(|state| state.as_str());
    html! {
        form.filter method="get" action=(AT) role="search" aria-label="Campaigns" {
            (select(("state", "state", "State"), "any", states, asked.state.as_deref())) " "
            (line(("owner", "owner", "Team"), asked.owner.as_deref(), 200)) " "
            (line(("prefix", "prefix", "Name begins with"), asked.prefix.as_deref(), 200)) " "
            @if let Some(module) = &asked.module { input type="hidden" name="module" value=(module); }
            label for="order" { "Order" } " "
            select #order name="order" {
                @for order in CampaignOrder::ALL {
                    option value=(order.as_str()) selected[order == asked.order()] { (called(order)) }
                }
            } " "
            button { "Show" }
            @if asked.is_filtered() { " " a href=(AT) { "All" } }
        }
        p { (command(&listing(asked))) }
        @if let Some(module) = &asked.module { p.note { "Of the module " code { (module) } "." } }
    }
}

fn listing(asked: &Asked) -> String {
    let of = |name: &str, said: &Option<String>| {
        said.as_deref().map(|said| format!(" --{name} {}", quoted(said))).unwrap_or_default()
    };
    let (state, owner) = (of("in", &asked.state), of("owner", &asked.owner));
    let (prefix, module) = (of("prefix", &asked.prefix), of("module", &asked.module));
    format!("skein campaign list --order {}{state}{owner}{prefix}{module}", asked.order().as_str())
}

/// Where there is nothing to list: what to do about it.
fn nothing(asked: &Asked, may_make: bool) -> Markup {
    html! {
        @if asked.is_filtered() {
            p.empty { "None is so. " a href=(AT) { "Show all" } "." }
        } @else if asked.after.is_some() {
            p.empty { "There are no more." }
        } @else {
            p.empty {
                "There is none yet that you may see. "
                @if may_make { "A campaign runs a module over datasets: " a href="/campaigns/new" { "make one" } "." }
            }
        }
    }
}

pub(super) fn table(campaigns: &[Campaign]) -> Markup {
    let heads = html! {
        th scope="col" { "Campaign" } th scope="col" { "Team" } th scope="col" { "State" }
        th scope="col" { "Runs" } th scope="col" { "Since" }
    };
    under(&heads, campaigns)
}

/// The list of this page, whose heads sort it.
fn sortable(asked: &Asked, campaigns: &[Campaign]) -> Markup {
    let by = |order: CampaignOrder, head: &str, direction: &str| {
        html! {
            th scope="col" aria-sort=[(asked.order() == order).then_some(direction)] {
                a href=(asked.sorted(order)) title=(called(order)) { (head) }
            }
        }
    };
    let heads = html! {
        (by(CampaignOrder::Name, "Campaign", "ascending"))
        th scope="col" { "Team" } th scope="col" { "State" }
        (by(CampaignOrder::Failed, "Runs", "descending"))
        (by(CampaignOrder::Moved, "Since", "descending"))
    };
    under(&heads, campaigns)
}

fn under(heads: &Markup, campaigns: &[Campaign]) -> Markup {
    html! {
        table {
            thead { tr { (heads) } }
            tbody { @for campaign in campaigns { (row(campaign)) } }
        }
    }
}

fn row(campaign: &Campaign) -> Markup {
    let runs = &campaign.runs;
    let all = campaign.datasets.saturating_sub(runs.ineligible);
    html! {
        tr {
            td { a href={ "/campaigns/" (campaign.campaign) } { (campaign.name) } }
            td { (campaign.owner) }
            td { (state(&campaign.state.to_string())) @if let Some(why) = &campaign.why { " " (because(why)) } }
            td { (bar(runs.published + runs.finalized, runs.failed, all)) }
            td { (frame::time(campaign.since)) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Asked, CampaignOrder, filter, listing, nothing, sortable};
    use skein_types::CampaignState;

    fn asked(state: &str, prefix: &str) -> Asked {
        let some = |text: &str| Some(text.to_owned());
        Asked { state: some(state), prefix: some(prefix), ..Asked::default() }.read()
    }

    #[test]
    fn what_a_form_leaves_empty_is_not_asked_for() {
        let all = asked("", " ").part().unwrap();
        assert_eq!((all.state, all.prefix, all.order), (None, None, CampaignOrder::Newest));
        let some = asked("rolling_back", "a&b");
        assert_eq!(some.part().unwrap().state, Some(CampaignState::RollingBack));
        assert!(filter(&some).into_string().contains("value=\"rolling_back\" selected"));
        assert_eq!(listing(&some), "skein campaign list --order newest --in rolling_back --prefix 'a&b'");
        let of_a_module = Asked { module: Some("mod_1".to_owned()), ..Asked::default() };
        assert_eq!(listing(&of_a_module), "skein campaign list --order newest --module mod_1");
    }

    #[test]
    fn heads_sort_what_is_filtered_and_say_how_it_is_sorted() {
        let order = Some("failed".to_owned());
        let asked = Asked { order, after: Some("x".to_owned()), ..asked("draft", "a&b") };
        assert_eq!(asked.part().unwrap().order, CampaignOrder::Failed);
        let table = sortable(&asked, &[]).into_string();
        assert!(table.contains("href=\"/campaigns?state=draft&amp;prefix=a%26b&amp;order=name\""), "{table}");
        let sorted =
            "aria-sort=\"descending\"><a href=\"/campaigns?state=draft&amp;prefix=a%26b&amp;order=failed\"";
        assert!(table.contains(sorted), "{table}");
        assert_eq!(table.matches("aria-sort").count(), 1, "{table}");
        assert!(filter(&asked).into_string().contains("value=\"failed\" selected"));
        assert_eq!(listing(&asked), "skein campaign list --order failed --in draft --prefix 'a&b'");
        let nowhere = Asked { order: Some("sideways".to_owned()), ..Asked::default() };
        assert!(nowhere.part().unwrap_err().message.contains("\"sideways\""));
    }

    #[test]
    fn an_address_that_nobody_could_mean_is_refused_and_an_empty_list_says_why() {
        assert!(asked("nowhere", "").part().unwrap_err().message.contains("\"nowhere\""));
        assert!(nothing(&asked("draft", ""), true).into_string().contains("Show all"));
        assert!(nothing(&asked("", ""), true).into_string().contains("/campaigns/new"));
        assert!(!nothing(&asked("", ""), false).into_string().contains("/campaigns/new"));
    }
}
