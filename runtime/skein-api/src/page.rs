//! Lists in pieces.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, Schema, SchemaType, Type};
use utoipa::{PartialSchema, ToSchema};

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

impl<T: ToSchema> PartialSchema for Page<T> {
    fn schema() -> RefOr<Schema> {
        let next = ObjectBuilder::new()
            .schema_type([Type::String, Type::Null].into_iter().collect::<SchemaType>())
            .description(Some("Give it as `after` to have those that follow; null after the last page."))
            .max_length(Some(500));
        ObjectBuilder::new()
            .description(Some("Some items of a list, in the order of their key."))
            .property("items", List::<T, PAGE_ITEMS_MAX>::schema())
            .property("next", next)
            .required("items")
            .build()
            .into()
    }
}

impl<T: ToSchema> ToSchema for Page<T> {
    fn name() -> Cow<'static, str> {
        format!("{}Page", T::name()).into()
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        List::<T, PAGE_ITEMS_MAX>::schemas(schemas);
    }
}
