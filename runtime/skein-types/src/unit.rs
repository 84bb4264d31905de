//! Quantities with their unit in the type.

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

macro_rules! unit {
    ($(#[doc = $doc:literal])* $name:ident) => {
        $(#[doc = $doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub u64);

        impl Add for $name {
            type Output = Self;
            fn add(self, other: Self) -> Self {
                Self(self.0.saturating_add(other.0))
            }
        }

        impl AddAssign for $name {
            fn add_assign(&mut self, other: Self) {
                *self = *self + other;
            }
        }

        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
                $crate::described::quantity(concat!($($doc),*))
            }
        }

        impl utoipa::ToSchema for $name {}

        impl Sum for $name {
            fn sum<I: Iterator<Item = Self>>(iter: I) -> Self {
                iter.fold(Self(0), Add::add)
            }
        }
    };
}

unit! {
    /// A number of bytes. Prints and parses as `512MiB`.
    Bytes
}
unit! {
    /// Units of guest work as the engine counts them. Not stable over engine versions.
    Fuel
}
unit! {
    /// A number of rows.
    Rows
}
unit! {
    /// A duration in milliseconds.
    Millis
}

const SIZES: [(&str, u64); 4] = [("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("TiB", 1 << 40)];

impl Bytes {
    /// Up to here a dataset is migrated by one task, and one that dies begins again. A larger one has parts of about that, which
    /// go on behind their checkpoints.
    pub const ONE_TASK: Self = Self::mib(64);

    /// `n` MiB.
    pub const fn mib(n: u64) -> Self {
        Self(n << 20)
    }
}

impl fmt::Display for Bytes {
    /// Exact where a whole number of units fits, else one decimal.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some((unit, size)) = SIZES.iter().rev().find(|(_, size)| self.0 >= *size) else {
            return write!(f, "{}B", self.0);
        };
        if self.0.is_multiple_of(*size) {
            write!(f, "{}{unit}", self.0 / size)
        } else {
            let tenths = u128::from(self.0) * 10 / u128::from(*size);
            write!(f, "{}.{}{unit}", tenths / 10, tenths % 10)
        }
    }
}

/// `1234567` as `1,234,567`, for people.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A size that could not be parsed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a size such as 512MiB, 2GiB or 65536")]
pub struct SizeParseError {
    text: String,
}

impl FromStr for Bytes {
    type Err = SizeParseError;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let refused = || SizeParseError { text: text.chars().take(40).collect() };
        let trimmed = text.trim();
        let digits = trimmed.trim_end_matches(|c: char| !c.is_ascii_digit());
        let unit = trimmed[digits.len()..].trim();
        let factor = match SIZES.iter().find(|(name, _)| name.eq_ignore_ascii_case(unit)) {
            Some((_, size)) => *size,
            None if unit.is_empty() || unit.eq_ignore_ascii_case("b") => 1,
            None => return Err(refused()),
        };
        let count: u64 = digits.parse().map_err(|_| refused())?;
        count.checked_mul(factor).map(Self).ok_or_else(refused)
    }
}

#[cfg(test)]
mod tests {
    use super::{Bytes, grouped};

    #[test]
    fn numbers_are_grouped_by_thousands() {
        assert_eq!(["0", "999", "1,000", "1,234,567"], [0, 999, 1_000, 1_234_567].map(grouped)[..]);
    }

    #[test]
    fn sizes_print_and_parse() {
        for (bytes, text) in [(0, "0B"), (1023, "1023B"), (64 << 20, "64MiB"), (1536 << 20, "1.5GiB")] {
            assert_eq!(Bytes(bytes).to_string(), text);
        }
        for (text, bytes) in [("512MiB", 512 << 20), ("2 gib", 2 << 30), ("65536", 65536), ("7b", 7)] {
            assert_eq!(text.parse(), Ok(Bytes(bytes)), "{text}");
        }
        for bad in ["", "MiB", "12MB", "-1", "1.5GiB", "99999999999TiB"] {
            assert!(bad.parse::<Bytes>().is_err(), "{bad}");
        }
    }
}
