//! How many runs are in which state: all that a campaign keeps of its runs (03-I14).

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use skein_types::RunState;
use std::collections::BTreeMap;

/// Counters by run state. Counts are moved, never made up: a run enters once and from then on leaves one state for another.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Tally([u64; RunState::ALL.len()]);

impl Tally {
    /// `runs` that are planned, and no other.
    pub const fn planned(runs: u64) -> Self {
        let mut counts = [0; RunState::ALL.len()];
        counts[RunState::Planned as usize] = runs;
        Self(counts)
    }

    /// From counters that were stored; a state that is not named has none.
    pub fn of(counts: impl IntoIterator<Item = (RunState, u64)>) -> Self {
        let mut tally = Self::planned(0);
        for (state, count) in counts {
            tally.0[state as usize] += count;
        }
        tally
    }

    /// Runs in a state.
    pub const fn get(&self, state: RunState) -> u64 {
        self.0[state as usize]
    }

    /// All runs.
    pub fn total(&self) -> u64 {
        self.0.iter().sum()
    }

    /// Runs that are published or otherwise at rest.
    pub fn at_rest(&self) -> u64 {
        RunState::ALL.iter().filter(|state| state.is_at_rest()).map(|state| self.get(*state)).sum()
    }

    /// States and counts, those that are 0 too, in the order of [`RunState::ALL`].
    pub fn iter(&self) -> impl Iterator<Item = (RunState, u64)> + '_ {
        RunState::ALL.iter().map(|state| (*state, self.get(*state)))
    }

    /// One run leaves a state for another.
    pub(crate) fn shift(&mut self, from: RunState, to: RunState) {
        debug_assert!(self.get(from) > 0, "no run is {from}");
        self.0[from as usize] = self.get(from).saturating_sub(1);
        self.0[to as usize] += 1;
    }

    /// Both together.
    pub fn plus(mut self, other: &Self) -> Self {
        for (count, more) in self.0.iter_mut().zip(other.0) {
            *count += more;
        }
        self
    }
}

impl std::fmt::Debug for Tally {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_map().entries(self.iter().filter(|(_, count)| *count > 0)).finish()
    }
}

impl Serialize for Tally {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_map(self.iter().filter(|(_, count)| *count > 0))
    }
}

impl<'de> Deserialize<'de> for Tally {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        BTreeMap::<RunState, u64>::deserialize(d).map(Self::of)
    }
}

#[cfg(test)]
mod tests {
    use super::{RunState, Tally};

    #[test]
    fn every_state_has_a_counter_of_its_own() {
        for (place, state) in RunState::ALL.iter().enumerate() {
            assert_eq!(*state as usize, place, "{state}");
            assert_eq!(
                Tally::of([(*state, 3)]).iter().filter(|(_, count)| *count > 0).collect::<Vec<_>>(),
                [(*state, 3)]
            );
        }
    }

    #[test]
    fn what_leaves_one_state_is_in_another() {
        let mut tally = Tally::planned(3);
        tally.shift(RunState::Planned, RunState::Intended);
        tally.shift(RunState::Intended, RunState::Published);
        assert_eq!((tally.total(), tally.at_rest()), (3, 1));
        assert_eq!(serde_json::to_string(&tally).unwrap(), r#"{"planned":2,"published":1}"#);
        assert_eq!(serde_json::from_str::<Tally>(r#"{"planned":2,"published":1}"#).unwrap(), tally);
    }
}
