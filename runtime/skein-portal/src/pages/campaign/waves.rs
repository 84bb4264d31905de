//! The waves, and how many failures the one that is on can still afford.

use maud::{Markup, html};
use skein_api::{Campaign, CampaignProgress, Wave};
use skein_types::{WaveState, grouped};

use super::because;
use crate::frame::{self, bar, state};

/// One after the other; the one that is on is named as such.
pub(super) fn stepper(waves: &[Wave]) -> Markup {
    html! {
        section aria-labelledby="waves" {
            h2 #waves { "Waves" }
            ol.stepper {
                @for wave in waves {
                    li aria-current=[is_on(wave).then_some("step")] {
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
    html! {
        @if wave.budget > 0 {
            meter min="0" max=(wave.budget) value=(spent) high=(wave.budget) optimum="0" aria-label="Failures that the wave could afford, spent" {}
            " "
        }
        (grouped(spent)) " of the " (grouped(wave.budget)) " that wave " (wave.number) " can afford, "
        (grouped(wave.runs.failed)) " failed now"
    }
}

#[cfg(test)]
mod tests {
    use skein_api::{RunCounts, Time, Wave};
    use skein_types::{Timestamp, WaveState};

    use super::stepper;

    fn wave(number: u32, state: WaveState, budget: u64) -> Wave {
        let since = Time(Timestamp(0));
        Wave { number, state, why: None, since, size: 9, budget, runs: RunCounts::default() }
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
