//! What is known of a run.

use maud::{Markup, html};
use skein_api::{Alarm, RoundTrip, Run, Why};
use skein_types::{RunState, grouped};

use crate::duration::lasting;
use crate::frame;
use crate::pages::states::shown;

pub(super) fn view(run: &Run) -> Markup {
    html! {
        dl {
            dt { "State" } dd { (shown(run.state)) ", since " (frame::time(run.since)) }
            @if let Some(why) = &run.why { dt { "Why" } dd { (because(why, run.state)) } }
            @if let Some(waits) = &run.waiting { dt { "Waits" } dd.waits { (waits.message) } }
            @if let Some(attempt) = &run.failed_attempt {
                dt { "What it said" } dd { a href={ "/attempts/" (attempt) } { "Log of the last attempt that failed" } }
            }
            dt { "Dataset" } dd { a href={ "/datasets/" (run.dataset) } { (run.name) } }
            dt { "Wave" } dd { @match run.wave { Some(0) => "0, the canary", Some(wave) => { (wave) }, None => "none" } }
            @if let Some(verdict) = run.verdict { dt { "The plan says" } dd { (verdict.as_str().replace('_', " ")) } }
            @if let Some(version) = run.version { dt { "Version of the dataset" } dd { (version) } }
            @if let Some(rows) = &run.rows {
                dt { "Rows" } dd {
                    (grouped(rows.read.0)) " read, " (grouped(rows.written.0)) " written, "
                    (grouped(rows.rejected.0)) " rejected, " (grouped(rows.filtered.0)) " left out"
                }
            }
            @if let Some(meters) = &run.meters {
                dt { "Took" } dd {
                    (lasting(meters.wall_ms)) ", of CPU " (lasting(meters.cpu_ms)) "; " (grouped(meters.fuel.0)) " fuel, "
                    (meters.memory_peak) " of memory at most; " (meters.bytes_read) " read, " (meters.bytes_written) " written"
                }
            }
        }
    }
}

/// Where rules keep it back, that is their verdicts.
fn because(why: &Why, state: RunState) -> Markup {
    html! {
        @if state != RunState::Held { strong.bad { (why.code) } " " }
        span.said { (why.message) }
        @if let Some(hint) = &why.hint { " " span.note { "What to do: " (hint) } }
    }
}

/// Of its result: the round trip, and what was found wrong since.
pub(super) fn found_out(run: &Run) -> Markup {
    let Some(soak) = &run.soak else { return html! {} };
    html! {
        @if let Some(trip) = &soak.round_trip { (round_trip(trip)) }
        @if !soak.alarms.is_empty() { (alarms(&soak.alarms)) }
    }
}

fn round_trip(trip: &RoundTrip) -> Markup {
    html! {
        section aria-labelledby="trip" {
            h2 #trip { "Round trip" }
            @match &trip.problem {
                Some(problem) => p { strong.bad { "It is not proven that it can be undone: " } (problem) },
                None => p {
                    strong.good { "✓ It was undone and done again, and both were the same to the byte: " }
                    (grouped(trip.files)) " files, " (trip.bytes) ", " (frame::time(trip.at))
                },
            }
        }
    }
}

fn alarms(alarms: &[Alarm]) -> Markup {
    html! {
        section aria-labelledby="alarms" {
            h2 #alarms { "Found wrong since" }
            table {
                thead {
                    tr {
                        th scope="col" { "When" } th scope="col" { "Check" } th scope="col" { "Version" } th scope="col" { "About" }
                        th scope="col" { "What" }
                    }
                }
                tbody {
                    @for alarm in alarms {
                        tr {
                            td { (frame::time(alarm.at)) }
                            td { (alarm.check) }
                            td { (alarm.version) }
                            td { @if let Some(path) = &alarm.path { (path) } }
                            td { strong.bad { (alarm.code) } " " (alarm.message) }
                        }
                    }
                }
            }
        }
    }
}
