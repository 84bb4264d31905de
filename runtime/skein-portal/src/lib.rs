//! The portal: what people see and do with a browser.
//!
//! Level 3, beside the server, which lets its routes in and knows nothing of them. Every page is made here, whole, from what
//! [`Desk`](skein_control::Desk) answers to whoever is signed in: the functions that the API calls, so that nothing can be seen or done with
//! a browser that a token could not. Nothing is decided here and nothing kept.
//!
//! ```text
//! GET  -> Viewer (cookie -> session -> principal) -> desk: what there is -> view, a function of it -> page
//! POST -> Viewer, form (its secret, fields)       -> desk: act           -> 303 to where it shows
//!                                                    refused -> the page that the form stood on, with what was typed and why
//! ```
//!
//! Pages are read and forms sent without JavaScript. With it, parts of a page that say how things are by now are asked for again when the
//! server tells that something happened (`live.js`), what a table cannot show is drawn (`heat-map.js`), and lists and tables can do more
//! (`log.js`, `timeline.js`, `diff.js`, `gauge.js`: elements around what is here, which they leave as it is). A page asks for at most
//! [`ROWS`] of a list, whatever its length.
//!
//! What strangers say (names, labels, reasons, messages, log lines) is text: the templates escape it, and the pages' policy lets a browser run
//! nothing that is not a file of [`assets`]. A form is taken from a page of the same session alone, and whatever changes something is a
//! `POST`. Times are shown with their zone, numbers with their unit, and beside each action stands the command that does the same.

mod again;
mod assets;
mod duration;
mod form;
mod frame;
mod pages;
mod viewer;

use std::sync::Arc;

use axum::Router;
use axum::middleware::from_fn;
use skein_control::Control;

/// Rows of a list on a page.
pub(crate) const ROWS: usize = 50;

/// All pages, their parts and their files.
pub fn routes() -> Router<Arc<Control>> {
    pages::routes().layer(from_fn(again::shown)).merge(assets::routes())
}
