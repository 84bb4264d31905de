//! Policies.

use std::sync::Arc;

use axum::extract::Path;
use axum::routing::{get, put};
use axum::{Json, Router};
use skein_api::{NamedPolicy, Page, PolicyPut};
use skein_control::Control;

use super::{Answer, Body, Part};
use crate::asker::Asker;
use crate::problem::Refusal;
use crate::seen::{IfMatch, Versioned};

pub(crate) fn routes() -> Router<Arc<Control>> {
    Router::new()
        .route("/policies", get(policies))
        .route("/policies/{name}", put(put_policy).get(policy).delete(remove_policy))
}

async fn put_policy(
    asker: Asker,
    Path(name): Path<String>,
    IfMatch(seen): IfMatch,
    Body(asked): Body<PolicyPut>,
) -> Result<Versioned<NamedPolicy>, Refusal> {
    let Json(policy) = asker.ask(move |desk| desk.put_policy(&name, seen, &asked)).await?;
    Ok(Versioned(policy.version, policy))
}

async fn policy(asker: Asker, Path(name): Path<String>) -> Result<Versioned<NamedPolicy>, Refusal> {
    let Json(policy) = asker.ask(move |desk| desk.policy(&name)).await?;
    Ok(Versioned(policy.version, policy))
}

async fn policies(asker: Asker, Part(part): Part) -> Answer<Page<NamedPolicy>> {
    asker.ask(move |desk| desk.policies(&part)).await
}

async fn remove_policy(
    asker: Asker,
    Path(name): Path<String>,
    IfMatch(seen): IfMatch,
) -> Answer<NamedPolicy> {
    asker.ask(move |desk| desk.remove_policy(&name, seen)).await
}
