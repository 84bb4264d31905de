//! Runs a migration in `cargo test`, without Wasm.
