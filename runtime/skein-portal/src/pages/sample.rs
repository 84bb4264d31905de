//! What one dataset showed that was tried while planning: its columns before and after and where each comes from, its rows before and
//! after, what was refused, and what all of it would take. The node that tried it wrote that down, with sensitive values hidden.

pub(super) mod columns;
pub(super) mod report;
mod rows;

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, Query};
use axum::routing::get;
use maud::{Markup, html};
use serde::Deserialize;
use skein_api::Campaign;
use skein_control::{Control, ServiceError};
use skein_types::{codes, grouped};

use self::report::{Checks, Estimate, LeftOut, Rejects, Report};
use super::plan::facts;
use crate::duration::lasting;
use crate::frame::{self, command};
use crate::viewer::{Failed, Page, Viewer};

/// Rejected rows that are shown.
const REJECTS: usize = 20;

pub(super) fn routes() -> Router<Arc<Control>> {
    Router::new().route("/campaigns/{campaign}/samples/{sample}", get(page))
}

/// Which part of it.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default)]
struct Asked {
    /// The schema, where the dataset has files of several.
    schema: usize,
    row: usize,
    column: usize,
    /// Of the list of columns.
    listed: usize,
}

async fn page(
    viewer: Viewer,
    Path((named, seq)): Path<(String, String)>,
    Query(asked): Query<Asked>,
) -> Result<Page, Failed> {
    viewer
        .page(move |desk, viewer| {
            let campaign = desk.campaign(&named)?;
            let bytes = desk.sample_report(&named, &seq)?;
            let report = Report::read(&bytes)
                .ok_or_else(|| ServiceError::new(codes::BUG, "the report of the sample cannot be read"))?;
            let run = desk.run(&named, &seq)?;
            let title = format!("Sample: {}", run.name);
            Ok(frame::page(viewer, (&title, Some("/campaigns")), view(&campaign, &seq, &report, asked)))
        })
        .await
}

fn view(campaign: &Campaign, seq: &str, report: &Report, asked: Asked) -> Markup {
    let id = campaign.campaign;
    let place = format!("/campaigns/{id}/samples/{}", frame::encoded(seq));
    let at = |asked: Asked| {
        let Asked { schema, row, column, listed } = asked;
        format!("{place}?schema={schema}&row={row}&column={column}&listed={listed}")
    };
    let plans = report.plans.as_deref().unwrap_or_default();
    let plan = plans.get(asked.schema);
    let group =
        report.sample.iter().flat_map(|sample| &sample.groups).find(|group| group.plan == asked.schema);
    html! {
        p.parts {
            a href={ "/campaigns/" (id) "/plan" } { "The plan of " (campaign.name) } " · "
            a href={ "/campaigns/" (id) "/samples" } { "All samples" } " · "
            a href={ "/campaigns/" (id) "/runs/" (seq) } { "Its run" }
            " " (command(&format!("skein campaign samples {id} {seq}")))
        }
        @if report.already { p.empty { "All files of it have been through exactly this migration: there was nothing to do." } }
        @for warning in &report.warnings {
            p.bad { strong { span aria-hidden="true" { "✗ " } (warning.code) } " " (warning.message) }
        }
        (numbers(report))
        @if plans.len() > 1 {
            p.pages { "Its files have several schemas: "
                @for (number, one) in plans.iter().enumerate().take(50) {
                    @if number > 0 { " · " }
                    a href=(at(Asked { schema: number, ..Asked::default() })) aria-current=[(number == asked.schema).then_some("true")] { "as " (one.first_file) }
                }
            }
        }
        @if !report.already {
            section aria-labelledby="rows" {
                h2 #rows { "Rows before and after" }
                @match group {
                    None => p.empty { "Not in the report: no row of these files was looked at, or it would have been too long." },
                    Some(group) => {
                        @if report.sample.as_ref().is_some_and(|sample| sample.head) {
                            p.note { "These are the first rows: the module remembers rows and cannot begin elsewhere." }
                        }
                        (rows::view(group, plan, &rows::Part {
                            row: asked.row, column: asked.column, at: &|row, column| at(Asked { row, column, ..asked }),
                        }))
                    }
                }
            }
            (refused(report.rejects.as_ref()))
            section aria-labelledby="columns" {
                h2 #columns { "Columns before and after, and where they come from" }
                @match plan {
                    None => p.empty { "Not in the report: it would have been too long." },
                    Some(plan) => { (columns::all(plan, asked.listed, |listed| at(Asked { listed, ..asked }))) }
                }
            }
        }
    }
}

