//! Policies.

use axum::Json;
use skein_api::{NamedPolicy, Page, PolicyPut};
use skein_types::codes;

use super::{Answer, Body, Part, Path};
use crate::asker::Asker;
use crate::description::{Family, told};
use crate::problem::Refusal;
use crate::seen::{IfMatch, Versioned};

pub(crate) fn routes() -> Family {
    Family::new("Policies", "How campaigns go, under names that they can be made with.")
        .get("/policies", policies, told("List policies"))
        .put("/policies/{name}", put_policy, told("Set a policy").refuses(&[codes::POLICY_INVALID]))
        .get("/policies/{name}", policy, told("Show a policy"))
        .delete("/policies/{name}", remove_policy, told("Remove a policy"))
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
