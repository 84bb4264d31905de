//! The machines from outside: what is possible where, stories, and random orders of events with lost memories.

mod matrix;
mod random;
mod stories;
mod world;
