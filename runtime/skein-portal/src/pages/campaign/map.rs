//! The map: a square for each run. What is sent for it is a line of text, so that a hundred thousand runs are small however they lie:
//!
//! ```text
//! all 4711        as of this decision: from run 0 on, a letter and how many there are of it, if more than one
//! d1200fd3p98796
//! moved 4802      runs that moved since, each with its letter
//! 1203w 1204d
//! ```

use std::fmt::Write as _;
use std::sync::Arc;

use axum::extract::{Path, Query};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Router, routing::get};
use maud::{Markup, html};
use serde::Deserialize;
use skein_api::Campaign;
use skein_control::{Control, MapRuns, RunMap};

use super::super::states::{ORDER, letter, word};
use crate::assets::HEAT_MAP;
use crate::viewer::{Failed, Viewer};

/// Stands where there is no run.
const NONE: char = '.';

pub(super) fn routes() -> Router<Arc<Control>> {
    Router::new().route("/campaigns/{campaign}/map", get(map))
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Asked {
    /// As of which decision whoever asks has it.
    after: Option<u64>,
}

async fn map(
    viewer: Viewer,
    Path(named): Path<String>,
    Query(asked): Query<Asked>,
) -> Result<Response, Failed> {
    let coded = viewer.tell(move |desk| Ok(coded(&desk.run_map(&named, asked.after)?))).await?;
    let headers = [
        (header::CONTENT_TYPE, "text/plain; charset=utf-8"),
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    Ok((StatusCode::OK, headers, coded).into_response())
}

fn coded(map: &RunMap) -> String {
    let mut text = String::new();
    // Writing to a text cannot fail.
    let _ = match &map.runs {
        MapRuns::All(by_state) => {
            let all = by_state.iter().flat_map(|(state, seqs)| seqs.iter().map(|seq| (*seq, letter(*state))));
            let mut all: Vec<(u64, char)> = all.collect();
            all.sort_unstable();
            writeln!(text, "all {}", map.position).and_then(|()| whole(&mut text, &all))
        }
        MapRuns::Moved(moved) => {
            let moved: Vec<String> =
                moved.iter().map(|(seq, state)| format!("{seq}{}", letter(*state))).collect();
            writeln!(text, "moved {}\n{}", map.position, moved.join(" "))
        }
    };
    text
}

fn whole(text: &mut String, all: &[(u64, char)]) -> std::fmt::Result {
    let (mut next, mut at) = (0, 0);
    while let Some((seq, letter)) = all.get(at).copied() {
        many(text, NONE, seq.saturating_sub(next))?;
        let alike = all[at..].iter().zip(seq..).take_while(|(one, seq)| **one == (*seq, letter)).count();
        many(text, letter, alike as u64)?;
        at += alike;
        next = seq.saturating_add(alike as u64);
    }
    text.write_char('\n')
}

fn many(text: &mut String, letter: char, many: u64) -> std::fmt::Result {
    match many {
        0 => Ok(()),
        1 => text.write_char(letter),
        _ => write!(text, "{letter}{many}"),
    }
}

/// Where it is drawn. Without JavaScript there is the list.
pub(super) fn view(campaign: &Campaign) -> Markup {
    let at = format!("/campaigns/{}", campaign.campaign);
    let words: Vec<String> =
        ORDER.iter().map(|state| format!("{}={}", letter(*state), word(*state))).collect();
    html! {
        section aria-labelledby="map" {
            h2 #map { "Each run" }
            (HEAT_MAP.module())
            // What it drew stays when the rest is asked for again.
            skein-heat-map #each-run hx-morph-skip src={ (at) "/map" } runs={ (at) "/runs" } words=(words.join(";"))
                label="All runs by state, in the order of their numbers" {
                p { "A square for each run is drawn where there is JavaScript. The same in words: " a href={ (at) "/runs" } { "all runs" } }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use skein_control::{MapRuns, RunMap};
    use skein_types::RunState;

    use super::coded;

    fn all(by_state: Vec<(RunState, Vec<u64>)>) -> String {
        coded(&RunMap { position: 7, runs: MapRuns::All(by_state) })
    }

    #[test]
    fn runs_are_said_in_the_order_of_their_numbers_and_alike_ones_together() {
        let by_state = vec![
            (RunState::Planned, vec![3, 4, 5, 9]),
            (RunState::Published, vec![0, 1]),
            (RunState::Failed, vec![2]),
        ];
        assert_eq!(all(by_state), "all 7\nd2fp3.3p\n");
        assert_eq!(all(Vec::new()), "all 7\n\n");
        let moved = MapRuns::Moved(vec![(12, RunState::Intended), (400, RunState::Failed)]);
        assert_eq!(coded(&RunMap { position: 8, runs: moved }), "moved 8\n12w 400f\n");
        assert_eq!(coded(&RunMap { position: 8, runs: MapRuns::Moved(Vec::new()) }), "moved 8\n\n");
    }

    #[test]
    fn a_hundred_thousand_runs_are_small_however_they_lie() {
        let of = |fits: fn(u64) -> bool| (0..100_000).filter(|seq| fits(*seq)).collect::<Vec<u64>>();
        let worst = all(vec![
            (RunState::Published, of(|seq| seq % 2 == 0)),
            (RunState::Failed, of(|seq| seq % 2 == 1)),
        ]);
        assert!(worst.len() < 100_100, "{}", worst.len());
        // Pairs are what a count makes no shorter.
        let pairs = all(vec![
            (RunState::Published, of(|seq| seq % 4 < 2)),
            (RunState::Failed, of(|seq| seq % 4 > 1)),
        ]);
        assert!(pairs.len() < 100_100, "{}", pairs.len());
    }
}
