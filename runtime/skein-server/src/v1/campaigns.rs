//! Campaigns and their runs.

use axum::extract::Request;
use serde::Deserialize;
use serde_json::{Value, json};
use skein_api::{
    BODY_BYTES_MAX, Campaign, CampaignAction, CampaignCreate, CampaignProgress, CampaignReport, Chosen,
    Event, Line, LinesKind, List, MANIFEST_MAX, Name, Page, Policy, Run, Selection, Text,
};
use skein_control::{CampaignOrder, CampaignPart, ServiceError};
use skein_types::{CampaignState, Code, RunState, codes};

use super::listed::{as_text, list_of};
use super::{Answer, Body, Part, Path};
use crate::asker::Asker;
use crate::description::operation::{Parameter, Place};
use crate::description::takes::Question;
use crate::description::{Family, told};
use crate::once::Keyed;

/// What a campaign may not be made for.
const CREATING: &[Code] = &[
    codes::CAMPAIGN_STATE,
    codes::MODULE_BANNED,
    codes::MODULE_SUSPENDED,
    codes::OWNER_NEEDED,
    codes::PARAMS_INVALID,
    codes::POLICY_INVALID,
    codes::SECRET_MISSING,
    codes::SECRET_LOST,
    codes::NOT_FOUND,
];
/// What a campaign may not be moved for.
const MOVING: &[Code] = &[
    codes::APPROVER_NOT_A_PERSON,
    codes::APPROVAL_OF_ANOTHER,
    codes::OWN_CAMPAIGN,
    codes::OWN_CHANGE,
    codes::APPROVED_BEFORE,
    codes::SLICE_UNDECIDED,
    codes::SECOND_PERSON,
    codes::APPROVAL_EXPIRED,
    codes::QUESTION_OPEN,
    codes::SLICE_DECLINED,
    codes::NOTHING_TO_APPROVE,
    codes::NO_SUCH_SLICE,
    codes::REASON_NEEDED,
    codes::WAVE_NOT_GATED,
    codes::NOT_APPROVED,
    codes::NO_SUCH_WAVE,
    codes::BUDGET_SPENT,
    codes::QUOTA_SPENT,
    codes::CAMPAIGN_STATE,
    codes::MODULE_BANNED,
    codes::MODULE_SUSPENDED,
    codes::NO_RUN_FOR_IT,
    codes::PLAN_MOVED,
    codes::RUN_STATE,
    codes::WINDOW_OPEN,
];
const VERBS: &[&str] = &[
    "plan",
    "start",
    "pause",
    "resume",
    "cancel",
    "retry",
    "skip",
    "roll_back",
    "finalize",
    "approve",
    "revoke",
    "defer",
    "decline",
    "break_glass",
];

pub(super) fn run_state() -> Value {
    json!({ "type": "string", "enum": RunState::ALL.iter().map(|state| state.as_str()).collect::<Vec<_>>() })
}

fn campaign_state() -> Value {
    let states = CampaignState::ALL.iter().map(|state| state.as_str()).collect::<Vec<_>>();
    json!({ "type": "string", "enum": states })
}

fn campaign_order() -> Value {
    json!({ "type": "string", "enum": CampaignOrder::ALL.map(CampaignOrder::as_str) })
}

