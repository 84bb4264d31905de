//! Which datasets a new campaign is over, and what that comes to.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::extract::Query;
use axum::routing::get;
use maud::{Markup, html};
use skein_control::{Control, Selected, ServiceError};
use skein_types::grouped;

use super::draft::Draft;
use super::{Shown, typed_line};
use crate::viewer::{Failed, Page, Viewer};

const LIVE: &str = "/live/selection";
/// Teams that are named with their datasets.
const TEAMS: usize = 8;

pub(super) fn routes() -> Router<Arc<Control>> {
    Router::new().route(LIVE, get(part))
}

/// What is typed by now, counted. What cannot be meant yet is said and no failure: the next letter may mend it.
async fn part(viewer: Viewer, Query(typed): Query<BTreeMap<String, String>>) -> Result<Page, Failed> {
    viewer
        .page(move |desk, _| {
            let counted = Draft::of(typed).selection().and_then(|selection| desk.selected(selection));
            Ok(counted.map_or_else(|error| wrong(&error), |selected| comes_to(&selected)))
        })
        .await
}

pub(super) fn view(shown: &Shown) -> Markup {
    let draft = &shown.draft;
    html! {
        fieldset #selection {
            legend { "Which datasets" }
            p.note { "All that you may plan for, unless you say less. What is said holds together." }
            p {
                label for="names" { "Names, or globs such as users-*, one a line" } br;
                textarea #names name="names" rows="2" cols="60" { (draft.get("names").unwrap_or_default()) }
            }
            p {
                label for="labels" { "Labels, KEY=VALUE, one a line: all of them" } br;
                textarea #labels name="labels" rows="2" cols="60" { (draft.get("labels").unwrap_or_default()) }
            }
            p { (typed_line(("owner", "Of team"), draft)) }
        }
        fieldset {
            legend { "Or a manifest" }
            p {
                label for="manifest" {
                    "Datasets by name: CSV with the column dataset and, where needed, params, owner, defer-until; or a JSON object a line"
                } br;
                textarea #manifest name="manifest" rows="3" cols="70" { (draft.get("manifest").unwrap_or_default()) }
            }
            p.note { "What takes more than 60 KiB goes by the command line. A manifest is counted by the button below." }
        }
        div.counted role="status" hx-get=(LIVE) hx-include="#selection" hx-trigger="load, input delay:300ms from:#selection" {
            @match &shown.counted {
                Some(selected) => (comes_to(selected)),
                None => p.note { "The button " strong { "Count" } " below says how many datasets these are." },
            }
        }
    }
}

fn wrong(error: &ServiceError) -> Markup {
    html! { p.waits { strong { (error.code.id) } " " (error.message) } }
}

/// What it comes to.
fn comes_to(selected: &Selected) -> Markup {
    let Selected { datasets, whole, names, teams } = selected;
    html! {
        p {
            strong { @if !whole { "At least " } (grouped(*datasets)) @if *datasets == 1 { " dataset" } @else { " datasets" } }
            @if *datasets == 0 { ": nothing fits" @if *whole { ", and a plan would have nothing to do" } }
            @if !names.is_empty() {
                ": " (names.join(", ")) @if *datasets > names.len() as u64 { ", …" }
            }
        }
        @if !teams.is_empty() {
            p.note {
                "Of "
                @for (at, (team, count)) in teams.iter().take(TEAMS).enumerate() { @if at > 0 { ", " } (team) " " (grouped(*count)) }
                @if teams.len() > TEAMS { " and " (teams.len() - TEAMS) " more teams" }
                ". Each team decides about its own."
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::comes_to;
    use skein_control::Selected;
    use std::collections::BTreeMap;

    #[test]
    fn a_count_that_is_not_whole_does_not_claim_to_be() {
        let selected = |datasets, whole| Selected {
            datasets,
            whole,
            names: (0..datasets.min(5)).map(|number| format!("<{number}>")).collect(),
            teams: BTreeMap::from([("shop".to_owned(), datasets)]),
        };
        let all = comes_to(&selected(1_200, true)).into_string();
        assert!(all.contains("<strong>1,200 datasets</strong>") && all.contains("&lt;4&gt;, …"), "{all}");
        assert!(comes_to(&selected(20_000, false)).into_string().contains("At least 20,000 datasets"));
        assert!(comes_to(&selected(1, true)).into_string().contains("1 dataset<"));
        assert!(
            comes_to(&Selected { whole: true, ..Selected::default() }).into_string().contains("nothing fits")
        );
    }
}
