//! How much memory the decoder takes for the columns that are read together, and how many rows a batch may have.
//!
//! Decoding goes page by page: of each column its dictionary and one page are in memory, and besides the batch that
//! is being filled. So a row group may be of any size, but not its pages at one time. The batch is another matter:
//! dictionaries, shared beginnings and fixed widths make values from no bytes, so a batch of them has fewer rows where
//! they are wide. All is a function of the file alone: batch borders are the same in every attempt, and so is what is
//! refused. That many threads do not hold that much each is [`seat`]'s business.

use parquet::basic::Type;
use parquet::file::metadata::ColumnChunkMetaData;

use super::bodies;
use super::error::FileError;
use super::pages::{self, Page, PageKind};
use super::pread::Pread;
use super::seat;

/// Dictionaries and pages of the columns read together. All columns of a row group of 1 GiB stay below, even if each is
/// a dictionary or a page alone and nothing was gained by compression.
const HELD_BYTES_MAX: u64 = 3 << 30;
/// Values of one batch.
const BATCH_BYTES_MAX: u64 = 1 << 30;
/// Pages of one chunk of nested strings: how many of them a row spans is not known before it is decoded.
const NESTED_BYTES_MAX: u64 = 4 << 30;
/// Values of fixed width of all nested chunks that are read together.
const NESTED_TOGETHER_MAX: u64 = 8 << 30;
/// Values of fixed width that a dictionary stood for, encoded without it.
const AGAIN_BYTES_MAX: u64 = 4 << 30;
/// Wider values may stand for nothing in the file, and nobody knows how many a row of nested ones has.
const NESTED_WIDTH_MAX: u64 = 32;
/// Batches of up to 2^20 rows are told apart.
const STEPS: usize = 21;

/// What the pages of one chunk say about memory.
pub(super) struct Profile {
    /// Bytes of a value in Arrow: all of it, or its offset.
    width: u64,
    strings: bool,
    /// Strings, or values of fixed width that may be encoded like them.
    bytes_like: bool,
    nested: bool,
    /// Values for each row, rounded up.
    values_per_row: u64,
    values: u64,
    dictionary: u64,
    /// Longest dictionary entry, or the dictionary's size as long as nobody looked.
    longest: u64,
    /// The page that takes most: what is read and what it becomes.
    largest: u64,
    /// All pages of strings that are not references to a dictionary.
    plain: u64,
    windows: Windows,
    /// Whether pages are delta-encoded strings, and the longest of those that share their beginning with another.
    delta: bool,
    shared: u64,
}

impl Profile {
    /// Checks the page headers of a chunk and adds up what they say.
    pub(super) fn of(
        file: &Pread,
        name: &str,
        chunk: &ColumnChunkMetaData,
        rows: usize,
    ) -> Result<Self, FileError> {
        let values = chunk.num_values().unsigned_abs();
        let mut profile = Self {
            width: width(chunk),
            strings: chunk.column_type() == Type::BYTE_ARRAY,
            bytes_like: matches!(chunk.column_type(), Type::BYTE_ARRAY | Type::FIXED_LEN_BYTE_ARRAY),
            nested: chunk.column_descr().max_rep_level() > 0,
            values_per_row: values.div_ceil((rows as u64).max(1)),
            values,
            dictionary: 0,
            longest: 0,
            largest: 0,
            plain: 0,
            windows: Windows::default(),
            delta: false,
            shared: 0,
        };
        pages::check(file, name, chunk, &mut |page| profile.add(page))?;
        if profile.delta && profile.held() <= HELD_BYTES_MAX {
            let _seat = seat::for_bytes(profile.held());
            profile.shared = bodies::check_counts(file, name, chunk)?;
        }
        let wide = profile.width > NESTED_WIDTH_MAX;
        if profile.nested && (profile.plain > NESTED_BYTES_MAX || (wide && profile.all() > NESTED_BYTES_MAX))
        {
            let bytes = profile.plain.max(profile.all());
            return Err(too_large(name, &format!("nested values of {bytes} bytes in one row group")));
        }
        Ok(profile)
    }

    fn add(&mut self, page: &Page) {
        if page.kind == PageKind::Dictionary {
            (self.dictionary, self.longest) = (page.uncompressed, page.uncompressed);
            return;
        }
        let mut size = page.compressed.saturating_add(page.uncompressed);
        if self.bytes_like && bodies::has_counts(page) {
            // Two lengths of each value are kept beside the page.
            size = size.saturating_add(page.values.saturating_mul(8));
            self.delta = true;
        }
        self.largest = self.largest.max(size);
        let refers = matches!(page.encoding, 2 | 8);
        if self.strings && !refers {
            self.plain = self.plain.saturating_add(page.uncompressed);
            self.windows.add(page.values, page.uncompressed);
        }
    }

