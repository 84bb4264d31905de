//! Reading ISO 8601: `2024-02-29`, `2024-02-29T10:15:30.25+02:00`, `10:15`.
//!
//! A blank may stand for the `T`, colons in times and offsets may be absent, seconds may be too. No white space around.

use skein_sdk::zone::is_utc;

use super::DAY;
use super::calendar::day_number;

/// Digits that a year with a sign may have: enough for every date and timestamp type.
const LONG_YEAR: usize = 12;

/// Days since 1970.
pub(in super::super) fn parse_date(text: &str) -> Option<i64> {
    whole(text, Cursor::date)
}

/// Seconds since midnight, and nanoseconds.
pub(in super::super) fn parse_time(text: &str) -> Option<(i64, u32)> {
    whole(text, Cursor::time)
}

/// Seconds since 1970 by the clock that the text is from, nanoseconds, and how far that clock is ahead of UTC if the text
/// says so. A date alone is its midnight.
pub(in super::super) fn parse_instant(text: &str) -> Option<(i128, u32, Option<i32>)> {
    whole(text, |cursor| {
        let midnight = i128::from(cursor.date()?) * i128::from(DAY);
        if cursor.rest.is_empty() {
            return Some((midnight, 0, None));
        }
        if !cursor.eat(b"Tt ") {
            return None;
        }
        let (seconds, nanos) = cursor.time()?;
        if cursor.rest.is_empty() {
            return Some((midnight + i128::from(seconds), nanos, None));
        }
        cursor.eat(b" ");
        Some((midnight + i128::from(seconds), nanos, Some(cursor.offset()?)))
    })
}

/// How far a zone is ahead of UTC in seconds, for UTC and offsets. Named zones would need a database of zones.
pub(crate) fn zone_offset(zone: &str) -> Option<i32> {
    if is_utc(zone) {
        return Some(0);
    }
    whole(zone, Cursor::offset)
}

fn whole<'a, T>(text: &'a str, read: impl FnOnce(&mut Cursor<'a>) -> Option<T>) -> Option<T> {
    let mut cursor = Cursor { rest: text.as_bytes() };
    let made = read(&mut cursor)?;
    cursor.rest.is_empty().then_some(made)
}

struct Cursor<'a> {
    rest: &'a [u8],
}

impl Cursor<'_> {
    fn eat(&mut self, any_of: &[u8]) -> bool {
        match self.rest {
            [first, rest @ ..] if any_of.contains(first) => {
                self.rest = rest;
                true
            }
            _ => false,
        }
    }

    /// As many digits as there are, which must be at least and at most so many.
    fn number(&mut self, least: usize, most: usize) -> Option<i64> {
        let found = self.rest.iter().take(most).take_while(|byte| byte.is_ascii_digit()).count();
        if found < least {
            return None;
        }
        let (digits, rest) = self.rest.split_at(found);
        self.rest = rest;
        Some(digits.iter().fold(0, |number, digit| number * 10 + i64::from(digit - b'0')))
    }

    fn below(&mut self, limit: i64) -> Option<i64> {
        self.number(2, 2).filter(|number| *number < limit)
    }

    fn date(&mut self) -> Option<i64> {
        let negative = self.rest.first() == Some(&b'-');
        let longest = if self.eat(b"+-") { LONG_YEAR } else { 4 };
        let year = self.number(4, longest)?;
        let month = self.eat(b"-").then(|| self.number(2, 2))??;
        let day = self.eat(b"-").then(|| self.number(2, 2))??;
        day_number(if negative { -year } else { year }, month, day)
    }

    fn time(&mut self) -> Option<(i64, u32)> {
        let hour = self.below(24)?;
        let colons = self.eat(b":");
        let minute = self.below(60)?;
        let goes_on = if colons { self.eat(b":") } else { self.rest.first().is_some_and(u8::is_ascii_digit) };
        if !goes_on {
            return Some((hour * 3600 + minute * 60, 0));
        }
        let second = self.below(60)?;
        let nanos = if self.eat(b".") { self.fraction()? } else { 0 };
        Some((hour * 3600 + minute * 60 + second, nanos))
    }

    /// Nanoseconds; digits after the ninth must be zeros.
    fn fraction(&mut self) -> Option<u32> {
        let before = self.rest.len();
        let number = self.number(1, 9)?;
        let digits = u32::try_from(before - self.rest.len()).ok()?;
        while self.eat(b"0") {}
        u32::try_from(number * 10_i64.pow(9 - digits)).ok()
    }

    fn offset(&mut self) -> Option<i32> {
        if self.eat(b"Zz") {
            return Some(0);
        }
        let negative = self.rest.first() == Some(&b'-');
        if !self.eat(b"+-") {
            return None;
        }
        let hours = self.below(24)?;
        self.eat(b":");
        let minutes = if self.rest.is_empty() { 0 } else { self.below(60)? };
        let seconds = i32::try_from(hours * 3600 + minutes * 60).ok()?;
        Some(if negative { -seconds } else { seconds })
    }
}

#[cfg(test)]
mod tests {
    use super::{parse_date, parse_instant, parse_time, zone_offset};

    #[test]
    fn dates_are_read_whole_or_not_at_all() {
        let cases = [
            ("1970-01-02", Some(1)),
            ("-0001-03-01", Some(-719_834)),
            ("+12345-01-01", Some(3_789_391)),
            ("12345-01-01", None),
            ("2024-2-9", None),
            ("2024-02-30", None),
            ("2024-02-29T10:00", None),
            (" 2024-02-29", None),
            ("", None),
        ];
        for (text, expected) in cases {
            assert_eq!(parse_date(text), expected, "{text}");
        }
    }

    #[test]
    fn instants_are_read_with_fractions_and_offsets() {
        let cases = [
            ("1970-01-02", Some((86_400, 0, None))),
            ("1970-01-01T00:01", Some((60, 0, None))),
            ("1970-01-01 000102", Some((62, 0, None))),
            ("1970-01-01T00:00:01.25", Some((1, 250_000_000, None))),
            ("1970-01-01T00:00:01.123456789000Z", Some((1, 123_456_789, Some(0)))),
            ("1970-01-01T00:00:01.1234567891", None),
            ("1970-01-01T00:00:01-05:30", Some((1, 0, Some(-19_800)))),
            ("1970-01-01T00:00:01 +02", Some((1, 0, Some(7_200)))),
            ("1970-01-01T24:00:00", None),
            ("1970-01-01T00:00:60", None),
            ("1970-01-01T00:00:01.", None),
            ("1970-01-01T", None),
            ("1970-01-01T00:00:00 Europe/Delft", None),
        ];
        for (text, expected) in cases {
            assert_eq!(parse_instant(text), expected, "{text}");
        }
        assert_eq!(parse_time("10:15"), Some((36_900, 0)));
    }

    #[test]
    fn zones_are_utc_or_offsets() {
        assert_eq!(zone_offset("UTC"), Some(0));
        assert_eq!(zone_offset("+02:00"), Some(7_200));
        assert_eq!(zone_offset("-0330"), Some(-12_600));
        assert_eq!(zone_offset("Europe/Amsterdam"), None);
        assert_eq!(zone_offset("+25:00"), None);
        assert_eq!(zone_offset(""), None);
    }
}
