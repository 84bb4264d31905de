//! Rows before and after, as bounded text.
//!
//! Where rows keep their order a source row stands with what becomes of it; under `free` source rows and output rows of
//! the same row groups stand apart.

use std::collections::BTreeSet;

use arrow_array::{Array as _, ArrayRef, RecordBatch};
use serde::{Deserialize, Serialize};
use skein_sandbox::Reject;
use skein_types::{ColumnId, Origin, SchemaPlan, StateKind};

use super::cell::{Cell, Printer, Shown};
use super::probe::Probe;
use super::{choice, pairs_rows, relay};
use crate::error::RunError;
use crate::lineage::{ColumnLineage, Lineage, hides_paths};
use crate::mask::{HUSHED, MASKED};
use crate::run::Work;

/// Columns of each side that are shown: those that change first, then in their order.
const COLUMNS_MAX: usize = 128;
/// Cells of both sides together; with many rows there are fewer columns.
const CELLS_MAX: usize = 16 * 1024;
const COLUMNS_MIN: usize = 8;
/// Rejects that are listed.
const REJECTS_MAX: usize = 50;
/// Rows decoded at a time while looking for the sampled ones.
const BATCH_ROWS: usize = 1024;

/// Sampled rows of all schemas.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Sample {
    /// The rows are the dataset's first: the module has state and cannot begin elsewhere.
    pub head: bool,
    /// One for each source schema that was looked at.
    pub groups: Vec<SampledGroup>,
}

/// Sampled rows of files of one schema.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SampledGroup {
    /// Index of the plan.
    pub plan: usize,
    /// What the cells are of.
    pub columns: SampledColumns,
    /// Source rows in order and, unless the shape is free, what becomes of them.
    pub rows: Vec<SampledRow>,
    /// Output rows; only under `free`, where they belong to no source row.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub outputs: Vec<Vec<Cell>>,
}

/// Names for the cells of a group.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SampledColumns {
    /// Source columns.
    pub before: Vec<String>,
    /// Target columns.
    pub after: Vec<String>,
    /// Source and target columns that are left out because there are too many.
    pub left_out: usize,
}

/// One source row.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SampledRow {
    /// The file, relative to the dataset.
    pub file: String,
    /// The row as a module counts it: within the file, or, for a module with state, within the dataset.
    pub row: u64,
    /// One for each of [`SampledColumns::before`].
    pub before: Vec<Cell>,
    /// What becomes of it.
    #[serde(flatten)]
    pub fate: Fate,
}

/// What becomes of a source row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "fate", rename_all = "snake_case")]
pub enum Fate {
    /// It is in the new version.
    Kept {
        /// One for each of [`SampledColumns::after`].
        after: Vec<Cell>,
        /// Target columns whose value is another than the one it was.
        changed: Vec<String>,
    },
    /// The module lets it go.
    Filtered,
    /// The module refuses it.
    Rejected {
        /// The module's code.
        code: String,
        /// The module's words.
        message: String,
    },
    /// The shape is free: it went in, and what came out belongs to no row.
    Taken,
}

/// Rejects of the sampled row groups.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rejects {
    /// The first.
    pub listed: Vec<RejectedRow>,
    /// How many there were beside them.
    pub more: u64,
}

/// A row that the module refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RejectedRow {
    /// The file, relative to the dataset.
    pub file: String,
    /// As [`SampledRow::row`].
    pub row: u64,
    /// The module's code.
    pub code: String,
    /// The module's words.
    pub message: String,
}

/// Which columns of a group are shown, by place among the top-level ones.
struct Columns {
    before: Vec<usize>,
    after: Vec<usize>,
}

/// Collects what is shown.
pub(super) struct Sampler<'a> {
    work: &'a Work,
    plans: &'a [Lineage],
    printer: &'a Printer,
    columns: Vec<Columns>,
    sample: Sample,
    rejects: Rejects,
}

impl<'a> Sampler<'a> {
    /// For at most `rows` source rows.
    pub(super) fn new(
        work: &'a Work,
        plans: &'a [Lineage],
        printer: &'a Printer,
        (state, rows): (StateKind, usize),
    ) -> Self {
        let most = (CELLS_MAX / 2 / rows.max(1)).clamp(COLUMNS_MIN, COLUMNS_MAX);
        let groups = work.plans.groups.iter().zip(plans);
        let columns = groups.map(|(group, lineage)| Columns::of(&group.plan, lineage, most)).collect();
        let sample = Sample { head: state == StateKind::Sequential, groups: Vec::new() };
        Self { work, plans, printer, columns, sample, rejects: Rejects::default() }
    }

    pub(super) fn finish(mut self) -> (Sample, Rejects) {
        self.sample.groups.sort_by_key(|group| group.plan);
        (self.sample, self.rejects)
    }

