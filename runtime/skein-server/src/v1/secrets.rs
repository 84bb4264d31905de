//! Teams' secrets: the body of a `PUT` is the value, as it is.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, Request};
use axum::routing::{get, put};
use skein_api::{Page, SECRET_BYTES_MAX, Secret};
use skein_control::Control;

use super::{Answer, Part, bytes};
use crate::asker::Asker;

pub(crate) fn routes() -> Router<Arc<Control>> {
    Router::new()
        .route("/teams/{team}/secrets", get(list))
        .route("/teams/{team}/secrets/{name}", put(set).get(show).delete(remove))
}

async fn set(asker: Asker, Path((team, name)): Path<(String, String)>, request: Request) -> Answer<Secret> {
    let value = bytes(request, SECRET_BYTES_MAX).await?;
    asker.ask(move |desk| desk.set_secret(&team, &name, &value)).await
}

async fn show(asker: Asker, Path((team, name)): Path<(String, String)>) -> Answer<Secret> {
    asker.ask(move |desk| desk.secret(&team, &name)).await
}

async fn list(asker: Asker, Path(team): Path<String>, Part(part): Part) -> Answer<Page<Secret>> {
    asker.ask(move |desk| desk.secrets(&team, &part)).await
}

async fn remove(asker: Asker, Path((team, name)): Path<(String, String)>) -> Answer<Secret> {
    asker.ask(move |desk| desk.remove_secret(&team, &name)).await
}
