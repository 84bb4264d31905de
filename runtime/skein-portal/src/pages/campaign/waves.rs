//! The waves, and how many failures the one that is on can still afford.

use maud::{Markup, html};
use skein_api::{Campaign, CampaignProgress, Time, Wave};
use skein_types::{WaveState, grouped};

use super::because;
use crate::assets::{GAUGE, TIMELINE};
use crate::frame::{self, Gauge, bar, gauge, state};

/// One after the other; the one that is on is named as such.
pub(super) fn stepper(waves: &[Wave]) -> Markup {
    html! {
        section aria-labelledby="waves" {
            h2 #waves { "Waves" }
            (TIMELINE.module())
            skein-timeline #waves-over-time label="Waves over time" {
                ol.stepper {
                    @for wave in waves {
                        @let (from, to) = (wave.began, ended(wave));
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

/// When a wave was over that was on.
fn ended(wave: &Wave) -> Option<Time> {
    match wave.state {
        WaveState::Promoted | WaveState::Aborted => wave.began.and(Some(wave.since)),
        WaveState::Waiting | WaveState::Running | WaveState::AwaitingApproval | WaveState::Held => None,
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

    use super::stepper;

    fn wave(number: u32, state: WaveState, budget: u64) -> Wave {
        let since = Time(Timestamp(0));
        Wave { number, state, why: None, since, began: None, size: 9, budget, runs: RunCounts::default() }
    }

    #[test]
    fn a_wave_is_drawn_from_when_it_began_to_when_it_was_over_and_not_if_it_never_was_on() {
        let at = |number, state, began: Option<u64>| Wave {
            since: Time(Timestamp(9)),
            began: began.map(|at| Time(Timestamp(at))),
            ..wave(number, state, 0)
        };
        let waves = [
            at(0, WaveState::Promoted, Some(3)),
            at(1, WaveState::Held, Some(5)),
            at(2, WaveState::Waiting, None),
            at(3, WaveState::Aborted, None),
        ];
        let shown = stepper(&waves).into_string();
        let drawn: Vec<[bool; 3]> = shown
            .split("<li")
            .skip(1)
            .map(|item| ["data-from", "data-to", "data-open"].map(|of| item.contains(of)))
            .collect();
        assert_eq!(drawn, [[true, true, false], [true, false, true], [false; 3], [false; 3]], "{shown}");
        assert!(shown.contains("data-from=\"1970-01-01T00:00:00.003Z\""), "{shown}");
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
