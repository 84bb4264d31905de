//! The report of a campaign: what it came to, as `skein campaign report` says it. It does not change under whoever reads it.

use maud::{Markup, html};
use skein_api::{CampaignReport, FailureKind};
use skein_control::{Desk, ServiceError};
use skein_types::grouped;

use super::campaign::{left_out, waves};
use super::{bar, whole};

pub(super) fn gather(desk: &Desk<'_>, named: &str) -> Result<CampaignReport, ServiceError> {
    desk.campaign_report(named)
}

pub(super) fn page(report: &CampaignReport) -> Markup {
    let at = format!("/campaigns/{}", report.campaign);
    whole(
        &format!("Report: {}", report.name),
        html! {},
        html! {
            (facts(report))
            p {
                a href=(at) { "How it is getting on" } ". The same as "
                a href={ "/v1" (at) "/report" } { "JSON" } ", and for a ticket or a mail: "
                code { "skein campaign report " (report.campaign) " --markdown" }
            }
            @if !report.guessed.is_empty() { (guessed(report)) }
            (waves(report.waves.iter()))
            @if !report.failures.is_empty() { (failures(report)) }
            @if !report.left_out.is_empty() { h2 { "Left out of the plan" } (left_out(report.left_out.iter())) }
        },
    )
}

fn facts(report: &CampaignReport) -> Markup {
    let (runs, rows, meters) = (&report.runs, &report.rows, &report.meters);
    let all = report.datasets.saturating_sub(runs.ineligible);
    html! {
        dl {
            dt { "State" } dd { (report.state) @if let Some(why) = &report.why { ": " (why) } }
            dt { "Team" } dd { (report.owner) }
            dt { "Runs" } dd {
                (bar(runs.published + runs.finalized, runs.failed, all)) "; "
                (grouped(runs.reverted)) " rolled back, " (grouped(runs.skipped)) " skipped, "
                (grouped(runs.cancelled)) " cancelled, " (grouped(runs.ineligible)) " left out of the plan"
            }
            dt { "Rows" } dd {
                (grouped(rows.read.0)) " read, " (grouped(rows.written.0)) " written, "
                (grouped(rows.rejected.0)) " rejected, " (grouped(rows.filtered.0)) " left out"
            }
            dt { "Bytes" } dd { (meters.bytes_read) " read, " (meters.bytes_written) " written" }
            dt { "Time" } dd {
                "made " (report.made)
                @if let Some(started) = &report.started { ", started " (started) }
                @if let Some(rolled_out) = &report.rolled_out { ", rolled out " (rolled_out) }
                @if let Some(took) = &report.took_ms { "; " (grouped(took.0.div_ceil(1_000))) " s" }
                "; " (grouped(meters.cpu_ms.0.div_ceil(1_000))) " s of CPU time"
            }
            dt { "Module" } dd { @if let Some(name) = &report.module_name { (name) ", " } (report.module) }
            @if let Some(source) = &report.source { dt { "Source" } dd { code { (source) } } }
            dt { "Parameters" } dd { (report.params) }
            @if let Some(plan) = &report.plan { dt { "Plan" } dd { (plan) } }
            dt { "Record" } dd { (report.head) }
        }
    }
}

fn guessed(report: &CampaignReport) -> Markup {
    html! {
        h2 { "What the plan guessed" }
        table {
            thead { tr { th { "Quantity" } th { "Planned" } th { "Was" } th { "Planned too high by" } } }
            tbody {
                @for one in report.guessed.iter() {
                    tr {
                        td { (one.quantity) }
                        td.number { (grouped(one.estimated)) }
                        td.number { (grouped(one.actual)) }
                        td.number { @if let Some(percent) = one.error_percent { (percent) " %" } }
                    }
                }
            }
        }
    }
}

fn failures(report: &CampaignReport) -> Markup {
    html! {
        h2 { "Failures" }
        table {
            thead { tr { th { "Failed" } th { "Code" } th { "What happened" } th { "For instance" } th { "Next" } } }
            tbody { @for kind in report.failures.iter() { (failure(kind)) } }
        }
        @if report.more_failures > 0 { p { "And " (grouped(report.more_failures)) " failed in other ways." } }
    }
}

fn failure(kind: &FailureKind) -> Markup {
    html! {
        tr {
            td.number { (grouped(kind.runs)) }
            td { (kind.code) ", " (kind.title) }
            td { (kind.message) }
            td { (kind.example) " (run " (kind.seq) ")" }
            td { (kind.next) }
        }
    }
}
