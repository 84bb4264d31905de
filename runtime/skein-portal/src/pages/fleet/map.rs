//! The map of the nodes: a tile for each that the table below it has, in the table's order, and how many are in which state in all.
//!
//! What stands in a tile stands in its row too. The map is to see at a glance which of many is busy, full or away.

use maud::{Markup, html};
use skein_api::{NodeStatus, Seated};
use skein_types::{Resource, grouped};

use super::{limits, load, state_of};
use crate::frame::{Gauge, gauge, state};
use crate::pages::quotas::amount;

/// The states in the order in which they are counted: what wants somebody first.
const ORDER: [&str; 5] = ["lost", "draining", "drained", "cordoned", "active"];

/// Tiles of the nodes of the page, and counts over all that there are.
pub(super) fn view(shown: &[NodeStatus], all: &[NodeStatus]) -> Markup {
    html! {
        ul.legend { @for (word, count) in counted(all) { li { (state(word)) " " (grouped(count)) } } }
        ul.nodes { @for node in shown { li.(state_of(node)) { (tile(node)) } } }
        p.note {
            "A name leads to the node's row below, and "
            a href="#teams" { "permits by team" } " stand after it."
            @if all.len() > shown.len() { " Of " (grouped(all.len() as u64)) " nodes " (grouped(shown.len() as u64)) " are shown here." }
        }
    }
}

/// How many nodes are in each state that any is in.
fn counted(nodes: &[NodeStatus]) -> Vec<(&'static str, u64)> {
    let of = |word: &str| nodes.iter().filter(|node| state_of(node) == word).count() as u64;
    ORDER.into_iter().map(|word| (word, of(word))).filter(|(_, count)| *count > 0).collect()
}

/// Where a node's row is.
pub(super) fn row_of(node: &NodeStatus) -> String {
    format!("row-{}", node.node)
}

fn tile(node: &NodeStatus) -> Markup {
    html! {
        p { a href={ "#" (row_of(node)) } { (node.name) } " " (state(state_of(node))) }
        @match &node.seat {
            Some(seat) => { p { (load(node, seat)) } p { (memory(node, seat)) } }
            None => { p.note { "no agents, no memory" } }
        }
    }
}

/// What a node takes, of what it said that agents have.
fn memory(node: &NodeStatus, seat: &Seated) -> Markup {
    let Some(used) = seat.whole.map(|does| does.used.memory) else {
        return html! { span.note { (limits(&seat.has)) } };
    };
    let Some(has) = seat.has.memory else {
        return html! { (used) span.note { " of memory, limit not said" } };
    };
    gauge(&Gauge {
        name: &format!("Memory of {}", node.name),
        used: used.0,
        limit: has.0,
        said: &format!("{used} of {} of memory", amount(Resource::Memory, has.0)),
        warns: true,
    })
}

#[cfg(test)]
mod tests {
    use skein_types::{Bytes, NodeMark};

    use super::super::tests::{node, seated};
    use super::{ORDER, counted, view};
    use skein_api::NodeStatus;

    fn of(mark: NodeMark, here: bool) -> NodeStatus {
        NodeStatus { seat: here.then(|| seated(1, 2)), ..node(mark) }
    }

    #[test]
    fn a_tile_says_the_state_the_load_and_the_memory_and_leads_to_the_row() {
        let mut busy = of(NodeMark::None, true);
        let seat = busy.seat.as_mut().unwrap();
        seat.whole.as_mut().unwrap().used.memory = Bytes::mib(480);
        seat.has.memory = Some(Bytes::mib(512));
        let alone = |node: NodeStatus| {
            let all = [node];
            view(&all, &all).into_string()
        };
        let shown = alone(busy);
        for said in [
            "<li class=\"active\">",
            "href=\"#row-nod_00000000000000000000000000000001\">&lt;i&gt;n</a> <span class=\"state good\">",
            "1 of 2 agents",
            "480MiB of 512MiB of memory",
            "nearly all of it",
            "✓ ",
        ] {
            assert!(shown.contains(said), "{said}: {shown}");
        }
        assert!(alone(of(NodeMark::None, true)).contains("limit not said"));
        let shown = alone(of(NodeMark::None, false));
        assert!(
            shown.contains("✗ ") && shown.contains("<li class=\"lost\">") && !shown.contains("skein-gauge"),
            "{shown}"
        );
    }

    #[test]
    fn all_nodes_are_counted_by_state_and_the_page_says_how_many_it_shows() {
        let all = [
            of(NodeMark::None, true),
            of(NodeMark::None, true),
            of(NodeMark::None, false),
            of(NodeMark::Draining, true),
            of(NodeMark::Draining, false),
            of(NodeMark::Cordoned, false),
        ];
        let counts = ORDER.into_iter().zip([1, 1, 1, 1, 2]).collect::<Vec<_>>();
        assert_eq!(counted(&all), counts);
        let some = view(&all[..2], &all).into_string();
        assert!(some.contains("Of 6 nodes 2 are shown here") && some.contains("lost</span>"), "{some}");
        assert!(!view(&all, &all).into_string().contains("are shown here"));
    }
}
