//! What all pages have, and the pieces that they are made of.

use maud::{DOCTYPE, Markup, html};
use skein_api::{Risk, Time};
use skein_control::ServiceError;
use skein_types::grouped;
use uuid::Uuid;

use crate::assets::{HTMX, ICON, LIVE, STYLE};
use crate::form::{ONCE, PAGE, SECRET};
use crate::viewer::Viewer;

/// Parts of the portal, in the order of the menu: where, and what it is called.
const MENU: &[(&str, &str)] = &[
    ("/", "Overview"),
    ("/datasets", "Datasets"),
    ("/campaigns", "Campaigns"),
    ("/approvals", "Approvals"),
    ("/modules", "Modules"),
    ("/fleet", "Fleet"),
    ("/quotas", "Quotas"),
    ("/audit", "Audit"),
    ("/access", "Access"),
    ("/settings", "Settings"),
];

/// The server ticks no more often: whoever looks sees what happened within that, and what it takes to make the part.
const LIVE_MS: u32 = 150;
/// A part that is of everything is asked for no more often.
const LIVE_OF_ALL_MS: u32 = 1_000;

/// A page of whoever is signed in. `at` is the menu's entry that it belongs to.
pub(crate) fn page(viewer: &Viewer, (title, at): (&str, Option<&str>), content: Markup) -> Markup {
    let who = html! {
        form.who method="post" action="/sign-out" {
            (secret(viewer))
            @let actor = viewer.session.who.actor();
            // The token is told apart by its id, where somebody has several.
            span title=(actor) { (actor.split_once(" (").map_or(actor, |(name, _)| name)) }
            " " button.plain { "Sign out" }
        }
    };
    whole(
        title,
        html! {
            nav aria-label="Main" {
                a.brand href="/" { "Skein" }
                ul {
                    @for (path, name) in MENU {
                        li { a href=(path) aria-current=[(at == Some(*path)).then_some("page")] { (name) } }
                    }
                }
                (who)
            }
        },
        content,
    )
}

/// A page of nobody.
pub(crate) fn bare(title: &str, content: Markup) -> Markup {
    whole(title, html! { nav aria-label="Main" { a.brand href="/" { "Skein" } } }, content)
}

fn whole(title: &str, nav: Markup, content: Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="htmx-config" content=r#"{"includeIndicatorCSS":false,"inlineStyleNonce":"","morphIgnore":["data-htmx-powered","open"]}"#;
                title { (title) " · Skein" }
                link rel="icon" href=(ICON.path());
                link rel="stylesheet" href=(STYLE.path());
                script src=(HTMX.path()) defer {}
                (LIVE.module())
            }
            body {
                a.skip href="#content" { "To the content" }
                (nav)
                main #content { h1 { (title) } (content) }
            }
        }
    }
}

/// What each form has to show, and where it stands: if it is refused it is shown there again.
pub(crate) fn secret(viewer: &Viewer) -> Markup {
    html! {
        input type="hidden" name=(SECRET) value=(viewer.session.form);
        input type="hidden" name=(PAGE) value=(viewer.page);
    }
}

/// What a form has that makes something: the secret, and what tells that it is sent again.
pub(crate) fn making(viewer: &Viewer) -> Markup {
    html! {
        (secret(viewer))
        input type="hidden" name=(ONCE) value=(Uuid::now_v7());
    }
}

/// A part of a page that is asked for again when something of `events` happened, a query of the events' list.
pub(crate) fn live(path: &str, events: &str, content: Markup) -> Markup {
    live_every(path, events, LIVE_MS, content)
}

/// The same, of a part that heeds everything, and not one campaign: something happens all the time, and to make it takes longer.
pub(crate) fn live_of_all(path: &str, events: &str, content: Markup) -> Markup {
    live_every(path, events, LIVE_OF_ALL_MS, content)
}

fn live_every(path: &str, events: &str, least: u32, content: Markup) -> Markup {
    html! {
        skein-live events={ "/v1/events/stream?tick=true&" (events) } least=(least) {
            div hx-get=(path) hx-trigger="skein:changed" hx-swap="innerMorph" { (content) }
        }
    }
}

/// Stands in a live part while what it shows moves without a decision: the part is asked for each second.
pub(crate) fn at_work() -> Markup {
    html! { span hidden data-at-work {} }
}

/// The command that does the same as what stands beside it.
pub(crate) fn command(line: &str) -> Markup {
    html! { code.command title="The same, typed" { (line) } }
}

/// Why something is not offered here to whoever looks.
pub(crate) fn refused(error: &ServiceError) -> Markup {
    html! { p.note { (error.message) @if let Some(hint) = &error.hint { ". " (hint) } } }
}

/// A word of a command line, so that a shell takes it as it is.
pub(crate) fn quoted(word: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./:@=,+%".contains(&byte);
    if !word.is_empty() && word.bytes().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// Choices of a field; the first of them is that nothing is chosen.
pub(crate) fn select<'a>(
    (id, name, label): (&str, &str, &str),
    nothing: &str,
    choices: impl IntoIterator<Item = &'a str>,
    chosen: Option<&str>,
) -> Markup {
    html! {
        label for=(id) { (label) } " "
        select id=(id) name=(name) {
            option value="" { (nothing) }
            @for choice in choices {
                option value=(choice) selected[chosen == Some(choice)] { (choice) }
            }
        }
    }
}

