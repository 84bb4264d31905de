//! Runs that failed of late: of campaigns that are shown, so nobody goes through runs of years to find them.

use std::collections::BTreeSet;

use maud::{Markup, html};
use skein_api::{Campaign, Run};
use skein_control::{Desk, ListPart, ServiceError};
use skein_types::{CampaignId, RunState};

use crate::frame;
use crate::pages::states::shown;

/// Of one campaign, and of all.
const OF_ONE: usize = 5;
const SHOWN: usize = 10;

pub(super) struct Failure {
    campaign: CampaignId,
    of: String,
    run: Run,
}

pub(super) fn gather<'a>(
    desk: &Desk<'_>,
    campaigns: impl Iterator<Item = &'a Campaign>,
) -> Result<Vec<Failure>, ServiceError> {
    let (mut failures, mut seen) = (Vec::new(), BTreeSet::new());
    for one in campaigns.filter(|one| seen.insert(one.campaign)) {
        let counts = [(RunState::Failed, one.runs.failed), (RunState::RevertFailed, one.runs.revert_failed)];
        for (state, _) in counts.into_iter().filter(|(_, count)| *count > 0) {
            let part = ListPart { limit: Some(OF_ONE), state: Some(state), ..ListPart::default() };
            let runs = desk.runs(&one.campaign.to_string(), &part)?.items;
            failures.extend(runs.into_iter().map(|run| Failure {
                campaign: one.campaign,
                of: one.name.to_string(),
                run,
            }));
        }
    }
    failures.sort_by_key(|one| std::cmp::Reverse(one.run.since.0));
    failures.truncate(SHOWN);
    Ok(failures)
}

pub(super) fn view(failures: &[Failure]) -> Markup {
    html! {
        section aria-labelledby="failures" {
            h2 #failures { "Failed of late" }
            @if failures.is_empty() { p.empty { "No run has." } } @else {
                div.scroll tabindex="0" role="region" aria-labelledby="failures" {
                    table {
                        thead { tr { th { "Dataset" } th { "Campaign" } th { "Why" } th { "Log" } th { "Since" } } }
                        tbody { @for one in failures { (row(one)) } }
                    }
                }
            }
        }
    }
}

fn row(Failure { campaign, of, run }: &Failure) -> Markup {
    html! {
        tr {
            th scope="row" { a href={ "/campaigns/" (campaign) "/runs/" (run.seq) } { (run.name) } }
            td { a href={ "/campaigns/" (campaign) } { (of) } }
            td { @if let Some(why) = &run.why { strong.bad { (why.code) } " " (why.message) } @else { (shown(run.state)) } }
            td { @if let Some(attempt) = &run.failed_attempt { a href={ "/attempts/" (attempt) } aria-label={ "Log of " (run.name) } { "Log" } } }
            td { (frame::time(run.since)) }
        }
    }
}
