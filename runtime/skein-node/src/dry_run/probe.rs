//! Row groups through the sandbox, or their first batches, the way a run sends them: same seeds, same batch borders, same
//! agents, so what comes out is what the run would write.

use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;

use arrow_array::RecordBatch;
use skein_dataset::Snapshot;
use skein_dataset::parquet::{FileError, FreshFile, OutputPlan, SourceFile};
use skein_sandbox::Reject;
use skein_types::{Fuel, Selection, VerifyLevel};

use super::choice::Pick;
use super::estimate::Seen;
use crate::agent::{Agent, AgentSource};
use crate::counters::Counters;
use crate::cpu;
use crate::error::RunError;
use crate::feed::Feed;
use crate::inputs;
use crate::planning::SchemaGroup;
use crate::preserved::{self, PreservedCheck};
use crate::progress::Progress;
use crate::report::Migration;
use crate::run::Work;
use crate::sandboxed::Sandboxes;
use crate::seed::FileSeed;

/// Rows that are looked at where no module is needed to say what becomes of them.
const LOOK_ROWS: usize = 16 * 1024;

/// Rows as a module gets them.
pub(super) type Batches = Box<dyn Iterator<Item = Result<RecordBatch, FileError>>>;

/// What became of a pick.
#[derive(Debug)]
pub(super) struct Probe {
    pub(super) pick: Pick,
    pub(super) source: SourceFile,
    /// Number of the row group's first row, as rejects count.
    pub(super) first_row: u64,
    /// The rows that were looked at and which of them stay.
    pub(super) kept: Selection,
    /// Counted within the row group.
    pub(super) rejects: Vec<Reject>,
    /// What the module made of them.
    pub(super) made: Vec<RecordBatch>,
}

/// Sends picks through the sandbox and measures it.
pub(super) struct Prober<'a> {
    pub(super) snapshot: &'a Snapshot,
    pub(super) work: &'a Work,
    pub(super) sandboxes: &'a Sandboxes,
    pub(super) migration: &'a Migration,
    /// Wanted bytes of a batch, if the module has a wish.
    pub(super) batch_bytes: Option<u64>,
    /// Whether the module remembers rows.
    pub(super) sequential: bool,
    pub(super) progress: &'a Progress,
    /// Files whose row groups are cut anew.
    pub(super) recut: &'a BTreeSet<usize>,
    pub(super) seen: Seen,
    pub(super) counters: Counters,
    /// Metadata keys that the output of some file that was looked at would not have.
    pub(super) keys_dropped: BTreeSet<String>,
    /// Files that row groups were taken from.
    pub(super) files: BTreeSet<usize>,
}

