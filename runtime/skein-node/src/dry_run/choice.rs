//! Which row groups and rows a dry run looks at. Pure: the same dataset and plan give the same sample.

use std::collections::BTreeSet;

/// One row group to look at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Pick {
    /// Among the files of the run.
    pub(super) file: usize,
    pub(super) row_group: usize,
}

/// A file as far as choosing needs it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Candidate {
    pub(super) row_groups: usize,
    /// Schema group.
    pub(super) group: usize,
}

/// At most `most` row groups in order: the first of each schema group, then spread evenly over the dataset.
pub(super) fn spread(files: &[Candidate], most: usize) -> Vec<Pick> {
    let total: usize = files.iter().map(|file| file.row_groups).sum();
    let mut picks = BTreeSet::new();
    let mut groups = BTreeSet::new();
    for (place, file) in files.iter().enumerate().filter(|(_, file)| file.row_groups > 0) {
        if picks.len() < most && groups.insert(file.group) {
            picks.insert(Pick { file: place, row_group: 0 });
        }
    }
    let steps = most.saturating_sub(1).max(1);
    for step in 0..most.min(total) {
        let ordinal = if total <= most { step } else { step * (total - 1) / steps };
        if picks.len() < most {
            picks.extend(at(files, ordinal));
        }
    }
    picks.into_iter().collect()
}

/// The row group with this number, counted over all files.
fn at(files: &[Candidate], mut ordinal: usize) -> Option<Pick> {
    for (file, candidate) in files.iter().enumerate() {
        if ordinal < candidate.row_groups {
            return Some(Pick { file, row_group: ordinal });
        }
        ordinal -= candidate.row_groups;
    }
    None
}

/// All row groups in order, for a module with state: it cannot begin anywhere else. Ends before files of another schema.
pub(super) fn head(files: &[Candidate]) -> impl Iterator<Item = Pick> {
    let filled = || files.iter().enumerate().filter(|(_, file)| file.row_groups > 0);
    let group = filled().next().map(|(_, file)| file.group);
    let same = filled().take_while(move |(_, file)| Some(file.group) == group);
    same.flat_map(|(file, found)| (0..found.row_groups).map(move |row_group| Pick { file, row_group }))
}

/// The share of part `part` of `parts` in `limit`.
pub(super) const fn quota(limit: usize, part: usize, parts: usize) -> usize {
    limit * (part + 1) / parts - limit * part / parts
}

/// At most `quota` of `total` rows, spread evenly; `notable` ones (the first reject, the first row that goes) take the place
/// of the last ones if none of them is among these and an ordinary row is left beside them.
pub(super) fn rows(total: usize, quota: usize, notable: &[usize]) -> Vec<usize> {
    let quota = quota.min(total);
    let mut rows: BTreeSet<usize> = (0..quota).map(|n| n * total / quota).collect();
    let missing: Vec<usize> =
        notable.iter().copied().filter(|row| *row < total && !rows.contains(row)).collect();
    for row in missing.into_iter().take(quota.saturating_sub(1)) {
        let ordinary = rows.iter().rev().find(|row| !notable.contains(row)).copied();
        if let Some(last) = ordinary {
            rows.remove(&last);
            rows.insert(row);
        }
    }
    rows.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::{Candidate, Pick, head, quota, rows, spread};

    fn files(files: &[(usize, usize)]) -> Vec<Candidate> {
        files.iter().map(|(row_groups, group)| Candidate { row_groups: *row_groups, group: *group }).collect()
    }

    fn places(picks: impl IntoIterator<Item = Pick>) -> Vec<(usize, usize)> {
        picks.into_iter().map(|pick| (pick.file, pick.row_group)).collect()
    }

    #[test]
    fn row_groups_are_spread_from_the_first_to_the_last() {
        assert_eq!(places(spread(&files(&[(2, 0), (0, 0), (1, 0)]), 6)), [(0, 0), (0, 1), (2, 0)]);
        let many = vec![(1, 0); 101];
        assert_eq!(places(spread(&files(&many), 5)), [(0, 0), (25, 0), (50, 0), (75, 0), (100, 0)]);
        assert_eq!(places(spread(&files(&[(1_000, 0)]), 3)), [(0, 0), (0, 499), (0, 999)]);
        assert_eq!(places(spread(&files(&[(0, 0)]), 3)), []);
        assert_eq!(places(spread(&files(&many), 1)), [(0, 0)]);
    }

    #[test]
    fn every_schema_group_is_looked_at_before_any_twice() {
        let mixed = files(&[(9, 0), (9, 0), (9, 1), (9, 2)]);
        let picks = places(spread(&mixed, 4));
        assert!([(0, 0), (2, 0), (3, 0)].iter().all(|first| picks.contains(first)), "{picks:?}");
        assert_eq!(picks.len(), 4);
        assert_eq!(places(spread(&mixed, 2)), [(0, 0), (2, 0)], "more groups than picks");
    }

    #[test]
    fn a_module_with_state_begins_at_the_head_and_stays_within_one_schema() {
        let mixed = files(&[(0, 1), (2, 0), (1, 0), (5, 1)]);
        assert_eq!(places(head(&mixed)), [(1, 0), (1, 1), (2, 0)]);
    }

    #[test]
    fn quotas_add_up() {
        assert_eq!((0..6).map(|part| quota(20, part, 6)).sum::<usize>(), 20);
        assert_eq!((0..3).map(|part| quota(2, part, 3)).collect::<Vec<_>>(), [0, 1, 1]);
    }

    #[test]
    fn rows_are_spread_and_notable_ones_are_among_them() {
        assert_eq!(rows(1_000, 4, &[]), [0, 250, 500, 750]);
        assert_eq!(rows(3, 10, &[]), [0, 1, 2]);
        assert_eq!(rows(1_000, 4, &[99]), [0, 99, 250, 500]);
        assert_eq!(rows(1_000, 4, &[99, 7]), [0, 7, 99, 250]);
        assert_eq!(rows(1_000, 4, &[250]), [0, 250, 500, 750]);
        assert_eq!(rows(1_000, 1, &[99]), [0], "one row shows the ordinary");
        assert_eq!(rows(0, 4, &[]), [0_usize; 0]);
        assert_eq!(rows(9, 0, &[1]), [0_usize; 0]);
    }
}
