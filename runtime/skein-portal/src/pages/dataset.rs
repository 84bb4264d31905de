//! A dataset: what it is, how far it is, its versions and who made each, what must hold of it, and what can be asked of it.

mod about;
mod consumers;
mod rollback;
mod rules;
mod versions;

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, Query};
use axum::routing::get;
use maud::{Markup, html};
use serde::Deserialize;
use skein_api::{Consumers, DatasetLabels, DatasetRule, DatasetScrub, DatasetVersion, Kept};
use skein_control::{Control, DatasetListed, Desk, ServiceError};
use skein_types::codes;

use super::{datasets, newest, said};
use crate::frame::{self, command, quoted};
use crate::viewer::{Failed, Page, Viewer, told};

pub(super) use about::labels_of;

/// The menu's entry.
const MENU: Option<&str> = Some("/datasets");
pub(super) fn routes() -> Router<Arc<Control>> {
    Router::new()
        .route("/datasets/{dataset}", get(page))
        .merge(about::routes())
        .merge(rules::routes())
        .merge(rollback::routes())
}

/// Where a dataset is shown.
fn at(name: &str) -> String {
    format!("/datasets/{}", frame::encoded(name))
}

/// A field that pages write, and that nobody else should.
fn unread(what: &str) -> ServiceError {
    ServiceError::new(codes::BODY_INVALID, format!("{what}: it cannot be read"))
        .hint(Some("open the page again, and send the form from there"))
}

/// What the address says.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Asked {
    /// Versions before this one.
    after: Option<String>,
}

struct Shown {
    listed: DatasetListed,
    kept: Option<Kept>,
    labels: DatasetLabels,
    /// Each with whether whoever looks may remove it.
    rules: Vec<(DatasetRule, bool)>,
    consumers: Consumers,
    scrub: DatasetScrub,
    /// Its files may be gone: all else is shown then, too.
    versions: Result<(Vec<DatasetVersion>, Option<String>), ServiceError>,
    may: May,
}

/// Why something may not be done by whoever looks, if so.
struct May {
    set: Result<(), ServiceError>,
    restrain: Result<(), ServiceError>,
    rules: Result<(), ServiceError>,
}

fn gather(desk: &Desk<'_>, named: &str, after: Option<String>) -> Result<Shown, ServiceError> {
    let listed = desk.dataset_listed(named)?;
    let team = listed.dataset.owner.as_str();
    let may = May {
        set: desk.may_set_dataset(team),
        restrain: desk.may_restrain_dataset(team),
        rules: desk.may_set_rules(team),
    };
    let rules = desk.rules(named)?.items.into_iter();
    let rules = rules.map(|rule| {
        let removes = desk.may_remove_rule(team, rule.consumer.as_deref());
        (rule, removes)
    });
    let versions = desk.dataset_history(named, &newest(after));
    Ok(Shown {
        kept: desk.dataset(named)?.kept,
        labels: desk.dataset_labels(named)?,
        rules: rules.collect(),
        consumers: desk.consumers(named)?,
        scrub: desk.dataset_scrub(named)?,
        versions: versions.map(|page| (page.items.into_vec(), page.next.map(|next| next.to_string()))),
        listed,
        may,
    })
}

async fn page(viewer: Viewer, Path(named): Path<String>, Query(asked): Query<Asked>) -> Result<Page, Failed> {
    viewer
        .page(move |desk, viewer| {
            let shown = gather(desk, &named, said(asked.after))?;
            Ok(frame::page(viewer, (&shown.listed.dataset.name, MENU), view(&shown, viewer)))
        })
        .await
}

fn view(shown: &Shown, viewer: &Viewer) -> Markup {
    let (dataset, last) = (&shown.listed.dataset, shown.listed.last.as_ref());
    let name = quoted(&dataset.name);
    html! {
        dl {
            dt { "Team" } dd { (dataset.owner) }
            dt { "Format" } dd { "Parquet files, driver " code { (dataset.driver) } }
            dt { "Where" } dd { code { (dataset.location) } }
            dt { "Id" } dd { code { (dataset.dataset) } }
            dt { "Registered" } dd { (frame::time(dataset.added)) }
            dt { "Last run" } dd { (datasets::migration(last)) }
            dt { "Can be rolled back" } dd { (datasets::back(last)) }
            dt { "Old versions" } dd {
                @match shown.kept {
                    Some(kept) => { (kept.versions) " kept to go back to: " (kept.bytes) },
                    None => "not known: its log cannot be read now",
                }
            }
        }
        p { (command(&format!("skein dataset show {name}"))) }
        @match &shown.versions {
            Ok((versions, next)) => (versions::view(&dataset.name, versions, next.as_deref(), shown.may.restrain.as_ref().err())),
            Err(error) => section aria-labelledby="versions" {
                h2 #versions { "Versions" }
                (told(error))
            },
        }
        (rules::view(dataset, &shown.rules, &shown.may, viewer))
        (consumers::view((&dataset.name, &dataset.owner), &shown.consumers))
        (about::view(shown, viewer))
    }
}
