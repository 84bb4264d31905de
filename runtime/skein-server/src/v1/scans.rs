//! Scans.

use std::sync::Arc;

use axum::Router;
use axum::extract::Path;
use axum::routing::get;
use skein_api::{Page, Scan, ScanAsk, ScanFound};
use skein_control::Control;

use super::{Answer, Body, Part};
use crate::asker::Asker;

pub(crate) fn routes() -> Router<Arc<Control>> {
    Router::new()
        .route("/scans", get(list).post(begin))
        .route("/scans/{scan}", get(show).delete(cancel))
        .route("/scans/{scan}/found", get(found))
}

async fn begin(asker: Asker, Body(asked): Body<ScanAsk>) -> Answer<Scan> {
    asker.ask(move |desk| desk.begin_scan(asked)).await
}

async fn list(asker: Asker, Part(part): Part) -> Answer<Page<Scan>> {
    asker.ask(move |desk| desk.scans(&part)).await
}

async fn show(asker: Asker, Path(scan): Path<String>) -> Answer<Scan> {
    asker.ask(move |desk| desk.scan(&scan)).await
}

async fn found(asker: Asker, Path(scan): Path<String>, Part(part): Part) -> Answer<Page<ScanFound>> {
    asker.ask(move |desk| desk.scan_found(&scan, &part)).await
}

async fn cancel(asker: Asker, Path(scan): Path<String>) -> Answer<Scan> {
    asker.ask(move |desk| desk.cancel_scan(&scan)).await
}
