//! Which wave each dataset is in.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use skein_types::Bytes;

use super::{Candidate, Seed, Uncovered, groups, shuffled};
use crate::policy::{CanaryRule, Policy};

/// Datasets by wave.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Division {
    /// Places in the plan, lowest first; the canary, the shares of the policy, the rest. No wave is empty.
    pub waves: Vec<Vec<u64>>,
    /// Groups of which the canary has no dataset.
    pub uncovered: Vec<Uncovered>,
}

impl Division {
    /// Runs per wave.
    pub fn sizes(&self) -> Vec<u64> {
        self.waves.iter().map(|wave| wave.len() as u64).collect()
    }
}

/// Divides datasets into waves: first the smallest dataset of each group, largest groups first, and random ones up to the
/// canary's share, as far as its caps go; then random shares of all; then the rest.
pub fn divide(candidates: &[Candidate], policy: &Policy, seed: Seed) -> Division {
    let shuffled = shuffled(candidates, seed);
    let mut canary = Canary::new(policy.canary);
    let mut uncovered = Vec::new();
    for (group, smallest) in groups(candidates) {
        if !canary.take(&smallest) {
            uncovered.push(group);
        }
    }
    if canary.chosen.is_empty() {
        // Larger than the cap or not: nothing may go before a canary did.
        let smallest = candidates.iter().min_by_key(|candidate| (candidate.bytes, candidate.seq));
        uncovered.retain(|group| smallest.is_none_or(|smallest| smallest.group != group.group));
        canary.chosen.extend(smallest.map(|smallest| smallest.seq));
    }
    let all = candidates.len() as u64;
    let share = policy.canary.share.of(all);
    for candidate in &shuffled {
        if canary.chosen.len() as u64 >= share {
            break;
        }
        canary.take(candidate);
    }
    let mut others = shuffled.iter().map(|candidate| candidate.seq);
    let mut others = others.by_ref().filter(|seq| !canary.chosen.contains(seq));
    let mut waves = vec![canary.chosen.iter().copied().collect::<Vec<_>>()];
    for share in &policy.waves {
        let size = usize::try_from(share.of(all)).unwrap_or(usize::MAX);
        waves.push(others.by_ref().take(size).collect());
    }
    waves.push(others.collect());
    waves.iter_mut().for_each(|wave| wave.sort_unstable());
    waves.retain(|wave| !wave.is_empty());
    Division { waves, uncovered }
}

/// A canary that is being filled.
struct Canary {
    rule: CanaryRule,
    chosen: BTreeSet<u64>,
    bytes: Bytes,
}

impl Canary {
    const fn new(rule: CanaryRule) -> Self {
        Self { rule, chosen: BTreeSet::new(), bytes: Bytes(0) }
    }

    /// Whether it has it now.
    fn take(&mut self, candidate: &Candidate) -> bool {
        if self.chosen.contains(&candidate.seq) {
            return true;
        }
        let bytes = self.bytes + candidate.bytes;
        if self.chosen.len() as u64 >= self.rule.datasets || bytes > self.rule.bytes {
            return false;
        }
        self.bytes = bytes;
        self.chosen.insert(candidate.seq)
    }
}

#[cfg(test)]
mod tests {
    use super::{Bytes, Candidate, Division, Policy, Seed, divide};
    use crate::policy::{CanaryRule, Share};
    use proptest::prelude::*;
    use skein_types::Blake3;

    fn candidate(seq: u64, group: u64, bytes: u64) -> Candidate {
        Candidate { seq, group: Blake3::of(&group.to_be_bytes()), bytes: Bytes(bytes) }
    }

    fn divided(candidates: &[Candidate], rule: CanaryRule) -> Division {
        divide(candidates, &Policy { canary: rule, ..Policy::standard() }, Seed(3))
    }

    const RULE: CanaryRule = CanaryRule { bytes: Bytes(10 << 30), datasets: 20, share: Share::percent(1) };

