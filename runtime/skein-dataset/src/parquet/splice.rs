//! Moving encoded chunks: what their metadata becomes under a new column and at a new place.

use std::ops::Range;

use parquet::basic::{ColumnOrder, SortOrder};
use parquet::errors::ParquetError;
use parquet::file::metadata::ColumnChunkMetaData;
use parquet::file::page_index::column_index::ColumnIndexMetaData;
use parquet::schema::types::ColumnDescPtr;

use super::chunk::{Bloom, EncodedChunk};
use super::error::FileError;
use super::footer::chunk_range;
use super::format;
use super::shape::{Of, Visit};
use super::source::SourceFile;
use super::thrift::{Malformed, Walk};

/// Bloom filters are at most 128 MiB by the format.
const BLOOM_BYTES_MAX: u64 = (128 << 20) + 64;
const BLOOM_HEADER_BYTES: usize = 64;

/// A chunk of the source as it can be appended elsewhere. Offsets are still the source's.
pub(super) fn chunk_of(
    source: &SourceFile,
    row_group: usize,
    leaf: usize,
) -> Result<EncodedChunk, FileError> {
    let missing = || FileError::bug("an unknown source leaf");
    let stored = source.group(row_group)?.columns().get(leaf).ok_or_else(missing)?;
    let ordered = is_ordered(source, leaf);
    let trusted = ordered && stored.statistics().is_none_or(|s| !s.is_min_max_deprecated());
    let metadata =
        if trusted { stored.clone() } else { stored.clone().into_builder().clear_statistics().build()? };
    let pages = source.page_indexes();
    let columns = pages.and_then(|p| p.columns.as_ref()).filter(|_| ordered);
    let column_index = columns.and_then(|c| c.get(row_group)?.get(leaf)).cloned();
    Ok(EncodedChunk {
        metadata,
        column_index: column_index.filter(|index| !matches!(index, ColumnIndexMetaData::NONE)),
        offset_index: pages.and_then(|p| p.offsets.get(row_group)?.get(leaf)).cloned(),
        bloom: bloom_of(source, stored).map(Bloom::Source),
    })
}

/// The output declares the type's own order for every column; bounds made under another order would then be lies.
fn is_ordered(source: &SourceFile, leaf: usize) -> bool {
    let orders = source.metadata().file_metadata().column_orders();
    match orders.and_then(|orders| orders.get(leaf)) {
        Some(ColumnOrder::TYPE_DEFINED_ORDER(SortOrder::SIGNED | SortOrder::UNSIGNED)) => true,
        Some(
            ColumnOrder::TYPE_DEFINED_ORDER(SortOrder::UNDEFINED)
            | ColumnOrder::UNDEFINED
            | ColumnOrder::UNKNOWN,
        )
        | None => false,
    }
}

/// Where the chunk's bloom filter stands with its header. It only speeds up readers: one that makes no sense is left
/// out.
fn bloom_of(source: &SourceFile, stored: &ColumnChunkMetaData) -> Option<Range<u64>> {
    let at = u64::try_from(stored.bloom_filter_offset()?).ok().filter(|at| *at < source.data_end())?;
    let header_length = usize::try_from(source.data_end() - at).ok()?.min(BLOOM_HEADER_BYTES);
    let header = source.file().bytes(at, header_length).ok()?;
    let (mut walk, mut bitset) = (Walk::new(&header), Bitset(None));
    format::BLOOM_FILTER.read(&mut walk, &mut bitset).ok()?;
    let length = u64::try_from(bitset.0?).ok()?.checked_add(walk.position() as u64)?;
    let end = at.checked_add(length).filter(|end| length <= BLOOM_BYTES_MAX && *end <= source.data_end())?;
    Some(at..end)
}

/// Size of a bloom filter's bits in bytes.
struct Bitset(Option<i64>);

impl Visit for Bitset {
    type Refusal = Malformed;

    fn number(&mut self, of: Of, id: i16, value: i64) -> Result<(), Malformed> {
        if (of, id) == (Of::BloomFilter, 1) {
            self.0 = Some(value);
        }
        Ok(())
    }
}

/// The chunk as column `descriptor` of the output, its first byte at `to`.
pub(super) fn placed(
    chunk: EncodedChunk,
    descriptor: ColumnDescPtr,
    to: u64,
) -> Result<EncodedChunk, FileError> {
    let old = &chunk.metadata;
    let wild = || FileError::bug("a chunk with wild offsets");
    let (from, _) = chunk_range(old).ok_or_else(wild)?;
    let shift =
        i64::try_from(to).ok().zip(i64::try_from(from).ok()).map(|(to, from)| to - from).ok_or_else(wild)?;
    let moved = |at: i64| at.checked_add(shift).ok_or_else(wild);
    let mut offset_index = chunk.offset_index;
    for page in offset_index.iter_mut().flat_map(|index| &mut index.page_locations) {
        page.offset = moved(page.offset)?;
    }
    let dictionary = old.dictionary_page_offset().map(moved).transpose()?;
    let metadata = rebuilt(old, descriptor, moved(old.data_page_offset())?, dictionary)?;
    Ok(EncodedChunk { metadata, offset_index, column_index: chunk.column_index, bloom: chunk.bloom })
}

pub(super) fn rebuilt(
    old: &ColumnChunkMetaData,
    descriptor: ColumnDescPtr,
    data: i64,
    dictionary: Option<i64>,
) -> Result<ColumnChunkMetaData, ParquetError> {
    let mut builder = ColumnChunkMetaData::builder(descriptor)
        .set_compression_codec(old.compression_codec())
        .set_encodings_mask(*old.encodings_mask())
        .set_num_values(old.num_values())
        .set_total_compressed_size(old.compressed_size())
        .set_total_uncompressed_size(old.uncompressed_size())
        .set_data_page_offset(data)
        .set_dictionary_page_offset(dictionary)
        .set_unencoded_byte_array_data_bytes(old.unencoded_byte_array_data_bytes())
        .set_repetition_level_histogram(old.repetition_level_histogram().cloned())
        .set_definition_level_histogram(old.definition_level_histogram().cloned());
    if let Some(statistics) = old.statistics() {
        builder = builder.set_statistics(statistics.clone());
    }
    if let Some(statistics) = old.geo_statistics() {
        builder = builder.set_geo_statistics(Box::new(statistics.clone()));
    }
    if let Some(statistics) = old.page_encoding_stats() {
        builder = builder.set_page_encoding_stats(statistics.clone());
    }
    builder.build()
}
