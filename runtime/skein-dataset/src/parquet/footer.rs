//! The footer of a hostile file: read within bounds, walked before it is decoded, checked before it is followed.
//!
//! After [`read`] returns, every chunk of every row group that has rows lies between the magic bytes, counts are within the limits
//! below and no column is encrypted or kept in another file.

use parquet::file::metadata::{
    ColumnChunkMetaData, ParquetMetaData, ParquetMetaDataOptions, ParquetMetaDataReader, RowGroupMetaData,
};
use skein_types::{Blake3, ColumnTree};

use super::error::{FileError, guarded};
use super::format;
use super::pread::Pread;
use super::shape::{List, Of, Visit};
use super::thrift::{Malformed, Walk};

/// Parquet's row-group ordinal is an i16.
pub(super) const ROW_GROUPS_MAX: usize = 32_767;
/// Rows that one row group may claim; a claim costs its reader memory per row.
pub(super) const ROWS_MAX: i64 = 1 << 31;
/// Values that one chunk may claim.
const VALUES_MAX: i64 = 1 << 31;
/// A footer of the largest allowed schema over thousands of row groups is smaller.
const FOOTER_BYTES_MAX: u64 = 256 << 20;
/// Decoded, a chunk's metadata takes about half a kilobyte.
const CHUNKS_MAX: u64 = 8 << 20;
/// Of all lists in a footer when they are decoded: some elements take a byte or two in the file.
const DECODED_BYTES_MAX: u64 = 1 << 30;
/// Each Arrow list takes two Parquet groups.
const SCHEMA_DEPTH_MAX: usize = 2 * ColumnTree::MAX_DEPTH + 2;
const SCHEMA_ELEMENTS_MAX: usize = 3 * ColumnTree::MAX_FIELDS;

const TAIL: u64 = 8;
const MAGIC: &[u8; 4] = b"PAR1";
const MAGIC_ENCRYPTED: &[u8; 4] = b"PARE";

/// A checked footer.
pub(super) struct Footer {
    pub(super) metadata: ParquetMetaData,
    /// Of the metadata and the eight bytes after it.
    pub(super) digest: Blake3,
    /// Where the metadata begins, so where data must end.
    pub(super) start: u64,
}

pub(super) fn read(file: &Pread, name: &str) -> Result<Footer, FileError> {
    let start = locate(file, name)?;
    let bytes = usize::try_from(file.size() - start)
        .map_err(|_| damaged(name, "the footer is too large"))
        .and_then(|length| file.bytes(start, length).map_err(|source| read_failed(name, source)))?;
    let thrift = &bytes[..bytes.len() - TAIL as usize];
    format::FILE
        .read(&mut Walk::new(thrift), &mut Preflight::default())
        .map_err(|refusal| refusal.of(name))?;
    let options = ParquetMetaDataOptions::new().with_encoding_stats_as_mask(false);
    let metadata =
        guarded(name, || ParquetMetaDataReader::decode_metadata_with_options(thrift, Some(&options)))?;
    check(&metadata, start, name)?;
    Ok(Footer { metadata, digest: Blake3::of(&bytes), start })
}

/// Where the metadata begins.
fn locate(file: &Pread, name: &str) -> Result<u64, FileError> {
    let not = |what| FileError::NotParquet { file: name.to_owned(), what };
    if file.size() == 0 {
        return Err(not("it is empty"));
    }
    if file.size() < 4 + TAIL {
        return Err(not("it is too short"));
    }
    let (mut head, mut tail) = ([0; 4], [0; TAIL as usize]);
    file.exact(&mut head, 0).map_err(|source| read_failed(name, source))?;
    file.exact(&mut tail, file.size() - TAIL).map_err(|source| read_failed(name, source))?;
    if &tail[4..] == MAGIC_ENCRYPTED {
        return Err(FileError::Encrypted { file: name.to_owned(), what: "its footer" });
    }
    if &tail[4..] != MAGIC {
        let begins = &head == MAGIC || &head == MAGIC_ENCRYPTED;
        return Err(if begins { damaged(name, "it has no footer") } else { not("it lacks the magic bytes") });
    }
    let length = u64::from(u32::from_le_bytes([tail[0], tail[1], tail[2], tail[3]]));
    if length > FOOTER_BYTES_MAX {
        let file = name.to_owned();
        return Err(FileError::TooMany {
            file,
            what: "footer bytes",
            found: length,
            limit: FOOTER_BYTES_MAX,
        });
    }
    (file.size() - TAIL)
        .checked_sub(length)
        .filter(|start| *start >= 4)
        .ok_or_else(|| damaged(name, "the footer is longer than the file"))
}

