//! Reading a sealed file again: what its copied chunks hold now.

use xxhash_rust::xxh3::Xxh3;

use super::error::FileError;
use super::footer::chunk_range;
use super::seal::{Copied, Sealed};
use super::source::SourceFile;

const STEP: usize = 512 << 10;

/// What the chunks of a sealed file hold that were copied into it, leaf by leaf as [`Sealed::columns`]. Equal to what is noted
/// there if the file has the source's bytes.
pub fn copied_again(file: &SourceFile, sealed: &Sealed) -> Result<Vec<Option<Copied>>, FileError> {
    let missing =
        || FileError::Damaged { file: file.name().to_owned(), what: "a column is missing".to_owned() };
    let unreadable = |error| FileError::Read { file: file.name().to_owned(), source: error };
    let groups = file.metadata().row_groups().iter().zip(&sealed.copied_groups);
    let copied: Vec<_> = groups.filter(|(_, copied)| **copied).map(|(group, _)| group).collect();
    let (mut hasher, mut buffer) = (Xxh3::new(), vec![0; STEP]);
    let mut found = Vec::with_capacity(sealed.columns.len());
    for (leaf, column) in sealed.columns.iter().enumerate() {
        if column.copied.is_none() {
            found.push(None);
            continue;
        }
        let mut all = Copied::default();
        for group in &copied {
            let range = group.columns().get(leaf).and_then(chunk_range).ok_or_else(missing)?;
            hasher.reset();
            let mut at = range.0;
            while at < range.1 {
                let step = usize::try_from(range.1 - at).unwrap_or(usize::MAX).min(STEP);
                let piece = &mut buffer[..step];
                file.file().exact(piece, at).map_err(unreadable)?;
                hasher.update(piece);
                at += step as u64;
            }
            all.add(range.1 - range.0, hasher.digest128());
        }
        found.push(Some(all));
    }
    Ok(found)
}
