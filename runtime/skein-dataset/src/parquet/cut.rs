//! Row groups for rows that come from no row group: shape `free`.
//!
//! Where a row group ends is a function of the rows alone, not of the batches they come in.

use std::num::NonZeroUsize;
use std::ops::Range;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_schema::DataType;
use skein_types::Bytes;

use super::chunk::{ColumnsEncoder, EncodedColumns};
use super::error::FileError;
use super::output::{LeafOrigin, OutputPlan};
use super::source::SourceFile;

/// Rows of a row group at most, and rows of a split at most unless one row group alone has more.
const ROWS_MAX: usize = 1 << 20;
/// The size is looked at each time so many rows are complete.
const BLOCK: usize = 1024;
/// Unless it is this many times what it may be, and more than [`BITS_HARD`]: then a row group ends at any row, because
/// 1024 very wide ones may be more than the memory holds.
const TIMES_MAX: u64 = 2;
const BITS_HARD: u64 = (256 << 20) * 8;

/// Where a row group ends: at the first of both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RowGroupSize {
    /// Rows, exactly.
    pub rows: NonZeroUsize,
    /// Size as Arrow, looked at each time 1024 rows are complete.
    pub bytes: Bytes,
}

impl RowGroupSize {
    /// A million rows (2^20) or 128 MiB.
    pub const STANDARD: Self =
        Self { rows: NonZeroUsize::new(ROWS_MAX).expect("more than none"), bytes: Bytes(128 << 20) };
}

impl RowGroupSize {
    const fn bits(&self) -> u64 {
        self.bytes.0.saturating_mul(8)
    }

    fn hard_bits(&self) -> u64 {
        self.bits().saturating_mul(TIMES_MAX).max(BITS_HARD)
    }
}

/// An encoded row group without a source.
#[derive(Debug)]
pub struct FreshRowGroup {
    pub(super) rows: usize,
    pub(super) made: EncodedColumns,
}

impl FreshRowGroup {
    /// Rows in it.
    pub const fn rows(&self) -> usize {
        self.rows
    }

    /// Bytes held in memory until it is appended.
    pub const fn memory_size(&self) -> usize {
        self.made.bytes.capacity()
    }
}

/// Runs of consecutive row groups of about a row group's worth of rows each: what one agent does under `free`.
pub fn splits(source: &SourceFile) -> Vec<Range<usize>> {
    let mut splits: Vec<Range<usize>> = Vec::new();
    let mut rows = 0;
    for group in 0..source.row_groups() {
        let more = source.row_group_rows(group);
        match splits.last_mut() {
            Some(last) if rows + more <= ROWS_MAX => {
                last.end = group + 1;
                rows += more;
            }
            _ => {
                splits.push(group..group + 1);
                rows = more;
            }
        }
    }
    splits
}

/// Takes batches in order and cuts them into encoded row groups. One per split.
#[derive(Debug)]
pub struct RowGroupCutter {
    plan: Arc<OutputPlan>,
    open: ColumnsEncoder,
    size: RowGroupSize,
    rows: usize,
    bits: u64,
}

impl RowGroupCutter {
    /// For a plan that carries nothing.
    pub fn new(plan: Arc<OutputPlan>) -> Result<Self, FileError> {
        Self::sized(plan, RowGroupSize::STANDARD)
    }

    /// The same with row groups of another size.
    pub fn sized(plan: Arc<OutputPlan>, size: RowGroupSize) -> Result<Self, FileError> {
        if plan.leaves.iter().any(|leaf| !matches!(leaf, LeafOrigin::Made { .. })) {
            return Err(FileError::bug("carried columns have no place among fresh rows"));
        }
        let open = ColumnsEncoder::new(&plan.made)?;
        Ok(Self { plan, open, size, rows: 0, bits: 0 })
    }

    /// Encodes a batch of [`skein_types::SchemaPlan::guest_output`] and answers the row groups that it completes.
    pub fn push(&mut self, batch: &RecordBatch) -> Result<Vec<FreshRowGroup>, FileError> {
        let mut complete = Vec::new();
        let (mut from, mut at) = (0, 0);
        while at < batch.num_rows() {
            let room = (BLOCK - self.rows % BLOCK).min(self.size.rows.get() - self.rows);
            let (step, more) = some_rows(
                &batch.slice(at, room.min(batch.num_rows() - at)),
                self.size.hard_bits().saturating_sub(self.bits),
            );
            self.bits = self.bits.saturating_add(more);
            self.rows += step;
            at += step;
            let full = self.bits >= self.size.bits();
            let wide = self.bits >= self.size.hard_bits();
            if self.rows == self.size.rows.get() || (self.rows.is_multiple_of(BLOCK) && full) || wide {
                self.open.write(&batch.slice(from, at - from))?;
                complete.push(self.cut()?);
                from = at;
            }
        }
        if from < at {
            self.open.write(&batch.slice(from, at - from))?;
        }
        Ok(complete)
    }

