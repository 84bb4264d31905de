//! Whether the same rows give the same result: what was probed goes through the module once more, with batches of another size,
//! and, if it has state, saved and opened again after each row group. Only where something else comes out is more tried, to say
//! what it depends on.
//!
//! Time, randomness and order are the host's, so a module cannot do otherwise by when, where or how often it runs. What is left to it
//! are the borders between calls, and this is where they move.

use arrow_array::RecordBatch;
use arrow_select::concat::concat_batches;
use skein_api::{Determinism, Difference, DifferenceWhen, List, Text};
use skein_sandbox::{GuestError, Reject};
use skein_types::{Origin, SchemaPlan, Selection, Shape};

use super::probe::{Probe, Prober};
use crate::agent::Agent;
use crate::error::RunError;
use crate::lineage::hides_paths;
use crate::mask::MASKED;

/// What came out of the rows of one probe.
#[derive(Debug, Default)]
struct Came {
    kept: Vec<Selection>,
    rejects: Vec<Reject>,
    made: Vec<RecordBatch>,
}

/// How rows are sent.
#[derive(Clone, Copy, Debug)]
struct Way {
    /// With batches of another size than a run has.
    other_batches: bool,
    /// With a new agent for each row group, from what the one before saved.
    reopened: bool,
}

impl Way {
    const AS_BEFORE: Self = Self { other_batches: false, reopened: false };
    const OTHER_BATCHES: Self = Self { other_batches: true, reopened: false };
    const ALL_ELSE: Self = Self { other_batches: true, reopened: true };
}

/// Where two results part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Parting {
    probe: usize,
    row: Row,
    /// Place among the columns that the module makes.
    made: Option<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Row {
    /// Of the probe's source rows.
    Source(usize),
    /// Of what came out, where that belongs to no source row.
    Made(usize),
}

/// The probes of one module without state: each is a task of its own.
pub(super) fn alone(prober: &Prober<'_>, probe: &Probe) -> Result<Determinism, RunError> {
    told(prober, std::slice::from_ref(probe), (Way::OTHER_BATCHES, true))
}

/// The head of a dataset through one agent. `ended`: that was all of it, and the agent was told so.
pub(super) fn head(prober: &Prober<'_>, probes: &[Probe], ended: bool) -> Result<Determinism, RunError> {
    told(prober, probes, (Way::ALL_ELSE, ended))
}

fn told(prober: &Prober<'_>, probes: &[Probe], (way, ended): (Way, bool)) -> Result<Determinism, RunError> {
    let mut told = Determinism::default();
    let needed = probes.iter().any(|probe| prober.group(probe.pick).plan.needs_guest());
    if !needed || probes.iter().all(|probe| probe.kept.rows() == 0) {
        return Ok(told);
    }
    let mut sizes: Vec<u64> = Vec::new();
    let parting = once_more(prober, probes, (way, ended), &mut sizes)?;
    told.runs = 2;
    if way.reopened {
        told.reopened = probes.len().saturating_sub(1) as u64;
    }
    if let Some(parting) = parting {
        told.differing = 1;
        let when = if once_more(prober, probes, (Way::AS_BEFORE, ended), &mut sizes)?.is_some() {
            DifferenceWhen::Repeated
        } else if !way.reopened
            || once_more(prober, probes, (Way::OTHER_BATCHES, ended), &mut sizes)?.is_some()
        {
            DifferenceWhen::OtherBatches
        } else {
            DifferenceWhen::Reopened
        };
        told.runs += 1;
        told.difference = Some(difference(prober, probes, parting, when));
    }
    told.batch_sizes = List::first(sizes).0;
    Ok(told)
}

fn difference(prober: &Prober<'_>, probes: &[Probe], parting: Parting, when: DifferenceWhen) -> Difference {
    let probe = &probes[parting.probe];
    let plan = &prober.group(probe.pick).plan;
    let row = match parting.row {
        Row::Source(row) => probe.first_row + row as u64,
        Row::Made(row) => row as u64,
    };
    let column = parting.made.and_then(|made| made_column(plan, made));
    Difference {
        dataset: None,
        file: Text::escaped(if hides_paths(plan) { MASKED } else { probe.source.name() }),
        row,
        column: column.map(Text::escaped),
        when,
    }
}

