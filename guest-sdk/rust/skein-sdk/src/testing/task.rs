//! One dataset through one migration.

use std::sync::Arc;

use arrow_array::{ArrayRef, BooleanArray, RecordBatch};
use arrow_schema::{Schema, SchemaRef};
use arrow_select::concat::concat_batches;
use arrow_select::filter::filter;

use super::rules::{Checked, From};
use super::{Rejected, TestError};
use crate::agent::{Agent, RawBatch, RawContext, RawOutput, RawSource};
use crate::{Migration, Shape, StateKind, ipc};

pub(super) struct Done {
    pub(super) target: RecordBatch,
    pub(super) rejects: Vec<Rejected>,
    pub(super) kept: Vec<bool>,
}

pub(super) struct Task<'a, M: Migration> {
    plan: &'a Checked,
    source: RawSource,
    batch_rows: usize,
    agent: Agent<M>,
    target: SchemaRef,
    made: SchemaRef,
    pieces: Vec<RecordBatch>,
    rejects: Vec<Rejected>,
    kept: Vec<bool>,
}

impl<'a, M: Migration> Task<'a, M> {
    pub(super) fn new(plan: &'a Checked, source: RawSource, batch_rows: usize) -> Self {
        let (target, made) = (Arc::new(plan.target.clone()), Arc::new(Schema::new(plan.made())));
        let (pieces, rejects, kept) = (Vec::new(), Vec::new(), Vec::new());
        Self { plan, source, batch_rows, agent: Agent::default(), target, made, pieces, rejects, kept }
    }

    pub(super) fn run(mut self, files: &[RecordBatch]) -> Result<Done, TestError> {
        let sequential = M::STATE == StateKind::Sequential;
        let (mut state, mut base) = (None, 0u64);
        for (index, file) in files.iter().enumerate() {
            self.open(state.take())?;
            self.file(index, if sequential { base } else { 0 }, file)?;
            base += file.num_rows() as u64;
            if sequential {
                state = self.saved()?;
            }
            if !sequential || index + 1 == files.len() {
                let last = self.agent.finish()?;
                self.answer(index, last, None)?;
            }
        }
        let target = concat_batches(&self.target, &self.pieces)?;
        Ok(Done { target, rejects: self.rejects, kept: self.kept })
    }

    fn open(&mut self, state: Option<Vec<u8>>) -> Result<(), TestError> {
        let (source, plan) = (self.source.clone(), self.plan.proposal.clone());
        self.agent = Agent::default();
        Ok(self.agent.open(RawContext { source, plan, state, ext: Vec::new() })?)
    }

    /// Saves twice: equal states must be equal bytes.
    fn saved(&mut self) -> Result<Option<Vec<u8>>, TestError> {
        let state = self.agent.save()?;
        if self.agent.save()? != state {
            return Err(TestError::Answer("two saves of one state differ".to_owned()));
        }
        Ok(state)
    }

    fn file(&mut self, index: usize, base: u64, file: &RecordBatch) -> Result<(), TestError> {
        let mut row = 0;
        while row < file.num_rows() {
            let rows = self.batch_rows.min(file.num_rows() - row);
            let source = file.slice(row, rows);
            let first_row = base + row as u64;
            let data = ipc::encode(&self.input(&source)?)?;
            let count = u32::try_from(rows).map_err(|_| TestError::Answer("batch too large".to_owned()))?;
            let output = self.agent.process(RawBatch { first_row, rows: count, data })?;
            self.answer(index, output, Some((first_row, &source)))?;
            row += rows;
        }
        Ok(())
    }