fn numbers(report: &Report) -> Markup {
    html! {
        dl {
            @if let Some(checks) = &report.checks { (checked(checks)) }
            @if let Some(estimate) = &report.estimate { (estimated(estimate)) }
            @if let Some(room) = &report.room {
                dt { "Storage" } dd { (room.needed) " needed beside the dataset, " (room.free) " free" }
            }
            @if let Some(left_out) = &report.left_out { (not_taken_over(left_out)) }
        }
    }
}

fn checked(checks: &Checks) -> Markup {
    let mut own = skein_api::IdempotenceSeen::default();
    checks.idempotence.iter().for_each(|one| own.add(*one));
    html! {
        dt { "Again" } dd { (facts::again(&checks.determinism)) }
        dt { "Own output" } dd { (facts::own_output(&own)) }
        @if !checks.undeclared.is_empty() {
            dt { "Not as declared" } dd {
                @for (at, one) in checks.undeclared.iter().enumerate() {
                    @if at > 0 { "; " }
                    strong.bad { (one.column) " moves with " (one.from) }
                }
                ", which the plan does not say"
            }
        }
    }
}

fn estimated(guess: &Estimate) -> Markup {
    let [least, most] = guess.rows_rejected_bounds;
    html! {
        dt { "Looked at" } dd { (grouped(guess.rows_sampled.0)) " of " (grouped(guess.rows.0)) " rows" }
        dt { "Becomes" } dd {
            (grouped(guess.rows_written.0)) " rows; about " (grouped(guess.rows_rejected.0)) " rejected ("
            (grouped(least.0)) " to " (grouped(most.0)) "), " (grouped(guess.rows_filtered.0)) " left out by the module"
        }
        dt { "Takes" } dd {
            "about " (lasting(guess.time)) ", " (lasting(guess.cpu)) " of CPU time, " (grouped(guess.fuel.0))
            " fuel; reads " (guess.bytes_read) ", writes " (guess.bytes_written) ", " (guess.bytes_spliced) " of it copied as it is"
        }
    }
}

fn not_taken_over(left: &LeftOut) -> Markup {
    let names: Vec<&str> = left.metadata.iter().chain(&left.files).map(String::as_str).take(20).collect();
    html! {
        @if !names.is_empty() {
            dt { "Not taken over" } dd {
                (names.join(", ")) @if left.more_files > 0 { " and " (grouped(left.more_files)) " more files" }
            }
        }
    }
}

fn refused(rejects: Option<&Rejects>) -> Markup {
    let Some(rejects) = rejects.filter(|rejects| !rejects.listed.is_empty()) else { return html! {} };
    let more = rejects.more + rejects.listed.len().saturating_sub(REJECTS) as u64;
    html! {
        section aria-labelledby="rejects" {
            h2 #rejects { "Rejected rows of what was looked at" }
            div.scroll tabindex="0" role="region" aria-labelledby="rejects" {
                table {
                    thead { tr { th { "File" } th.number { "Row" } th { "Code" } th { "Why" } } }
                    tbody {
                        @for one in rejects.listed.iter().take(REJECTS) {
                            tr { td { (one.file) } td.number { (grouped(one.row)) } td { code { (one.code) } } td { (one.message) } }
                        }
                    }
                }
            }
            @if more > 0 { p.note { "and " (grouped(more)) " more" } }
        }
    }
}
