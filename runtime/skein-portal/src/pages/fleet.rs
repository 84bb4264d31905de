//! The fleet: its nodes as they are, how much of it each team has, and the ways to hold it back.

mod map;
mod node;
mod shares;

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, Query};
use axum::routing::{get, post};
use maud::{Markup, html};
use serde::Deserialize;
use skein_api::{FleetState, NodeDoes, NodeHas, NodeStatus, Page as Part, Seated, Waiting};
use skein_control::{Control, Desk, ServiceError};
use skein_types::{NodeMark, Resource, grouped};

use super::absent;
use super::offered::offered;
use super::quotas::amount;
use crate::assets::GAUGE;
use crate::duration::lasting;
use crate::form::Form;
use crate::frame::{self, Gauge, command, counted, gauge, live_of_all, secret, state};
use crate::pages::{After, rows};
use crate::viewer::{Failed, Page, Seen, Viewer};

const AT: &str = "/fleet";
/// What moves something on this page.
const EVENTS: &str = "kind=node.,fleet.,run.,campaign.";

pub(super) fn routes() -> Router<Arc<Control>> {
    Router::new()
        .route(AT, get(page))
        .route("/live/fleet", get(part))
        .route("/fleet/ask/{verb}", get(asking))
        .route("/fleet/actions/{verb}", post(act))
        .merge(node::routes())
}

struct Shown {
    fleet: FleetState,
    waits: Option<Waiting>,
    nodes: Part<NodeStatus>,
    /// Those of other pages too.
    all: Vec<NodeStatus>,
    shares: Vec<shares::Share>,
    may: Result<(), ServiceError>,
}

fn gather(desk: &Desk<'_>, after: Option<String>) -> Result<Shown, ServiceError> {
    let status = desk.status()?;
    Ok(Shown {
        fleet: desk.fleet()?,
        nodes: desk.nodes(&rows(after))?,
        shares: shares::gather(desk, &status)?,
        waits: status.waits,
        all: status.nodes.into_vec(),
        may: desk.may_govern(),
    })
}

async fn page(viewer: Viewer, Query(asked): Query<After>) -> Result<Page, Failed> {
    let query = asked.after.as_deref().map(frame::encoded).map(|after| format!("?after={after}"));
    let path = format!("/live/fleet{}", query.unwrap_or_default());
    viewer
        .page(move |desk, viewer| {
            let content = live_of_all(&path, EVENTS, view(&gather(desk, asked.after)?));
            Ok(frame::page(viewer, ("Fleet", Some(AT)), content))
        })
        .await
}

async fn part(viewer: Viewer, Query(asked): Query<After>) -> Result<Page, Failed> {
    viewer.page(move |desk, _| Ok(view(&gather(desk, asked.after)?))).await
}

fn view(shown: &Shown) -> Markup {
    let Shown { fleet, waits, nodes, all, shares, may } = shown;
    html! {
        dl {
            dt { "State" }
            dd {
                @if fleet.frozen { strong.waits { "‖ frozen: nothing begins anywhere" } } @else { (state("active")) }
                @if let (true, Some(reason)) = (fleet.frozen, &fleet.reason) { ", because: " (reason) }
            }
            @if let Some(since) = fleet.since { dt { "Since" } dd { (frame::time(since)) } }
            @if let Some(waits) = waits { dt { "Waits" } dd { strong.waits { (waits.message) } } }
        }
        (offered(may, || steps(fleet.frozen)))
        section aria-labelledby="nodes" {
            h2 #nodes { "Nodes" }
            @if nodes.items.is_empty() { p.empty { "No node has come yet: the server starts them, as many as " code { "skein serve --nodes" } " says." } }
            @else { (GAUGE.module()) (map::view(&nodes.items, all)) (table(&nodes.items)) (not_said(&nodes.items)) }
            (frame::more(AT, &[], nodes.next.as_deref()))
        }
        (shares::view(shares))
        p { (command("skein fleet nodes")) }
    }
}

fn steps(frozen: bool) -> Markup {
    let (verb, name, line) = match frozen {
        true => ("thaw", "Unfreeze", "skein fleet unfreeze --reason REASON"),
        false => ("freeze", "Freeze", "skein fleet freeze --reason REASON"),
    };
    html! { p { a.button href={ "/fleet/ask/" (verb) } { (name) } " " (command(line)) } }
}

/// Each node, a row.
fn table(nodes: &[NodeStatus]) -> Markup {
    html! {
        table {
            thead {
                tr {
                    th { "Node" } th { "State" } th { "At work" } th { "Tasks" } th { "Finished" } th { "Memory" } th { "CPU time" }
                    th { "Heard" } th { "Has" } th { "Version" }
                }
            }
            tbody { @for node in nodes { (row(node)) } }
        }
    }
}

