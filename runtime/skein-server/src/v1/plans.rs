//! Plans of campaigns, and what was tried for them.

use axum::http::header;
use axum::response::{IntoResponse as _, Response};
use serde_json::json;
use skein_api::{Page, PlanReport, PlanSample};
use skein_types::codes;

use super::{Answer, Part, Path};
use crate::asker::Asker;
use crate::description::{Family, told};
use crate::problem::Refusal;

pub(crate) fn routes() -> Family {
    Family::new("Plans", "What a campaign would do, and what was tried for it.")
        .get("/campaigns/{campaign}/plan", report, told("Show what a campaign's plan says"))
        .get("/campaigns/{campaign}/samples", samples, told("List the datasets that were tried for a plan"))
        .get(
            "/campaigns/{campaign}/samples/{seq}",
            sample,
            told("Show what a dataset that was tried showed")
                .about("As the node wrote it: columns, some rows before and after, masked and bounded.")
                .answers("application/json", json!({}))
                .refuses(&[codes::BLOB_NOT_FOUND]),
        )
}

async fn report(asker: Asker, Path(campaign): Path<String>) -> Answer<PlanReport> {
    asker.ask(move |desk| desk.plan_report(&campaign)).await
}

async fn samples(asker: Asker, Path(campaign): Path<String>, Part(part): Part) -> Answer<Page<PlanSample>> {
    asker.ask(move |desk| desk.plan_samples(&campaign, &part)).await
}

/// As the node wrote it: JSON that nobody here has read.
async fn sample(asker: Asker, Path((campaign, seq)): Path<(String, String)>) -> Result<Response, Refusal> {
    let bytes = asker.ask(move |desk| desk.sample_report(&campaign, &seq)).await?.0;
    Ok(([(header::CONTENT_TYPE, "application/json")], bytes).into_response())
}
