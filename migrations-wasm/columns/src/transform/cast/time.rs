//! Dates, instants and times of day: ISO 8601 texts and what they count.
//!
//! The calendar is the proleptic Gregorian one. There are no leap seconds and no named zones, so a zone is its distance
//! from UTC in seconds, east positive.

mod calendar;
mod parse;

use std::fmt::{Display, Formatter, Result};

use skein_sdk::Failure;
use skein_sdk::arrow_schema::TimeUnit;

pub(super) use calendar::write_date;
pub(crate) use parse::zone_offset;
pub(super) use parse::{parse_date, parse_instant, parse_time};

/// Seconds of a day.
pub(super) const DAY: i64 = 86_400;
/// What a `Date64` counts for a day.
pub(super) const MILLIS_OF_DAY: i128 = 86_400_000;
const NANOS: i64 = 1_000_000_000;

/// [`zone_offset`] where planning has refused named zones already.
pub(super) fn offset_of(zone: &str) -> std::result::Result<i32, Failure> {
    zone_offset(zone).ok_or_else(|| Failure::new("wrong-type", format!("zone {zone:?} is named")))
}

/// A timestamp: the count of a unit since 1970 in UTC. Without a zone it is a local time of nobody knows where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Instant {
    pub(super) count: i64,
    pub(super) unit: TimeUnit,
    pub(super) offset: Option<i32>,
}

impl Instant {
    /// Seconds and nanoseconds since 1970 in UTC.
    pub(super) fn utc(self) -> (i128, u32) {
        let (seconds, nanos) = split(self.count, self.unit);
        (seconds.into(), nanos)
    }

    /// Days since 1970 by the calendar of its own zone.
    pub(super) fn local_day(self) -> i64 {
        self.local().0
    }

    fn local(self) -> (i64, i64, u32) {
        let (seconds, nanos) = self.utc();
        let local = seconds + i128::from(self.offset.unwrap_or(0));
        let (day, second) = (local.div_euclid(DAY.into()), local.rem_euclid(DAY.into()));
        (i64::try_from(day).unwrap_or_default(), i64::try_from(second).unwrap_or_default(), nanos)
    }
}

impl Display for Instant {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let (day, second, nanos) = self.local();
        write_date(f, day)?;
        f.write_str("T")?;
        write_time(f, second, nanos)?;
        match self.offset {
            None => Ok(()),
            Some(0) => f.write_str("Z"),
            Some(offset) => {
                let (sign, minutes) = (if offset < 0 { '-' } else { '+' }, offset.unsigned_abs() / 60);
                write!(f, "{sign}{:02}:{:02}", minutes / 60, minutes % 60)
            }
        }
    }
}

/// The count of a unit since midnight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TimeOfDay {
    pub(super) count: i64,
    pub(super) unit: TimeUnit,
}

impl TimeOfDay {
    /// Seconds and nanoseconds since midnight.
    pub(super) const fn split(self) -> (i64, u32) {
        split(self.count, self.unit)
    }
}

impl Display for TimeOfDay {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let (second, nanos) = self.split();
        write_time(f, second, nanos)
    }
}

/// The count of a unit for seconds and nanoseconds, if the unit is fine enough.
pub(super) fn counted(seconds: i128, nanos: u32, unit: TimeUnit) -> Option<i128> {
    let per_second = per_second(unit);
    let (nanos, step) = (i64::from(nanos), NANOS / per_second);
    if nanos % step != 0 {
        return None;
    }
    seconds.checked_mul(per_second.into())?.checked_add((nanos / step).into())
}

const fn split(count: i64, unit: TimeUnit) -> (i64, u32) {
    let per_second = per_second(unit);
    (count.div_euclid(per_second), (count.rem_euclid(per_second) * (NANOS / per_second)) as u32)
}

const fn per_second(unit: TimeUnit) -> i64 {
    match unit {
        TimeUnit::Second => 1,
        TimeUnit::Millisecond => 1_000,
        TimeUnit::Microsecond => 1_000_000,
        TimeUnit::Nanosecond => NANOS,
    }
}

/// Fractions with three, six or nine digits, whichever is enough.
fn write_time(f: &mut Formatter<'_>, second: i64, nanos: u32) -> Result {
    write!(f, "{:02}:{:02}:{:02}", second / 3600, second / 60 % 60, second % 60)?;
    if nanos == 0 {
        return Ok(());
    }
    if nanos.is_multiple_of(1_000_000) {
        return write!(f, ".{:03}", nanos / 1_000_000);
    }
    if nanos.is_multiple_of(1_000) {
        return write!(f, ".{:06}", nanos / 1_000);
    }
    write!(f, ".{nanos:09}")
}