    /// The last row group, unless there are no rows left for one.
    pub fn finish(mut self) -> Result<Option<FreshRowGroup>, FileError> {
        if self.rows == 0 {
            return Ok(None);
        }
        self.cut().map(Some)
    }

    fn cut(&mut self) -> Result<FreshRowGroup, FileError> {
        let full = std::mem::replace(&mut self.open, ColumnsEncoder::new(&self.plan.made)?);
        let rows = std::mem::take(&mut self.rows);
        self.bits = 0;
        Ok(FreshRowGroup { rows, made: full.finish()? })
    }
}

/// The first rows of a block, up to the one with which they have so many bits, and the bits that they have.
fn some_rows(block: &RecordBatch, most: u64) -> (usize, u64) {
    let size = |rows: &RecordBatch| rows.columns().iter().map(bits).sum::<u64>();
    let all = size(block);
    if all < most {
        return (block.num_rows(), all);
    }
    let mut sum = 0;
    for row in 0..block.num_rows() {
        sum += size(&block.slice(row, 1));
        if sum >= most {
            return (row + 1, sum);
        }
    }
    (block.num_rows(), sum)
}

/// Size of an array's rows in bits, so that the sizes of two pieces add up to that of the whole.
fn bits(array: &ArrayRef) -> u64 {
    let rows = array.len() as u64;
    let variable = |offset_bits: u64, bytes: u64| rows * offset_bits + bytes * 8;
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "every other type of a guest's view has a fixed width"
    )]
    let data = match array.data_type() {
        DataType::Null => 0,
        DataType::Boolean => rows,
        DataType::FixedSizeBinary(width) => rows * 8 * u64::try_from(*width).unwrap_or(0),
        DataType::Utf8 => variable(32, span(array.as_string::<i32>().value_offsets())),
        DataType::LargeUtf8 => variable(64, span(array.as_string::<i64>().value_offsets())),
        DataType::Binary => variable(32, span(array.as_binary::<i32>().value_offsets())),
        DataType::LargeBinary => variable(64, span(array.as_binary::<i64>().value_offsets())),
        DataType::Struct(_) => array.as_struct().columns().iter().map(bits).sum(),
        DataType::List(_) => {
            let list = array.as_list::<i32>();
            rows * 32 + items(list.value_offsets(), list.values())
        }
        DataType::LargeList(_) => {
            let list = array.as_list::<i64>();
            rows * 64 + items(list.value_offsets(), list.values())
        }
        DataType::Map(_, _) => {
            let map = array.as_map();
            let entries: ArrayRef = Arc::new(map.entries().clone());
            rows * 32 + items(map.value_offsets(), &entries)
        }
        DataType::FixedSizeList(_, _) => bits(array.as_fixed_size_list().values()),
        other => rows * 8 * other.primitive_width().map_or(8, |width| width as u64),
    };
    rows + data
}

/// Bytes or items between the first and the last offset of a slice.
fn span<O: Copy + TryInto<u64>>(offsets: &[O]) -> u64 {
    let end = |offset: Option<&O>| offset.and_then(|o| (*o).try_into().ok()).unwrap_or(0);
    end(offsets.last()).saturating_sub(end(offsets.first()))
}

fn items<O: Copy + TryInto<u64> + TryInto<usize>>(offsets: &[O], values: &ArrayRef) -> u64 {
    let first: usize = offsets.first().and_then(|o| (*o).try_into().ok()).unwrap_or(0);
    let count = usize::try_from(span(offsets)).unwrap_or(0);
    bits(&values.slice(first, count))
}

#[cfg(test)]
mod tests {
    use super::{bits, some_rows};
    use arrow_array::{ArrayRef, RecordBatch, StringArray};
    use std::sync::Arc;

    #[test]
    fn rows_end_with_the_one_that_reaches_the_size_wherever_a_batch_ends() {
        let texts: ArrayRef = Arc::new(StringArray::from(vec!["a", "bb", "", "dddd"]));
        let block = RecordBatch::try_from_iter([("t", Arc::clone(&texts))]).unwrap();
        // An offset of 32 bits and one for null, and the text.
        let sizes = [41, 49, 33, 65];
        assert_eq!(bits(&texts), sizes.iter().sum::<u64>());
        assert_eq!(some_rows(&block, 1_000), (4, 188));
        assert_eq!(some_rows(&block, 123), (3, 123));
        assert_eq!(some_rows(&block, 42), (2, 90));
        assert_eq!(some_rows(&block.slice(1, 3), 1), (1, 49));
    }
}
