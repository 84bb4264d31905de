//! Drivers, snapshots, staging, publish and rollback.

pub mod parquet;
