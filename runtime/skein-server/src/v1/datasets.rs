//! Datasets, and looking for them.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, State};
use axum::routing::{get, post};
use skein_api::{Dataset, DatasetsAdd, DatasetsAdded, Page, Scan, ScanAsk};
use skein_control::Control;

use super::{Answer, Body, Part, ask};

pub(crate) fn routes() -> Router<Arc<Control>> {
    Router::new()
        .route("/datasets", get(list).post(add))
        .route("/datasets/{dataset}", get(show).delete(remove))
        .route("/scans", post(scan))
        .route("/scans/{scan}", get(scanned))
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

async fn scan(State(control): State<Arc<Control>>, Body(asked): Body<ScanAsk>) -> Answer<Scan> {
    ask(control, move |control| control.scan(asked)).await
}

async fn scanned(State(control): State<Arc<Control>>, Path(scan): Path<String>) -> Answer<Scan> {
    ask(control, move |control| control.scanned(&scan)).await
}
