//! Which datasets are tried while planning, before anybody approves anything.

use serde::{Deserialize, Serialize};

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

/// The smallest dataset of each group, largest groups first, then random ones up to the policy's share and cap.
pub fn sample(candidates: &[Candidate], policy: &Policy, seed: Seed) -> Sample {
    let rule = policy.dry_run;
    let most = usize::try_from(rule.datasets).unwrap_or(usize::MAX);
    let groups = groups(candidates);
    let covered = groups.len().min(most);
    let mut chosen: Vec<u64> = groups[..covered].iter().map(|(_, smallest)| smallest.seq).collect();
    let uncovered = groups[covered..].iter().map(|(group, _)| *group).collect();

    let of_datasets = candidates.len() as u64;
    let wanted = usize::try_from(rule.share.of(of_datasets)).unwrap_or(usize::MAX).min(most);
    let taken: std::collections::BTreeSet<u64> = chosen.iter().copied().collect();
    let others = shuffled(candidates, seed).into_iter().map(|candidate| candidate.seq);
    let more = wanted.saturating_sub(chosen.len());
    chosen.extend(others.filter(|seq| !taken.contains(seq)).take(more));
    chosen.sort_unstable();
    let (datasets, of_groups) = (chosen.len() as u64, groups.len() as u64);
    let coverage = Coverage { datasets, of_datasets, groups: covered as u64, of_groups };
    Sample { chosen, coverage, uncovered }
}