/// A field with a line of text.
pub(crate) fn line((id, name, label): (&str, &str, &str), said: Option<&str>, most: usize) -> Markup {
    html! {
        label for=(id) { (label) } " "
        input id=(id) name=(name) value=[said] maxlength=(most);
    }
}

/// How much of something is done, and how much of it failed. Drawn by the browser, said in words for who does not see it.
pub(crate) fn bar(done: u64, failed: u64, all: u64) -> Markup {
    html! {
        span.bar {
            progress max=(all.max(1)) value=(done.min(all)) aria-label="Done" {}
            " " (grouped(done)) " of " (grouped(all))
            @if failed > 0 { ", " strong.bad { (grouped(failed)) " failed" } }
        }
    }
}

/// How much is used of what there is a limit for.
pub(crate) struct Gauge<'a> {
    /// What.
    pub(crate) name: &'a str,
    pub(crate) used: u64,
    pub(crate) limit: u64,
    /// Both, with their unit.
    pub(crate) said: &'a str,
    /// It is bad when little is left.
    pub(crate) warns: bool,
}

/// Drawn by the browser, or by `gauge.js` where a page has that, and said in words; when little is left, that is said too.
pub(crate) fn gauge(of: &Gauge<'_>) -> Markup {
    let Gauge { name, used, limit, said, warns } = *of;
    let (most, near) = (limit.max(1), limit - limit / 10);
    html! {
        skein-gauge used=(used) limit=(most) near=[warns.then_some(near)] {
            meter min="0" max=(most) value=(used.min(most)) high=[warns.then_some(near)] aria-label=(name) {}
            " " (said)
            @if warns && limit > 0 {
                @if used > limit { ", " strong.bad { "over the limit" } }
                @else if used == limit { ", " strong.bad { "all of it" } }
                @else if used >= near { ", " strong.waits { "nearly all of it" } }
            }
        }
    }
}

/// A state, with a sign of its own, so that it is not told by its colour alone.
pub(crate) fn state(word: &str) -> Markup {
    state_said(word, &word.replace('_', " "))
}

/// The like, where people have other words for it.
pub(crate) fn state_said(word: &str, said: &str) -> Markup {
    let (kind, sign) = sign(word);
    html! { span.state.(kind) { span aria-hidden="true" { (sign) " " } (said) } }
}

fn sign(state: &str) -> (&'static str, &'static str) {
    match state {
        "published"
        | "succeeded"
        | "partially_succeeded"
        | "finalized"
        | "promoted"
        | "approved"
        | "ready"
        | "active" => ("good", "✓"),
        "failed"
        | "plan_failed"
        | "revert_failed"
        | "rollback_incomplete"
        | "halted"
        | "suspended"
        | "aborted"
        | "declined"
        | "banned"
        | "refused"
        | "lost" => ("bad", "✗"),
        "running" | "planning" | "intended" | "rolling_back" | "reverting" | "cancelling" | "finalizing"
        | "soaking" | "compiling" => ("busy", "◐"),
        "held" | "paused" | "awaiting_approval" | "stale" | "draining" | "undecided" => ("waits", "‖"),
        _ => ("plain", "·"),
    }
}

/// How many, and the word for one or for several.
pub(crate) fn counted(number: u64, one: &str, several: &str) -> String {
    format!("{} {}", grouped(number), if number == 1 { one } else { several })
}

/// Why something is where it is: a word of ours, and behind it what people said. A sentence stays as it is.
pub(crate) fn because(why: &str) -> String {
    match why.split_once(':') {
        Some((word, said)) if !word.contains(' ') => format!("{}:{said}", word.replace('_', " ")),
        None if !why.contains(' ') => why.replace('_', " "),
        Some(_) | None => why.to_owned(),
    }
}

/// How much can go wrong.
pub(crate) const fn risk(risk: Risk) -> &'static str {
    match risk {
        Risk::Low => "low",
        Risk::Moderate => "moderate",
        Risk::High => "high",
    }
}

/// A moment, with its zone.
pub(crate) fn time(time: Time) -> Markup {
    let text = time.to_string();
    // To the second: whoever wants it exactly finds it in the attribute.
    html! { time datetime=(text) { (text.get(..19).unwrap_or(&text).replace('T', " ")) " UTC" } }
}

/// To the next page of a list, if there is one; `query` is what else the list was asked for.
pub(crate) fn more(path: &str, query: &[(&str, &str)], next: Option<&str>) -> Markup {
    let Some(next) = next else { return html! {} };
    let query = query.iter().copied().chain([("after", next)]);
    html! { p { a rel="next" href=(address(path, query)) { "More" } } }
}

/// A path with what is asked of it; what is empty is not asked.
pub(crate) fn address<'a>(path: &str, query: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let said = query.into_iter().filter(|(_, value)| !value.is_empty());
    let query: Vec<String> = said.map(|(name, value)| format!("{name}={}", encoded(value))).collect();
    format!("{path}?{}", query.join("&"))
}

