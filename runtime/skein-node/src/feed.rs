//! One row group through one agent.

use arrow_array::RecordBatch;
use skein_dataset::parquet::SourceFile;
use skein_sandbox::{Processed, Reject};
use skein_types::{Selection, VerifyLevel};

use crate::agent::Agent;
use crate::error::RunError;
use crate::preserved::PreservedCheck;
use crate::progress::Progress;
use crate::witness::{Observer, Witness};

/// More rows per batch leave the CPU's caches, fewer cost calls.
const BATCH_ROWS_MAX: usize = 16 * 1024;
const BATCH_ROWS_MIN: usize = 256;
/// Wide rows: a batch and its copies must fit the guest's memory several times.
const BATCH_BYTES: u64 = 3 << 20;

/// What an agent said about one row group, its data apart.
#[derive(Debug)]
pub(crate) struct RowGroupTally {
    /// Kept rows of the row group.
    pub(crate) kept: Selection,
    /// Rejects, rows counted within the row group.
    pub(crate) rejects: Vec<Reject>,
    /// What was seen of it.
    pub(crate) witness: Witness,
}

/// How row groups are fed; the same for a whole schema group.
#[derive(Debug)]
pub(crate) struct Feed<'a> {
    /// Parquet leaves that the guest reads.
    pub(crate) leaves: &'a [usize],
    /// Wanted bytes of a batch, if the module has a wish.
    pub(crate) batch_bytes: Option<u64>,
    pub(crate) preserved: &'a PreservedCheck,
    /// How much is seen of what the agent gives.
    pub(crate) level: VerifyLevel,
    pub(crate) progress: &'a Progress,
}

impl Feed<'_> {
    /// Feeds row group `row_group` to `agent`; rows count from `first_row`. Output goes to `sink` batch by
    /// batch, with the rows of the batch that it is for.
    pub(crate) fn row_group(
        &self,
        agent: &mut dyn Agent,
        source: &SourceFile,
        (row_group, first_row): (usize, u64),
        mut sink: impl FnMut(&Selection, Vec<RecordBatch>) -> Result<(), RunError>,
    ) -> Result<RowGroupTally, RunError> {
        let mut kept = Vec::new();
        let mut rejects = Vec::new();
        let (mut observer, mut witness) = (Observer::new(self.level), Witness::default());
        self.batches(agent, source, (row_group, first_row, usize::MAX), |processed| {
            rejects.extend(processed.rejects);
            observer.made(&processed.data, &mut witness)?;
            sink(&processed.selection, processed.data)?;
            kept.push(processed.selection);
            Ok(())
        })?;
        let kept = Selection::concat(&kept);
        witness.row_group(kept.rows(), kept.kept(), rejects.len());
        Ok(RowGroupTally { kept, rejects, witness })
    }

    /// Feeds the first batches of a row group, at most `most`. Rejects come with rows counted within the row group.
    pub(crate) fn batches(
        &self,
        agent: &mut dyn Agent,
        source: &SourceFile,
        (row_group, first_row, most): (usize, u64, usize),
        mut answered: impl FnMut(Processed) -> Result<(), RunError>,
    ) -> Result<(), RunError> {
        agent.about(source.name(), row_group);
        let mut row = 0_u64;
        for batch in source.read(row_group, self.leaves, self.batch_rows(source, row_group))?.take(most) {
            if self.progress.is_cancelled() {
                return Err(RunError::Cancelled);
            }
            let batch = batch?;
            let mut processed = agent
                .process(first_row + row, &batch)
                .map_err(|e| RunError::guest(source.name(), row_group, e))?;
            self.preserved
                .check(&batch, &processed.selection, &processed.data)
                .map_err(|changed| RunError::preserved(source.name(), row_group, changed))?;
            processed.rejects.iter_mut().for_each(|reject| reject.row -= first_row);
            answered(processed)?;
            row += batch.num_rows() as u64;
            self.progress.rows_done(batch.num_rows() as u64);
            // A split may take minutes, and a limit holds what is known.
            self.progress.meters().cpu();
        }
        Ok(())
    }

    /// A function of the source alone, so that batch borders are the same in every attempt.
    pub(crate) fn batch_rows(&self, source: &SourceFile, row_group: usize) -> usize {
        let rows = source.row_group_rows(row_group).max(1) as u64;
        let bytes = source.decoded_bytes(row_group, self.leaves).0;
        let wanted = self.batch_bytes.map_or(BATCH_BYTES, |wish| wish.min(BATCH_BYTES));
        let fitting = wanted.saturating_mul(rows) / bytes.max(1);
        usize::try_from(fitting).unwrap_or(usize::MAX).clamp(BATCH_ROWS_MIN, BATCH_ROWS_MAX)
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::sync::Arc;
    use std::time::Duration;

    use arrow_array::{Int64Array, RecordBatch};
    use skein_dataset::parquet::{FreshFile, SourceFile};
    use skein_sandbox::{GuestError, Processed, Seed, Usage};
    use skein_types::{Selection, VerifyLevel};

    use super::Feed;
    use crate::agent::Agent;
    use crate::cpu;
    use crate::meters::Thread;
    use crate::preserved::PreservedCheck;
    use crate::progress::Progress;

    const WORK: Duration = Duration::from_millis(3);

    /// Works for a while at each batch, and notes what was told of it by then.
    struct Busy<'a> {
        progress: &'a Progress,
        told: Vec<Duration>,
    }

    impl Agent for Busy<'_> {
        fn reseed(&mut self, _: Seed) {}

        fn process(&mut self, _: u64, batch: &RecordBatch) -> Result<Processed, GuestError> {
            self.told.push(self.progress.meters().reading().own);
            let until = cpu::exactly_of_this_thread() + WORK;
            while cpu::exactly_of_this_thread() < until {}
            let selection = Selection::all(batch.num_rows());
            Ok(Processed { data: Vec::new(), selection, rejects: Vec::new() })
        }

        fn finish(&mut self) -> Result<Vec<RecordBatch>, GuestError> {
            Ok(Vec::new())
        }

        fn save(&mut self) -> Result<Option<Vec<u8>>, GuestError> {
            Ok(None)
        }

        fn usage(&self) -> Usage {
            Usage::default()
        }
    }

    #[test]
    fn the_time_that_a_batch_took_is_told_before_the_next() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("a.parquet");
        let numbers: Arc<dyn arrow_array::Array> = Arc::new(Int64Array::from_iter_values(0..800));
        let batch = RecordBatch::try_from_iter([("n", numbers)]).unwrap();
        let mut file = FreshFile::new(batch.schema(), File::create(&path).unwrap()).unwrap();
        file.write(&batch).unwrap();
        file.finish().unwrap();
        let source = SourceFile::open(File::open(&path).unwrap(), "a.parquet").unwrap();

        let (progress, preserved) = (Progress::default(), PreservedCheck::default());
        let feed = Feed {
            leaves: &[0],
            batch_bytes: Some(1),
            preserved: &preserved,
            level: VerifyLevel::Counts,
            progress: &progress,
        };
        let mut agent = Busy { progress: &progress, told: Vec::new() };
        Thread::Own.begins();
        feed.batches(&mut agent, &source, (0, 0, usize::MAX), |_| Ok(())).unwrap();
        let rounded = Duration::from_micros(1);
        for (batches, told) in (0..).zip(&agent.told) {
            assert!(*told + rounded >= WORK * batches, "{told:?} of {batches} batches");
        }
        assert_eq!(agent.told.len(), 4);
        assert!(progress.meters().reading().own + rounded >= 4 * WORK);
    }
}
