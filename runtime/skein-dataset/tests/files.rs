//! The files driver against real directories: publish, rollback, recovery, what others do meanwhile, bad places.
//!
//! A "migration" here is any change of bytes: this crate does not look into files, so neither do these tests.

#[path = "files/crash.rs"]
mod crash;
#[path = "files/cycle.rs"]
mod cycle;
#[path = "files/others.rs"]
mod others;
#[path = "files/places.rs"]
mod places;
#[path = "files/world.rs"]
mod world;
