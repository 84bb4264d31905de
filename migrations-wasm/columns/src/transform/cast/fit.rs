//! What fits a type: the rules of the README's section on casts, one function per kind of target.
//!
//! Nothing that a value says gets lost on the way, with three exceptions: a float is the nearest one to a number, an
//! instant's date has no time of day, and a number's truth is only whether it is zero.

use std::borrow::Cow;

use skein_sdk::arrow_array::types::{ArrowPrimitiveType, Float16Type};
use skein_sdk::arrow_schema::TimeUnit;

use super::number::Decimal;
use super::time::{DAY, counted, parse_date, parse_instant, parse_time};
use super::value::Value;

type Half = <Float16Type as ArrowPrimitiveType>::Native;

/// Whole numbers between these are exact as `i128`; beyond is nothing that an integer type holds.
const INT_LIMIT: f64 = 1e38;

const TRUE: [&str; 6] = ["true", "t", "yes", "y", "on", "1"];
const FALSE: [&str; 6] = ["false", "f", "no", "n", "off", "0"];

/// Words for texts, zero or not for numbers.
pub(super) fn as_bool(value: &Value<'_>) -> Option<bool> {
    let among = |words: &[&str], text: &str| words.iter().any(|word| word.eq_ignore_ascii_case(text));
    match value {
        Value::Bool(value) => Some(*value),
        Value::Int(value) => Some(*value != 0),
        Value::Single(value) => (!value.is_nan()).then_some(*value != 0.0),
        Value::Double(value) => (!value.is_nan()).then_some(*value != 0.0),
        Value::Decimal(value) => Some(value.unscaled != 0),
        Value::Text(text) => among(&TRUE, text).then_some(true).or(among(&FALSE, text).then_some(false)),
        Value::Bytes(_) | Value::Date(_) | Value::Instant(_) | Value::Time(_) => None,
    }
}

/// Whole numbers only; dates and times are the number that is stored.
pub(super) fn as_int(value: &Value<'_>) -> Option<i128> {
    let whole = |value: f64| (value.fract() == 0.0 && value.abs() < INT_LIMIT).then_some(value as i128);
    match value {
        Value::Bool(value) => Some((*value).into()),
        Value::Int(value) => Some(*value),
        Value::Single(value) => whole((*value).into()),
        Value::Double(value) => whole(*value),
        Value::Decimal(value) => value.rescaled(0),
        Value::Text(text) => text.parse().ok(),
        Value::Date(days) => Some((*days).into()),
        Value::Instant(value) => Some(value.count.into()),
        Value::Time(value) => Some(value.count.into()),
        Value::Bytes(_) => None,
    }
}

/// The nearest double; a finite number that is too large for any does not fit.
pub(super) fn as_double(value: &Value<'_>) -> Option<f64> {
    match value {
        Value::Bool(value) => Some(f64::from(u8::from(*value))),
        Value::Int(value) => Some(*value as f64),
        Value::Single(value) => Some((*value).into()),
        Value::Double(value) => Some(*value),
        Value::Decimal(value) => Some(value.nearest()),
        Value::Text(text) => text.parse().ok().filter(|made: &f64| made.is_finite() || !has_digit(text)),
        Value::Bytes(_) | Value::Date(_) | Value::Instant(_) | Value::Time(_) => None,
    }
}

/// As [`as_double`]. From text straight to the nearest: by way of a double it would be rounded twice.
pub(super) fn as_single(value: &Value<'_>) -> Option<f32> {
    let nearest = |text: &str| text.parse().ok().filter(|made: &f32| made.is_finite() || !has_digit(text));
    match value {
        Value::Single(value) => Some(*value),
        Value::Int(value) => Some(*value as f32),
        Value::Double(value) => {
            let made = *value as f32;
            (made.is_finite() || !value.is_finite()).then_some(made)
        }
        Value::Decimal(value) => nearest(&value.to_string()),
        Value::Text(text) => nearest(text),
        Value::Bool(value) => Some(f32::from(u8::from(*value))),
        Value::Bytes(_) | Value::Date(_) | Value::Instant(_) | Value::Time(_) => None,
    }
}

/// As [`as_single`].
pub(super) fn as_half(value: &Value<'_>) -> Option<Half> {
    let single = as_single(value)?;
    let made = Half::from_f32(single);
    (made.is_finite() || !single.is_finite()).then_some(made)
}

