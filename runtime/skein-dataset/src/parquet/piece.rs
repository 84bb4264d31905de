//! Finished pieces of an output as bytes that outlive their process: a later attempt takes them over instead of making them
//! again.
//!
//! ```text
//! magic   header length   header (JSON)   of each group of columns: chunks, footer, bloom filters   BLAKE3 of all before
//! ```
//! Metadata of chunks is kept as Parquet keeps it, in a footer with page indexes over columns that are called by their
//! place. What that does not keep (one flag of statistics) the header does. A piece is only written if what is read back is
//! the same, so an output with pieces that were taken over has the same bytes as one without; one that cannot be kept so is
//! made again. Whoever reads believes nothing before the hash is right.

use std::io::{self, Write};
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use parquet::basic::Repetition;
use parquet::file::metadata::{
    ColumnChunkMetaData, FileMetaData, PageIndexPolicy, ParquetMetaDataBuilder, ParquetMetaDataOptions,
    ParquetMetaDataReader, ParquetMetaDataWriter, RowGroupMetaData,
};
use parquet::file::page_index::column_index::ColumnIndexMetaData;
use parquet::file::statistics::Statistics;
use parquet::schema::types::{SchemaDescPtr, SchemaDescriptor, Type};
use serde::{Deserialize, Serialize};
use skein_types::Blake3;

use super::chunk::{Bloom, EncodedChunk, EncodedColumns};
use super::cut::FreshRowGroup;
use super::error::guarded;
use super::fragment::{Carriage, Fragment};
use super::output::group;
use super::splice;

const MAGIC: &[u8; 8] = b"SKPIECE1";
/// Larger ones are made again.
const HEADER_MAX: u64 = 64 << 20;
const HASH: usize = 32;

/// What a split gives to its file.
#[derive(Debug)]
pub enum Piece {
    /// For one row group of the source.
    Fragment(Fragment),
    /// Row groups that follow none.
    Fresh(Vec<FreshRowGroup>),
}

#[derive(Serialize, Deserialize)]
struct Header {
    note: serde_json::Value,
    pieces: Vec<Shape>,
    columns: Vec<ColumnsHeader>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Shape {
    Fragment { row_group: usize, rows: usize, host: usize, selected: bool },
    Fresh { rows: Vec<usize> },
}

#[derive(Serialize, Deserialize)]
struct ColumnsHeader {
    chunks: usize,
    footer: usize,
    blooms: Vec<BloomHeader>,
    /// Of each chunk: whether its statistics are also written in the old way.
    old_statistics: Vec<bool>,
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum BloomHeader {
    None,
    Made(usize),
    Source(Range<u64>),
}

/// Pieces that can be written down.
pub struct Written<'a> {
    head: Vec<u8>,
    parts: Vec<(&'a EncodedColumns, Vec<u8>)>,
}

impl std::fmt::Debug for Written<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Written").field("columns", &self.parts.len()).finish_non_exhaustive()
    }
}

impl Piece {
    /// Makes pieces ready to be written down, with whatever the caller notes beside them; `None` if they cannot be kept.
    pub fn written<'a>(pieces: &'a [Self], note: &serde_json::Value) -> Option<Written<'a>> {
        let columns: Vec<&EncodedColumns> = pieces.iter().flat_map(Self::columns).collect();
        let (mut headers, mut parts) = (Vec::new(), Vec::new());
        for columns in columns {
            let footer = footer(&columns.chunks)?;
            let header = ColumnsHeader::of(columns, footer.len());
            let read = chunks(&footer, &header, columns.chunks.len())?;
            if !same(columns, (&footer, &read)) {
                return None;
            }
            headers.push(header);
            parts.push((columns, footer));
        }
        let shapes = pieces.iter().map(Self::shape).collect();
        let header = Header { note: note.clone(), pieces: shapes, columns: headers };
        let header = serde_json::to_vec(&header).ok().filter(|header| header.len() as u64 <= HEADER_MAX)?;
        let mut head = MAGIC.to_vec();
        head.extend_from_slice(&(header.len() as u64).to_le_bytes());
        head.extend_from_slice(&header);
        Some(Written { head, parts })
    }

    /// What was written down; `None` if these are not the bytes of it.
    pub fn read(bytes: &[u8]) -> Option<(Vec<Self>, serde_json::Value)> {
        let (body, hash) = bytes.split_at_checked(bytes.len().checked_sub(HASH)?)?;
        if Blake3::of(body).0 != *hash {
            return None;
        }
        let mut left = Left(body.strip_prefix(MAGIC)?);
        let length = u64::from_le_bytes(left.take(8)?.try_into().ok()?);
        let header: Header = serde_json::from_slice(left.take(usize::try_from(length).ok()?)?).ok()?;
        let mut columns = Vec::with_capacity(header.columns.len());
        for one in &header.columns {
            let encoded = left.take(one.chunks)?.to_vec();
            let footer = left.take(one.footer)?;
            let mut chunks = chunks(footer, one, one.blooms.len())?;
            for (chunk, bloom) in chunks.iter_mut().zip(&one.blooms) {
                chunk.bloom = match bloom {
                    BloomHeader::None => None,
                    BloomHeader::Made(length) => Some(Bloom::Made(left.take(*length)?.to_vec())),
                    BloomHeader::Source(range) => Some(Bloom::Source(range.clone())),
                };
            }
            columns.push(EncodedColumns { bytes: encoded, chunks });
        }
        let mut columns = columns.into_iter();
        let pieces =
            header.pieces.into_iter().map(|shape| shape.filled(&mut columns)).collect::<Option<_>>()?;
        (left.0.is_empty() && columns.next().is_none()).then_some((pieces, header.note))
    }

    fn columns(&self) -> Vec<&EncodedColumns> {
        match self {
            Self::Fresh(groups) => groups.iter().map(|group| &group.made).collect(),
            Self::Fragment(fragment) => {
                let selected = match &fragment.carriage {
                    Carriage::Spliced => None,
                    Carriage::Selected(columns) => Some(columns),
                };
                std::iter::once(&fragment.made).chain(&fragment.host).chain(selected).collect()
            }
        }
    }

    fn shape(&self) -> Shape {
        match self {
            Self::Fresh(groups) => Shape::Fresh { rows: groups.iter().map(FreshRowGroup::rows).collect() },
            Self::Fragment(fragment) => Shape::Fragment {
                row_group: fragment.row_group,
                rows: fragment.rows,
                host: fragment.host.len(),
                selected: matches!(fragment.carriage, Carriage::Selected(_)),
            },
        }
    }
}

