//! A part of a large run, made apart from the others.
//!
//! ```text
//! prepare -> make the part's splits -> keep what they give        one attempt for each part, on any node
//! prepare -> take over what is kept, make what is not -> staged   the attempt that seals
//! ```
//! A part is a share of the run's splits in their order, so it is a function of the source and of the number of parts. Its
//! result is what it kept (see `pieces`); an attempt that seals takes over all that fits by its key, whoever made it, and
//! makes the rest. So a part that is lost, that was made over files which changed, or that was made twice costs time and
//! nothing else, and an output has the same bytes however many parts it was made in.

use std::ops::Range;

use skein_dataset::{RowCounts, Staging};
use skein_types::StateKind;

use crate::agent::AgentSource;
use crate::error::RunError;
use crate::job::Bench;
use crate::pieces::Pieces;
use crate::progress::Progress;
use crate::report::Cost;
use crate::run::Prepared;
use crate::transform::Transformed;

/// One of the parts of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// From 0.
    pub number: u32,
    /// How many there are; not 0.
    pub of: u32,
}

impl Part {
    /// Its share of so many splits: parts differ by one split at most.
    pub(crate) fn range(self, splits: usize) -> Range<usize> {
        let of = (self.of as usize).max(1);
        let border = |number: usize| splits * number.min(of) / of;
        border(self.number as usize)..border(self.number as usize + 1)
    }
}

/// What came of a part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PartDone {
    /// It is kept.
    Kept {
        /// By fate.
        rows: RowCounts,
        /// What it took.
        cost: Cost,
    },
    /// No part of this run can be made apart: there is nothing for a guest to do, or each row depends on those before.
    Whole,
}

/// Where a part is, and what it is.
type Made = (Staging, Result<Transformed, RunError>);

impl Prepared {
    /// Makes a part and keeps it. Nothing is left of an attempt that fails; one that is asked to stop behind its next
    /// checkpoint leaves what it kept.
    pub fn stage_part(self, part: Part, progress: &Progress) -> Result<PartDone, RunError> {
        let Some((staging, made)) = self.make_part(part, progress)? else { return Ok(PartDone::Whole) };
        match made {
            Ok(made) => {
                staging.leave_pieces()?;
                Ok(PartDone::Kept { rows: made.rows, cost: made.cost })
            }
            Err(RunError::Evicted) => {
                staging.leave_pieces().map_or_else(|error| Err(error.into()), |()| Err(RunError::Evicted))
            }
            Err(error) => Err(staging.take_fault().map_or(error, RunError::from)),
        }
    }

    /// Makes a part to see what it takes, and leaves nothing of it.
    pub(crate) fn try_part(self, part: Part, progress: &Progress) -> Result<PartDone, RunError> {
        match self.make_part(part, progress)? {
            Some((_, Ok(made))) => Ok(PartDone::Kept { rows: made.rows, cost: made.cost }),
            Some((staging, Err(error))) => Err(staging.take_fault().map_or(error, RunError::from)),
            None => Ok(PartDone::Whole),
        }
    }

    /// Nothing if no part can be made apart. What was made is in the staging's pieces, and goes with it.
    fn make_part(&self, part: Part, progress: &Progress) -> Result<Option<Made>, RunError> {
        let Some(resumption) = &self.resumption else {
            return Err(RunError::bug("a part of a run that keeps nothing"));
        };
        let apart = self.job.manifest.state == StateKind::None && self.job.request.resize.is_none();
        if !apart || !self.groups().iter().any(|group| group.plan.needs_guest()) {
            return Ok(None);
        }
        let staging = Staging::create(&self.dataset, &self.lock, &self.snapshot, 0)?;
        let pieces = Pieces { dataset: &self.dataset, staging: &staging, earlier: &resumption.earlier };
        let rule = self.job.request.names;
        let bench =
            Bench { snapshot: &self.snapshot, staging: &staging, rule, progress, pieces: Some(pieces) };
        let sandboxes = self.job.sandboxes(progress);
        let agents: Vec<Box<dyn AgentSource>> =
            self.groups().iter().map(|group| sandboxes.for_group(group)).collect();
        let made = self.job.part(part, bench, &agents);
        Ok(Some((staging, made)))
    }
}

#[cfg(test)]
mod tests {
    use super::Part;

    #[test]
    fn parts_hold_every_split_once_in_order_and_differ_by_one_at_most() {
        for splits in 0..40 {
            for of in 1..9 {
                let ranges: Vec<_> = (0..of).map(|number| Part { number, of }.range(splits)).collect();
                let all: Vec<usize> = ranges.iter().cloned().flatten().collect();
                assert_eq!(all, (0..splits).collect::<Vec<_>>());
                let (least, most) = (
                    ranges.iter().map(ExactSizeIterator::len).min(),
                    ranges.iter().map(ExactSizeIterator::len).max(),
                );
                assert!(most.unwrap() - least.unwrap() <= 1);
            }
        }
    }
}
