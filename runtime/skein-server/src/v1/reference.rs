//! This description itself, for programs and for people. Neither needs a token: it says nothing of what is served here.

use std::sync::LazyLock;

use axum::http::header;
use axum::response::{IntoResponse as _, Response};
use serde_json::json;

use crate::description::{Family, told};
use crate::openapi;
use crate::page;
use crate::seen::Fixed;

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
    static TEXT: LazyLock<Fixed> = LazyLock::new(|| Fixed::new(openapi::text().to_owned()));
    ([(header::CONTENT_TYPE, "application/json")], TEXT.clone()).into_response()
}

async fn docs() -> Response {
    page::docs()
}