fn damaged(name: &str, what: &str) -> FileError {
    FileError::Damaged { file: name.to_owned(), what: what.to_owned() }
}

fn read_failed(name: &str, source: std::io::Error) -> FileError {
    FileError::Read { file: name.to_owned(), source }
}

/// Why metadata is not decoded.
enum Refusal {
    Malformed,
    FewElements,
    Encrypted(&'static str),
    TooMany { what: &'static str, found: u64, limit: u64 },
}

impl From<Malformed> for Refusal {
    fn from(_: Malformed) -> Self {
        Self::Malformed
    }
}

impl Refusal {
    fn limit(what: &'static str, found: usize, limit: usize) -> Result<(), Self> {
        let (found, limit) = (found as u64, limit as u64);
        if found <= limit { Ok(()) } else { Err(Self::TooMany { what, found, limit }) }
    }

    fn of(self, name: &str) -> FileError {
        match self {
            Self::Malformed => damaged(name, "the footer makes no sense"),
            Self::FewElements => damaged(name, "the schema has fewer elements than it says"),
            Self::Encrypted(what) => FileError::Encrypted { file: name.to_owned(), what },
            Self::TooMany { what, found, limit } => {
                FileError::TooMany { file: name.to_owned(), what, found, limit }
            }
        }
    }
}

/// Looks at the metadata before it is decoded.
#[derive(Default)]
struct Preflight {
    /// Schema elements that are still to come, and children that the open ones among those before miss.
    elements: usize,
    open: Vec<usize>,
    /// Of the element under the walk.
    children: usize,
    chunks: u64,
    /// Bytes that lists take when they are decoded.
    decoded: u64,
}

impl Preflight {
    /// The crate builds the tree by recursion: depth and child counts must be checked before.
    fn element(&mut self) -> Result<(), Refusal> {
        self.elements -= 1;
        let children = std::mem::take(&mut self.children);
        if children > self.elements {
            return Err(Refusal::FewElements);
        }
        if let Some(left) = self.open.last_mut() {
            *left -= 1;
        }
        if children > 0 {
            self.open.push(children);
            Refusal::limit("levels of nesting", self.open.len(), SCHEMA_DEPTH_MAX)?;
        }
        while self.open.last() == Some(&0) {
            self.open.pop();
        }
        Ok(())
    }
}

impl Visit for Preflight {
    type Refusal = Refusal;

    fn field(&mut self, of: Of, id: i16) -> Result<(), Refusal> {
        match (of, id) {
            (Of::File, 8 | 9) => Err(Refusal::Encrypted("its columns")),
            (Of::ColumnChunk, 8 | 9) => Err(Refusal::Encrypted("some of its columns")),
            _ => Ok(()),
        }
    }

    fn number(&mut self, of: Of, id: i16, value: i64) -> Result<(), Refusal> {
        if (of, id) == (Of::SchemaElement, 5) {
            self.children = usize::try_from(value).map_err(|_| Refusal::Malformed)?;
        }
        Ok(())
    }

    fn list(&mut self, of: Of, id: i16, List { count, decoded }: List) -> Result<(), Refusal> {
        self.decoded = self.decoded.saturating_add(decoded);
        if self.decoded > DECODED_BYTES_MAX {
            let what = "bytes of metadata in memory";
            return Err(Refusal::TooMany { what, found: self.decoded, limit: DECODED_BYTES_MAX });
        }
        match (of, id) {
            (Of::File, 2) => {
                self.elements = count;
                Refusal::limit("schema elements", count, SCHEMA_ELEMENTS_MAX)
            }
            (Of::File, 4) => Refusal::limit("row groups", count, ROW_GROUPS_MAX),
            (Of::RowGroup, 1) => {
                self.chunks += count as u64;
                let (found, limit) = (self.chunks, CHUNKS_MAX);
                let what = "column chunks";
                if found <= limit { Ok(()) } else { Err(Refusal::TooMany { what, found, limit }) }
            }
            _ => Ok(()),
        }
    }

    fn end(&mut self, of: Of) -> Result<(), Refusal> {
        if of == Of::SchemaElement { self.element() } else { Ok(()) }
    }
}

/// Checks everything that later code follows.
fn check(metadata: &ParquetMetaData, data_end: u64, name: &str) -> Result<(), FileError> {
    let columns = metadata.file_metadata().schema_descr().num_columns();
    let (mut rows, mut bytes) = (0_i64, 0_u64);
    for (index, group) in metadata.row_groups().iter().enumerate() {
        if group.num_columns() != columns {
            return Err(damaged(name, &format!("row group {index} lacks columns")));
        }
        if !(0..=ROWS_MAX).contains(&group.num_rows()) {
            return Err(damaged(name, &format!("row group {index} has {} rows", group.num_rows())));
        }
        rows = rows.saturating_add(group.num_rows());
        bytes = bytes.saturating_add(check_chunks(group, index, data_end, name)?);
    }
    if rows != metadata.file_metadata().num_rows() {
        return Err(damaged(name, "the row groups' rows do not add up to the file's"));
    }
    // Chunks that share bytes would let a small file fill the disk when they are copied one by one.
    if bytes > data_end {
        return Err(wild(name, "the chunks are larger than the file together".to_owned()));
    }
    Ok(())
}

fn check_chunks(group: &RowGroupMetaData, index: usize, data_end: u64, name: &str) -> Result<u64, FileError> {
    let mut bytes = 0_u64;
    for (leaf, chunk) in group.columns().iter().enumerate() {
        if chunk.file_path().is_some_and(|path| !path.is_empty()) {
            let what = "column chunks in another file".to_owned();
            return Err(FileError::Unsupported { file: name.to_owned(), what });
        }
        if group.num_rows() == 0 {
            // Nothing will be read from it, and writers leave its offsets at zero.
            continue;
        }
        let (start, end) = chunk_range(chunk)
            .filter(|(start, end)| *start >= 4 && *end <= data_end)
            .ok_or_else(|| wild(name, format!("column chunk {leaf} of row group {index}")))?;
        let flat = chunk.column_descr().max_rep_level() == 0;
        let values_fit = (0..=VALUES_MAX).contains(&chunk.num_values());
        if !values_fit || (flat && chunk.num_values() != group.num_rows()) {
            return Err(damaged(
                name,
                &format!("column chunk {leaf} of row group {index} miscounts its values"),
            ));
        }
        if chunk.uncompressed_size() < 0 {
            return Err(damaged(
                name,
                &format!("column chunk {leaf} of row group {index} has a negative size"),
            ));
        }
        bytes = bytes.saturating_add(end - start);
    }
    Ok(bytes)
}

/// First byte and one past the last byte of a chunk; `None` if the numbers contradict each other.
pub(super) fn chunk_range(chunk: &ColumnChunkMetaData) -> Option<(u64, u64)> {
    let data = u64::try_from(chunk.data_page_offset()).ok()?;
    let start = match chunk.dictionary_page_offset() {
        Some(dictionary) => u64::try_from(dictionary).ok().filter(|d| *d <= data)?,
        None => data,
    };
    let length = u64::try_from(chunk.compressed_size()).ok()?;
    let end = start.checked_add(length)?;
    (data <= end).then_some((start, end))
}

fn wild(name: &str, what: String) -> FileError {
    FileError::WildOffsets { file: name.to_owned(), what }
}
