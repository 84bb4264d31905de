//! What a guest answers to a batch, held against shape, plan and limits.

use arrow_array::RecordBatch;
use arrow_buffer::BooleanBufferBuilder;
use arrow_data::ArrayData;
use arrow_schema::DataType;
use skein_types::{Bytes, Selection, Shape, StateKind};

use super::{Agent, Processed, Reject, failed, size};
use crate::GuestError;
use crate::bindings::types as wit;
use crate::instance::bounded;
use crate::preflight::Unsound;

/// What a reject costs beside its texts.
const REJECT_BYTES: usize = 64;

impl Agent {
    pub(super) fn process_inner(
        &mut self,
        first_row: u64,
        batch: &RecordBatch,
    ) -> Result<Processed, GuestError> {
        let rows = batch.num_rows();
        let mut collected = Collected { first_row, rows, ..Collected::default() };
        let input = self.encoder.encode(first_row, batch)?;
        self.moved.bytes_in = self.moved.bytes_in.saturating_add(size(input.data.len()));
        self.moved.rows_in = self.moved.rows_in.saturating_add(size(rows));
        let call = "process";
        let answer = self.instance.call(call, |guest, store| guest.call_process(store, input))?;
        let mut answer = failed(call, answer)?;
        let kept = answer.kept.take();
        let mut more = answer.more;
        self.collect(call, answer, &mut collected)?;
        let mut drains = 0;
        while more {
            if drains >= self.instance.limits.drains_per_batch {
                return Err(GuestError::EndlessDrain { limit: self.instance.limits.drains_per_batch });
            }
            drains += 1;
            let call = "drain";
            let answer = failed(call, self.instance.call(call, |guest, store| guest.call_drain(store))?)?;
            if answer.kept.is_some() {
                let reason = "a kept bitmap in the answer to drain".to_owned();
                return Err(GuestError::BadSelection { call, reason });
            }
            more = answer.more;
            self.collect(call, answer, &mut collected)?;
        }
        let selection = self.select(kept, &collected)?;
        self.check_rows(&collected.data, &selection)?;
        Ok(Processed { data: collected.data, selection, rejects: collected.rejects })
    }

    pub(super) fn finish_inner(&mut self) -> Result<Vec<RecordBatch>, GuestError> {
        let mut collected = Collected::default();
        let mut call = "finish";
        let mut answer = failed(call, self.instance.call(call, |guest, store| guest.call_finish(store))?)?;
        let mut drains = 0;
        loop {
            let more = answer.more;
            if answer.kept.is_some() || !answer.rejects.is_empty() {
                return Err(GuestError::FinishOutput);
            }
            self.collect(call, answer, &mut collected)?;
            if !more {
                break;
            }
            if drains >= self.instance.limits.drains_per_batch {
                return Err(GuestError::EndlessDrain { limit: self.instance.limits.drains_per_batch });
            }
            drains += 1;
            call = "drain";
            answer = failed(call, self.instance.call(call, |guest, store| guest.call_drain(store))?)?;
        }
        let rows: usize = collected.data.iter().map(RecordBatch::num_rows).sum();
        let may = self.shape == Shape::Free && self.state_kind == StateKind::Sequential;
        if rows > 0 && !may {
            return Err(GuestError::FinishOutput);
        }
        Ok(collected.data)
    }

    fn collect(
        &mut self,
        call: &'static str,
        answer: wit::Output,
        all: &mut Collected,
    ) -> Result<(), GuestError> {
        if let Some(bytes) = answer.data {
            let limit = self.instance.limits.output_bytes_per_call;
            if size(bytes.len()) > limit.0 {
                return Err(GuestError::OutputTooLarge { call, limit });
            }
            self.answered(call, bytes.len(), all)?;
            let Some(preflight) = &mut self.preflight else {
                let reason = "data although no column is computed or preserved".to_owned();
                return Err(GuestError::WrongSchema { call, reason });
            };
            let batches = preflight.decode(bytes).map_err(|unsound| explain(call, unsound))?;
            let rows: usize = batches.iter().map(RecordBatch::num_rows).sum();
            self.moved.rows_out = self.moved.rows_out.saturating_add(size(rows));
            let byteless =
                batches.iter().flat_map(RecordBatch::columns).map(|c| byteless(&c.to_data())).sum();
            self.answered(call, byteless, all)?;
            all.data.extend(batches.into_iter().filter(|b| b.num_rows() > 0));
        }
        self.moved.rejects = self.moved.rejects.saturating_add(size(answer.rejects.len()));
        let limit = self.instance.limits.rejects;
        if let Some(wit::Reject { row, code, message }) = answer.rejects.first()
            && self.moved.rejects > limit
        {
            let (code, message) = (bounded(code.clone()), bounded(message.clone()));
            return Err(GuestError::Rejects { limit, row: *row, code, message });
        }
        for reject in answer.rejects {
            self.answered(call, REJECT_BYTES + reject.code.len() + reject.message.len(), all)?;
            all.reject(call, reject)?;
        }
        Ok(())
    }

