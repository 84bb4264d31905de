//! Keys that statements are and were signed with.

use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post};
use maud::{Markup, html};
use skein_api::SigningKeys;
use skein_control::Control;

use super::AT;
use crate::ROWS;
use crate::form::{Form, Nothing};
use crate::frame::{self, command, secret};
use crate::pages::offered::offered;
use crate::viewer::{Failed, Page, Seen, Viewer};

const HERE: &str = "/settings/keys";

pub(super) fn routes() -> Router<Arc<Control>> {
    Router::new().route(HERE, get(page)).route("/settings/keys/rotate", post(rotate))
}

async fn page(viewer: Viewer) -> Result<Page, Failed> {
    viewer
        .page(move |desk, viewer| {
            let keys = desk.signing_keys()?;
            let content = html! {
                (view(&keys))
                p { "Whoever verifies a statement elsewhere has them from here: " (command("skein audit keys export --save FILE")) }
                (offered(&desk.may_govern(), || html! {
                    h2 { "Sign with a new key" }
                    p { "Both keys sign that the new one follows the old one, which then signs nothing any more. What it signed holds." }
                    form method="post" action="/settings/keys/rotate" {
                        (secret(viewer))
                        button.danger { "Rotate" } " " (command("skein audit keys rotate"))
                    }
                }))
            };
            Ok(frame::page(viewer, ("Signing keys", Some(AT)), content))
        })
        .await
}

fn view(keys: &SigningKeys) -> Markup {
    html! {
        p { "Statements about what is published are signed with the last of them, as " code { (keys.server) } "." }
        table {
            thead { tr { th { "Key" } th { "From" } th { "Took the place of" } th { "Public half" } } }
            tbody {
                // The newest first: it is the one that signs.
                @for (number, key) in keys.keys.iter().rev().take(ROWS).enumerate() {
                    tr {
                        td { code { (key.key) } @if number == 0 { " " strong { "signs now" } } }
                        td { (frame::time(key.at)) }
                        td { @match &key.before { Some(before) => code { (before) }, None => "none" } @if key.before.is_some() && key.by_before.is_none() { ", which was lost" } }
                        td { code { (key.public) } }
                    }
                }
            }
        }
        @if keys.keys.len() > ROWS { p.note { "The command shows all of them." } }
    }
}

async fn rotate(Form(viewer, Nothing {}): Form<Nothing>) -> Result<Seen, Failed> {
    viewer
        .act(move |desk| {
            desk.rotate_key()?;
            Ok(HERE.to_owned())
        })
        .await
}
