//! The pages, a file each: what is gathered for it, and the view, which is a function of that.

mod access;
mod approvals;
mod attempt;
mod audit;
mod campaign;
mod campaigns;
mod dataset;
mod datasets;
mod fleet;
mod health;
mod module;
mod modules;
mod new_campaign;
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
use serde::Deserialize;
use skein_control::{Control, ListOrder, ListPart, ServiceError};
use skein_types::codes;

use crate::ROWS;
use offered::text;

pub(crate) fn routes() -> Router<Arc<Control>> {
    Router::new()
        .merge(sign_in::routes())
        .merge(overview::routes())
        .merge(campaigns::routes())
        .merge(new_campaign::routes())
        .merge(datasets::routes())
        .merge(dataset::routes())
        .merge(modules::routes())
        .merge(module::routes())
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

/// What a query says, but for what was left empty in the form that it came of.
fn said(asked: Option<String>) -> Option<String> {
    asked.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
}

/// There is no such thing here.
fn absent(what: &str) -> ServiceError {
    ServiceError::new(codes::NOT_FOUND, format!("there is no {what}"))
}

/// Where a list goes on, as a query says it.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct After {
    after: Option<String>,
}

/// Items of a page of a list.
fn rows(after: Option<String>) -> ListPart {
    ListPart { after, ..some(ROWS) }
}

/// Items of a page of a list in time, the last ones first.
fn newest(after: Option<String>) -> ListPart {
    ListPart { order: ListOrder::Newest, ..rows(after) }
}

/// Items of a list, at most so many.
fn some(limit: usize) -> ListPart {
    ListPart { limit: Some(limit), ..ListPart::default() }
}
