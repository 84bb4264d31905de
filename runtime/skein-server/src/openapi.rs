//! The description of this version's API, made once.

use std::sync::LazyLock;

use serde_json::Value;

use crate::description::{self, Family};
use crate::{health, metrics, v1};

static DOCUMENT: LazyLock<Value> = LazyLock::new(|| description::document(&families()));
static TEXT: LazyLock<String> = LazyLock::new(|| format!("{:#}\n", *DOCUMENT));

/// All that is described.
pub(crate) fn families() -> Vec<Family> {
    let mut all = v1::families();
    all.push(health::routes());
    all.push(metrics::routes());
    all
}

/// The description, as it is served and committed: OpenAPI 3.1.
pub fn text() -> &'static str {
    &TEXT
}

pub(crate) fn document() -> &'static Value {
    &DOCUMENT
}
