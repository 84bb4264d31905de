//! Moments as people and their tools read them: RFC 3339 in UTC with milliseconds, and no other spelling.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use skein_types::Timestamp;
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
use utoipa::openapi::{KnownFormat, RefOr, SchemaFormat};
use utoipa::{PartialSchema, ToSchema};

/// A moment.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Time(pub Timestamp);

/// A moment that could not be parsed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a moment such as 2026-11-23T00:00:00.123Z")]
pub struct TimeParseError {
    text: String,
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Debug for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Time {
    type Err = TimeParseError;
    fn from_str(text: &str) -> Result<Self, TimeParseError> {
        let refused = || TimeParseError { text: text.chars().take(40).collect() };
        let moment = read(text).map(|ms| Self(Timestamp(ms))).ok_or_else(refused)?;
        // Days and hours that do not exist, signs and other widths all fail here: there is one spelling.
        if moment.to_string() == text { Ok(moment) } else { Err(refused()) }
    }
}

fn read(text: &str) -> Option<u64> {
    let number = |from: usize, to: usize| text.get(from..to)?.parse::<u64>().ok();
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hour, minute, second, ms) = (number(11, 13)?, number(14, 16)?, number(17, 19)?, number(20, 23)?);
    let days = days_before(year, month)?.checked_add(day.checked_sub(1)?)?;
    Some((((days * 24 + hour) * 60 + minute) * 60 + second) * 1000 + ms)
}

/// Days from 1970-01-01 to the first of the month.
fn days_before(year: u64, month: u64) -> Option<u64> {
    const BEFORE: [u64; 12] = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334];
    let before = BEFORE.get(usize::try_from(month.checked_sub(1)?).ok()?)?;
    let leaps = |year: u64| year / 4 - year / 100 + year / 400;
    let past = year.checked_sub(1970)? * 365 + leaps(year - 1) - leaps(1969);
    Some(past + before + if month > 2 { leaps(year) - leaps(year - 1) } else { 0 })
}

impl PartialSchema for Time {
    fn schema() -> RefOr<Schema> {
        let about = "A moment, in UTC, with milliseconds, and in no other spelling.";
        let text = ObjectBuilder::new().schema_type(Type::String).description(Some(about));
        text.format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)))
            .pattern(Some(r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$"))
            .examples(["2026-11-23T00:00:00.123Z"])
            .build()
            .into()
    }
}

impl ToSchema for Time {}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        String::deserialize(d)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::Time;
    use proptest::prelude::*;
    use skein_types::Timestamp;

    proptest! {
        #[test]
        fn what_is_printed_is_parsed_back(ms in 0_u64..253_402_300_800_000) {
            let time = Time(Timestamp(ms));
            prop_assert_eq!(time.to_string().parse::<Time>(), Ok(time));
        }
    }

    #[test]
    fn days_that_do_not_exist_and_other_spellings_are_refused() {
        for bad in [
            "2025-02-29T00:00:00.000Z",
            "2026-13-01T00:00:00.000Z",
            "2026-00-01T00:00:00.000Z",
            "2026-01-00T00:00:00.000Z",
            "2026-01-01T24:00:00.000Z",
            "2026-01-01T00:00:00Z",
            "2026-01-01T00:00:00.000+00:00",
            "1969-12-31T00:00:00.000Z",
            "2026-01-01T+1:00:00.000Z",
            "",
        ] {
            assert!(bad.parse::<Time>().is_err(), "{bad}");
        }
        assert_eq!("2024-02-29T23:59:59.999Z".parse::<Time>().unwrap().0, Timestamp(1_709_251_199_999));
    }
}
