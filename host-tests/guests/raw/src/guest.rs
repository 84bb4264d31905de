//! A guest written against the WIT alone: no SDK, no Arrow.
//!
//! It carries every column, drops the one that its parameters name, and keeps the rows whose number is not a multiple of
//! three. It never looks into a batch and never answers data, so it shows what the contract itself asks of a module.

#![expect(unsafe_code, reason = "generated: the canonical ABI is raw pointers and lengths")]

wit_bindgen::generate!({
    path: "../../../wit/skein-migration",
    world: "migration",
});

use exports::skein::migration::migrate::Guest;
use skein::migration::log;
use skein::migration::types::{
    Batch, Failure, Field, Manifest, Origin, Output, Refusal, SchemaPlan, Source, TaskContext,
};

struct Raw;

export!(Raw);

impl Guest for Raw {
    fn describe() -> Manifest {
        Manifest {
            name: "raw".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            sdk: "none".to_owned(),
            encoding: "arrow".to_owned(),
            state: "none".to_owned(),
            batch_bytes: 0,
            params_schema: r#"{"type":"string","description":"name of the column to drop"}"#.to_owned(),
            ext: vec![("unknown-key".to_owned(), "hosts ignore this".to_owned())],
        }
    }

    fn plan(s: Source) -> Result<SchemaPlan, Refusal> {
        let dropped = dropped(&s)?;
        let mut target: Vec<Field> = Vec::new();
        let mut origins = Vec::new();
        for (id, root) in (0u32..).zip(&s.schema) {
            if root.parent.is_some() || Some(id) == dropped {
                continue;
            }
            let base = length(&target);
            origins.push((base, Origin::Carried(id)));
            target.extend(subtree(&s.schema, id, base));
        }
        Ok(SchemaPlan { target, origins, reads: Vec::new(), shape: "filtered".to_owned(), ext: Vec::new() })
    }

    fn open(t: TaskContext) -> Result<(), Failure> {
        log::write(log::Level::Info, "opened", &[("columns".to_owned(), t.plan.target.len().to_string())]);
        Ok(())
    }

    fn process(b: Batch) -> Result<Output, Failure> {
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

/// The column that the parameters name: a JSON string without escapes, or nothing.
fn dropped(s: &Source) -> Result<Option<u32>, Refusal> {
    let params = s.params.trim();
    if matches!(params, "" | "null" | "{}") {
        return Ok(None);
    }
    let refuse = |code: &str, message: String| Refusal { code: code.to_owned(), message, column: None };
    let name = params
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'))
        .filter(|name| !name.contains(['"', '\\']))
        .ok_or_else(|| {
            refuse("bad-params", "the parameters are one JSON string without escapes".to_owned())
        })?;
    let found = s.schema.iter().position(|field| field.parent.is_none() && field.name == name);
    let id = found.and_then(|at| u32::try_from(at).ok());
    id.map(Some).ok_or_else(|| refuse("missing-column", format!("the source has no column {name:?}")))
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
