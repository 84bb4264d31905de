//! Buckets over random takers and rates.

use std::time::Duration;

use proptest::prelude::*;

use crate::bucket::{Bucket, PIECE_MAX};

/// What takers that never pause get: moments in nanoseconds, and bytes.
fn served(rate: u64, takers: usize, wants: u64, span: Duration) -> Vec<(u128, u64)> {
    let mut bucket = Bucket::new(rate, Duration::ZERO);
    let mut free_at = vec![Duration::ZERO; takers];
    let mut served = Vec::new();
    loop {
        let (at, now) = free_at.iter().copied().enumerate().min_by_key(|(_, at)| *at).unwrap();
        if now > span {
            return served;
        }
        let take = bucket.take(now, wants).unwrap();
        // A taker that need not wait has something to do with what it got.
        let then = now + take.wait.max(Duration::from_micros(1));
        served.push((then.as_nanos(), take.bytes));
        free_at[at] = then;
    }
}

fn between(served: &[(u128, u64)], from: u128, to: u128) -> u64 {
    served.iter().filter(|(at, _)| *at > from && *at <= to).map(|(_, bytes)| *bytes).sum()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn over_any_two_seconds_it_is_within_a_twentieth(
        rate in 100_000_u64..2_000_000_000, takers in 1_usize..6, wants in 1_000_u64..8_000_000, from in 100_u128..3_000
    ) {
        let wants = wants.max(rate / 10_000);
        let served = served(rate, takers, wants, Duration::from_secs(6));
        let from = from * 1_000_000;
        let got = between(&served, from, from + 2_000_000_000);
        let should = rate * 2;
        prop_assert!(got.abs_diff(should) * 20 <= should, "{got} of {should}");
    }

    #[test]
    fn nobody_waits_longer_than_for_one_piece_of_each_that_came_before(
        rate in 1_000_u64..2_000_000_000, takers in 1_u32..20, wants in 1_u64..8_000_000
    ) {
        let mut bucket = Bucket::new(rate, Duration::ZERO);
        for before in 1..=takers {
            let take = bucket.take(Duration::ZERO, wants).unwrap();
            prop_assert!(take.bytes <= bucket.piece() && bucket.piece() <= PIECE_MAX);
            let most = Duration::from_millis(50) * before + Duration::from_millis(1);
            prop_assert!(take.wait <= most.max(Duration::from_secs(1) * before / u32::try_from(rate.min(1_000)).unwrap()));
        }
    }

    #[test]
    fn a_new_rate_holds_from_the_moment_it_is_set(
        first in 1_000_000_u64..1_000_000_000, second in 1_000_000_u64..1_000_000_000
    ) {
        let mut bucket = Bucket::new(first, Duration::ZERO);
        let mut now = Duration::ZERO;
        for _ in 0..20 {
            now += bucket.take(now, u64::MAX).unwrap().wait;
        }
        bucket.set_rate(second, now);
        let (begin, mut got) = (now, 0);
        while now < begin + Duration::from_secs(2) {
            let take = bucket.take(now, u64::MAX).unwrap();
            now += take.wait.max(Duration::from_micros(1));
            got += take.bytes;
        }
        let should = second * 2;
        prop_assert!(got.abs_diff(should) * 20 <= should, "{got} of {should}");
    }
}

#[test]
fn what_gathers_while_nobody_takes_is_one_piece() {
    let mut bucket = Bucket::new(10 << 20, Duration::ZERO);
    let now = Duration::from_secs(3_600);
    assert_eq!(bucket.piece(), (10 << 20) / 20);
    assert_eq!(bucket.take(now, u64::MAX).unwrap().wait, Duration::ZERO);
    let second = bucket.take(now, u64::MAX).unwrap();
    assert_eq!((second.bytes, second.wait), ((10 << 20) / 20, Duration::from_millis(50)));
}

#[test]
fn a_rate_of_nothing_lets_nothing_through_until_there_is_one() {
    let mut bucket = Bucket::new(0, Duration::ZERO);
    assert_eq!(bucket.take(Duration::from_secs(9), 1), None);
    bucket.set_rate(1_000, Duration::from_secs(10));
    let take = bucket.take(Duration::from_secs(10), 1_000).unwrap();
    assert_eq!((take.bytes, take.wait), (50, Duration::from_millis(50)));
}
