//! The page of a campaign: how far it is, what failed and why, what its plan said.

use maud::{Markup, html};
use skein_api::{
    Approvals, Campaign, CampaignProgress, PlanReason, PlanReport, PlanSample, Run, Slice, Soak, Wave,
};
use skein_control::{Desk, ServiceError};
use skein_types::{RunState, grouped};

use super::{bar, framed, review, some};

/// Failed runs that are listed.
const FAILED: usize = 50;
/// Samples that are listed.
const SAMPLES: usize = 20;

pub(super) struct Shown {
    campaign: Campaign,
    progress: CampaignProgress,
    failed: Vec<Run>,
    report: PlanReport,
    approvals: Approvals,
    samples: Vec<PlanSample>,
}

pub(super) fn gather(desk: &Desk<'_>, named: &str) -> Result<Shown, ServiceError> {
    let mut part = some(FAILED);
    part.state = Some(RunState::Failed);
    Ok(Shown {
        campaign: desk.campaign(named)?,
        progress: desk.progress(named)?,
        failed: desk.runs(named, &part)?.items.into_vec(),
        report: desk.plan_report(named)?,
        approvals: desk.approvals(named)?,
        samples: desk.plan_samples(named, &some(SAMPLES))?.items.into_vec(),
    })
}

pub(super) fn page(shown: &Shown) -> Markup {
    let Shown { campaign, progress, failed, report, approvals, samples } = shown;
    let runs = &campaign.runs;
    let all = campaign.datasets.saturating_sub(runs.ineligible);
    framed(
        &campaign.name,
        html! {
            dl {
                dt { "State" } dd { (campaign.state) @if let Some(why) = &campaign.why { ": " (why) } }
                dt { "Since" } dd { (campaign.since) }
                dt { "Team" } dd { (campaign.owner) }
                dt { "Module" } dd { (review::module(campaign.module, report.module.as_ref())) }
                dt { "Runs" } dd { (bar(runs.published + runs.finalized, runs.failed, all)) }
                dt { "Now" } dd { (now(progress)) }
                dt { "Checks" } dd { (checks(&campaign.soak)) }
                dt { "Old versions" } dd { (campaign.soak.kept) " kept to go back to" }
                dt { "Command" } dd { code { "skein campaign watch " (campaign.campaign) } }
                dt { "Report" } dd { a href={ "/campaigns/" (campaign.campaign) "/report" } { "What it came to" } }
            }
            (said(approvals))
            (waves(campaign.waves.iter()))
            @if !failed.is_empty() { (failures(failed, campaign)) }
            h2 { "Plan" }
            (plan(report))
            (review::plan(campaign, report, samples))
        },
    )
}

/// What people said of the plan.
fn said(approvals: &Approvals) -> Markup {
    html! {
        @if approvals.broken_glass {
            p { strong { "Somebody went on without the approvals that a plan of this campaign needed." } }
        }
        @if let Some(wave) = approvals.wave_waits {
            p { strong { "Wave " (wave) " is through its gate and waits for an approval." } }
        }
        @if !approvals.slices.is_empty() {
            h2 { "Approvals" }
            @if approvals.single_user {
                p { strong { "Nobody has to approve: this server is one user's alone." } }
            }
            @if approvals.open_questions > 0 {
                p { strong { (grouped(approvals.open_questions)) " questions are not resolved: nothing is started before." } }
            }
            table {
                thead { tr { th { "Team" } th { "Risk" } th { "Datasets" } th { "State" } th { "Approved by" } th { "Lacks" } } }
                tbody { @for slice in approvals.slices.iter() { (slice_row(slice)) } }
            }
        }
    }
}

fn slice_row(slice: &Slice) -> Markup {
    html! {
        tr {
            td { (slice.team) }
            td { (slice.risk) }
            td.number { (grouped(slice.datasets)) }
            td {
                (slice.state)
                @if let Some(until) = &slice.until { ", not before " (until) }
                @if let Some(why) = &slice.why { ": " (why) }
            }
            td {
                @for (number, one) in slice.approvals.iter().enumerate() {
                    @if number > 0 { ", " }
                    (one.person)
                    @if one.broken_glass { " (without the approvals that it needs)" }
                }
            }
            td { @if let Some(lacks) = &slice.lacks { (lacks.approvals) @if lacks.of_owner { ", of the team" } } }
        }
    }
}

