//! What is said of a dataset, and said anew: labels, team, and whether its versions are what its log says.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::extract::Path;
use axum::routing::post;
use maud::{Markup, html};
use serde::Deserialize;
use skein_api::{DatasetLabelsPut, DatasetOwnerPut, DatasetScrub, Labels, Text};
use skein_control::{Control, Seen as Version, ServiceError};
use skein_types::{codes, grouped};

use super::{Shown, at, unread};
use crate::form::{Form, Nothing};
use crate::frame::{self, command, quoted, secret};
use crate::pages::text;
use crate::viewer::{Failed, Seen, Viewer};

pub(super) fn routes() -> Router<Arc<Control>> {
    Router::new()
        .route("/datasets/{dataset}/labels", post(labels))
        .route("/datasets/{dataset}/owner", post(owner))
        .route("/datasets/{dataset}/scrub", post(scrub))
}

pub(super) fn view(shown: &Shown, viewer: &Viewer) -> Markup {
    let dataset = &shown.listed.dataset;
    let (name, word) = (&dataset.name, quoted(&dataset.name));
    let version = shown.labels.version;
    html! {
        section aria-labelledby="labels" {
            h2 #labels { "Labels and team" }
            @if shown.labels.labels.is_empty() { p.empty { "It has no labels." } }
            @match &shown.may.set {
                Err(refused) => {
                    ul { @for (key, value) in shown.labels.labels.iter() { li { (key) "=" (value) } } }
                    (frame::refused(refused))
                },
                Ok(()) => {
                    form method="post" action={ (at(name)) "/labels" } {
                        (secret(viewer))
                        input type="hidden" name="version" value=(version);
                        p {
                            label for="labels-text" { "Labels, KEY=VALUE, one a line: these and no others" } br;
                            textarea #labels-text name="labels" rows="4" cols="60" { (written(&shown.labels.labels)) }
                        }
                        p.note {
                            "Columns that " code { "sensitive" } " names are shown to nobody from then on; " code { "tier" }
                            " makes plans risky. Where these change, plans that nobody has started are stale."
                        }
                        button { "Set labels" } " " (command(&format!("skein dataset label {word} KEY=VALUE")))
                    }
                    form method="post" action={ (at(name)) "/owner" } {
                        (secret(viewer))
                        input type="hidden" name="version" value=(version);
                        p {
                            label for="owner" { "Hand it over to team" } " "
                            input #owner name="owner" required maxlength="200"; " "
                            button { "Hand over" } " " (command(&format!("skein dataset owner {word} TEAM")))
                        }
                        p.note { "Its history and its owner's rules go with it; plans over it that nobody has started are stale." }
                    }
                },
            }
        }
        section aria-labelledby="scrub" {
            h2 #scrub { "Whether all is as its log says" }
            (scrubbed(&shown.scrub))
            @match &shown.may.restrain {
                Err(refused) => (frame::refused(refused)),
                Ok(()) => form.inline method="post" action={ (at(name)) "/scrub" } {
                    (secret(viewer))
                    button disabled[shown.scrub.under_way] { "Read all versions now" } " "
                    (command(&format!("skein dataset scrub {word}")))
                },
            }
        }
    }
}

/// What was found when all versions were last read.
fn scrubbed(scrub: &DatasetScrub) -> Markup {
    let damaged: usize = scrub.versions.iter().map(|version| version.damaged.len()).sum();
    html! {
        @if scrub.under_way { p.busy { span aria-hidden="true" { "◐ " } "It is being read, or will be." } }
        @match scrub.at {
            None => p.empty { "Its versions were never read in full." },
            Some(at) => {
                p {
                    "Last read " (frame::time(at)) ": " (grouped(scrub.versions.len() as u64)) " versions, "
                    @if damaged == 0 { span.good { span aria-hidden="true" { "✓ " } "all files as the log says" } }
                    @else { strong.bad { (grouped(damaged as u64)) " files are not as the log says" } }
                }
                @if damaged > 0 {
                    ul {
                        @for version in scrub.versions.iter() {
                            @for file in version.damaged.iter().take(20) {
                                li { "version " (version.version) ": " code { (file.path) } ", " (file.how) }
                            }
                        }
                    }
                }
            },
        }
    }
}

