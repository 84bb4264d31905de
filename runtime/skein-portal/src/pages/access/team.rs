//! One team: what is said about it, and making and removing it.

use std::sync::Arc;

use axum::Router;
use axum::extract::Path;
use axum::routing::{get, post};
use maud::{Markup, html};
use serde::Deserialize;
use skein_api::{Team, TeamPut};
use skein_control::{Control, Seen as Version};

use super::AT;
use crate::form::Form;
use crate::frame::{self, command, encoded, quoted, secret};
use crate::pages::offered::{bad, offered, text};
use crate::viewer::{Failed, Page, Seen, Viewer};

pub(super) fn routes() -> Router<Arc<Control>> {
    Router::new()
        .route("/access/teams", post(make))
        .route("/access/teams/{team}", get(page))
        .route("/access/teams/{team}/note", post(note))
        .route("/access/teams/{team}/remove", post(remove))
}

pub(super) fn making(viewer: &Viewer) -> Markup {
    html! {
        form.filter method="post" action="/access/teams" aria-label="Make a team" {
            (secret(viewer))
            span { label for="team" { "Make a team called" } " " input #team name="team" required maxlength="100"; }
            span { label for="note" { "Note, for people" } " " input #note name="note" size="40" maxlength="2000"; }
            button { "Make" } " " (command("skein team add NAME --note TEXT"))
        }
    }
}

async fn page(viewer: Viewer, Path(named): Path<String>) -> Result<Page, Failed> {
    viewer
        .page(move |desk, viewer| {
            let team = desk.team(&named)?;
            let content = html! {
                (view(&team))
                (offered(&desk.may_govern(), || forms(&team, viewer)))
            };
            Ok(frame::page(viewer, (&format!("Team {}", team.team), Some(AT)), content))
        })
        .await
}

fn view(team: &Team) -> Markup {
    let name = encoded(&team.team);
    html! {
        dl {
            dt { "Note" } dd { @if team.note.is_empty() { "none" } @else { (team.note) } }
            dt { "Since" } dd { (frame::time(team.since)) }
        }
        p.parts {
            a href={ "/datasets?owner=" (name) } { "Datasets" } " · "
            a href={ "/quotas/team%3A" (name) } { "Quota" } " · "
            a href={ "/usage?by=hour&team=" (name) } { "What it used" } " · "
            a href={ "/settings/secrets?team=" (name) } { "Secrets" } " · "
            a href={ "/audit?team=" (name) } { "What was decided" }
        }
        p { (command(&format!("skein team show {}", quoted(&team.team)))) }
    }
}

fn forms(team: &Team, viewer: &Viewer) -> Markup {
    let path = format!("/access/teams/{}", encoded(&team.team));
    let version = html! { input type="hidden" name="version" value=(team.version); };
    html! {
        h2 { "Say something else about it" }
        form method="post" action={ (path) "/note" } {
            (secret(viewer)) (version)
            label for="note" { "Note" } " " input #note name="note" size="60" maxlength="2000" value=(team.note); " "
            button { "Save" } " " (command(&format!("skein team add {} --note TEXT", quoted(&team.team))))
        }
        h2 { "Remove it" }
        p { "It has to have nothing any more: no datasets, campaigns, modules, tokens, secrets, quota. What it decided stays on record." }
        form method="post" action={ (path) "/remove" } {
            (secret(viewer)) (version)
            button.danger { "Remove" } " " (command(&format!("skein team remove {}", quoted(&team.team))))
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Making {
    team: String,
    note: Option<String>,
}

async fn make(Form(viewer, form): Form<Making>) -> Result<Seen, Failed> {
    viewer
        .act(move |desk| {
            let put = TeamPut { note: text("note", form.note.as_deref().unwrap_or_default())? };
            // One that is there is not made: what is said about it would be lost.
            let team = desk.put_team((form.team.trim(), Version::At(0)), &put)?;
            Ok(format!("/access/teams/{}", encoded(&team.team)))
        })
        .await
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Saying {
    version: String,
    note: Option<String>,
}

impl Saying {
    fn seen(&self) -> Result<Version, skein_control::ServiceError> {
        self.version.parse().map(Version::At).map_err(|_| bad("version", "it is no number"))
    }
}

async fn note(Path(named): Path<String>, Form(viewer, form): Form<Saying>) -> Result<Seen, Failed> {
    viewer
        .act(move |desk| {
            let put = TeamPut { note: text("note", form.note.as_deref().unwrap_or_default())? };
            let team = desk.put_team((&named, form.seen()?), &put)?;
            Ok(format!("/access/teams/{}", encoded(&team.team)))
        })
        .await
}

async fn remove(Path(named): Path<String>, Form(viewer, form): Form<Saying>) -> Result<Seen, Failed> {
    viewer
        .act(move |desk| {
            desk.remove_team(&named, form.seen()?)?;
            Ok(AT.to_owned())
        })
        .await
}