    /// Shows `quota` rows of what was probed, and lists its rejects.
    pub(super) fn show(&mut self, probe: &Probe, quota: usize) -> Result<(), RunError> {
        self.list(probe);
        let place = self.work.plans.group_of[probe.pick.file];
        let plan = &self.work.plans.groups[place].plan;
        let view = GroupView { plan, lineage: &self.plans[place], columns: &self.columns[place], probe };
        let rows = view.rows(self.printer, quota)?;
        let outputs = if pairs_rows(plan.shape()) { Vec::new() } else { view.outputs(self.printer, quota) };
        let known = self.sample.groups.iter().position(|group| group.plan == place);
        let at = known.unwrap_or_else(|| {
            let (plan, columns) = (place, view.names());
            self.sample.groups.push(SampledGroup { plan, columns, rows: Vec::new(), outputs: Vec::new() });
            self.sample.groups.len() - 1
        });
        self.sample.groups[at].rows.extend(rows);
        self.sample.groups[at].outputs.extend(outputs);
        Ok(())
    }

    fn list(&mut self, probe: &Probe) {
        let room = REJECTS_MAX - self.rejects.listed.len();
        let plan = &self.work.plans.groups[self.work.plans.group_of[probe.pick.file]].plan;
        let listed = probe.rejects.iter().take(room).map(|reject| RejectedRow {
            file: path_of(plan, probe),
            row: probe.first_row + reject.row,
            code: self.printer.words(&reject.code),
            message: message_of(plan, self.printer, reject),
        });
        self.rejects.listed.extend(listed);
        self.rejects.more += probe.rejects.len().saturating_sub(room) as u64;
    }
}

impl Columns {
    fn of(plan: &SchemaPlan, lineage: &Lineage, most: usize) -> Self {
        let roots = plan.source_tree().roots();
        // A source column that some target column is without a change.
        let stays = |column: &&ColumnLineage| column.changes.is_empty();
        let stay: BTreeSet<ColumnId> =
            lineage.columns.iter().filter(stays).filter_map(|column| column.pair).collect();
        Self {
            before: at_most(most, roots.len(), |place| !stay.contains(&roots[place])),
            after: at_most(most, lineage.columns.len(), |place| !lineage.columns[place].changes.is_empty()),
        }
    }
}

/// At most `most` of `all` places in order, those of interest first.
fn at_most(most: usize, all: usize, of_interest: impl Fn(usize) -> bool) -> Vec<usize> {
    let (first, rest): (Vec<usize>, Vec<usize>) = (0..all).partition(|place| of_interest(*place));
    let mut places: Vec<usize> = first.into_iter().chain(rest).take(most).collect();
    places.sort_unstable();
    places
}

/// What was probed, under its plan.
struct GroupView<'a> {
    plan: &'a SchemaPlan,
    lineage: &'a Lineage,
    columns: &'a Columns,
    probe: &'a Probe,
}

/// Values of one source row that are needed to show it.
struct Source {
    before: Vec<Shown>,
    /// For each shown target column what it was and, if it is carried, what it is.
    was: Vec<Option<Shown>>,
    carried: Vec<Option<Shown>>,
}

