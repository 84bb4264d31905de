//! From each version of a body to the next. Pure functions that stay as long as a ledger may hold what they read.

use serde_json::Value;

use crate::event::{Kind, Unreadable};

/// Makes of a body of version `from` one of version `from + 1`.
pub(crate) struct Upcaster {
    pub(crate) kind: Kind,
    pub(crate) from: u32,
    pub(crate) next: fn(Value) -> Value,
}

/// All of them. None yet: every kind is at its first version.
pub(crate) const UPCASTERS: &[Upcaster] = &[];

/// The body as the current version has it.
pub(crate) fn to_current(
    upcasters: &[Upcaster],
    kind: Kind,
    schema: u32,
    body: Value,
) -> Result<Value, Unreadable> {
    let refused = Unreadable::Schema { kind, found: schema, known: kind.schema() };
    if schema == 0 || schema > kind.schema() {
        return Err(refused);
    }
    let mut body = body;
    for from in schema..kind.schema() {
        match upcasters.iter().find(|up| up.kind == kind && up.from == from) {
            Some(up) => body = (up.next)(body),
            None => return Err(refused),
        }
    }
    Ok(body)
}
