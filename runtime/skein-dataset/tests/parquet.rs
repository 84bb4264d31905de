//! Parquet in and out: what readers of the output see, what is copied, and what hostile files can do.

#[path = "parquet/splice.rs"]
mod splice;
#[path = "parquet/support.rs"]
mod support;
