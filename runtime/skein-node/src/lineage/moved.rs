//! Which columns changed their order: the fewest that have to move to get from the old one to the new one.

/// For target columns in order, the place of each in the source: whether it is one of those that moved. Columns without
/// a place are new and do not move. What stays is a longest run of ascending places.
pub(super) fn moved(places: &[Option<u32>]) -> Vec<bool> {
    // `tails[n]`: the column that ends the best run of length n + 1 so far; `before`: its predecessor in it.
    let mut tails: Vec<usize> = Vec::new();
    let mut before: Vec<Option<usize>> = vec![None; places.len()];
    for (column, place) in places.iter().enumerate().filter(|(_, place)| place.is_some()) {
        let length = tails.partition_point(|tail| places[*tail] < *place);
        before[column] = length.checked_sub(1).map(|shorter| tails[shorter]);
        if length == tails.len() {
            tails.push(column);
        } else {
            tails[length] = column;
        }
    }
    let mut moved: Vec<bool> = places.iter().map(Option::is_some).collect();
    let mut stays = tails.last().copied();
    while let Some(column) = stays {
        moved[column] = false;
        stays = before[column];
    }
    moved
}

#[cfg(test)]
mod tests {
    use super::moved;

    fn which(places: &[i32]) -> Vec<usize> {
        let places: Vec<_> = places.iter().map(|place| u32::try_from(*place).ok()).collect();
        moved(&places).iter().enumerate().filter(|(_, moved)| **moved).map(|(column, _)| column).collect()
    }

    #[test]
    fn the_fewest_columns_are_said_to_have_moved() {
        assert_eq!(which(&[0, 1, 2, 3]), [0_usize; 0]);
        assert_eq!(which(&[1, 2, 3, 0]), [3], "the first went to the end");
        assert_eq!(which(&[3, 0, 1, 2]), [0], "the last went to the front");
        assert_eq!(which(&[0, 2, 1, 3]).len(), 1, "neighbours changed places");
        assert_eq!(which(&[5, -1, 7, -1, 9]), [0_usize; 0], "new ones and gaps do not count");
        assert_eq!(which(&[-1, -1]), [0_usize; 0]);
        assert_eq!(which(&[]), [0_usize; 0]);
    }
}
