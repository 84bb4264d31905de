//! Modules.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, Request, State};
use axum::routing::{get, post, put};
use skein_api::{MODULE_BYTES_MAX, Module, ModuleRestore, Page};
use skein_control::Control;

use super::{Answer, Body, Part, ask, bytes};

pub(crate) fn routes() -> Router<Arc<Control>> {
    Router::new()
        .route("/modules", get(list))
        .route("/modules/{name}/versions/{version}", put(submit).get(show))
        .route("/modules/{name}/versions/{version}/actions/restore", post(restore))
}

/// Waits until it is compiled or refused: that takes a second or two.
async fn submit(
    State(control): State<Arc<Control>>,
    Path((name, version)): Path<(String, String)>,
    request: Request,
) -> Answer<Module> {
    let bytes = bytes(request, MODULE_BYTES_MAX).await?;
    ask(control, move |control| control.submit_module(&name, &version, &bytes)).await
}

async fn show(
    State(control): State<Arc<Control>>,
    Path((name, version)): Path<(String, String)>,
) -> Answer<Module> {
    ask(control, move |control| control.module(&name, &version)).await
}

async fn restore(
    State(control): State<Arc<Control>>,
    Path((name, version)): Path<(String, String)>,
    Body(asked): Body<ModuleRestore>,
) -> Answer<Module> {
    ask(control, move |control| control.restore_module(&name, &version, &asked)).await
}

async fn list(State(control): State<Arc<Control>>, Part(part): Part) -> Answer<Page<Module>> {
    ask(control, move |control| control.modules(&part)).await
}
