//! What a plan says of the whole: what runs, how much can go wrong, what was tried, what it takes, and how far guesses were from what came.

use maud::{Markup, html};
use skein_api::{
    Campaign, Determinism, DifferenceWhen, Guessed, IdempotenceSeen, List, Message, PlanEstimate, PlanReason,
    PlanReport, Uncovered,
};
use skein_types::{Bytes, Millis, grouped};

use crate::duration::lasting;
use crate::frame::{bar, counted, state};

/// What runs, and where whoever submitted it said that it is from. A source is text: nobody has looked at where it leads.
pub(super) fn module(campaign: &Campaign, report: &PlanReport) -> Markup {
    let of = report.module.as_ref();
    html! {
        @if let Some(of) = of { (of.name) "@" (of.version) " " }
        code { (campaign.module) }
        @if let Some(source) = of.and_then(|of| of.source.as_ref()) { ", source " code { (source) } }
        @if let Some(commit) = of.and_then(|of| of.commit.as_ref()) { ", commit " code { (commit) } }
        @if of.is_some_and(|of| of.source.is_some() || of.commit.is_some()) {
            div.note { "Source and commit are as whoever submitted it said; nobody has compared them with the module." }
        }
        div { "parameters " code { (campaign.params) } }
    }
}

pub(super) fn because(because: &List<Message, 32>) -> Markup {
    html! { @for (at, why) in because.iter().enumerate() { (if at == 0 { ": " } else { "; " }) (why) } }
}

pub(super) fn datasets(report: &PlanReport) -> Markup {
    html! {
        (grouped(report.eligible)) " to be migrated, " (grouped(report.already_migrated)) " migrated before, "
        (grouped(report.not_applicable)) " have nothing that it is for, " (grouped(report.refused)) " refused"
        @if report.deferred > 0 { "; " (grouped(report.deferred)) " do not start before a time that their manifest says" }
    }
}

pub(super) fn waves(report: &PlanReport) -> Markup {
    let waves: Vec<String> = report.waves.iter().map(|runs| grouped(*runs)).collect();
    html! {
        @match waves.as_slice() {
            [] => { "none" }
            [canary] => { "a canary of " (canary) }
            [canary, rest @ ..] => { "a canary of " (canary) ", then " (rest.join(", then ")) }
        }
    }
}

/// How much of what there is was tried.
pub(super) fn coverage(report: &PlanReport) -> Markup {
    let samples = &report.samples;
    html! {
        (bar(samples.datasets, samples.failed, samples.of_datasets)) " datasets; "
        (grouped(samples.groups)) " of " (counted(samples.of_groups, "schema", "schemas")) "; "
        (grouped(samples.rows.read.0)) " of " (grouped(samples.of_rows.0)) " rows"
    }
}

