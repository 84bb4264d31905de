//! Scans, which look for datasets below a directory: `POST /v1/scans` begins one, `GET /v1/scans` lists them,
//! `GET /v1/scans/{id}` shows one and `GET /v1/scans/{id}/found` what it found, `DELETE /v1/scans/{id}` ends one early.

use serde::{Deserialize, Serialize};
use skein_types::{Bytes, TaskId};
use utoipa::ToSchema;
use utoipa::openapi::schema::{AllOfBuilder, ArrayBuilder, ArrayItems, ObjectBuilder, Schema, Type};
use utoipa::openapi::{Ref, RefOr};

use crate::bounded::List;
use crate::dataset::{DatasetAdded, Labels};
use crate::layout::Layout;
use crate::run::{Waiting, Why};
use crate::time::Time;
use crate::{Location, Name};

/// Asks for the datasets below a directory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ScanAsk {
    /// An absolute path.
    pub below: Location,
    /// The team that what is found belongs to. Said unless the layout says it: only who may register for all teams lets paths say
    /// whose a dataset is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<Name>,
    /// What the parts of the path from `below` say of a dataset. Where they do not fit, it is refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub layout: Option<Layout>,
    /// For all that is found, beside those of the layout.
    #[serde(default, skip_serializing_if = "Labels::is_empty")]
    pub labels: Labels,
    /// Put before the path from `below` to make a name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prefix: Option<Name>,
    /// Whether what is found is registered, or only listed.
    #[serde(default)]
    pub look_only: bool,
}

/// How a scan is getting on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Scan {
    /// Its name: that of its first task.
    pub scan: TaskId,
    /// What was asked for.
    pub asked: ScanAsk,
    /// When.
    pub since: Time,
    /// Whether it has ended.
    pub done: bool,
    /// Pages of up to 1,000 that nodes looked through.
    pub pages: u64,
    /// Datasets found, and what only looks like one.
    pub found: u64,
    /// Of those, registered now.
    pub added: u64,
    /// Of those, registered before just so.
    pub known: u64,
    /// Of those, refused.
    pub refusals: u64,
    /// The first of the refused, with reason.
    #[schema(schema_with = refused)]
    pub refused: List<(Location, Why), 100>,
    /// Why it ended before it was through, if it did.
    pub why: Option<Why>,
    /// Why no node goes on with it, while it is not through; none: nodes take tasks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waits: Option<Waiting>,
}

/// Pairs of a place and why it was refused.
fn refused() -> RefOr<Schema> {
    let place = Schema::Object(ObjectBuilder::new().schema_type(Type::String).build());
    let why = Schema::AllOf(AllOfBuilder::new().item(Ref::from_schema_name(Why::name())).build());
    let pair = ArrayBuilder::new().prefix_items([place, why]).items(ArrayItems::False);
    ArrayBuilder::new()
        .items(RefOr::T(Schema::Array(pair.build())))
        .max_items(Some(100))
        .description(Some("The first of the refused, with reason."))
        .build()
        .into()
}

/// What a scan found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ScanFound {
    /// Where.
    pub location: Location,
    /// The name that it has or would have.
    pub name: Name,
    /// The team that it belongs or would belong to; none: its path does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<Name>,
    /// The labels that it has or would have.
    #[serde(default, skip_serializing_if = "Labels::is_empty")]
    pub labels: Labels,
    /// Of its files.
    pub bytes: Bytes,
    /// How many.
    pub files: u64,
    /// Why it is not registered, and would not be.
    pub why: Option<Why>,
    /// What became of it, if it was to be registered; or that it is registered just so.
    pub became: Option<DatasetAdded>,
}
