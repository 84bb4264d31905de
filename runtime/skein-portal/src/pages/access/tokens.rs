//! Tokens: issuing one, whose secret the page that answers shows and no other; one by itself; revoking it.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::extract::Path;
use axum::response::Response;
use axum::routing::{get, post};
use maud::{Markup, html};
use skein_api::{AccessToken, Grant, List, TokenIssue, TokenIssued};
use skein_control::{Control, ServiceError};
use skein_types::{Millis, Role, TokenKind};

use super::{AT, grants, standing};
use crate::form::{Form, Making, Nothing};
use crate::frame::{self, command, making, secret};
use crate::pages::offered::{bad, text};
use crate::viewer::{Failed, Made, Page, Seen, Viewer};

const DAY_MS: u64 = 24 * 3_600_000;
/// Grants that a form has room for; a command takes more.
const GRANTS: usize = 3;

pub(super) fn routes() -> Router<Arc<Control>> {
    Router::new()
        .route("/access/tokens", post(issue))
        .route("/access/tokens/{token}", get(page))
        .route("/access/tokens/{token}/revoke", post(revoke))
        .route("/access/tokens/{token}/sign-out", post(sign_out))
}

pub(super) fn issuing(viewer: &Viewer) -> Markup {
    html! {
        form method="post" action="/access/tokens" aria-label="Issue a token" {
            (making(viewer))
            h3 { "Issue a token" }
            p {
                label for="name" { "Whose it is: records say that this one did it" } " "
                input #name name="name" required maxlength="100";
            }
            p {
                label for="kind" { "Held by" } " "
                select #kind name="kind" {
                    option value=(TokenKind::Person) { "a person, who may approve" }
                    option value=(TokenKind::Service) { "a program" }
                }
            }
            @for number in 1..=GRANTS {
                p {
                    label for={ "role" (number) } { "Role" } " "
                    select id={ "role" (number) } name={ "role" (number) } required[number == 1] {
                        option value="" { "none" }
                        @for role in Role::ALL { option value=(role) { (role) } }
                    } " "
                    label for={ "team" (number) } { "in team" } " "
                    input id={ "team" (number) } name={ "team" (number) } placeholder="all teams" maxlength="100";
                }
            }
            p { label for="days" { "Good for so many days; nothing: until it is revoked" } " " input #days name="days" type="number" min="1" max="3650"; }
            button { "Issue" } " " (command("skein token create NAME --grant ROLE@TEAM"))
        }
    }
}

/// What the form asks for.
fn asked(form: &BTreeMap<String, String>) -> Result<TokenIssue, ServiceError> {
    let said = |name: &str| form.get(name).map(|text| text.trim()).filter(|text| !text.is_empty());
    let mut grants = Vec::new();
    for number in 1..=GRANTS {
        let (role, team) = (format!("role{number}"), said(&format!("team{number}")));
        match (said(&role), team) {
            (Some(said), team) => grants.push(Grant {
                role: said.parse::<Role>().map_err(|error| bad(&role, &error.to_string()))?,
                team: team.map(|team| text("team", team)).transpose()?,
            }),
            // Left out it would be a role in all teams, or none at all.
            (None, Some(team)) => {
                return Err(bad(&role, &format!("none was chosen for team {team:?}")));
            }
            (None, None) => {}
        }
    }
    if grants.is_empty() {
        return Err(bad("role1", "a token without one lets nobody in"));
    }
    let days = said("days").map(|days| days.parse::<u64>().map_err(|_| bad("days", "it is no number")));
    let kind = said("kind").unwrap_or_default().parse::<TokenKind>();
    Ok(TokenIssue {
        name: text("name", said("name").unwrap_or_default())?,
        kind: kind.map_err(|error| bad("kind", &error.to_string()))?,
        grants: List::first(grants).0,
        expires_in_ms: days.transpose()?.map(|days| Millis(days.saturating_mul(DAY_MS))),
    })
}

/// The answer is the page: an address that could be opened again would have to keep the secret.
async fn issue(Making(viewer, once, form): Making<BTreeMap<String, String>>) -> Result<Response, Failed> {
    viewer
        .make_once(once, move |desk, viewer| {
            let issued = desk.issue_token(&asked(&form)?)?;
            Ok(Made::Page(frame::page(viewer, ("A new token", Some(AT)), said(&issued))))
        })
        .await
}

