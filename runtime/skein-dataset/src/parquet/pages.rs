//! The page headers of one chunk, walked before its pages are decoded.
//!
//! The crate reserves an uncompressed page and a dictionary by what the page header says. Here the sizes are bounded
//! and the counts must add up to the chunk's, so a few bytes cannot ask for gigabytes. The whole chunk is walked: the
//! crate reads on after the last value where a batch asks for more.

use parquet::basic::Type;
use parquet::file::metadata::ColumnChunkMetaData;

use super::error::FileError;
use super::footer::chunk_range;
use super::format;
use super::pread::Pread;
use super::shape::{Of, Visit};
use super::thrift::{Malformed, Walk};
use super::unpack;

/// Writers that put a whole chunk into one page stay below; Parquet's own limit is 2 GiB.
pub(super) const PAGE_BYTES_MAX: i64 = 1 << 30;
/// A header carries statistics with two values of the page; the crate itself truncates them.
const HEADER_FIRST: usize = 512;
const HEADER_BYTES_MAX: usize = 16 << 20;
/// Values of one nested chunk: its levels are held in memory per record.
const NESTED_VALUES_MAX: i64 = 1 << 28;

/// What a page is. Index pages have never been written by anyone, and the crate takes their bodies for headers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PageKind {
    Data,
    Dictionary,
    DataV2,
}

/// A checked page.
#[derive(Clone, Copy, Debug)]
pub(super) struct Page {
    pub(super) kind: PageKind,
    pub(super) encoding: i64,
    pub(super) values: u64,
    pub(super) compressed: u64,
    pub(super) uncompressed: u64,
    /// Bytes at the beginning of the body that are never compressed.
    pub(super) levels: u64,
}

/// Walks the page headers of a chunk that is about to be decoded and shows each page to `each`.
pub(super) fn check(
    file: &Pread,
    name: &str,
    chunk: &ColumnChunkMetaData,
    each: &mut dyn FnMut(&Page),
) -> Result<(), FileError> {
    let damaged = |what: &str| damaged(name, chunk, what);
    let read_failed = |source| FileError::Read { file: name.to_owned(), source };
    let (start, end) = chunk_range(chunk).ok_or_else(|| damaged("wild offsets"))?;
    if chunk.column_descr().max_rep_level() > 0 && chunk.num_values() > NESTED_VALUES_MAX {
        return Err(damaged("too many values for one row group"));
    }
    let (mut at, mut values) = (start, 0_i64);
    while at < end {
        let head = page_head(file, at, end).map_err(|e| match e {
            HeadError::Malformed => damaged("a page header makes no sense"),
            HeadError::Io(source) => read_failed(source),
        })?;
        let page = head.page(chunk).map_err(damaged)?;
        let body = at + head.length as u64;
        let next = body.checked_add(page.compressed).filter(|next| *next <= end);
        let next = next.ok_or_else(|| damaged("a page reaches past its chunk"))?;
        match page.kind {
            PageKind::Data | PageKind::DataV2 => values = values.saturating_add(head.values),
            PageKind::Dictionary if at > start => return Err(damaged("a dictionary in the wrong place")),
            PageKind::Dictionary => {}
        }
        if unpack::cannot_be_told(chunk, &page) {
            let what = format!("a page of {} bytes in the old LZ4 framing", page.compressed);
            return Err(FileError::Unsupported { file: name.to_owned(), what });
        }
        if unpack::says_too_little(file, chunk, &page, body).map_err(read_failed)? {
            return Err(damaged("a page that unpacks to more than it says"));
        }
        each(&page);
        at = next;
    }
    if values != chunk.num_values() {
        return Err(damaged("its pages do not have the values that the footer says"));
    }
    Ok(())
}

/// Damage in a chunk.
pub(super) fn damaged(name: &str, chunk: &ColumnChunkMetaData, what: &str) -> FileError {
    let what = format!("column {:?}: {what}", chunk.column_path().string());
    FileError::Damaged { file: name.to_owned(), what }
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
        let (mut walk, mut head) = (Walk::new(&bytes), PageHead::default());
        match format::PAGE_HEADER.read(&mut walk, &mut head) {
            Ok(()) => return Ok(PageHead { length: walk.position(), ..head }),
            // Perhaps the header is longer than what was read.
            Err(Malformed) if length < available.min(HEADER_BYTES_MAX) => {
                length = length.saturating_mul(8).min(available).min(HEADER_BYTES_MAX);
            }
            Err(Malformed) => return Err(HeadError::Malformed),
        }
    }
}

/// The numbers of a page header.
#[derive(Default)]
struct PageHead {
    length: usize,
    kind: i64,
    uncompressed: i64,
    compressed: i64,
    values: i64,
    encoding: i64,
    nulls: i64,
    /// Bytes of levels that are never compressed.
    levels: [i64; 2],
    /// Which of the headers for one kind of page are there, as a bit per field.
    of_kind: u16,
}

impl Visit for PageHead {
    type Refusal = Malformed;

    fn field(&mut self, of: Of, id: i16) -> Result<(), Malformed> {
        if of == Of::PageHeader && id >= 5 {
            self.of_kind |= 1 << id;
        }
        Ok(())
    }

    fn number(&mut self, of: Of, id: i16, value: i64) -> Result<(), Malformed> {
        match (of, id) {
            (Of::PageHeader, 1) => self.kind = value,
            (Of::PageHeader, 2) => self.uncompressed = value,
            (Of::PageHeader, 3) => self.compressed = value,
            (Of::DataPage | Of::DictionaryPage | Of::DataPageV2, 1) => self.values = value,
            (Of::DataPage | Of::DictionaryPage, 2) | (Of::DataPageV2, 4) => self.encoding = value,
            (Of::DataPageV2, 2) => self.nulls = value,
            (Of::DataPageV2, 5) => self.levels[0] = value,
            (Of::DataPageV2, 6) => self.levels[1] = value,
            _ => {}
        }
        Ok(())
    }
}

impl PageHead {
    /// The page, if its numbers are possible.
    fn page(&self, chunk: &ColumnChunkMetaData) -> Result<Page, &'static str> {
        let (kind, field) = match self.kind {
            0 => (PageKind::Data, 5),
            2 => (PageKind::Dictionary, 7),
            3 => (PageKind::DataV2, 8),
            _ => return Err("a page of a kind that cannot be read"),
        };
        if self.of_kind != 1 << field {
            return Err("a page header that is not of its page's kind");
        }
        let size = "a page of impossible size";
        let compressed = u64::try_from(self.compressed).map_err(|_| size)?;
        let uncompressed = u64::try_from(self.uncompressed).map_err(|_| size)?;
        let values = u64::try_from(self.values).map_err(|_| size)?;
        let levels = self.levels[0].saturating_add(self.levels[1]);
        let levels_fit = self.levels.iter().all(|bytes| *bytes >= 0) && levels <= self.uncompressed;
        if self.uncompressed > PAGE_BYTES_MAX || !levels_fit || !(0..=self.values).contains(&self.nulls) {
            return Err(size);
        }
        if kind == PageKind::Dictionary && self.values > dictionary_max(chunk, self.uncompressed) {
            return Err("a dictionary with more entries than bytes");
        }
        let levels = u64::try_from(levels).map_err(|_| size)?;
        Ok(Page { kind, encoding: self.encoding, values, compressed, uncompressed, levels })
    }
}