    #[test]
    fn five_thousand_of_one_kind_are_a_canary_of_twenty_a_tenth_and_the_rest() {
        let all: Vec<_> = (0..5_000).map(|seq| candidate(seq, 0, 5_000 - seq)).collect();
        let division = divided(&all, RULE);
        assert_eq!(division.sizes(), [20, 500, 4_480]);
        assert!(division.waves[0].contains(&4_999), "the smallest of its group");
        assert_eq!(division.uncovered, []);
        let consecutive = division.waves[1].windows(2).filter(|pair| pair[0] + 1 == pair[1]).count();
        assert!(consecutive < 250, "a random tenth and not the first");
    }

    #[test]
    fn small_campaigns_have_no_empty_waves() {
        let of =
            |count| divided(&(0..count).map(|seq| candidate(seq, 0, 1)).collect::<Vec<_>>(), RULE).sizes();
        assert_eq!(
            [of(0), of(1), of(2), of(3), of(30)],
            [vec![], vec![1], vec![1, 1], vec![1, 1, 1], vec![1, 3, 26]]
        );
    }

    #[test]
    fn a_canary_has_the_smallest_of_each_group_the_largest_groups_first_as_far_as_it_may() {
        let all: Vec<_> = (0..60)
            .map(|seq| candidate(seq, [0, 0, 0, 0, 1, 1, 1, 2, 2, 3][seq as usize % 10], 100 + seq))
            .collect();
        let few = CanaryRule { datasets: 3, ..RULE };
        let division = divided(&all, few);
        assert_eq!(division.waves[0], [0, 4, 7]);
        assert_eq!(
            division.uncovered.iter().map(|group| (group.datasets, group.smallest)).collect::<Vec<_>>(),
            [(6, 9)]
        );
        let small = CanaryRule { bytes: Bytes(204), ..RULE };
        assert_eq!(divided(&all, small).waves[0], [0, 4], "100 and 104 bytes, and no third one fits");
    }

    #[test]
    fn where_nothing_fits_into_the_canary_the_smallest_goes_first_all_the_same() {
        let all = [candidate(0, 0, 900), candidate(1, 1, 800), candidate(2, 1, 850)];
        let division = divided(&all, CanaryRule { bytes: Bytes(1), ..RULE });
        assert_eq!((&division.waves[0], division.sizes()), (&vec![1], vec![1, 1, 1]));
        assert_eq!(division.uncovered.len(), 1);
    }

    proptest! {
        #[test]
        fn every_dataset_is_in_one_wave_whatever_their_order(
            of in prop::collection::vec((0..30_u64, 0..1_000_u64), 0..300), caps in (1..40_u64, 0..20_000_u64), seed: u64
        ) {
            let all: Vec<_> = (0..).zip(&of).map(|(seq, (group, bytes))| candidate(seq, *group, *bytes)).collect();
            let rule = CanaryRule { datasets: caps.0, bytes: Bytes(caps.1), share: Share::percent(10) };
            let policy = Policy { canary: rule, ..Policy::standard() };
            let division = divide(&all, &policy, Seed(seed));
            let mut seen = division.waves.concat();
            seen.sort_unstable();
            prop_assert_eq!(seen, (0..of.len() as u64).collect::<Vec<_>>());
            let reversed: Vec<_> = all.iter().rev().copied().collect();
            prop_assert_eq!(&divide(&reversed, &policy, Seed(seed)), &division);
            let canary = division.waves.first().cloned().unwrap_or_default();
            let bytes: u64 = canary.iter().map(|seq| of[*seq as usize].1).sum();
            prop_assert!(canary.len() as u64 <= caps.0 && (bytes <= caps.1 || canary.len() == 1));
            let in_canary = |group| canary.iter().any(|seq| all[*seq as usize].group == group);
            for candidate in &all {
                let listed = division.uncovered.iter().any(|group| group.group == candidate.group);
                prop_assert!(listed || in_canary(candidate.group));
            }
            prop_assert!(division.waves.iter().all(|wave| !wave.is_empty()));
        }
    }
}
