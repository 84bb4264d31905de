//! How many runs of a wave may fail.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Share;

/// Failures that a share allows at the least, so that one bad dataset does not stop a wave of fifty.
const LEAST: u64 = 3;

/// The failure budget of a wave, in failed runs. Written `budget = 5`, exactly so many, or `budget = "2%"`, that share of
/// the wave's runs but at least three; `"0%"` is none at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Allowance {
    /// So many, whatever the wave's size.
    Runs(u64),
    /// A share of the wave's runs, rounded up, at least three.
    Share(Share),
}

impl Allowance {
    /// Of a wave of `runs`.
    pub fn of(self, runs: u64) -> u64 {
        match self {
            Self::Runs(failures) => failures,
            Self::Share(share) if share.is_none() => 0,
            Self::Share(share) => share.of(runs).max(LEAST),
        }
    }
}

impl Serialize for Allowance {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Runs(runs) => s.serialize_u64(*runs),
            Self::Share(share) => share.serialize(s),
        }
    }
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Written {
    Runs(u64),
    Share(String),
}

impl<'de> Deserialize<'de> for Allowance {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let neither = "a budget is a number of runs or a share such as \"2%\"";
        match Written::deserialize(d).map_err(|_| D::Error::custom(neither))? {
            Written::Runs(runs) => Ok(Self::Runs(runs)),
            Written::Share(text) => text.parse().map(Self::Share).map_err(D::Error::custom),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Allowance, Share};

    #[test]
    fn a_share_of_a_small_wave_still_lets_three_fail_and_none_lets_none() {
        let two = Allowance::Share(Share::percent(2));
        assert_eq!([1, 150, 151, 5_000].map(|runs| two.of(runs)), [3, 3, 4, 100]);
        assert_eq!(Allowance::Share(Share::percent(0)).of(5_000), 0);
        assert_eq!(Allowance::Runs(0).of(5_000), 0);
        assert_eq!(Allowance::Runs(7).of(1), 7);
    }
}