    fn all(&self) -> u64 {
        self.values.saturating_mul(self.width)
    }

    /// A dictionary is held as it was written and as the decoder made it.
    fn held(&self) -> u64 {
        self.largest.saturating_add(self.dictionary.saturating_mul(2))
    }

    /// Bytes that `rows` rows can take beyond those of the pages that they come from.
    fn made(&self, rows: u64) -> u64 {
        let values = rows.saturating_mul(self.values_per_row).min(self.values);
        let repeated = if self.strings { self.longest.max(self.shared) } else { 0 };
        values.saturating_mul(self.width.saturating_add(repeated))
    }

    fn windows(&self, rows: u64) -> u64 {
        self.windows.largest(rows.saturating_mul(self.values_per_row)).unwrap_or(self.plain)
    }
}

/// Bytes of one value in Arrow besides those of a string.
fn width(chunk: &ColumnChunkMetaData) -> u64 {
    match chunk.column_type() {
        Type::BOOLEAN => 1,
        Type::INT32 | Type::FLOAT => 4,
        Type::INT64 | Type::DOUBLE | Type::INT96 | Type::BYTE_ARRAY => 8,
        Type::FIXED_LEN_BYTE_ARRAY => u64::try_from(chunk.column_descr().type_length()).unwrap_or(0),
    }
}

/// What is decoded together.
pub(super) struct Together<'a> {
    pub(super) chunks: &'a [&'a ColumnChunkMetaData],
    /// Rows of the row group.
    pub(super) rows: usize,
    /// Bytes that a row takes for lists of fixed size and for columns that are not in the file.
    pub(super) row_bytes: u64,
    /// Bytes that all items of lists of any length take for lists of fixed size in them.
    pub(super) item_bytes: u64,
}

/// How decoding may go on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Batches {
    /// Rows of each.
    pub(super) rows: usize,
    /// What is held at most while they are decoded.
    pub(super) bytes: u64,
}

/// Checks the pages of all chunks that are read together. Answers how many rows a batch may have, at most `wanted`.
pub(super) fn batches(
    file: &Pread,
    name: &str,
    together: &Together<'_>,
    wanted: usize,
) -> Result<Batches, FileError> {
    let Together { chunks, rows, .. } = *together;
    let profiles = chunks.iter().map(|chunk| Profile::of(file, name, chunk, rows));
    let profiles = profiles.collect::<Result<Vec<_>, _>>()?;
    fitting(file, name, together, (profiles, wanted))
}

fn fitting(
    file: &Pread,
    name: &str,
    together: &Together<'_>,
    (mut profiles, wanted): (Vec<Profile>, usize),
) -> Result<Batches, FileError> {
    let Together { chunks, rows, row_bytes, item_bytes } = *together;
    let held = profiles.iter().map(Profile::held).fold(0, u64::saturating_add);
    if held > HELD_BYTES_MAX {
        return Err(too_large(name, &format!("its pages take {held} bytes at once")));
    }
    // One row may have all of them.
    let nested = profiles.iter().filter(|profile| profile.nested).map(Profile::all);
    let nested = nested.fold(item_bytes, u64::saturating_add);
    if nested > NESTED_TOGETHER_MAX {
        return Err(too_large(name, &format!("nested values of {nested} bytes in one row group")));
    }
    // To look for the longest entries is to unpack dictionaries.
    let _seat = seat::for_bytes(held);
    let wanted = wanted.clamp(1, rows.max(1));
    let made = |profiles: &[Profile], rows| {
        made(profiles, rows).saturating_add(row_bytes.saturating_mul(rows as u64))
    };
    if made(&profiles, wanted) > BATCH_BYTES_MAX {
        for (profile, chunk) in profiles.iter_mut().zip(chunks) {
            if profile.strings && profile.longest > 0 {
                profile.longest = bodies::longest_entry(file, name, chunk)?;
            }
        }
    }
    // A row comes from one page of each column; two are counted where it cannot be told.
    let plain = |rows| windows(&profiles, rows);
    let plain_max = BATCH_BYTES_MAX.max(plain(1));
    let mut batch = wanted;
    while batch > 1 && (made(&profiles, batch) > BATCH_BYTES_MAX || plain(batch) > plain_max) {
        batch /= 2;
    }
    let row = made(&profiles, batch);
    if row > BATCH_BYTES_MAX {
        return Err(too_large(name, &format!("a row may take {row} bytes")));
    }
    Ok(Batches { rows: batch, bytes: held.saturating_add(row).saturating_add(plain(batch)) })
}

