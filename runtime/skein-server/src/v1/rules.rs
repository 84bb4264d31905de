//! Rules of datasets, and runs that they keep back.

use axum::Json;
use skein_api::{Consumers, DatasetRule, DatasetRules, RuleIgnore, RulePut, Run, RunAction};
use skein_types::{Code, codes};

use super::{Answer, Body, Path};
use crate::asker::Asker;
use crate::description::{Family, told};
use crate::problem::Refusal;
use crate::seen::{IfMatch, Versioned};

const SETTING: &[Code] = &[codes::RULE_INVALID];
/// Who had a hand in the campaign sets no rule aside for it.
const HANDS: &[Code] = &[codes::APPROVER_NOT_A_PERSON, codes::OWN_CAMPAIGN, codes::OWN_CHANGE];
const VERBS: &[&str] = &["release", "recheck", "discard"];

pub(crate) fn routes() -> Family {
    Family::new("Rules", "What must hold of a dataset before what was made of it is published: its owner's rules, and its readers'.")
        .get(
            "/datasets/{dataset}/rules",
            list,
            told("List a dataset's rules").about("All of them for its owner's team; for a team that reads it, that team's own."),
        )
        .put("/datasets/{dataset}/rules/{name}", put, told("Set a rule of a dataset").refuses(SETTING))
        .get("/datasets/{dataset}/rules/{name}", show, told("Show a rule of a dataset"))
        .delete("/datasets/{dataset}/rules/{name}", remove, told("Remove a rule of a dataset"))
        .get(
            "/datasets/{dataset}/consumers",
            consumers,
            told("List the teams that read a dataset, as far as the server knows")
                .about("Those of which somebody may look at it, and those that have rules there: a team that reads files past the server says so by a rule."),
        )
        .put(
            "/datasets/{dataset}/consumers/{team}/rules/{name}",
            put_of,
            told("Set a rule as a team that reads the dataset")
                .about("For an author of that team who may look at the dataset. It is looked at on what is staged. The dataset's owner sees it, can say that it is passed over, and can remove it.")
                .refuses(SETTING),
        )
        .get(
            "/datasets/{dataset}/consumers/{team}/rules/{name}",
            show_of,
            told("Show a rule of a team that reads the dataset"),
        )
        .delete(
            "/datasets/{dataset}/consumers/{team}/rules/{name}",
            remove_of,
            told("Remove a rule of a team that reads the dataset"),
        )
        .put(
            "/datasets/{dataset}/consumers/{team}/rules/{name}/ignored",
            ignore,
            told("Say whether a reader's rule is passed over").about("For the dataset's owner, with a reason that the rule's team reads. Only a person without a hand in the campaigns over it passes one over.")
                .refuses(HANDS),
        )
        .post(
            "/campaigns/{campaign}/runs/{run}/actions/{verb}",
            act,
            told("Say what becomes of a run that a rule keeps back")
                .about("`release` publishes what is staged, and only a person without a hand in the campaign releases; `recheck` makes it again and looks again, `discard` gives it up, which counts as a failure.")
                .words("verb", "What to do.", VERBS)
                .refuses(&[codes::BODY_INVALID, codes::RUN_STATE, codes::CAMPAIGN_STATE])
                .refuses(HANDS),
        )
}

async fn list(asker: Asker, Path(dataset): Path<String>) -> Answer<DatasetRules> {
    asker.ask(move |desk| desk.rules(&dataset)).await
}

async fn consumers(asker: Asker, Path(dataset): Path<String>) -> Answer<Consumers> {
    asker.ask(move |desk| desk.consumers(&dataset)).await
}

async fn put(
    asker: Asker,
    Path((dataset, name)): Path<(String, String)>,
    IfMatch(seen): IfMatch,
    Body(asked): Body<RulePut>,
) -> Result<Versioned<DatasetRule>, Refusal> {
    let Json(rule) = asker.ask(move |desk| desk.put_rule((&dataset, None, &name), seen, &asked)).await?;
    Ok(Versioned(rule.version, rule))
}

async fn show(
    asker: Asker,
    Path((dataset, name)): Path<(String, String)>,
) -> Result<Versioned<DatasetRule>, Refusal> {
    let Json(rule) = asker.ask(move |desk| desk.rule((&dataset, None, &name))).await?;
    Ok(Versioned(rule.version, rule))
}

async fn remove(
    asker: Asker,
    Path((dataset, name)): Path<(String, String)>,
    IfMatch(seen): IfMatch,
) -> Answer<DatasetRule> {
    asker.ask(move |desk| desk.remove_rule((&dataset, None, &name), seen)).await
}

async fn put_of(
    asker: Asker,
    Path((dataset, team, name)): Path<(String, String, String)>,
    IfMatch(seen): IfMatch,
    Body(asked): Body<RulePut>,
) -> Result<Versioned<DatasetRule>, Refusal> {
    let put = asker.ask(move |desk| desk.put_rule((&dataset, Some(&team), &name), seen, &asked));
    let Json(rule) = put.await?;
    Ok(Versioned(rule.version, rule))
}

async fn show_of(
    asker: Asker,
    Path((dataset, team, name)): Path<(String, String, String)>,
) -> Result<Versioned<DatasetRule>, Refusal> {
    let Json(rule) = asker.ask(move |desk| desk.rule((&dataset, Some(&team), &name))).await?;
    Ok(Versioned(rule.version, rule))
}

async fn remove_of(
    asker: Asker,
    Path((dataset, team, name)): Path<(String, String, String)>,
    IfMatch(seen): IfMatch,
) -> Answer<DatasetRule> {
    asker.ask(move |desk| desk.remove_rule((&dataset, Some(&team), &name), seen)).await
}

async fn ignore(
    asker: Asker,
    Path((dataset, team, name)): Path<(String, String, String)>,
    Body(asked): Body<RuleIgnore>,
) -> Answer<DatasetRule> {
    asker.ask(move |desk| desk.ignore_rule((&dataset, &team, &name), &asked)).await
}

async fn act(
    asker: Asker,
    Path((campaign, run, verb)): Path<(String, String, String)>,
    Body(asked): Body<RunAction>,
) -> Answer<Run> {
    asker.ask(move |desk| desk.act_on_run((&campaign, &run, &verb), &asked)).await
}
