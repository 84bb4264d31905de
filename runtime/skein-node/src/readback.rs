//! Staged files read again before anybody sees them: what a disk, a memory or a mistake of ours made of them.
//!
//! Three things, from the outside in: the file has the bytes that were written; the chunks that were copied into it have the
//! bytes that were read from the source; the columns that the module made or passed through, decoded again, have the sums
//! that they had before they were encoded. What is read is what the system has of the file, which may be its memory and not
//! the disk: nothing is synced yet, and after the sync a scrub looks.

use skein_api::AttemptPhase;
use skein_dataset::Staging;
use skein_dataset::parquet::{FileError, SourceFile, copied_again};
use skein_fingerprint::{Seed, Summer, Sums};
use skein_types::{ColumnTree, Origin};

use crate::error::RunError;
use crate::job::Job;
use crate::lane::StagedOutput;
use crate::planning::SchemaGroup;
use crate::progress::Progress;

const BATCH_ROWS: usize = 8192;

/// Reads outputs again. Everything that is wrong with one is told with its name and, where it is one column's, the column.
pub(crate) fn read_back(
    job: &Job,
    outputs: &[StagedOutput],
    staging: &Staging,
    progress: &Progress,
) -> Result<(), RunError> {
    progress.enters(AttemptPhase::Verifying);
    for output in outputs {
        if progress.is_cancelled() {
            return Err(RunError::Cancelled);
        }
        let first = output.sources.first().copied().unwrap_or(0);
        let group = &job.plans.groups[job.plans.group_of[first]];
        Output { output, group }.read_back(staging, progress)?;
    }
    Ok(())
}

/// Names of the columns that the module makes or passes through, in the order of its answers.
pub(crate) fn made(group: &SchemaGroup) -> Vec<&str> {
    let made = group.plan.columns().iter().filter(|column| !matches!(column.origin, Origin::Carried { .. }));
    made.map(|column| column.field.name().as_str()).collect()
}

struct Output<'a> {
    output: &'a StagedOutput,
    group: &'a SchemaGroup,
}

impl Output<'_> {
    fn read_back(&self, staging: &Staging, progress: &Progress) -> Result<(), RunError> {
        let entry = &self.output.entry;
        let file = staging.read_again(&entry.path)?;
        let found = staging.hash_again(&entry.path).map_err(|fault| {
            let error = RunError::from(fault).if_asked_to_stop();
            if matches!(error, RunError::Cancelled) { error } else { self.differs(error.to_string()) }
        })?;
        let source = SourceFile::open(file, &entry.path).map_err(|error| self.unreadable(&error))?;
        let sealed = &self.output.sealed;
        if (source.rows(), source.row_groups()) != (sealed.rows, sealed.row_groups) {
            return Err(self.differs("its footer has other row groups than were written"));
        }
        // What names a column first.
        self.copies(&source)?;
        self.columns(&source, progress)?;
        if found != (entry.blake3, entry.size) {
            return Err(self.differs("its bytes are not those that were written"));
        }
        Ok(())
    }

    fn differs(&self, what: impl Into<String>) -> RunError {
        RunError::ReadBack { file: self.output.entry.path.clone(), what: what.into() }
    }

    fn unreadable(&self, error: &FileError) -> RunError {
        self.differs(error.to_string())
    }

    fn copies(&self, source: &SourceFile) -> Result<(), RunError> {
        let found = copied_again(source, &self.output.sealed).map_err(|error| self.unreadable(&error))?;
        let columns = self.output.sealed.columns.iter().zip(found);
        match columns.into_iter().find(|(column, found)| column.copied != *found) {
            None => Ok(()),
            Some((column, _)) => Err(RunError::CopyDiffers {
                file: self.output.entry.path.clone(),
                column: column.path.clone(),
            }),
        }
    }

    fn columns(&self, source: &SourceFile, progress: &Progress) -> Result<(), RunError> {
        let made = made(self.group);
        if made.is_empty() {
            return Ok(());
        }
        let tree = ColumnTree::new(source.view()).map_err(|error| self.differs(error.to_string()))?;
        let roots = tree.roots().iter().filter_map(|root| tree.get(*root));
        let wanted = roots.filter(|node| made.contains(&node.field.name().as_str()));
        let leaves: Vec<usize> = wanted.flat_map(|node| node.leaves.clone()).collect();
        let (mut found, mut summer) = (Sums::default(), Summer::new(Seed::RECORDED));
        for row_group in 0..source.row_groups() {
            let batches =
                source.read(row_group, &leaves, BATCH_ROWS).map_err(|error| self.unreadable(&error))?;
            for batch in batches {
                if progress.is_cancelled() {
                    return Err(RunError::Cancelled);
                }
                let batch = batch.map_err(|error| self.unreadable(&error))?;
                summer.add(&batch, &mut found).map_err(|error| RunError::bug(error.to_string()))?;
            }
        }
        let expected = &self.output.witness.sums;
        if let Some(at) = expected.differs_at(&found) {
            let column = made.get(at).copied().unwrap_or_default();
            return Err(self.differs(format!("column {column:?} does not hold what was made")));
        }
        if *expected != found {
            return Err(self.differs("values stand in other rows than they were made for"));
        }
        Ok(())
    }
}