/// How a chunk is decoded that is encoded again.
pub(super) struct Alone {
    pub(super) batches: Batches,
    /// Size of its dictionary, if it is one of strings.
    pub(super) dictionary: u64,
    /// Whether strings are given by what they share with others.
    pub(super) shares: bool,
}

/// Like [`batches`] for one chunk whose values are encoded again. They must not take more than they did: what is
/// new is kept in memory until its row group is complete.
pub(super) fn alone(
    file: &Pread,
    name: &str,
    chunk: &ColumnChunkMetaData,
    (rows, wanted): (usize, usize),
) -> Result<Alone, FileError> {
    let profile = Profile::of(file, name, chunk, rows)?;
    // The writer has no dictionary for these.
    if profile.width > NESTED_WIDTH_MAX && profile.dictionary > 0 && profile.all() > AGAIN_BYTES_MAX {
        return Err(too_large(name, &format!("{} bytes without their dictionary", profile.all())));
    }
    let dictionary = if profile.strings { profile.dictionary } else { 0 };
    let shares = profile.shared > 0;
    let together = Together { chunks: &[chunk], rows, row_bytes: 0, item_bytes: 0 };
    let batches = fitting(file, name, &together, (vec![profile], wanted))?;
    Ok(Alone { batches, dictionary, shares })
}

/// Refuses values of fixed width that would take more memory when they are encoded again than is given for it.
pub(super) fn check_again(name: &str, rows: usize, width: u64) -> Result<(), FileError> {
    let bytes = width.saturating_mul(rows as u64);
    if bytes <= AGAIN_BYTES_MAX {
        return Ok(());
    }
    Err(too_large(name, &format!("{bytes} bytes of values with a wider type in one row group")))
}

fn made(profiles: &[Profile], rows: usize) -> u64 {
    profiles.iter().map(|profile| profile.made(rows as u64)).fold(0, u64::saturating_add)
}

fn windows(profiles: &[Profile], rows: usize) -> u64 {
    profiles.iter().map(|profile| profile.windows(rows as u64)).fold(0, u64::saturating_add)
}

fn too_large(name: &str, what: &str) -> FileError {
    FileError::Unsupported {
        file: name.to_owned(),
        what: format!("more at once than memory is given for: {what}"),
    }
}

/// An upper bound of the pages' bytes behind any 1, 2, 4... consecutive values, without keeping the pages.
///
/// Pages are put into blocks of at least so many values; a window of as many touches at most two blocks.
#[derive(Default)]
struct Windows([Window; STEPS]);

#[derive(Clone, Copy, Default)]
struct Window {
    values: u64,
    bytes: u64,
    before: u64,
    largest: u64,
}

impl Windows {
    fn add(&mut self, values: u64, bytes: u64) {
        for (step, window) in self.0.iter_mut().enumerate() {
            if window.values >= 1 << step {
                *window = Window { before: window.bytes, values: 0, bytes: 0, ..*window };
            }
            window.values = window.values.saturating_add(values);
            window.bytes = window.bytes.saturating_add(bytes);
            window.largest = window.largest.max(window.before.saturating_add(window.bytes));
        }
    }

    fn largest(&self, values: u64) -> Option<u64> {
        let step = values.max(1).checked_next_power_of_two()?.ilog2() as usize;
        self.0.get(step).map(|window| window.largest)
    }
}

#[cfg(test)]
mod tests {
    use super::{AGAIN_BYTES_MAX, Windows, check_again};
    use proptest::prelude::*;

    #[test]
    fn wider_values_of_one_row_group_are_bounded_together() {
        let rows = usize::try_from(AGAIN_BYTES_MAX / 8).unwrap();
        assert!(check_again("f", rows - 1, 8).is_ok() && check_again("f", rows, 8).is_ok());
        let refused = check_again("f", rows + 1, 8).unwrap_err().to_string();
        assert!(refused.contains("4294967304 bytes of values with a wider type"), "{refused}");
    }

    proptest! {
        #[test]
        fn no_run_of_values_touches_more_bytes_than_its_window(
            pages in prop::collection::vec((0_u64..40, 0_u64..1000), 1..60), run in 1_usize..64,
        ) {
            let mut windows = Windows::default();
            pages.iter().for_each(|(values, bytes)| windows.add(*values, *bytes));
            let owners: Vec<usize> = pages.iter().enumerate()
                .flat_map(|(page, (values, _))| std::iter::repeat_n(page, *values as usize)).collect();
            for touched in owners.windows(run.min(owners.len()).max(1)) {
                let (first, last) = (touched[0], touched[touched.len() - 1]);
                let bytes: u64 = pages[first..=last].iter().map(|(_, bytes)| bytes).sum();
                prop_assert!(Some(bytes) <= windows.largest(run as u64), "{bytes}");
            }
        }
    }
}
