//! One source row group on its way into the output.

use std::sync::Arc;

use arrow_array::RecordBatch;
use skein_types::Selection;

use super::chunk::{ColumnsEncoder, EncodedColumns};
use super::error::FileError;
use super::filter;
use super::host;
use super::output::OutputPlan;
use super::source::SourceFile;

/// What becomes of the carried columns of a row group.
#[derive(Debug)]
pub(super) enum Carriage {
    /// Every row stays: the source's own bytes are copied when the file is sealed.
    Spliced,
    /// Rows are gone: these are the others, encoded anew.
    Selected(EncodedColumns),
}

/// A row group of the output without the bytes that are only copied. Made on any thread, appended in order.
#[derive(Debug)]
pub struct Fragment {
    pub(super) row_group: usize,
    pub(super) rows: usize,
    pub(super) made: EncodedColumns,
    /// Carried columns that the host writes, one entry each.
    pub(super) host: Vec<EncodedColumns>,
    pub(super) carriage: Carriage,
}

impl Fragment {
    /// Ordinal of the source row group.
    pub const fn row_group(&self) -> usize {
        self.row_group
    }

    /// Rows kept. A fragment without rows leaves no trace in the output.
    pub const fn rows(&self) -> usize {
        self.rows
    }

    /// Bytes held in memory until the fragment is appended.
    pub fn memory_size(&self) -> usize {
        let carried = match &self.carriage {
            Carriage::Spliced => 0,
            Carriage::Selected(columns) => columns.bytes.capacity(),
        };
        let host: usize = self.host.iter().map(|column| column.bytes.capacity()).sum();
        self.made.bytes.capacity() + host + carried
    }
}

/// Encodes what the guest made of one source row group.
#[derive(Debug)]
pub struct FragmentEncoder {
    plan: Arc<OutputPlan>,
    source: Arc<SourceFile>,
    row_group: usize,
    made: ColumnsEncoder,
}

impl FragmentEncoder {
    /// For one row group of the file that `plan` was made for.
    pub fn new(plan: Arc<OutputPlan>, source: Arc<SourceFile>, row_group: usize) -> Result<Self, FileError> {
        plan.is_of(&source)?;
        source.group(row_group)?;
        let made = ColumnsEncoder::new(&plan.made)?;
        Ok(Self { plan, source, row_group, made })
    }

    /// Encodes a batch of [`skein_types::SchemaPlan::guest_output`]: one row per kept row, in order.
    pub fn write(&mut self, batch: &RecordBatch) -> Result<(), FileError> {
        self.made.write(batch)
    }

    /// Ends the row group. `selection` covers all its source rows; where it drops some, the carried columns are
    /// decoded, filtered and encoded here. So are, in any case, those that the file does not have as they have to be.
    pub fn finish(self, selection: &Selection) -> Result<Fragment, FileError> {
        let rows = self.source.row_group_rows(self.row_group);
        if selection.rows() != rows {
            let what = format!("a selection over {} of {rows} rows", selection.rows());
            return Err(FileError::bug(what));
        }
        let has_made = !self.plan.made.arrow.fields().is_empty();
        if has_made && self.made.rows() != selection.kept() {
            let what = format!("{} computed rows for {} kept ones", self.made.rows(), selection.kept());
            return Err(FileError::bug(what));
        }
        let host = if selection.is_none() {
            Vec::new()
        } else {
            host::encode(&self.plan, &self.source, self.row_group, selection)?
        };
        let (made, carriage) = if selection.is_none() {
            (EncodedColumns::default(), Carriage::Spliced)
        } else if selection.is_full() {
            (self.made.finish()?, Carriage::Spliced)
        } else {
            let selected = filter::reencode(&self.plan.carried, &self.source, self.row_group, selection)?;
            (self.made.finish()?, Carriage::Selected(selected))
        };
        Ok(Fragment { row_group: self.row_group, rows: selection.kept(), made, host, carriage })
    }
}
