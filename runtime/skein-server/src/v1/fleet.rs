//! Nodes, and the fleet of them.

use std::sync::Arc;

use axum::Router;
use axum::extract::Path;
use axum::routing::{get, post};
use skein_api::{FleetAction, FleetState, NodeStatus, Page};
use skein_control::Control;

use super::{Answer, Body, Part};
use crate::asker::Asker;

pub(crate) fn routes() -> Router<Arc<Control>> {
    Router::new()
        .route("/nodes", get(nodes))
        .route("/nodes/{node}", get(node))
        .route("/nodes/{node}/actions/{verb}", post(mark))
        .route("/fleet", get(fleet))
        .route("/fleet/actions/{verb}", post(freeze))
}

async fn nodes(asker: Asker, Part(part): Part) -> Answer<Page<NodeStatus>> {
    asker.ask(move |desk| desk.nodes(&part)).await
}

async fn node(asker: Asker, Path(node): Path<String>) -> Answer<NodeStatus> {
    asker.ask(move |desk| desk.node(&node)).await
}

async fn mark(
    asker: Asker,
    Path((node, verb)): Path<(String, String)>,
    Body(asked): Body<FleetAction>,
) -> Answer<NodeStatus> {
    asker.ask(move |desk| desk.mark_node(&node, &verb, &asked.reason)).await
}

async fn fleet(asker: Asker) -> Answer<FleetState> {
    asker.ask(|desk| desk.fleet()).await
}

async fn freeze(
    asker: Asker,
    Path(verb): Path<String>,
    Body(asked): Body<FleetAction>,
) -> Answer<FleetState> {
    asker.ask(move |desk| desk.freeze(&verb, &asked.reason)).await
}
