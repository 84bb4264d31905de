//! What inside a page decides how much memory it takes: counts and lengths of delta-encoded strings, lengths of
//! dictionary entries.
//!
//! The crate reserves a number or two for each value that a delta-encoded page of strings says inside that it has, and
//! a count that no memory holds ends the process. Such pages are unpacked once more here, and their counts compared
//! with the header's.

use std::sync::Arc;

use bytes::Bytes;
use parquet::basic::Encoding;
use parquet::column::page::{Page, PageReader};
use parquet::errors::ParquetError;
use parquet::file::metadata::ColumnChunkMetaData;
use parquet::file::serialized_reader::SerializedPageReader;
use parquet::schema::types::ColumnDescriptor;

use super::delta;
use super::error::{FileError, guarded};
use super::pages::{self, PageKind};
use super::pread::Pread;

const DELTA_LENGTH: i64 = Encoding::DELTA_LENGTH_BYTE_ARRAY as i64;
const DELTA_STRINGS: i64 = Encoding::DELTA_BYTE_ARRAY as i64;

/// Whether the page says inside how many values it has, in an encoding whose decoder believes it.
pub(super) fn has_counts(page: &pages::Page) -> bool {
    page.kind != PageKind::Dictionary && matches!(page.encoding, DELTA_LENGTH | DELTA_STRINGS)
}

/// Compares the counts inside the pages of a chunk with those of their headers, which must have been checked. Answers
/// the length of the longest string that is made of another's beginning: values then take more than their page.
pub(super) fn check_counts(file: &Pread, name: &str, chunk: &ColumnChunkMetaData) -> Result<u64, FileError> {
    let mut pages = page_reader(file, name, chunk)?;
    let mut longest = 0;
    while let Some(page) = guarded(name, || pages.get_next_page())? {
        let encoding = page.encoding();
        if !matches!(encoding, Encoding::DELTA_LENGTH_BYTE_ARRAY | Encoding::DELTA_BYTE_ARRAY) {
            continue;
        }
        let body = guarded(name, || body_of(&page, chunk.column_descr()))?;
        let values = u64::from(page.num_values());
        let found = if encoding == Encoding::DELTA_BYTE_ARRAY {
            delta::longest(&body, values)
        } else {
            delta::end(&body, values).map(|_| 0)
        };
        let wrong = || pages::damaged(name, chunk, "a page with more values inside than it says");
        longest = longest.max(found.ok_or_else(wrong)?);
    }
    Ok(longest)
}

/// Length of the longest entry of a dictionary of strings, if the chunk has one.
pub(super) fn longest_entry(file: &Pread, name: &str, chunk: &ColumnChunkMetaData) -> Result<u64, FileError> {
    let mut pages = page_reader(file, name, chunk)?;
    let first = guarded(name, || pages.get_next_page())?;
    let Some(Page::DictionaryPage { buf, .. }) = first else { return Ok(0) };
    let (mut rest, mut longest) = (buf.as_ref(), 0);
    while let Some((length, more)) = rest.split_first_chunk() {
        let length = u32::from_le_bytes(*length);
        longest = longest.max(u64::from(length));
        // The decoder refuses a dictionary that is cut off.
        rest = usize::try_from(length).ok().and_then(|length| more.get(length..)).unwrap_or_default();
    }
    Ok(longest)
}

fn page_reader(
    file: &Pread,
    name: &str,
    chunk: &ColumnChunkMetaData,
) -> Result<SerializedPageReader<Pread>, FileError> {
    guarded(name, || SerializedPageReader::new(Arc::new(file.clone()), chunk, 0, None))
}

/// The values of a data page, without its levels.
fn body_of(page: &Page, column: &ColumnDescriptor) -> Result<Bytes, ParquetError> {
    match page {
        Page::DataPage { buf, num_values, rep_level_encoding, def_level_encoding, .. } => {
            let levels =
                [(column.max_rep_level(), rep_level_encoding), (column.max_def_level(), def_level_encoding)];
            let mut at = 0;
            for (max, encoding) in levels.iter().filter(|(max, _)| *max > 0) {
                at += levels_length(&buf.slice(at..), *max, **encoding, *num_values)?;
            }
            Ok(buf.slice(at..))
        }
        Page::DataPageV2 { buf, def_levels_byte_len, rep_levels_byte_len, .. } => {
            Ok(buf.slice(*def_levels_byte_len as usize + *rep_levels_byte_len as usize..))
        }
        Page::DictionaryPage { buf, .. } => Ok(buf.clone()),
    }
}

fn levels_length(bytes: &Bytes, max: i16, encoding: Encoding, values: u32) -> Result<usize, ParquetError> {
    if encoding == Encoding::RLE {
        let short = || ParquetError::EOF("levels without a length".to_owned());
        let (length, _) = bytes.split_first_chunk().ok_or_else(short)?;
        return Ok(4 + u32::from_le_bytes(*length) as usize);
    }
    // The older, bit-packed form has no length of its own.
    let width = u64::from(max.unsigned_abs().ilog2() + 1);
    Ok((u64::from(values) * width).div_ceil(8) as usize)
}
