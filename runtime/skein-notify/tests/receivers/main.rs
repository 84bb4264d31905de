//! Notices on their way to receivers that are really there: on loopback ports, some of them ill-behaved.
//!
//! A receiver that goes on for ever would hold a broken sender for ever; each of these ends by itself, and says whether it was left
//! before that.

#![expect(clippy::unwrap_used, reason = "helpers of tests, where clippy allows it")]

mod guarded;
mod listener;
mod mail;
mod mail_server;
mod texts;
mod tls;
mod told;
mod webhooks;
