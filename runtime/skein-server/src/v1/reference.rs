//! This description itself, for programs and for people. Neither needs a token: it says nothing of what is served here.

use axum::http::header;
use axum::response::{IntoResponse as _, Response};
use serde_json::json;

use crate::description::{Family, told};
use crate::openapi;
use crate::page;

pub(crate) fn routes() -> Family {
    Family::new("Description", "What can be asked, and how.")
        .get(
            "/openapi.json",
            document,
            told("Show this description for programs, as OpenAPI 3.1").answers("application/json", json!({})),
        )
        .get(
            "/docs",
            docs,
            told("Show this description for people").answers("text/html", json!({ "type": "string" })),
        )
}

async fn document() -> Response {
    ([(header::CONTENT_TYPE, "application/json")], openapi::text()).into_response()
}

async fn docs() -> Response {
    page::docs(openapi::document()).into_response()
}
