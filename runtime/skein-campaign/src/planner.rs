//! Rules by which a plan is made of what was seen of every dataset: which are sampled, which wave each is in, and the digest
//! that approvals and records name. All are functions of their arguments: the same datasets in any order give the same plan.

mod digest;
mod divide;
mod sample;

use serde::{Deserialize, Serialize};
use skein_types::{Blake3, Bytes};

pub use digest::{Leaf, PlanDigest};
pub use divide::{Division, divide};
pub use sample::{Sample, sample};

/// A dataset that is to be migrated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Candidate {
    /// Its place in the plan.
    pub seq: u64,
    /// What it has in common with others of its kind: for waves its schema plan and format, for samples its schema.
    pub group: Blake3,
    /// Its size.
    pub bytes: Bytes,
}

/// A group of which no dataset was taken, because a cap was reached before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Uncovered {
    /// The group.
    pub group: Blake3,
    /// How many datasets it has.
    pub datasets: u64,
    /// Its smallest dataset.
    pub smallest: u64,
}

/// How much of all was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Coverage {
    /// Datasets taken.
    pub datasets: u64,
    /// Of so many.
    pub of_datasets: u64,
    /// Groups of which at least one was taken.
    pub groups: u64,
    /// Of so many.
    pub of_groups: u64,
}

/// What makes choices that are random to those who wrote the datasets, and the same each time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seed(pub u64);

impl Seed {
    /// Of a digest, for example a plan's.
    pub fn of(digest: &Blake3) -> Self {
        let mut first = [0; 8];
        first.copy_from_slice(&digest.0[..8]);
        Self(u64::from_be_bytes(first))
    }

    /// A dataset's place in the random order.
    fn rank(self, seq: u64) -> (Blake3, u64) {
        let mut input = [0; 16];
        input[..8].copy_from_slice(&self.0.to_be_bytes());
        input[8..].copy_from_slice(&seq.to_be_bytes());
        (Blake3::of(&input), seq)
    }
}

/// Groups by size, largest first, each with its smallest dataset.
fn groups(candidates: &[Candidate]) -> Vec<(Uncovered, Candidate)> {
    let mut groups = std::collections::BTreeMap::new();
    for candidate in candidates {
        let (datasets, smallest) = groups.entry(candidate.group).or_insert((0_u64, *candidate));
        *datasets += 1;
        if (candidate.bytes, candidate.seq) < (smallest.bytes, smallest.seq) {
            *smallest = *candidate;
        }
    }
    let listed = groups.into_iter().map(|(group, (datasets, smallest))| {
        (Uncovered { group, datasets, smallest: smallest.seq }, smallest)
    });
    let mut listed: Vec<_> = listed.collect();
    listed.sort_by_key(|(group, _)| (std::cmp::Reverse(group.datasets), group.group));
    listed
}

/// All of them, in the random order.
fn shuffled(candidates: &[Candidate], seed: Seed) -> Vec<Candidate> {
    let mut shuffled = candidates.to_vec();
    shuffled.sort_by_cached_key(|candidate| seed.rank(candidate.seq));
    shuffled
}
