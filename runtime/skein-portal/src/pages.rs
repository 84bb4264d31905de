//! The pages, a file each: what is gathered for it, and the view, which is a function of that.

mod campaign;
mod campaigns;
mod overview;
mod plan;
mod sign_in;

use std::sync::Arc;

use axum::Router;
use skein_control::{Control, ListPart, ServiceError};
use skein_types::codes;

pub(crate) fn routes() -> Router<Arc<Control>> {
    Router::new()
        .merge(sign_in::routes())
        .merge(overview::routes())
        .merge(campaigns::routes())
        .merge(campaign::routes())
        .merge(plan::routes())
}

/// There is no such thing here.
fn absent(what: &str) -> ServiceError {
    ServiceError::new(codes::NOT_FOUND, format!("there is no {what}"))
}

/// Items of a list, at most so many.
fn some(limit: usize) -> ListPart {
    ListPart { limit: Some(limit), ..ListPart::default() }
}
