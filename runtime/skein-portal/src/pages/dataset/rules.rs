//! What must hold of a dataset before what was made of it is published: its owner's rules, and those of teams that read it.

use std::sync::Arc;

use axum::Router;
use axum::extract::Path;
use axum::routing::post;
use maud::{Markup, html};
use serde::Deserialize;
use serde_json::{Value, json};
use skein_api::{Dataset, DatasetRule, RuleIgnore, RulePut};
use skein_control::{Control, Seen as Version, ServiceError};
use skein_types::{Rule, codes};

use super::{May, at, unread};
use crate::form::Form;
use crate::frame::{self, command, quoted, secret, select};
use crate::pages::text;
use crate::viewer::{Failed, Seen, Viewer};

const KINDS: &[&str] =
    &["not_null", "unique", "range", "accepted_values", "referential", "row_count", "reconcile", "sql"];
const SEVERITIES: &[&str] = &["error", "hold", "warn"];

pub(super) fn routes() -> Router<Arc<Control>> {
    Router::new()
        .route("/datasets/{dataset}/rules", post(put))
        .route("/datasets/{dataset}/rules/{rule}/remove", post(remove))
        .route("/datasets/{dataset}/rules/{rule}/ignore", post(ignore))
}

/// `rules` each with whether whoever looks may remove it.
pub(super) fn view(dataset: &Dataset, rules: &[(DatasetRule, bool)], may: &May, viewer: &Viewer) -> Markup {
    let word = quoted(&dataset.name);
    html! {
        section aria-labelledby="rules" {
            h2 #rules { "Rules" }
            @if rules.is_empty() { p.empty { "Nothing is asked of what is published to it." } } @else { (table(dataset, rules, may, viewer)) }
            p { (command(&format!("skein rule list {word}"))) }
            @if rules.iter().any(|(_, removes)| *removes) { (removing(&word, may)) }
            @match &may.rules {
                Err(refused) => (frame::refused(refused)),
                Ok(()) => (adding(dataset, viewer)),
            }
        }
    }
}

fn table(dataset: &Dataset, rules: &[(DatasetRule, bool)], may: &May, viewer: &Viewer) -> Markup {
    html! {
        table {
            thead {
                tr {
                    th scope="col" { "Rule" } th scope="col" { "Of" } th scope="col" { "Broken, it" } th scope="col" { "What must hold" }
                    th scope="col" { "Since" } th scope="col" { "Actions" }
                }
            }
            tbody {
                @for (rule, removes) in rules {
                    tr {
                        th scope="row" { (rule.rule.name) }
                        td { @match &rule.consumer { Some(team) => (team), None => { "owner, " (dataset.owner) } } }
                        td { (leads(rule.rule.severity.as_str())) }
                        td {
                            code { (says(&rule.rule)) }
                            @if let Some(why) = &rule.ignored { ", " strong.waits { "passed over: " (why) } }
                            @if rule.unseen { ", " strong.waits { "not run, and holds: its team may look at the dataset no more" } }
                        }
                        td { (frame::time(rule.since)) }
                        td { (actions(dataset, (rule, *removes), may, viewer)) }
                    }
                }
            }
        }
    }
}

/// What the buttons beside rules lead to.
fn removing(word: &str, may: &May) -> Markup {
    html! {
        p.note { "A rule that is removed is not looked at for what is published from then on. "
            (command(&format!("skein rule remove {word} NAME"))) }
        @if may.restrain.is_ok() {
            p.note { "A reader's rule that is passed over holds nothing back, and its team reads why. "
                (command(&format!("skein rule ignore {word} NAME --consumer TEAM --reason WHY"))) }
        }
    }
}

/// What a broken rule leads to.
fn leads(severity: &str) -> &'static str {
    match severity {
        "error" => "ends the run",
        "hold" => "keeps the result back",
        _ => "is recorded",
    }
}

/// Characters of what a rule says: the command shows all of it.
const SAYS: usize = 500;

/// What a rule says, without its name and what it leads to; of much its beginning.
fn says(rule: &Rule) -> String {
    let Ok(Value::Object(mut said)) = serde_json::to_value(rule) else { return rule.check.kind().to_owned() };
    said.remove("name");
    said.remove("severity");
    let text = Value::Object(said).to_string();
    match text.char_indices().nth(SAYS) {
        Some((end, _)) => format!("{} …", &text[..end]),
        None => text,
    }
}

fn actions(dataset: &Dataset, (rule, removes): (&DatasetRule, bool), may: &May, viewer: &Viewer) -> Markup {
    let path = format!("{}/rules/{}", at(&dataset.name), frame::encoded(rule.rule.name.as_str()));
    let field = format!("why-{}-{}", rule.consumer.as_deref().unwrap_or_default(), rule.rule.name);
    html! {
        @if removes {
            form.inline method="post" action={ (path) "/remove" } {
                (secret(viewer))
                input type="hidden" name="version" value=(rule.version);
                @if let Some(team) = &rule.consumer { input type="hidden" name="consumer" value=(team); }
                button.danger aria-label={ "Remove " (rule.rule.name) } { "Remove" }
            }
        }
        @if let (Some(team), true) = (&rule.consumer, may.restrain.is_ok()) {
            form method="post" action={ (path) "/ignore" } {
                (secret(viewer))
                input type="hidden" name="consumer" value=(team);
                @if rule.ignored.is_none() { input type="hidden" name="ignored" value="yes"; }
                label for=(field) { "Why, for " (team) } " "
                input id=(field) name="reason" required maxlength="2000"; " "
                button { @if rule.ignored.is_none() { "Pass over" } @else { "Look at it again" } }
            }
        }
    }
}

