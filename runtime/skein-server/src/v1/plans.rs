//! Plans of campaigns, and what was tried for them.

use std::sync::Arc;

use axum::Router;
use axum::extract::Path;
use axum::http::header;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use skein_api::{Page, PlanReport, PlanSample};
use skein_control::Control;

use super::{Answer, Part};
use crate::asker::Asker;
use crate::problem::Refusal;

pub(crate) fn routes() -> Router<Arc<Control>> {
    Router::new()
        .route("/campaigns/{campaign}/plan", get(report))
        .route("/campaigns/{campaign}/samples", get(samples))
        .route("/campaigns/{campaign}/samples/{seq}", get(sample))
}

async fn report(asker: Asker, Path(campaign): Path<String>) -> Answer<PlanReport> {
    asker.ask(move |desk| desk.plan_report(&campaign)).await
}

async fn samples(asker: Asker, Path(campaign): Path<String>, Part(part): Part) -> Answer<Page<PlanSample>> {
    asker.ask(move |desk| desk.plan_samples(&campaign, &part)).await
}

/// As the node wrote it: JSON that nobody here has read.
async fn sample(asker: Asker, Path((campaign, seq)): Path<(String, String)>) -> Result<Response, Refusal> {
    let bytes = asker.ask(move |desk| desk.sample_report(&campaign, &seq)).await?.0;
    Ok(([(header::CONTENT_TYPE, "application/json")], bytes).into_response())
}
