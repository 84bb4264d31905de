//! From pinned files to staged files: every row group through its own agent, sealed in order.
//!
//! Each split is processed by whichever worker is free; what it produces is a function of the split alone (a new agent
//! per row group, seeds and batch borders from the source), and files are sealed in the order of their splits. So the
//! number of threads decides only how long it takes. When workers fail, the error of the lowest split is reported:
//! splits are taken in order, so it is found whatever the others do.

use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::ScopedJoinHandle;

use arrow_array::RecordBatch;
use skein_dataset::parquet::{
    Fragment, FragmentEncoder, FreshRowGroup, OutputPlan, Piece, RowGroupCutter, SourceFile,
};
use skein_dataset::{Pace, RowCounts, pace, paced};
use skein_fingerprint::Seed;
use skein_sandbox::{Reject, Usage};
use skein_types::{Selection, Shape};

use crate::agent::AgentSource;
use crate::board::{Board, Item, Turn};
use crate::counters::Counters;
use crate::cpu;
use crate::error::RunError;
use crate::feed::Feed;
use crate::inputs::{self, InputFile};
use crate::job::{Bench, Job};
use crate::lane::{FileWork, Lane, OutputWriter, StagedOutput};
use crate::meters::Thread;
use crate::part::Part;
use crate::pieces::{Key, Note, Rejected};
use crate::planning::SchemaGroup;
use crate::preserved::PreservedCheck;
use crate::report::{Cost, Migration};
use crate::resize::OutputFile;
use crate::seed::FileSeed;
use crate::witness::Witness;

/// Everything that workers share.
pub(crate) struct Transform<'a> {
    pub(crate) job: &'a Job,
    pub(crate) bench: Bench<'a>,
    pub(crate) files: &'a [InputFile],
    /// What is written, by the first source of each.
    pub(crate) outputs: &'a [OutputFile],
    /// Files of the same run that went before these; tells rejects apart.
    pub(crate) first_file: usize,
    /// One source of agents per schema group.
    pub(crate) agents: &'a [Box<dyn AgentSource + 'a>],
    /// Of this run's comparisons.
    pub(crate) secret: Seed,
}

/// What was staged, and what it took.
#[derive(Debug, Default)]
pub(crate) struct Transformed {
    /// In the order of the first input file of each.
    pub(crate) outputs: Vec<StagedOutput>,
    pub(crate) rows: RowCounts,
    pub(crate) cost: Cost,
    pub(crate) counters: Counters,
}

impl Transformed {
    /// Adds files that came later, after `first_file` others.
    pub(crate) fn add(&mut self, mut later: Self, first_file: usize) {
        later.outputs.iter_mut().flat_map(|o| &mut o.sources).for_each(|file| *file += first_file);
        self.outputs.append(&mut later.outputs);
        let written = self.rows.written + later.rows.written;
        let counters = std::mem::take(&mut self.counters);
        let mut tally = Tally { rows: self.rows, cost: self.cost, counters, ..Tally::default() };
        let Self { rows, cost, counters, .. } = later;
        tally.add(&Tally { rows, cost, counters, ..Tally::default() });
        (self.rows, self.cost) = (RowCounts { written, ..tally.rows }, tally.cost);
        self.counters = tally.counters;
    }
}

/// What one worker did.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) rows: RowCounts,
    pub(crate) cost: Cost,
    pub(crate) counters: Counters,
    /// By row group, where somebody keeps them.
    pub(crate) rejects: Option<Vec<(usize, Vec<Rejected>)>>,
    /// What was seen of the rows, where somebody keeps it.
    pub(crate) witness: Witness,
}

impl Tally {
    pub(crate) fn used(&mut self, usage: &Usage) {
        self.cost.fuel += usage.fuel;
        self.cost.memory_peak = self.cost.memory_peak.max(usage.memory_peak);
        self.counters.add(&usage.counters);
    }

