//! What people type and what they get: pipes that close, options that are mistaken, words that are explained.
#![expect(clippy::unwrap_used, reason = "these are tests")]

mod forget;
mod onlookers;
mod pipes;
mod usage;
mod words;
