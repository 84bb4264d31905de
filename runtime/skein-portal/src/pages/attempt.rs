//! One try at a task: what it was, how it ended, what it took of what it may take, what was said, which rows were refused, and how to
//! do the same again. One that is at work is a live part: what it does, what it took and said so far; and how it ended, when it has.
//!
//! What modules say and rows that they refuse are strangers' words, and only for who may see the rows of the dataset.

mod lines;
mod meters;
mod phases;

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, Query};
use axum::routing::get;
use maud::{Markup, html};
use serde::Deserialize;
use skein_api::{Attempt, AttemptEnding, AttemptKind, Campaign, Replay};
use skein_control::{Control, Desk, ListPart, ServiceError};
use skein_types::{codes, grouped};

use crate::duration::lasting;
use crate::frame::{self, command, quoted, state};
use crate::viewer::{Failed, Page, Viewer};
use lines::Listed;

pub(super) fn routes() -> Router<Arc<Control>> {
    Router::new()
        .route("/attempts/{attempt}", get(page))
        .route("/live/attempts/{attempt}", get(part))
        .route("/attempts/{attempt}/rejects", get(rejects))
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Asked {
    /// Lines that have this, however it is written.
    find: String,
    /// From the line behind so many; if nothing is said from the first, or of one that is at work the last ones.
    after: Option<usize>,
}

/// Characters that are looked for: each line is compared with all of them.
const FIND: usize = 200;

impl Asked {
    fn read(mut self) -> Self {
        self.find = self.find.trim().chars().take(FIND).collect();
        self
    }
}

/// What is there, or why whoever looks may not see it.
type Allowed<T> = Result<T, ServiceError>;

struct Shown {
    attempt: Attempt,
    campaign: Campaign,
    log: Allowed<Listed>,
    replay: Allowed<Replay>,
}

fn gather(desk: &Desk<'_>, named: &str, asked: &Asked) -> Result<Shown, ServiceError> {
    let attempt = desk.attempt(named)?;
    let campaign = desk.campaign(&attempt.campaign.to_string())?;
    Ok(Shown {
        log: listed(desk.attempt_log(named, &ListPart::default()), asked, attempt.at_work.is_some())?,
        replay: desk.attempt_replay(named),
        attempt,
        campaign,
    })
}

/// Lines of a file of a node. That somebody may not see them is shown in their place.
fn listed(
    told: Result<(Vec<u8>, Option<u64>), ServiceError>,
    asked: &Asked,
    at_work: bool,
) -> Result<Allowed<Listed>, ServiceError> {
    let find = &asked.find;
    match told {
        Ok((bytes, _)) if at_work && asked.after.is_none() => Ok(Ok(lines::last(&bytes, find))),
        Ok((bytes, _)) => Ok(Ok(lines::listed(&bytes, find, asked.after.unwrap_or(0)))),
        Err(error) if [codes::ROLE_MISSING, codes::NOT_FOUND].contains(&error.code) => Ok(Err(error)),
        Err(error) => Err(error),
    }
}

async fn page(viewer: Viewer, Path(named): Path<String>, Query(asked): Query<Asked>) -> Result<Page, Failed> {
    let asked = asked.read();
    viewer
        .page(move |desk, viewer| {
            let shown = gather(desk, &named, &asked)?;
            let what = shown.attempt.name.as_ref().map_or("no single dataset", |name| name.as_str());
            let title = format!("Attempt at {what}");
            let content = view(&shown, &asked);
            let content = match &shown.attempt.at_work {
                Some(_) => live(&shown.attempt, &asked, content),
                None => content,
            };
            Ok(frame::page(viewer, (&title, Some("/campaigns")), content))
        })
        .await
}

/// With what was looked for, so that what comes is the same part of it.
fn live(attempt: &Attempt, asked: &Asked, content: Markup) -> Markup {
    let (id, find) = (attempt.attempt, frame::encoded(&asked.find));
    let after = asked.after.map(|after| format!("&after={after}")).unwrap_or_default();
    let path = format!("/live/attempts/{id}?find={find}{after}");
    frame::live(&path, &format!("campaign={}", attempt.campaign), content)
}

async fn part(viewer: Viewer, Path(named): Path<String>, Query(asked): Query<Asked>) -> Result<Page, Failed> {
    let asked = asked.read();
    viewer
        .page(move |desk, _| match gather(desk, &named, &asked) {
            Ok(shown) => Ok(view(&shown, &asked)),
            Err(error) if error.code == codes::NOT_FOUND => Ok(gone()),
            Err(error) => Err(error),
        })
        .await
}

/// In place of one that was at work when the page was asked for.
fn gone() -> Markup {
    html! {
        p.waits {
            "It is not at work any more, and there is no record of it: its campaign was cancelled, or the server was started again."
        }
    }
}

fn view(shown: &Shown, asked: &Asked) -> Markup {
    let Shown { attempt, campaign, log, replay } = shown;
    let id = attempt.attempt;
    html! {
        (parts(attempt, campaign))
        (facts(attempt))
        @if let Some(at_work) = &attempt.at_work { (phases::view(attempt.kind, at_work)) }
        (meters::view(attempt, &campaign.policy.limits))
        section aria-labelledby="log" {
            h2 #log { "Log" }
            @match log {
                Err(refused) => p.waits { (refused.message) },
                Ok(listed) => {
                    (lines::view(listed, &format!("/attempts/{id}"), &asked.find))
                    @if attempt.at_work.is_some() && asked.after.is_none() {
                        p.note { "These are the last so far. " a href={ "/attempts/" (id) "?after=0&find=" (frame::encoded(&asked.find)) } { "From the first that is kept" } }
                    }
                },
            }
            p { (command(&format!("skein attempt logs {id}{}", if attempt.at_work.is_some() { " --follow" } else { "" }))) }
        }
        (refused(attempt))
        @if attempt.at_work.is_none() { (again(attempt, replay)) }
    }
}

fn parts(attempt: &Attempt, campaign: &Campaign) -> Markup {
    html! {
        p.parts {
            a href={ "/campaigns/" (campaign.campaign) } { (campaign.name) }
            @if let Some(run) = attempt.run { " · " a href={ "/campaigns/" (campaign.campaign) "/runs/" (run) } { "Run " (run) } }
            @if let Some(dataset) = attempt.dataset { " · " a href={ "/datasets/" (dataset) } { "The dataset" } }
        }
    }
}

fn facts(attempt: &Attempt) -> Markup {
    html! {
        dl {
            @match (&attempt.at_work, attempt.ended) {
                (Some(at_work), _) => {
                    dt { "How it is" } dd { (state("running")) ", as its node said at " (frame::time(at_work.said)) }
                },
                (None, Some(ended)) => { dt { "How it ended" } dd { (state(became(attempt))) ", " (frame::time(ended)) } },
                (None, None) => {},
            }
            @if let Some(why) = &attempt.why {
                dt { "Why" } dd {
                    strong.bad { (why.code) } " " span.said { (why.message) }
                    @if let Some(hint) = &why.hint { br; span.note { "What to do: " (hint) } }
                }
            }
            dt { "What it was" } dd { (kind(attempt)) }
            dt { "Began" } dd {
                @match attempt.began { Some(began) => { (frame::time(began)) @if attempt.at_work.is_some() { ", so far " } @else { ", took " } (lasting(attempt.meters.wall_ms)) }, None => "its node did not say" }
            }
            dt { "Node" } dd { code { (attempt.node) } ", its life " (attempt.incarnation) }
            dt { "Attempt" } dd { code { (attempt.attempt) } }
            dt { "Task" } dd { code { (attempt.task) } }
            @if let Some(source) = &attempt.source {
                dt { "Read" } dd {
                    "version " (source.version) ", " (grouped(source.files)) " files, " (source.bytes)
                }
            }
        }
    }
}

/// By code; which rows is on a page of its own.
fn refused(attempt: &Attempt) -> Markup {
    let id = attempt.attempt;
    html! {
        @if attempt.rejected.0 > 0 {
            section aria-labelledby="rejects" {
                h2 #rejects { "Rejected rows" }
                @if !attempt.reject_codes.is_empty() {
                    table {
                        thead { tr { th scope="col" { "Code" } th.number scope="col" { "Rows" } } }
                        tbody {
                            @for one in attempt.reject_codes.iter() { tr { td { (one.code) } td.number { (grouped(one.rows.0)) } } }
                        }
                    }
                }
                @match attempt.at_work {
                    Some(_) => p { (grouped(attempt.rejected.0)) " so far. Which is said when it is over." },
                    None => p { a href={ "/attempts/" (id) "/rejects" } { "Which, of " (grouped(attempt.rejected.0)) } },
                }
            }
        }
    }
}

fn again(attempt: &Attempt, replay: &Allowed<Replay>) -> Markup {
    let id = attempt.attempt;
    html! {
        section aria-labelledby="again" {
            h2 #again { "The same again" }
            @match replay {
                Err(unfit) => p.note { (unfit.message) },
                Ok(replay) => {
                    @let secrets = secrets(replay.secrets.iter().map(|name| name.as_str()));
                    p { "The same rows through the same module, here; nothing is published:" }
                    p { (command(&format!("skein attempt replay {id}{secrets}"))) }
                    p.note {
                        "It reads " code { (replay.location) } ". Module " code { (replay.module) } ": "
                        a href={ "/v1/attempts/" (id) "/module" } { "its bytes" }
                    }
                },
            }
        }
    }
}

/// As options of a command line. What a secret is called is strangers' words.
fn secrets<'a>(names: impl Iterator<Item = &'a str>) -> String {
    names.map(|name| format!(" --secret {}", quoted(&format!("{name}=@FILE")))).collect()
}

