//! A guest that misbehaves in the way that its parameters name.
//!
//! Only for wasm32-wasip2: a native linker cannot even write the names of the exports.

#[cfg(target_family = "wasm")]
mod guest;
