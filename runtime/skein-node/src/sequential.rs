//! Modules with state: one task over the whole dataset, files in byte order of path, rows in order.
//!
//! At every checkpoint border the agent is saved, dropped and opened again from what it saved. Borders are functions
//! of the source, so a run that was interrupted and continued has the same agents over the same rows as one that was
//! not; and restoring is exercised all the time instead of only after a crash.

use std::sync::Arc;

use arrow_array::RecordBatch;
use skein_dataset::parquet::{FragmentEncoder, RowGroupCutter};
use skein_sandbox::Seed;
use skein_types::{Rows, Selection, Shape};

use crate::agent::Agent;
use crate::cpu;
use crate::error::RunError;
use crate::feed::{Feed, RowGroupTally};
use crate::inputs;
use crate::lane::{FileWork, OutputWriter};
use crate::preserved::PreservedCheck;
use crate::transform::{Tally, Transform, Transformed};

/// The one agent of a sequential task, wherever it lives at the moment.
struct Task<'a> {
    transform: &'a Transform<'a>,
    /// The agent and the schema group that it was opened for.
    agent: Option<(Box<dyn Agent>, usize)>,
    rows_since_checkpoint: u64,
    first_row: u64,
    tally: Tally,
}

/// Runs the whole dataset through one agent.
pub(crate) fn run(transform: &Transform<'_>) -> Result<Transformed, RunError> {
    let mut task =
        Task { transform, agent: None, rows_since_checkpoint: 0, first_row: 0, tally: Tally::default() };
    let started = cpu::of_this_thread();
    let mut outputs = Vec::with_capacity(transform.files.len());
    for file in 0..transform.files.len() {
        outputs.push(task.file(file).map_err(|error| match transform.bench.staging.take_fault() {
            Some(fault) => RunError::from(fault),
            None => {
                let pinned = transform.files[file].pinned(transform.bench.snapshot);
                inputs::blamed(transform.bench.snapshot, pinned, error)
            }
        })?);
    }
    let mut rows = task.tally.rows;
    rows.written = outputs.iter().map(|o| o.sealed.rows).sum::<Rows>();
    let mut cost = task.tally.cost;
    cost.cpu.0 = cpu::of_this_thread().0.saturating_sub(started.0);
    Ok(Transformed { outputs, rows, cost })
}

impl Task<'_> {
    fn file(&mut self, file: usize) -> Result<crate::lane::StagedOutput, RunError> {
        let transform = self.transform;
        let work = transform.file_work(&transform.outputs[file])?;
        let group = transform.group(file);
        let preserved = PreservedCheck::new(&group.plan);
        let leaves = group.plan.read_leaves();
        let feed = Feed {
            leaves: &leaves,
            batch_bytes: transform.batch_bytes(),
            preserved: &preserved,
            progress: transform.bench.progress,
        };
        let pinned = transform.files[file].pinned(transform.bench.snapshot);
        let mut writer = OutputWriter::create(transform.bench.staging, pinned, &work.output)?;
        if group.plan.shape() == Shape::Free {
            self.free(file, &work, &feed, &mut writer)?;
        } else {
            self.in_place(file, &work, &feed, &mut writer)?;
        }
        let staged = writer.finish(transform.bench.rule, vec![file])?;
        transform.bench.progress.file_done(staged.entry.size);
        Ok(staged)
    }

    fn in_place(
        &mut self,
        file: usize,
        work: &FileWork,
        feed: &Feed<'_>,
        writer: &mut OutputWriter,
    ) -> Result<(), RunError> {
        for row_group in 0..work.source.row_groups() {
            let mut encoder =
                FragmentEncoder::new(Arc::clone(&work.output), Arc::clone(&work.source), row_group)?;
            let fed =
                self.row_group((file, row_group), work, feed, &mut |batch| Ok(encoder.write(&batch)?))?;
            writer.sealer.append(&work.source, encoder.finish(&fed.kept)?)?;
        }
        if self.is_last(file) {
            self.finish(|_| Err(RunError::bug("the sandbox let rows out of finish that have no place")))?;
        }
        Ok(())
    }

    fn free(
        &mut self,
        file: usize,
        work: &FileWork,
        feed: &Feed<'_>,
        writer: &mut OutputWriter,
    ) -> Result<(), RunError> {
        let mut cutter = RowGroupCutter::new(Arc::clone(&work.output))?;
        for row_group in 0..work.source.row_groups() {
            let mut sink = |batch: RecordBatch| writer.append_fresh(cutter.push(&batch)?);
            self.row_group((file, row_group), work, feed, &mut sink)?;
        }
        if self.is_last(file) {
            self.finish(|batch| writer.append_fresh(cutter.push(&batch)?))?;
        }
        writer.append_fresh(cutter.finish()?)
    }

    fn row_group(
        &mut self,
        (file, row_group): (usize, usize),
        work: &FileWork,
        feed: &Feed<'_>,
        sink: &mut dyn FnMut(RecordBatch) -> Result<(), RunError>,
    ) -> Result<RowGroupTally, RunError> {
        let seed = work.seed.row_group(row_group);
        let at = |source| RunError::guest(work.source.name(), row_group, source);
        let mut agent = self.agent_for(file, seed).map_err(at)?;
        let sink = |_: &Selection, made: Vec<RecordBatch>| made.into_iter().try_for_each(&mut *sink);
        let fed = feed.row_group(&mut *agent, &work.source, (row_group, self.first_row), sink)?;
        self.agent = Some((agent, self.transform.job.plans.group_of[file]));
        let quarantine = &self.transform.job.made.quarantine;
        quarantine.add((file, row_group), &work.source, self.first_row, &fed.rejects)?;
        self.tally.row_group(&fed.kept, fed.rejects.len());
        self.first_row += fed.kept.rows() as u64;
        self.rows_since_checkpoint += fed.kept.rows() as u64;
        Ok(fed)
    }

    /// The agent for the next row group: the one at work, or its successor at a checkpoint border and where files of
    /// another schema begin, because an agent knows only the plan that it was opened with.
    fn agent_for(&mut self, file: usize, seed: Seed) -> Result<Box<dyn Agent>, skein_sandbox::GuestError> {
        let agents = self.transform.agents(file);
        let Some((mut agent, group)) = self.agent.take() else { return agents.open(seed, None) };
        if self.rows_since_checkpoint < self.transform.job.request.checkpoint_rows.0
            && group == self.transform.job.plans.group_of[file]
        {
            agent.reseed(seed);
            return Ok(agent);
        }
        let state = agent.save()?;
        self.tally.used(&agent.usage());
        self.rows_since_checkpoint = 0;
        drop(agent);
        agents.open(seed, state)
    }

    fn finish(&mut self, mut sink: impl FnMut(RecordBatch) -> Result<(), RunError>) -> Result<(), RunError> {
        let Some((mut agent, _)) = self.agent.take() else { return Ok(()) };
        let last = agent.finish().map_err(|source| RunError::Guest { place: "finish".to_owned(), source })?;
        self.tally.used(&agent.usage());
        last.into_iter().try_for_each(&mut sink)
    }

    fn is_last(&self, file: usize) -> bool {
        file + 1 == self.transform.files.len()
    }
}