pub(in crate::pages) fn again(seen: &Determinism) -> Markup {
    if seen.runs == 0 {
        return html! { "no rows were sent again" };
    }
    let sizes: Vec<String> = seen.batch_sizes.iter().map(|size| grouped(*size)).collect();
    html! {
        @match &seen.difference {
            None => { span.good { span aria-hidden="true" { "✓ " } "the same rows gave the same result" } }
            Some(difference) => {
                strong.bad { span aria-hidden="true" { "✗ " } "the same rows gave another result" } " "
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
        "; sent " (counted(seen.runs, "time", "times")) ", in batches of " (sizes.join(", ")) " rows"
        @if seen.differing > 0 { "; another result " (counted(seen.differing, "time", "times")) }
        @if seen.reopened > 0 { ", saved and opened again " (counted(seen.reopened, "time", "times")) }
    }
}

pub(in crate::pages) fn own_output(seen: &IdempotenceSeen) -> Markup {
    let verdicts = [
        (seen.not_applicable, "has nothing to do"),
        (seen.refused, "refuses it"),
        (seen.same, "makes the same of it"),
        (seen.changes_again, "changes it once more"),
    ];
    let some: Vec<String> = verdicts
        .iter()
        .filter(|(samples, _)| *samples > 0)
        .map(|(samples, what)| format!("{what} ({})", counted(*samples, "sample", "samples")))
        .collect();
    html! { @if some.is_empty() { "not tried" } @else { "the module " (some.join(", ")) } }
}

/// Rows that the module will refuse, with how far samples can tell.
pub(super) fn rejects(report: &PlanReport) -> Markup {
    let (guess, tried) = (&report.estimate, report.samples.rows);
    html! {
        @if guess.rows_rejected_most.0 == 0 {
            "none of the " (grouped(tried.read.0)) " rows that were tried"
        } @else {
            "about " (grouped(guess.rows_rejected.0)) " rows rejected (" (grouped(guess.rows_rejected_least.0)) " to "
            (grouped(guess.rows_rejected_most.0)) " in 19 of 20 cases); " (grouped(tried.rejected.0)) " of the "
            (grouped(tried.read.0)) " that were tried"
        }
    }
}

pub(super) fn takes(guess: &PlanEstimate) -> Markup {
    html! {
        "about " (lasting(guess.time_ms)) " with " (counted(guess.agents, "agent", "agents")) ", "
        (lasting(guess.cpu_ms)) " of CPU time, " (grouped(guess.fuel.0)) " fuel; reads "
        (guess.bytes_read) ", writes " (guess.bytes_written) " in " (grouped(guess.rows_written.0)) " rows; "
        (guess.room) " of storage beside the old versions"
    }
}

pub(super) fn guessed(guessed: &[Guessed]) -> Markup {
    html! {
        @if !guessed.is_empty() {
            section aria-labelledby="guessed" {
                h2 #guessed { "Guessed, and what came" }
                div.scroll tabindex="0" role="region" aria-labelledby="guessed" {
                    table.tight {
                        thead { tr { th { "Quantity" } th.number { "Guessed" } th.number { "Came" } th.number { "Off by" } } }
                        tbody { @for one in guessed { (guess(one)) } }
                    }
                }
            }
        }
    }
}

fn guess(one: &Guessed) -> Markup {
    let shown = |number: u64| match one.quantity.as_str() {
        "bytes_read" | "bytes_written" => Bytes(number).to_string(),
        "cpu_ms" | "time_ms" => lasting(Millis(number)),
        _ => grouped(number),
    };
    html! {
        tr {
            th scope="row" { (one.quantity.trim_end_matches("_ms").replace('_', " ")) }
            td.number { (shown(one.estimated)) }
            td.number { (shown(one.actual)) }
            td.number {
                @match one.error_percent {
                    None if one.actual == 0 => { span.note { "none came" } }
                    None => { span.note { "not all is published" } }
                    Some(off) => { (if off > 0 { "+" } else { "" }) (off) " %" }
                }
            }
        }
    }
}

/// Reasons that are shown of each kind, the first: a report has them by how many they are of.
const REASONS: usize = 20;

/// Datasets that the plan has not, and samples that failed, by reason.
pub(super) fn left_out(report: &PlanReport) -> Markup {
    html! {
        (reasons(("left-out", "Left out"), &report.reasons))
        (reasons(("failed", "Samples that failed"), &report.samples.failures))
    }
}

fn reasons((id, title): (&str, &str), reasons: &[PlanReason]) -> Markup {
    html! {
        @if !reasons.is_empty() {
            section aria-labelledby=(id) {
                h2 id=(id) { (title) }
                div.scroll tabindex="0" role="region" aria-labelledby=(id) {
                    table {
                        thead { tr { th.number { "Datasets" } th { "The plan says" } th { "Code" } th { "Why" } th { "For instance" } } }
                        tbody {
                            @for reason in reasons.iter().take(REASONS) {
                                tr {
                                    td.number { (grouped(reason.datasets)) }
                                    td { (state(&reason.verdict.to_string())) }
                                    td { code { (reason.code) } }
                                    td { (reason.message) }
                                    td { (reason.example) }
                                }
                            }
                        }
                    }
                }
                @if reasons.len() > REASONS { p.note { "and " (reasons.len() - REASONS) " more reasons" } }
            }
        }
    }
}

/// What neither samples nor the canary look at.
pub(super) fn uncovered(report: &PlanReport) -> Markup {
    let samples = &report.samples;
    let (tried, first) = (&samples.uncovered, &report.canary_uncovered);
    html! {
        @if !tried.is_empty() || !first.is_empty() {
            section aria-labelledby="uncovered" {
                h2 #uncovered { "Not looked at" }
                (kinds("schemas of which no dataset was tried", tried, samples.more_uncovered))
                (kinds("kinds of datasets of which the canary has none", first, report.more_uncovered))
            }
        }
    }
}

fn kinds(what: &str, kinds: &[Uncovered], more: u64) -> Markup {
    let datasets: u64 = kinds.iter().map(|kind| kind.datasets).sum();
    html! {
        @if let Some(first) = kinds.first() {
            p.waits {
                (grouped(kinds.len() as u64 + more)) " " (what) ", for instance that of " (first.example)
                " (" (counted(datasets, "dataset", "datasets")) @if more > 0 { " in the first " (kinds.len()) } ")"
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use skein_api::{Determinism, Difference, DifferenceWhen, List, PlanEstimate, PlanReport, Text};
    use skein_types::Rows;

    use super::{again, rejects, waves};

    #[test]
    fn another_result_is_said_with_dataset_row_and_column() {
        let mut seen = Determinism { runs: 4, ..Determinism::default() };
        assert!(again(&seen).into_string().contains("the same rows gave the same result"));
        seen.difference = Some(Difference {
            dataset: Some(Text::escaped("orders-1")),
            file: Text::escaped("part.parquet"),
            row: 7,
            column: Some(Text::escaped("id")),
            when: DifferenceWhen::OtherBatches,
        });
        let said = again(&seen).into_string();
        assert!(said.contains("the same rows gave another result</strong> with other batches: orders-1, part.parquet, row 7, column id"), "{said}");
    }

    #[test]
    fn rejects_are_guessed_with_bounds() {
        let mut report = PlanReport::default();
        report.samples.rows.read = Rows(1_000);
        assert_eq!(rejects(&report).into_string(), "none of the 1,000 rows that were tried");
        report.estimate = PlanEstimate {
            rows_rejected: Rows(50),
            rows_rejected_least: Rows(12),
            rows_rejected_most: Rows(131),
            ..PlanEstimate::default()
        };
        assert!(
            rejects(&report)
                .into_string()
                .starts_with("about 50 rows rejected (12 to 131 in 19 of 20 cases)")
        );
    }

    #[test]
    fn the_first_wave_is_the_canary() {
        let of = |waves: Vec<u64>| PlanReport { waves: List::first(waves).0, ..PlanReport::default() };
        assert_eq!(waves(&of(vec![3, 30, 267])).into_string(), "a canary of 3, then 30, then 267");
        assert_eq!(waves(&of(vec![])).into_string(), "none");
    }
}
