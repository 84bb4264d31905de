//! Undoing the current version of a dataset, behind a page that says what it leads to.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, Query};
use axum::routing::get;
use maud::{Markup, html};
use serde::Deserialize;
use skein_api::{Dataset, DatasetRollback, DatasetVersion};
use skein_control::{Control, ListPart};
use skein_types::{RunState, grouped};

use super::{MENU, at};
use crate::form::Form;
use crate::frame::{self, command, quoted, secret};
use crate::pages::{absent, text};
use crate::viewer::{Failed, Page, Seen, Viewer};

pub(super) fn routes() -> Router<Arc<Control>> {
    Router::new().route("/datasets/{dataset}/rollback", get(asking).post(undo))
}

#[derive(Debug, Deserialize)]
struct Asked {
    version: u64,
}

async fn asking(
    viewer: Viewer,
    Path(named): Path<String>,
    Query(asked): Query<Asked>,
) -> Result<Page, Failed> {
    viewer
        .page(move |desk, viewer| {
            let dataset = desk.dataset(&named)?;
            let before = asked.version.checked_sub(1);
            let part = ListPart {
                after: before.and_then(|before| before.checked_sub(1)).map(|after| after.to_string()),
                limit: Some(2),
                ..ListPart::default()
            };
            let versions = desk.dataset_history(&named, &part)?.items.into_vec();
            let version = versions.iter().find(|one| one.version == asked.version);
            let version = version.ok_or_else(|| absent(&format!("version {} of {named:?}", asked.version)))?;
            let before = versions.iter().find(|one| Some(one.version) == before);
            let refused = desk.may_restrain_dataset(&dataset.owner).err();
            let content = html! {
                (leads(&dataset, version, before))
                @match &refused {
                    Some(refused) => (frame::refused(refused)),
                    None => form method="post" action={ (at(&dataset.name)) "/rollback" } {
                        (secret(viewer))
                        input type="hidden" name="expect" value=(version.version);
                        p {
                            label for="reason" { "Reason, for the record" } br;
                            textarea #reason name="reason" rows="2" cols="60" maxlength="2000" {}
                        }
                        button.danger { "Roll back version " (version.version) }
                        " " a href=(at(&dataset.name)) { "Leave it" }
                    },
                }
                p { (command(&format!("skein dataset rollback {} --version {}", quoted(&dataset.name), version.version))) }
            };
            Ok(frame::page(viewer, (&format!("Roll back: {}", dataset.name), MENU), content))
        })
        .await
}

/// What it leads to.
fn leads(dataset: &Dataset, version: &DatasetVersion, before: Option<&DatasetVersion>) -> Markup {
    html! {
        @if !version.current {
            p.waits { strong { "Version " (version.version) " is not what the dataset holds any more: this will be refused." } }
        }
        p {
            "Version " (version.version) " of " (dataset.name) " is undone: " (version.what) ". "
            "Its files become what they were before, to the byte, as a new version of the dataset. Whoever reads it sees that from then on."
        }
        @if let Some(before) = before {
            dl {
                dt { "Back to" } dd { "version " (before.version) ", since " (frame::time(before.since)) ": " (before.what) }
                dt { "Files" } dd { (grouped(before.files)) ", " (before.bytes) }
                @if let Some(rows) = before.rows { dt { "Rows" } dd { (grouped(rows.0)) } }
                @if !before.available { dt { "But" } dd.bad { strong { "its files are gone" } } }
            }
        }
        p.note {
            "If others have written to it since, it is left as it is, and you are told. Other datasets of the campaign are not touched."
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Undoing {
    expect: String,
    reason: Option<String>,
}

async fn undo(Path(named): Path<String>, Form(viewer, undoing): Form<Undoing>) -> Result<Seen, Failed> {
    viewer
        .act(move |desk| {
            let unread = |_| super::unread("version");
            let expect = undoing.expect.parse().map_err(unread)?;
            let reason = undoing.reason.as_deref().map(|reason| text("reason", reason)).transpose()?;
            let done = desk.roll_back_dataset(&named, &DatasetRollback { expect, reason })?;
            if done.run.state == RunState::RevertFailed {
                // It is said where it shows: on the page of its run.
                return Ok(format!("/campaigns/{}/runs/{}", done.campaign, done.run.seq));
            }
            Ok(at(&named))
        })
        .await
}

#[cfg(test)]
mod tests {
    use super::leads;
    use serde_json::json;
    use skein_api::{Dataset, DatasetVersion};

    #[test]
    fn what_a_rollback_leads_to_is_said_with_what_comes_back() {
        let dataset: Dataset = serde_json::from_value(json!({
            "dataset": "dts_00000000000000000000000000000001", "name": "orders", "driver": "files", "location": "/d/orders",
            "state": null, "owner": "shop", "labels": {}, "added": "2026-11-27T10:00:00.000Z",
        }))
        .unwrap();
        let version = |number: u64, current: bool, available: bool| -> DatasetVersion {
            serde_json::from_value(json!({
                "version": number, "current": current, "since": "2026-11-27T10:00:00.000Z", "kind": "published", "what": "drop phone",
                "to": null, "run": null, "campaign": null, "seq": null, "module": null, "params": null, "plan": null,
                "files": 2, "bytes": 10, "rows": 1_000, "rejected": null, "available": available, "kept": null,
            }))
            .unwrap()
        };
        let shown = leads(&dataset, &version(2, true, true), Some(&version(1, false, true))).into_string();
        assert!(
            shown.contains("Version 2 of orders is undone: drop phone") && shown.contains("version 1, since"),
            "{shown}"
        );
        assert!(!shown.contains("will be refused") && !shown.contains("gone"), "{shown}");
        let stale = leads(&dataset, &version(2, false, true), Some(&version(1, false, false))).into_string();
        assert!(stale.contains("will be refused") && stale.contains("its files are gone"), "{stale}");
    }
}
