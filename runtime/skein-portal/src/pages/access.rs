//! Who is let in: teams, the tokens of their members, and what each role is good for.

mod team;
mod tokens;

use std::sync::Arc;

use axum::Router;
use axum::extract::Query;
use axum::routing::get;
use maud::{Markup, html};
use serde::Deserialize;
use skein_api::{AccessToken, Grant, Page as Part, Team, Whoami};
use skein_control::{Control, Desk, ServiceError};
use skein_types::Role;

use super::offered::offered;
use super::sign_in::EVERYWHERE;
use crate::frame::{self, command, encoded, secret, state};
use crate::pages::rows;
use crate::viewer::{Failed, Page, Viewer};

const AT: &str = "/access";

pub(super) fn routes() -> Router<Arc<Control>> {
    Router::new().route(AT, get(page)).merge(team::routes()).merge(tokens::routes())
}

/// Two lists have two keys.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Asked {
    after: Option<String>,
    token: Option<String>,
}

struct Shown {
    who: Whoami,
    teams: Part<Team>,
    /// For those who may look at them.
    tokens: Result<Part<AccessToken>, ServiceError>,
    may: Result<(), ServiceError>,
}

fn gather(desk: &Desk<'_>, asked: Asked) -> Result<Shown, ServiceError> {
    let tokens = match desk.may_audit() {
        Ok(()) => Ok(desk.tokens(&rows(asked.token))?),
        Err(refused) => Err(refused),
    };
    Ok(Shown { who: desk.whoami(), teams: desk.teams(&rows(asked.after))?, tokens, may: desk.may_govern() })
}

async fn page(viewer: Viewer, Query(asked): Query<Asked>) -> Result<Page, Failed> {
    viewer
        .page(move |desk, viewer| {
            let shown = gather(desk, asked)?;
            Ok(frame::page(viewer, ("Access", Some(AT)), view(&shown, viewer)))
        })
        .await
}

fn view(shown: &Shown, viewer: &Viewer) -> Markup {
    let Shown { who, teams, tokens, may } = shown;
    html! {
        (you(who, viewer))
        section aria-labelledby="teams" {
            h2 #teams { "Teams" }
            @if teams.items.is_empty() { p.empty { "You see none." } } @else { (team_table(&teams.items)) }
            (frame::more(AT, &[], teams.next.as_deref()))
            p { (command("skein team list")) }
            (offered(may, || team::making(viewer)))
        }
        section aria-labelledby="tokens" {
            h2 #tokens { "Tokens" }
            @match tokens {
                Err(refused) => p.note { "Tokens are for auditors and admins to look at: " (refused.message) "." },
                Ok(tokens) => {
                    @if tokens.items.is_empty() { p.empty { "There is none: nobody needs one here." } } @else { (token_table(&tokens.items)) }
                    @if let Some(next) = &tokens.next { p { a rel="next" href={ (AT) "?token=" (encoded(next)) } { "More tokens" } } }
                    p { (command("skein token list")) }
                }
            }
            (offered(may, || tokens::issuing(viewer)))
        }
        (roles())
    }
}

fn you(who: &Whoami, viewer: &Viewer) -> Markup {
    html! {
        dl {
            dt { "You are" } dd { (who.actor) ", a " (who.kind) }
            dt { "You may" } dd { @if who.single_user { "do everything: this server has one user and asks nobody for a token" } @else { (grants(&who.grants)) } }
            @if let Some(token) = &who.token { dt { "Token" } dd { a href={ "/access/tokens/" (token) } { (token) } } }
        }
        form method="post" action=(EVERYWHERE) {
            (secret(viewer))
            p { "Ends all your sessions, in this and in every other browser, and links that nobody has followed yet." }
            button { "Sign out everywhere" } " " (command("skein portal sign-out"))
        }
    }
}

pub(super) fn grants(grants: &[Grant]) -> Markup {
    html! {
        @for (number, grant) in grants.iter().enumerate() {
            @if number > 0 { ", " }
            (grant.role) " " @match &grant.team { Some(team) => { "in " a href={ "/access/teams/" (encoded(team)) } { (team) } }, None => "in all teams" }
        }
    }
}

fn team_table(teams: &[Team]) -> Markup {
    html! {
        table {
            thead { tr { th { "Team" } th { "Note" } th { "Since" } } }
            tbody {
                @for team in teams {
                    tr {
                        td { a href={ "/access/teams/" (encoded(&team.team)) } { (team.team) } }
                        td { (team.note) }
                        td { (frame::time(team.since)) }
                    }
                }
            }
        }
    }
}

fn token_table(tokens: &[AccessToken]) -> Markup {
    html! {
        table {
            thead { tr { th { "Whose" } th { "State" } th { "Kind" } th { "Grants" } th { "Last used" } th { "Until" } } }
            tbody {
                @for token in tokens {
                    tr {
                        td { a href={ "/access/tokens/" (token.token) } { (token.name) } }
                        td { (standing(token)) }
                        td { (token.kind) }
                        td { (grants(&token.grants)) }
                        td { @match token.last_used { Some(at) => (frame::time(at)), None => "never" } }
                        td { @match token.expires { Some(at) => (frame::time(at)), None => "it is revoked" } }
                    }
                }
            }
        }
    }
}

/// Whether it counts, as far as the list says it: an expiry is shown beside it.
fn standing(token: &AccessToken) -> Markup {
    match token.revoked {
        Some(at) => {
            html! { span.state.bad { span aria-hidden="true" { "✗ " } "revoked" } " " (frame::time(at)) }
        }
        None => state("active"),
    }
}

/// What people may, as the table of rights has it.
const fn may(role: Role) -> &'static str {
    match role {
        Role::Viewer => "Looks at what the team has: datasets, campaigns, runs, logs.",
        Role::Author => "Submits modules, makes and plans campaigns, sets secrets and receivers of notices.",
        Role::Approver => {
            "Says yes or no to what is planned for the team's datasets, says what must hold of them, and stops and undoes campaigns."
        }
        Role::Operator => {
            "Registers datasets, starts and stops campaigns, retries, rolls back; and all that an author may."
        }
        Role::PlatformAdmin => {
            "All of that and teams, tokens, quotas, policies, nodes. Does not approve: whose the data is says yes to it."
        }
        Role::Auditor => "Looks, and reads the record of decisions of everybody.",
    }
}

fn roles() -> Markup {
    html! {
        section aria-labelledby="roles" {
            h2 #roles { "Roles" }
            p { "A token has roles, each in one team or in all of them. What is about the whole server asks for the role in all teams." }
            table {
                thead { tr { th { "Role" } th { "What it is good for" } } }
                tbody { @for role in Role::ALL { tr { th scope="row" { (role) } td { (may(*role)) } } } }
            }
            p.note { "Only a person approves, and never what they planned themselves; a service is a program." }
        }
    }
}