/// Infinity and NaN are written without digits.
fn has_digit(text: &str) -> bool {
    text.bytes().any(|byte| byte.is_ascii_digit())
}

/// All digits kept; a float stands for the digits of its shortest text.
pub(super) fn as_decimal(value: &Value<'_>, digits: u8, scale: i8) -> Option<i128> {
    let number = match value {
        Value::Bool(value) => Decimal { unscaled: (*value).into(), scale: 0 },
        Value::Int(value) => Decimal { unscaled: *value, scale: 0 },
        Value::Decimal(value) => *value,
        Value::Single(_) | Value::Double(_) => Decimal::parse(&value.to_string())?,
        Value::Text(text) => Decimal::parse(text)?,
        Value::Bytes(_) | Value::Date(_) | Value::Instant(_) | Value::Time(_) => return None,
    };
    let limit = 10_i128.checked_pow(digits.into());
    number.rescaled(scale.into()).filter(|made| limit.is_none_or(|limit| made.abs() < limit))
}

/// Everything has a text but bytes that are not UTF-8.
pub(super) fn as_text(value: Value<'_>) -> Option<Cow<'_, str>> {
    match value {
        Value::Text(text) => Some(text),
        Value::Bytes(bytes) => std::str::from_utf8(bytes).ok().map(Cow::Borrowed),
        Value::Bool(_) | Value::Int(_) | Value::Single(_) | Value::Double(_) | Value::Decimal(_) => {
            Some(Cow::Owned(value.to_string()))
        }
        Value::Date(_) | Value::Instant(_) | Value::Time(_) => Some(Cow::Owned(value.to_string())),
    }
}

/// Texts as their UTF-8.
pub(super) fn as_bytes<'a>(value: &'a Value<'_>) -> Option<&'a [u8]> {
    match value {
        Value::Text(text) => Some(text.as_bytes()),
        Value::Bytes(bytes) => Some(bytes),
        Value::Bool(_) | Value::Int(_) | Value::Single(_) | Value::Double(_) | Value::Decimal(_) => None,
        Value::Date(_) | Value::Instant(_) | Value::Time(_) => None,
    }
}

/// Days since 1970; an instant's day is that of its own zone.
pub(super) fn as_date(value: &Value<'_>) -> Option<i128> {
    match value {
        Value::Date(days) => Some((*days).into()),
        Value::Int(days) => Some(*days),
        Value::Instant(value) => Some(value.local_day().into()),
        Value::Text(text) => parse_date(text).map(i128::from),
        Value::Bool(_) | Value::Single(_) | Value::Double(_) | Value::Decimal(_) => None,
        Value::Bytes(_) | Value::Time(_) => None,
    }
}

/// The count of a unit since 1970 in UTC. What says no offset is taken as local time of the target's zone.
pub(super) fn as_instant(value: &Value<'_>, unit: TimeUnit, zone: Option<i32>) -> Option<i128> {
    let ahead = |own: Option<i32>| i128::from(own.or(zone).unwrap_or(0));
    match value {
        Value::Int(count) => Some(*count),
        Value::Date(days) => counted(i128::from(*days) * i128::from(DAY) - ahead(None), 0, unit),
        Value::Instant(value) => {
            let (seconds, nanos) = value.utc();
            let local = if value.offset.is_some() { 0 } else { ahead(None) };
            counted(seconds - local, nanos, unit)
        }
        Value::Text(text) => {
            let (seconds, nanos, own) = parse_instant(text)?;
            counted(seconds - ahead(own), nanos, unit)
        }
        Value::Bool(_) | Value::Single(_) | Value::Double(_) | Value::Decimal(_) => None,
        Value::Bytes(_) | Value::Time(_) => None,
    }
}

/// The count of a unit since midnight.
pub(super) fn as_time(value: &Value<'_>, unit: TimeUnit) -> Option<i128> {
    let (seconds, nanos) = match value {
        Value::Int(count) => return Some(*count),
        Value::Time(value) => value.split(),
        Value::Text(text) => parse_time(text)?,
        Value::Bool(_) | Value::Single(_) | Value::Double(_) | Value::Decimal(_) => return None,
        Value::Bytes(_) | Value::Date(_) | Value::Instant(_) => return None,
    };
    counted(seconds.into(), nanos, unit)
}
