//! What was decided about a campaign and its runs, for whoever sees it. The record of all that was decided is for auditors.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, Query};
use axum::routing::get;
use maud::{Markup, html};
use skein_api::Event;
use skein_control::Control;

use crate::frame::{self, command};
use crate::pages::{After, rows};
use crate::viewer::{Failed, Page, Viewer};

/// Characters of what a decision says: the command shows all of it.
const SAYS: usize = 200;

pub(super) fn routes() -> Router<Arc<Control>> {
    Router::new().route("/campaigns/{campaign}/decisions", get(page))
}

async fn page(viewer: Viewer, Path(named): Path<String>, Query(asked): Query<After>) -> Result<Page, Failed> {
    viewer
        .page(move |desk, viewer| {
            let campaign = desk.campaign(&named)?;
            let id = campaign.campaign;
            let events = desk.campaign_events(&named, &rows(asked.after))?;
            let content = html! {
                p { a href={ "/campaigns/" (id) } { (campaign.name) } ": what was decided about it, in the order in which it was." }
                @if events.items.is_empty() { p.empty { "There is no more." } } @else { (table(&events.items)) }
                (frame::more(&format!("/campaigns/{id}/decisions"), &[], events.next.as_deref()))
                p {
                    (command(&format!("skein campaign events {id}")))
                    @if desk.may_audit().is_ok() { " " a href={ "/audit?campaign=" (id) } { "With who asked from where" } }
                }
            };
            Ok(frame::page(viewer, (&format!("Decisions: {}", campaign.name), Some("/campaigns")), content))
        })
        .await
}

fn table(events: &[Event]) -> Markup {
    html! {
        table {
            thead { tr { th scope="col" { "Position" } th scope="col" { "When" } th scope="col" { "Who" } th scope="col" { "What" } th scope="col" { "It says" } } }
            tbody {
                @for event in events {
                    tr {
                        td.number { (event.position) }
                        td { (frame::time(event.at)) }
                        td { (event.actor) }
                        td { (event.kind) }
                        td { code { (says(event)) } }
                    }
                }
            }
        }
    }
}

/// Of much the beginning.
fn says(event: &Event) -> String {
    let text = event.body.to_string();
    match text.char_indices().nth(SAYS) {
        Some((end, _)) => format!("{} …", &text[..end]),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use skein_api::{Event, Text, Time};
    use skein_types::{Blake3, Timestamp};

    use super::{SAYS, table};

    #[test]
    fn a_decision_is_shown_with_what_it_says_however_long() {
        let event = |says: String| Event {
            position: 7,
            kind: Text::escaped("run.failed"),
            at: Time(Timestamp(0)),
            actor: Text::escaped("<ada>"),
            subject: Text::escaped("s"),
            body: serde_json::json!({ "message": says }),
            hash: Blake3([0; 32]),
            trace: None,
        };
        let page = table(&[event("ü".repeat(2 * SAYS)), event("<b>".to_owned())]).into_string();
        assert!(
            page.contains("&lt;ada&gt;") && page.contains("&lt;b&gt;") && !page.contains("<b>"),
            "{page}"
        );
        assert_eq!(page.matches('ü').count(), SAYS - "{\"message\":\"".len(), "{page}");
        assert!(page.contains("ü …</code>"), "{page}");
    }
}
