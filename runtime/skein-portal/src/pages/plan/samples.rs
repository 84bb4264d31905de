//! What becomes of columns, and what samples showed.

use maud::{Markup, html};
use skein_api::{Campaign, Determinism, List, Name, PlanSample, PlannedSchema};
use skein_types::grouped;

use crate::frame::command;

pub(super) fn schemas(schemas: &[PlannedSchema]) -> Markup {
    html! {
        @if !schemas.is_empty() {
            section aria-labelledby="schemas" {
                h2 #schemas { "What becomes of columns" }
                table {
                    thead {
                        tr {
                            th { "Datasets" } th { "For instance" } th { "Rows" } th { "Dropped" } th { "Narrower" }
                            th { "Nulls now in" } th { "Not shown" } th { "Not as declared" }
                        }
                    }
                    tbody {
                        @for schema in schemas {
                            @let facts = &schema.facts;
                            tr {
                                td.number { (grouped(schema.datasets)) }
                                td { (schema.example) }
                                td { @if let Some(shape) = facts.shape { (shape) } }
                                @for names in [&facts.dropped, &facts.narrowed, &facts.nullable, &facts.sensitive, &facts.undeclared] {
                                    td { (names_of(names)) }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn names_of<const MAX: usize>(names: &List<Name, MAX>) -> String {
    names.iter().map(|name| name.as_str()).collect::<Vec<_>>().join(", ")
}

pub(super) fn tried(campaign: &Campaign, samples: &[PlanSample]) -> Markup {
    html! {
        @if !samples.is_empty() {
            section aria-labelledby="samples" {
                h2 #samples { "Samples" }
                table {
                    thead {
                        tr { th { "Dataset" } th { "Read" } th { "Written" } th { "Rejected" } th { "Left out" } th { "Again" } th { "Rows" } }
                    }
                    tbody { @for sample in samples { (row(campaign, sample)) } }
                }
                p { "All of them: " (command(&format!("skein campaign samples {}", campaign.campaign))) }
            }
        }
    }
}

fn row(campaign: &Campaign, sample: &PlanSample) -> Markup {
    let rows = sample.rows.unwrap_or_default();
    html! {
        tr {
            td { (sample.name) }
            @for number in [rows.read, rows.written, rows.rejected, rows.filtered] { td.number { (grouped(number.0)) } }
            td { (said_again(&sample.facts.determinism)) }
            td {
                @match &sample.why {
                    Some(why) => { strong.bad { (why.code) } " " (why.message) }
                    None => {
                        a href={ "/v1/campaigns/" (campaign.campaign) "/samples/" (sample.seq) } { "Before and after" }
                    }
                }
            }
        }
    }
}

const fn said_again(seen: &Determinism) -> &'static str {
    match (seen.runs, seen.differing) {
        (0, _) => "",
        (_, 0) => "the same",
        _ => "another result",
    }
}
