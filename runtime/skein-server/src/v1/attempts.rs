//! Attempts, their logs, and what is needed to repeat one.

use axum::http::{HeaderName, header};
use axum::response::{IntoResponse as _, Response};
use serde_json::json;
use skein_api::{Attempt, Page, Replay};
use skein_types::codes;

use super::{Answer, Part, Path};
use crate::asker::Asker;
use crate::description::takes::order;
use crate::description::{Family, told};
use crate::problem::Refusal;

/// Where the next part of lines begins.
const NEXT: HeaderName = HeaderName::from_static("skein-next");
const LINES: &str = "application/x-ndjson";
const IN_LINES: &str = "A JSON object a line, as the node wrote it: bounded, without secrets. `after` is a number of lines; the header \
                        `Skein-Next` says where the next part begins, if there is more.";

const NEWEST: &str = "`newest` begins with the one that was given last.";
const AT_WORK: &str = "One that is at work is there when it has been so for a second: `at_work` says how far it is, as its node told last, and \
                       `ended` and `ending` are null.";
const SO_FAR: &str = "A JSON object a line, as the node wrote it: bounded, without secrets. `after` is a number of lines; the header \
                      `Skein-Next` says where the next part begins, if there is more. Of an attempt that is at work these are the last \
                      lines so far, what is missing is a line that says how many, and `Skein-Next` is always there: ask again from there.";

pub(crate) fn routes() -> Family {
    let lines = || json!({ "type": "string" });
    Family::new(
        "Attempts",
        "Tries at tasks on nodes: what became of each, what it said, and what repeating it needs.",
    )
    .get(
        "/campaigns/{campaign}/attempts",
        of_campaign,
        told("List a campaign's attempts, in the order in which they were given to nodes or against it")
            .about(AT_WORK)
            .query("failed", "Those that failed alone.", json!({ "type": "boolean" }))
            .query("order", NEWEST, order()),
    )
    .get(
        "/campaigns/{campaign}/runs/{run}/attempts",
        of_run,
        told("List the attempts at a run")
            .about(AT_WORK)
            .query("failed", "Those that failed alone.", json!({ "type": "boolean" }))
            .query("order", NEWEST, order()),
    )
    .get("/attempts/{attempt}", show, told("Show an attempt").about(AT_WORK))
    .get(
        "/attempts/{attempt}/log",
        log,
        told("Print what was said in an attempt").about(SO_FAR).answers(LINES, lines()),
    )
    .get(
        "/attempts/{attempt}/rejects",
        rejects,
        told("Name some of the rows that an attempt's module refused")
            .about(IN_LINES)
            .answers(LINES, lines()),
    )
    .get(
        "/attempts/{attempt}/replay",
        replay,
        told("Say what is needed to repeat an attempt")
            .about("Secrets of the parameters by their names alone.")
            .refuses(&[codes::REPLAY_UNFIT]),
    )
    .get(
        "/attempts/{attempt}/module",
        module,
        told("Give the bytes of the module that an attempt ran")
            .answers("application/wasm", json!({ "type": "string", "format": "binary" })),
    )
}

async fn of_campaign(asker: Asker, Path(campaign): Path<String>, Part(part): Part) -> Answer<Page<Attempt>> {
    asker.ask(move |desk| desk.attempts(&campaign, &part)).await
}

async fn of_run(
    asker: Asker,
    Path((campaign, run)): Path<(String, String)>,
    Part(part): Part,
) -> Answer<Page<Attempt>> {
    asker.ask(move |desk| desk.attempts_at(&campaign, &run, &part)).await
}

async fn show(asker: Asker, Path(attempt): Path<String>) -> Answer<Attempt> {
    asker.ask(move |desk| desk.attempt(&attempt)).await
}

async fn log(asker: Asker, Path(attempt): Path<String>, Part(part): Part) -> Result<Response, Refusal> {
    Ok(lines(asker.ask(move |desk| desk.attempt_log(&attempt, &part)).await?.0))
}

async fn rejects(asker: Asker, Path(attempt): Path<String>, Part(part): Part) -> Result<Response, Refusal> {
    Ok(lines(asker.ask(move |desk| desk.attempt_rejects(&attempt, &part)).await?.0))
}

async fn replay(asker: Asker, Path(attempt): Path<String>) -> Answer<Replay> {
    asker.ask(move |desk| desk.attempt_replay(&attempt)).await
}

async fn module(asker: Asker, Path(attempt): Path<String>) -> Result<Response, Refusal> {
    let bytes = asker.ask(move |desk| desk.attempt_module(&attempt)).await?.0;
    Ok(([(header::CONTENT_TYPE, "application/wasm")], bytes).into_response())
}

/// As the node wrote them: JSON that nobody here has read.
fn lines((bytes, next): (Vec<u8>, Option<u64>)) -> Response {
    let mut response = ([(header::CONTENT_TYPE, LINES)], bytes).into_response();
    if let Some(next) = next {
        response.headers_mut().insert(NEXT, next.into());
    }
    response
}
