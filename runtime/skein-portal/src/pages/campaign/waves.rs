//! The waves, and how many failures the one that is on can still afford.

use maud::{Markup, html};
use skein_api::{Campaign, CampaignProgress, Time, Wave};
use skein_types::{WaveState, grouped};

use super::because;
use crate::assets::{GAUGE, TIMELINE};
use crate::frame::{self, Gauge, bar, gauge, state};

/// One after the other; the one that is on is named as such.
pub(super) fn stepper(waves: &[Wave]) -> Markup {
    let before = std::iter::once(None).chain(waves.iter().map(Some));
    html! {
        section aria-labelledby="waves" {
            h2 #waves { "Waves" }
            (TIMELINE.module())
            skein-timeline #waves-over-time label="Waves over time" {
                ol.stepper {
                    @for (wave, before) in waves.iter().zip(before) {
                        @let (from, to) = span(wave, before);
                        li aria-current=[is_on(wave).then_some("step")] data-from=[from] data-to=[to] data-open=[is_on(wave).then_some("")] {
                            p { strong { "Wave " (wave.number) @if wave.number == 0 { ", the canary" } } " " (state(&wave.state.to_string())) }
                            @if let Some(why) = &wave.why { p { (because(why)) } }
                            p { (bar(wave.runs.published + wave.runs.finalized, wave.runs.failed, wave.size)) }
                            p.note { (may_fail(wave.budget)) ". Since " (frame::time(wave.since)) }
                        }
                    }
                }
            }
        }
    }
}

/// From when to when a wave was on, as far as it says so: it begins when the one before it is let through.
fn span(wave: &Wave, before: Option<&Wave>) -> (Option<Time>, Option<Time>) {
    let begun = before.filter(|before| before.state == WaveState::Promoted).map(|before| before.since);
    match wave.state {
        WaveState::Waiting => (None, None),
        WaveState::Running => (begun.or(Some(wave.since)), None),
        WaveState::AwaitingApproval | WaveState::Held => (begun, None),
        WaveState::Promoted | WaveState::Aborted => (begun, Some(wave.since)),
    }
}

const fn is_on(wave: &Wave) -> bool {
    match wave.state {
        WaveState::Running | WaveState::AwaitingApproval | WaveState::Held => true,
        WaveState::Waiting | WaveState::Promoted | WaveState::Aborted => false,
    }
}

fn may_fail(budget: u64) -> String {
    match budget {
        0 => "None may fail".to_owned(),
        budget => format!("{} may fail", grouped(budget)),
    }
}

/// Of the wave that is on, the last one that began.
pub(super) fn budget(campaign: &Campaign, progress: &CampaignProgress) -> Markup {
    let Some(wave) = campaign.waves.iter().rfind(|wave| is_on(wave)) else {
        return html! { (grouped(campaign.runs.failed)) " failed" };
    };
    let spent = wave.budget.saturating_sub(progress.failures_left);
    let said =
        format!("{} of the {} that wave {} can afford", grouped(spent), grouped(wave.budget), wave.number);
    html! {
        @if wave.budget > 0 {
            (GAUGE.module())
            (gauge(&Gauge { name: "Failures that the wave could afford, spent", used: spent, limit: wave.budget, said: &said, warns: true }))
        } @else { (said) }
        "; " (grouped(wave.runs.failed)) " failed now"
    }
}

#[cfg(test)]
mod tests {
    use skein_api::{RunCounts, Time, Wave};
    use skein_types::{Timestamp, WaveState};

    use super::{span, stepper};

    fn wave(number: u32, state: WaveState, budget: u64) -> Wave {
        let since = Time(Timestamp(0));
        Wave { number, state, why: None, since, size: 9, budget, runs: RunCounts::default() }
    }

    #[test]
    fn a_wave_begins_when_the_one_before_it_is_through_and_ends_when_it_is_itself() {
        let at = |number, state, since| Wave { since: Time(Timestamp(since)), ..wave(number, state, 0) };
        let time = |at| Some(Time(Timestamp(at)));
        let canary = at(0, WaveState::Promoted, 5);
        assert_eq!(span(&canary, None), (None, time(5)));
        assert_eq!(span(&at(1, WaveState::Promoted, 9), Some(&canary)), (time(5), time(9)));
        assert_eq!(span(&at(1, WaveState::Held, 9), Some(&canary)), (time(5), None));
        assert_eq!(span(&at(0, WaveState::Running, 2), None), (time(2), None));
        assert_eq!(span(&at(1, WaveState::Waiting, 1), Some(&canary)), (None, None));
    }

    #[test]
    fn the_wave_that_is_on_is_named_as_such() {
        let waves = [(WaveState::Promoted, 0), (WaveState::Running, 3), (WaveState::Waiting, 9)];
        let waves: Vec<Wave> =
            (0..).zip(waves).map(|(number, (state, budget))| wave(number, state, budget)).collect();
        let shown = stepper(&waves).into_string();
        let on: Vec<&str> =
            shown.split("<li").filter(|item| item.contains("aria-current=\"step\"")).collect();
        assert!(on.len() == 1 && on[0].contains("Wave 1") && on[0].contains("3 may fail"), "{shown}");
        assert!(shown.contains("Wave 0, the canary") && shown.contains("None may fail"), "{shown}");
    }
}
