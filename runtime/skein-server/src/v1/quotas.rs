//! Quotas, and what was used.

use axum::Json;
use skein_api::{Page, Quota, QuotaExplained, QuotaPut, QuotasApplied, QuotasApply, UsageReport};
use skein_control::UsagePart;
use skein_types::codes;

use super::{Answer, Body, Part, Path};
use crate::asker::Asker;
use crate::description::{Family, told};
use crate::problem::Refusal;
use crate::seen::{IfMatch, Versioned};

pub(crate) fn routes() -> Family {
    Family::new("Quotas", "Who may take how much of the fleet, and what was used of it.")
        .get("/quotas", list, told("List quotas"))
        .post(
            "/quotas/actions/apply",
            apply,
            told("Set many quotas, all of them or none").refuses(&[
                codes::QUOTA_INVALID,
                codes::QUOTAS_DO_NOT_ADD_UP,
                codes::SETTING_MOVED,
            ]),
        )
        .put(
            "/quotas/{of}",
            set,
            told("Set a quota").refuses(&[codes::QUOTA_INVALID, codes::QUOTAS_DO_NOT_ADD_UP]),
        )
        .get("/quotas/{of}", show, told("Show a quota").refuses(&[codes::QUOTA_INVALID]))
        .delete("/quotas/{of}", remove, told("Remove a quota").refuses(&[codes::QUOTA_INVALID]))
        .get(
            "/quotas/{of}/explain",
            explain,
            told("Say what somebody has of the fleet now, and why not more").refuses(&[codes::QUOTA_INVALID]),
        )
        .get("/usage", usage, told("Sum what was used").refuses(&[codes::NOT_FOUND]))
}

async fn set(
    asker: Asker,
    Path(of): Path<String>,
    IfMatch(seen): IfMatch,
    Body(asked): Body<QuotaPut>,
) -> Result<Versioned<Quota>, Refusal> {
    let Json(quota) = asker.ask(move |desk| desk.put_quota(&of, seen, &asked)).await?;
    Ok(Versioned(quota.version, quota))
}

async fn show(asker: Asker, Path(of): Path<String>) -> Result<Versioned<Quota>, Refusal> {
    let Json(quota) = asker.ask(move |desk| desk.quota(&of)).await?;
    Ok(Versioned(quota.version, quota))
}

async fn explain(asker: Asker, Path(of): Path<String>) -> Answer<QuotaExplained> {
    asker.ask(move |desk| desk.explain_quota(&of)).await
}

async fn list(asker: Asker, Part(part): Part) -> Answer<Page<Quota>> {
    asker.ask(move |desk| desk.quotas(&part)).await
}

async fn remove(asker: Asker, Path(of): Path<String>, IfMatch(seen): IfMatch) -> Answer<Quota> {
    asker.ask(move |desk| desk.remove_quota(&of, seen)).await
}

async fn apply(asker: Asker, Body(asked): Body<QuotasApply>) -> Answer<QuotasApplied> {
    asker.ask(move |desk| desk.apply_quotas(&asked)).await
}

async fn usage(asker: Asker, Part(part): Part<UsagePart>) -> Answer<UsageReport> {
    asker.ask(move |desk| desk.usage(&part)).await
}
