//! Modules with state: one task over the whole dataset, files in byte order of path, rows in order.
//!
//! At every checkpoint border the agent is saved, dropped and opened again from what it saved. Borders are functions
//! of the source, so a run that was interrupted and continued has the same agents over the same rows as one that was
//! not; and restoring is exercised all the time instead of only after a crash.
//!
//! A large run keeps what each row group gave, and at each border what the agent saved. A later attempt takes over the
//! row groups up to the last border of which everything is kept, in order, and opens an agent from there.

use std::sync::{Arc, Mutex};

use arrow_array::RecordBatch;
use serde::{Deserialize, Serialize};
use skein_dataset::parquet::{Fragment, FragmentEncoder, Piece, RowGroupCutter};
use skein_sandbox::{GuestError, Reject, Seed};
use skein_types::{Rows, Selection, Shape};

use crate::agent::Agent;
use crate::cpu;
use crate::error::RunError;
use crate::feed::{Feed, RowGroupTally};
use crate::inputs;
use crate::lane::{FileWork, OutputWriter};
use crate::pieces::{Key, Note, Pieces, Rejected};
use crate::preserved::{Multisets, PreservedCheck, common};
use crate::transform::{Tally, Transform, Transformed};
use crate::witness::{Observer, Witness};

/// The one agent of a sequential task, wherever it lives at the moment.
struct Task<'a> {
    transform: &'a Transform<'a>,
    /// The agent and the schema group that it was opened for.
    agent: Option<(Box<dyn Agent>, usize)>,
    rows_since_checkpoint: u64,
    first_row: u64,
    tally: Tally,
    /// Row groups of the run before the next one.
    place: usize,
    kept: Option<Kept<'a>>,
    /// Of preserved columns that rows may be anywhere with.
    multisets: Arc<Mutex<Multisets>>,
    /// Columns that all plans under `free` preserve.
    common: Vec<String>,
}

/// What is kept of a run, and what is taken over.
struct Kept<'a> {
    pieces: Pieces<'a>,
    /// Borders that were passed.
    borders: u64,
    /// Row groups before this one are taken over.
    until: usize,
    /// What the agent of the last border saved, for the next one.
    state: Option<Vec<u8>>,
}

/// Says where a guest's error happened.
type At<'a> = &'a dyn Fn(GuestError) -> RunError;

/// A border between two agents.
#[derive(Serialize, Deserialize)]
struct Border {
    /// Row groups before it.
    place: usize,
    /// Whether the agent had anything to save.
    saved: bool,
    /// What it had used.
    used: Note,
}

impl Border {
    /// The length of the text, the text, what the agent saved.
    fn written(&self, state: &[u8]) -> Result<Vec<u8>, RunError> {
        let text = serde_json::to_vec(self).map_err(|error| RunError::bug(error.to_string()))?;
        Ok([&(text.len() as u64).to_le_bytes(), &*text, state].concat())
    }

    fn read(bytes: &[u8]) -> Option<(Self, Option<Vec<u8>>)> {
        let (length, rest) = bytes.split_first_chunk()?;
        let (text, state) = rest.split_at_checked(usize::try_from(u64::from_le_bytes(*length)).ok()?)?;
        let border: Self = serde_json::from_slice(text).ok()?;
        let state = border.saved.then(|| state.to_vec());
        Some((border, state))
    }
}

fn row_group_at(place: usize) -> String {
    format!("row group {place}")
}

fn border_at(number: u64) -> String {
    format!("border {number}")
}

/// Pieces of a run that is under way are removed by nobody.
fn gone() -> RunError {
    RunError::bug("a piece that was there is gone")
}

impl<'a> Kept<'a> {
    /// Finds the last border up to which everything is kept.
    fn of(transform: &Transform<'_>, pieces: Pieces<'a>) -> (Self, Tally) {
        let mut kept = Self { pieces, borders: 0, until: 0, state: None };
        let mut used = Tally::default();
        while let Some((border, state)) = kept.next(transform) {
            kept.borders += 1;
            kept.until = border.place;
            kept.state = state;
            used.add(&Tally::noted(&border.used));
            transform.bench.progress.taken_over(border.used.cpu);
        }
        (kept, used)
    }

    fn next(&self, transform: &Transform<'_>) -> Option<(Border, Option<Vec<u8>>)> {
        let bytes = self.pieces.find_bytes(&Key::of_all(transform, &border_at(self.borders)))?;
        let (border, state) = Border::read(&bytes)?;
        let is_kept = |place| self.pieces.find(&Key::of_all(transform, &row_group_at(place))).is_some();
        (self.until..border.place).all(is_kept).then_some((border, state))
    }
}