/// The name of a column that the module makes, by its place among these.
pub(super) fn made_column(plan: &SchemaPlan, made: usize) -> Option<&str> {
    let columns = plan.columns().iter().filter(|column| !matches!(column.origin, Origin::Carried { .. }));
    columns.map(|column| column.field.name().as_str()).nth(made)
}

/// Sends the same rows once more and compares. A module that fails this time answers otherwise in the first row.
fn once_more(
    prober: &Prober<'_>,
    probes: &[Probe],
    (way, ended): (Way, bool),
    sizes: &mut Vec<u64>,
) -> Result<Option<Parting>, RunError> {
    let came = match (Pass { prober, way, sizes }).all(probes, ended) {
        Ok(came) => came,
        Err(Stopped::Run(error)) => return Err(error),
        Err(Stopped::Guest { probe, error: GuestError::Cancelled { call } }) => {
            let error = GuestError::Cancelled { call };
            return Err(RunError::guest(probes[probe].source.name(), probes[probe].pick.row_group, error));
        }
        Err(Stopped::Guest { probe, .. }) => {
            return Ok(Some(Parting { probe, row: Row::Source(0), made: None }));
        }
    };
    let free = probes.iter().any(|probe| prober.group(probe.pick).plan.shape() == Shape::Free);
    if free {
        let refused = probes.iter().zip(&came).enumerate().find_map(|(place, (probe, came))| {
            Some((place, differing_reject(&probe.rejects, &came.rejects)?))
        });
        if let Some((probe, row)) = refused {
            return Ok(Some(Parting { probe, row: Row::Source(row), made: None }));
        }
        // What one batch gave may come with the next: where rows belong to no row only their order counts.
        let before: Vec<&RecordBatch> = probes.iter().flat_map(|probe| &probe.made).collect();
        let now: Vec<&RecordBatch> = came.iter().flat_map(|came| &came.made).collect();
        let parting = parting_of_data(&before, &now, !ended)?;
        return Ok(parting.map(|(row, made)| Parting { probe: 0, row: Row::Made(row), made }));
    }
    for (place, (probe, came)) in probes.iter().zip(&came).enumerate() {
        if let Some((row, made)) = parting(probe, came)? {
            return Ok(Some(Parting { probe: place, row: Row::Source(row), made }));
        }
    }
    Ok(None)
}

/// Why a pass ended early.
enum Stopped {
    Run(RunError),
    Guest { probe: usize, error: GuestError },
}

impl From<RunError> for Stopped {
    fn from(error: RunError) -> Self {
        Self::Run(error)
    }
}

/// One time through all rows.
struct Pass<'a, 'p> {
    prober: &'a Prober<'p>,
    way: Way,
    sizes: &'a mut Vec<u64>,
}

impl Pass<'_, '_> {
    fn all(mut self, probes: &[Probe], ended: bool) -> Result<Vec<Came>, Stopped> {
        let mut came: Vec<Came> = Vec::with_capacity(probes.len());
        let mut at_work: Option<Box<dyn Agent>> = None;
        for (place, probe) in probes.iter().enumerate() {
            let at = |error| Stopped::Guest { probe: place, error };
            let seed = self.prober.seed(probe).row_group(probe.pick.row_group);
            let mut agent = match at_work.take() {
                Some(mut agent) if !self.way.reopened => {
                    agent.reseed(seed);
                    agent
                }
                Some(mut agent) => {
                    let state = agent.save().map_err(at)?;
                    drop(agent);
                    self.prober.agents(probe.pick).open(seed, state).map_err(at)?
                }
                None => self.prober.agents(probe.pick).open(seed, None).map_err(at)?,
            };
            came.push(self.probe(&mut *agent, (place, probe))?);
            at_work = Some(agent);
        }
        if let (true, Some(mut agent)) = (ended, at_work) {
            let last = probes.len().saturating_sub(1);
            let rest = agent.finish().map_err(|error| Stopped::Guest { probe: last, error })?;
            came.iter_mut().last().into_iter().for_each(|came| came.made.extend(rest.iter().cloned()));
        }
        Ok(came)
    }

