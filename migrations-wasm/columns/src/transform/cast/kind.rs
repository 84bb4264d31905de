//! Which types can become which, before any value is seen.

use skein_sdk::arrow_schema::DataType;

/// What the values of a type are, whatever their width, unit or digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Bool,
    Int,
    Real,
    Text,
    Bytes,
    Day,
    Instant,
    Time,
}

/// Whether some values of a type fit another.
pub(crate) fn possible(from: &DataType, to: &DataType) -> bool {
    // A column of nothing but nulls has no value that could not fit.
    if *from == DataType::Null {
        return kind(to).is_some();
    }
    use Kind::{Bool, Bytes, Day, Instant, Int, Real, Text, Time};
    let (Some(source), Some(target)) = (kind(from), kind(to)) else { return false };
    match (source, target) {
        (_, Text) | (Text, _) | (Bool | Int | Real, Bool | Int | Real) => true,
        (Int | Day | Instant, Day | Instant) | (Day | Instant | Time, Int) => true,
        (Bytes, Bytes) | (Int | Time, Time) => true,
        (Bool | Real | Bytes | Time, Day | Instant)
        | (Bool | Int | Real | Day | Instant | Time, Bytes)
        | (Bool | Real | Bytes | Day | Instant, Time)
        | (Bytes | Day | Instant | Time, Bool | Real)
        | (Bytes, Int) => false,
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "what is not named cannot be cast")]
fn kind(data_type: &DataType) -> Option<Kind> {
    Some(match data_type {
        DataType::Boolean => Kind::Bool,
        DataType::Date32 | DataType::Date64 => Kind::Day,
        DataType::Timestamp(_, _) => Kind::Instant,
        DataType::Time32(_) | DataType::Time64(_) => Kind::Time,
        DataType::Utf8 | DataType::LargeUtf8 => Kind::Text,
        DataType::Binary | DataType::LargeBinary | DataType::FixedSizeBinary(_) => Kind::Bytes,
        other if other.is_integer() => Kind::Int,
        other if other.is_floating() || other.is_decimal() => Kind::Real,
        _ => return None,
    })
}
