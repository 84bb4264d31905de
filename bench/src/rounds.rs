//! The same work by several contenders, timed alternately, so that a slow minute of the machine hits all of them.

use crate::series::Series;

/// Fewer rounds say nothing about a median.
pub const MIN_ROUNDS: usize = 5;

/// Runs every contender once per round and collects what each answers. Every second round goes backwards: nobody always
/// works on caches that the same neighbour left behind.
pub fn alternate<C, T>(
    contenders: &mut [C],
    rounds: usize,
    mut run: impl FnMut(&mut C) -> anyhow::Result<T>,
) -> anyhow::Result<Vec<Vec<T>>> {
    let mut taken: Vec<Vec<T>> = contenders.iter().map(|_| Vec::with_capacity(rounds)).collect();
    for round in 0..rounds {
        let mut order: Vec<usize> = (0..contenders.len()).collect();
        if round % 2 == 1 {
            order.reverse();
        }
        for index in order {
            taken[index].push(run(&mut contenders[index])?);
        }
    }
    Ok(taken)
}

/// The median of one series over the best median of others.
pub fn ratio_to_best(ours: &Series, others: &[&Series]) -> f64 {
    let best = others.iter().map(|series| series.summary().median).fold(f64::INFINITY, f64::min);
    ours.summary().median / best
}

#[cfg(test)]
mod tests {
    use super::{alternate, ratio_to_best};
    use crate::series::Series;

    #[test]
    fn every_second_round_goes_backwards() {
        let mut order = String::new();
        let taken = alternate(&mut ['a', 'b', 'c'], 3, |name| {
            order.push(*name);
            Ok(*name)
        });
        assert_eq!(order, "abccbaabc");
        assert_eq!(taken.unwrap(), [['a'; 3], ['b'; 3], ['c'; 3]]);
    }

    #[test]
    fn the_ratio_is_to_the_fastest_of_the_others() {
        let series = |values: &[f64]| Series::new(values.to_vec()).unwrap();
        assert_eq!(ratio_to_best(&series(&[3.0]), &[&series(&[6.0, 7.0, 8.0]), &series(&[4.0])]), 0.75);
    }
}
