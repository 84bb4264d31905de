//! Days since 1970-01-01 and the calendar's names for them.
//!
//! Years are counted from March here, because then the leap day is the last of its year and the months before it have a
//! regular pattern of lengths.

use std::fmt::{Formatter, Result};

/// Days of 400 years, after which the calendar repeats.
const ERA: i64 = 146_097;
/// Days from 0000-03-01 to 1970-01-01.
const BEFORE_1970: i64 = 719_468;

/// The day's number, or nothing if the month has no such day.
pub(super) fn day_number(year: i64, month: i64, day: i64) -> Option<i64> {
    if !(1..=12).contains(&month) || !(1..=month_length(year, month)).contains(&day) {
        return None;
    }
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let of_year = (153 * month + 2) / 5 + day - 1;
    Some(era * ERA + of_era * 365 + of_era / 4 - of_era / 100 + of_year - BEFORE_1970)
}

fn month_length(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Year, month and day of a day's number.
fn date(number: i64) -> (i64, i64, i64) {
    let since = number + BEFORE_1970;
    let (era, of_era) = (since.div_euclid(ERA), since.rem_euclid(ERA));
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let year = era * 400 + year;
    if month < 10 { (year, month + 3, day) } else { (year + 1, month - 9, day) }
}

/// `2024-02-29`; years that four digits do not hold have a sign, as ISO 8601 wants it.
pub(in super::super) fn write_date(f: &mut Formatter<'_>, number: i64) -> Result {
    let (year, month, day) = date(number);
    if (0..=9999).contains(&year) {
        return write!(f, "{year:04}-{month:02}-{day:02}");
    }
    write!(f, "{year:+05}-{month:02}-{day:02}")
}

#[cfg(test)]
mod tests {
    use super::{date, day_number};

    #[test]
    fn days_are_numbered_as_known_dates_are() {
        for (year, month, day, number) in [
            (1970, 1, 1, 0),
            (1969, 12, 31, -1),
            (2000, 2, 29, 11_016),
            (2024, 3, 1, 19_783),
            (0, 3, 1, -719_468),
        ] {
            assert_eq!(day_number(year, month, day), Some(number));
            assert_eq!(date(number), (year, month, day));
        }
        for (year, month, day) in [(2023, 2, 29), (1900, 2, 29), (2024, 13, 1), (2024, 4, 31), (2024, 1, 0)] {
            assert_eq!(day_number(year, month, day), None, "{year}-{month}-{day}");
        }
    }

    #[test]
    fn every_day_of_an_era_and_more_has_one_name() {
        for number in -200_000..200_000 {
            let (year, month, day) = date(number);
            assert_eq!(day_number(year, month, day), Some(number));
        }
    }
}
