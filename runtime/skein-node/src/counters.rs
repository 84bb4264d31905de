//! What modules count, summed over all agents of a run.
//!
//! An agent has few names, but each agent may have others, so the sum is bounded too: the first names in byte order stay.
//! Which those are does not depend on the order in which agents are added, because a name that was left out once comes
//! after as many that are in.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// As many names as one agent may have.
const NAMES_MAX: usize = 256;

/// Counters by name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Counters(BTreeMap<String, u64>);

impl Counters {
    /// Adds what an agent counted.
    pub(crate) fn add(&mut self, counted: &BTreeMap<String, u64>) {
        for (name, by) in counted {
            let sum = self.0.entry(name.clone()).or_default();
            *sum = sum.saturating_add(*by);
        }
        while self.0.len() > NAMES_MAX {
            self.0.pop_last();
        }
    }

    /// Adds those of others.
    pub(crate) fn extend(&mut self, others: &Self) {
        self.add(&others.0);
    }

    /// The same numbers under other names.
    pub(crate) fn renamed(&self, name: impl Fn(&str) -> String) -> Self {
        let mut renamed = Self::default();
        self.0.iter().for_each(|(old, sum)| renamed.add(&BTreeMap::from([(name(old), *sum)])));
        renamed
    }

    /// In byte order of name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, u64)> {
        self.0.iter().map(|(name, sum)| (name.as_str(), *sum))
    }

    /// Whether nothing was counted.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::{Counters, NAMES_MAX};
    use std::collections::BTreeMap;

    fn of(names: impl Iterator<Item = usize>) -> BTreeMap<String, u64> {
        names.map(|n| (format!("n{n:05}"), u64::MAX / 2)).collect()
    }

    #[test]
    fn the_sum_is_bounded_and_does_not_depend_on_the_order() {
        let parts = [of(0..200), of(100..400), of(50..60), of(0..1)];
        let (mut one, mut other) = (Counters::default(), Counters::default());
        parts.iter().for_each(|part| one.add(part));
        parts.iter().rev().for_each(|part| other.add(part));
        assert_eq!(one, other);
        assert_eq!(one.iter().count(), NAMES_MAX);
        assert_eq!(one.iter().next(), Some(("n00000", u64::MAX - 1)));
    }

    #[test]
    fn a_sum_does_not_wrap() {
        let mut counters = Counters::default();
        (0..3).for_each(|_| counters.add(&of(0..1)));
        assert_eq!(counters.iter().next(), Some(("n00000", u64::MAX)));
    }
}
