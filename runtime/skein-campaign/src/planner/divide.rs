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
