//! Modules.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, Request};
use axum::routing::{get, post, put};
use skein_api::{MODULE_BYTES_MAX, Module, ModuleBan, ModuleRestore, Page};
use skein_control::Control;

use super::{Answer, Body, Part, bytes, said};
use crate::asker::Asker;

pub(crate) fn routes() -> Router<Arc<Control>> {
    Router::new()
        .route("/modules", get(list))
        .route("/modules/{name}/versions/{version}", put(submit).get(show))
        .route("/modules/{name}/versions/{version}/actions/restore", post(restore))
        .route("/modules/{name}/versions/{version}/actions/ban", post(ban))
}

/// Of the team that a module shall belong to.
const TEAM: &str = "skein-team";

/// Waits until it is compiled or refused: that takes a second or two.
async fn submit(
    asker: Asker,
    Path((name, version)): Path<(String, String)>,
    request: Request,
) -> Answer<Module> {
    let team = said(request.headers(), TEAM)?;
    let bytes = bytes(request, MODULE_BYTES_MAX).await?;
    asker.ask(move |desk| desk.submit_module(team.as_deref(), (&name, &version), &bytes)).await
}

async fn show(asker: Asker, Path((name, version)): Path<(String, String)>) -> Answer<Module> {
    asker.ask(move |desk| desk.module(&name, &version)).await
}

async fn restore(
    asker: Asker,
    Path((name, version)): Path<(String, String)>,
    Body(asked): Body<ModuleRestore>,
) -> Answer<Module> {
    asker.ask(move |desk| desk.restore_module(&name, &version, &asked)).await
}

async fn ban(
    asker: Asker,
    Path((name, version)): Path<(String, String)>,
    Body(asked): Body<ModuleBan>,
) -> Answer<Module> {
    asker.ask(move |desk| desk.ban_module(&name, &version, &asked)).await
}

async fn list(asker: Asker, Part(part): Part) -> Answer<Page<Module>> {
    asker.ask(move |desk| desk.modules(&part)).await
}
