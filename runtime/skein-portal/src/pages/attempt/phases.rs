//! What an attempt that is at work does, among what it did and what comes.

use maud::{Markup, html};
use skein_api::{AttemptAtWork, AttemptKind, AttemptPhase};
use skein_types::grouped;

use crate::frame;

pub(super) fn view(kind: AttemptKind, at_work: &AttemptAtWork) -> Markup {
    let AttemptAtWork { phase, rows, rows_all, memory, .. } = at_work;
    html! {
        (frame::at_work())
        section aria-labelledby="at-work" {
            h2 #at-work { "At work" }
            ol.stepper {
                @for step in steps(kind, *phase) {
                    li aria-current=[(step == *phase).then_some("step")] {
                        strong { (word(step)) }
                        p.note { @if step < *phase { "✓ done" } @else if step == *phase { "◐ now" } @else { "· to come" } }
                    }
                }
            }
            p {
                @match rows_all {
                    Some(all) => { (frame::bar(rows.0, 0, all.0)) " rows" },
                    None => { (grouped(rows.0)) " rows so far" },
                }
                "; its agents have " (memory) " of memory now."
            }
        }
    }
}

/// Those that a task of this kind goes through, and where it is in any case.
fn steps(kind: AttemptKind, now: AttemptPhase) -> impl Iterator<Item = AttemptPhase> {
    use AttemptPhase::{HandingOver, Looking, Rules, Transforming, Verifying};
    let goes: &[AttemptPhase] = match kind {
        AttemptKind::Run | AttemptKind::Seal => &[Looking, Transforming, Verifying, Rules, HandingOver],
        AttemptKind::Split | AttemptKind::DryRun => &[Looking, Transforming],
        AttemptKind::Plan | AttemptKind::Scan | AttemptKind::Check | AttemptKind::Scrub => &[Looking],
    };
    AttemptPhase::ALL.into_iter().filter(move |step| goes.contains(step) || *step == now)
}

pub(in crate::pages) const fn word(phase: AttemptPhase) -> &'static str {
    match phase {
        AttemptPhase::Looking => "Looks and plans",
        AttemptPhase::Transforming => "Transforms",
        AttemptPhase::Verifying => "Reads it again",
        AttemptPhase::Rules => "Looks at rules",
        AttemptPhase::HandingOver => "Is handed over",
    }
}

#[cfg(test)]
mod tests {
    use super::view;
    use skein_api::{AttemptAtWork, AttemptKind, AttemptPhase, Time};
    use skein_types::{Bytes, Fuel, Millis, Rows, Timestamp};

    fn at(phase: AttemptPhase) -> AttemptAtWork {
        let limits = skein_api::node::AgentLimits {
            fuel_per_call: Fuel(1),
            fuel_per_task: Fuel(1),
            wall_per_call_ms: Millis(1),
            wall_per_task_ms: Millis(1),
            memory: Bytes(1),
            output_bytes_per_call: Bytes(1),
            output_bytes_per_batch: Bytes(1),
            expansion: 1,
            expansion_floor: Bytes(1),
            rows_per_answer: 1,
            log_lines: 1,
            log_bytes: Bytes(1),
            rejects: 1,
            state_bytes: Bytes(1),
            drains_per_batch: 1,
            metric_names: 1,
        };
        let said = Time(Timestamp(0));
        AttemptAtWork {
            phase,
            rows: Rows(30),
            rows_all: Some(Rows(1_200)),
            memory: Bytes::mib(3),
            limits,
            said,
        }
    }

    #[test]
    fn what_is_done_now_and_to_come_is_said_in_words() {
        let shown = view(AttemptKind::Run, &at(AttemptPhase::Verifying)).into_string();
        let count = |what: &str| shown.matches(what).count();
        assert_eq!((count("✓ done"), count("◐ now"), count("· to come")), (2, 1, 2), "{shown}");
        assert!(shown.contains("<li aria-current=\"step\"><strong>Reads it again</strong>"), "{shown}");
        assert!(shown.contains("30 of 1,200") && shown.contains("data-at-work"), "{shown}");
        // A part of a run is handed over to nobody.
        let part = view(AttemptKind::Split, &at(AttemptPhase::Transforming)).into_string();
        assert_eq!(part.matches("<li").count(), 2, "{part}");
    }
}
