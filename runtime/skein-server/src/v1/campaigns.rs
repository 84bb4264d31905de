//! Campaigns and their runs.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, State};
use axum::routing::{get, post};
use skein_api::{Campaign, CampaignAction, CampaignCreate, CampaignProgress, Event, Page, Run};
use skein_control::Control;

use super::{Answer, Body, Part, ask};

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

async fn create(State(control): State<Arc<Control>>, Body(asked): Body<CampaignCreate>) -> Answer<Campaign> {
    ask(control, move |control| control.create_campaign(asked)).await
}

async fn list(State(control): State<Arc<Control>>, Part(part): Part) -> Answer<Page<Campaign>> {
    ask(control, move |control| control.campaigns(&part)).await
}

async fn show(State(control): State<Arc<Control>>, Path(campaign): Path<String>) -> Answer<Campaign> {
    ask(control, move |control| control.campaign(&campaign)).await
}

async fn runs(
    State(control): State<Arc<Control>>,
    Path(campaign): Path<String>,
    Part(part): Part,
) -> Answer<Page<Run>> {
    ask(control, move |control| control.runs(&campaign, &part)).await
}

async fn run(
    State(control): State<Arc<Control>>,
    Path((campaign, seq)): Path<(String, String)>,
) -> Answer<Run> {
    ask(control, move |control| control.run(&campaign, &seq)).await
}

async fn events(
    State(control): State<Arc<Control>>,
    Path(campaign): Path<String>,
    Part(part): Part,
) -> Answer<Page<Event>> {
    ask(control, move |control| control.campaign_events(&campaign, &part)).await
}

async fn progress(
    State(control): State<Arc<Control>>,
    Path(campaign): Path<String>,
) -> Answer<CampaignProgress> {
    ask(control, move |control| control.progress(&campaign)).await
}

async fn act(
    State(control): State<Arc<Control>>,
    Path((campaign, verb)): Path<(String, String)>,
    Body(asked): Body<CampaignAction>,
) -> Answer<Campaign> {
    ask(control, move |control| control.act(&campaign, &verb, &asked)).await
}
