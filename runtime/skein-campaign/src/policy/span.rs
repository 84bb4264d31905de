//! A length of time as people write it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use skein_types::{Millis, Timestamp};

/// A length of time. Written `7d`, `36h`, `5m`, `30s`, `250ms`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span(Millis);

/// A span that could not be parsed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a time such as \"7d\", \"36h\", \"5m\", \"30s\" or \"250ms\"")]
pub struct SpanParseError(String);

/// Longest unit first. `ms` stands before `s` and `m`, which it ends or begins with.
const UNITS: [(&str, u64); 5] = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

impl Span {
    /// So many milliseconds.
    pub const fn of(length: Millis) -> Self {
        Self(length)
    }

    /// Whole days.
    pub const fn days(days: u32) -> Self {
        Self(Millis(days as u64 * 86_400_000))
    }

    /// Whole seconds.
    pub const fn seconds(seconds: u32) -> Self {
        Self(Millis(seconds as u64 * 1_000))
    }

    /// How long it is.
    pub const fn length(self) -> Millis {
        self.0
    }

    /// The moment so much later; the end of time if there is none.
    pub const fn after(self, start: Timestamp) -> Timestamp {
        Timestamp(start.0.saturating_add(self.0.0))
    }
}

impl fmt::Display for Span {
    /// In the longest unit that says it exactly.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = self.0.0;
        let fitting = UNITS.iter().find(|(_, size)| ms >= *size && ms.is_multiple_of(*size));
        match fitting {
            Some((unit, size)) => write!(f, "{}{unit}", ms / size),
            None => f.write_str("0s"),
        }
    }
}

impl FromStr for Span {
    type Err = SpanParseError;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let refused = || SpanParseError(text.chars().take(40).collect());
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let (number, unit) = text.split_at(digits);
        let (_, size) = UNITS.iter().find(|(name, _)| *name == unit).ok_or_else(refused)?;
        let number: u64 = number.parse().map_err(|_| refused())?;
        number.checked_mul(*size).map(|ms| Self(Millis(ms))).ok_or_else(refused)
    }
}

impl Serialize for Span {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        String::deserialize(d)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::Span;

    #[test]
    fn a_span_prints_in_the_longest_exact_unit_and_parses_back() {
        for (written, printed) in
            [("7d", "7d"), ("48h", "2d"), ("36h", "36h"), ("90s", "90s"), ("250ms", "250ms"), ("0s", "0s")]
        {
            assert_eq!(written.parse::<Span>().map(|span| span.to_string()), Ok(printed.to_owned()));
        }
        for bad in ["", "7", "d", "-1d", "1.5h", "7 d", "1w", "99999999999999d"] {
            assert!(bad.parse::<Span>().is_err(), "{bad}");
        }
    }
}
