//! Nodes with their leases.

use rusqlite::{Connection, OptionalExtension as _, Row};
use skein_types::{NodeId, Timestamp};

use super::{Query, text};
use crate::page::{Limit, Page};
use crate::sqlite::cells::Cells;
use crate::view::{Lease, Node, NodeState};

const NODE: &str =
    "SELECT n.id, n.name, n.incarnation, n.state, n.reason, n.since, n.mark, n.mark_reason, l.until, l.usage
    FROM node n LEFT JOIN node_lease l ON l.node = n.id";

pub(in crate::sqlite) fn node(db: &Connection, id: NodeId) -> rusqlite::Result<Option<Node>> {
    let mut find = db.prepare_cached(&format!("{NODE} WHERE n.id = ?1"))?;
    find.query_row([id.to_string()], node_of).optional()
}

pub(in crate::sqlite) fn nodes(
    db: &Connection,
    after: Option<NodeId>,
    limit: Limit,
) -> rusqlite::Result<Page<Node, NodeId>> {
    let mut query = Query::new(NODE);
    if let Some(after) = after {
        query.and("n.id > ?", text(after));
    }
    query.page(db, ("n.id", limit), node_of, |node| node.id)
}

fn node_of(row: &Row<'_>) -> rusqlite::Result<Node> {
    let mut cells = Cells::of(row);
    Ok(Node {
        id: cells.parse()?,
        name: cells.parse()?,
        incarnation: cells.get()?,
        state: cells.word(NodeState::of)?,
        reason: cells.parse()?,
        since: Timestamp(cells.get()?),
        mark: cells.parse()?,
        mark_reason: cells.parse()?,
        lease: cells
            .get::<Option<u64>>()?
            .zip(cells.get()?)
            .map(|(until, usage)| Lease { until: Timestamp(until), usage }),
    })
}
