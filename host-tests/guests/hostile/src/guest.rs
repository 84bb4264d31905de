//! The exports: which behaviour runs where.

#![expect(unsafe_code, reason = "generated: the canonical ABI is raw pointers and lengths")]

mod answers;
mod arrow;
mod lies;
mod markup;
mod plans;
mod resources;
mod rows;

use std::cell::{Cell, RefCell};

wit_bindgen::generate!({
    path: "../../../wit/skein-migration",
    world: "migration",
});

use exports::skein::migration::migrate::Guest;
use skein::migration::types::{Batch, Failure, Manifest, Output, Refusal, SchemaPlan, Source, TaskContext};

struct Hostile;

export!(Hostile);

thread_local! {
    /// Calls of `drain` since the last batch.
    static DRAINS: Cell<u32> = const { Cell::new(0) };
    /// What `open` got from the parameters, and the last batch, for answers to `drain` and `finish`.
    static TASK: RefCell<(String, Vec<u8>)> = const { RefCell::new((String::new(), Vec::new())) };
}

fn behaviour() -> String {
    TASK.with_borrow(|(behave, _)| behave.clone())
}

/// Counts the calls of `drain` since the last batch, from 1.
fn drained() -> u32 {
    DRAINS.set(DRAINS.get() + 1);
    DRAINS.get()
}

fn last_input() -> Vec<u8> {
    TASK.with_borrow(|(_, input)| input.clone())
}

/// A member of the parameters whose value is a plain string.
fn param(params: &str, name: &str) -> Option<String> {
    let (_, rest) = params.split_once(&format!("\"{name}\":\""))?;
    rest.split_once('"').map(|(value, _)| value.to_owned())
}

fn nothing() -> Output {
    Output { data: None, kept: None, rejects: Vec::new(), more: false }
}

impl Guest for Hostile {
    fn describe() -> Manifest {
        Manifest {
            name: "hostile".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            sdk: "none".to_owned(),
            encoding: "arrow".to_owned(),
            state: "none".to_owned(),
            batch_bytes: 0,
            params_schema: String::new(),
            ext: Vec::new(),
        }
    }

    fn plan(s: Source) -> Result<SchemaPlan, Refusal> {
        plans::plan(s)
    }

    fn open(t: TaskContext) -> Result<(), Failure> {
        let behave = param(&t.source.params, "behave").unwrap_or_default();
        TASK.with_borrow_mut(|(known, _)| *known = behave.clone());
        if behave == "fail-open" {
            return Err(Failure { code: "no".to_owned(), message: "not today".to_owned() });
        }
        Ok(())
    }

    fn process(b: Batch) -> Result<Output, Failure> {
        let behave = behaviour();
        TASK.with_borrow_mut(|(_, input)| input.clone_from(&b.data));
        DRAINS.set(0);
        if let Some(lie) = lies::answer(&behave, &b) {
            return Ok(lie);
        }
        if resources::uses_up(&behave) {
            return Ok(Output { data: Some(b.data), ..nothing() });
        }
        let told = rows::process(&behave, &b).or_else(|| markup::process(&behave, &b));
        told.unwrap_or_else(|| answers::process(&behave, b))
    }

    fn drain() -> Result<Output, Failure> {
        Ok(answers::drain(&behaviour()))
    }

    fn finish() -> Result<Output, Failure> {
        Ok(answers::finish(&behaviour()))
    }

    fn save() -> Result<Option<Vec<u8>>, Failure> {
        Ok((behaviour() == "save-much").then(|| vec![7; 3 << 20]))
    }
}
