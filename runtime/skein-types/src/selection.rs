//! Which rows of one row group (or batch) are kept.

use arrow_buffer::{BooleanBuffer, BooleanBufferBuilder};

/// A `kept` bitmap that does not fit its rows.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SelectionError {
    /// The bitmap must have exactly `ceil(rows / 8)` bytes.
    #[error("the kept bitmap has {found} bytes, {rows} rows need {expected}")]
    WrongLength {
        /// Rows of the batch.
        rows: usize,
        /// Bytes needed.
        expected: usize,
        /// Bytes given.
        found: usize,
    },
    /// Bits past the last row must be zero, so that one selection has one representation.
    #[error("the kept bitmap has bits set past its {rows} rows")]
    TrailingBits {
        /// Rows of the batch.
        rows: usize,
    },
}

/// One bit per row, LSB first, set where the row is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selection {
    bits: BooleanBuffer,
    kept: usize,
}

impl Selection {
    /// Every row kept.
    pub fn all(rows: usize) -> Self {
        Self { bits: BooleanBuffer::new_set(rows), kept: rows }
    }

    /// From the contract's bitmap (LSB first).
    pub fn from_bitmap(bytes: &[u8], rows: usize) -> Result<Self, SelectionError> {
        let expected = rows.div_ceil(8);
        if bytes.len() != expected {
            return Err(SelectionError::WrongLength { rows, expected, found: bytes.len() });
        }
        let tail = rows % 8;
        if tail != 0 && bytes.last().is_some_and(|last| last >> tail != 0) {
            return Err(SelectionError::TrailingBits { rows });
        }
        Ok(Self::from_bits(BooleanBuffer::new(bytes.to_vec().into(), 0, rows)))
    }

    /// From bits.
    pub fn from_bits(bits: BooleanBuffer) -> Self {
        let kept = bits.count_set_bits();
        Self { bits, kept }
    }

    /// Several selections, one after the other.
    pub fn concat<'a>(parts: impl IntoIterator<Item = &'a Self>) -> Self {
        let mut bits = BooleanBufferBuilder::new(0);
        parts.into_iter().for_each(|part| bits.append_buffer(&part.bits));
        Self::from_bits(bits.finish())
    }

    /// Rows in all.
    pub fn rows(&self) -> usize {
        self.bits.len()
    }

    /// Rows kept.
    pub const fn kept(&self) -> usize {
        self.kept
    }

    /// Whether every row is kept.
    pub fn is_full(&self) -> bool {
        self.kept == self.bits.len()
    }

    /// Whether no row is kept.
    pub const fn is_none(&self) -> bool {
        self.kept == 0
    }

    /// Whether row `row` is kept; `false` past the end.
    pub fn keeps(&self, row: usize) -> bool {
        row < self.bits.len() && self.bits.value(row)
    }

    /// The bits, for Arrow's filter kernel.
    pub const fn bits(&self) -> &BooleanBuffer {
        &self.bits
    }
}

#[cfg(test)]
mod tests {
    use super::{Selection, SelectionError};

    #[test]
    fn a_bitmap_counts_its_rows_lsb_first() {
        let selection = Selection::from_bitmap(&[0b0000_0101, 0b1], 9).unwrap();
        assert_eq!((selection.rows(), selection.kept()), (9, 3));
        assert!(selection.keeps(0) && !selection.keeps(1) && selection.keeps(8) && !selection.keeps(9));
    }

    #[test]
    fn bitmaps_of_the_wrong_size_or_with_stray_bits_are_refused() {
        assert_eq!(
            Selection::from_bitmap(&[1], 9),
            Err(SelectionError::WrongLength { rows: 9, expected: 2, found: 1 })
        );
        assert_eq!(Selection::from_bitmap(&[1, 0b10], 9), Err(SelectionError::TrailingBits { rows: 9 }));
    }

    #[test]
    fn concat_keeps_the_order_of_its_parts() {
        let a = Selection::from_bitmap(&[0b01], 2).unwrap();
        let whole = Selection::concat([&a, &Selection::all(3)]);
        assert_eq!((0..5).map(|row| whole.keeps(row)).collect::<Vec<_>>(), [true, false, true, true, true]);
    }
}
