//! Places for what is there for a while: so many in all, and so many of each.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How many there are.
#[derive(Clone, Copy, Debug)]
pub struct Most {
    /// In all.
    pub all: usize,
    /// Of each.
    pub of_each: usize,
}

/// Why there is none left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Full {
    /// All are taken.
    All,
    /// All that one may have.
    OfOne,
}

/// Places, and who has how many of them.
#[derive(Debug)]
pub struct Places<K> {
    most: Most,
    taken: Mutex<BTreeMap<K, usize>>,
}

/// One place, given back when it is dropped.
#[derive(Debug)]
pub struct Place<K: Ord> {
    places: Arc<Places<K>>,
    of: K,
}

impl<K: Ord + Clone> Places<K> {
    /// So many, and none taken.
    pub fn new(most: Most) -> Arc<Self> {
        Arc::new(Self { most, taken: Mutex::default() })
    }

    /// One more of somebody's.
    pub fn take(self: &Arc<Self>, of: &K) -> Result<Place<K>, Full> {
        let mut taken = self.taken();
        let own = taken.get(of).copied().unwrap_or_default();
        if own >= self.most.of_each {
            return Err(Full::OfOne);
        }
        if taken.values().sum::<usize>() >= self.most.all {
            return Err(Full::All);
        }
        taken.insert(of.clone(), own + 1);
        drop(taken);
        Ok(Place { places: Arc::clone(self), of: of.clone() })
    }
}

impl<K> Places<K> {
    /// How many are taken.
    pub fn count(&self) -> usize {
        self.taken().values().sum()
    }

    fn taken(&self) -> MutexGuard<'_, BTreeMap<K, usize>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Ord> Drop for Place<K> {
    fn drop(&mut self) {
        let mut taken = self.places.taken();
        if let Some(count) = taken.get_mut(&self.of) {
            *count -= 1;
            if *count == 0 {
                taken.remove(&self.of);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Full, Most, Places};

    #[test]
    fn each_has_so_many_places_and_all_of_them_together() {
        let places = Places::new(Most { all: 3, of_each: 2 });
        let one = [places.take(&1), places.take(&1)].map(Result::unwrap);
        assert_eq!(places.take(&1).unwrap_err(), Full::OfOne);
        let two = places.take(&2).unwrap();
        assert_eq!(places.take(&2).unwrap_err(), Full::All);
        assert_eq!(places.take(&3).unwrap_err(), Full::All);
        drop(two);
        let three = places.take(&3).unwrap();
        assert_eq!(places.count(), 3);
        drop((one, three));
        assert!(places.taken().is_empty(), "{places:?}");
    }
}
