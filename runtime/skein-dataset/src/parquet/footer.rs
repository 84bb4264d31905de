//! The footer of a hostile file: read within bounds, walked before it is decoded, checked before it is followed.
//!
//! After [`read`] returns, every chunk of every row group that has rows lies between the magic bytes, counts are within the limits
//! below and no column is encrypted or kept in another file.

use parquet::file::metadata::{
    ColumnChunkMetaData, ParquetMetaData, ParquetMetaDataOptions, ParquetMetaDataReader, RowGroupMetaData,
};
use skein_types::{Blake3, ColumnTree};

use super::error::{FileError, guarded};
use super::pread::Pread;
use super::thrift::{FieldHead, LIST, Malformed, STRUCT, Walk};

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
    Preflight { name }.file(thrift)?;
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

/// Walks the metadata before it is decoded.
struct Preflight<'a> {
    name: &'a str,
}

impl Preflight<'_> {
    fn file(&self, thrift: &[u8]) -> Result<(), FileError> {
        let mut walk = Walk::new(thrift);
        let mut last = 0;
        while let Some(field) = walk.field(&mut last).map_err(|e| self.malformed(e))? {
            match field {
                FieldHead { id: 2, kind: LIST } => self.schema(&mut walk)?,
                FieldHead { id: 4, kind: LIST } => self.row_groups(&mut walk)?,
                FieldHead { id: 8 | 9, .. } => return Err(self.encrypted("its columns")),
                FieldHead { kind, .. } => walk.skip(kind).map_err(|e| self.malformed(e))?,
            }
        }
        Ok(())
    }

    /// The crate builds the tree by recursion: depth and child counts must be checked before.
    fn schema(&self, walk: &mut Walk<'_>) -> Result<(), FileError> {
        let (count, kind) = walk.list().map_err(|e| self.malformed(e))?;
        self.limit("schema elements", count, SCHEMA_ELEMENTS_MAX)?;
        let mut open: Vec<usize> = Vec::new();
        for index in 0..count {
            let children = Self::children(walk, kind).map_err(|e| self.malformed(e))?;
            if children > count - index - 1 {
                return Err(damaged(self.name, "the schema has fewer elements than it says"));
            }
            if let Some(left) = open.last_mut() {
                *left -= 1;
            }
            if children > 0 {
                open.push(children);
                self.limit("levels of nesting", open.len(), SCHEMA_DEPTH_MAX)?;
            }
            while open.last() == Some(&0) {
                open.pop();
            }
        }
        Ok(())
    }

    fn children(walk: &mut Walk<'_>, kind: u8) -> Result<usize, Malformed> {
        if kind != STRUCT {
            return Err(Malformed);
        }
        let (mut last, mut children) = (0, 0);
        while let Some(field) = walk.field(&mut last)? {
            if field.id == 5 {
                children = usize::try_from(walk.int()?).map_err(|_| Malformed)?;
            } else {
                walk.skip(field.kind)?;
            }
        }
        Ok(children)
    }

    fn row_groups(&self, walk: &mut Walk<'_>) -> Result<(), FileError> {
        let (count, kind) = walk.list().map_err(|e| self.malformed(e))?;
        self.limit("row groups", count, ROW_GROUPS_MAX)?;
        let mut chunks = 0_u64;
        for _ in 0..count {
            let (columns, encrypted) = Self::row_group(walk, kind).map_err(|e| self.malformed(e))?;
            if encrypted {
                return Err(self.encrypted("some of its columns"));
            }
            chunks += columns as u64;
            if chunks > CHUNKS_MAX {
                let file = self.name.to_owned();
                return Err(FileError::TooMany {
                    file,
                    what: "column chunks",
                    found: chunks,
                    limit: CHUNKS_MAX,
                });
            }
        }
        Ok(())
    }

    /// Number of columns, and whether one is encrypted.
    fn row_group(walk: &mut Walk<'_>, kind: u8) -> Result<(usize, bool), Malformed> {
        if kind != STRUCT {
            return Err(Malformed);
        }
        let (mut last, mut columns, mut encrypted) = (0, 0, false);
        while let Some(field) = walk.field(&mut last)? {
            if (field.id, field.kind) != (1, LIST) {
                walk.skip(field.kind)?;
                continue;
            }
            let (count, element) = walk.list()?;
            if element != STRUCT {
                return Err(Malformed);
            }
            columns = count;
            for _ in 0..count {
                let mut last = 0;
                while let Some(field) = walk.field(&mut last)? {
                    encrypted |= matches!(field.id, 8 | 9);
                    walk.skip(field.kind)?;
                }
            }
        }
        Ok((columns, encrypted))
    }

    fn limit(&self, what: &'static str, found: usize, limit: usize) -> Result<(), FileError> {
        if found <= limit {
            return Ok(());
        }
        let file = self.name.to_owned();
        Err(FileError::TooMany { file, what, found: found as u64, limit: limit as u64 })
    }

    fn malformed(&self, _: Malformed) -> FileError {
        damaged(self.name, "the footer makes no sense")
    }

    fn encrypted(&self, what: &'static str) -> FileError {
        FileError::Encrypted { file: self.name.to_owned(), what }
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
