//! One node, and what can be asked of it.

use std::sync::Arc;

use axum::Router;
use axum::extract::Path;
use axum::routing::{get, post};
use maud::{Markup, html};
use skein_api::NodeStatus;
use skein_control::Control;
use skein_types::{NodeMark, grouped};

use super::{AT, Acting, how, limits, load, version};
use crate::assets::GAUGE;
use crate::duration::lasting;
use crate::form::Form;
use crate::frame::{self, command, counted, live_of_all, quoted, secret};
use crate::pages::offered::offered;
use crate::viewer::{Failed, Page, Seen, Viewer};

pub(super) fn routes() -> Router<Arc<Control>> {
    Router::new()
        .route("/fleet/nodes/{node}", get(page))
        .route("/live/fleet/nodes/{node}", get(part))
        .route("/fleet/nodes/{node}/actions/{verb}", post(act))
}

async fn page(viewer: Viewer, Path(named): Path<String>) -> Result<Page, Failed> {
    viewer
        .page(move |desk, viewer| {
            let node = desk.node(&named)?;
            let path = format!("/live/fleet/nodes/{}", node.node);
            let content = html! {
                (live_of_all(&path, super::EVENTS, view(&node)))
                // Outside of the live part, so that nothing that is being written goes away.
                (offered(&desk.may_govern(), || forms(&node, &secret(viewer))))
            };
            Ok(frame::page(viewer, (&format!("Node {}", node.name), Some(AT)), content))
        })
        .await
}

async fn part(viewer: Viewer, Path(named): Path<String>) -> Result<Page, Failed> {
    viewer.page(move |desk, _| Ok(view(&desk.node(&named)?))).await
}

fn view(node: &NodeStatus) -> Markup {
    html! {
        dl {
            dt { "State" } dd { (how(node)) }
            dt { "Id" } dd { code { (node.node) } ", incarnation " (node.incarnation) }
            dt { @if node.seat.is_some() { "Came" } @else { "Away since" } } dd { (frame::time(node.since)) }
            @if let Some(seat) = &node.seat {
                dt { "Version" } dd { (version(&seat.version)) }
                dt { "Has" } dd { (seat.most) " agents; " (limits(&seat.has)) }
                dt { "Agents at work" } dd { (GAUGE.module()) (load(node, seat)) }
                dt { "Tasks" } dd { (grouped(seat.holds)) ", of which " (grouped(seat.started)) " were begun" @if seat.whole.is_none() { ", of your teams" } }
                @if let Some(does) = &seat.whole {
                    dt { "Finished" } dd { (counted(does.finished, "task", "tasks")) }
                    dt { "Memory" } dd { (does.used.memory) ", at most " (does.used.memory_peak) }
                    dt { "CPU time" } dd { (lasting(does.used.cpu_ms)) }
                    dt { "Waits for the disk" } dd { (grouped(does.used.disk_waits)) }
                }
                dt { "Heard" } dd { (lasting(seat.silent_ms)) " ago" }
            }
        }
    }
}

/// Verb, button, what it leads to.
const VERBS: [(&str, &str, &str); 3] = [
    ("uncordon", "Give it work", "It gets work again. Where it was drained, its process is started again."),
    ("cordon", "Cordon", "It gets nothing new. What it has, it ends. Other nodes get the rest."),
    (
        "drain",
        "Drain",
        "What it has stops at the next checkpoint and goes to other nodes; then its process ends and is not started again. Nothing is \
         lost, and what was begun goes on where it was.",
    ),
];

fn forms(node: &NodeStatus, secret: &Markup) -> Markup {
    let fits = |verb: &str| match node.mark {
        NodeMark::None => verb != "uncordon",
        NodeMark::Cordoned => verb != "cordon",
        NodeMark::Draining => verb == "uncordon",
    };
    html! {
        @for (verb, name, what) in VERBS.iter().filter(|(verb, ..)| fits(verb)) {
            section aria-labelledby=(verb) {
                h2 id=(verb) { (name) }
                p { (what) }
                form method="post" action={ "/fleet/nodes/" (node.node) "/actions/" (verb) } {
                    (secret)
                    p {
                        label for={ "reason-" (verb) } { "Reason, for the record" } br;
                        input id={ "reason-" (verb) } name="reason" size="60" maxlength="2000" required;
                    }
                    button.danger[*verb == "drain"] { (name) } " "
                    (command(&format!("skein fleet {verb} {} --reason REASON", quoted(&node.name))))
                }
            }
        }
    }
}

async fn act(
    Path((named, verb)): Path<(String, String)>,
    Form(viewer, acting): Form<Acting>,
) -> Result<Seen, Failed> {
    viewer
        .act(move |desk| {
            let node = desk.mark_node(&named, &verb, &acting.reason)?;
            Ok(format!("/fleet/nodes/{}", node.node))
        })
        .await
}

#[cfg(test)]
mod tests {
    use maud::html;
    use skein_api::{NodeStatus, Text, Time};
    use skein_types::{NodeMark, Timestamp};

    use super::forms;

    #[test]
    fn what_a_node_is_already_is_not_offered() {
        let offered = |mark| {
            let node = NodeStatus {
                node: "nod_00000000000000000000000000000001".parse().unwrap(),
                name: Text::escaped("a"),
                incarnation: 1,
                since: Time(Timestamp(0)),
                mark,
                mark_reason: None,
                seat: None,
            };
            let page = forms(&node, &html! {}).into_string();
            ["/uncordon\"", "/cordon\"", "/drain\""].map(|verb| page.contains(verb))
        };
        assert_eq!(offered(NodeMark::None), [false, true, true]);
        assert_eq!(offered(NodeMark::Cordoned), [true, false, true]);
        assert_eq!(offered(NodeMark::Draining), [true, false, false]);
    }
}
