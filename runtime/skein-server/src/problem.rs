//! What goes wrong, as an answer.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use skein_api::Problem;
use skein_control::ServiceError;
use skein_types::{Code, ErrorClass, codes};

/// What an answer says went wrong, for whoever counts answers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Refused(pub(crate) Code);

const KIND: &str = "application/problem+json";

/// A refusal or failure on its way out.
#[derive(Debug)]
pub(crate) struct Refusal(pub(crate) ServiceError);

impl<E: Into<ServiceError>> From<E> for Refusal {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let Self(error) = self;
        let trace = crate::trace::current();
        match error.code.class {
            ErrorClass::Bug => {
                tracing::error!(%trace, code = error.code.id, error = %error, "request failed")
            }
            ErrorClass::Transient => {
                tracing::warn!(%trace, code = error.code.id, error = %error, "request failed")
            }
            ErrorClass::Fault | ErrorClass::Denied | ErrorClass::BadInput | ErrorClass::Conflict => {
                tracing::debug!(%trace, code = error.code.id, error = %error, "request refused");
            }
        }
        let problem = Problem::new(error.code, &error.message, error.hint.as_deref(), &trace.to_string())
            .with_findings(&error.findings);
        let status =
            StatusCode::from_u16(error.code.http_status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, [(header::CONTENT_TYPE, KIND)], Json(problem)).into_response();
        response.extensions_mut().insert(Refused(error.code));
        if error.code.class == ErrorClass::Transient {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        if status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

/// The same, as it is on the wire, for whoever is answered before there is a request.
pub(crate) fn bare(error: &ServiceError) -> Vec<u8> {
    let trace = crate::trace::current().to_string();
    let problem = Problem::new(error.code, &error.message, error.hint.as_deref(), &trace);
    let body = serde_json::to_vec(&problem).unwrap_or_default();
    let status = StatusCode::from_u16(error.code.http_status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let head = format!(
        "HTTP/1.1 {status}\r\ncontent-type: {KIND}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    [head.into_bytes(), body].concat()
}

/// What no route is for.
pub(crate) async fn no_route(uri: axum::http::Uri) -> Refusal {
    Refusal(ServiceError::new(codes::NOT_FOUND, format!("there is nothing at {}", uri.path())))
}

/// A route that does not know the method. The header with those that it knows is added by whoever routes.
pub(crate) async fn no_method(method: axum::http::Method, uri: axum::http::Uri) -> Refusal {
    Refusal(ServiceError::new(codes::METHOD_UNKNOWN, format!("{} cannot be asked with {method}", uri.path())))
}
