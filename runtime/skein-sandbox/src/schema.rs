//! Schemas between Arrow and the contract: pre-order fields whose types are format strings.
//!
//! What comes from a guest is bounded and checked before anything is built from it; nothing here recurses over guest
//! data or panics on it. Whether the types can be written to Parquet is decided by `skein_types::SchemaPlan`.

use std::collections::HashMap;

use arrow_schema::{ArrowError, DataType, Field, FieldRef, Schema};
use skein_types::{Code, ColumnTree, ErrorClass, codes, format};

use crate::bindings::types as wit;

/// Bytes of all names and metadata of a guest's schema.
const TEXT_BYTES_MAX: usize = 4 << 20;

/// A schema of a guest that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "each message says what its fields are")]
pub enum SchemaError {
    #[error("the target has more than {} fields", ColumnTree::MAX_FIELDS)]
    TooManyFields,
    #[error("target field {index} is nested deeper than {} levels", ColumnTree::MAX_DEPTH)]
    TooDeep { index: usize },
    #[error("names and metadata of the target have more than {TEXT_BYTES_MAX} bytes")]
    TooMuchText,
    #[error("target field {index} names {parent} as its parent, which does not contain it in pre-order")]
    BadParent { index: usize, parent: u32 },
    #[error("target field {name:?} has the format {format:?}, which is not a type")]
    BadFormat { name: String, format: String },
    #[error("target field {name:?} of format {format:?} has {children} children")]
    BadChildren { name: String, format: String, children: usize },
}

impl SchemaError {
    /// Code of the catalogue.
    pub const fn code(&self) -> Code {
        match self {
            Self::BadFormat { .. } => codes::PLAN_IMPOSSIBLE_TYPE,
            Self::TooManyFields
            | Self::TooDeep { .. }
            | Self::TooMuchText
            | Self::BadParent { .. }
            | Self::BadChildren { .. } => codes::PLAN_BAD_TARGET,
        }
    }

    /// Blame and retry.
    pub const fn class(&self) -> ErrorClass {
        self.code().class
    }
}

/// A schema in the contract's form. Fails only for types that are no guest view.
pub(crate) fn to_wit(schema: &Schema) -> Result<Vec<wit::Field>, ArrowError> {
    let mut fields = Vec::new();
    for field in schema.fields() {
        push(field, None, &mut fields)?;
    }
    Ok(fields)
}

fn push(field: &FieldRef, parent: Option<u32>, fields: &mut Vec<wit::Field>) -> Result<(), ArrowError> {
    let index = u32::try_from(fields.len()).map_err(|_| too_many())?;
    let mut metadata: Vec<_> = field.metadata().iter().map(|(k, v)| (k.clone(), v.clone())).collect();
    metadata.sort_unstable();
    fields.push(wit::Field {
        name: field.name().clone(),
        parent,
        data_type: format::print(field.data_type())?,
        nullable: field.is_nullable(),
        metadata,
    });
    format::children(field.data_type()).into_iter().try_for_each(|child| push(child, Some(index), fields))
}

fn too_many() -> ArrowError {
    ArrowError::SchemaError("more fields than can be numbered".to_owned())
}

/// A guest's schema.
pub(crate) fn from_wit(fields: &[wit::Field]) -> Result<Schema, SchemaError> {
    check_size(fields)?;
    check_order(fields)?;
    // Children come after their parents, so going backwards each field finds its children built.
    let mut children: Vec<Vec<FieldRef>> = vec![Vec::new(); fields.len()];
    let mut roots = Vec::new();
    for (index, field) in fields.iter().enumerate().rev() {
        let mut own = std::mem::take(&mut children[index]);
        own.reverse();
        let data_type = data_type(field, own)?;
        let metadata: HashMap<_, _> = field.metadata.iter().cloned().collect();
        let built = FieldRef::new(Field::new(&field.name, data_type, field.nullable).with_metadata(metadata));
        match field.parent {
            Some(parent) => children[parent as usize].push(built),
            None => roots.push(built),
        }
    }
    roots.reverse();
    Ok(Schema::new(roots))
}

fn data_type(field: &wit::Field, own: Vec<FieldRef>) -> Result<DataType, SchemaError> {
    let count = own.len();
    format::parse(&field.data_type, own).map_err(|bad| {
        let (name, format) = (short(&field.name), short(&field.data_type));
        match bad {
            format::BadFormat::Format => SchemaError::BadFormat { name, format },
            format::BadFormat::Children => SchemaError::BadChildren { name, format, children: count },
        }
    })
}

fn check_size(fields: &[wit::Field]) -> Result<(), SchemaError> {
    if fields.len() > ColumnTree::MAX_FIELDS {
        return Err(SchemaError::TooManyFields);
    }
    let text = |f: &wit::Field| {
        f.name.len() + f.data_type.len() + f.metadata.iter().map(|(k, v)| k.len() + v.len()).sum::<usize>()
    };
    if fields.iter().map(text).sum::<usize>() > TEXT_BYTES_MAX {
        return Err(SchemaError::TooMuchText);
    }
    Ok(())
}

/// A parent must be the field before or one that contains it.
fn check_order(fields: &[wit::Field]) -> Result<(), SchemaError> {
    let mut above: Vec<u32> = Vec::new();
    for (index, field) in fields.iter().enumerate() {
        match field.parent {
            None => above.clear(),
            Some(parent) => {
                let place = above.iter().rposition(|a| *a == parent);
                let Some(place) = place else { return Err(SchemaError::BadParent { index, parent }) };
                above.truncate(place + 1);
            }
        }
        if above.len() >= ColumnTree::MAX_DEPTH {
            return Err(SchemaError::TooDeep { index });
        }
        above.push(u32::try_from(index).map_err(|_| SchemaError::TooManyFields)?);
    }
    Ok(())
}

fn short(text: &str) -> String {
    text.chars().take(100).collect()
}
