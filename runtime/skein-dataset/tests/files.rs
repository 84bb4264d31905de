//! The files driver against real directories: publish, rollback, recovery, what others do meanwhile, bad places.
//!
//! A "migration" here is any change of bytes: this crate does not look into files, so neither do these tests.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::wildcard_enum_match_arm,
    reason = "a test that meets what it did not expect has failed; the lints know only functions with the attribute"
)]

#[path = "files/access.rs"]
mod access;
#[path = "files/barriers.rs"]
mod barriers;
#[path = "files/beside.rs"]
mod beside;
#[path = "files/crash.rs"]
mod crash;
#[path = "files/cycle.rs"]
mod cycle;
#[path = "files/descriptors.rs"]
mod descriptors;
#[path = "files/elsewhere.rs"]
mod elsewhere;
#[path = "files/foreign.rs"]
mod foreign;
#[path = "files/forget.rs"]
mod forget;
#[path = "files/handed.rs"]
mod handed;
#[path = "files/held.rs"]
mod held;
#[path = "files/kept.rs"]
mod kept;
#[path = "files/managed.rs"]
mod managed;
#[path = "files/mounts.rs"]
mod mounts;
#[path = "files/old.rs"]
mod old;
#[path = "files/others.rs"]
mod others;
#[path = "files/places.rs"]
mod places;
#[path = "files/records.rs"]
mod records;
#[path = "files/refused.rs"]
mod refused;
#[path = "files/rehearsal.rs"]
mod rehearsal;
#[path = "files/renames.rs"]
mod renames;
#[path = "files/reverts.rs"]
mod reverts;
#[path = "files/special.rs"]
mod special;
#[path = "files/whose.rs"]
mod whose;
#[path = "files/world.rs"]
mod world;
