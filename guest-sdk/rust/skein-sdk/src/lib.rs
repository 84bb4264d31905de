//! Write Skein migrations in Rust.