    /// Rows that stay: those of the bitmap that are not rejected.
    fn select(&self, kept: Option<Vec<u8>>, all: &Collected) -> Result<Selection, GuestError> {
        let refused = |reason: String| GuestError::BadSelection { call: "process", reason };
        let kept = match kept {
            Some(_) if self.shape != Shape::Filtered => {
                return Err(refused(format!("a kept bitmap under shape {}", self.shape)));
            }
            Some(bits) => {
                Selection::from_bitmap(&bits, all.rows).map_err(|error| refused(error.to_string()))?
            }
            None => Selection::all(all.rows),
        };
        if all.rejects.is_empty() {
            return Ok(kept);
        }
        let mut bits = BooleanBufferBuilder::new(all.rows);
        bits.append_buffer(kept.bits());
        all.rejects.iter().for_each(|reject| bits.set_bit(all.place(reject.row), false));
        Ok(Selection::from_bits(bits.finish()))
    }

    fn check_rows(&self, data: &[RecordBatch], selection: &Selection) -> Result<(), GuestError> {
        if self.shape == Shape::Free || self.preflight.is_none() {
            return Ok(());
        }
        let found: usize = data.iter().map(RecordBatch::num_rows).sum();
        if found == selection.kept() {
            return Ok(());
        }
        Err(GuestError::WrongRows { call: "process", expected: size(selection.kept()), found: size(found) })
    }

    /// Counts output as it comes, so that a module that answers on and on is stopped before the host holds it all.
    fn answered(&mut self, call: &'static str, bytes: usize, all: &mut Collected) -> Result<(), GuestError> {
        self.moved.bytes_out = self.moved.bytes_out.saturating_add(size(bytes));
        all.bytes = all.bytes.saturating_add(size(bytes));
        let limits = &self.instance.limits;
        if all.bytes > limits.output_bytes_per_batch.0 {
            return Err(GuestError::BatchOutput { call, limit: limits.output_bytes_per_batch });
        }
        let allowed = self.moved.bytes_in.saturating_mul(limits.expansion).max(limits.expansion_floor.0);
        if self.moved.bytes_out <= allowed {
            return Ok(());
        }
        let (input, output) = (Bytes(self.moved.bytes_in), Bytes(self.moved.bytes_out));
        Err(GuestError::Expansion { input, output, limit: limits.expansion })
    }
}

/// What a batch has led to so far.
#[derive(Default)]
struct Collected {
    first_row: u64,
    rows: usize,
    bytes: u64,
    data: Vec<RecordBatch>,
    rejects: Vec<Reject>,
}

impl Collected {
    /// Takes a reject if it is of this batch and after those before, so that there are never more than rows.
    fn reject(&mut self, call: &'static str, found: wit::Reject) -> Result<(), GuestError> {
        let row = found.row;
        let bad = |reason| Err(GuestError::BadReject { call, row, reason });
        if row < self.first_row {
            return bad("before the batch");
        }
        if self.place(row) >= self.rows {
            return bad("after the batch");
        }
        if self.rejects.last().is_some_and(|last| row <= last.row) {
            return bad("twice or out of order");
        }
        self.rejects.push(Reject { row, code: bounded(found.code), message: bounded(found.message) });
        Ok(())
    }

    fn place(&self, row: u64) -> usize {
        usize::try_from(row - self.first_row).unwrap_or(usize::MAX)
    }
}

/// Values that came without bytes: a column of nulls is only a number of rows, but nobody writes those for nothing.
fn byteless(array: &ArrayData) -> usize {
    if *array.data_type() == DataType::Null {
        return array.len();
    }
    array.child_data().iter().map(byteless).sum()
}

fn explain(call: &'static str, unsound: Unsound) -> GuestError {
    match unsound {
        Unsound::Forged(reason) => GuestError::ForgedArrow { call, reason },
        Unsound::Compressed => GuestError::CompressedArrow { call },
        Unsound::WrongSchema(reason) => GuestError::WrongSchema { call, reason },
        Unsound::Nulls(column) => GuestError::Nulls { call, column },
        Unsound::TooManyRows { rows, limit } => GuestError::TooManyRows { call, rows, limit },
        Unsound::DecoderPanic => GuestError::DecoderPanic { call },
    }
}
