//! Which datasets are tried while planning, before anybody approves anything.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use skein_types::Blake3;

use super::{Candidate, Coverage, Seed, Uncovered, groups, shuffled};
use crate::policy::Policy;

/// Datasets to be tried.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sample {
    /// Their places in the plan, lowest first.
    pub chosen: Vec<u64>,
    /// How much of all they are. The plan states it.
    pub coverage: Coverage,
    /// Groups that nothing was tried of.
    pub uncovered: Vec<Uncovered>,
}

/// The smallest dataset of each group, largest groups first; then, up to the policy's share and cap, the largest of each group,
/// because what all of them take hangs on these, and random ones.
pub fn sample(candidates: &[Candidate], policy: &Policy, seed: Seed) -> Sample {
    let rule = policy.dry_run;
    let most = usize::try_from(rule.datasets).unwrap_or(usize::MAX);
    let groups = groups(candidates);
    let covered = groups.len().min(most);
    let mut chosen: Vec<u64> = groups[..covered].iter().map(|(_, smallest)| smallest.seq).collect();
    let uncovered = groups[covered..].iter().map(|(group, _)| *group).collect();

    let of_datasets = candidates.len() as u64;
    let wanted = usize::try_from(rule.share.of(of_datasets)).unwrap_or(usize::MAX).min(most);
    let mut taken: BTreeSet<u64> = chosen.iter().copied().collect();
    let mut largest = BTreeMap::<Blake3, &Candidate>::new();
    for one in candidates {
        let of_group = largest.entry(one.group).or_insert(one);
        if (one.bytes, std::cmp::Reverse(one.seq)) > (of_group.bytes, std::cmp::Reverse(of_group.seq)) {
            *of_group = one;
        }
    }
    let largest =
        groups[..covered].iter().filter_map(|(group, _)| largest.get(&group.group)).map(|one| one.seq);
    let random = shuffled(candidates, seed).into_iter().map(|candidate| candidate.seq);
    let more = wanted.saturating_sub(chosen.len());
    chosen.extend(largest.chain(random).filter(|seq| taken.insert(*seq)).take(more));
    chosen.sort_unstable();
    let (datasets, of_groups) = (chosen.len() as u64, groups.len() as u64);
    let coverage = Coverage { datasets, of_datasets, groups: covered as u64, of_groups };
    Sample { chosen, coverage, uncovered }
}

#[cfg(test)]
mod tests {
    use super::super::{Candidate, Seed, Uncovered};
    use super::sample;
    use crate::policy::{Policy, SampleRule, Share};
    use skein_types::{Blake3, Bytes};

    fn group(number: u64) -> Blake3 {
        Blake3::of(&number.to_be_bytes())
    }

    /// Datasets of group 0, 1, 2, ..., as many as is said.
    fn candidates(groups: &[u64]) -> Vec<Candidate> {
        let of = |(number, size): (u64, &u64)| (0..*size).map(move |_| group(number));
        let groups = (0..).zip(groups).flat_map(of);
        (0..)
            .zip(groups)
            .map(|(seq, group)| Candidate { seq, group, bytes: Bytes(1_000 - seq % 7) })
            .collect()
    }

    #[test]
    fn the_smallest_of_each_group_and_random_ones_up_to_the_share() {
        let all = candidates(&[480, 20]);
        let taken = sample(&all, &Policy::standard(), Seed(1));
        assert_eq!((taken.coverage.datasets, taken.coverage.of_datasets), (5, 500));
        assert_eq!((taken.coverage.groups, taken.coverage.of_groups), (2, 2));
        assert!(taken.chosen.contains(&6) && taken.chosen.contains(&482), "{:?}", taken.chosen);
        // The largest of each: the other two are those, and the fifth is a random one.
        assert!(taken.chosen.contains(&0) && taken.chosen.contains(&483), "{:?}", taken.chosen);
        assert_ne!(sample(&all, &Policy::standard(), Seed(2)).chosen, taken.chosen);
        let reversed: Vec<_> = all.into_iter().rev().collect();
        assert_eq!(sample(&reversed, &Policy::standard(), Seed(1)), taken);
    }

    #[test]
    fn where_the_cap_is_smaller_the_largest_groups_are_taken_and_the_others_listed() {
        let all = candidates(&[2, 5, 1, 9]);
        let policy =
            Policy { dry_run: SampleRule { datasets: 2, share: Share::percent(100) }, ..Policy::standard() };
        let taken = sample(&all, &policy, Seed(1));
        assert_eq!((taken.coverage.datasets, taken.coverage.groups, taken.coverage.of_groups), (2, 2, 4));
        let uncovered = [(0, 2, 1), (2, 1, 7)];
        let uncovered = uncovered.map(|(number, datasets, smallest)| Uncovered {
            group: group(number),
            datasets,
            smallest,
        });
        assert_eq!(taken.uncovered, uncovered);
        assert_eq!(sample(&[], &policy, Seed(1)).coverage.datasets, 0);
    }
}
