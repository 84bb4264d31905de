//! Datasets: `POST /v1/datasets` adds some, `GET /v1/datasets` and `GET /v1/datasets/{id}` show, `PUT …/labels` and `PUT …/owner`
//! set what is said of one, `DELETE /v1/datasets/{id}` forgets it (never its files).

use std::collections::BTreeMap;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, Schema};
use utoipa::{PartialSchema, ToSchema};

use serde::{Deserialize, Serialize};
use skein_types::DatasetId;

use crate::bounded::{List, Text};
use crate::report::Kept;
use crate::run::Why;
use crate::time::Time;
use crate::{Location, Name};

/// The driver of a directory of Parquet files, or one such file.
pub const DRIVER_FILES: &str = "files";

/// Words that somebody gave a dataset to select by. At most [`Labels::MAX`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "BTreeMap<Text<64, 1>, Text<64, 1>>")]
pub struct Labels(BTreeMap<Text<64, 1>, Text<64, 1>>);

impl Labels {
    /// Most labels of one dataset.
    pub const MAX: usize = 32;

    /// Each key with its value, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(key, value)| (key.as_str(), value.as_str()))
    }

    /// With others; where both have a key, it keeps its own.
    #[must_use]
    pub fn and(mut self, others: &Self) -> Self {
        for (key, value) in &others.0 {
            self.0.entry(key.clone()).or_insert_with(|| value.clone());
        }
        self
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl PartialSchema for Labels {
    fn schema() -> RefOr<Schema> {
        let labels = ObjectBuilder::new()
            .description(Some("Words that somebody gave a dataset to select by."))
            .max_properties(Some(Self::MAX));
        labels.additional_properties(Some(Text::<64, 1>::schema())).build().into()
    }
}

impl ToSchema for Labels {}

impl TryFrom<BTreeMap<Text<64, 1>, Text<64, 1>>> for Labels {
    type Error = crate::TooMany;
    fn try_from(labels: BTreeMap<Text<64, 1>, Text<64, 1>>) -> Result<Self, Self::Error> {
        if labels.len() > Self::MAX { Err(crate::TooMany { max: Self::MAX }) } else { Ok(Self(labels)) }
    }
}

/// A dataset to be registered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DatasetAdd {
    /// No other has it.
    pub name: Name,
    /// What reads and writes it; [`DRIVER_FILES`] if nothing is said.
    #[serde(default = "files", skip_serializing_if = "is_files")]
    pub driver: Text<32, 1>,
    /// Where its data is: an absolute path.
    pub location: Location,
    /// Where its state is, if not beside its data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<Location>,
    /// The team that it belongs to.
    pub owner: Name,
    /// To select by.
    #[serde(default, skip_serializing_if = "Labels::is_empty")]
    pub labels: Labels,
}

fn files() -> Text<32, 1> {
    Text::escaped(DRIVER_FILES)
}

fn is_files(driver: &str) -> bool {
    driver == DRIVER_FILES
}

/// Datasets to be registered. Each by itself: one that is refused does not keep the others out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DatasetsAdd {
    /// These.
    pub datasets: List<DatasetAdd, 1_000>,
}

/// What became of one of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DatasetAdded {
    /// It is registered.
    Added(DatasetId),
    /// It was just so: the same name, location, owner and labels.
    Known(DatasetId),
    /// It is not.
    Refused(Why),
}

/// What became of them, in their order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DatasetsAdded {
    /// One for each.
    pub datasets: List<DatasetAdded, 1_000>,
}

/// The labels of a dataset, with the version that whoever sets them anew has to have seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DatasetLabels {
    /// Whose.
    pub dataset: DatasetId,
    /// What that is called.
    pub name: Name,
    /// All of them.
    pub labels: Labels,
    /// Of labels and owner together: it goes up when either is set.
    pub version: u64,
}

/// What labels a dataset has from now on: these and no others.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DatasetLabelsPut {
    /// All of them.
    pub labels: Labels,
}

/// The team that a dataset belongs to, with the version that whoever hands it over has to have seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DatasetOwner {
    /// Whose.
    pub dataset: DatasetId,
    /// What that is called.
    pub name: Name,
    /// The team.
    pub owner: Name,
    /// Of labels and owner together: it goes up when either is set.
    pub version: u64,
}

/// To which team a dataset goes over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DatasetOwnerPut {
    /// The team.
    pub owner: Name,
}

/// A registered dataset.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Dataset {
    /// Stays when its name changes.
    pub dataset: DatasetId,
    /// Its name.
    pub name: Name,
    /// What reads and writes it.
    pub driver: Text<32>,
    /// Where its data is.
    pub location: Location,
    /// Where its state is, if not beside its data.
    pub state: Option<Location>,
    /// The team that it belongs to.
    pub owner: Name,
    /// To select by.
    pub labels: Labels,
    /// When it was registered.
    pub added: Time,
    /// What its kept versions take; only of a dataset that is asked for by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept: Option<Kept>,
}
