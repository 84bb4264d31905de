//! As many at a time as share the waits for the disk, and no dataset twice among them: its lock is held till the end.

use std::collections::BTreeSet;

use crate::dataset::Dataset;
use crate::publish::LOT;

/// In order, each lot as large as it may be.
pub(crate) fn lots<'d, T: Copy>(all: &[T], dataset: impl Fn(&T) -> &'d Dataset) -> Vec<Vec<T>> {
    let mut lots: Vec<Vec<T>> = Vec::new();
    let mut seen = BTreeSet::new();
    for one in all {
        let path = dataset(one).path();
        match lots.last_mut() {
            Some(lot) if lot.len() < LOT && seen.insert(path.clone()) => lot.push(*one),
            Some(_) | None => {
                seen = BTreeSet::from([path]);
                lots.push(vec![*one]);
            }
        }
    }
    lots
}