fn row(node: &NodeStatus) -> Markup {
    html! {
        tr id=(map::row_of(node)) {
            td { a href={ "/fleet/nodes/" (node.node) } { (node.name) } }
            td { (how(node)) }
            @match &node.seat {
                Some(seat) => {
                    td { (load(node, seat)) }
                    td.number { (grouped(seat.started)) " of " (grouped(seat.holds)) }
                    td.number { (of_all(seat, |does| grouped(does.finished))) }
                    td.number { (of_all(seat, |does| does.used.memory.to_string())) }
                    td.number { (of_all(seat, |does| lasting(does.used.cpu_ms))) }
                    td.number { (lasting(seat.silent_ms)) " ago" }
                    td { (limits(&seat.has)) }
                    td { (version(&seat.version)) }
                }
                None => { td colspan="8" { "since " (frame::time(node.since)) } }
            }
        }
    }
}

/// How much of a node is at work: it is there for that.
pub(in crate::pages) fn load(node: &NodeStatus, seat: &Seated) -> Markup {
    let Some(does) = &seat.whole else { return html! { (counted(seat.most.into(), "agent", "agents")) } };
    gauge(&Gauge {
        name: &format!("Agents at work on {}", node.name),
        used: does.slots.into(),
        limit: seat.most.into(),
        said: &format!("{} of {} agents", does.slots, seat.most),
        warns: false,
    })
}

/// Something that a node does for all teams together, for who may see all of them.
pub(in crate::pages) fn of_all(seat: &Seated, said: impl Fn(&NodeDoes) -> String) -> Markup {
    html! { @match &seat.whole { Some(does) => (said(does)), None => span.plain { "–" } } }
}

/// Why some of it is not said.
pub(in crate::pages) fn not_said(nodes: &[NodeStatus]) -> Markup {
    let hides = nodes.iter().filter_map(|node| node.seat.as_ref()).any(|seat| seat.whole.is_none());
    html! {
        @if hides { p.note { "Tasks are those of your teams. What nodes do for all teams together is for those who may see all of them." } }
    }
}

/// Where a node is: whether it is here, and what people want of it.
const fn state_of(node: &NodeStatus) -> &'static str {
    match (node.mark, &node.seat) {
        (NodeMark::Draining, Some(_)) => "draining",
        (NodeMark::Draining, None) => "drained",
        (NodeMark::Cordoned, _) => "cordoned",
        (NodeMark::None, Some(_)) => "active",
        (NodeMark::None, None) => "lost",
    }
}

/// The same, with why people want it.
fn how(node: &NodeStatus) -> Markup {
    html! {
        (state(state_of(node)))
        @if let Some(why) = &node.mark_reason { " " span.note { (why) } }
    }
}

/// What a node said that it has for agents: of nothing more is there.
fn limits(has: &NodeHas) -> Markup {
    let memory = has.memory.map(|memory| memory.0);
    let [read, write] = [has.read, has.write].map(|rate| rate.map(|rate| rate.0));
    let said = [
        has.cpu.map(|cpu| amount(Resource::Cpu, cpu)),
        memory.map(|memory| format!("{} of memory", amount(Resource::Memory, memory))),
        read.map(|rate| format!("reads {}", amount(Resource::Read, rate))),
        write.map(|rate| format!("writes {}", amount(Resource::Write, rate))),
    ];
    let said: Vec<String> = said.into_iter().flatten().collect();
    html! { @if said.is_empty() { span.plain { "did not say" } } @else { (said.join(", ")) } }
}

fn version(version: &str) -> Markup {
    html! { @if version.is_empty() { span.plain { "did not say" } } @else { (version) } }
}

/// What a verb leads to, for whoever is about to say it.
fn leads(verb: &str) -> Option<(&'static str, &'static str, &'static str)> {
    match verb {
        "freeze" => Some((
            "Freeze the fleet",
            "No run begins on any node, of any team, and nothing is published that has not begun. What has begun goes on to its end. \
             Nothing is lost, and campaigns go on where they were once it is unfrozen.",
            "skein fleet freeze --reason REASON",
        )),
        "thaw" => Some((
            "Unfreeze the fleet",
            "Campaigns that are running go on at once, on every node that gets work.",
            "skein fleet unfreeze --reason REASON",
        )),
        _ => None,
    }
}

async fn asking(viewer: Viewer, Path(verb): Path<String>) -> Result<Page, Failed> {
    viewer
        .page(move |desk, viewer| {
            let (name, what, line) = leads(&verb).ok_or_else(|| absent(&format!("verb {verb:?}")))?;
            let content = html! {
                p { (what) }
                (offered(&desk.may_govern(), || html! {
                    form method="post" action={ "/fleet/actions/" (verb) } {
                        (secret(viewer))
                        (reason())
                        button.danger[verb == "freeze"] { (name) } " " a href=(AT) { "Leave it" }
                    }
                }))
                p { (command(line)) }
            };
            Ok(frame::page(viewer, (name, Some(AT)), content))
        })
        .await
}

