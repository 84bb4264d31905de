//! A list of datasets from a file: `POST /v1/datasets/import` registers all of them or none.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::dataset::Labels;
use crate::lines::{Cell, Lined};
use crate::{Location, Name};

/// Most bytes of a list.
pub const IMPORT_BYTES_MAX: usize = 32 << 20;
/// Most datasets of a list.
pub const IMPORT_LINES_MAX: usize = 100_000;

/// A dataset as a line of a list has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DatasetLine {
    /// No other has it.
    pub name: Name,
    /// Where its data is: an absolute path.
    pub path: Location,
    /// The team that it belongs to; what is said for the whole list if nothing is said here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<Name>,
    /// To select by.
    #[serde(default, skip_serializing_if = "Labels::is_empty")]
    pub labels: Labels,
}

impl Lined for DatasetLine {
    const COLUMNS: &'static [(&'static str, &'static str, Cell)] = &[
        ("name", "name", Cell::Text),
        ("path", "path", Cell::Text),
        ("owner", "owner", Cell::Text),
        ("labels", "labels", Cell::Pairs),
    ];
    const NEEDED: &'static str = "name";
}

/// What became of a list: all of it is registered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DatasetsImported {
    /// Datasets in the list.
    pub datasets: u64,
    /// Of those, registered now; or, if it was only looked at, those that would be.
    pub added: u64,
    /// Of those, registered before just so.
    pub known: u64,
    /// Whether it was only looked at.
    pub dry_run: bool,
}
