//! Types that hold every value of two others, losing nothing.

use arrow_schema::{DataType, Field, FieldRef, Schema};

/// The narrowest type that both can be widened to. `None`: there is none, or only one that rounds or reads values anew.
pub(super) fn join(a: &DataType, b: &DataType) -> Option<DataType> {
    match (a, b) {
        (DataType::Null, other) | (other, DataType::Null) => Some(other.clone()),
        _ if alike_types(a, b) => Some(a.clone()),
        _ => decimals(a, b).or_else(|| wider(a, b)),
    }
}

fn wider(a: &DataType, b: &DataType) -> Option<DataType> {
    let ((family, one), (other_family, other)) = (rank(a)?, rank(b)?);
    if family != other_family {
        return None;
    }
    Some(if one >= other { a.clone() } else { b.clone() })
}

/// Family and width of the types that come in several widths.
#[expect(clippy::wildcard_enum_match_arm, reason = "every other type has one width")]
const fn rank(data_type: &DataType) -> Option<(u8, u8)> {
    Some(match data_type {
        DataType::Int8 => (0, 1),
        DataType::Int16 => (0, 2),
        DataType::Int32 => (0, 4),
        DataType::Int64 => (0, 8),
        DataType::UInt8 => (1, 1),
        DataType::UInt16 => (1, 2),
        DataType::UInt32 => (1, 4),
        DataType::UInt64 => (1, 8),
        DataType::Float32 => (2, 4),
        DataType::Float64 => (2, 8),
        DataType::Utf8 => (3, 4),
        DataType::LargeUtf8 => (3, 8),
        DataType::Binary => (4, 4),
        DataType::LargeBinary => (4, 8),
        _ => return None,
    })
}

/// Equal scales: more digits before the point change no value.
fn decimals(a: &DataType, b: &DataType) -> Option<DataType> {
    let ((bits, precision, scale), (other_bits, other_precision, other_scale)) = (decimal(a)?, decimal(b)?);
    if scale != other_scale {
        return None;
    }
    let precision = precision.max(other_precision);
    Some(match bits.max(other_bits) {
        32 => DataType::Decimal32(precision, scale),
        64 => DataType::Decimal64(precision, scale),
        128 => DataType::Decimal128(precision, scale),
        _ => DataType::Decimal256(precision, scale),
    })
}

#[expect(clippy::wildcard_enum_match_arm, reason = "every other type is no decimal")]
const fn decimal(data_type: &DataType) -> Option<(u16, u8, i8)> {
    match data_type {
        DataType::Decimal32(precision, scale) => Some((32, *precision, *scale)),
        DataType::Decimal64(precision, scale) => Some((64, *precision, *scale)),
        DataType::Decimal128(precision, scale) => Some((128, *precision, *scale)),
        DataType::Decimal256(precision, scale) => Some((256, *precision, *scale)),
        _ => None,
    }
}

/// Equal types and nullability; metadata and the names of list elements and map entries are the writer's business.
pub fn alike(a: &Field, b: &Field) -> bool {
    a.is_nullable() == b.is_nullable() && alike_types(a.data_type(), b.data_type())
}

/// How two schemas differ for readers, who go by place, name, type and nullability; the first difference.
pub fn schema_difference(one: &Schema, other: &Schema) -> Option<String> {
    if one.fields().len() != other.fields().len() {
        return Some(format!("{} columns against {}", one.fields().len(), other.fields().len()));
    }
    one.fields().iter().zip(other.fields()).find_map(|(a, b)| {
        let same = a.name() == b.name() && alike(a, b);
        let null = |nullable| if nullable { "null" } else { "not null" };
        (!same).then(|| {
            format!(
                "{:?} {} {} against {:?} {} {}",
                a.name(),
                a.data_type(),
                null(a.is_nullable()),
                b.name(),
                b.data_type(),
                null(b.is_nullable())
            )
        })
    })
}

pub(super) fn alike_types(a: &DataType, b: &DataType) -> bool {
    let pairs = |a: &[FieldRef], b: &[FieldRef], named: bool| {
        a.len() == b.len() && a.iter().zip(b).all(|(a, b)| (!named || a.name() == b.name()) && alike(a, b))
    };
    match (a, b) {
        (DataType::Struct(a), DataType::Struct(b)) => pairs(a, b, true),
        (DataType::List(a), DataType::List(b)) | (DataType::LargeList(a), DataType::LargeList(b)) => {
            alike(a, b)
        }
        (DataType::FixedSizeList(a, n), DataType::FixedSizeList(b, m)) => n == m && alike(a, b),
        (DataType::Map(a, _), DataType::Map(b, _)) => match (a.data_type(), b.data_type()) {
            (DataType::Struct(a), DataType::Struct(b)) => pairs(a, b, false),
            _ => false,
        },
        (a, b) => a == b,
    }
}
