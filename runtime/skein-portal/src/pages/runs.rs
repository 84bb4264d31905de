//! The runs of a campaign: a part of the list, by state and slice. Which part is in the address.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, Query};
use axum::routing::get;
use maud::{Markup, html};
use serde::Deserialize;
use skein_api::{Campaign, CampaignVerb, Page as ListPage, Run};
use skein_campaign::possible;
use skein_control::{Control, Desk, ListPart, ServiceError};
use skein_types::{AttemptId, RunState, Verb, grouped};

use super::offered::bad;
use super::states::{ORDER, bar, count, shown, word};
use crate::ROWS;
use crate::frame::{self, command, secret};
use crate::viewer::{Failed, Page, Viewer};

pub(super) fn routes() -> Router<Arc<Control>> {
    Router::new().route("/campaigns/{campaign}/runs", get(page))
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Asked {
    /// A word, so that a form's empty choice is none.
    state: String,
    slice: String,
    after: Option<String>,
    /// One run, by its number or the name of its dataset.
    find: String,
}

struct Shown {
    campaign: Campaign,
    runs: Vec<Run>,
    /// Runs that attempts are at.
    at_work: BTreeMap<u64, AttemptId>,
    next: Option<String>,
    /// Why nothing is shown.
    refused: Option<String>,
    may_retry: bool,
}

fn gather(desk: &Desk<'_>, named: &str, asked: &Asked) -> Result<Shown, ServiceError> {
    let campaign = desk.campaign(named)?;
    let found = found(desk, named, asked);
    // What cannot be found is said beside the form that asked for it.
    let (runs, next, refused) = match found {
        Ok(page) => {
            let next = page.next.as_ref().map(|next| next.to_string());
            (page.items.into_vec(), next, None)
        }
        Err(error) => (Vec::new(), None, Some(error.message)),
    };
    let may_retry = possible(Verb::Retry, campaign.state) && desk.may_ask(named, CampaignVerb::Retry).is_ok();
    let at_work = desk.runs_at_work(named)?;
    Ok(Shown { campaign, runs, at_work, next, refused, may_retry })
}

fn found(desk: &Desk<'_>, named: &str, asked: &Asked) -> Result<ListPage<Run>, ServiceError> {
    if !asked.find.is_empty() {
        let run = desk.run(named, asked.find.trim())?;
        return Ok(ListPage { items: skein_api::List::first(vec![run]).0, next: None });
    }
    let state = Some(asked.state.as_str()).filter(|state| !state.is_empty());
    let unknown = |error: skein_types::UnknownWord| bad("state", &error.to_string());
    let part = ListPart {
        after: asked.after.clone(),
        limit: Some(ROWS),
        state: state.map(str::parse).transpose().map_err(unknown)?,
        slice: Some(asked.slice.clone()).filter(|slice| !slice.is_empty()),
        ..ListPart::default()
    };
    desk.runs(named, &part)
}

async fn page(viewer: Viewer, Path(named): Path<String>, Query(asked): Query<Asked>) -> Result<Page, Failed> {
    viewer
        .page(move |desk, viewer| {
            let shown = gather(desk, &named, &asked)?;
            let title = format!("Runs: {}", shown.campaign.name);
            Ok(frame::page(viewer, (&title, Some("/campaigns")), view(&shown, &asked, viewer)))
        })
        .await
}

fn view(shown: &Shown, asked: &Asked, viewer: &Viewer) -> Markup {
    let Shown { campaign, runs, next, refused, .. } = shown;
    let at = format!("/campaigns/{}/runs", campaign.campaign);
    let state: Option<RunState> = asked.state.parse().ok();
    let line = match runs.as_slice() {
        [one] if !asked.find.is_empty() => format!("skein campaign run {} {}", campaign.campaign, one.seq),
        _ => listing(&campaign.campaign.to_string(), state, &asked.slice),
    };
    html! {
        p.parts { a href={ "/campaigns/" (campaign.campaign) } { "How it is getting on" } }
        (bar(&campaign.runs, &at))
        (filter(&at, asked, state))
        p { (command(&line)) }
        @if state == Some(RunState::Failed) && shown.may_retry && campaign.runs.failed > 0 { (retry_all(campaign, viewer)) }
        @if let Some(refused) = refused { p.waits { (refused) } }
        @else if runs.is_empty() { p.empty { "There is none" @if let Some(state) = state { " that is " (word(state)) } "." } }
        @else { (table(&at, runs, &shown.at_work)) }
        (frame::more(&at, &[("state", &asked.state), ("slice", &asked.slice)], next.as_deref()))
    }
}

/// The same, typed. A slice goes with a state.
fn listing(campaign: &str, state: Option<RunState>, slice: &str) -> String {
    let of_slice =
        || if slice.is_empty() { String::new() } else { format!(" --slice {}", frame::quoted(slice)) };
    let filter = state.map(|state| format!(" --in {state}{}", of_slice())).unwrap_or_default();
    format!("skein campaign runs {campaign}{filter}")
}

fn filter(at: &str, asked: &Asked, state: Option<RunState>) -> Markup {
    html! {
        form.filter method="get" action=(at) {
            p {
                label for="state" { "State" } br;
                select #state name="state" {
                    option value="" { "all" }
                    @for one in ORDER { option value=(one) selected[state == Some(one)] { (word(one)) } }
                }
            }
            p {
                label for="slice" { "Datasets of the team (with a state)" } br;
                input #slice name="slice" value=(asked.slice) maxlength="200";
            }
            p {
                label for="find" { "Or one run: its number or its dataset" } br;
                input #find name="find" value=(asked.find) maxlength="200";
            }
            p { button { "Show" } }
        }
    }
}

