//! Nodes, and the fleet of them.

use skein_api::{FleetAction, FleetState, NodeStatus, Page};

use super::{Answer, Body, Part, Path};
use crate::asker::Asker;
use crate::description::{Family, told};

pub(crate) fn routes() -> Family {
    Family::new("Fleet", "Nodes, and all of them together.")
        .get("/nodes", nodes, told("List nodes"))
        .get("/nodes/{node}", node, told("Show a node"))
        .post(
            "/nodes/{node}/actions/{verb}",
            mark,
            told("Say whether a node gets work").words(
                "verb",
                "What to do.",
                &["cordon", "uncordon", "drain"],
            ),
        )
        .get("/fleet", fleet, told("Say whether the fleet works"))
        .post(
            "/fleet/actions/{verb}",
            freeze,
            told("Let nothing begin anywhere, or again").words("verb", "What to do.", &["freeze", "thaw"]),
        )
}

async fn nodes(asker: Asker, Part(part): Part) -> Answer<Page<NodeStatus>> {
    asker.ask(move |desk| desk.nodes(&part)).await
}

async fn node(asker: Asker, Path(node): Path<String>) -> Answer<NodeStatus> {
    asker.ask(move |desk| desk.node(&node)).await
}

async fn mark(
    asker: Asker,
    Path((node, verb)): Path<(String, String)>,
    Body(asked): Body<FleetAction>,
) -> Answer<NodeStatus> {
    asker.ask(move |desk| desk.mark_node(&node, &verb, &asked.reason)).await
}

async fn fleet(asker: Asker) -> Answer<FleetState> {
    asker.ask(|desk| desk.fleet()).await
}

async fn freeze(
    asker: Asker,
    Path(verb): Path<String>,
    Body(asked): Body<FleetAction>,
) -> Answer<FleetState> {
    asker.ask(move |desk| desk.freeze(&verb, &asked.reason)).await
}
