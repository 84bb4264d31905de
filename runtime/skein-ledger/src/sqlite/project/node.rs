//! Nodes.

use rusqlite::{Connection, params};
use skein_types::{NodeId, Text, Timestamp};

use super::one;
use crate::event::node::{NodeJoined, NodeLeft, NodeLost, NodeMarked};
use crate::guard::Found;
use crate::sqlite::fault::Stop;
use crate::sqlite::guard::node_at;
use crate::view::NodeState;

pub(super) fn joined(db: &Connection, e: &NodeJoined, at: Timestamp) -> Result<(), Stop> {
    if let Some((state, incarnation)) = node_at(db, e.node)?
        && incarnation >= e.incarnation
    {
        return Err(Stop::Refused(Found::Node { state, incarnation }));
    }
    let sql =
        "INSERT INTO node (id, name, incarnation, state, reason, since) VALUES (?1, ?2, ?3, 'joined', '', ?4)
               ON CONFLICT (id) DO UPDATE SET name = excluded.name, incarnation = excluded.incarnation,
               state = excluded.state, reason = excluded.reason, since = excluded.since";
    db.prepare_cached(sql)?.execute(params![e.node.to_string(), e.name.as_str(), e.incarnation, at.0])?;
    Ok(())
}

pub(super) fn lost(db: &Connection, e: &NodeLost, at: Timestamp) -> Result<(), Stop> {
    gone(db, (e.node, e.incarnation), NodeState::Lost, Some(&e.reason), at)
}

pub(super) fn left(db: &Connection, e: &NodeLeft, at: Timestamp) -> Result<(), Stop> {
    gone(db, (e.node, e.incarnation), NodeState::Left, None, at)
}

pub(super) fn marked(db: &Connection, e: &NodeMarked) -> Result<(), Stop> {
    let sql = "UPDATE node SET mark = ?2, mark_reason = ?3 WHERE id = ?1";
    let values = params![e.node.to_string(), e.mark.as_str(), e.reason.as_str()];
    one(db.prepare_cached(sql)?.execute(values)?)
}

fn gone(
    db: &Connection,
    (node, incarnation): (NodeId, u64),
    to: NodeState,
    reason: Option<&Text>,
    at: Timestamp,
) -> Result<(), Stop> {
    match node_at(db, node)? {
        None => return Err(Stop::Refused(Found::Nothing)),
        Some((NodeState::Joined, here)) if here == incarnation => {}
        Some((state, incarnation)) => return Err(Stop::Refused(Found::Node { state, incarnation })),
    }
    let reason = reason.map_or("", Text::as_str);
    let sql = "UPDATE node SET state = ?2, reason = ?3, since = ?4 WHERE id = ?1";
    db.prepare_cached(sql)?.execute(params![node.to_string(), to.as_str(), reason, at.0])?;
    Ok(())
}
