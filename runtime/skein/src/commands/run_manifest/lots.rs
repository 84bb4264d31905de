//! How many datasets are under way at a time: as many as one lot may have, and as the process may have open files.

use skein_node::BatchShape;

use crate::descriptors;

/// More would not make the waits for the disk much cheaper.
const LOT: usize = 64;
/// Directories and files that one staged dataset holds open, with some to spare.
const DESCRIPTORS_EACH: u64 = 20;
/// For everything else: standard streams, the module, syncs in flight.
const DESCRIPTORS_BESIDE: u64 = 128;

/// Raises this process's limit of open files as far as it may, and makes lots that stay below.
pub(super) fn shape(workers: usize) -> BatchShape {
    BatchShape { workers, lot: lot(workers, descriptors::raised()) }
}

fn lot(workers: usize, open_files: u64) -> usize {
    let datasets = open_files.saturating_sub(DESCRIPTORS_BESIDE) / DESCRIPTORS_EACH;
    let beside_workers = usize::try_from(datasets).unwrap_or(usize::MAX).saturating_sub(workers);
    (beside_workers / 2).clamp(1, LOT)
}

#[cfg(test)]
mod tests {
    use super::{BatchShape, DESCRIPTORS_BESIDE, DESCRIPTORS_EACH, lot};

    #[test]
    fn what_is_in_flight_fits_into_the_open_files() {
        assert_eq!([256, 1_024, 4_096, 1 << 20].map(|open| lot(2, open)), [2, 21, 64, 64]);
        for open in [256, 1_024, 4_096] {
            let shape = BatchShape { workers: 2, lot: lot(2, open) };
            assert!(DESCRIPTORS_BESIDE + shape.in_flight() as u64 * DESCRIPTORS_EACH <= open);
        }
        assert_eq!(lot(8, 64), 1, "one at a time is slow and not wrong");
    }
}