fn retry_all(campaign: &Campaign, viewer: &Viewer) -> Markup {
    let id = campaign.campaign;
    let others = count(&campaign.runs, RunState::Skipped) + count(&campaign.runs, RunState::Stale);
    html! {
        p {
            form.inline method="post" action={ "/campaigns/" (id) "/actions/retry" } {
                (secret(viewer))
                input type="hidden" name="expect" value=(campaign.state);
                button {
                    "Retry all " (grouped(campaign.runs.failed)) " that failed"
                    @if others > 0 { ", and " (grouped(others)) " skipped or stale" }
                }
            }
            " " (command(&format!("skein campaign retry {id}")))
        }
    }
}

fn table(at: &str, runs: &[Run], at_work: &BTreeMap<u64, AttemptId>) -> Markup {
    html! {
        table {
            thead {
                tr {
                    th.number scope="col" { "Run" } th scope="col" { "Dataset" } th scope="col" { "Wave" } th scope="col" { "State" }
                    th scope="col" { "Why" } th.number scope="col" { "Rows written" } th scope="col" { "Attempt" }
                }
            }
            tbody { @for run in runs { (row(at, run, at_work)) } }
        }
    }
}

fn row(at: &str, run: &Run, at_work: &BTreeMap<u64, AttemptId>) -> Markup {
    html! {
        tr {
            td.number { (run.seq) }
            td { a href={ (at) "/" (run.seq) } { (run.name) } }
            td { @if let Some(wave) = run.wave { (wave) } }
            td { (shown(run.state)) }
            td { @if let Some(why) = &run.why { strong { (why.code) } " " (why.message) } }
            td.number { @if let Some(rows) = &run.rows { (grouped(rows.written.0)) } }
            td {
                @if let Some(attempt) = at_work.get(&run.seq) {
                    a href={ "/attempts/" (attempt) } { "At work" span.visually-hidden { " on " (run.name) } }
                } @else if let Some(attempt) = &run.failed_attempt {
                    a href={ "/attempts/" (attempt) } { "Log" span.visually-hidden { " of " (run.name) } }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use skein_types::RunState;

    use super::listing;

    #[test]
    fn the_command_lists_what_the_page_does() {
        assert_eq!(listing("cmp_1", None, "pay"), "skein campaign runs cmp_1");
        let said = listing("cmp_1", Some(RunState::Failed), "our team");
        assert_eq!(said, "skein campaign runs cmp_1 --in failed --slice 'our team'");
    }
}
