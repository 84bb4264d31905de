//! The trace that something is part of: a number that follows one request through every process that works for it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// 16 bytes, of which one is not zero; 32 lower-case hex digits where it is written. The `trace-id` of
/// [W3C Trace Context](https://www.w3.org/TR/trace-context/#trace-id).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TraceId([u8; 16]);

/// Text or bytes that are no trace.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a trace of the form <32 hex digits>, of which one is not 0")]
pub struct TraceParseError {
    text: String,
}

impl TraceId {
    /// None if all of them are zero, which means that there is no trace.
    pub fn new(bytes: [u8; 16]) -> Option<Self> {
        bytes.iter().any(|byte| *byte != 0).then_some(Self(bytes))
    }

    /// Its bytes.
    pub const fn bytes(self) -> [u8; 16] {
        self.0
    }
}

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for TraceId {
    type Err = TraceParseError;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digits = text.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'));
        (text.len() == 32 && digits)
            .then(|| u128::from_str_radix(text, 16).ok())
            .flatten()
            .and_then(|number| Self::new(number.to_be_bytes()))
            .ok_or_else(|| TraceParseError { text: text.chars().take(64).collect() })
    }
}

impl utoipa::PartialSchema for TraceId {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        let about =
            "The `trace-id` of W3C Trace Context: a number that follows one request through every process.";
        crate::described::text(about, "^[0-9a-f]{32}$", "4bf92f3577b34da6a3ce929d0e0e4736")
    }
}

impl utoipa::ToSchema for TraceId {}

impl Serialize for TraceId {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for TraceId {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        String::deserialize(d)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::TraceId;

    #[test]
    fn a_trace_prints_as_it_is_parsed_and_zeros_are_none() {
        let text = "4bf92f3577b34da6a3ce929d0e0e4736";
        let trace: TraceId = text.parse().unwrap();
        assert_eq!((trace.to_string().as_str(), trace.bytes()[0]), (text, 0x4b));
        for bad in ["", &"0".repeat(32), &text.to_uppercase(), &text[1..], "+bf92f3577b34da6a3ce929d0e0e4736"]
        {
            assert!(bad.parse::<TraceId>().is_err(), "{bad}");
        }
        assert_eq!(TraceId::new([0; 16]), None);
    }
}
