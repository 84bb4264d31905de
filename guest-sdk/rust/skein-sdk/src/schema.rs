//! Schemas in the contract's flat form, and back.
//!
//! The contract writes a schema as fields in pre-order with format strings of the Arrow C data interface. This
//! module knows nothing of bindings: the same conversion serves the module in the sandbox and the native harness.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_schema::ffi::FFI_ArrowSchema;
use arrow_schema::{DataType, Field, FieldRef, Schema};

/// One field of a flat schema; its index is the column id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FlatField {
    /// Name.
    pub name: String,
    /// Index of the containing field.
    pub parent: Option<u32>,
    /// Format string, children excluded.
    pub data_type: String,
    /// Whether values may be null.
    pub nullable: bool,
    /// Field metadata, sorted by key.
    pub metadata: Vec<(String, String)>,
}

/// A flat schema that says nothing sensible.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SchemaError {
    /// A parent is not before its child.
    #[error("field {index} names parent {parent}, which does not come before it")]
    Parent {
        /// Column id.
        index: usize,
        /// The parent it names.
        parent: u32,
    },
    /// A format string that stands for no type, or a type without a format string.
    #[error("field {name:?}: {reason}")]
    Type {
        /// Name of the field.
        name: String,
        /// What is wrong.
        reason: String,
    },
}

/// Numbers the fields of a schema in pre-order.
pub(crate) fn flatten(schema: &Schema) -> Result<Vec<FlatField>, SchemaError> {
    let mut flat = Vec::new();
    schema.fields().iter().try_for_each(|field| push(field, None, &mut flat))?;
    Ok(flat)
}

fn push(field: &FieldRef, parent: Option<u32>, flat: &mut Vec<FlatField>) -> Result<(), SchemaError> {
    let id = u32::try_from(flat.len()).map_err(|_| wrong(field.name(), "too many fields"))?;
    let format =
        FFI_ArrowSchema::try_from(field.data_type()).map_err(|e| wrong(field.name(), &e.to_string()))?;
    let mut metadata: Vec<_> = field.metadata().iter().map(|(k, v)| (k.clone(), v.clone())).collect();
    metadata.sort();
    flat.push(FlatField {
        name: field.name().clone(),
        parent,
        data_type: format.format().to_owned(),
        nullable: field.is_nullable(),
        metadata,
    });
    children(field.data_type()).into_iter().try_for_each(|child| push(child, Some(id), flat))
}

/// Rebuilds the schema that a flat one stands for.
pub(crate) fn unflatten(flat: &[FlatField]) -> Result<Schema, SchemaError> {
    let mut below: Vec<Vec<FieldRef>> = vec![Vec::new(); flat.len()];
    let mut roots = Vec::new();
    // Children come after their parents, so walking backwards finishes every child before its parent needs it.
    for (index, entry) in flat.iter().enumerate().rev() {
        let mut inside = std::mem::take(&mut below[index]);
        inside.reverse();
        let field = Arc::new(build(entry, inside)?);
        match entry.parent {
            None => roots.push(field),
            Some(parent) if (parent as usize) < index => below[parent as usize].push(field),
            Some(parent) => return Err(SchemaError::Parent { index, parent }),
        }
    }
    roots.reverse();
    Ok(Schema::new(roots))
}

fn build(entry: &FlatField, inside: Vec<FieldRef>) -> Result<Field, SchemaError> {
    let data_type = nested(entry, inside)?;
    let metadata: HashMap<_, _> = entry.metadata.iter().cloned().collect();
    Ok(Field::new(&entry.name, data_type, entry.nullable).with_metadata(metadata))
}