pub(crate) fn routes() -> Family {
    Family::new("Campaigns", "A module with parameters over a selection of datasets, and what becomes of each of them.")
        .get(
            "/campaigns",
            list,
            told("List campaigns")
                .query("state", "Those in this state.", campaign_state())
                .query("owner", "Those of this team.", json!({ "type": "string", "maxLength": 200 }))
                .query("prefix", "Those whose names begin so.", json!({ "type": "string", "maxLength": 200 }))
                .query("module", "Those of this module: its digest.", json!({ "type": "string", "maxLength": 71 }))
                .query(
                    "order",
                    "`newest` begins with what was made last, `failed` with what has the most failed runs, `moved` with what moved to \
                     another state last. Lists in the last two change while campaigns are at work.",
                    campaign_order(),
                ),
        )
        .post(
            "/campaigns",
            create,
            told("Make a campaign").about("Nothing runs before it is planned and started.").refuses(CREATING),
        )
        .post(
            "/campaigns/import",
            create_over,
            told("Make a campaign over a list of datasets")
                .about(
                    "A CSV table with the columns `dataset`, `params`, `owner` and `defer-until`, or one JSON object with these fields a line. What \
                     is wrong is said by line, and nothing is made then.",
                )
                .takes_bytes("text/csv", "A table with a header.")
                .takes_bytes("application/x-ndjson", "A JSON object a line.")
                .refuses(CREATING)
                .refuses(&[codes::CONTENT_TYPE, codes::LIST_REFUSED, codes::HEAD_TOO_LARGE]),
        )
        .get("/campaigns/{campaign}", show, told("Show a campaign"))
        .get(
            "/campaigns/{campaign}/runs",
            runs,
            told("List a campaign's runs, in their order")
                .query("state", "Those in this state.", run_state())
                .query(
                    "slice",
                    "Of those in a state, those of this team's part of the plan; goes with `state`.",
                    json!({ "type": "string", "maxLength": 200 }),
                ),
        )
        .get("/campaigns/{campaign}/runs/{run}", run, told("Show a run"))
        .get("/campaigns/{campaign}/events", events, told("List what was decided about a campaign"))
        .get("/campaigns/{campaign}/progress", progress, told("Say how a campaign is getting on just now"))
        .get(
            "/campaigns/{campaign}/report",
            report,
            told("Say what a campaign came to")
                .about("What was migrated by wave and state, what failed and what to do about it, rows, bytes, time, rules and digests."),
        )
        .post(
            "/campaigns/{campaign}/actions/{verb}",
            act,
            told("Move a campaign")
                .about(
                    "`expect` is the state that whoever asks saw: a campaign that is no longer there is not moved. What people say of a plan \
                     (approve, revoke, defer, decline, break_glass) is bound to `plan`, its digest, instead.",
                )
                .words("verb", "What to do.", VERBS)
                .refuses(MOVING),
        )
}

async fn create(asker: Asker, _: Keyed, Body(asked): Body<CampaignCreate>) -> Answer<Campaign> {
    asker.ask(move |desk| desk.create_campaign(asked)).await
}

/// What is said of a campaign over a list, behind the `?`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Over {
    name: Name,
    module: Name,
    owner: Option<Name>,
    params: Option<Text<8_192>>,
    policy_named: Option<Name>,
}

impl Question for Over {
    fn parameters() -> Vec<Parameter> {
        let behind = |name, about, schema| Parameter { place: Place::Query, name, about, schema };
        let text = || json!({ "type": "string", "maxLength": 200 });
        vec![
            behind("name", "For people. Needed.", text()),
            behind("module", "A digest, or `name@version`. Needed.", text()),
            behind(
                "owner",
                "The team that it belongs to; the only one that it can be if nothing is said.",
                text(),
            ),
            behind("params", "For the module: JSON.", json!({ "type": "string", "maxLength": 8_192 })),
            behind("policy_named", "In the way that this name stands for on the server.", text()),
        ]
    }
}

async fn create_over(
    asker: Asker,
    _: Keyed,
    Part(Over { name, module, owner, params, policy_named }): Part<Over>,
    request: Request,
) -> Answer<Campaign> {
    let (kind, body) = list_of(request, BODY_BYTES_MAX).await?;
    asker
        .ask(move |desk| {
            let params = params.map(|params| skein_api::parse(params.as_bytes(), 8_192)).transpose()?;
            let selection = Selection { manifest: chosen(kind, as_text(&body)?)?, ..Selection::default() };
            let policy = Policy::default();
            let params = params.unwrap_or_default();
            desk.create_campaign(CampaignCreate {
                name,
                owner,
                module,
                params,
                selection,
                policy,
                policy_named,
            })
        })
        .await
}

/// The datasets of a list.
fn chosen(kind: LinesKind, text: &str) -> Result<List<Chosen, MANIFEST_MAX>, ServiceError> {
    let lines: Vec<Line<Chosen>> = skein_api::lines(kind, text, MANIFEST_MAX).map_err(|slips| {
        ServiceError::new(codes::LIST_REFUSED, slips.to_string())
            .hint(Some("mend these lines and send the whole list again: nothing was made"))
    })?;
    Ok(List::first(lines.into_iter().map(|line| line.item).collect()).0)
}

async fn list(asker: Asker, Part(part): Part<CampaignPart>) -> Answer<Page<Campaign>> {
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

async fn report(asker: Asker, Path(campaign): Path<String>) -> Answer<CampaignReport> {
    asker.ask(move |desk| desk.campaign_report(&campaign)).await
}

async fn act(
    asker: Asker,
    Path((campaign, verb)): Path<(String, String)>,
    Body(asked): Body<CampaignAction>,
) -> Answer<Campaign> {
    asker.ask(move |desk| desk.act(&campaign, &verb, &asked)).await
}
