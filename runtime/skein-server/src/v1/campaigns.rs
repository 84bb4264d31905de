//! Campaigns and their runs.

use std::sync::Arc;

use axum::Router;
use axum::extract::Path;
use axum::routing::{get, post};
use skein_api::{Campaign, CampaignAction, CampaignCreate, CampaignProgress, Event, Page, Run};
use skein_control::Control;

use super::{Answer, Body, Part};
use crate::asker::Asker;

pub(crate) fn routes() -> Router<Arc<Control>> {
    Router::new()
        .route("/campaigns", get(list).post(create))
        .route("/campaigns/{campaign}", get(show))
        .route("/campaigns/{campaign}/runs", get(runs))
        .route("/campaigns/{campaign}/runs/{seq}", get(run))
        .route("/campaigns/{campaign}/events", get(events))
        .route("/campaigns/{campaign}/progress", get(progress))
        .route("/campaigns/{campaign}/actions/{verb}", post(act))
}

async fn create(asker: Asker, Body(asked): Body<CampaignCreate>) -> Answer<Campaign> {
    asker.ask(move |desk| desk.create_campaign(asked)).await
}

async fn list(asker: Asker, Part(part): Part) -> Answer<Page<Campaign>> {
    asker.ask(move |desk| desk.campaigns(&part)).await
}

async fn show(asker: Asker, Path(campaign): Path<String>) -> Answer<Campaign> {
    asker.ask(move |desk| desk.campaign(&campaign)).await
}

async fn runs(asker: Asker, Path(campaign): Path<String>, Part(part): Part) -> Answer<Page<Run>> {
    asker.ask(move |desk| desk.runs(&campaign, &part)).await
}

async fn run(asker: Asker, Path((campaign, seq)): Path<(String, String)>) -> Answer<Run> {
    asker.ask(move |desk| desk.run(&campaign, &seq)).await
}

async fn events(asker: Asker, Path(campaign): Path<String>, Part(part): Part) -> Answer<Page<Event>> {
    asker.ask(move |desk| desk.campaign_events(&campaign, &part)).await
}

async fn progress(asker: Asker, Path(campaign): Path<String>) -> Answer<CampaignProgress> {
    asker.ask(move |desk| desk.progress(&campaign)).await
}

async fn act(
    asker: Asker,
    Path((campaign, verb)): Path<(String, String)>,
    Body(asked): Body<CampaignAction>,
) -> Answer<Campaign> {
    asker.ask(move |desk| desk.act(&campaign, &verb, &asked)).await
}
