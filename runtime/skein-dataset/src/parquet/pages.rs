//! The page headers of one chunk, walked before its pages are decoded.
//!
//! The crate reserves an uncompressed page and a dictionary by what the page header says. Here the sizes are bounded
//! and the counts must add up to the chunk's, so a few bytes cannot ask for gigabytes.

use parquet::basic::Type;
use parquet::file::metadata::ColumnChunkMetaData;

use super::error::FileError;
use super::footer::chunk_range;
use super::pread::Pread;
use super::thrift::{Malformed, STRUCT, Walk};

/// Writers that put a whole chunk into one page stay below; Parquet's own limit is 2 GiB.
const PAGE_BYTES_MAX: i64 = 1 << 30;
/// A header carries statistics with two values of the page; the crate itself truncates them.
const HEADER_FIRST: usize = 512;
const HEADER_BYTES_MAX: usize = 16 << 20;
/// Values of one nested chunk: its levels are held in memory per record.
const NESTED_VALUES_MAX: i64 = 1 << 28;

struct PageHead {
    length: usize,
    kind: i64,
    uncompressed: i64,
    compressed: i64,
    values: i64,
}

const DATA: i64 = 0;
const DICTIONARY: i64 = 2;
const DATA_V2: i64 = 3;

/// Checks all page headers of a chunk that is about to be decoded.
pub(super) fn check(file: &Pread, name: &str, chunk: &ColumnChunkMetaData) -> Result<(), FileError> {
    let path = chunk.column_path().string();
    let damaged =
        |what: &str| FileError::Damaged { file: name.to_owned(), what: format!("column {path:?}: {what}") };
    let (start, end) = chunk_range(chunk).ok_or_else(|| damaged("wild offsets"))?;
    if chunk.column_descr().max_rep_level() > 0 && chunk.num_values() > NESTED_VALUES_MAX {
        return Err(damaged("too many values for one row group"));
    }
    let (mut at, mut values) = (start, 0_i64);
    while at < end && values < chunk.num_values() {
        let head = page_head(file, at, end).map_err(|e| match e {
            HeadError::Malformed => damaged("a page header makes no sense"),
            HeadError::Io(source) => FileError::Read { file: name.to_owned(), source },
        })?;
        let body = u64::try_from(head.compressed).map_err(|_| damaged("a page of negative size"))?;
        at = at
            .checked_add(head.length as u64)
            .and_then(|at| at.checked_add(body))
            .filter(|next| *next <= end)
            .ok_or_else(|| damaged("a page reaches past its chunk"))?;
        if !(0..=PAGE_BYTES_MAX).contains(&head.uncompressed) || head.values < 0 {
            return Err(damaged("a page of impossible size"));
        }
        match head.kind {
            DATA | DATA_V2 => values = values.saturating_add(head.values),
            DICTIONARY if head.values > dictionary_max(chunk, head.uncompressed) => {
                return Err(damaged("a dictionary with more entries than bytes"));
            }
            _ => {}
        }
    }
    if values != chunk.num_values() {
        return Err(damaged("its pages do not have the values that the footer says"));
    }
    Ok(())
}

fn dictionary_max(chunk: &ColumnChunkMetaData, bytes: i64) -> i64 {
    let width = match chunk.column_type() {
        Type::BOOLEAN => 1,
        Type::INT32 | Type::FLOAT | Type::BYTE_ARRAY => 4,
        Type::INT64 | Type::DOUBLE => 8,
        Type::INT96 => 12,
        Type::FIXED_LEN_BYTE_ARRAY => i64::from(chunk.column_descr().type_length().max(1)),
    };
    bytes / width
}

enum HeadError {
    Malformed,
    Io(std::io::Error),
}

fn page_head(file: &Pread, at: u64, end: u64) -> Result<PageHead, HeadError> {
    let available = usize::try_from(end - at).unwrap_or(usize::MAX);
    let mut length = HEADER_FIRST.min(available);
    loop {
        let bytes = file.bytes(at, length).map_err(HeadError::Io)?;
        match parse(&bytes) {
            Ok(head) => return Ok(head),
            // Perhaps the header is longer than what was read.
            Err(Malformed) if length < available.min(HEADER_BYTES_MAX) => {
                length = length.saturating_mul(8).min(available).min(HEADER_BYTES_MAX);
            }
            Err(Malformed) => return Err(HeadError::Malformed),
        }
    }
}

fn parse(bytes: &[u8]) -> Result<PageHead, Malformed> {
    let mut walk = Walk::new(bytes);
    let mut head = PageHead { length: 0, kind: -1, uncompressed: -1, compressed: -1, values: 0 };
    let mut last = 0;
    while let Some(field) = walk.field(&mut last)? {
        match (field.id, field.kind) {
            (1, _) => head.kind = walk.int()?,
            (2, _) => head.uncompressed = walk.int()?,
            (3, _) => head.compressed = walk.int()?,
            (5 | 7 | 8, STRUCT) => head.values = first_int(&mut walk)?,
            (_, kind) => walk.skip(kind)?,
        }
    }
    head.length = walk.position();
    Ok(head)
}

/// Field 1 of all three page headers is the number of values.
fn first_int(walk: &mut Walk<'_>) -> Result<i64, Malformed> {
    let (mut last, mut values) = (0, 0);
    while let Some(field) = walk.field(&mut last)? {
        if field.id == 1 {
            values = walk.int()?;
        } else {
            walk.skip(field.kind)?;
        }
    }
    Ok(values)
}
