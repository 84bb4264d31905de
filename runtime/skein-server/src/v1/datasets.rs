//! Datasets.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, State};
use axum::routing::get;
use skein_api::{Dataset, DatasetsAdd, DatasetsAdded, Page};
use skein_control::Control;

use super::{Answer, Body, Part, ask};

pub(crate) fn routes() -> Router<Arc<Control>> {
    Router::new()
        .route("/datasets", get(list).post(add))
        .route("/datasets/{dataset}", get(show).delete(remove))
}

async fn add(State(control): State<Arc<Control>>, Body(asked): Body<DatasetsAdd>) -> Answer<DatasetsAdded> {
    ask(control, move |control| control.add_datasets(asked)).await
}

async fn list(State(control): State<Arc<Control>>, Part(part): Part) -> Answer<Page<Dataset>> {
    ask(control, move |control| control.datasets(&part)).await
}

async fn show(State(control): State<Arc<Control>>, Path(dataset): Path<String>) -> Answer<Dataset> {
    ask(control, move |control| control.dataset(&dataset)).await
}

async fn remove(State(control): State<Arc<Control>>, Path(dataset): Path<String>) -> Answer<Dataset> {
    ask(control, move |control| control.remove_dataset(&dataset)).await
}
