//! Who asks; teams and tokens.

use std::sync::Arc;

use axum::Router;
use axum::extract::Path;
use axum::routing::{get, put};
use skein_api::{AccessToken, Page, Team, TeamPut, TokenIssue, TokenIssued, Whoami};
use skein_control::Control;

use super::{Answer, Body, Part};
use crate::asker::Asker;

pub(crate) fn routes() -> Router<Arc<Control>> {
    Router::new()
        .route("/whoami", get(whoami))
        .route("/teams", get(teams))
        .route("/teams/{team}", put(put_team).get(team).delete(remove_team))
        .route("/tokens", get(tokens).post(issue))
        .route("/tokens/{token}", get(token).delete(revoke))
}

async fn whoami(asker: Asker) -> Answer<Whoami> {
    asker.ask(|desk| Ok(desk.whoami())).await
}

async fn put_team(asker: Asker, Path(team): Path<String>, Body(asked): Body<TeamPut>) -> Answer<Team> {
    asker.ask(move |desk| desk.put_team(&team, &asked)).await
}

async fn team(asker: Asker, Path(team): Path<String>) -> Answer<Team> {
    asker.ask(move |desk| desk.team(&team)).await
}

async fn teams(asker: Asker, Part(part): Part) -> Answer<Page<Team>> {
    asker.ask(move |desk| desk.teams(&part)).await
}

async fn remove_team(asker: Asker, Path(team): Path<String>) -> Answer<Team> {
    asker.ask(move |desk| desk.remove_team(&team)).await
}

async fn issue(asker: Asker, Body(asked): Body<TokenIssue>) -> Answer<TokenIssued> {
    asker.ask(move |desk| desk.issue_token(&asked)).await
}

async fn tokens(asker: Asker, Part(part): Part) -> Answer<Page<AccessToken>> {
    asker.ask(move |desk| desk.tokens(&part)).await
}

async fn token(asker: Asker, Path(token): Path<String>) -> Answer<AccessToken> {
    asker.ask(move |desk| desk.token(&token)).await
}

async fn revoke(asker: Asker, Path(token): Path<String>) -> Answer<AccessToken> {
    asker.ask(move |desk| desk.revoke_token(&token)).await
}
