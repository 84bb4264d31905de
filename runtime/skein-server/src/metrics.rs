//! `/metrics`: numbers for Prometheus; and the counting of requests.
//!
//! A scraper is somebody who asks: the page is for who may see all teams, and for the one user of a machine. A listener of its
//! own, on a loopback address, is the binary's.

use std::sync::Arc;

use axum::extract::{MatchedPath, Request, State};
use axum::http::header;
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use serde_json::json;
use skein_control::{Answered, Control};
use tokio::time::Instant;
use tracing::Instrument as _;

use crate::asker::Asker;
use crate::description::{Family, told};
use crate::problem::{Refusal, Refused};

/// Of the text format of OpenMetrics 1.0.0.
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

pub(crate) fn routes() -> Family {
    Family::beside("Metrics", "Numbers for Prometheus.").get(
        "/metrics",
        page,
        told("Show the server in numbers").answers(OPEN_METRICS, json!({ "type": "string" })),
    )
}

async fn page(asker: Asker) -> Result<Response, Refusal> {
    let page = asker.ask(|desk| desk.metrics()).await?;
    Ok(([(header::CONTENT_TYPE, OPEN_METRICS)], page.0).into_response())
}

/// Counts a request by the template of its route, so that no label is a name that somebody sent.
pub(crate) async fn counted(State(control): State<Arc<Control>>, request: Request, next: Next) -> Response {
    let began = Instant::now();
    let route = request.extensions().get::<MatchedPath>().cloned();
    let route = route.as_ref().map(MatchedPath::as_str);
    let method = request.method().clone();
    let trace = crate::trace::current();
    let span =
        tracing::info_span!("request", %trace, method = %method, route, status = tracing::field::Empty);
    let response = next.run(request).instrument(span.clone()).await;
    let status = response.status().as_u16();
    span.record("status", status);
    let problem = response.extensions().get::<Refused>().map(|refused| refused.0);
    let took = began.elapsed();
    control.metrics().answered(&Answered { route, method: method.as_str(), status, problem, took });
    response
}
