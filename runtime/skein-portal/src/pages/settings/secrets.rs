//! Teams' secrets: their names, and a field to set one. No page has ever a value.

use std::sync::Arc;

use axum::Router;
use axum::extract::Query;
use axum::routing::{get, post};
use maud::{Markup, html};
use serde::Deserialize;
use skein_api::{Secret, Team};
use skein_control::{Control, Seen as Version};

use super::AT;
use super::policies::seen;
use crate::ROWS;
use crate::form::Form;
use crate::frame::{self, command, encoded, quoted, secret};
use crate::pages::offered::offered;
use crate::pages::rows;
use crate::pages::some;
use crate::viewer::{Failed, Page, Seen, Viewer};

const HERE: &str = "/settings/secrets";

pub(super) fn routes() -> Router<Arc<Control>> {
    Router::new()
        .route(HERE, get(page))
        .route("/settings/secrets/set", post(set))
        .route("/settings/secrets/remove", post(remove))
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Asked {
    team: String,
    after: Option<String>,
}

async fn page(viewer: Viewer, Query(asked): Query<Asked>) -> Result<Page, Failed> {
    viewer
        .page(move |desk, viewer| {
            let team = asked.team.trim();
            let content = if team.is_empty() {
                choose(&desk.teams(&some(ROWS))?.items)
            } else {
                let part = rows(asked.after);
                let page = desk.secrets(team, &part)?;
                let may = desk.may_keep_secrets(team);
                html! {
                    p { "Of team " strong { (team) } ". Nothing shows a value; a module gets it where its parameters say " code { "{\"$secret\": \"NAME\"}" } "." }
                    @if page.items.is_empty() { p.empty { "There is none." } } @else { (table(&page.items, may.is_ok().then_some(viewer))) }
                    @if may.is_ok() && !page.items.is_empty() {
                        p.note { "Campaigns that were made with one that is removed keep its value until they are over. "
                            (command(&format!("skein secret remove --team {} NAME", quoted(team)))) }
                    }
                    (frame::more(HERE, &[("team", team)], page.next.as_deref()))
                    p { (command(&format!("skein secret list --team {}", quoted(team)))) }
                    (offered(&may, || setting(team, viewer)))
                    p { a href=(HERE) { "Another team" } }
                }
            };
            Ok(frame::page(viewer, ("Secrets", Some(AT)), content))
        })
        .await
}

fn choose(teams: &[Team]) -> Markup {
    html! {
        @if !teams.is_empty() { ul { @for team in teams { li { a href={ (HERE) "?team=" (encoded(&team.team)) } { (team.team) } } } } }
        form method="get" action=(HERE) {
            label for="team" { "Of which team" } " " input #team name="team" required maxlength="100"; " " button { "Show" }
        }
    }
}

fn table(secrets: &[Secret], setter: Option<&Viewer>) -> Markup {
    html! {
        table {
            thead { tr { th { "Name" } th { "Set" } th { "Tells values apart" } @if setter.is_some() { th { "Remove" } } } }
            tbody {
                @for one in secrets {
                    @let digest = one.digest.to_string();
                    tr {
                        td { (one.name) }
                        td { (frame::time(one.since)) }
                        td { code { (digest.get(..20).unwrap_or(&digest)) "…" } }
                        @if let Some(viewer) = setter {
                            td {
                                form.inline method="post" action="/settings/secrets/remove" {
                                    (secret(viewer))
                                    input type="hidden" name="team" value=(one.team);
                                    input type="hidden" name="name" value=(one.name);
                                    input type="hidden" name="version" value=(one.version);
                                    button.danger aria-label={ "Remove " (one.name) } { "Remove" }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn setting(team: &str, viewer: &Viewer) -> Markup {
    html! {
        h2 { "Set one" }
        p { "Under a name that is there it takes the place of what was; campaigns that were made before keep the value that they have." }
        form method="post" action="/settings/secrets/set" autocomplete="off" {
            (secret(viewer))
            input type="hidden" name="team" value=(team);
            p { label for="name" { "Name, as parameters say it" } " " input #name name="name" required maxlength="100"; }
            p { label for="value" { "Value, one line" } " " input #value type="password" name="value" required size="40" autocomplete="new-password"; }
            button { "Set" } " " (command(&format!("skein secret set --team {} NAME --file FILE", quoted(team))))
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Setting {
    team: String,
    name: String,
    value: String,
}

async fn set(Form(viewer, form): Form<Setting>) -> Result<Seen, Failed> {
    viewer
        .act(move |desk| {
            let secret =
                desk.set_secret((&form.team, form.name.trim()), Version::Any, form.value.as_bytes())?;
            Ok(format!("{HERE}?team={}", encoded(&secret.team)))
        })
        .await
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Removing {
    team: String,
    name: String,
    version: String,
}

async fn remove(Form(viewer, form): Form<Removing>) -> Result<Seen, Failed> {
    viewer
        .act(move |desk| {
            let secret = desk.remove_secret((&form.team, &form.name), seen(&form.version)?)?;
            Ok(format!("{HERE}?team={}", encoded(&secret.team)))
        })
        .await
}
