//! Who asks; teams and tokens.

use axum::Json;
use skein_api::{
    AccessToken, Page, PortalLink, SessionsEnded, Team, TeamPut, TokenIssue, TokenIssued, Whoami,
};
use skein_types::codes;

use super::{Answer, Body, Part, Path};
use crate::asker::Asker;
use crate::description::{Family, told};
use crate::once::Keyed;
use crate::problem::Refusal;
use crate::seen::{MayMatch, Versioned};

pub(crate) fn routes() -> Family {
    Family::new("Access", "Who asks; teams, and the tokens by which their members come in.")
        .get("/whoami", whoami, told("Say who asks, and what the token lets its holder do"))
        .post(
            "/portal/links",
            link,
            told("Make a link that signs a browser in")
                .about("It is good for ten minutes and for once, and whoever follows it is whoever asked for it: it is a secret."),
        )
        .delete(
            "/portal/sessions",
            sign_out_everywhere,
            told("End all of one's own sessions of the portal")
                .about("Those of the token that is shown, in whatever browser; links that nobody has followed yet are good for nothing."),
        )
        .get("/teams", teams, told("List teams"))
        .put("/teams/{team}", put_team, told("Make a team, or say something else about it"))
        .get("/teams/{team}", team, told("Show a team"))
        .delete(
            "/teams/{team}",
            remove_team,
            told("Remove a team that has nothing any more").refuses(&[codes::TEAM_IN_USE]),
        )
        .get("/tokens", tokens, told("List tokens, without their secrets"))
        .post(
            "/tokens",
            issue,
            told("Issue a token")
                .about("The answer is the only place where its secret is said: what is kept is a hash.")
                .refuses(&[codes::NOT_FOUND]),
        )
        .get("/tokens/{token}", token, told("Show a token, without its secret"))
        .delete(
            "/tokens/{token}",
            revoke,
            told("Revoke a token")
                .about("Whoever holds a token may revoke it. That of the last admin stays.")
                .refuses(&[codes::LAST_ADMIN]),
        )
        .delete(
            "/tokens/{token}/sessions",
            end_sessions,
            told("End all sessions of the portal that stand for a token")
                .about("The token counts still. Whoever holds a token may end its sessions; an admin those of any."),
        )
}

async fn whoami(asker: Asker) -> Answer<Whoami> {
    asker.ask(|desk| Ok(desk.whoami())).await
}

async fn link(asker: Asker) -> Answer<PortalLink> {
    asker.ask(|desk| desk.portal_link()).await
}

async fn sign_out_everywhere(asker: Asker) -> Answer<SessionsEnded> {
    asker.ask(|desk| Ok(desk.sign_out_everywhere())).await
}

async fn put_team(
    asker: Asker,
    Path(team): Path<String>,
    MayMatch(seen): MayMatch,
    Body(asked): Body<TeamPut>,
) -> Result<Versioned<Team>, Refusal> {
    let Json(team) = asker.ask(move |desk| desk.put_team((&team, seen), &asked)).await?;
    Ok(Versioned(team.version, team))
}

async fn team(asker: Asker, Path(team): Path<String>) -> Result<Versioned<Team>, Refusal> {
    let Json(team) = asker.ask(move |desk| desk.team(&team)).await?;
    Ok(Versioned(team.version, team))
}

async fn teams(asker: Asker, Part(part): Part) -> Answer<Page<Team>> {
    asker.ask(move |desk| desk.teams(&part)).await
}

async fn remove_team(asker: Asker, Path(team): Path<String>, MayMatch(seen): MayMatch) -> Answer<Team> {
    asker.ask(move |desk| desk.remove_team(&team, seen)).await
}

async fn issue(asker: Asker, _: Keyed, Body(asked): Body<TokenIssue>) -> Answer<TokenIssued> {
    asker.ask(move |desk| desk.issue_token(&asked)).await
}

async fn tokens(asker: Asker, Part(part): Part) -> Answer<Page<AccessToken>> {
    asker.ask(move |desk| desk.tokens(&part)).await
}

async fn token(asker: Asker, Path(token): Path<String>) -> Answer<AccessToken> {
    asker.ask(move |desk| desk.token(&token)).await
}

async fn end_sessions(asker: Asker, Path(token): Path<String>) -> Answer<SessionsEnded> {
    asker.ask(move |desk| desk.end_sessions_of(&token)).await
}

async fn revoke(asker: Asker, Path(token): Path<String>) -> Answer<AccessToken> {
    asker.ask(move |desk| desk.revoke_token(&token)).await
}
