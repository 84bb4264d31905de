//! The description of what is served (OpenAPI 3.1), made of the routes themselves.
//!
//! A [`Family`] is the only way by which `/v1` gets a route, and it takes none without saying what it is for. What a route
//! takes and answers is read off the types of its handler ([`takes::Takes`], [`answers::Answers`]), so that it cannot be said otherwise than it
//! is; what types do not know is [`told`]: the sentence for people, the codes of refusals, bodies that are no JSON.
//!
//! It deliberately does not know what any route does.

pub(crate) mod answers;
mod document;
mod family;
pub(crate) mod operation;
mod path;
pub(crate) mod takes;
mod tidy;
mod told;

pub(crate) use document::document;
pub(crate) use family::Family;
pub(crate) use told::told;
