//! Which files of a run become one, and where its row groups are cut: compaction.
//!
//! ```text
//! files of one directory, in byte order of path      a  b  C  d  e  f  g        C is large
//! outputs                                           [a  b][C][d  e  f][g]       d e f are about the target together
//! ```
//! An output takes files that follow each other in one directory while their stored bytes are not more than the target
//! together. A file that has at least half of it alone stays by itself, and so does one between two with which it has not
//! enough in common. So rows keep their order within a directory, every output but those beside a border has more than
//! half the target, and what becomes of a dataset is a function of its files alone.
//!
//! Files have enough in common if the same people may read them (else rows would be open to whom their file was closed),
//! if each can be written anew ([`skein_dataset::parquet::SourceFile::recut_kind`]), readers
//! understand their values by the same keys, and they have been through the same migrations: else the output would be
//! taken as migrated, or not, with half its rows wrong.

use std::num::NonZeroUsize;

use skein_dataset::parquet::RowGroupSize;
use skein_dataset::{Access, Applied, Snapshot};
use skein_types::{Blake3, Bytes, ModuleDigest, ParamsDigest};

use crate::error::RunError;
use crate::inputs::InputFile;

/// What sizes files and row groups shall have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Resize {
    /// Small files are combined into files of about so many bytes, estimated from the stored bytes of the sources.
    pub file_size: Option<Bytes>,
    /// Row groups of all files are cut anew; `None`: those of combined files only, in the standard size.
    pub row_groups: Option<RowGroupSize>,
}

impl Resize {
    /// Files and row groups stay what they are.
    pub const NONE: Self = Self { file_size: None, row_groups: None };

    /// Whether anything may change.
    pub fn is_none(&self) -> bool {
        *self == Self::NONE
    }

    /// Row groups with bounds of which some are given.
    pub fn row_groups(rows: Option<NonZeroUsize>, bytes: Option<Bytes>) -> Option<RowGroupSize> {
        let standard = RowGroupSize::STANDARD;
        let size =
            RowGroupSize { rows: rows.unwrap_or(standard.rows), bytes: bytes.unwrap_or(standard.bytes) };
        (rows.is_some() || bytes.is_some()).then_some(size)
    }

    /// The outputs for these files, in the order of the first file of each.
    pub(crate) fn outputs(
        &self,
        snapshot: &Snapshot,
        files: &[InputFile],
        migration: &str,
    ) -> Result<Vec<OutputFile>, RunError> {
        let access = |file: &InputFile| match self.file_size {
            Some(_) => snapshot.access(file.pinned(snapshot)).map(Some),
            None => Ok(None),
        };
        let sources = files.iter().map(|file| {
            let access = access(file)?;
            let (pinned, dir) =
                (file.pinned(snapshot), file.path.rsplit_once('/').map_or("", |(dir, _)| dir));
            // Of this migration they will all be the output.
            let applied = pinned.applied().iter().filter(|applied| applied.name != migration);
            let applied: Vec<Been<'_>> = applied.map(been).collect();
            Ok(Source {
                dir,
                bytes: pinned.stat.size,
                kind: file.recut_kind.map(|kind| (kind, applied, access)),
            })
        });
        let sources = sources.collect::<Result<Vec<_>, RunError>>()?;
        let groups = grouped(&sources, self.file_size.map_or(0, |size| size.0));
        let output = |group: Vec<usize>| {
            let anew = group.len() > 1
                || self.row_groups.is_some() && group.iter().all(|file| files[*file].recut_kind.is_some());
            let row_groups = anew.then(|| self.row_groups.unwrap_or(RowGroupSize::STANDARD));
            OutputFile { sources: group, row_groups }
        };
        Ok(groups.into_iter().map(output).collect())
    }
}

/// One file that a run writes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OutputFile {
    /// Places of its sources among the input files, ascending; never none.
    pub(crate) sources: Vec<usize>,
    /// Where row groups end that are cut anew; `None` if they are those of its one source.
    pub(crate) row_groups: Option<RowGroupSize>,
}

impl OutputFile {
    /// The source whose name, mode, owner and attributes it gets.
    pub(crate) fn first(&self) -> usize {
        self.sources[0]
    }
}

/// A migration that a file has been through, whatever its neighbours were then.
type Been<'a> = (&'a str, &'a str, ModuleDigest, ParamsDigest);

fn been(applied: &Applied) -> Been<'_> {
    (&applied.name, &applied.version, applied.module, applied.params)
}

