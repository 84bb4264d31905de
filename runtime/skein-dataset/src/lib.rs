//! Drivers, snapshots, staging, publish and rollback.
