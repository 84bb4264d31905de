//! What becomes of columns, and what samples showed.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, Query};
use axum::routing::get;
use maud::{Markup, html};
use skein_api::{Campaign, Determinism, Idempotence, List, Name, PlanSample, PlannedSchema};
use skein_control::Control;
use skein_types::grouped;

use super::super::sample::{columns as table_of, report::Lineage};
use crate::frame::{self, command, counted};
use crate::pages::{After, rows};
use crate::viewer::{Failed, Page, Viewer};

/// Columns that change and are shown of one schema; the others are on the page of its sample.
const COLUMNS: usize = 30;

/// Schemas that are shown: those of most datasets.
const SCHEMAS: usize = 20;

pub(super) fn routes() -> Router<Arc<Control>> {
    Router::new().route("/campaigns/{campaign}/samples", get(page))
}

async fn page(viewer: Viewer, Path(named): Path<String>, Query(asked): Query<After>) -> Result<Page, Failed> {
    viewer
        .page(move |desk, viewer| {
            let campaign = desk.campaign(&named)?;
            let part = rows(asked.after);
            let samples = desk.plan_samples(&named, &part)?;
            let id = campaign.campaign;
            let content = html! {
                p {
                    a href={ "/campaigns/" (id) "/plan" } { "The plan" } " "
                    (command(&format!("skein campaign samples {id}")))
                }
                @if samples.items.is_empty() { p.empty { "No dataset was tried, or it is too long ago." } }
                @else { (table(&campaign, &samples.items)) }
                (frame::more(&format!("/campaigns/{id}/samples"), &[], samples.next.as_deref()))
            };
            Ok(frame::page(viewer, (&format!("Samples: {}", campaign.name), Some("/campaigns")), content))
        })
        .await
}

pub(super) fn schemas(campaign: &Campaign, schemas: &[PlannedSchema]) -> Markup {
    let mut most: Vec<&PlannedSchema> = schemas.iter().collect();
    most.sort_by_key(|schema| std::cmp::Reverse(schema.datasets));
    let more = most.split_off(most.len().min(SCHEMAS)).len() as u64;
    html! {
        @if !schemas.is_empty() {
            section aria-labelledby="schemas" {
                h2 #schemas { "What becomes of columns" }
                div.scroll tabindex="0" role="region" aria-labelledby="schemas" {
                    table {
                        thead {
                            tr {
                                th.number { "Datasets" } th { "For instance" } th { "Rows" } th { "Dropped" } th { "Narrower" }
                                th { "Nulls now in" } th { "Not shown" } th { "Not as declared" } th.number { "Computed" }
                            }
                        }
                        tbody { @for schema in most { (schema_row(campaign, schema)) } }
                    }
                }
                @if more > 0 { p.note { "and " (counted(more, "more schema", "more schemas")) ": " a href={ "/campaigns/" (campaign.campaign) "/samples" } { "all samples" } } }
            }
        }
    }
}

fn schema_row(campaign: &Campaign, schema: &PlannedSchema) -> Markup {
    let facts = &schema.facts;
    html! {
        tr {
            td.number { (grouped(schema.datasets)) }
            td { a href={ "/campaigns/" (campaign.campaign) "/samples/" (schema.sample) } { (schema.example) } }
            td { @if let Some(shape) = facts.shape { (shape) } }
            td { (losing(&facts.dropped)) }
            td { (losing(&facts.narrowed)) }
            td { (names_of(&facts.nullable)) }
            td { (names_of(&facts.sensitive)) }
            td { (losing(&facts.undeclared)) }
            td.number { (grouped(facts.computed)) @if facts.more_columns > 0 { " (" (grouped(facts.more_columns)) " not named)" } }
        }
    }
}

fn names_of<const MAX: usize>(names: &List<Name, MAX>) -> String {
    names.iter().map(|name| name.as_str()).collect::<Vec<_>>().join(", ")
}

/// Columns in which something is lost, or not as it was said.
fn losing<const MAX: usize>(names: &List<Name, MAX>) -> Markup {
    html! { @if !names.is_empty() { strong.bad { (names_of(names)) } } }
}

/// Before and after, of the schema that most datasets have.
pub(super) fn columns(campaign: &Campaign, of: Option<&(u64, Lineage)>) -> Markup {
    html! {
        @if let Some((sample, lineage)) = of {
            section aria-labelledby="columns" {
                h2 #columns { "Columns of most datasets, before and after" }
                (table_of::changed(lineage, COLUMNS))
                p { a href={ "/campaigns/" (campaign.campaign) "/samples/" (sample) } { "All columns, where each comes from, and rows" } }
            }
        }
    }
}

pub(super) fn tried(campaign: &Campaign, samples: &[PlanSample], all: u64) -> Markup {
    html! {
        @if !samples.is_empty() {
            section aria-labelledby="samples" {
                h2 #samples { "Samples" }
                (table(campaign, samples))
                @if all > samples.len() as u64 {
                    p { a href={ "/campaigns/" (campaign.campaign) "/samples" } { "All " (counted(all, "sample", "samples")) } }
                }
            }
        }
    }
}

fn table(campaign: &Campaign, samples: &[PlanSample]) -> Markup {
    html! {
        div.scroll tabindex="0" role="region" aria-label="Samples" {
            table {
                thead {
                    tr {
                        th { "Dataset" } th.number { "Read" } th.number { "Written" } th.number { "Rejected" }
                        th.number { "Left out" } th { "Again" } th { "Own output" } th { "Rows" }
                    }
                }
                tbody { @for sample in samples { (row(campaign, sample)) } }
            }
        }
    }
}

fn row(campaign: &Campaign, sample: &PlanSample) -> Markup {
    let rows = sample.rows.unwrap_or_default();
    html! {
        tr {
            th scope="row" { (sample.name) }
            @for number in [rows.read, rows.written, rows.rejected, rows.filtered] { td.number { (grouped(number.0)) } }
            td { (said_again(&sample.facts.determinism)) }
            td { (own(sample.facts.idempotence)) }
            td {
                @match &sample.why {
                    Some(why) => { strong.bad { (why.code) } " " (why.message) }
                    None => {
                        a href={ "/campaigns/" (campaign.campaign) "/samples/" (sample.seq) }
                            aria-label={ "Before and after: " (sample.name) } { "Before and after" }
                    }
                }
            }
        }
    }
}

fn said_again(seen: &Determinism) -> Markup {
    html! {
        @match (seen.runs, seen.differing) {
            (0, _) => { "not tried" }
            (_, 0) => { "the same" }
            _ => { strong.bad { "another result" } }
        }
    }
}

const fn own(said: Option<Idempotence>) -> &'static str {
    match said {
        None => "not tried",
        Some(Idempotence::NotApplicable) => "nothing to do",
        Some(Idempotence::Refused) => "refused",
        Some(Idempotence::Same) => "the same",
        Some(Idempotence::ChangesAgain) => "changed once more",
    }
}
