//! Scans.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, State};
use axum::routing::get;
use skein_api::{Page, Scan, ScanAsk, ScanFound};
use skein_control::Control;

use super::{Answer, Body, Part, ask};

pub(crate) fn routes() -> Router<Arc<Control>> {
    Router::new()
        .route("/scans", get(list).post(begin))
        .route("/scans/{scan}", get(show).delete(cancel))
        .route("/scans/{scan}/found", get(found))
}

async fn begin(State(control): State<Arc<Control>>, Body(asked): Body<ScanAsk>) -> Answer<Scan> {
    ask(control, move |control| control.begin_scan(asked)).await
}

async fn list(State(control): State<Arc<Control>>, Part(part): Part) -> Answer<Page<Scan>> {
    ask(control, move |control| control.scans(&part)).await
}

async fn show(State(control): State<Arc<Control>>, Path(scan): Path<String>) -> Answer<Scan> {
    ask(control, move |control| control.scan(&scan)).await
}

async fn found(
    State(control): State<Arc<Control>>,
    Path(scan): Path<String>,
    Part(part): Part,
) -> Answer<Page<ScanFound>> {
    ask(control, move |control| control.scan_found(&scan, &part)).await
}

async fn cancel(State(control): State<Arc<Control>>, Path(scan): Path<String>) -> Answer<Scan> {
    ask(control, move |control| control.cancel_scan(&scan)).await
}