    pub(crate) fn row_group(&mut self, kept: &Selection, rejected: usize) {
        self.rows.read.0 += kept.rows() as u64;
        self.rows.rejected.0 += rejected as u64;
        self.rows.filtered.0 += kept.rows().saturating_sub(kept.kept() + rejected) as u64;
    }

    pub(crate) fn add(&mut self, other: &Self) {
        self.rows.read += other.rows.read;
        self.rows.rejected += other.rows.rejected;
        self.rows.filtered += other.rows.filtered;
        self.cost.fuel += other.cost.fuel;
        self.cost.cpu += other.cost.cpu;
        self.cost.memory_peak = self.cost.memory_peak.max(other.cost.memory_peak);
        self.counters.extend(&other.counters);
    }

    /// What a note says was done.
    pub(crate) fn noted(note: &Note) -> Self {
        let cost = Cost { fuel: note.fuel, cpu: note.cpu, memory_peak: note.memory_peak, ..Cost::default() };
        let mut counters = Counters::default();
        counters.add(&note.counters);
        Self { rows: note.rows, cost, counters, ..Self::default() }
    }

    pub(crate) fn note(self) -> Note {
        Note {
            rows: self.rows,
            fuel: self.cost.fuel,
            cpu: self.cost.cpu,
            memory_peak: self.cost.memory_peak,
            counters: self.counters.iter().map(|(name, sum)| (name.to_owned(), sum)).collect(),
            rejects: self.rejects.unwrap_or_default(),
            witness: self.witness,
            ..Note::default()
        }
    }
}

/// What a split gives to its file, and what was seen of it.
#[derive(Debug, Default)]
struct Given {
    pieces: Vec<Piece>,
    witness: Witness,
}

/// Rows of the file before a row group.
fn first_row(work: &FileWork, row_group: usize) -> u64 {
    (0..row_group).map(|rg| work.source.row_group_rows(rg) as u64).sum()
}

pub(crate) struct Shared<'a> {
    pub(crate) transform: &'a Transform<'a>,
    board: Board<Given>,
    lanes: Vec<Lane>,
    outputs: Mutex<Vec<Option<StagedOutput>>>,
    failed: Mutex<Option<(Item, RunError)>>,
    preserved: Vec<PreservedCheck>,
    leaves: Vec<Vec<usize>>,
    /// Row groups of each split of each output.
    splits: Vec<Vec<Range<usize>>>,
}