/// Checks that all runs have had, and what they found.
fn checks(soak: &Soak) -> Markup {
    html! {
        (grouped(u64::from(soak.checked))) " of " (grouped(u64::from(soak.checks))) " had by all runs"
        @if soak.alarms > 0 { ", " strong { (grouped(soak.alarms)) " alarms" } } @else { ", no alarm" }
    }
}

fn now(progress: &CampaignProgress) -> Markup {
    html! {
        (grouped(progress.running)) " at work, " (grouped(progress.staged)) " staged, "
        (grouped(progress.retrying)) " tried again, " (grouped(progress.failures_left))
        " more may fail; " (grouped(progress.rows_done.0)) " of " (grouped(progress.rows_total.0)) " rows"
        @if let Some(left) = progress.remaining_ms { ", about " (left.0 / 1_000 + 1) " s left" }
        @if let Some(waits) = &progress.waits { "; " strong { "nothing begins: " (waits.message) } }
        @if progress.put_off > 0 { "; " (grouped(progress.put_off)) " put off or not approved" }
        @if progress.held_waits {
            "; " strong { "all that is left are " (grouped(progress.runs.held)) " runs that rules hold: somebody has to decide" }
        }
        @if progress.put_off_waits { "; " strong { "nothing else is left" } }
    }
}

pub(super) fn waves<'a>(waves: impl Iterator<Item = &'a Wave>) -> Markup {
    html! {
        h2 { "Waves" }
        table {
            thead { tr { th { "Wave" } th { "State" } th { "Runs" } th { "May fail" } } }
            tbody { @for wave in waves { (row(wave)) } }
        }
    }
}

fn row(wave: &Wave) -> Markup {
    let runs = &wave.runs;
    html! {
        tr {
            td { (wave.number) @if wave.number == 0 { ", the canary" } }
            td { (wave.state) @if let Some(why) = &wave.why { ": " (why) } }
            td { (bar(runs.published + runs.finalized, runs.failed, wave.size)) }
            td.number { (grouped(wave.budget)) }
        }
    }
}

fn failures(failed: &[Run], campaign: &Campaign) -> Markup {
    html! {
        h2 { "Failed runs" }
        table {
            thead { tr { th { "Dataset" } th { "Code" } th { "Why" } } }
            tbody {
                @for run in failed {
                    tr {
                        td { (run.name) }
                        @match &run.why {
                            Some(why) => { td { (why.code) } td { (why.message) } }
                            None => { td {} td {} }
                        }
                    }
                }
            }
        }
        @if campaign.runs.failed > FAILED as u64 {
            p { "All of them: " code { "skein campaign runs " (campaign.campaign) " --in failed" } }
        }
    }
}

fn plan(report: &PlanReport) -> Markup {
    html! {
        p {
            (grouped(report.eligible)) " to be migrated, " (grouped(report.already_migrated))
            " migrated before, " (grouped(report.not_applicable)) " have nothing that it is for, "
            (grouped(report.refused)) " refused. " (grouped(report.samples.datasets)) " were tried, "
            (grouped(report.samples.failed)) " of these failed."
        }
        @if !report.reasons.is_empty() { (left_out(report.reasons.iter())) }
    }
}

/// Datasets that the plan has not, by reason.
pub(super) fn left_out<'a>(reasons: impl Iterator<Item = &'a PlanReason>) -> Markup {
    html! {
        table {
            thead { tr { th { "Left out" } th { "Code" } th { "Why" } th { "For instance" } } }
            tbody {
                @for reason in reasons {
                    tr {
                        td.number { (grouped(reason.datasets)) }
                        td { (reason.code) }
                        td { (reason.message) }
                        td { (reason.example) }
                    }
                }
            }
        }
    }
}
