//! The pages, a file each: what is gathered for it, and the view, which is a function of that.

mod access;
mod approvals;
mod attempt;
mod audit;
mod campaign;
mod campaigns;
mod fleet;
mod health;
mod offered;
mod overview;
mod plan;
mod quotas;
mod run;
mod runs;
mod sample;
mod settings;
mod sign_in;
mod states;
mod usage;

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
        .merge(runs::routes())
        .merge(run::routes())
        .merge(attempt::routes())
        .merge(plan::routes())
        .merge(fleet::routes())
        .merge(quotas::routes())
        .merge(usage::routes())
        .merge(audit::routes())
        .merge(access::routes())
        .merge(settings::routes())
        .merge(health::routes())
        .merge(sample::routes())
        .merge(approvals::routes())
}

/// There is no such thing here.
fn absent(what: &str) -> ServiceError {
    ServiceError::new(codes::NOT_FOUND, format!("there is no {what}"))
}

/// Items of a list, at most so many.
fn some(limit: usize) -> ListPart {
    ListPart { limit: Some(limit), ..ListPart::default() }
}
