//! A part of a whole, in hundredths of a per cent: fine enough for one dataset in ten thousand, and without floats, which
//! have no canonical form.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Between nothing and all. Written `2%` or `0.25%`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Share(u32);

/// A share that could not be parsed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a share such as \"2%\" or \"0.25%\", at most \"100%\"")]
pub struct ShareParseError(String);

const ALL: u32 = 100 * 100;

impl Share {
    /// Whole per cents; more than 100 are 100.
    pub const fn percent(percent: u32) -> Self {
        if percent > 100 { Self(ALL) } else { Self(percent * 100) }
    }

    /// Nothing at all.
    pub const fn is_none(self) -> bool {
        self.0 == 0
    }

    /// That share of `whole`, rounded up: a share that is not nothing is at least one.
    pub fn of(self, whole: u64) -> u64 {
        let part = (u128::from(whole) * u128::from(self.0)).div_ceil(u128::from(ALL));
        u64::try_from(part).expect("a part is no larger than the whole")
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (percent, hundredths) = (self.0 / 100, self.0 % 100);
        match (hundredths, hundredths % 10) {
            (0, _) => write!(f, "{percent}%"),
            (_, 0) => write!(f, "{percent}.{}%", hundredths / 10),
            (_, _) => write!(f, "{percent}.{hundredths:02}%"),
        }
    }
}

impl FromStr for Share {
    type Err = ShareParseError;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        parse(text).ok_or_else(|| ShareParseError(text.chars().take(40).collect()))
    }
}

fn parse(text: &str) -> Option<Share> {
    let number = text.strip_suffix('%')?.trim_end();
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    let digits = |part: &str, most| {
        let fit = (1..=most).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit());
        fit.then(|| part.parse::<u32>().ok())?
    };
    let tens = if fraction.len() == 1 { 10 } else { 1 };
    let hundredths = digits(whole, 3)? * 100;
    Some(Share(hundredths + digits(fraction, 2)? * tens)).filter(|share| share.0 <= ALL)
}

impl Serialize for Share {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Share {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        String::deserialize(d)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::Share;

    #[test]
    fn a_share_prints_and_parses_back_and_nothing_else_is_one() {
        for text in ["0%", "2%", "0.25%", "0.5%", "0.05%", "99.99%", "100%"] {
            assert_eq!(text.parse::<Share>().map(|share| share.to_string()), Ok(text.to_owned()));
        }
        for bad in
            ["", "2", "%", "-1%", "+1%", "100.01%", "101%", "1.234%", "1.%", ".5%", "999%", "65636%", "1e2%"]
        {
            assert!(bad.parse::<Share>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_part_is_rounded_up_and_never_more_than_the_whole() {
        let two = Share::percent(2);
        assert_eq!([0, 1, 50, 51, 5_000].map(|whole| two.of(whole)), [0, 1, 1, 2, 100]);
        assert_eq!(Share::percent(100).of(u64::MAX), u64::MAX);
        assert_eq!(Share::percent(0).of(u64::MAX), 0);
        assert_eq!(Share::percent(400), Share::percent(100));
    }
}
