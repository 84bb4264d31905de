//! What a sample says of the whole.

/// Of a normal distribution: 19 of 20 cases are within so many standard deviations.
const SPREAD: f64 = 1.96;

/// Of `rows` rows at least and at most so many are rejected, if of a sample of them (rows, rejected) were, in 19 of 20 cases where
/// rejects are spread evenly. The bounds are Wilson's (1927): they hold where a sample had none at all too. Where every row was in the
/// sample, there is nothing to guess.
#[expect(clippy::cast_precision_loss, reason = "of a number that is a guess, few digits count")]
pub fn reject_bounds((sampled, rejected): (u64, u64), rows: u64) -> [u64; 2] {
    if sampled == 0 {
        return [0, rows];
    }
    if sampled >= rows {
        return [rejected.min(rows); 2];
    }
    let (share, count) = (rejected as f64 / sampled as f64, sampled as f64);
    let square = SPREAD * SPREAD;
    let middle = share + square / (2.0 * count);
    let reach = SPREAD * (share * (1.0 - share) / count + square / (4.0 * count * count)).sqrt();
    let of = |share: f64| whole((share / (1.0 + square / count)).clamp(0.0, 1.0) * rows as f64).min(rows);
    let least = if rejected == 0 { 0 } else { of(middle - reach) };
    let most = if rejected == sampled { rows } else { of(middle + reach) };
    [least, most]
}

/// The nearest whole number of one that is not below nothing.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "what is too large becomes the largest"
)]
const fn whole(number: f64) -> u64 {
    number.round() as u64
}

#[cfg(test)]
mod tests {
    use super::reject_bounds;

    #[test]
    fn rejects_are_bounded_by_what_a_sample_can_say() {
        let [least, most] = reject_bounds((1_000, 10), 1_000_000);
        // Wilson: 0.00544 to 0.01831.
        assert_eq!((least / 100, most / 100), (54, 183));
        let [least, most] = reject_bounds((1_000, 0), 1_000_000);
        assert_eq!((least, most / 100), (0, 38), "none of a thousand is up to 4 of a thousand");
        assert_eq!(reject_bounds((100, 100), 1_000)[1], 1_000);
    }

    #[test]
    fn where_all_was_tried_nothing_is_guessed_and_where_nothing_was_all_is() {
        assert_eq!(reject_bounds((40, 1), 40), [1, 1]);
        assert_eq!(reject_bounds((0, 0), 40), [0, 40]);
        assert_eq!(reject_bounds((2, 2), u64::MAX)[1], u64::MAX);
    }
}
