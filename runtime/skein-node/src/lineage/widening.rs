//! Whether a type can hold every value of another. Where that is not known, it cannot.

use arrow_schema::{DataType, TimeUnit};

/// Whether `new` holds all values of `old`, exactly.
pub(super) fn holds(new: &DataType, old: &DataType) -> bool {
    if skein_types::alike(
        &arrow_schema::Field::new("", new.clone(), true),
        &arrow_schema::Field::new("", old.clone(), true),
    ) {
        return true;
    }
    match (old, new) {
        (
            DataType::Decimal128(p, s) | DataType::Decimal256(p, s),
            DataType::Decimal128(q, t) | DataType::Decimal256(q, t),
        ) => {
            let whole = |precision: u8, scale: i8| i16::from(precision) - i16::from(scale);
            t >= s && whole(*q, *t) >= whole(*p, *s)
        }
        (DataType::Timestamp(old, zone), DataType::Timestamp(new, other)) => {
            zone == other && finer(*new, *old)
        }
        (
            DataType::Utf8 | DataType::LargeUtf8,
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Binary | DataType::LargeBinary,
        )
        | (DataType::Binary | DataType::LargeBinary, DataType::Binary | DataType::LargeBinary)
        | (DataType::Null, _) => true,
        // Any of them can be written out.
        (old, DataType::Utf8 | DataType::LargeUtf8) => !old.is_nested() && !is_binary(old),
        (old, DataType::Float64 | DataType::Float32 | DataType::Float16) => {
            bits(old).zip(mantissa(new)).is_some_and(|(bits, mantissa)| bits <= mantissa)
        }
        (old, DataType::Decimal128(precision, scale) | DataType::Decimal256(precision, scale)) => {
            digits(old).is_some_and(|digits| i16::from(*precision) - i16::from(*scale) >= digits)
        }
        (old, new) => integer(old).zip(integer(new)).is_some_and(|((signed, bits), (to_signed, to_bits))| {
            if signed == to_signed { to_bits >= bits } else { to_signed && to_bits > bits }
        }),
    }
}

const fn is_binary(data_type: &DataType) -> bool {
    matches!(
        data_type,
        DataType::Binary | DataType::LargeBinary | DataType::FixedSizeBinary(_) | DataType::BinaryView
    )
}

/// Finer units hold whatever coarser ones do, within the centuries that both have.
const fn finer(new: TimeUnit, old: TimeUnit) -> bool {
    const fn rank(unit: TimeUnit) -> u8 {
        match unit {
            TimeUnit::Second => 0,
            TimeUnit::Millisecond => 1,
            TimeUnit::Microsecond => 2,
            TimeUnit::Nanosecond => 3,
        }
    }
    rank(new) >= rank(old)
}

/// Whether it has a sign, and its bits.
#[expect(clippy::wildcard_enum_match_arm, reason = "all others are no integers")]
const fn integer(data_type: &DataType) -> Option<(bool, u32)> {
    match data_type {
        DataType::Int8 => Some((true, 8)),
        DataType::Int16 => Some((true, 16)),
        DataType::Int32 => Some((true, 32)),
        DataType::Int64 => Some((true, 64)),
        DataType::UInt8 => Some((false, 8)),
        DataType::UInt16 => Some((false, 16)),
        DataType::UInt32 => Some((false, 32)),
        DataType::UInt64 => Some((false, 64)),
        _ => None,
    }
}

/// Bits that a float needs to hold all values exactly.
#[expect(clippy::wildcard_enum_match_arm, reason = "all others are no numbers")]
fn bits(data_type: &DataType) -> Option<u32> {
    match data_type {
        DataType::Float16 | DataType::Float32 | DataType::Float64 => mantissa(data_type),
        other => integer(other).map(|(signed, bits)| bits - u32::from(signed)),
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "all others are no floats")]
const fn mantissa(data_type: &DataType) -> Option<u32> {
    match data_type {
        DataType::Float16 => Some(11),
        DataType::Float32 => Some(24),
        DataType::Float64 => Some(53),
        _ => None,
    }
}

/// Decimal digits of the largest value of an integer.
fn digits(data_type: &DataType) -> Option<i16> {
    let (signed, bits) = integer(data_type)?;
    Some(match bits - u32::from(signed) {
        0..=8 => 3,
        9..=16 => 5,
        17..=32 => 10,
        63 => 19,
        _ => 20,
    })
}

#[cfg(test)]
mod tests {
    use super::holds;
    use arrow_schema::{DataType as D, TimeUnit};

    #[test]
    fn a_type_is_narrower_unless_it_holds_every_value() {
        let ns = |unit| D::Timestamp(unit, None);
        for (old, new) in [
            (D::Int32, D::Int64),
            (D::UInt32, D::Int64),
            (D::Int32, D::Float64),
            (D::Float32, D::Float64),
            (D::Int64, D::Decimal128(19, 0)),
            (D::Decimal128(12, 2), D::Decimal128(14, 4)),
            (D::Int64, D::Utf8),
            (D::Utf8, D::Utf8),
            (ns(TimeUnit::Second), ns(TimeUnit::Microsecond)),
        ] {
            assert!(holds(&new, &old), "{old} to {new}");
        }
        for (old, new) in [
            (D::Int64, D::Int32),
            (D::Int64, D::UInt64),
            (D::UInt64, D::Int64),
            (D::Int64, D::Float64),
            (D::Float64, D::Float32),
            (D::Float64, D::Decimal128(38, 10)),
            (D::Decimal128(12, 2), D::Decimal128(12, 4)),
            (D::Utf8, D::Int64),
            (D::Binary, D::Utf8),
            (ns(TimeUnit::Nanosecond), ns(TimeUnit::Millisecond)),
        ] {
            assert!(!holds(&new, &old), "{old} to {new}");
        }
    }
}