async fn rejects(
    viewer: Viewer,
    Path(named): Path<String>,
    Query(asked): Query<Asked>,
) -> Result<Page, Failed> {
    let asked = asked.read();
    viewer
        .page(move |desk, viewer| {
            let (attempt, told) = (desk.attempt(&named)?, desk.attempt_rejects(&named, &ListPart::default())?);
            let listed = lines::listed(&told.0, &asked.find, asked.after.unwrap_or(0));
            let id = attempt.attempt;
            let content = html! {
                p.parts { a href={ "/attempts/" (id) } { "The attempt" } }
                p {
                    (grouped(attempt.rejected.0)) " rows were rejected. Some are named here; all of them, with their values, are in the \
                     dataset's quarantine."
                }
                (lines::view(&listed, &format!("/attempts/{id}/rejects"), &asked.find))
                p { (command(&format!("skein attempt rejects {id}"))) }
            };
            Ok(frame::page(viewer, ("Rejected rows", Some("/campaigns")), content))
        })
        .await
}

/// What a task is, with the part of a run that it was.
pub(super) fn kind(attempt: &Attempt) -> Markup {
    let word = match attempt.kind {
        AttemptKind::Run => "a whole run",
        AttemptKind::Split => "a part of a large run",
        AttemptKind::Seal => "the parts of a large run put together",
        AttemptKind::Plan => "datasets looked at for a plan",
        AttemptKind::DryRun => "a sample for a plan",
        AttemptKind::Scan => "datasets looked for",
        AttemptKind::Check => "what was published looked at",
        AttemptKind::Scrub => "versions read in full",
    };
    html! { (word) @if let Some(part) = attempt.part { ", " (u64::from(part.part) + 1) " of " (part.parts) } }
}

