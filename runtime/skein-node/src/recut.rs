//! One output whose row groups are cut anew, from one source or several: a worker does it from end to end.
//!
//! Sources come in order, and each row group goes through an agent of its own with the seed and the batches that it would
//! have without, so what a module answers does not depend on which files become one.

use std::sync::Arc;

use arrow_array::RecordBatch;
use skein_dataset::parquet::{OutputPlan, RowGroupCutter, RowGroupSize, WholeRows};
use skein_types::{Selection, Shape};

use crate::error::RunError;
use crate::inputs;
use crate::lane::{FileWork, OutputWriter};
use crate::resize::OutputFile;
use crate::transform::{Shared, Tally, Transform};
use crate::witness::Witness;

impl Transform<'_> {
    /// How the output is stored: like its first source, with the keys that are true of all.
    pub(crate) fn recut_plan(&self, output: &OutputFile) -> Result<OutputPlan, RunError> {
        let laid = |file: usize| -> Result<OutputPlan, RunError> {
            let source = inputs::open_presented(self.bench.snapshot, &self.files[file])?;
            Ok(OutputPlan::new(&source, &self.group(file).plan)?)
        };
        let first = output.first();
        let mut plan = laid(first)?.recut(&self.group(first).plan)?;
        for file in output.sources.iter().skip(1) {
            if self.bench.progress.is_cancelled() {
                return Err(RunError::Cancelled);
            }
            plan.meet(&laid(*file)?);
        }
        Ok(plan)
    }
}

impl Shared<'_> {
    /// Writes everything of the output but its footer.
    pub(crate) fn recut(
        &self,
        output: &OutputFile,
        size: RowGroupSize,
        (first, writer): (&FileWork, &mut OutputWriter),
        tally: &mut Tally,
    ) -> Result<(), RunError> {
        let mut cutter = RowGroupCutter::sized(Arc::clone(&first.output), size)?;
        let mut witness = Witness::default();
        let mut push = |batch: RecordBatch| writer.append_fresh(cutter.push(&batch)?);
        for file in &output.sources {
            let work = self.transform.source_work(*file, |_| Ok(Arc::clone(&first.output)))?;
            for row_group in 0..work.source.row_groups() {
                if self.transform.bench.progress.is_cancelled() {
                    return Err(RunError::Cancelled);
                }
                self.recut_row_group((*file, row_group), &work, (tally, &mut witness), &mut push)?;
            }
            if *file != output.first() {
                // The output counts for its first.
                self.transform.bench.progress.file_done(0);
            }
        }
        writer.witness.add(&witness);
        writer.append_fresh(cutter.finish()?)
    }

    fn recut_row_group(
        &self,
        (file, row_group): (usize, usize),
        work: &FileWork,
        (tally, witness): (&mut Tally, &mut Witness),
        mut push: impl FnMut(RecordBatch) -> Result<(), RunError>,
    ) -> Result<(), RunError> {
        let plan = &self.transform.group(file).plan;
        if plan.shape() == Shape::Free {
            // The guest makes every column.
            let sink = |_: &Selection, made: Vec<RecordBatch>| made.into_iter().try_for_each(&mut push);
            return self.through_agent((file, row_group), work, (tally, witness), sink).map(drop);
        }
        let mut rows = WholeRows::new(&work.output, plan, (&work.source, row_group))?;
        if plan.needs_guest() {
            let sink = |kept: &Selection, made: Vec<RecordBatch>| rows.next(kept, &made, &mut push);
            return self.through_agent((file, row_group), work, (tally, witness), sink).map(drop);
        }
        let all = Selection::all(work.source.row_group_rows(row_group));
        rows.next(&all, &[], &mut push)?;
        tally.row_group(&all, 0);
        witness.row_group(all.rows(), all.kept(), 0);
        self.transform.bench.progress.rows_done(all.rows() as u64);
        Ok(())
    }
}