fn adding(dataset: &Dataset, viewer: &Viewer) -> Markup {
    html! {
        details {
            summary { "Set a rule" }
            form method="post" action={ (at(&dataset.name)) "/rules" } {
                (secret(viewer))
                p { label for="rule-name" { "Name" } " " input #rule-name name="name" required maxlength="200"; }
                p { label for="rule-consumer" { "As team, if it only reads the dataset" } " " input #rule-consumer name="consumer" maxlength="200"; }
                p { (select(("rule-severity", "severity", "Broken, it"), "error: ends the run", SEVERITIES.iter().copied(), None)) }
                p { (select(("rule-kind", "kind", "What must hold"), "choose", KINDS.iter().copied(), None)) }
                p {
                    label for="rule-says" { "With" } br;
                    textarea #rule-says name="says" rows="3" cols="60" aria-describedby="rule-help" {}
                }
                p.note #rule-help {
                    "Columns, one a line, for not null and unique; a query for sql; nothing for reconcile; else JSON, such as "
                    code { r#"{"column":"age","min":0}"# } " for a range."
                }
                button { "Set" } " " (command(&format!("skein rule set {} rules.toml", quoted(&dataset.name))))
            }
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Setting {
    name: String,
    consumer: Option<String>,
    severity: Option<String>,
    kind: Option<String>,
    says: Option<String>,
}

impl Setting {
    /// The rule as the API has it.
    fn rule(&self) -> Result<Rule, ServiceError> {
        let wrong = |what: String| ServiceError::new(codes::RULE_INVALID, what);
        let says = self.says.as_deref().unwrap_or_default().trim();
        let kind =
            self.kind.as_deref().ok_or_else(|| wrong("kind: nothing is said that must hold".to_owned()))?;
        let lines = || says.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>();
        let said = match kind {
            "not_null" | "unique" => json!(lines()),
            "sql" => json!(says),
            "reconcile" => json!(true),
            _ => {
                serde_json::from_str(says).map_err(|error| wrong(format!("says: it is no JSON: {error}")))?
            }
        };
        let severity = self.severity.as_deref().unwrap_or("error");
        let rule = json!({ "name": self.name.trim(), "severity": severity, kind: said });
        serde_json::from_value(rule).map_err(|error| wrong(error.to_string()))
    }
}

async fn put(Path(named): Path<String>, Form(viewer, setting): Form<Setting>) -> Result<Seen, Failed> {
    viewer
        .act(move |desk| {
            let (rule, name) = (setting.rule()?, setting.name.trim());
            // One that is there is removed first: nobody replaces what they did not look at.
            desk.put_rule((&named, setting.consumer.as_deref(), name), Version::Nothing, &RulePut { rule })?;
            Ok(format!("{}#rules", at(&named)))
        })
        .await
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Removing {
    version: String,
    consumer: Option<String>,
}

async fn remove(
    Path((named, rule)): Path<(String, String)>,
    Form(viewer, removing): Form<Removing>,
) -> Result<Seen, Failed> {
    viewer
        .act(move |desk| {
            let seen = Version::At(removing.version.parse().map_err(|_| unread("version"))?);
            desk.remove_rule((&named, removing.consumer.as_deref(), &rule), seen)?;
            Ok(format!("{}#rules", at(&named)))
        })
        .await
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Ignoring {
    consumer: String,
    ignored: Option<String>,
    reason: String,
}

async fn ignore(
    Path((named, rule)): Path<(String, String)>,
    Form(viewer, ignoring): Form<Ignoring>,
) -> Result<Seen, Failed> {
    viewer
        .act(move |desk| {
            let reason = text("reason", &ignoring.reason)?;
            let asked = RuleIgnore { ignored: ignoring.ignored.is_some(), reason };
            desk.ignore_rule((&named, &ignoring.consumer, &rule), &asked)?;
            Ok(format!("{}#rules", at(&named)))
        })
        .await
}

#[cfg(test)]
mod tests {
    use super::{KINDS, Setting, says};
    use skein_types::Check;

    fn setting(kind: &str, says: &str) -> Setting {
        let some = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        Setting { name: "r".to_owned(), consumer: None, severity: None, kind: some(kind), says: some(says) }
    }

    #[test]
    fn a_rule_of_each_kind_can_be_written_in_the_form() {
        for (kind, written) in [
            ("not_null", "id\r\n name "),
            ("unique", "id"),
            ("range", r#"{"column":"age","min":0}"#),
            ("accepted_values", r#"{"column":"state","values":["a","b"]}"#),
            ("referential", r#"{"column":"user","dataset":"users","to":"id"}"#),
            ("row_count", r#"{"min":1}"#),
            ("reconcile", ""),
            ("sql", "SELECT count(*) = 0 FROM after WHERE id < 0"),
        ] {
            assert!(KINDS.contains(&kind));
            let rule =
                setting(kind, written).rule().unwrap_or_else(|error| panic!("{kind}: {}", error.message));
            assert_eq!(rule.check.kind(), kind);
            assert!(says(&rule).contains(kind) && !says(&rule).contains("severity"), "{}", says(&rule));
        }
        let columns = setting("not_null", "id\r\n name ").rule().unwrap().check;
        assert_eq!(columns, Check::NotNull(vec!["id".to_owned(), "name".to_owned()]));
    }

    #[test]
    fn what_is_no_rule_is_refused_in_words() {
        assert!(setting("", "").rule().unwrap_err().message.contains("nothing is said"));
        assert!(setting("range", "age").rule().unwrap_err().message.contains("no JSON"));
        assert!(setting("range", r#"{"colum":"age"}"#).rule().is_err());
    }
}
