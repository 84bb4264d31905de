//! When what has finished is worth an exchange of its own.
//!
//! Small runs end every few milliseconds, and each exchange is a transaction of the ledger: told one by one they would cost
//! more than they are. While there is enough to do, results gather; whatever is left goes with the next exchange, which is
//! never later than the lease's own rhythm. A node that is about to run out of work speaks at once.

use skein_api::node::{EXCHANGE_BYTES_MAX, HELD_MAX, Outcome, Report};
use skein_api::{List, Meters, Why};
use skein_types::codes;

/// Of the results in an exchange; the rest of it is small.
const RESULTS_BYTES_MAX: usize = EXCHANGE_BYTES_MAX / 2;

/// So many results are told together: half of what a node may have unstarted, so that the other half lasts until the answer.
const ENOUGH: usize = 32;

/// Whether to speak now, with so many results to tell and so many tasks not begun.
pub(super) const fn is_worth_an_exchange(results: usize, unstarted: usize) -> bool {
    results >= ENOUGH || unstarted == 0
}

/// Results that go into one exchange, and those that wait for the next. One that fits into none becomes the failure that it is.
pub(super) fn fitting(results: Vec<Report>) -> (List<Report, HELD_MAX>, Vec<Report>) {
    let (mut some, mut rest, mut room) = (Vec::new(), Vec::new(), RESULTS_BYTES_MAX);
    for report in results {
        let report = told_at_all(report);
        let bytes = size(&report);
        if bytes > room || !rest.is_empty() {
            rest.push(report);
            continue;
        }
        room -= bytes;
        some.push(report);
    }
    let (some, more) = List::first(some);
    rest.splice(0..0, more);
    (some, rest)
}

fn told_at_all(report: Report) -> Report {
    let bytes = size(&report);
    if bytes <= RESULTS_BYTES_MAX {
        return report;
    }
    let message = format!("what was found is {bytes} bytes, more than an exchange holds");
    let why = Why::new(codes::BODY_TOO_LARGE, &message, None);
    Report { outcome: Outcome::Failed { why, meters: Meters::default() }, notes: None, ..report }
}

fn size(report: &Report) -> usize {
    serde_json::to_vec(report).map_or(usize::MAX, |bytes| bytes.len())
}

#[cfg(test)]
mod tests {
    use skein_types::{AttemptId, TaskId, Token};
    use uuid::Uuid;

    use super::{
        ENOUGH, Outcome, RESULTS_BYTES_MAX, Report, Why, codes, fitting, is_worth_an_exchange, size,
    };
    use skein_api::Meters;
    use skein_api::node::Held;

    fn failed(bytes: usize) -> Report {
        let held = Held {
            task: TaskId::new(Uuid::nil()),
            token: Token { generation: 1, epoch: 1 },
            attempt: AttemptId::new(Uuid::nil()),
        };
        let why = Why::new(codes::IO, &"x".repeat(bytes), None);
        let outcome = Outcome::Failed { why, meters: Meters::default() };
        Report { held, outcome, notes: None, used: skein_api::node::Used::default() }
    }

    #[test]
    fn results_go_in_their_order_as_far_as_an_exchange_holds_them() {
        let one = size(&failed(1_000));
        let all: Vec<Report> = (0..RESULTS_BYTES_MAX / one + 10).map(|_| failed(1_000)).collect();
        let (some, rest) = fitting(all.clone());
        assert!(some.len() <= super::HELD_MAX);
        assert_eq!(some.len() + rest.len(), all.len());
        assert!(some.iter().map(size).sum::<usize>() <= RESULTS_BYTES_MAX);
        assert_eq!(fitting(rest).0.len(), some.len());
    }

    #[test]
    fn results_gather_while_there_is_work_and_are_told_at_once_where_it_ends() {
        assert!(!is_worth_an_exchange(1, 1));
        assert!(!is_worth_an_exchange(ENOUGH - 1, 1));
        assert!(is_worth_an_exchange(ENOUGH, 64));
        assert!(is_worth_an_exchange(1, 0));
    }
}