fn nested(entry: &FlatField, mut inside: Vec<FieldRef>) -> Result<DataType, SchemaError> {
    let format = entry.data_type.as_str();
    if format == "+s" {
        return Ok(DataType::Struct(inside.into()));
    }
    if !format.starts_with('+') {
        return if inside.is_empty() {
            plain(entry)
        } else {
            Err(wrong(&entry.name, "a plain type has no children"))
        };
    }
    let (Some(child), true) = (inside.pop(), inside.is_empty()) else {
        return Err(wrong(&entry.name, "a list or map has exactly one child"));
    };
    match format {
        "+l" => Ok(DataType::List(child)),
        "+L" => Ok(DataType::LargeList(child)),
        "+m" => Ok(DataType::Map(child, false)),
        other => {
            let length = other.strip_prefix("+w:").and_then(|n| n.parse::<i32>().ok());
            length
                .map(|n| DataType::FixedSizeList(child, n))
                .ok_or_else(|| wrong(&entry.name, "the format string is not known"))
        }
    }
}

fn plain(entry: &FlatField) -> Result<DataType, SchemaError> {
    if entry.data_type.contains('\0') {
        return Err(wrong(&entry.name, "the format string contains a null byte"));
    }
    let described = FFI_ArrowSchema::try_new(&entry.data_type, Vec::new(), None);
    described.and_then(|schema| DataType::try_from(&schema)).map_err(|e| wrong(&entry.name, &e.to_string()))
}

/// The type of a format without children; `None` for one that has some or is not known.
pub(crate) fn plain_type(format: &str) -> Option<DataType> {
    let name = String::new();
    let entry =
        FlatField { name, parent: None, data_type: format.to_owned(), nullable: true, metadata: Vec::new() };
    if format.starts_with('+') { None } else { plain(&entry).ok() }
}

fn wrong(name: &str, reason: &str) -> SchemaError {
    SchemaError::Type { name: name.to_owned(), reason: reason.to_owned() }
}

/// Direct children of a type, in the contract's order.
#[expect(clippy::wildcard_enum_match_arm, reason = "every other type is a leaf in the contract")]
pub(crate) fn children(data_type: &DataType) -> Vec<&FieldRef> {
    match data_type {
        DataType::Struct(fields) => fields.iter().collect(),
        DataType::List(f) | DataType::LargeList(f) | DataType::FixedSizeList(f, _) | DataType::Map(f, _) => {
            vec![f]
        }
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::{FlatField, SchemaError, flatten, unflatten};
    use arrow_schema::{DataType, Field, Schema, TimeUnit};
    use std::sync::Arc;

    fn schema() -> Schema {
        let point = vec![
            Field::new("x", DataType::Float64, false),
            Field::new("y", DataType::Decimal128(12, 2), true),
        ];
        let item = Arc::new(Field::new("item", DataType::Struct(point.into()), true));
        let pair = vec![Field::new("key", DataType::Utf8, false), Field::new("value", DataType::Int8, true)];
        let entries = Arc::new(Field::new("entries", DataType::Struct(pair.into()), false));
        let zoned = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
        Schema::new(vec![
            Field::new("id", DataType::Int64, false)
                .with_metadata([("k".to_owned(), "v".to_owned())].into_iter().collect()),
            Field::new("points", DataType::List(item), true),
            Field::new("tags", DataType::Map(entries, false), true),
            Field::new("at", zoned, true),
            Field::new("hash", DataType::FixedSizeBinary(16), true),
        ])
    }

    #[test]
    fn a_flat_schema_comes_back_as_it_was() {
        let flat = flatten(&schema()).unwrap();
        let formats: Vec<_> = flat.iter().map(|f| f.data_type.as_str()).collect();
        assert_eq!(formats, ["l", "+l", "+s", "g", "d:12,2", "+m", "+s", "u", "c", "tsu:UTC", "w:16"]);
        assert_eq!(flat[4].parent, Some(2));
        assert_eq!(unflatten(&flat).unwrap(), schema());
    }

    #[test]
    fn a_child_before_its_parent_and_an_unknown_format_are_refused() {
        let field = |parent, format: &str| FlatField {
            name: "f".to_owned(),
            parent,
            data_type: format.to_owned(),
            nullable: true,
            metadata: vec![],
        };
        assert_eq!(unflatten(&[field(Some(0), "l")]), Err(SchemaError::Parent { index: 0, parent: 0 }));
        assert!(unflatten(&[field(None, "?")]).is_err());
        assert!(unflatten(&[field(None, "+l")]).is_err());
        assert!(unflatten(&[field(None, "l\0")]).is_err());
    }
}
