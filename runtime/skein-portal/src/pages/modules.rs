//! The list of modules.

use std::sync::Arc;

use axum::Router;
use axum::extract::Query;
use axum::routing::get;
use maud::{Markup, html};
use skein_api::{Module, ModuleState};
use skein_control::Control;

use super::said;
use crate::frame::{self, command, state};
use crate::pages::{After, rows};
use crate::viewer::{Failed, Page, Viewer};

const AT: &str = "/modules";

pub(super) fn routes() -> Router<Arc<Control>> {
    Router::new().route(AT, get(page))
}

async fn page(viewer: Viewer, Query(asked): Query<After>) -> Result<Page, Failed> {
    viewer
        .page(move |desk, viewer| {
            let part = rows(said(asked.after));
            let page = desk.modules(&part)?;
            let content = html! {
                p { "A module is what migrates: a WebAssembly component that a team submits. " (command("skein module list")) }
                @if page.items.is_empty() {
                    p.empty { "There is none yet that you may use. Submit one:" }
                    p { (command("skein module submit columns@1 columns")) }
                } @else {
                    (table(&page.items))
                }
                (frame::more(AT, &[], page.next.as_deref()))
            };
            Ok(frame::page(viewer, ("Modules", Some(AT)), content))
        })
        .await
}

/// Where a module is, in a word.
pub(super) const fn word(state: ModuleState) -> &'static str {
    match state {
        ModuleState::Compiling => "compiling",
        ModuleState::Ready => "ready",
        ModuleState::Refused => "refused",
        ModuleState::Suspended => "suspended",
        ModuleState::Banned => "banned",
    }
}

/// Where a version of a module is shown.
pub(super) fn at(of: &str, version: &str) -> String {
    format!("{AT}/{}/{}", frame::encoded(of), frame::encoded(version))
}

pub(super) fn table(modules: &[Module]) -> Markup {
    html! {
        table {
            thead {
                tr {
                    th scope="col" { "Module" } th scope="col" { "Version" } th scope="col" { "State" } th scope="col" { "Team" }
                    th scope="col" { "Size" } th scope="col" { "Submitted" } th scope="col" { "Source" }
                }
            }
            tbody {
                @for module in modules {
                    tr {
                        td { (module.name) }
                        td { a href=(at(&module.name, &module.version)) { (module.name) "@" (module.version) } }
                        td { (shown(module)) }
                        td { @match &module.owner { Some(team) if team.as_str() != "local" => (team), _ => span.plain { "everybody's" } } }
                        td.number { (module.bytes) }
                        td { (frame::time(module.submitted)) }
                        td { @if let Some(source) = &module.source { code { (source) } } @if let Some(commit) = &module.commit { " " code { (commit) } } }
                    }
                }
            }
        }
    }
}

/// The state, and why it is there.
pub(super) fn shown(module: &Module) -> Markup {
    html! {
        (state(word(module.state)))
        @if let Some(why) = &module.why { " " strong { (why.code) } " " (why.message) }
    }
}
