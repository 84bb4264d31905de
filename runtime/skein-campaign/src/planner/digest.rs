//! The digest of a plan: what approvals, runs and records name. A Merkle root over one leaf per dataset, with what holds for
//! all of them around it (DESIGN §8). One changed byte gives another digest; a leaf can be shown to be in it without the others.

use skein_types::{Blake3, DatasetId, ModuleDigest, ParamsDigest};

use crate::policy::Policy;

/// What a plan says of one dataset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leaf<'a> {
    /// The dataset.
    pub dataset: DatasetId,
    /// The schema that was seen.
    pub schema: Blake3,
    /// What is to be done with its columns.
    pub schema_plan: Blake3,
    /// The limits of its run, in canonical JSON.
    pub limits: &'a str,
}

/// A digest in the making. It keeps one hash per level of the tree: 17 for 100,000 datasets.
#[derive(Clone, Debug, Default)]
pub struct PlanDigest {
    /// Roots of full trees, the largest first, with the number of their leaves.
    full: Vec<(u64, Blake3)>,
    leaves: u64,
}

impl PlanDigest {
    /// A digest of no dataset yet.
    pub const fn new() -> Self {
        Self { full: Vec::new(), leaves: 0 }
    }

    /// Adds the next dataset. Their order is a part of the plan.
    pub fn push(&mut self, leaf: &Leaf<'_>) {
        let dataset = leaf.dataset.to_string();
        let parts = [dataset.as_bytes(), &leaf.schema.0, &leaf.schema_plan.0, leaf.limits.as_bytes()];
        let mut tree = (1, hashed(b"skein plan leaf 1", &parts));
        while let Some(left) = self.full.pop_if(|(leaves, _)| *leaves == tree.0) {
            tree = (left.0 + tree.0, joined(&left.1, &tree.1));
        }
        self.full.push(tree);
        self.leaves += 1;
    }

    /// The digest, of all datasets with the module, the parameters and the policy.
    pub fn finish(self, module: &ModuleDigest, params: &ParamsDigest, policy: &Policy) -> Blake3 {
        let trees = self.full.into_iter().rev().map(|(_, root)| root);
        let root = trees.reduce(|right, left| joined(&left, &right));
        let root = root.as_ref().map_or(&[][..], |root| &root.0[..]);
        let (leaves, policy) = (self.leaves.to_be_bytes(), policy.canonical());
        hashed(b"skein plan 1", &[root, &leaves, &module.0, &params.0, policy.as_bytes()])
    }
}

fn joined(left: &Blake3, right: &Blake3) -> Blake3 {
    hashed(b"skein plan node 1", &[&left.0, &right.0])
}

/// Each part with its length before it, so that no two lists of parts are the same bytes; the first one says what it is, so
/// that no leaf passes for a node.
fn hashed(what: &[u8], parts: &[&[u8]]) -> Blake3 {
    let mut hasher = blake3::Hasher::new();
    for part in std::iter::once(&what).chain(parts) {
        hasher.update(&(part.len() as u64).to_be_bytes());
        hasher.update(part);
    }
    hasher.finalize().into()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{Blake3, DatasetId, Leaf, ModuleDigest, ParamsDigest, PlanDigest, hashed, joined};
    use crate::policy::Policy;
    use uuid::Uuid;

    fn leaf(number: u128) -> Leaf<'static> {
        let digest = Blake3::of(&number.to_be_bytes());
        let dataset = DatasetId::new(Uuid::from_u128(number));
        Leaf { dataset, schema: digest, schema_plan: Blake3::of(b"plan"), limits: "{}" }
    }

    fn of(leaves: &[Leaf<'_>]) -> Blake3 {
        let mut digest = PlanDigest::new();
        leaves.iter().for_each(|leaf| digest.push(leaf));
        digest.finish(&ModuleDigest::of(b"module"), &ParamsDigest::of(b"{}"), &Policy::standard())
    }

    /// The same tree, from the whole list: split where the largest power of two that is smaller ends.
    fn root(leaves: &[Leaf<'_>]) -> Blake3 {
        match leaves {
            [leaf] => {
                let dataset = leaf.dataset.to_string();
                let parts = [dataset.as_bytes(), &leaf.schema.0, &leaf.schema_plan.0, leaf.limits.as_bytes()];
                hashed(b"skein plan leaf 1", &parts)
            }
            more => {
                let (left, right) = more.split_at(more.len().next_power_of_two() / 2);
                joined(&root(left), &root(right))
            }
        }
    }

    #[test]
    fn the_digest_is_that_of_the_tree_over_the_whole_list() {
        for count in [1, 2, 3, 4, 5, 7, 8, 13, 100] {
            let leaves: Vec<_> = (0..count).map(leaf).collect();
            let (module, params) = (ModuleDigest::of(b"module"), ParamsDigest::of(b"{}"));
            let policy = Policy::standard().canonical();
            let parts: [&[u8]; 5] =
                [&root(&leaves).0, &(count as u64).to_be_bytes(), &module.0, &params.0, policy.as_bytes()];
            assert_eq!(of(&leaves), hashed(b"skein plan 1", &parts), "{count}");
        }
    }

    #[test]
    fn no_two_lists_of_parts_are_the_same_bytes() {
        let lists: [&[&[u8]]; 4] = [&[b"ab", b"c"], &[b"a", b"bc"], &[b"abc"], &[b"abc", b""]];
        let digests: BTreeSet<_> = lists.iter().map(|parts| hashed(b"what", parts)).collect();
        assert_eq!(digests.len(), 4);
        assert_ne!(hashed(b"wha", &[b"t"]), hashed(b"what", &[]));
    }

    #[test]
    fn one_change_of_anything_is_another_plan() {
        let leaves: Vec<_> = (0..5).map(leaf).collect();
        let mut seen = BTreeSet::from([of(&leaves).0, of(&[]).0, of(&leaves[..4]).0]);
        let mut swapped = leaves.clone();
        swapped.swap(1, 2);
        seen.insert(of(&swapped).0);
        let changes: [fn(&mut Leaf<'static>); 4] = [
            |leaf| leaf.dataset = DatasetId::new(Uuid::from_u128(99)),
            |leaf| leaf.schema = Blake3::of(b"other"),
            |leaf| leaf.schema_plan = Blake3::of(b"other"),
            |leaf| leaf.limits = "{\"memory\":1}",
        ];
        for change in changes {
            let mut changed = leaves.clone();
            change(&mut changed[4]);
            seen.insert(of(&changed).0);
        }
        let whole = |module: &[u8], params: &[u8], policy: &Policy| {
            let mut digest = PlanDigest::new();
            leaves.iter().for_each(|leaf| digest.push(leaf));
            digest.finish(&ModuleDigest::of(module), &ParamsDigest::of(params), policy).0
        };
        let standard = Policy::standard();
        assert!(!seen.insert(whole(b"module", b"{}", &standard)));
        seen.insert(whole(b"other", b"{}", &standard));
        seen.insert(whole(b"module", b"[]", &standard));
        seen.insert(whole(b"module", b"{}", &Policy { waves: vec![], ..standard }));
        assert_eq!(seen.len(), 11);
    }
}