/// Runs the whole dataset through one agent.
pub(crate) fn run(transform: &Transform<'_>) -> Result<Transformed, RunError> {
    let in_place = transform.job.plans.groups.iter().all(|group| group.plan.shape() != Shape::Free);
    let pieces = transform.bench.pieces.filter(|_| in_place);
    let (kept, tally) = pieces.map(|pieces| Kept::of(transform, pieces)).unzip();
    let tally = tally.unwrap_or_default();
    let mut task = Task {
        transform,
        agent: None,
        rows_since_checkpoint: 0,
        first_row: 0,
        tally,
        place: 0,
        kept,
        multisets: Arc::default(),
        common: common(transform.job.plans.groups.iter().map(|group| &group.plan)),
    };
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
    cost.cpu.0 += cpu::of_this_thread().0.saturating_sub(started.0);
    Ok(Transformed { outputs, rows, cost, counters: task.tally.counters })
}

impl Task<'_> {
    fn file(&mut self, file: usize) -> Result<crate::lane::StagedOutput, RunError> {
        let transform = self.transform;
        let work = transform.file_work(&transform.outputs[file])?;
        let group = transform.group(file);
        let preserved =
            PreservedCheck::of_run(&group.plan, (transform.secret, &self.multisets), &self.common);
        let leaves = group.plan.read_leaves();
        let feed = Feed {
            leaves: &leaves,
            batch_bytes: transform.batch_bytes(),
            preserved: &preserved,
            level: transform.job.request.verify,
            progress: transform.bench.progress,
        };
        let pinned = transform.files[file].pinned(transform.bench.snapshot);
        let as_planned = (&work.output, transform.job.request.verify);
        let mut writer = OutputWriter::create(transform.bench.staging, pinned, as_planned)?;
        if group.plan.shape() == Shape::Free {
            self.free(file, &work, &feed, &mut writer)?;
        } else {
            self.in_place(file, &work, &feed, &mut writer)?;
        }
        let staged = writer.finish(transform.bench.rule, vec![file])?;
        transform.reconcile(&staged)?;
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
            if let Some((fragment, witness)) = self.taken_over((file, row_group), work)? {
                writer.witness.add(&witness);
                writer.sealer.append(&work.source, fragment)?;
                continue;
            }
            let mut encoder =
                FragmentEncoder::new(Arc::clone(&work.output), Arc::clone(&work.source), row_group)?;
            let fed =
                self.row_group((file, row_group), work, feed, &mut |batch| Ok(encoder.write(&batch)?))?;
            let fragment = self.keep(encoder.finish(&fed.kept)?, &fed);
            writer.witness.add(&fed.witness);
            writer.sealer.append(&work.source, fragment)?;
        }
        if self.is_last(file) {
            if !self.finish()?.is_empty() {
                return Err(RunError::bug("the sandbox let rows out of finish that have no place"));
            }
            self.all_came(&[])?;
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
            let fed = self.row_group((file, row_group), work, feed, &mut sink)?;
            writer.witness.add(&fed.witness);
        }
        if self.is_last(file) {
            let last = self.finish()?;
            self.all_came(&last)?;
            Observer::new(feed.level).made(&last, &mut writer.witness)?;
            last.into_iter().try_for_each(|batch| writer.append_fresh(cutter.push(&batch)?))?;
        }
        writer.append_fresh(cutter.finish()?)
    }

    /// The fragment of a row group that an earlier attempt has made.
    fn taken_over(
        &mut self,
        (file, row_group): (usize, usize),
        work: &FileWork,
    ) -> Result<Option<(Fragment, Witness)>, RunError> {
        let Some(kept) = self.kept.as_ref().filter(|kept| self.place < kept.until) else { return Ok(None) };
        let found = kept.pieces.find(&Key::of_all(self.transform, &row_group_at(self.place)));
        let Some((pieces, note)) = found else { return Err(gone()) };
        let Some(Piece::Fragment(fragment)) = pieces.into_iter().next() else { return Err(gone()) };
        self.transform.bench.progress.rows_done(note.rows.read.0);
        self.tally.add(&Tally::noted(&note));
        for (_, rejects) in note.rejects {
            let rejects: Vec<Reject> = rejects.into_iter().map(Into::into).collect();
            self.quarantine((file, row_group), work, &rejects)?;
        }
        self.first_row += note.rows.read.0;
        self.place += 1;
        Ok(Some((fragment, note.witness)))
    }

    /// Keeps what a row group gave.
    fn keep(&mut self, fragment: Fragment, fed: &RowGroupTally) -> Fragment {
        let Some(kept) = &self.kept else { return fragment };
        let mut own = Tally::default();
        own.row_group(&fed.kept, fed.rejects.len());
        own.rejects = Some(vec![(0, fed.rejects.iter().map(Rejected::from).collect())]);
        own.witness.clone_from(&fed.witness);
        let piece = [Piece::Fragment(fragment)];
        let key = Key::of_all(self.transform, &row_group_at(self.place - 1));
        // Without it a later attempt goes on before it.
        let _ = kept.pieces.keep(key, &piece, own.note());
        let [piece] = piece;
        match piece {
            Piece::Fragment(fragment) => fragment,
            Piece::Fresh(_) => unreachable!("made a line above"),
        }
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
        let mut agent = self.agent_for(file, (seed, &at))?;
        let sink = |_: &Selection, made: Vec<RecordBatch>| made.into_iter().try_for_each(&mut *sink);
        let fed = feed.row_group(&mut *agent, &work.source, (row_group, self.first_row), sink)?;
        self.agent = Some((agent, self.transform.job.plans.group_of[file]));
        self.quarantine((file, row_group), work, &fed.rejects)?;
        self.tally.row_group(&fed.kept, fed.rejects.len());
        self.first_row += fed.kept.rows() as u64;
        self.rows_since_checkpoint += fed.kept.rows() as u64;
        self.place += 1;
        Ok(fed)
    }

    fn quarantine(&self, place: (usize, usize), work: &FileWork, rejects: &[Reject]) -> Result<(), RunError> {
        self.transform.job.made.quarantine.add(place, &work.source, self.first_row, rejects)
    }

    /// The agent for the next row group: the one at work, or its successor at a checkpoint border and where files of
    /// another schema begin, because an agent knows only the plan that it was opened with.
    fn agent_for(&mut self, file: usize, (seed, at): (Seed, At<'_>)) -> Result<Box<dyn Agent>, RunError> {
        let agents = self.transform.agents(file);
        let Some((mut agent, group)) = self.agent.take() else {
            let state = self.kept.as_mut().and_then(|kept| kept.state.take());
            return agents.open(seed, state).map_err(at);
        };
        if self.rows_since_checkpoint < self.transform.job.request.checkpoint_rows.0
            && group == self.transform.job.plans.group_of[file]
        {
            agent.reseed(seed);
            return Ok(agent);
        }
        let state = agent.save().map_err(at)?;
        let mut own = Tally::default();
        own.used(&agent.usage());
        self.tally.add(&own);
        self.rows_since_checkpoint = 0;
        drop(agent);
        self.border(own, state.as_deref())?;
        agents.open(seed, state).map_err(at)
    }

    /// A checkpoint: what the agent saved is kept, and whoever asked the run to stop is heard.
    fn border(&mut self, used: Tally, state: Option<&[u8]>) -> Result<(), RunError> {
        let Some(kept) = &mut self.kept else { return Ok(()) };
        let border = Border { place: self.place, saved: state.is_some(), used: used.note() };
        let key = Key::of_all(self.transform, &border_at(kept.borders));
        kept.borders += 1;
        if kept.pieces.keep_bytes(&key, &border.written(state.unwrap_or_default())?) {
            self.transform.bench.progress.checkpoint();
        }
        self.transform.bench.may_go_on()
    }

    fn finish(&mut self) -> Result<Vec<RecordBatch>, RunError> {
        let Some((mut agent, _)) = self.agent.take() else { return Ok(Vec::new()) };
        let last = agent.finish().map_err(|source| RunError::Guest { place: "finish".to_owned(), source })?;
        self.tally.used(&agent.usage());
        Ok(last)
    }

    /// At the end: what rows without a place took in has come out. `last` came from `finish`.
    fn all_came(&self, last: &[RecordBatch]) -> Result<(), RunError> {
        let plans = self.transform.job.plans.groups.iter().map(|group| &group.plan);
        let seen = (self.transform.secret, &self.multisets);
        let check = PreservedCheck::of_whole_run(plans, seen, &self.common);
        let changed = |source| RunError::Preserved { place: "the whole run".to_owned(), source };
        check.ended(last).map_err(changed)
    }

    fn is_last(&self, file: usize) -> bool {
        file + 1 == self.transform.files.len()
    }
}
