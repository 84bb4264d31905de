//! One value on its way from one type to another.

use std::borrow::Cow;
use std::fmt::{Display, Formatter, Result};

use super::number::Decimal;
use super::time::{Instant, TimeOfDay, write_date};

/// A value without the width of its type. Its text is what a cast to text gives:
/// the shortest digits that read back as the same number, all digits of a decimal, dates and times as ISO 8601 has them.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value<'a> {
    Bool(bool),
    Int(i128),
    /// Apart from [`Value::Double`], because its shortest text is another one.
    Single(f32),
    Double(f64),
    Decimal(Decimal),
    Text(Cow<'a, str>),
    Bytes(&'a [u8]),
    /// Days since 1970-01-01.
    Date(i64),
    Instant(Instant),
    Time(TimeOfDay),
}

impl Display for Value<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Self::Bool(value) => write!(f, "{value}"),
            Self::Int(value) => write!(f, "{value}"),
            // Debug is the form with a point or an exponent, so that a float's text shows that it is one.
            Self::Single(value) => write!(f, "{value:?}"),
            Self::Double(value) => write!(f, "{value:?}"),
            Self::Decimal(value) => write!(f, "{value}"),
            Self::Text(value) => f.write_str(value),
            Self::Bytes(value) => f.write_str(&String::from_utf8_lossy(value)),
            Self::Date(days) => write_date(f, *days),
            Self::Instant(value) => write!(f, "{value}"),
            Self::Time(value) => write!(f, "{value}"),
        }
    }
}