impl GroupView<'_> {
    fn names(&self) -> SampledColumns {
        let tree = self.plan.source_tree();
        let Columns { before, after } = self.columns;
        SampledColumns {
            before: before.iter().map(|place| tree.path(tree.roots()[*place])).collect(),
            after: after.iter().map(|place| self.lineage.columns[*place].name.clone()).collect(),
            left_out: tree.roots().len() + self.lineage.columns.len() - before.len() - after.len(),
        }
    }

    fn rows(&self, printer: &Printer, quota: usize) -> Result<Vec<SampledRow>, RunError> {
        let Probe { kept, rejects, .. } = self.probe;
        // In order: the sandbox has checked.
        let rejected = |row: usize| {
            let found = rejects.binary_search_by_key(&(row as u64), |reject| reject.row);
            found.ok().map(|at| &rejects[at])
        };
        let first_reject = rejects.first().and_then(|reject| usize::try_from(reject.row).ok());
        let first_gone = (0..kept.rows()).find(|row| !kept.keeps(*row) && rejected(*row).is_none());
        let notable: Vec<usize> = first_reject.into_iter().chain(first_gone).collect();
        let rows = choice::rows(kept.rows(), quota, &notable);
        let sources = self.sources(printer, &rows)?;
        let shown = rows.iter().zip(sources).map(|(row, source)| {
            let fate = match rejected(*row) {
                Some(reject) => Fate::Rejected {
                    code: printer.words(&reject.code),
                    message: message_of(self.plan, printer, reject),
                },
                None if !pairs_rows(self.plan.shape()) => Fate::Taken,
                None if kept.keeps(*row) => self.kept(printer, *row, &source),
                None => Fate::Filtered,
            };
            SampledRow {
                file: path_of(self.plan, self.probe),
                row: self.probe.first_row + *row as u64,
                before: source.before.into_iter().map(|shown| shown.cell).collect(),
                fate,
            }
        });
        Ok(shown.collect())
    }

    fn kept(&self, printer: &Printer, row: usize, source: &Source) -> Fate {
        let Probe { kept, made, .. } = self.probe;
        let output = kept.bits().slice(0, row).count_set_bits();
        let (mut after, mut changed) = (Vec::new(), Vec::new());
        for (at, place) in self.columns.after.iter().enumerate() {
            let shown = match (&source.carried[at], self.made(*place)) {
                (Some(carried), _) => carried.clone(),
                (None, ordinal) => made_cell(printer, made, ordinal, output),
            };
            let carried = source.carried[at].is_some();
            if !carried && source.was[at].as_ref().is_some_and(|was| was.differs(&shown)) {
                changed.push(self.lineage.columns[*place].name.clone());
            }
            after.push(self.shown(*place, shown).cell);
        }
        Fate::Kept { after, changed }
    }

    /// Output rows, spread over what the module made.
    fn outputs(&self, printer: &Printer, quota: usize) -> Vec<Vec<Cell>> {
        let made = &self.probe.made;
        let total = made.iter().map(RecordBatch::num_rows).sum();
        let cells = |row: usize| {
            let cell =
                |place: &usize| self.shown(*place, made_cell(printer, made, self.made(*place), row)).cell;
            self.columns.after.iter().map(cell).collect()
        };
        choice::rows(total, quota, &[]).into_iter().map(cells).collect()
    }

    /// A cell of a target column as it may be shown.
    fn shown(&self, place: usize, cell: Shown) -> Shown {
        if self.plan.hides(&self.plan.columns()[place]) { cell.hidden() } else { cell }
    }

    /// Place of a target column among those that the module makes.
    fn made(&self, place: usize) -> usize {
        let columns = &self.plan.columns()[..place];
        columns.iter().filter(|column| !matches!(column.origin, Origin::Carried { .. })).count()
    }

    /// Reads the source's side of these rows, in order.
    fn sources(&self, printer: &Printer, rows: &[usize]) -> Result<Vec<Source>, RunError> {
        let mut sources = Vec::with_capacity(rows.len());
        if rows.is_empty() {
            return Ok(sources);
        }
        let tree = self.plan.source_tree();
        let pairs = self.columns.after.iter().filter_map(|place| self.lineage.columns[*place].pair);
        let shown = self.columns.before.iter().map(|place| tree.roots()[*place]);
        let read: BTreeSet<ColumnId> = shown.chain(pairs).collect();
        let leaves: Vec<usize> =
            read.iter().filter_map(|id| tree.get(*id)).flat_map(|node| node.leaves.clone()).collect();
        let mut left = rows.iter().copied().peekable();
        let mut first = 0;
        for batch in self.probe.source.read(self.probe.pick.row_group, &leaves, BATCH_ROWS)? {
            if left.peek().is_none() {
                break;
            }
            let batch = batch?;
            let end = first + batch.num_rows();
            let column = |id: ColumnId| read.iter().position(|known| *known == id).map(|at| batch.column(at));
            while let Some(row) = left.next_if(|row| *row < end) {
                sources.push(self.source(printer, row - first, &column));
            }
            first = end;
        }
        Ok(sources)
    }

    fn source<'b>(
        &self,
        printer: &Printer,
        row: usize,
        column: &impl Fn(ColumnId) -> Option<&'b ArrayRef>,
    ) -> Source {
        let tree = self.plan.source_tree();
        let shown = |id: ColumnId| column(id).map(|values| printer.cell(values, row));
        let none = || Shown::none();
        let before = self.columns.before.iter().map(|place| {
            let root = tree.roots()[*place];
            let cell = shown(root).unwrap_or_else(none);
            if self.plan.sensitive().contains(&root) { cell.hidden() } else { cell }
        });
        let was = self.columns.after.iter().map(|place| self.lineage.columns[*place].pair.and_then(shown));
        let carried = self.columns.after.iter().map(|place| {
            let target = &self.plan.columns()[*place];
            let Origin::Carried { source, leaves } = &target.origin else { return None };
            let value = column(*source)?.slice(row, 1);
            let laid = relay::relay(tree, (&value, *source), target.field.data_type(), leaves)?;
            Some(printer.cell(&laid, 0))
        });
        Source { before: before.collect(), was: was.collect(), carried: carried.collect() }
    }
}

/// The file of a probe as it may be shown.
fn path_of(plan: &SchemaPlan, probe: &Probe) -> String {
    if hides_paths(plan) { MASKED.to_owned() } else { probe.source.name().to_owned() }
}

/// Why a row was refused, if that may be shown: it may be any value of it.
fn message_of(plan: &SchemaPlan, printer: &Printer, reject: &Reject) -> String {
    if plan.reads_sensitive() { HUSHED.to_owned() } else { printer.words(&reject.message) }
}

/// A cell of row `row` of several batches.
fn made_cell(printer: &Printer, made: &[RecordBatch], column: usize, mut row: usize) -> Shown {
    for batch in made {
        if row < batch.num_rows() {
            return batch.columns().get(column).map_or_else(Shown::none, |values| printer.cell(values, row));
        }
        row -= batch.num_rows();
    }
    Shown::none()
}