/// What of a file decides with which others it becomes one.
struct Source<'a, K = (Blake3, Vec<Been<'a>>, Option<Access>)> {
    dir: &'a str,
    bytes: u64,
    /// Only files with the same are combined, and none without.
    kind: Option<K>,
}

/// Places of the files of each output, by the first of each.
fn grouped<K: PartialEq>(files: &[Source<'_, K>], target: u64) -> Vec<Vec<usize>> {
    struct Open<'d> {
        dir: &'d str,
        group: usize,
        bytes: u64,
    }
    let small = |file: &Source<'_, K>| file.kind.is_some() && file.bytes.saturating_mul(2) < target;
    let mut groups: Vec<Vec<usize>> = Vec::new();
    // Files of a directory follow each other in byte order of path, but those of one below it may lie between.
    let mut open: Vec<Open<'_>> = Vec::new();
    for (place, file) in files.iter().enumerate() {
        let at = open.iter().position(|open| open.dir == file.dir);
        if let Some(current) = at.and_then(|at| open.get_mut(at)) {
            let bytes = current.bytes.saturating_add(file.bytes);
            let last = groups[current.group].last().map(|last| &files[*last]);
            let alike = last.is_some_and(|last| small(last) && last.kind == file.kind);
            if small(file) && alike && bytes <= target {
                groups[current.group].push(place);
                current.bytes = bytes;
                continue;
            }
        }
        groups.push(vec![place]);
        let opened = Open { dir: file.dir, group: groups.len() - 1, bytes: file.bytes };
        match at {
            Some(at) => open[at] = opened,
            None => {
                // Nothing more comes of a directory that is behind.
                open.retain(|open| open.dir.is_empty() || file.dir.starts_with(open.dir));
                open.push(opened);
            }
        }
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::{Source, grouped};
    use proptest::prelude::*;

    fn files<'a>(files: &[(&'a str, u64, Option<u8>)]) -> Vec<Source<'a, u8>> {
        files.iter().map(|(dir, bytes, kind)| Source { dir, bytes: *bytes, kind: *kind }).collect()
    }

    #[test]
    fn small_files_that_follow_each_other_become_one_and_a_large_one_between_them_does_not() {
        let sizes = [3, 4, 5, 4, 4, 2, 1];
        let all: Vec<_> = sizes.iter().map(|bytes| ("d", *bytes, Some(0))).collect();
        assert_eq!(grouped(&files(&all), 10), [vec![0, 1], vec![2], vec![3, 4, 5], vec![6]]);
        assert_eq!(grouped(&files(&all), 0).len(), sizes.len());
    }

    #[test]
    fn directories_and_kinds_do_not_mix_and_a_directory_goes_on_behind_one_below_it() {
        let all = [
            ("d", 1, Some(0)),
            ("d/e", 1, Some(0)),
            ("d/e", 1, Some(0)),
            ("d", 1, Some(0)),
            ("d", 1, Some(1)),
            ("f", 1, None),
            ("f", 1, None),
        ];
        assert_eq!(grouped(&files(&all), 100), [vec![0, 3], vec![1, 2], vec![4], vec![5], vec![6]]);
    }

    proptest! {
        #[test]
        fn every_file_is_in_one_output_and_no_two_neighbours_could_be_one(
            given in prop::collection::vec((0_usize..3, 0_u64..40, prop::option::of(0_u8..2)), 0..60),
            target in 0_u64..60,
        ) {
            let mut given = given;
            given.sort_by_key(|(dir, ..)| *dir);
            let all: Vec<_> = given.iter().map(|(dir, bytes, kind)| (["a", "b", "c"][*dir], *bytes, *kind)).collect();
            let files = files(&all);
            let groups = grouped(&files, target);
            prop_assert_eq!(groups.concat(), (0..files.len()).collect::<Vec<_>>());
            let bytes = |group: &[usize]| group.iter().map(|file| files[*file].bytes).sum::<u64>();
            for group in &groups {
                prop_assert!(group.len() == 1 || bytes(group) <= target);
            }
            for pair in groups.windows(2) {
                let both: Vec<_> = pair.concat();
                let first = &files[both[0]];
                let could = bytes(&both) <= target
                    && both.iter().all(|f| files[*f].dir == first.dir && files[*f].kind == first.kind)
                    && both.iter().all(|f| files[*f].kind.is_some() && files[*f].bytes * 2 < target);
                prop_assert!(!could, "{:?} could be one", pair);
            }
        }
    }
}
