//! The report of a campaign: what it came to, as `skein campaign report` says it. It does not change under whoever reads it. As a file
//! it has a line per dataset, too, and its style in it: what it shows hangs on nothing else.

use maud::{DOCTYPE, Markup, PreEscaped, html};
use skein_api::{CampaignReport, FailureKind, HumanAction, PlanReason, ReportLine, Wave};
use skein_control::{Desk, ServiceError};
use skein_types::grouped;

use super::{STYLE, bar, whole};

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
            (actions(report))
            p { "With a line per dataset, to be kept: " a href={ "/v1" (at) "/report/file" } { "a signed page" } ", "
                a href={ "/v1" (at) "/report/file?format=csv" } { "a table" } "." }
        },
    )
}

/// What a file begins with, up to where its lines are.
pub(crate) fn begin(report: &CampaignReport) -> String {
    let title = format!("Report: {}", report.name);
    let head = html! {
        (DOCTYPE)
        meta charset="utf-8";
        meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'";
        meta name="viewport" content="width=device-width, initial-scale=1";
        title { (title) " · Skein" }
        // Ours, and no stranger's words.
        style { (PreEscaped(STYLE)) }
    };
    let body = html! {
        header { "Skein" }
        h1 { (title) }
        (facts(report))
        (waves(report.waves.iter()))
        @if !report.failures.is_empty() { (failures(report)) }
        @if !report.left_out.is_empty() { h2 { "Left out of the plan" } (left_out(report.left_out.iter())) }
        @if !report.guessed.is_empty() { (guessed(report)) }
        (actions(report))
        h2 { "Datasets" }
    };
    let heads = html! {
        thead { tr {
            th { "Run" } th { "Dataset" } th { "Team" } th { "State" } th { "Versions" } th { "Rows" } th { "Bytes" }
            th { "Time" } th { "Fuel" } th { "Files read and made" } th { "Checks" }
        } }
    };
    format!("{}<body>{}<table>{}<tbody>\n", head.into_string(), body.into_string(), heads.into_string())
}

/// A dataset's line.
pub(crate) fn line(line: &ReportLine) -> String {
    let number = |number: Option<u64>| number.map(grouped).unwrap_or_default();
    let row = html! {
        tr {
            td.number { (line.seq) }
            td { (line.name) }
            td { @if let Some(owner) = &line.owner { (owner) } }
            td {
                (line.state)
                @if let Some(code) = &line.code { ", " strong.bad { (code) } }
                @if let Some(why) = &line.why { ": " (why) }
            }
            td { @if let (Some(base), Some(version)) = (line.base, line.version) { (base) " → " (version) } }
            td {
                @if let Some(rows) = &line.rows {
                    (grouped(rows.read.0)) " read, " (grouped(rows.written.0)) " written"
                    @if rows.rejected.0 > 0 { ", " (grouped(rows.rejected.0)) " rejected" }
                    @if rows.filtered.0 > 0 { ", " (grouped(rows.filtered.0)) " left out" }
                }
            }
            td.number { (number(line.bytes_written.map(|bytes| bytes.0))) }
            td.number { @if let Some(took) = line.took_ms { (grouped(took.0)) " ms" } }
            td.number { (number(line.fuel.map(|fuel| fuel.0))) }
            td { @if let (Some(input), Some(output)) = (line.input, line.output) { code { (input) } " → " code { (output) } } }
            td { @if let Some(checks) = &line.checks { (checks) } }
        }
    };
    row.into_string() + "\n"
}

/// What comes behind the lines; what is signed ends with it.
pub(crate) fn end(lines: u64) -> String {
    format!("</tbody></table>{}\n", html! { p { (grouped(lines)) " datasets." } }.into_string())
}

fn actions(report: &CampaignReport) -> Markup {
    html! {
        @if report.human_actions > 0 {
            h2 { "What people did" }
            table {
                thead { tr { th { "When" } th { "Who" } th { "What" } th { "Why" } } }
                tbody { @for action in report.actions.iter() { (did(action)) } }
            }
            @if report.human_actions > report.actions.len() as u64 {
                p { "The first " (report.actions.len()) " of " (grouped(report.human_actions)) "." }
            }
        }
    }
}

fn did(action: &HumanAction) -> Markup {
    html! {
        tr {
            td { (action.at) }
            td { (action.actor) }
            td { (action.what) @if action.decisions > 1 { ", " (grouped(action.decisions)) " times" } }
            td { @if let Some(reason) = &action.reason { (reason) } }
        }
    }
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
            dt { "Success" } dd {
                (percent(report.success))
                @if let Some(rate) = report.per_hour { "; " (grouped(rate)) " datasets an hour" }
                "; people did something " (grouped(report.human_actions)) " times"
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

/// Of a number of 100,000.
fn percent(success: u64) -> String {
    format!("{}.{:03} %", success / 1_000, success % 1_000)
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

fn waves<'a>(waves: impl Iterator<Item = &'a Wave>) -> Markup {
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

/// Datasets that the plan has not, by reason.
fn left_out<'a>(reasons: impl Iterator<Item = &'a PlanReason>) -> Markup {
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
