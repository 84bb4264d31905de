//! A guest written against the WIT alone: no SDK, no Arrow.
//!
//! Only for wasm32-wasip2: a native linker cannot even write the names of the exports.

#[cfg(target_family = "wasm")]
mod guest;
