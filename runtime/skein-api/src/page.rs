//! Lists in pieces.

use serde::{Deserialize, Serialize};

use crate::bounded::{List, Text};

/// Most items of a page, whatever is asked for.
pub const PAGE_ITEMS_MAX: usize = 1_000;

/// Some items of a list, in the order of their key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Page<T> {
    /// These.
    pub items: List<T, PAGE_ITEMS_MAX>,
    /// Give it as `after` to have those that follow; none after the last page.
    pub next: Option<Text<500>>,
}
