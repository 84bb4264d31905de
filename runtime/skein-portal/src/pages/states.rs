//! Where runs can be, as pages show it: a letter for maps, a colour by that letter (`--run-…` in the style), and always the word too.

use maud::{Markup, html};
use skein_api::RunCounts;
use skein_types::{RunState, grouped};

use crate::frame::state_said;

/// The order in which they are shown: what is done, what is under way, what is to come, what went wrong or was left out.
pub(super) const ORDER: [RunState; 13] = [
    RunState::Finalized,
    RunState::Published,
    RunState::Intended,
    RunState::Held,
    RunState::Planned,
    RunState::Reverting,
    RunState::Reverted,
    RunState::Failed,
    RunState::RevertFailed,
    RunState::Stale,
    RunState::Skipped,
    RunState::Cancelled,
    RunState::Ineligible,
];

/// The letter of a state.
pub(super) const fn letter(state: RunState) -> char {
    match state {
        RunState::Ineligible => 'i',
        RunState::Planned => 'p',
        RunState::Held => 'h',
        RunState::Intended => 'w',
        RunState::Published => 'd',
        RunState::Finalized => 'z',
        RunState::Failed => 'f',
        RunState::Skipped => 's',
        RunState::Stale => 't',
        RunState::Cancelled => 'c',
        RunState::Reverting => 'r',
        RunState::Reverted => 'b',
        RunState::RevertFailed => 'x',
    }
}

/// What a state is called.
pub(super) fn word(state: RunState) -> String {
    match state {
        RunState::Intended => "being published".to_owned(),
        RunState::Reverting => "being rolled back".to_owned(),
        RunState::Reverted => "rolled back".to_owned(),
        RunState::RevertFailed => "rollback failed".to_owned(),
        RunState::Ineligible
        | RunState::Planned
        | RunState::Held
        | RunState::Published
        | RunState::Finalized
        | RunState::Failed
        | RunState::Skipped
        | RunState::Stale
        | RunState::Cancelled => state.as_str().replace('_', " "),
    }
}

/// Where a run is, with its sign.
pub(super) fn shown(state: RunState) -> Markup {
    state_said(state.as_str(), &word(state))
}

pub(super) const fn count(runs: &RunCounts, state: RunState) -> u64 {
    match state {
        RunState::Ineligible => runs.ineligible,
        RunState::Planned => runs.planned,
        RunState::Held => runs.held,
        RunState::Intended => runs.intended,
        RunState::Published => runs.published,
        RunState::Finalized => runs.finalized,
        RunState::Failed => runs.failed,
        RunState::Skipped => runs.skipped,
        RunState::Stale => runs.stale,
        RunState::Cancelled => runs.cancelled,
        RunState::Reverting => runs.reverting,
        RunState::Reverted => runs.reverted,
        RunState::RevertFailed => runs.revert_failed,
    }
}

/// Those in which there are runs, in the order in which they are shown.
fn there(runs: &RunCounts) -> impl Iterator<Item = (RunState, u64)> + '_ {
    ORDER.iter().map(|state| (*state, count(runs, *state))).filter(|(_, count)| *count > 0)
}

/// Width of a bar, in its own units.
const WIDE: u64 = 1_000;
/// A part of it that there is, is seen.
const LEAST: u64 = 4;

/// All runs of a campaign as one bar, with the words for it below, each of which leads to its runs.
pub(super) fn bar(runs: &RunCounts, list: &str) -> Markup {
    let parts = parts(runs);
    let said: Vec<String> =
        there(runs).map(|(state, count)| format!("{} {}", grouped(count), word(state))).collect();
    html! {
        svg.states viewBox={ "0 0 " (WIDE) " 14" } preserveAspectRatio="none" role="img" aria-label={ "Runs: " (said.join(", ")) } {
            @for (state, x, width) in &parts {
                rect class={ "run-" (letter(*state)) } x=(x) y="0" width=(width) height="14" {}
            }
        }
        ul.legend {
            @for (state, count) in there(runs) {
                li {
                    svg.key viewBox="0 0 10 10" aria-hidden="true" { rect class={ "run-" (letter(state)) } width="10" height="10" {} }
                    " " a href={ (list) "?state=" (state) } { (grouped(count)) " " (word(state)) }
                }
            }
        }
    }
}

/// Where each part of the bar begins and how wide it is. They fill it; the smallest are drawn wider than they are, at the cost of the
/// widest.
fn parts(runs: &RunCounts) -> Vec<(RunState, u64, u64)> {
    let all = there(runs).map(|(_, count)| count).sum::<u64>().max(1);
    let wide =
        |count: u64| u64::try_from(u128::from(count) * u128::from(WIDE) / u128::from(all)).unwrap_or(WIDE);
    let mut widths: Vec<(RunState, u64)> =
        there(runs).map(|(state, count)| (state, wide(count).max(LEAST))).collect();
    let sum: u64 = widths.iter().map(|(_, width)| width).sum();
    if let Some((_, widest)) = widths.iter_mut().max_by_key(|(_, width)| *width) {
        *widest = (*widest + WIDE).saturating_sub(sum);
    }
    let mut x = 0;
    widths
        .into_iter()
        .map(|(state, width)| {
            x += width;
            (state, x - width, width)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use skein_api::RunCounts;
    use skein_types::RunState;

    use super::{LEAST, ORDER, WIDE, bar, letter, parts, shown, word};

    #[test]
    fn each_state_has_its_letter_its_colour_and_its_word() {
        let style = include_str!("../../assets/portal.css");
        let letters: BTreeSet<char> = RunState::ALL.iter().map(|state| letter(*state)).collect();
        let words: BTreeSet<String> = RunState::ALL.iter().map(|state| word(*state)).collect();
        let shown: BTreeSet<&str> = ORDER.iter().map(|state| state.as_str()).collect();
        assert_eq!([letters.len(), words.len(), shown.len()], [RunState::ALL.len(); 3]);
        for letter in letters {
            // In both themes, and where it is used.
            assert_eq!(style.matches(&format!("--run-{letter}:")).count(), 2, "{letter}");
            assert!(style.contains(&format!("var(--run-{letter})")), "{letter}");
        }
    }

    #[test]
    fn a_few_among_very_many_are_seen_and_the_bar_is_full() {
        let runs = RunCounts { published: 99_990, failed: 1, held: 2, planned: 7, ..RunCounts::default() };
        let parts = parts(&runs);
        assert_eq!(parts.iter().map(|(_, _, width)| width).sum::<u64>(), WIDE);
        assert!(parts.iter().all(|(_, _, width)| *width >= LEAST), "{parts:?}");
        assert_eq!(parts[0], (RunState::Published, 0, WIDE - 3 * LEAST));
        let shown = bar(&runs, "/campaigns/c/runs").into_string();
        assert!(
            shown.contains("aria-label=\"Runs: 99,990 published, 2 held, 7 planned, 1 failed\""),
            "{shown}"
        );
        assert!(shown.contains("<a href=\"/campaigns/c/runs?state=failed\">1 failed</a>"), "{shown}");
        assert!(!bar(&RunCounts::default(), "/").into_string().contains("rect"));
    }

    #[test]
    fn lists_and_legends_say_the_same_of_a_run() {
        let said = shown(RunState::Reverting).into_string();
        assert!(said.contains("state busy") && said.ends_with("being rolled back</span>"), "{said}");
    }
}
