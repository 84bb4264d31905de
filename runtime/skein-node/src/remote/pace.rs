//! When what has finished is worth an exchange of its own.
//!
//! Small runs end every few milliseconds, and each exchange is a transaction of the ledger: told one by one they would cost
//! more than they are. While there is enough to do, results gather; whatever is left goes with the next exchange, which is
//! never later than the lease's own rhythm. A node that is about to run out of work speaks at once.

/// So many results are told together: half of what a node may have unstarted, so that the other half lasts until the answer.
const ENOUGH: usize = 32;

/// Whether to speak now, with so many results to tell and so many tasks not begun.
pub(super) const fn is_worth_an_exchange(results: usize, unstarted: usize) -> bool {
    results >= ENOUGH || unstarted == 0
}

#[cfg(test)]
mod tests {
    use super::{ENOUGH, is_worth_an_exchange};

    #[test]
    fn results_gather_while_there_is_work_and_are_told_at_once_where_it_ends() {
        assert!(!is_worth_an_exchange(1, 1));
        assert!(!is_worth_an_exchange(ENOUGH - 1, 1));
        assert!(is_worth_an_exchange(ENOUGH, 64));
        assert!(is_worth_an_exchange(1, 0));
    }
}
