//! The contract's records as Rust types and its exports as calls, generated from `wit/skein-migration`.
//!
//! Imports are defined by hand in [`crate::host`], because they must charge fuel, which needs the store.

wasmtime::component::bindgen!({
    path: "../../wit/skein-migration",
    world: "migration",
});

pub(crate) use exports::skein::migration::migrate as export;
pub(crate) use skein::migration::types;