impl Transform<'_> {
    /// Transforms all splits with `threads` workers.
    pub(crate) fn run(&self, threads: usize) -> Result<Transformed, RunError> {
        let shared = self.shared(threads);
        let workers = threads.clamp(1, shared.splits.iter().map(Vec::len).sum::<usize>().max(1));
        let tallies = match workers {
            // For a small dataset a thread of its own costs as much as the rest.
            1 => catch_unwind(AssertUnwindSafe(|| vec![shared.worker()])),
            _ => std::thread::scope(|scope| {
                // Asked on this thread: a new one is at nobody's pace.
                let begin = |_| {
                    let (pace, shared) = (pace(), &shared);
                    scope.spawn(move || shared.helper(pace))
                };
                let workers: Vec<_> = (0..workers).map(begin).collect();
                workers.into_iter().map(ScopedJoinHandle::join).collect()
            }),
        };
        let Ok(tallies) = tallies else { return Err(RunError::bug("a worker panicked")) };
        let tally = tallies.iter().fold(Tally::default(), |mut sum, tally| {
            sum.add(tally);
            sum
        });
        shared.result(tally)
    }

    /// Makes the splits of one part and keeps them; writes no output.
    pub(crate) fn part(&self, part: Part) -> Result<Transformed, RunError> {
        let shared = self.shared(1);
        let splits: Vec<Item> = shared.apart().collect();
        let mut tally = Tally::default();
        let before = cpu::of_this_thread();
        let mut open = None;
        for item in &splits[part.range(splits.len())] {
            self.bench.may_go_on()?;
            if let Some(before) = open.replace(item.file).filter(|file| *file != item.file) {
                shared.lanes[before].close();
            }
            shared.split(*item, &mut tally).map_err(|error| shared.blamed(*item, error))?;
            self.bench.progress.meters().cpu();
        }
        tally.cost.cpu.0 += cpu::of_this_thread().0.saturating_sub(before.0);
        Ok(Transformed { outputs: Vec::new(), rows: tally.rows, cost: tally.cost, counters: tally.counters })
    }

    fn shared(&self, threads: usize) -> Shared<'_> {
        let groups = &self.job.plans.groups;
        let splits: Vec<Vec<Range<usize>>> = self.outputs.iter().map(|output| self.splits(output)).collect();
        Shared {
            transform: self,
            board: Board::new(splits.iter().map(Vec::len), threads + 1),
            lanes: self.outputs.iter().map(|_| Lane::default()).collect(),
            outputs: Mutex::new(self.outputs.iter().map(|_| None).collect()),
            failed: Mutex::new(None),
            preserved: groups.iter().map(|g| PreservedCheck::new(&g.plan, self.secret)).collect(),
            leaves: groups.iter().map(|g| g.plan.read_leaves()).collect(),
            splits,
        }
    }

    /// Where rows keep their place a row group is a split: small pieces keep all threads busy to the end. Under
    /// `free` a split also decides where output row groups are cut, so it gathers small ones.
    /// What is cut anew is one split: borders of row groups depend on all rows before.
    #[expect(clippy::single_range_in_vec_init, reason = "one split without row groups of its own")]
    fn splits(&self, output: &OutputFile) -> Vec<Range<usize>> {
        if output.row_groups.is_some() {
            return vec![0..0];
        }
        let (file, input) = (output.first(), &self.files[output.first()]);
        if self.group(file).plan.shape() == Shape::Free || input.row_groups == 0 {
            return input.splits.clone();
        }
        (0..input.row_groups).map(|rg| rg..rg + 1).collect()
    }

    pub(crate) fn file_work(&self, output: &OutputFile) -> Result<FileWork, RunError> {
        let file = output.first();
        self.source_work(file, |source| {
            Ok(Arc::new(match output.row_groups {
                Some(_) => self.recut_plan(output)?,
                None => OutputPlan::new(source, &self.group(file).plan)?,
            }))
        })
    }

    /// What is needed to read a file for an output.
    pub(crate) fn source_work(
        &self,
        file: usize,
        output: impl FnOnce(&SourceFile) -> Result<Arc<OutputPlan>, RunError>,
    ) -> Result<FileWork, RunError> {
        let input = &self.files[file];
        let source = inputs::open_presented(self.bench.snapshot, input)?;
        let output = output(&source)?;
        let Migration { module, params, .. } = self.job.migration;
        let seed = FileSeed::new(module, params, source.footer_digest(), &input.path);
        Ok(FileWork { source: Arc::new(source), output, seed })
    }

    pub(crate) fn group(&self, file: usize) -> &SchemaGroup {
        &self.job.plans.groups[self.job.plans.group_of[file]]
    }

    /// Wanted bytes of a batch, if the module has a wish.
    pub(crate) fn batch_bytes(&self) -> Option<u64> {
        self.job.manifest.batch_bytes.map(u64::from)
    }

    /// Whether the rows of a file add up, by the footers of its sources and by its own.
    pub(crate) fn reconcile(&self, output: &StagedOutput) -> Result<(), RunError> {
        let sources = output.sources.iter().map(|file| self.files[*file].rows).sum();
        let first = output.sources.first().copied().unwrap_or(0);
        let shape = self.group(first).plan.shape();
        output.witness.reconciles(&output.entry.path, (sources, output.sealed.rows), shape)
    }

    pub(crate) fn agents(&self, file: usize) -> &dyn AgentSource {
        &*self.agents[self.job.plans.group_of[file]]
    }
}

