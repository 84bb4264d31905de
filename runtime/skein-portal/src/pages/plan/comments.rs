//! What is said about a plan: comments, and questions that are answered before anything is started.

use std::sync::Arc;

use axum::Router;
use axum::extract::Path;
use axum::response::Response;
use axum::routing::post;
use maud::{Markup, html};
use serde::Deserialize;
use skein_api::{Approvals, Campaign, Comment, CommentAdd, CommentResolve, Page as ListPage};
use skein_control::Control;

use crate::form::{Form, Making};
use crate::frame::{self, command, encoded, making, secret};
use crate::pages::offered::text;
use crate::viewer::{Failed, Made, Seen, Viewer};

/// Teams that a list to choose from has.
const CHOICES: usize = 100;

pub(super) fn routes() -> Router<Arc<Control>> {
    Router::new()
        .route("/campaigns/{campaign}/comments", post(comment))
        .route("/campaigns/{campaign}/comments/{number}/resolve", post(resolve))
}

pub(super) fn view(
    campaign: &Campaign,
    (comments, approvals): (&ListPage<Comment>, &Approvals),
    viewer: &Viewer,
) -> Markup {
    let id = campaign.campaign;
    html! {
        section aria-labelledby="said" {
            h2 #said { "Comments" }
            @if comments.items.is_empty() { p.empty { "None." } } @else {
                ol.comments { @for one in comments.items.iter() { (said(campaign, one, viewer)) } }
            }
            @if let Some(next) = &comments.next {
                p { a rel="next" href={ "/campaigns/" (id) "/plan?comments=" (encoded(next)) "#said" } { "More comments" } }
            }
            form.tall method="post" action={ "/campaigns/" (id) "/comments" } {
                (making(viewer))
                label for="text" { "Say something" }
                textarea #text name="text" rows="2" maxlength="2000" required {}
                @if !approvals.slices.is_empty() {
                    label for="about" { "About" }
                    select #about name="slice" {
                        option value="" { "the whole plan" }
                        @for slice in approvals.slices.iter().take(CHOICES) {
                            option value=(slice.team) { "the part of " (slice.team) }
                        }
                    }
                }
                label.check { input type="checkbox" name="question" value="yes"; " A question: nothing is started before it is resolved" }
                p { button { "Send" } " " (command(&format!("skein campaign comment {id} 'TEXT'"))) }
            }
        }
    }
}

fn said(campaign: &Campaign, one: &Comment, viewer: &Viewer) -> Markup {
    let (id, number) = (campaign.campaign, one.number);
    let open = one.question && one.resolved.is_none();
    html! {
        li value=(number) {
            strong { (one.person) } ", " (frame::time(one.at))
            @if let Some(slice) = &one.slice { ", about the part of " (slice) }
            @if open { ", " strong.waits { "an open question" } } @else if one.question { ", an answered question" }
            p { (one.text) }
            @if let Some(by) = &one.resolved_by {
                p.note {
                    "Resolved by " (by) @if let Some(at) = one.resolved { ", " (frame::time(at)) }
                    @if let Some(how) = &one.resolution { ": " (how) }
                }
            }
            @if open {
                form method="post" action={ "/campaigns/" (id) "/comments/" (number) "/resolve" } {
                    (secret(viewer))
                    label for={ "answer-" (number) } { "Answer" } " "
                    input id={ "answer-" (number) } name="note" maxlength="2000" size="40"; " "
                    button { "Resolve" } " " (command(&format!("skein campaign comment {id} --resolve {number}")))
                }
            }
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Saying {
    text: String,
    slice: Option<String>,
    question: Option<String>,
}

async fn comment(
    Path(named): Path<String>,
    Making(viewer, once, saying): Making<Saying>,
) -> Result<Response, Failed> {
    viewer
        .make_once(once, move |desk, _| {
            let slice = saying.slice.map(|slice| text("slice", &slice)).transpose()?;
            let said =
                CommentAdd { text: text("text", &saying.text)?, slice, question: saying.question.is_some() };
            desk.comment(&named, &said)?;
            Ok(Made::At(format!("/campaigns/{}/plan", encoded(&named))))
        })
        .await
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Resolving {
    note: Option<String>,
}

async fn resolve(
    Path((named, number)): Path<(String, String)>,
    Form(viewer, resolving): Form<Resolving>,
) -> Result<Seen, Failed> {
    viewer
        .act(move |desk| {
            let note = resolving.note.map(|note| text("note", &note)).transpose()?;
            desk.resolve(&named, &number, &CommentResolve { note, through: None })?;
            Ok(format!("/campaigns/{}/plan", encoded(&named)))
        })
        .await
}
