//! Lists are read in pages by key, so that no answer grows with what is there and no page gets slower towards the end.

use crate::bounds::PAGE_MAX;

/// How many rows a page may have: 1 to 1,000.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit(usize);

impl Limit {
    /// The most there is.
    pub const MAX: Self = Self(PAGE_MAX);

    /// The nearest that is allowed.
    pub fn new(rows: usize) -> Self {
        Self(rows.clamp(1, PAGE_MAX))
    }

    /// Rows.
    pub const fn rows(self) -> usize {
        self.0
    }
}

/// A part of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T, K> {
    /// In the order of their keys.
    pub items: Vec<T>,
    /// Where the next page starts after; none if this is the last.
    pub next: Option<K>,
}

impl<T, K> Page<T, K> {
    /// Of up to one row more than the limit, which says whether there is more.
    pub(crate) fn of(mut items: Vec<T>, limit: Limit, key: impl Fn(&T) -> K) -> Self {
        let more = items.len() > limit.0;
        items.truncate(limit.0);
        let next = if more { items.last().map(key) } else { None };
        Self { items, next }
    }
}

#[cfg(test)]
mod tests {
    use super::{Limit, Page};

    #[test]
    fn a_full_page_says_where_to_go_on_only_if_there_is_more() {
        let page = |rows: Vec<u64>| Page::of(rows, Limit::new(2), |row| *row);
        assert_eq!(page(vec![1, 2, 3]), Page { items: vec![1, 2], next: Some(2) });
        assert_eq!(page(vec![1, 2]), Page { items: vec![1, 2], next: None });
        assert_eq!(page(vec![]), Page { items: vec![], next: None });
    }

    #[test]
    fn a_limit_is_one_to_a_thousand() {
        assert_eq!([0, 7, 5000].map(|n| Limit::new(n).rows()), [1, 7, 1000]);
    }
}