    fn probe(&mut self, agent: &mut dyn Agent, (place, probe): (usize, &Probe)) -> Result<Came, Stopped> {
        let (mut came, mut row, rows) = (Came::default(), 0, probe.kept.rows());
        let size = self.size(probe);
        agent.about(probe.source.name(), probe.pick.row_group);
        for batch in self.prober.batches(probe, size)? {
            if self.prober.progress.is_cancelled() {
                return Err(Stopped::Run(RunError::Cancelled));
            }
            if row >= rows {
                break;
            }
            let batch = batch.map_err(|error| Stopped::Run(error.into()))?;
            let batch = batch.slice(0, batch.num_rows().min(rows - row));
            let first = probe.first_row + row as u64;
            let mut processed =
                agent.process(first, &batch).map_err(|error| Stopped::Guest { probe: place, error })?;
            processed.rejects.iter_mut().for_each(|reject| reject.row -= probe.first_row);
            row += batch.num_rows();
            came.kept.push(processed.selection);
            came.rejects.extend(processed.rejects);
            came.made.extend(processed.data);
        }
        Ok(came)
    }

    /// Rows of a batch. Another size is one that does not divide the first, so that borders fall elsewhere.
    fn size(&mut self, probe: &Probe) -> usize {
        let (rows, usual) = (probe.kept.rows(), self.prober.batch_rows(probe));
        let usual_here = usual.min(rows).max(1);
        let size = if self.way.other_batches { other_size(usual_here) } else { usual };
        for size in [usual_here, size.min(rows).max(1)] {
            let size = size as u64;
            if !self.sizes.contains(&size) {
                self.sizes.push(size);
            }
        }
        size
    }
}

/// Less than it, and no even part of it, but where there is nothing between.
const fn other_size(usual: usize) -> usize {
    let mut size = usual * 5 / 13 + 1;
    while size > 1 && size < usual && usual.is_multiple_of(size) {
        size += 1;
    }
    size
}

/// Where a probe's rows become something else.
fn parting(probe: &Probe, came: &Came) -> Result<Option<(usize, Option<usize>)>, RunError> {
    let kept = Selection::concat(&came.kept);
    let rows = probe.kept.rows();
    if kept.rows() != rows {
        return Ok(Some((kept.rows().min(rows), None)));
    }
    let fate = (0..rows).find(|row| probe.kept.keeps(*row) != kept.keeps(*row));
    let refused = differing_reject(&probe.rejects, &came.rejects);
    if let Some(row) = fate.into_iter().chain(refused).min() {
        return Ok(Some((row, None)));
    }
    let (before, now): (Vec<_>, Vec<_>) = (probe.made.iter().collect(), came.made.iter().collect());
    let parting = parting_of_data(&before, &now, false)?;
    // The source row of an output row.
    let source = |output: usize| (0..rows).filter(|row| kept.keeps(*row)).nth(output).unwrap_or(rows);
    Ok(parting.map(|(output, made)| (source(output), made)))
}

fn differing_reject(before: &[Reject], now: &[Reject]) -> Option<usize> {
    let at = before.iter().zip(now).position(|(one, other)| one != other);
    let at = at.or((before.len() != now.len()).then(|| before.len().min(now.len())))?;
    let row = before.get(at).into_iter().chain(now.get(at)).map(|reject| reject.row).min()?;
    usize::try_from(row).ok()
}

