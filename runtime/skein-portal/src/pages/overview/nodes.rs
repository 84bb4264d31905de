//! How much the nodes do.

use maud::{Markup, html};
use skein_api::NodeStatus;
use skein_types::{NodeMark, grouped};

use crate::assets::GAUGE;
use crate::duration::lasting;
use crate::frame::state;
use crate::pages::fleet::{load, not_said, of_all};

/// Nodes that are shown; the fleet's page has all.
const SHOWN: usize = 20;

/// How many are here, and how many are known that are not.
pub(super) fn counted(nodes: &[NodeStatus]) -> (usize, usize) {
    let seated = nodes.iter().filter(|node| node.seat.is_some()).count();
    (seated, nodes.len() - seated)
}

pub(super) fn view(nodes: &[NodeStatus]) -> Markup {
    let (seated, gone) = counted(nodes);
    let here = nodes.iter().filter(|node| node.seat.is_some()).take(SHOWN);
    html! {
        section aria-labelledby="nodes" {
            h2 #nodes { "Nodes" }
            @if seated == 0 { p.waits { "No node is here: nothing is carried out." } } @else {
                (GAUGE.module())
                div.scroll tabindex="0" role="region" aria-labelledby="nodes" {
                    table {
                        thead {
                            tr {
                                th { "Node" } th { "State" } th { "Load" } th.number { "Tasks" } th.number { "Finished" } th.number { "Memory" }
                            }
                        }
                        tbody { @for node in here { (row(node)) } }
                    }
                }
                (not_said(nodes))
            }
            p { a href="/fleet" { "Fleet" }
                @if seated > SHOWN { " " span.note { (grouped((seated - SHOWN) as u64)) " more nodes are here." } }
                @if gone > 0 { " " span.note { (grouped(gone as u64)) " are gone." } }
            }
        }
    }
}

fn row(node: &NodeStatus) -> Markup {
    let Some(seat) = &node.seat else { return html! {} };
    html! {
        tr {
            th scope="row" { (node.name) }
            td {
                @if node.mark == NodeMark::None { (state(if seat.silent_ms.0 > 5_000 { "silent" } else { "ready" })) }
                @else { (state(&node.mark.to_string())) @if let Some(why) = &node.mark_reason { " " (why) } }
                @if seat.silent_ms.0 > 5_000 { " for " (lasting(seat.silent_ms)) }
            }
            td { (load(node, seat)) }
            td.number { (grouped(seat.holds)) }
            td.number { (of_all(seat, |does| grouped(does.finished))) }
            td.number { (of_all(seat, |does| does.used.memory.to_string())) }
        }
    }
}