/// What one that is at work does.
pub(super) use phases::word as doing;

/// What has become of it by now.
pub(super) const fn became(attempt: &Attempt) -> &'static str {
    match attempt.ending {
        None => "running",
        Some(AttemptEnding::Done) => "succeeded",
        Some(AttemptEnding::Failed) => "failed",
        Some(AttemptEnding::NotNeeded) => "not_needed",
        Some(AttemptEnding::Stopped) => "stopped",
        Some(AttemptEnding::Lost) => "lost",
    }
}

#[cfg(test)]
mod tests {
    use super::{Asked, FIND, lines, listed, secrets};

    #[test]
    fn no_name_of_a_secret_is_a_command_of_its_own() {
        let line = secrets(["key", "x=; rm -rf ~ #", "it's"].into_iter());
        assert_eq!(line, r" --secret key=@FILE --secret 'x=; rm -rf ~ #=@FILE' --secret 'it'\''s=@FILE'");
    }

    #[test]
    fn of_one_that_is_at_work_the_last_lines_are_shown_unless_others_are_asked_for() {
        let bytes: String = (0..1_000).map(|number| format!("{number}\n")).collect();
        let shown = |after, at_work| {
            let asked = Asked { after, ..Asked::default() };
            listed(Ok((bytes.clone().into_bytes(), None)), &asked, at_work).unwrap().unwrap()
        };
        let [first, last] = [lines::listed(bytes.as_bytes(), "", 0), lines::last(bytes.as_bytes(), "")];
        assert_ne!(first, last);
        assert_eq!(
            [shown(None, true), shown(Some(0), true), shown(None, false)],
            [last, first, shown(Some(0), false)]
        );
        assert_eq!(shown(None, false), lines::listed(bytes.as_bytes(), "", 0));
    }

    #[test]
    fn what_is_looked_for_is_bounded() {
        let asked = Asked { find: format!(" {} ", "é".repeat(9 * FIND)), after: None }.read();
        assert_eq!(asked.find, "é".repeat(FIND));
    }
}