    fn input(&self, source: &RecordBatch) -> Result<RecordBatch, TestError> {
        let (mut fields, mut arrays) = (Vec::new(), Vec::new());
        for (place, pick) in &self.plan.input {
            let field = source.schema_ref().field(*place);
            fields.push(pick.field(field, field.name()));
            arrays.push(pick.array(source.column(*place))?);
        }
        let options = arrow_array::RecordBatchOptions::new().with_row_count(Some(source.num_rows()));
        Ok(RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), arrays, &options)?)
    }

    fn answer(
        &mut self,
        file: usize,
        mut output: RawOutput,
        batch: Option<(u64, &RecordBatch)>,
    ) -> Result<(), TestError> {
        let rejects = std::mem::take(&mut output.rejects);
        let kept = self.selection(&output, &rejects, batch)?;
        let add = |r: crate::Reject| Rejected { file, row: r.row, code: r.code, message: r.message };
        self.rejects.extend(rejects.into_iter().map(add));
        let mut made = Vec::new();
        loop {
            if let Some(data) = output.data.take() {
                made.push(self.decoded(data)?);
            }
            if !output.more {
                break;
            }
            output = self.agent.drain()?;
            if output.kept.is_some() {
                return Err(TestError::Answer("only the answer to `process` has `kept`".to_owned()));
            }
        }
        let made = concat_batches(&self.made, &made)?;
        match (self.plan.shape, batch) {
            (Shape::Free, _) => self.pieces.push(made.with_schema(Arc::clone(&self.target))?),
            (Shape::Same | Shape::Filtered, Some((_, source))) => self.join(&kept, source, &made)?,
            (Shape::Same | Shape::Filtered, None) if made.num_rows() > 0 => {
                return Err(TestError::Answer("rows after the last batch".to_owned()));
            }
            (Shape::Same | Shape::Filtered, None) => {}
        }
        Ok(())
    }

    fn decoded(&self, data: Vec<u8>) -> Result<RecordBatch, TestError> {
        let mut buffer = arrow_buffer::Buffer::from_vec(data);
        let mut decoder = arrow_ipc::reader::StreamDecoder::new();
        let batch = decoder.decode(&mut buffer)?;
        let batch = batch.ok_or_else(|| TestError::Answer("data without rows".to_owned()))?;
        let types =
            |schema: &Schema| schema.fields().iter().map(|f| f.data_type().clone()).collect::<Vec<_>>();
        if types(batch.schema_ref()) != types(&self.made) {
            return Err(TestError::Answer("data is not of the planned types".to_owned()));
        }
        // Fails where a column that is planned without nulls has some.
        Ok(RecordBatch::try_new(Arc::clone(&self.made), batch.columns().to_vec())?)
    }

    /// Which rows of the batch are in the target, from `kept` and rejects.
    fn selection(
        &self,
        output: &RawOutput,
        rejects: &[crate::Reject],
        batch: Option<(u64, &RecordBatch)>,
    ) -> Result<Vec<bool>, TestError> {
        let wrong = |what: &str| TestError::Answer(what.to_owned());
        let Some((first, source)) = batch else {
            return if rejects.is_empty() { Ok(Vec::new()) } else { Err(wrong("rejects without a batch")) };
        };
        let rows = source.num_rows();
        let mut kept = vec![true; rows];
        if let Some(bitmap) = &output.kept {
            if self.plan.shape != Shape::Filtered || bitmap.len() != rows.div_ceil(8) {
                return Err(wrong("`kept` under another shape, or of the wrong length"));
            }
            kept.iter_mut().enumerate().for_each(|(row, k)| *k = bitmap[row / 8] >> (row % 8) & 1 == 1);
        }
        if !rejects.is_sorted_by(|one, next| one.row < next.row) {
            return Err(wrong("rejected rows are not in order"));
        }
        for reject in rejects {
            let row =
                reject.row.checked_sub(first).and_then(|r| usize::try_from(r).ok()).filter(|r| *r < rows);
            kept[row.ok_or_else(|| wrong("a rejected row is not of the batch"))?] = false;
        }
        Ok(kept)
    }

    /// Carried columns beside the made ones.
    fn join(&mut self, kept: &[bool], source: &RecordBatch, made: &RecordBatch) -> Result<(), TestError> {
        let left = kept.iter().filter(|k| **k).count();
        if made.num_rows() != left && made.num_columns() > 0 {
            let message = format!("{} rows made for {left} rows kept", made.num_rows());
            return Err(TestError::Answer(message));
        }
        let mask = BooleanArray::from(kept.to_vec());
        let mut next = made.columns().iter();
        let mut columns: Vec<ArrayRef> = Vec::with_capacity(self.plan.from.len());
        for from in &self.plan.from {
            columns.push(match from {
                From::Carried { root, pick } => filter(&pick.array(source.column(*root))?, &mask)?,
                From::Made => Arc::clone(next.next().expect("one made array per made column")),
            });
        }
        self.kept.extend(kept);
        self.pieces.push(RecordBatch::try_new(Arc::clone(&self.target), columns)?);
        Ok(())
    }
}