impl Shape {
    fn filled(self, columns: &mut impl Iterator<Item = EncodedColumns>) -> Option<Piece> {
        Some(match self {
            Self::Fresh { rows } => {
                let groups = rows.into_iter().map(|rows| Some(FreshRowGroup { rows, made: columns.next()? }));
                Piece::Fresh(groups.collect::<Option<_>>()?)
            }
            Self::Fragment { row_group, rows, host, selected } => {
                let made = columns.next()?;
                let host = (0..host).map(|_| columns.next()).collect::<Option<_>>()?;
                let carriage = if selected { Carriage::Selected(columns.next()?) } else { Carriage::Spliced };
                Piece::Fragment(Fragment { row_group, rows, made, host, carriage })
            }
        })
    }
}

impl Written<'_> {
    /// Writes all of it.
    pub fn write_to(&self, out: &mut dyn Write) -> io::Result<()> {
        let mut out = Hashed { out, hasher: blake3::Hasher::new() };
        out.write_all(&self.head)?;
        for (columns, footer) in &self.parts {
            out.write_all(&columns.bytes)?;
            out.write_all(footer)?;
            for chunk in &columns.chunks {
                if let Some(Bloom::Made(bytes)) = &chunk.bloom {
                    out.write_all(bytes)?;
                }
            }
        }
        let hash = out.hasher.finalize();
        out.out.write_all(hash.as_bytes())
    }
}

struct Hashed<'a> {
    out: &'a mut dyn Write,
    hasher: blake3::Hasher,
}

impl Write for Hashed<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.out.write(bytes)?;
        self.hasher.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

struct Left<'a>(&'a [u8]);

impl<'a> Left<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, left) = self.0.split_at_checked(length)?;
        self.0 = left;
        Some(taken)
    }
}

impl ColumnsHeader {
    fn of(columns: &EncodedColumns, footer: usize) -> Self {
        let bloom = |chunk: &EncodedChunk| match &chunk.bloom {
            None => BloomHeader::None,
            Some(Bloom::Made(bytes)) => BloomHeader::Made(bytes.len()),
            Some(Bloom::Source(range)) => BloomHeader::Source(range.clone()),
        };
        let old = |chunk: &EncodedChunk| {
            chunk.metadata.statistics().is_some_and(Statistics::is_min_max_backwards_compatible)
        };
        Self {
            chunks: columns.bytes.len(),
            footer,
            blooms: columns.chunks.iter().map(bloom).collect(),
            old_statistics: columns.chunks.iter().map(old).collect(),
        }
    }
}

/// Columns that are called by their place and have the physical types of these.
fn descriptor(chunks: &[EncodedChunk]) -> Option<SchemaDescPtr> {
    let column = |(place, chunk): (usize, &EncodedChunk)| {
        let descriptor = chunk.metadata.column_descr();
        let name = format!("c{place}");
        let column = Type::primitive_type_builder(&name, descriptor.physical_type())
            .with_repetition(Repetition::OPTIONAL)
            .with_length(descriptor.type_length());
        Some(Arc::new(column.build().ok()?))
    };
    let columns = chunks.iter().enumerate().map(column).collect::<Option<_>>()?;
    Some(Arc::new(SchemaDescriptor::new(group("piece", columns).ok()?)))
}

