//! Parquet in and out: what readers of the output see, what is copied, and what hostile files can do.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::wildcard_enum_match_arm,
    reason = "what a test does not expect ends it"
)]

#[path = "parquet/amplify.rs"]
mod amplify;
#[path = "parquet/arbitrary.rs"]
mod arbitrary;
#[path = "parquet/facts.rs"]
mod facts;
#[path = "parquet/free.rs"]
mod free;
#[path = "parquet/heap.rs"]
mod heap;
#[path = "parquet/hostile.rs"]
mod hostile;
#[path = "parquet/nested.rs"]
mod nested;
#[path = "parquet/pieces.rs"]
mod pieces;
#[path = "parquet/splice.rs"]
mod splice;
#[path = "parquet/support.rs"]
mod support;
#[path = "parquet/types.rs"]
mod types;
#[path = "parquet/unified.rs"]
mod unified;
#[path = "parquet/wire.rs"]
mod wire;
