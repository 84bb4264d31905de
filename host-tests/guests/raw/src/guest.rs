//! A guest written against the WIT alone: no SDK, no Arrow.
//!
//! It carries every column, drops the one that its parameters name, and keeps the rows whose number is not a multiple of
//! three. Asked to, it reads a column instead and answers each batch with the bytes that came. It never looks into them,
//! so it shows what the contract itself asks of a module.

#![expect(unsafe_code, reason = "generated: the canonical ABI is raw pointers and lengths")]

wit_bindgen::generate!({
    path: "../../../wit/skein-migration",
    world: "migration",
});

use std::cell::Cell;

use exports::skein::migration::migrate::Guest;
use skein::migration::log;
use skein::migration::types::{
    Batch, Failure, Field, Manifest, Origin, Output, Refusal, SchemaPlan, Source, TaskContext,
};

struct Raw;

export!(Raw);

thread_local! {
    /// Whether the open plan reads anything, which is then what is answered.
    static ANSWERS: Cell<bool> = const { Cell::new(false) };
}

/// What the parameters ask for.
enum Wish {
    Nothing,
    /// `"name"`: this column goes.
    Drop(u32),
    /// `["name"]`: all rows stay, and this column is computed from itself.
    Answer(u32),
}

impl Guest for Raw {
    fn describe() -> Manifest {
        Manifest {
            name: "raw".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            sdk: "none".to_owned(),
            encoding: "arrow".to_owned(),
            state: "none".to_owned(),
            batch_bytes: 0,
            params_schema: r#"{"type":["string","array"],"description":"name of the column to drop, or a list of one to answer"}"#
                .to_owned(),
            ext: vec![("unknown-key".to_owned(), "hosts ignore this".to_owned())],
        }
    }

    fn plan(s: Source) -> Result<SchemaPlan, Refusal> {
        let wish = wish(&s)?;
        let (dropped, answered) = match wish {
            Wish::Nothing => (None, None),
            Wish::Drop(id) => (Some(id), None),
            Wish::Answer(id) => (None, Some(id)),
        };
        let mut target: Vec<Field> = Vec::new();
        let mut origins = Vec::new();
        for (id, root) in (0u32..).zip(&s.schema) {
            if root.parent.is_some() || Some(id) == dropped {
                continue;
            }
            let base = length(&target);
            let computed = Some(id) == answered;
            origins.push((base, if computed { Origin::Computed(vec![id]) } else { Origin::Carried(id) }));
            target.extend(subtree(&s.schema, id, base));
        }
        let shape = if answered.is_some() { "same" } else { "filtered" }.to_owned();
        let reads = answered.into_iter().collect();
        Ok(SchemaPlan { target, origins, reads, shape, ext: Vec::new() })
    }

    fn open(t: TaskContext) -> Result<(), Failure> {
        ANSWERS.set(!t.plan.reads.is_empty());
        log::write(log::Level::Info, "opened", &[("columns".to_owned(), t.plan.target.len().to_string())]);
        Ok(())
    }

    fn process(b: Batch) -> Result<Output, Failure> {
        if ANSWERS.get() {
            return Ok(Output { data: Some(b.data), kept: None, rejects: Vec::new(), more: false });
        }
        let mut kept = vec![0u8; (b.rows as usize).div_ceil(8)];
        for row in (0..b.rows).filter(|row| !(b.first_row + u64::from(*row)).is_multiple_of(3)) {
            kept[row as usize / 8] |= 1 << (row % 8);
        }
        Ok(Output { data: None, kept: Some(kept), rejects: Vec::new(), more: false })
    }

    fn drain() -> Result<Output, Failure> {
        let message = "`more` was never set".to_owned();
        Err(Failure { code: "nothing-to-drain".to_owned(), message })
    }

    fn finish() -> Result<Output, Failure> {
        Ok(Output { data: None, kept: None, rejects: Vec::new(), more: false })
    }

    fn save() -> Result<Option<Vec<u8>>, Failure> {
        Ok(None)
    }
}

/// From the parameters: a JSON string without escapes, a list of one, or nothing.
fn wish(s: &Source) -> Result<Wish, Refusal> {
    let params = s.params.trim();
    if matches!(params, "" | "null" | "{}") {
        return Ok(Wish::Nothing);
    }
    let refuse = |code: &str, message: String| Refusal { code: code.to_owned(), message, column: None };
    let listed = params.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let name = listed
        .unwrap_or(params)
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'))
        .filter(|name| !name.contains(['"', '\\']))
        .ok_or_else(|| {
            let message = "the parameters are one JSON string without escapes, or a list of one";
            refuse("bad-params", message.to_owned())
        })?;
    let found = s.schema.iter().position(|field| field.parent.is_none() && field.name == name);
    let id = found.and_then(|at| u32::try_from(at).ok());
    let id = id.ok_or_else(|| refuse("missing-column", format!("the source has no column {name:?}")))?;
    Ok(if listed.is_some() { Wish::Answer(id) } else { Wish::Drop(id) })
}

/// A column and everything below it, its ids moved to start at `base`.
fn subtree(schema: &[Field], root: u32, base: u32) -> Vec<Field> {
    let mut taken = Vec::new();
    for (id, field) in (0u32..).zip(schema).skip(root as usize) {
        // Pre-order: the subtree ends where a field hangs on nothing inside it.
        if id != root && field.parent.is_none_or(|parent| parent < root) {
            break;
        }
        let parent = if id == root { None } else { field.parent.map(|parent| parent - root + base) };
        taken.push(Field { parent, ..field.clone() });
    }
    taken
}

fn length(fields: &[Field]) -> u32 {
    u32::try_from(fields.len()).expect("hosts bound schemas to 20,000 fields")
}