/// Page indexes and footer of chunks; nothing for no chunks.
fn footer(chunks: &[EncodedChunk]) -> Option<Vec<u8>> {
    if chunks.is_empty() {
        return Some(Vec::new());
    }
    let descriptor = descriptor(chunks)?;
    let metadata = chunks.iter().zip(descriptor.columns()).map(|(chunk, column)| {
        let old = &chunk.metadata;
        splice::rebuilt(old, Arc::clone(column), old.data_page_offset(), old.dictionary_page_offset()).ok()
    });
    let row_group = RowGroupMetaData::builder(Arc::clone(&descriptor))
        .set_column_metadata(metadata.collect::<Option<_>>()?)
        .set_num_rows(0)
        .build()
        .ok()?;
    let offsets: Vec<_> = chunks.iter().filter_map(|chunk| chunk.offset_index.clone()).collect();
    // The crate writes them for all or for none.
    if !offsets.is_empty() && offsets.len() != chunks.len() {
        return None;
    }
    let columns = chunks.iter().map(|chunk| chunk.column_index.clone().unwrap_or(ColumnIndexMetaData::NONE));
    let indexed = !offsets.is_empty();
    let file = FileMetaData::new(1, 0, None, None, descriptor, None);
    let metadata = ParquetMetaDataBuilder::new(file)
        .set_row_groups(vec![row_group])
        .set_column_index(indexed.then(|| vec![columns.collect()]))
        .set_offset_index(indexed.then(|| vec![offsets]))
        .build();
    let mut bytes = Vec::new();
    guarded("a piece", || ParquetMetaDataWriter::new(&mut bytes, &metadata).finish()).ok()?;
    Some(bytes)
}

/// The chunks that a footer describes, without their bloom filters.
fn chunks(footer: &[u8], header: &ColumnsHeader, count: usize) -> Option<Vec<EncodedChunk>> {
    if count == 0 && footer.is_empty() {
        return Some(Vec::new());
    }
    let options = ParquetMetaDataOptions::new().with_encoding_stats_as_mask(false);
    let bytes = Bytes::copy_from_slice(footer);
    let reader = || {
        let reader = ParquetMetaDataReader::new().with_metadata_options(Some(options));
        reader.with_page_index_policy(PageIndexPolicy::Optional).parse_and_finish(&bytes)
    };
    let metadata = guarded("a piece", reader).ok()?;
    let [group] = metadata.row_groups() else { return None };
    if group.columns().len() != count || header.old_statistics.len() != count {
        return None;
    }
    let column_index = metadata.column_index().and_then(|groups| groups.first());
    let offset_index = metadata.offset_index().and_then(|groups| groups.first());
    let chunk = |(place, old): (usize, &bool)| {
        Some(EncodedChunk {
            metadata: with_old_statistics(group.columns().get(place)?, *old)?,
            column_index: column_index.and_then(|columns| columns.get(place)).cloned(),
            offset_index: offset_index.and_then(|columns| columns.get(place)).cloned(),
            bloom: None,
        })
    };
    header.old_statistics.iter().enumerate().map(chunk).collect()
}

/// A chunk whose statistics are written in the old way too, or not.
fn with_old_statistics(chunk: &ColumnChunkMetaData, old: bool) -> Option<ColumnChunkMetaData> {
    let Some(statistics) = chunk.statistics() else { return Some(chunk.clone()) };
    if statistics.is_min_max_backwards_compatible() == old {
        return Some(chunk.clone());
    }
    let statistics = match statistics.clone() {
        Statistics::Boolean(v) => Statistics::Boolean(v.with_backwards_compatible_min_max(old)),
        Statistics::Int32(v) => Statistics::Int32(v.with_backwards_compatible_min_max(old)),
        Statistics::Int64(v) => Statistics::Int64(v.with_backwards_compatible_min_max(old)),
        Statistics::Int96(v) => Statistics::Int96(v.with_backwards_compatible_min_max(old)),
        Statistics::Float(v) => Statistics::Float(v.with_backwards_compatible_min_max(old)),
        Statistics::Double(v) => Statistics::Double(v.with_backwards_compatible_min_max(old)),
        Statistics::ByteArray(v) => Statistics::ByteArray(v.with_backwards_compatible_min_max(old)),
        Statistics::FixedLenByteArray(v) => {
            Statistics::FixedLenByteArray(v.with_backwards_compatible_min_max(old))
        }
    };
    chunk.clone().into_builder().set_statistics(statistics).build().ok()
}

/// Whether an output gets the same from both: what it will say of these chunks, byte for byte. More than that may differ,
/// such as what a statistic of nothing is called in memory.
fn same(columns: &EncodedColumns, (written, read): (&[u8], &[EncodedChunk])) -> bool {
    let nulls = |chunk: &EncodedChunk| chunk.metadata.statistics().and_then(Statistics::null_count_opt);
    columns.chunks.iter().map(nulls).eq(read.iter().map(nulls)) && footer(read).as_deref() == Some(written)
}