impl Prober<'_> {
    /// The first `batches` batches of a row group through an agent of its own.
    pub(super) fn alone(&mut self, pick: Pick, batches: usize) -> Result<Probe, RunError> {
        let (source, seed) = self.open(pick)?;
        let first_row = (0..pick.row_group).map(|rg| source.row_group_rows(rg) as u64).sum();
        let group = self.group(pick);
        if !group.plan.needs_guest() {
            let rows = source.row_group_rows(pick.row_group).min(LOOK_ROWS);
            let kept = Selection::all(rows);
            return Ok(self.counted(Probe { pick, source, first_row, kept, rejects: vec![], made: vec![] }));
        }
        let at = |error| RunError::guest(source.name(), pick.row_group, error);
        let mut agent =
            self.sandboxes.for_group(group).open(seed.row_group(pick.row_group), None).map_err(at)?;
        let opening = self.opened(&*agent);
        let (probe, _) = self.feed(&mut *agent, pick, source, (first_row, batches))?;
        // Without state there is nothing left to say; the sandbox refuses an answer with rows.
        let at = |error| RunError::guest(probe.source.name(), pick.row_group, error);
        agent.finish().map_err(at)?;
        self.used(&*agent, opening);
        Ok(probe)
    }

    /// The head of the dataset through one agent: row groups in order until `batches` batches are through. `all`: there
    /// is nothing else, so the agent is also told that this is the end.
    pub(super) fn head(
        &mut self,
        picks: impl Iterator<Item = Pick>,
        batches: usize,
        all: u64,
    ) -> Result<Vec<Probe>, RunError> {
        let mut probes: Vec<Probe> = Vec::new();
        let mut agent: Option<Box<dyn Agent>> = None;
        let (mut row, mut left, mut opening) = (0, batches, 0);
        for pick in picks {
            if left == 0 {
                break;
            }
            let (source, seed) = self.open(pick)?;
            let seed = seed.row_group(pick.row_group);
            let at = |error| RunError::guest(source.name(), pick.row_group, error);
            let mut at_work = match agent.take() {
                Some(mut agent) => {
                    agent.reseed(seed);
                    agent
                }
                None => {
                    let agents = self.sandboxes.for_group(self.group(pick));
                    let agent = agents.open(seed, None).map_err(at)?;
                    opening = self.opened(&*agent);
                    agent
                }
            };
            let (probe, took) = self.feed(&mut *at_work, pick, source, (row, left))?;
            row += probe.kept.rows() as u64;
            left -= took;
            agent = Some(at_work);
            probes.push(probe);
        }
        let Some(mut agent) = agent else { return Ok(probes) };
        if row == all
            && let Some(last) = probes.last_mut()
        {
            let rest = agent.finish();
            let rest = rest.map_err(|source| RunError::Guest { place: "finish".to_owned(), source })?;
            self.seen.rows_out += rest.iter().map(|batch| batch.num_rows() as u64).sum::<u64>();
            last.made.extend(rest);
        }
        self.used(&*agent, opening);
        Ok(probes)
    }

    /// Opens agents for a pick's files.
    pub(super) fn agents(&self, pick: Pick) -> Box<dyn AgentSource> {
        self.sandboxes.for_group(self.group(pick))
    }

    /// What clock and randomness of a probe's file come from.
    pub(super) fn seed(&self, probe: &Probe) -> FileSeed {
        self.seed_of(probe.pick, &probe.source)
    }

    fn seed_of(&self, pick: Pick, source: &SourceFile) -> FileSeed {
        let Migration { module, params, .. } = self.migration;
        FileSeed::new(*module, *params, source.footer_digest(), &self.work.files[pick.file].path)
    }

    /// Rows of a batch, as a run has them.
    pub(super) fn batch_rows(&self, probe: &Probe) -> usize {
        let plan = &self.group(probe.pick).plan;
        let (preserved, leaves) = (PreservedCheck::default(), plan.read_leaves());
        let feed = Feed {
            leaves: &leaves,
            batch_bytes: self.batch_bytes,
            preserved: &preserved,
            level: VerifyLevel::Counts,
            progress: self.progress,
        };
        feed.batch_rows(&probe.source, probe.pick.row_group)
    }

    /// What the module gets of a probe's row group, in batches of so many rows.
    pub(super) fn batches(&self, probe: &Probe, rows: usize) -> Result<Batches, RunError> {
        let leaves = self.group(probe.pick).plan.read_leaves();
        Ok(Box::new(probe.source.read(probe.pick.row_group, &leaves, rows)?))
    }

    fn open(&mut self, pick: Pick) -> Result<(SourceFile, FileSeed), RunError> {
        let input = &self.work.files[pick.file];
        let source = inputs::open_presented(self.snapshot, input)?;
        let plan = &self.group(pick).plan;
        // A file that a run could not lay its output over is found out here already.
        let output = OutputPlan::new(&source, plan)?;
        let carried = super::carried_leaves(plan);
        self.keys_dropped.extend(output.dropped_keys().iter().cloned());
        if self.files.insert(pick.file) {
            self.count_file(pick.file, &source, (&carried, &output));
        }
        let seed = self.seed_of(pick, &source);
        Ok((source, seed))
    }

    pub(super) fn group(&self, pick: Pick) -> &SchemaGroup {
        &self.work.plans.groups[self.work.plans.group_of[pick.file]]
    }

    fn feed(
        &mut self,
        agent: &mut dyn Agent,
        pick: Pick,
        source: SourceFile,
        (first_row, batches): (u64, usize),
    ) -> Result<(Probe, usize), RunError> {
        let plan = &self.work.plans.groups[self.work.plans.group_of[pick.file]].plan;
        let secret = preserved::secret()?;
        let preserved = match self.sequential {
            // What it keeps back is not seen in a sample.
            true => PreservedCheck::of_run(plan, (secret, &Arc::default()), &[]),
            false => PreservedCheck::new(plan, secret),
        };
        let leaves = plan.read_leaves();
        let feed = Feed {
            leaves: &leaves,
            batch_bytes: self.batch_bytes,
            preserved: &preserved,
            level: VerifyLevel::Counts,
            progress: self.progress,
        };
        let (mut kept, mut rejects, mut made) = (Vec::new(), Vec::new(), Vec::new());
        let started = cpu::exactly_of_this_thread();
        feed.batches(agent, &source, (pick.row_group, first_row, batches), |processed| {
            kept.push(processed.selection);
            rejects.extend(processed.rejects);
            made.extend(processed.data);
            Ok(())
        })?;
        self.seen.made_bytes += encoded(&made)?;
        self.seen.cpu += cpu::exactly_of_this_thread().saturating_sub(started);
        let took = kept.len();
        let kept = Selection::concat(&kept);
        Ok((self.counted(Probe { pick, source, first_row, kept, rejects, made }), took))
    }

    fn counted(&mut self, probe: Probe) -> Probe {
        let plan = &self.group(probe.pick).plan;
        let free = plan.shape() == skein_types::Shape::Free;
        let made: usize = probe.made.iter().map(RecordBatch::num_rows).sum();
        let (rows, kept, rejected) = (probe.kept.rows(), probe.kept.kept(), probe.rejects.len());
        let seen = &mut self.seen;
        seen.row_groups += 1;
        seen.rows += rows as u64;
        seen.rows_out += if free { made } else { kept } as u64;
        seen.rejected += rejected as u64;
        seen.filtered += rows.saturating_sub(kept + rejected) as u64;
        probe
    }

    fn count_file(&mut self, file: usize, source: &SourceFile, (carried, output): (&[usize], &OutputPlan)) {
        let all: Vec<usize> = (0..source.tree().leaves().len()).collect();
        let stored = |leaves: &[usize]| -> u64 {
            (0..source.row_groups()).map(|rg| source.stored_bytes(rg, leaves).0).sum()
        };
        let recut = self.recut.contains(&file);
        let seen = &mut self.seen;
        // What the host widens is about as large as it was: encodings care for values, not for the width of their type.
        seen.carried_bytes += stored(carried);
        seen.file_bytes += source.size().0;
        if !recut {
            seen.left_spliced_bytes += output.spliced_bytes(source).0;
            seen.left_file_bytes += source.size().0;
        }
        // As many columns out as in is near enough for what is small beside data.
        seen.frame_bytes += source.size().0.saturating_sub(stored(&all));
    }

    /// What opening took.
    fn opened(&mut self, agent: &dyn Agent) -> u64 {
        let Fuel(opening) = agent.usage().fuel;
        self.seen.opens += 1;
        self.seen.fuel_open += opening;
        opening
    }

    fn used(&mut self, agent: &dyn Agent, opening: u64) {
        let usage = agent.usage();
        self.seen.fuel += usage.fuel.0.saturating_sub(opening);
        self.counters.add(&usage.counters);
    }
}

/// What batches take in a file of their own, its frame apart.
fn encoded(batches: &[RecordBatch]) -> Result<u64, RunError> {
    let Some(first) = batches.first() else { return Ok(0) };
    let frame = FreshFile::new(first.schema(), io::sink())?.finish()?.bytes;
    let mut file = FreshFile::new(Arc::clone(first.schema_ref()), io::sink())?;
    for batch in batches {
        file.write(batch)?;
    }
    Ok(file.finish()?.bytes.0.saturating_sub(frame.0))
}
