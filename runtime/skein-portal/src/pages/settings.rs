//! What the server was told and keeps: policies, who is told of what happens, teams' secrets, and the keys that statements are signed with.

mod keys;
mod policies;
mod secrets;
mod webhook;
mod webhooks;

use std::sync::Arc;

use axum::Router;
use axum::routing::get;
use maud::html;
use skein_control::Control;

use crate::frame;
use crate::viewer::{Failed, Page, Viewer};

const AT: &str = "/settings";

pub(super) fn routes() -> Router<Arc<Control>> {
    Router::new()
        .route(AT, get(page))
        .merge(policies::routes())
        .merge(webhooks::routes())
        .merge(webhook::routes())
        .merge(secrets::routes())
        .merge(keys::routes())
}

/// Each with what it is for.
const PARTS: [(&str, &str, &str); 6] = [
    ("/settings/policies", "Policies", "How campaigns go, under names that they can be made with."),
    ("/settings/webhooks", "Webhooks", "Who is told of what happens: programs, chats, mailboxes."),
    ("/settings/secrets", "Secrets", "What modules get and nothing shows, by team."),
    ("/settings/keys", "Signing keys", "What statements about published datasets are signed with."),
    ("/access", "Access", "Teams, tokens and roles."),
    ("/health", "Health", "How the server is, what waits, what it takes."),
];

async fn page(viewer: Viewer) -> Result<Page, Failed> {
    viewer
        .page(move |_, viewer| {
            let content = html! {
                dl { @for (path, name, what) in PARTS { dt { a href=(path) { (name) } } dd { (what) } } }
                p.note { "What the machine decides (addresses, places, mail) is in " code { "skein.toml" } " there." }
            };
            Ok(frame::page(viewer, ("Settings", Some(AT)), content))
        })
        .await
}