fn said(issued: &TokenIssued) -> Markup {
    html! {
        p { strong { "This is the only time that it is shown" } ": what is kept is a hash. Hand it to " (issued.token.name) " in a way that nobody else reads." }
        p { label for="secret" { "The token" } " " input #secret readonly size="80" autocomplete="off" value=(issued.secret); }
        (facts(&issued.token))
        p { a href={ "/access/tokens/" (issued.token.token) } { "The token, without its secret" } " · " a href=(AT) { "Access" } }
    }
}

fn facts(token: &AccessToken) -> Markup {
    html! {
        dl {
            dt { "Id" } dd { code { (token.token) } }
            dt { "Whose" } dd { (token.name) ", a " (token.kind) }
            dt { "State" } dd { (standing(token)) }
            dt { "Grants" } dd { (grants(&token.grants)) }
            dt { "Issued" } dd { (frame::time(token.issued)) }
            dt { "Until" } dd { @match token.expires { Some(at) => (frame::time(at)), None => "it is revoked" } }
            dt { "Last used" } dd { @match token.last_used { Some(at) => (frame::time(at)), None => "never" } }
        }
    }
}

async fn page(viewer: Viewer, Path(named): Path<String>) -> Result<Page, Failed> {
    viewer
        .page(move |desk, viewer| {
            let token = desk.token(&named)?;
            let own = viewer.session.who.token() == Some(token.token);
            let may = own || desk.may_govern().is_ok();
            let content = html! {
                (facts(&token))
                p { a href={ "/audit?token=" (token.token) } { "What was decided with it" } }
                @if token.revoked.is_none() {
                    h2 { "Sign its holder out everywhere" }
                    p {
                        "All sessions of the portal that stand for it end, in whatever browser. It counts still, so its holder signs in again."
                        @if own { " " strong.waits { "This session is one of them." } }
                    }
                    @if may {
                        form method="post" action={ "/access/tokens/" (token.token) "/sign-out" } {
                            (secret(viewer))
                            button { "Sign out everywhere" } " " (command(&format!("skein portal sign-out --token {}", token.token)))
                        }
                    } @else { p.note { "Its holder and admins may." } }
                    h2 { "Revoke it" }
                    p {
                        "It counts no more at once, and whoever is signed in with it is signed out. What was done with it stays."
                        @if own { " " strong.waits { "You are signed in with it: you will have to sign in with another." } }
                    }
                    @if may {
                        form method="post" action={ "/access/tokens/" (token.token) "/revoke" } {
                            (secret(viewer))
                            button.danger { "Revoke" } " " (command(&format!("skein token revoke {}", token.token)))
                        }
                    } @else { p.note { "Its holder and admins may." } }
                }
            };
            Ok(frame::page(viewer, (&format!("Token of {}", token.name), Some(AT)), content))
        })
        .await
}

async fn sign_out(
    Path(named): Path<String>,
    Form(viewer, Nothing {}): Form<Nothing>,
) -> Result<Seen, Failed> {
    viewer
        .act(move |desk| {
            desk.end_sessions_of(&named)?;
            Ok(format!("/access/tokens/{named}"))
        })
        .await
}

async fn revoke(Path(named): Path<String>, Form(viewer, Nothing {}): Form<Nothing>) -> Result<Seen, Failed> {
    viewer
        .act(move |desk| {
            desk.revoke_token(&named)?;
            Ok(AT.to_owned())
        })
        .await
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use skein_types::{Role, TokenKind};

    use super::asked;

    fn form(fields: &[(&str, &str)]) -> BTreeMap<String, String> {
        fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn a_form_asks_for_the_grants_that_it_shows_and_no_others() {
        let ada =
            [("name", "ada"), ("kind", "person"), ("role1", "approver"), ("team1", "pay"), ("days", "2")];
        let asks = asked(&form(&ada)).unwrap();
        assert_eq!((asks.name.as_str(), asks.kind), ("ada", TokenKind::Person));
        assert_eq!((asks.grants.len(), asks.grants[0].role), (1, Role::Approver));
        assert_eq!(asks.grants[0].team.as_deref(), Some("pay"));
        assert_eq!(asks.expires_in_ms.unwrap().0, 2 * 24 * 3_600_000);
        let all = asked(&form(&[("name", "ci"), ("kind", "service"), ("role2", "viewer")])).unwrap();
        assert_eq!(all.grants[0].team, None);
        let without = form(&[("name", "a"), ("kind", "person"), ("role1", "viewer"), ("team2", "pay")]);
        assert!(asked(&without).is_err(), "a team without a role");
        assert!(asked(&form(&[("name", "a"), ("kind", "person")])).is_err());
        assert!(asked(&form(&[("name", "a"), ("kind", "x"), ("role1", "viewer")])).is_err());
    }
}
