//! From an [`Output`] to the contract's answers, in bounded pieces.

use std::collections::VecDeque;
use std::sync::Arc;

use arrow_array::{ArrayRef, BooleanArray, RecordBatch};
use arrow_buffer::BooleanBuffer;
use arrow_select::filter::FilterBuilder;

use super::{Layout, RawOutput};
use crate::{Batch, Failure, Output, Shape, ipc};

/// Most bytes of rows in one answer.
const PIECE_BYTES: usize = 4 << 20;
/// Most rows in one answer.
const PIECE_ROWS: usize = 64 << 10;

/// Rows that wait for the host to drain them.
#[derive(Debug, Default)]
pub(super) struct Pending {
    rows: VecDeque<RecordBatch>,
}

impl Pending {
    /// The first answer to a call. Without a batch (`finish`) only pushed rows count.
    pub(super) fn answer(
        &mut self,
        layout: &Layout,
        batch: Option<&Batch>,
        mut out: Output,
    ) -> Result<RawOutput, Failure> {
        let mut first = match (layout.shape(), batch) {
            (Shape::Same | Shape::Filtered, Some(batch)) => aligned(layout, batch, &mut out)?,
            (Shape::Same | Shape::Filtered, None) => RawOutput::default(),
            (Shape::Free, _) => {
                self.rows = std::mem::take(&mut out.pushed);
                self.next()?
            }
        };
        first.rejects = out.rejects;
        // A migration may check column by column; the host wants the rows in order.
        first.rejects.sort_by_key(|reject| reject.row);
        Ok(first)
    }

    /// The next piece of what was pushed.
    pub(super) fn next(&mut self) -> Result<RawOutput, Failure> {
        let Some(rows) = self.rows.pop_front() else { return Ok(RawOutput::default()) };
        let piece = piece_rows(&rows);
        let data = if piece < rows.num_rows() {
            self.rows.push_front(rows.slice(piece, rows.num_rows() - piece));
            ipc::encode(&rows.slice(0, piece))?
        } else {
            ipc::encode(&rows)?
        };
        Ok(RawOutput { data: Some(data), more: !self.rows.is_empty(), ..RawOutput::default() })
    }
}

/// Rows of the first piece: as many as fit on average, at least one.
fn piece_rows(rows: &RecordBatch) -> usize {
    let count = rows.num_rows();
    let per_row = (ipc::bytes(rows) / count.max(1)).max(1);
    (PIECE_BYTES / per_row).clamp(1, PIECE_ROWS).min(count)
}

/// Shapes whose rows line up with the batch's.
fn aligned(layout: &Layout, batch: &Batch, out: &mut Output) -> Result<RawOutput, Failure> {
    let selected = out.selected();
    let kept = out.filters().then(|| selected.as_ref().map(bitmap)).flatten();
    let some_left = selected.as_ref().map_or(out.rows(), BooleanBuffer::count_set_bits) > 0;
    if layout.made().fields().is_empty() || !some_left {
        return Ok(RawOutput { kept, ..RawOutput::default() });
    }
    let columns = columns(layout, batch, out)?;
    let columns = match selected {
        Some(rows) => cut(&columns, rows)?,
        None => columns,
    };
    let made = RecordBatch::try_new(Arc::clone(out.made()), columns)?;
    Ok(RawOutput { data: Some(ipc::encode(&made)?), kept, ..RawOutput::default() })
}

fn columns(layout: &Layout, batch: &Batch, out: &mut Output) -> Result<Vec<ArrayRef>, Failure> {
    let computed = std::mem::take(&mut out.columns);
    let places = computed.into_iter().zip(layout.preserved()).zip(out.made().fields());
    places
        .map(|((computed, preserved), field)| match (computed, preserved) {
            (Some(array), None) => Ok(array),
            (_, Some(path)) => batch.array(path).map(Arc::clone),
            (None, None) => {
                let message = format!("computed column {:?} was not set", field.name());
                Err(Failure::new("missing-output", message))
            }
        })
        .collect()
}

fn cut(columns: &[ArrayRef], rows: BooleanBuffer) -> Result<Vec<ArrayRef>, Failure> {
    let predicate = FilterBuilder::new(&BooleanArray::new(rows, None)).optimize().build();
    columns.iter().map(|array| predicate.filter(array).map_err(Failure::from)).collect()
}

/// A bit per row, least significant first, zero past the end.
fn bitmap(rows: &BooleanBuffer) -> Vec<u8> {
    let mut bytes = vec![0u8; rows.len().div_ceil(8)];
    rows.set_indices().for_each(|row| bytes[row / 8] |= 1 << (row % 8));
    bytes
}
