//! Proof that carried columns were copied: the output's chunks against the source's, byte for byte.

use parquet::file::metadata::RowGroupMetaData;
use skein_types::Bytes;

use super::error::FileError;
use super::footer::chunk_range;
use super::output::{LeafOrigin, OutputPlan};
use super::source::SourceFile;

/// Where an output is not the copy that it should be.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "each message says what its fields are")]
pub enum SplicedMismatch {
    #[error("the output has {output} row groups, the source {source_groups} that are not empty")]
    RowGroups { output: usize, source_groups: usize },
    #[error("leaf {leaf} of row group {row_group} differs")]
    Chunk { row_group: usize, leaf: usize },
    #[error(transparent)]
    File(#[from] FileError),
}

const COMPARE_BYTES: usize = 256 << 10;

/// Compares every carried chunk of `output` with the source's bytes, for an output that kept all rows. Answers how
/// many bytes were equal.
pub fn assert_spliced(
    source: &SourceFile,
    output: &SourceFile,
    plan: &OutputPlan,
) -> Result<Bytes, SplicedMismatch> {
    plan.is_of(source)?;
    let groups: Vec<&RowGroupMetaData> =
        source.metadata().row_groups().iter().filter(|group| group.num_rows() > 0).collect();
    let written = output.metadata().row_groups();
    if groups.len() != written.len() {
        return Err(SplicedMismatch::RowGroups { output: written.len(), source_groups: groups.len() });
    }
    let mut equal = 0;
    for (row_group, (from, to)) in groups.iter().zip(written).enumerate() {
        for (leaf, origin) in plan.leaves.iter().enumerate() {
            let LeafOrigin::Carried { source: source_leaf } = origin else { continue };
            let differs = || SplicedMismatch::Chunk { row_group, leaf };
            let from = from.columns().get(*source_leaf).and_then(chunk_range).ok_or_else(differs)?;
            let to = to.columns().get(leaf).and_then(chunk_range).ok_or_else(differs)?;
            if from.1 - from.0 != to.1 - to.0 || !same_bytes(source, from, output, to.0)? {
                return Err(differs());
            }
            equal += from.1 - from.0;
        }
    }
    Ok(Bytes(equal))
}

fn same_bytes(
    source: &SourceFile,
    range: (u64, u64),
    output: &SourceFile,
    at: u64,
) -> Result<bool, FileError> {
    let unreadable =
        |file: &SourceFile, error| FileError::Read { file: file.name().to_owned(), source: error };
    let mut done = range.0;
    while done < range.1 {
        let step = usize::try_from(range.1 - done).unwrap_or(usize::MAX).min(COMPARE_BYTES);
        let one = source.file().bytes(done, step).map_err(|e| unreadable(source, e))?;
        let other = output.file().bytes(at + (done - range.0), step).map_err(|e| unreadable(output, e))?;
        if one != other {
            return Ok(false);
        }
        done += step as u64;
    }
    Ok(true)
}