/// A worker that panics must not leave the others waiting for a split that will never be sealed.
struct StopOnPanic<'a>(&'a Board<Given>);

impl Drop for StopOnPanic<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.stop();
        }
    }
}

impl Shared<'_> {
    /// A worker on a thread of its own, at the pace of whoever began it.
    fn helper(&self, pace: Option<Arc<dyn Pace>>) -> Tally {
        Thread::Helper.begins();
        paced(pace, || self.worker())
    }

    fn worker(&self) -> Tally {
        let _guard = StopOnPanic(&self.board);
        let mut tally = Tally::default();
        let before = cpu::of_this_thread();
        self.work(&mut tally);
        tally.cost.cpu.0 += cpu::of_this_thread().0.saturating_sub(before.0);
        tally
    }

    /// The splits that can be made apart, in order: those that need a guest.
    fn apart(&self) -> impl Iterator<Item = Item> {
        let files = self.splits.iter().enumerate();
        let items = files.flat_map(|(file, splits)| (0..splits.len()).map(move |split| Item { file, split }));
        let transform = self.transform;
        items.filter(move |item| transform.group(transform.outputs[item.file].first()).plan.needs_guest())
    }

    fn work(&self, tally: &mut Tally) {
        while let Some(item) = self.board.take() {
            if let Err(asked) = self.transform.bench.may_go_on() {
                return self.fail(item, asked);
            }
            let done = self.split(item, tally).and_then(|given| self.seal(item, given));
            if let Err(error) = done {
                self.fail(item, error);
            }
            self.transform.bench.progress.meters().cpu();
        }
    }

    /// The error, or what happened to one of the split's sources meanwhile.
    fn blamed(&self, item: Item, error: RunError) -> RunError {
        let transform = self.transform;
        let sources = transform.outputs[item.file].sources.iter().map(|file| &transform.files[*file]);
        sources.fold(error, |error, file| {
            inputs::blamed(transform.bench.snapshot, file.pinned(transform.bench.snapshot), error)
        })
    }

    fn fail(&self, item: Item, error: RunError) {
        let error = self.blamed(item, error);
        let mut failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        if failed.as_ref().is_none_or(|(lowest, _)| item < *lowest) {
            *failed = Some((item, error));
        }
        drop(failed);
        self.board.stop();
    }

    fn split(&self, item: Item, tally: &mut Tally) -> Result<Given, RunError> {
        let transform = self.transform;
        let output = &transform.outputs[item.file];
        let file = output.first();
        let work = self.lanes[item.file].work(|| transform.file_work(output))?;
        if let Some(size) = output.row_groups {
            // An output's row groups together may be larger than memory: they go to their file at once.
            let mut writer = self.lanes[item.file].writer();
            let writer = self.writer(output, &work, &mut writer)?;
            self.recut(output, size, (&work, writer), tally)?;
            return Ok(Given::default());
        }
        let row_groups = self.splits[item.file][item.split].clone();
        let group = transform.group(file);
        let pieces = transform.bench.pieces.filter(|_| group.plan.needs_guest());
        let Some(pieces) = pieces else { return self.pieces(file, &work, row_groups, tally) };
        let pinned = transform.files[file].pinned(transform.bench.snapshot);
        let key = Key::of(transform.job, group, (pinned, &work), &row_groups);
        if let Some((pieces, note)) = pieces.find(&key) {
            let witness = note.witness.clone();
            self.take_over(file, &work, note, tally)?;
            return Ok(Given { pieces, witness });
        }
        let mut own = Tally { rejects: Some(Vec::new()), ..Tally::default() };
        let before = cpu::of_this_thread();
        let made = self.pieces(file, &work, row_groups, &mut own)?;
        tally.add(&own);
        own.cost.cpu.0 = cpu::of_this_thread().0.saturating_sub(before.0);
        own.witness.clone_from(&made.witness);
        if pieces.keep(key, &made.pieces, own.note()) {
            transform.bench.progress.checkpoint();
        }
        Ok(made)
    }

    fn pieces(
        &self,
        file: usize,
        work: &FileWork,
        row_groups: Range<usize>,
        tally: &mut Tally,
    ) -> Result<Given, RunError> {
        let mut given = Given::default();
        if self.transform.group(file).plan.shape() == Shape::Free {
            let fresh = self.free(file, work, row_groups, (tally, &mut given.witness))?;
            given.pieces.push(Piece::Fresh(fresh));
            return Ok(given);
        }
        for row_group in row_groups {
            let fragment = self.fragment(file, work, row_group, (tally, &mut given.witness))?;
            given.pieces.push(Piece::Fragment(fragment));
        }
        Ok(given)
    }

    /// What an earlier attempt did is part of the run: its rejected rows, and what it used.
    fn take_over(&self, file: usize, work: &FileWork, note: Note, tally: &mut Tally) -> Result<(), RunError> {
        self.transform.bench.progress.taken_over(note.cpu);
        self.transform.bench.progress.rows_done(note.rows.read.0);
        tally.add(&Tally::noted(&note));
        for (row_group, rejects) in note.rejects {
            let rejects: Vec<_> = rejects.into_iter().map(Into::into).collect();
            self.quarantine((file, row_group), work, &rejects)?;
        }
        Ok(())
    }

    fn quarantine(
        &self,
        (file, row_group): (usize, usize),
        work: &FileWork,
        rejects: &[Reject],
    ) -> Result<(), RunError> {
        let place = (self.transform.first_file + file, row_group);
        let first_row = first_row(work, row_group);
        self.transform.job.made.quarantine.add(place, &work.source, first_row, rejects)
    }

    fn fragment(
        &self,
        file: usize,
        work: &FileWork,
        row_group: usize,
        (tally, witness): (&mut Tally, &mut Witness),
    ) -> Result<Fragment, RunError> {
        let mut encoder =
            FragmentEncoder::new(Arc::clone(&work.output), Arc::clone(&work.source), row_group)?;
        if !self.transform.group(file).plan.needs_guest() {
            let kept = Selection::all(work.source.row_group_rows(row_group));
            tally.row_group(&kept, 0);
            witness.row_group(kept.rows(), kept.kept(), 0);
            self.transform.bench.progress.rows_done(kept.rows() as u64);
            return Ok(encoder.finish(&kept)?);
        }
        let kept = self.through_agent((file, row_group), work, (tally, witness), |_, made| {
            made.iter().try_for_each(|batch| Ok(encoder.write(batch)?))
        })?;
        Ok(encoder.finish(&kept)?)
    }

    fn free(
        &self,
        file: usize,
        work: &FileWork,
        row_groups: Range<usize>,
        (tally, witness): (&mut Tally, &mut Witness),
    ) -> Result<Vec<FreshRowGroup>, RunError> {
        let mut cutter = RowGroupCutter::new(Arc::clone(&work.output))?;
        let mut fresh = Vec::new();
        for row_group in row_groups {
            self.through_agent((file, row_group), work, (tally, witness), |_, made| {
                for batch in made {
                    fresh.extend(cutter.push(&batch)?);
                }
                Ok(())
            })?;
        }
        fresh.extend(cutter.finish()?);
        Ok(fresh)
    }

    /// One row group through an agent of its own.
    pub(crate) fn through_agent(
        &self,
        (file, row_group): (usize, usize),
        work: &FileWork,
        (tally, witness): (&mut Tally, &mut Witness),
        sink: impl FnMut(&Selection, Vec<RecordBatch>) -> Result<(), RunError>,
    ) -> Result<Selection, RunError> {
        let transform = self.transform;
        let group = transform.job.plans.group_of[file];
        let at = |source| RunError::guest(work.source.name(), row_group, source);
        let mut agent = transform.agents(file).open(work.seed.row_group(row_group), None).map_err(at)?;
        let feed = Feed {
            leaves: &self.leaves[group],
            batch_bytes: transform.batch_bytes(),
            preserved: &self.preserved[group],
            level: transform.job.request.verify,
            progress: transform.bench.progress,
        };
        let first_row = first_row(work, row_group);
        let fed = feed.row_group(&mut *agent, &work.source, (row_group, first_row), sink)?;
        // Without state there is nothing left to say; the sandbox refuses an answer with rows.
        agent.finish().map_err(at)?;
        tally.used(&agent.usage());
        tally.row_group(&fed.kept, fed.rejects.len());
        if let Some(kept) = tally.rejects.as_mut().filter(|_| !fed.rejects.is_empty()) {
            kept.push((row_group, fed.rejects.iter().map(Rejected::from).collect()));
        }
        self.quarantine((file, row_group), work, &fed.rejects)?;
        witness.add(&fed.witness);
        Ok(fed.kept)
    }

    fn seal(&self, item: Item, given: Given) -> Result<(), RunError> {
        if !self.board.put(item, given) {
            return Ok(());
        }
        let lane = &self.lanes[item.file];
        let transform = self.transform;
        let output = &transform.outputs[item.file];
        let work = lane.work(|| transform.file_work(output))?;
        let mut writer = lane.writer();
        self.writer(output, &work, &mut writer)?;
        let mut appended = false;
        loop {
            match self.board.turn(item.file, appended) {
                Turn::Leave => return Ok(()),
                Turn::Finish => break,
                Turn::Append(given) => {
                    let open = writer.as_mut().expect("made above and taken only when the file is finished");
                    open.witness.add(&given.witness);
                    for piece in given.pieces {
                        match piece {
                            Piece::Fragment(fragment) => open.sealer.append(&work.source, fragment)?,
                            Piece::Fresh(fresh) => open.append_fresh(fresh)?,
                        }
                    }
                    appended = true;
                }
            }
        }
        let open = writer.take().expect("a file is finished once");
        let finished = open.finish(transform.bench.rule, output.sources.clone())?;
        transform.reconcile(&finished)?;
        lane.close();
        transform.bench.progress.file_done(finished.entry.size);
        self.outputs.lock().unwrap_or_else(PoisonError::into_inner)[item.file] = Some(finished);
        Ok(())
    }

    /// The output's writer, begun if it is not yet.
    fn writer<'w>(
        &self,
        output: &OutputFile,
        work: &FileWork,
        slot: &'w mut Option<OutputWriter>,
    ) -> Result<&'w mut OutputWriter, RunError> {
        let transform = self.transform;
        Ok(match slot {
            Some(open) => open,
            None => {
                let pinned = transform.files[output.first()].pinned(transform.bench.snapshot);
                let as_planned = (&work.output, transform.job.request.verify);
                slot.insert(OutputWriter::create(transform.bench.staging, pinned, as_planned)?)
            }
        })
    }

    fn result(self, tally: Tally) -> Result<Transformed, RunError> {
        if let Some((_, error)) = self.failed.into_inner().unwrap_or_else(PoisonError::into_inner) {
            // Encoders wrap what their writer said; the store knows it better.
            return Err(self.transform.bench.staging.take_fault().map_or(error, RunError::from));
        }
        let outputs = self.outputs.into_inner().unwrap_or_else(PoisonError::into_inner);
        let outputs: Option<Vec<StagedOutput>> = outputs.into_iter().collect();
        let outputs =
            outputs.ok_or_else(|| RunError::bug("a file was not finished although nothing failed"))?;
        let mut rows = tally.rows;
        rows.written = outputs.iter().map(|o| o.sealed.rows).sum();
        Ok(Transformed { outputs, rows, cost: tally.cost, counters: tally.counters })
    }
}