fn reason() -> Markup {
    html! {
        p {
            label for="reason" { "Reason, for the record and for those whose work waits" } br;
            textarea #reason name="reason" rows="2" cols="60" maxlength="2000" required {}
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Acting {
    reason: String,
}

async fn act(Path(verb): Path<String>, Form(viewer, acting): Form<Acting>) -> Result<Seen, Failed> {
    viewer
        .act(move |desk| {
            desk.freeze(&verb, &acting.reason)?;
            Ok(AT.to_owned())
        })
        .await
}

#[cfg(test)]
mod tests {
    use skein_api::{
        FleetState, NodeDoes, NodeHas, NodeStatus, Page as Part, ProcessUse, Seated, Text, Time,
    };
    use skein_types::{Bytes, Millis, NodeId, NodeMark, Timestamp};
    use std::str::FromStr as _;

    use super::{Shown, leads, limits, map, not_said, table, view};

    pub(super) fn node(mark: NodeMark) -> NodeStatus {
        NodeStatus {
            node: NodeId::from_str("nod_00000000000000000000000000000001").unwrap(),
            name: Text::escaped("<i>n"),
            incarnation: 1,
            since: Time(Timestamp(0)),
            mark,
            mark_reason: None,
            seat: None,
        }
    }

    /// With so many agents at work.
    pub(super) fn seated(slots: u32, most: u32) -> Seated {
        Seated {
            holds: 0,
            started: 0,
            silent_ms: Millis(0),
            most,
            whole: Some(NodeDoes { finished: 7, slots, used: ProcessUse::default() }),
            version: Text::escaped("0.9.9"),
            has: NodeHas::default(),
        }
    }

    #[test]
    fn a_node_that_is_away_says_whether_somebody_wanted_that() {
        let shown = |mark| table(&[node(mark)]).into_string();
        assert!(shown(NodeMark::None).contains("lost") && shown(NodeMark::Draining).contains("drained"));
        assert!(!shown(NodeMark::None).contains("<i>"));
    }

    #[test]
    fn a_node_says_which_program_it_is_and_what_it_has() {
        let (cpu, memory) = (Some(2_500), Some(Bytes::mib(512)));
        let has = NodeHas { cpu, memory, read: None, write: Some(Bytes::mib(8)) };
        let shown = limits(&has).into_string();
        assert_eq!(shown, "2.50 cores, 512MiB of memory, writes 8MiB/s");
        assert!(limits(&NodeHas::default()).into_string().contains("did not say"));
        let seat = Seated { has, ..seated(0, 2) };
        let shown = table(&[NodeStatus { seat: Some(seat), ..node(NodeMark::None) }]).into_string();
        for said in ["0.9.9", "of 2 agents", "2.50 cores, 512MiB of memory"] {
            assert!(shown.contains(said), "{said}: {shown}");
        }
    }

    #[test]
    fn whoever_does_not_see_all_teams_is_shown_no_load_of_all_of_them() {
        let of = |whole: bool| {
            let mut seat = seated(1, 2);
            seat.whole = seat.whole.filter(|_| whole);
            let nodes = [NodeStatus { seat: Some(seat), ..node(NodeMark::None) }];
            [table(&nodes), not_said(&nodes), map::view(&nodes, &nodes)]
                .map(|part| part.into_string())
                .concat()
        };
        let (all, some) = (of(true), of(false));
        assert!(all.contains("1 of 2 agents") && all.contains("<td class=\"number\">7</td>"), "{all}");
        assert!(!all.contains("for those who may see all"), "{all}");
        assert!(
            !some.contains("of 2 agents") && some.contains("2 agents") && !some.contains("7</td>"),
            "{some}"
        );
        assert!(some.contains("for those who may see all"), "{some}");
    }

    #[test]
    fn what_is_offered_is_what_the_fleet_is_not() {
        let page = |frozen| {
            let fleet = FleetState { frozen, reason: Some(Text::escaped("disks")), since: None };
            let nodes = Part { items: Default::default(), next: None };
            view(&Shown { fleet, waits: None, nodes, all: Vec::new(), shares: Vec::new(), may: Ok(()) })
                .into_string()
        };
        assert!(page(true).contains("/fleet/ask/thaw") && page(true).contains("because: disks"));
        assert!(page(false).contains("/fleet/ask/freeze") && !page(false).contains("disks"));
        assert!(leads("freeze").is_some() && leads("melt").is_none());
    }
}