fn written(labels: &Labels) -> String {
    labels.iter().map(|(key, value)| format!("{key}={value}\n")).collect()
}

/// Labels as they are written in a form, one a line.
pub(in crate::pages) fn labels_of(written: &str) -> Result<Labels, ServiceError> {
    let bad = |line: &str, what: &str| {
        ServiceError::new(codes::BODY_INVALID, format!("the label {line:?} {what}"))
            .hint(Some("write KEY=VALUE, one a line"))
    };
    let mut labels = BTreeMap::<Text<64, 1>, Text<64, 1>>::new();
    for line in written.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (key, value) = line.split_once('=').ok_or_else(|| bad(line, "has no `=`"))?;
        if labels.insert(text("label", key.trim())?, text("label", value.trim())?).is_some() {
            return Err(bad(line, "has a key that another has"));
        }
    }
    Labels::try_from(labels)
        .map_err(|error| ServiceError::new(codes::BODY_INVALID, format!("labels: {error}")))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct LabelsSaid {
    version: String,
    labels: Option<String>,
}

async fn labels(Path(named): Path<String>, Form(viewer, said): Form<LabelsSaid>) -> Result<Seen, Failed> {
    viewer
        .act(move |desk| {
            let labels = labels_of(said.labels.as_deref().unwrap_or_default())?;
            let seen = Version::At(said.version.parse().map_err(|_| unread("version"))?);
            desk.put_dataset_labels((&named, seen), &DatasetLabelsPut { labels })?;
            Ok(at(&named))
        })
        .await
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct OwnerSaid {
    version: String,
    owner: String,
}

async fn owner(Path(named): Path<String>, Form(viewer, said): Form<OwnerSaid>) -> Result<Seen, Failed> {
    viewer
        .act(move |desk| {
            let seen = Version::At(said.version.parse().map_err(|_| unread("version"))?);
            desk.put_dataset_owner(
                (&named, seen),
                &DatasetOwnerPut { owner: text("team", said.owner.trim())? },
            )?;
            Ok(at(&named))
        })
        .await
}

async fn scrub(Path(named): Path<String>, Form(viewer, Nothing {}): Form<Nothing>) -> Result<Seen, Failed> {
    viewer
        .act(move |desk| {
            desk.scrub_dataset(&named)?;
            Ok(at(&named))
        })
        .await
}

#[cfg(test)]
mod tests {
    use super::{labels_of, scrubbed, written};
    use serde_json::json;

    #[test]
    fn labels_are_read_as_they_are_written() {
        let labels = labels_of("tier=gold\r\n\r\n sensitive = email,phone=2 \n").unwrap();
        assert_eq!(written(&labels), "sensitive=email,phone=2\ntier=gold\n");
        assert_eq!(labels_of(&written(&labels)).unwrap(), labels);
        assert!(labels_of("").unwrap().is_empty());
        assert!(labels_of("tier").unwrap_err().message.contains("has no `=`"));
        assert!(labels_of("a=1\na=2").unwrap_err().message.contains("another has"));
        assert!(labels_of("=x").is_err());
    }

    #[test]
    fn damage_is_said_with_its_files() {
        let scrub = |damaged: serde_json::Value| {
            let scrub = json!({
                "dataset": "dts_00000000000000000000000000000001", "under_way": false, "at": "2026-11-27T10:00:00.000Z",
                "versions": [{ "version": 1, "current": true, "files": 1, "bytes": 3, "damaged": damaged }],
            });
            scrubbed(&serde_json::from_value(scrub).unwrap()).into_string()
        };
        assert!(scrub(json!([])).contains("all files as the log says"));
        let bad = scrub(json!([{ "path": "<a>.parquet", "how": "other bytes", "written": true }]));
        assert!(bad.contains("1 files are not") && bad.contains("&lt;a&gt;.parquet"), "{bad}");
    }
}