/// As a part of a query.
pub(crate) fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(char::from(byte)),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{Gauge, bar, bare, because, counted, encoded, gauge, more, quoted, sign};
    use maud::html;
    use skein_types::{CampaignState, RunState, SliceState, Verdict, WaveState};

    #[test]
    fn words_of_strangers_are_text_wherever_they_stand() {
        let evil = "<script>alert(1)</script>\"onload=\"x";
        let page =
            bare(evil, html! { p title=(evil) { (evil) } (super::command(evil)) (super::state(evil)) })
                .into_string();
        assert!(!page.contains("<script>alert") && !page.contains("\"onload"), "{page}");
    }

    #[test]
    fn what_failed_is_said_and_not_only_drawn() {
        assert!(bar(3, 1, 5).into_string().contains("3 of 5, <strong class=\"bad\">1 failed</strong>"));
        assert!(!bar(3, 0, 5).into_string().contains("failed"));
    }

    /// Whoever adds a state says here how it stands with what is in it.
    #[test]
    fn what_went_wrong_and_what_waits_for_somebody_has_its_sign() {
        use {CampaignState as C, RunState as R, SliceState as S, Verdict as V, WaveState as W};
        for state in C::ALL {
            let kind = match state {
                C::PlanFailed | C::Halted | C::RollbackIncomplete => "bad",
                C::AwaitingApproval | C::Stale | C::Paused => "waits",
                C::Planning | C::Running | C::Soaking | C::Finalizing | C::RollingBack | C::Cancelling => {
                    "busy"
                }
                C::Approved | C::Succeeded | C::PartiallySucceeded => "good",
                C::Draft | C::Planned | C::RolledBack | C::Cancelled => "plain",
            };
            assert_eq!(sign(state.as_str()).0, kind, "campaign {state}");
        }
        for state in R::ALL {
            let kind = match state {
                R::Failed | R::RevertFailed => "bad",
                R::Held | R::Stale => "waits",
                R::Intended | R::Reverting => "busy",
                R::Published | R::Finalized => "good",
                R::Ineligible | R::Planned | R::Skipped | R::Cancelled | R::Reverted => "plain",
            };
            assert_eq!(sign(state.as_str()).0, kind, "run {state}");
        }
        for state in W::ALL {
            let kind = match state {
                W::Aborted => "bad",
                W::AwaitingApproval | W::Held => "waits",
                W::Running => "busy",
                W::Promoted => "good",
                W::Waiting => "plain",
            };
            assert_eq!(sign(state.as_str()).0, kind, "wave {state}");
        }
        for (word, kind) in [
            (S::Undecided.as_str(), "waits"),
            (S::Approved.as_str(), "good"),
            (S::Declined.as_str(), "bad"),
            (V::Refused.as_str(), "bad"),
            (V::Eligible.as_str(), "plain"),
        ] {
            assert_eq!(sign(word).0, kind, "{word}");
        }
    }

    #[test]
    fn words_of_ours_are_words_and_those_of_people_stay_as_they_are() {
        assert_eq!(because("gate_passed"), "gate passed");
        assert_eq!(because("asked_for: see run_7: it is_late"), "asked for: see run_7: it is_late");
        assert_eq!(because("run_7 is late: see there"), "run_7 is late: see there");
        assert_eq!([counted(1, "run", "runs"), counted(1_200, "run", "runs")], ["1 run", "1,200 runs"]);
    }

    #[test]
    fn that_little_is_left_is_said_and_not_only_drawn() {
        let said = |used, limit, warns| {
            gauge(&Gauge { name: "agents", used, limit, said: "so many", warns }).into_string()
        };
        assert!(said(3, 10, true).contains("max=\"10\" value=\"3\" high=\"9\""), "{}", said(3, 10, true));
        for (used, word) in [(9, ">nearly all of it<"), (10, ">all of it<"), (12, ">over the limit<")] {
            assert!(said(used, 10, true).contains(word), "{}", said(used, 10, true));
            assert!(!said(used, 10, false).contains(word) && !said(3, 10, true).contains(word));
        }
        assert!(said(12, 10, true).contains("used=\"12\"") && said(12, 10, true).contains("value=\"10\""));
        assert!(!said(0, 0, true).contains("all of it"));
    }

    #[test]
    fn a_shell_takes_a_quoted_word_as_it_is() {
        assert_eq!(quoted("users@2"), "users@2");
        assert_eq!(quoted("users-*"), "'users-*'");
        assert_eq!(quoted("it's $HOME"), r"'it'\''s $HOME'");
        assert_eq!(quoted(""), "''");
    }

    #[test]
    fn the_next_page_is_asked_for_with_what_this_one_was() {
        let link = more("/datasets", &[("owner", "a&b"), ("state", "")], Some("x=y")).into_string();
        assert!(link.contains("/datasets?owner=a%26b&amp;after=x%3Dy\""), "{link}");
        assert_eq!(encoded("a b/ü?"), "a%20b%2F%C3%BC%3F");
    }
}
