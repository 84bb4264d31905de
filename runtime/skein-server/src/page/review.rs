//! A plan for whoever decides about it: how much can go wrong and why, for which team; what samples showed; what it takes.

use maud::{Markup, html};
use skein_api::{
    Campaign, Determinism, DifferenceWhen, List, Name, PlanEstimate, PlanReport, PlanSample, PlanSlice,
    PlannedModule, PlannedSchema, Risk,
};
use skein_types::{ModuleDigest, grouped};

/// What runs, and where whoever submitted it said that it is from. A source is text: nobody has looked at where it leads.
pub(super) fn module(digest: ModuleDigest, of: Option<&PlannedModule>) -> Markup {
    html! {
        @if let Some(of) = of { (of.name) "@" (of.version) ", " }
        (digest)
        @if let Some(source) = of.and_then(|of| of.source.as_ref()) { ", source " code { (source) } }
        @if let Some(commit) = of.and_then(|of| of.commit.as_ref()) { ", commit " code { (commit) } }
    }
}

pub(super) fn plan(campaign: &Campaign, report: &PlanReport, samples: &[PlanSample]) -> Markup {
    // There is none yet.
    if campaign.plan.is_none() {
        return html! {};
    }
    html! {
        dl {
            dt { "Risk" } dd { strong { (risk(report.risk)) } (because(&report.because)) }
            dt { "Again" } dd { (again(&report.samples.determinism)) }
            dt { "Own output" } dd { (own_output(report)) }
            dt { "Takes" } dd { (takes(&report.estimate)) }
        }
        @if !report.slices.is_empty() { (slices(&report.slices)) }
        @if !report.schemas.is_empty() { (schemas(&report.schemas)) }
        @if !samples.is_empty() { (tried(campaign, samples)) }
    }
}

const fn risk(risk: Risk) -> &'static str {
    match risk {
        Risk::Low => "low",
        Risk::Moderate => "moderate",
        Risk::High => "high",
    }
}

fn because(because: &[skein_api::Message]) -> Markup {
    html! { @for (at, why) in because.iter().enumerate() { (if at == 0 { ": " } else { "; " }) (why) } }
}

fn again(seen: &Determinism) -> Markup {
    if seen.runs == 0 {
        return html! { "no rows were sent again" };
    }
    let sizes: Vec<String> = seen.batch_sizes.iter().map(|size| grouped(*size)).collect();
    html! {
        @match &seen.difference {
            None => { "the same rows gave the same result" }
            Some(difference) => {
                strong { "the same rows gave another result" } " "
                @match difference.when {
                    DifferenceWhen::Repeated => { "when it was done again" }
                    DifferenceWhen::OtherBatches => { "with other batches" }
                    DifferenceWhen::Reopened => { "when the agent was saved and opened again" }
                }
                ": "
                @if let Some(dataset) = &difference.dataset { (dataset) ", " }
                (difference.file) ", row " (grouped(difference.row))
                @if let Some(column) = &difference.column { ", column " (column) }
            }
        }
        "; sent " (grouped(seen.runs)) " times, in batches of " (sizes.join(", ")) " rows"
        @if seen.reopened > 0 { ", saved and opened again " (grouped(seen.reopened)) " times" }
    }
}

fn own_output(report: &PlanReport) -> Markup {
    let seen = &report.samples.idempotence;
    let verdicts = [
        (seen.not_applicable, "has nothing to do"),
        (seen.refused, "refuses it"),
        (seen.same, "makes the same of it"),
        (seen.changes_again, "changes it once more"),
    ];
    let some: Vec<String> = verdicts
        .iter()
        .filter(|(samples, _)| *samples > 0)
        .map(|(samples, what)| format!("{what} ({} samples)", grouped(*samples)))
        .collect();
    html! { @if some.is_empty() { "not tried" } @else { "the module " (some.join(", ")) } }
}

fn takes(guess: &PlanEstimate) -> Markup {
    html! {
        "about " (grouped(guess.time_ms.0.div_ceil(1_000))) " s with " (grouped(guess.agents)) " agents, "
        (grouped(guess.cpu_ms.0.div_ceil(1_000))) " s of CPU time, " (grouped(guess.fuel.0)) " fuel; reads "
        (guess.bytes_read) ", writes " (guess.bytes_written) " in " (grouped(guess.rows_written.0)) " rows"
        @if guess.rows_rejected_most.0 > 0 {
            "; about " (grouped(guess.rows_rejected.0)) " rows rejected ("
            (grouped(guess.rows_rejected_least.0)) " to " (grouped(guess.rows_rejected_most.0)) ")"
        }
    }
}

/// Teams that a page lists.
const SLICES: usize = 100;

fn slices(slices: &[PlanSlice]) -> Markup {
    html! {
        h2 { "Whose datasets" }
        table {
            thead { tr { th { "Team" } th { "Datasets" } th { "Rows" } th { "Bytes" } th { "Risk" } th { "Because" } } }
            tbody {
                @for slice in slices.iter().take(SLICES) {
                    tr {
                        td { (slice.owner) }
                        td.number { (grouped(slice.datasets)) }
                        td.number { (grouped(slice.rows.0)) }
                        td.number { (slice.bytes) }
                        td { (risk(slice.risk)) }
                        td { @for (at, why) in slice.because.iter().enumerate() { @if at > 0 { "; " } (why) } }
                    }
                }
            }
        }
    }
}

fn schemas(schemas: &[PlannedSchema]) -> Markup {
    html! {
        h2 { "What becomes of columns" }
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

fn names_of<const MAX: usize>(names: &List<Name, MAX>) -> String {
    names.iter().map(|name| name.as_str()).collect::<Vec<_>>().join(", ")
}

fn tried(campaign: &Campaign, samples: &[PlanSample]) -> Markup {
    html! {
        h2 { "Samples" }
        table {
            thead {
                tr { th { "Dataset" } th { "Read" } th { "Written" } th { "Rejected" } th { "Left out" } th { "Again" } th { "Rows" } }
            }
            tbody {
                @for sample in samples {
                    @let rows = sample.rows.unwrap_or_default();
                    tr {
                        td { (sample.name) }
                        td.number { (grouped(rows.read.0)) }
                        td.number { (grouped(rows.written.0)) }
                        td.number { (grouped(rows.rejected.0)) }
                        td.number { (grouped(rows.filtered.0)) }
                        td { (said_again(&sample.facts.determinism)) }
                        td {
                            @match &sample.why {
                                Some(why) => { (why.code) " " (why.message) }
                                None => {
                                    a href={ "/v1/campaigns/" (campaign.campaign) "/samples/" (sample.seq) } { "before and after" }
                                }
                            }
                        }
                    }
                }
            }
        }
        p { "All of them: " code { "skein campaign samples " (campaign.campaign) } }
    }
}

const fn said_again(seen: &Determinism) -> &'static str {
    match (seen.runs, seen.differing) {
        (0, _) => "",
        (_, 0) => "the same",
        _ => "another result",
    }
}
