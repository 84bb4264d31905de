//! What goes wrong, as an answer.

use axum::Json;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use skein_api::Problem;
use skein_control::ServiceError;
use skein_types::{Code, ErrorClass, codes};

/// What an answer says went wrong, for whoever counts answers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Refused(pub(crate) Code);

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
        let trace = uuid::Uuid::now_v7().simple().to_string();
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
        let problem = Problem::new(error.code, &error.message, error.hint.as_deref(), &trace);
        let status =
            StatusCode::from_u16(error.code.http_status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let kind = [(header::CONTENT_TYPE, "application/problem+json")];
        let mut response = (status, kind, Json(problem)).into_response();
        response.extensions_mut().insert(Refused(error.code));
        response
    }
}

/// What no route is for.
pub(crate) async fn no_route(uri: axum::http::Uri) -> Refusal {
    Refusal(ServiceError::new(codes::NOT_FOUND, format!("there is nothing at {}", uri.path())))
}

/// A route that does not know the method. The header with those that it knows is added by whoever routes.
pub(crate) async fn no_method(method: axum::http::Method, uri: axum::http::Uri) -> Refusal {
    Refusal(ServiceError::new(codes::METHOD_UNKNOWN, format!("{} cannot be asked with {method}", uri.path())))
}