/// The first row of what came out, and the column, in which two results differ. `open`: both may go on, so one may be longer.
fn parting_of_data(
    before: &[&RecordBatch],
    now: &[&RecordBatch],
    open: bool,
) -> Result<Option<(usize, Option<usize>)>, RunError> {
    let Some(first) = before.first().or(now.first()) else { return Ok(None) };
    let schema = first.schema();
    let whole = |batches: &[&RecordBatch]| {
        concat_batches(&schema, batches.iter().copied()).map_err(|error| RunError::bug(error.to_string()))
    };
    let (before, now) = (whole(before)?, whole(now)?);
    let both = before.num_rows().min(now.num_rows());
    let columns = before.columns().iter().zip(now.columns()).enumerate();
    let parted = columns.filter_map(|(column, (one, other))| {
        let differs = |rows: usize| one.slice(0, rows) != other.slice(0, rows);
        differs(both).then(|| (first_row(both, differs), Some(column)))
    });
    let longer = (before.num_rows() != now.num_rows() && !open).then_some((both, None));
    Ok(parted.chain(longer).min_by_key(|(row, _)| *row))
}

/// The first row with which two beginnings differ, if the first `rows` do.
fn first_row(rows: usize, differs: impl Fn(usize) -> bool) -> usize {
    let (mut same, mut other) = (0, rows);
    while same + 1 < other {
        let middle = same.midpoint(other);
        if differs(middle) {
            other = middle;
        } else {
            same = middle;
        }
    }
    other.saturating_sub(1)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::{Array, Float64Array, Int64Array, RecordBatch};
    use skein_sandbox::Reject;

    use super::{differing_reject, first_row, other_size, parting_of_data};

    fn batch(numbers: &[i64], floats: &[f64]) -> RecordBatch {
        let numbers: Arc<dyn Array> = Arc::new(Int64Array::from(numbers.to_vec()));
        let floats: Arc<dyn Array> = Arc::new(Float64Array::from(floats.to_vec()));
        RecordBatch::try_from_iter([("n", numbers), ("f", floats)]).unwrap()
    }

    #[test]
    fn the_first_row_and_column_that_differ_are_found_over_borders_of_batches() {
        let before = [&batch(&[1, 2], &[1.0, f64::NAN]), &batch(&[3], &[3.0])];
        let whole = |numbers: &[i64], floats: &[f64]| {
            parting_of_data(&before, &[&batch(numbers, floats)], false).unwrap()
        };
        assert_eq!(whole(&[1, 2, 3], &[1.0, f64::NAN, 3.0]), None);
        assert_eq!(whole(&[1, 2, 4], &[1.0, f64::NAN, 3.0]), Some((2, Some(0))));
        assert_eq!(whole(&[1, 2, 4], &[1.0, 2.0, 3.0]), Some((1, Some(1))));
        assert_eq!(whole(&[1, 2], &[1.0, f64::NAN]), Some((2, None)));
        let open = parting_of_data(&before, &[&batch(&[1, 2], &[1.0, f64::NAN])], true).unwrap();
        assert_eq!(open, None, "the rest may be still to come");
        assert_eq!(parting_of_data(&[], &[], false).unwrap(), None);
    }

    #[test]
    fn rejects_differ_by_row_code_words_and_number() {
        let reject = |row, code: &str| Reject { row, code: code.to_owned(), message: String::new() };
        let two = || [reject(3, "bad"), reject(7, "bad")];
        assert_eq!(differing_reject(&two(), &two()), None);
        assert_eq!(differing_reject(&two(), &[reject(3, "bad"), reject(5, "bad")]), Some(5));
        assert_eq!(differing_reject(&two(), &[reject(3, "worse"), reject(7, "bad")]), Some(3));
        assert_eq!(differing_reject(&two(), &two()[..1]), Some(7));
        assert_eq!(differing_reject(&[], &two()), Some(3));
    }

    #[test]
    fn other_batches_have_other_borders() {
        for usual in 2..5_000 {
            let other = other_size(usual);
            assert!(other < usual && (usual % other != 0 || other == 1), "{usual}: {other}");
        }
        assert_eq!((other_size(1_200), other_size(1)), (462, 1));
        for at in 0..20 {
            assert_eq!(first_row(20, |rows| rows > at), at);
        }
    }
}
