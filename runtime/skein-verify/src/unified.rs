//! One schema for files that have several: each column in the narrowest type that holds all of it.

use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef};

/// The columns of all files, each of which may be missing in some. Err names the column that has no common type.
pub(crate) fn unified(schemas: &[SchemaRef]) -> Result<Schema, String> {
    let mut fields: Vec<FieldRef> = Vec::new();
    for field in schemas.iter().flat_map(|schema| schema.fields()) {
        let there = fields.iter_mut().find(|there| there.name() == field.name());
        match there {
            Some(there) => {
                let wide = wider(there.data_type(), field.data_type()).ok_or_else(|| {
                    format!("column {:?} is {} and {}", field.name(), there.data_type(), field.data_type())
                })?;
                if wide != *there.data_type() {
                    *there = Field::new(field.name(), wide, true).into();
                }
            }
            None => fields.push(Field::new(field.name(), field.data_type().clone(), true).into()),
        }
    }
    Ok(Schema::new(fields))
}

fn wider(a: &DataType, b: &DataType) -> Option<DataType> {
    if a.equals_datatype(b) {
        return Some(a.clone());
    }
    if let (Some(a), Some(b)) = (whole(a), whole(b)) {
        return Some(of_whole(a.max(b)));
    }
    let is_number =
        |of: &DataType| whole(of).is_some() || matches!(of, DataType::Float32 | DataType::Float64);
    let is_text = |of: &DataType| matches!(of, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View);
    let is_bytes =
        |of: &DataType| matches!(of, DataType::Binary | DataType::LargeBinary | DataType::BinaryView);
    match (a, b) {
        (DataType::Dictionary(_, a), b) | (b, DataType::Dictionary(_, a)) => wider(a, b),
        (DataType::Null, other) | (other, DataType::Null) => Some(other.clone()),
        (a, b) if is_text(a) && is_text(b) => Some(DataType::Utf8View),
        (a, b) if is_bytes(a) && is_bytes(b) => Some(DataType::BinaryView),
        (a, b) if is_number(a) && is_number(b) => Some(DataType::Float64),
        (DataType::Timestamp(_, a_zone), DataType::Timestamp(_, b_zone)) if a_zone == b_zone => {
            Some(DataType::Timestamp(datafusion::arrow::datatypes::TimeUnit::Nanosecond, a_zone.clone()))
        }
        _ => None,
    }
}

/// Bits of a signed type that holds it.
#[expect(clippy::wildcard_enum_match_arm, reason = "all others are no whole numbers")]
const fn whole(of: &DataType) -> Option<u32> {
    match of {
        DataType::Int8 => Some(8),
        DataType::Int16 | DataType::UInt8 => Some(16),
        DataType::Int32 | DataType::UInt16 => Some(32),
        DataType::Int64 | DataType::UInt32 => Some(64),
        _ => None,
    }
}

const fn of_whole(bits: u32) -> DataType {
    match bits {
        8 => DataType::Int8,
        16 => DataType::Int16,
        32 => DataType::Int32,
        _ => DataType::Int64,
    }
}
