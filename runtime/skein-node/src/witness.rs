//! What a run saw of its rows itself: how many there were, and what the module gave for them before it was encoded.
//!
//! A module cannot make it say anything: rows are counted where they are read and written, and cells are summed up by the host
//! over what it encodes next. Witnesses of parts add up, in any order; one travels with what a split gave, is noted beside
//! pieces that are kept, and stays with the output file that it is about.

use arrow_array::RecordBatch;
use serde::{Deserialize, Serialize};
use skein_dataset::RowCounts;
use skein_fingerprint::{Measures, Seed, Summer, Sums};
use skein_types::{Rows, Shape, VerifyLevel};

use crate::error::RunError;

/// Of some rows.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Witness {
    /// By fate. What is written counts where it is sealed.
    #[serde(default)]
    pub(crate) rows: RowCounts,
    /// Of the columns that the module makes, with the seed that is recorded.
    #[serde(default)]
    pub(crate) sums: Sums,
    #[serde(default)]
    pub(crate) measures: Measures,
}

impl Witness {
    pub(crate) fn add(&mut self, other: &Self) {
        self.rows.read += other.rows.read;
        self.rows.rejected += other.rows.rejected;
        self.rows.filtered += other.rows.filtered;
        self.sums.add(&other.sums);
        self.measures.add(&other.measures);
    }

    /// The rows of a row group, by what became of them.
    pub(crate) fn row_group(&mut self, rows: usize, kept: usize, rejected: usize) {
        self.rows.read.0 += rows as u64;
        self.rows.rejected.0 += rejected as u64;
        self.rows.filtered.0 += rows.saturating_sub(kept + rejected) as u64;
    }

    /// Whether a file with so many rows is what they add up to.
    pub(crate) fn reconciles(
        &self,
        file: &str,
        (source, written): (u64, Rows),
        shape: Shape,
    ) -> Result<(), RunError> {
        let RowCounts { read, rejected, filtered, .. } = self.rows;
        let differs = |what: String| Err(RunError::Counts { file: file.to_owned(), what });
        if read.0 != source {
            return differs(format!("{source} rows by the footers of its sources, {} were read", read.0));
        }
        if shape == Shape::Free {
            return Ok(());
        }
        let stay = (read.0 - rejected.0.min(read.0)).saturating_sub(filtered.0);
        if written.0 != stay {
            return differs(format!(
                "{} rows were read, {} rejected and {} filtered out, {} are written",
                read.0, rejected.0, filtered.0, written.0
            ));
        }
        Ok(())
    }
}

/// Sums up what a module gives.
#[derive(Debug)]
pub(crate) struct Observer {
    summer: Option<Summer>,
}

impl Observer {
    pub(crate) fn new(level: VerifyLevel) -> Self {
        let sums = level.reaches(VerifyLevel::Fingerprint);
        Self { summer: sums.then(|| Summer::new(Seed::RECORDED)) }
    }

    pub(crate) fn made(&mut self, batches: &[RecordBatch], into: &mut Witness) -> Result<(), RunError> {
        let Some(summer) = &mut self.summer else { return Ok(()) };
        for batch in batches {
            summer.add(batch, &mut into.sums).map_err(|error| RunError::bug(error.to_string()))?;
            into.measures.batch(batch);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::Witness;
    use skein_dataset::RowCounts;
    use skein_types::{Rows, Shape, codes};

    #[test]
    fn rows_add_up_or_the_file_is_named() {
        let rows = RowCounts { read: Rows(10), rejected: Rows(2), filtered: Rows(3), written: Rows(0) };
        let witness = Witness { rows, ..Witness::default() };
        let holds = |source, written, shape| witness.reconciles("a.parquet", (source, Rows(written)), shape);
        assert!(holds(10, 5, Shape::Filtered).is_ok());
        assert!(holds(10, 50, Shape::Free).is_ok());
        for (source, written, shape) in
            [(11, 5, Shape::Filtered), (9, 5, Shape::Free), (10, 4, Shape::Filtered), (10, 6, Shape::Same)]
        {
            let error = holds(source, written, shape).unwrap_err();
            assert_eq!(error.code(), codes::COUNTS_DIFFER);
            assert!(error.to_string().starts_with("a.parquet: "), "{error}");
        }
    }
}
