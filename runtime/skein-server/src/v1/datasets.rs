//! Datasets.

use std::sync::Arc;

use axum::Router;
use axum::extract::Path;
use axum::routing::get;
use skein_api::{Dataset, DatasetsAdd, DatasetsAdded, Page};
use skein_control::Control;

use super::{Answer, Body, Part};
use crate::asker::Asker;

pub(crate) fn routes() -> Router<Arc<Control>> {
    Router::new()
        .route("/datasets", get(list).post(add))
        .route("/datasets/{dataset}", get(show).delete(remove))
}

async fn add(asker: Asker, Body(asked): Body<DatasetsAdd>) -> Answer<DatasetsAdded> {
    asker.ask(move |desk| desk.add_datasets(asked)).await
}

async fn list(asker: Asker, Part(part): Part) -> Answer<Page<Dataset>> {
    asker.ask(move |desk| desk.datasets(&part)).await
}

async fn show(asker: Asker, Path(dataset): Path<String>) -> Answer<Dataset> {
    asker.ask(move |desk| desk.dataset(&dataset)).await
}

async fn remove(asker: Asker, Path(dataset): Path<String>) -> Answer<Dataset> {
    asker.ask(move |desk| desk.remove_dataset(&dataset)).await
}
