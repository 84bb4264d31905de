//! What a migration gives back for one batch.

use std::borrow::Cow;
use std::collections::VecDeque;

use arrow_array::{Array, ArrayRef, BooleanArray, RecordBatch};
use arrow_buffer::{BooleanBuffer, BooleanBufferBuilder};
use arrow_schema::SchemaRef;

use crate::{Failure, Shape};

/// A row refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reject {
    /// Number of the row, counted like [`crate::Batch::first_row`].
    pub row: u64,
    /// Short and stable.
    pub code: String,
    /// For people.
    pub message: String,
}

/// Collects the answer to a batch. Rows are indexes within the batch.
///
/// Shapes `same` and `filtered`: [`set`](Self::set) every computed column, one value per row *of the batch*; values of
/// rows that are rejected or not kept do not matter, they are cut out. Preserved columns need nothing. Shape `free`:
/// [`push`](Self::push) record batches with all target columns, as many as there are.
#[derive(Debug)]
pub struct Output {
    first_row: u64,
    rows: usize,
    shape: Shape,
    made: SchemaRef,
    pub(crate) columns: Vec<Option<ArrayRef>>,
    pub(crate) pushed: VecDeque<RecordBatch>,
    kept: Option<BooleanBuffer>,
    rejected: Option<BooleanBufferBuilder>,
    pub(crate) rejects: Vec<Reject>,
}

impl Output {
    pub(crate) fn new(shape: Shape, made: SchemaRef, first_row: u64, rows: usize) -> Self {
        let columns = vec![None; made.fields().len()];
        let (pushed, rejects) = (VecDeque::new(), Vec::new());
        Self { first_row, rows, shape, made, columns, pushed, kept: None, rejected: None, rejects }
    }

    /// Sets a computed column by its target name. Fails with `no-column`, `wrong-type` or `wrong-length`.
    pub fn set(&mut self, name: &str, array: ArrayRef) -> Result<(), Failure> {
        let Some((at, field)) = self.made.fields().find(name) else {
            let message = format!("the plan does not compute a column {name:?}");
            return Err(Failure::new("no-column", message));
        };
        if array.data_type() != field.data_type() {
            let (found, planned) = (array.data_type(), field.data_type());
            let message = format!("column {name:?} is planned as {planned}, the array is {found}");
            return Err(Failure::new("wrong-type", message));
        }
        if array.len() != self.rows {
            let message = format!("column {name:?} has {} values for {} rows", array.len(), self.rows);
            return Err(Failure::new("wrong-length", message));
        }
        self.columns[at] = Some(array);
        Ok(())
    }

    /// Refuses a row: it goes to the quarantine with a short stable code and a line for people. A second reject of the
    /// same row is ignored, and so is a row outside the batch.
    pub fn reject<'a>(&mut self, row: usize, code: impl Into<Cow<'a, str>>, message: &str) {
        let rows = self.rows;
        let rejected = self.rejected.get_or_insert_with(|| {
            let mut none = BooleanBufferBuilder::new(rows);
            none.append_n(rows, false);
            none
        });
        if row >= rows || rejected.get_bit(row) {
            return;
        }
        rejected.set_bit(row, true);
        let (row, code) = (self.first_row + row as u64, code.into().into_owned());
        self.rejects.push(Reject { row, code, message: message.to_owned() });
    }

    /// Whether a row was rejected.
    pub fn is_rejected(&self, row: usize) -> bool {
        row < self.rows && self.rejected.as_ref().is_some_and(|r| r.get_bit(row))
    }

    /// Shape `filtered`: which rows stay; nulls do not. Called again, a row stays only if all calls keep it. Fails with
    /// `wrong-shape` under other shapes and with `wrong-length`.
    pub fn keep_only(&mut self, rows: &BooleanArray) -> Result<(), Failure> {
        if self.shape != Shape::Filtered {
            let message = "only a plan with `filter()` can leave rows out; reject bad ones";
            return Err(Failure::new("wrong-shape", message));
        }
        if rows.len() != self.rows {
            let message = format!("{} decisions for {} rows", rows.len(), self.rows);
            return Err(Failure::new("wrong-length", message));
        }
        let stay = match rows.nulls() {
            Some(nulls) => rows.values() & nulls.inner(),
            None => rows.values().clone(),
        };
        self.kept = Some(match self.kept.take() {
            Some(before) => &before & &stay,
            None => stay,
        });
        Ok(())
    }

    /// Shape `free`: more rows of the target. The host takes them in bounded pieces. Fails with `wrong-shape` and
    /// `wrong-type`.
    pub fn push(&mut self, rows: RecordBatch) -> Result<(), Failure> {
        if self.shape != Shape::Free {
            return Err(Failure::new("wrong-shape", "only a plan with `reshape()` pushes rows"));
        }
        let planned = self.made.fields();
        let given = rows.schema_ref().fields();
        let same = |(p, g): (&arrow_schema::FieldRef, &arrow_schema::FieldRef)| {
            p.name() == g.name() && p.data_type() == g.data_type()
        };
        if planned.len() != given.len() || !planned.iter().zip(given.iter()).all(same) {
            let message = "the rows' columns are not those of the plan's target, in its order and types";
            return Err(Failure::new("wrong-type", message));
        }
        if rows.num_rows() > 0 {
            self.pushed.push_back(rows);
        }
        Ok(())
    }

    /// Kept and not rejected; `None` if that is every row.
    pub(crate) fn selected(&mut self) -> Option<BooleanBuffer> {
        let rejected =
            self.rejected.as_mut().filter(|_| !self.rejects.is_empty()).map(|r| !&r.finish_cloned());
        match (self.kept.clone(), rejected) {
            (None, None) => None,
            (Some(one), None) | (None, Some(one)) => Some(one),
            (Some(kept), Some(fine)) => Some(&kept & &fine),
        }
    }

    pub(crate) const fn filters(&self) -> bool {
        self.kept.is_some()
    }

    pub(crate) const fn rows(&self) -> usize {
        self.rows
    }

    pub(crate) const fn made(&self) -> &SchemaRef {
        &self.made
    }
}
