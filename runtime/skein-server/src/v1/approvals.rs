//! What people say of plans.

use serde_json::json;
use skein_api::{Approvals, Comment, CommentAdd, CommentResolve, Page, Waits};
use skein_control::WaitPart;
use skein_types::{Code, codes};

use super::{Answer, Body, Part, Path};
use crate::asker::Asker;
use crate::description::operation::{Parameter, Place};
use crate::description::takes::{Question, limit};
use crate::description::{Family, told};
use crate::once::Keyed;

/// What nothing is said of a plan for.
const SAYING: &[Code] = &[codes::CAMPAIGN_STATE, codes::NO_SUCH_SLICE, codes::ROLE_MISSING];

pub(crate) fn routes() -> Family {
    Family::new("Approvals", "What people say of a plan: each team whose datasets it is over approves its slice, puts it off or declines it.")
        .get(
            "/approvals",
            waits,
            told("List what waits for approvals").about(
                "Slices of plans and waves that wait for somebody, of campaigns that whoever asks sees. A page is of so many campaigns.",
            ),
        )
        .get(
            "/campaigns/{campaign}/approvals",
            approvals,
            told("Show how a campaign's plan stands with people")
                .about("Its slices, what each needs, has and lacks, and who could give it. To approve is an action of the campaign."),
        )
        .get("/campaigns/{campaign}/comments", comments, told("List what people said about a campaign"))
        .post(
            "/campaigns/{campaign}/comments",
            comment,
            told("Say something about a campaign")
                .about("Nothing is started while a question is open: only persons ask them, and have three open at once. Of 1,000 comments 50 are one person's.")
                .refuses(SAYING)
                .refuses(&[codes::APPROVER_NOT_A_PERSON, codes::QUESTION_OPEN, codes::BODY_TOO_LARGE]),
        )
        .post(
            "/campaigns/{campaign}/comments/{number}/resolve",
            resolve,
            told("Resolve a question")
                .about("By whoever asked it, or an approver of the team that it is about. With `through` those behind it too, as far as the same may.")
                .refuses(SAYING),
        )
}

impl Question for WaitPart {
    fn parameters() -> Vec<Parameter> {
        let behind = |name, about, schema| Parameter { place: Place::Query, name, about, schema };
        vec![
            behind(
                "after",
                "Those that come after this key: `next` of the page before.",
                json!({ "type": "string", "maxLength": 500 }),
            ),
            limit(),
            behind(
                "waiting_for",
                "What whoever asks could give; else what anybody could.",
                json!({ "const": "me" }),
            ),
        ]
    }
}

async fn waits(asker: Asker, Part(part): Part<WaitPart>) -> Answer<Page<Waits>> {
    asker.ask(move |desk| desk.waits(&part)).await
}

async fn approvals(asker: Asker, Path(campaign): Path<String>) -> Answer<Approvals> {
    asker.ask(move |desk| desk.approvals(&campaign)).await
}

async fn comments(asker: Asker, Path(campaign): Path<String>, Part(part): Part) -> Answer<Page<Comment>> {
    asker.ask(move |desk| desk.comments(&campaign, &part)).await
}

async fn comment(
    asker: Asker,
    _: Keyed,
    Path(campaign): Path<String>,
    Body(asked): Body<CommentAdd>,
) -> Answer<Comment> {
    asker.ask(move |desk| desk.comment(&campaign, &asked)).await
}

async fn resolve(
    asker: Asker,
    Path((campaign, number)): Path<(String, String)>,
    Body(asked): Body<CommentResolve>,
) -> Answer<Comment> {
    asker.ask(move |desk| desk.resolve(&campaign, &number, &asked)).await
}
