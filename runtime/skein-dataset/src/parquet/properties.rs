//! How new chunks are written: like the file they replace.

use std::collections::BTreeMap;

use parquet::basic::{Compression, CompressionCodec, Encoding};
use parquet::file::metadata::{ColumnChunkMetaData, ParquetMetaData, RowGroupMetaData};
use parquet::file::properties::{
    DEFAULT_DICTIONARY_PAGE_SIZE_LIMIT, EnabledStatistics, WriterProperties, WriterPropertiesBuilder,
};
use parquet::schema::types::ColumnPath;

use super::held::Alone;

/// Written into every file: no build id or version of a dependency, so that bytes depend on input alone.
pub(super) const CREATED_BY: &str = concat!("skein version ", env!("CARGO_PKG_VERSION"));

/// A codec that new chunks can be written with. Levels are not recorded in files, so it is the codec's usual one;
/// the two that nobody should write any more have successors.
fn writable(codec: CompressionCodec) -> Compression {
    match codec {
        CompressionCodec::LZ4 => Compression::LZ4_RAW,
        CompressionCodec::LZO => Compression::SNAPPY,
        CompressionCodec::UNCOMPRESSED
        | CompressionCodec::SNAPPY
        | CompressionCodec::GZIP
        | CompressionCodec::BROTLI
        | CompressionCodec::ZSTD
        | CompressionCodec::LZ4_RAW => codec.into(),
    }
}

/// The codec of most bytes of the file, Snappy for a file without data.
pub(super) fn majority_codec(metadata: &ParquetMetaData) -> Compression {
    let mut bytes: BTreeMap<i32, (i64, CompressionCodec)> = BTreeMap::new();
    for chunk in metadata.row_groups().iter().flat_map(RowGroupMetaData::columns) {
        let codec = chunk.compression_codec();
        let entry = bytes.entry(codec as i32).or_insert((0, codec));
        entry.0 = entry.0.saturating_add(chunk.compressed_size().max(0));
    }
    // The smallest codec number wins a tie.
    let most = bytes.into_values().rev().max_by_key(|(size, _)| *size);
    most.filter(|(size, _)| *size > 0).map_or(Compression::SNAPPY, |(_, codec)| writable(codec))
}

/// A dictionary of new values that grows beyond this is given up for the rest of its chunk. The crate's own limit is four
/// times that: then a row group of 100,000 different 64-bit values is hashed whole to save nothing.
const DICTIONARY_BYTES_MAX: usize = 256 << 10;

fn base(page_index: bool) -> WriterPropertiesBuilder {
    let level = if page_index { EnabledStatistics::Page } else { EnabledStatistics::Chunk };
    WriterProperties::builder()
        .set_created_by(CREATED_BY.to_owned())
        .set_statistics_enabled(level)
        .set_offset_index_disabled(!page_index)
}

/// For columns that the guest made.
pub(super) fn computed(codec: Compression, page_index: bool) -> WriterProperties {
    base(page_index).set_compression(codec).set_dictionary_page_size_limit(DICTIONARY_BYTES_MAX).build()
}

/// For carried columns that lose rows: each like its own chunk of the source. `chunks` pairs target paths with chunks.
/// Strings that are short for what they share stay so, whatever the writer would choose: a few bytes may stand for
/// more than the memory holds.
pub(super) fn carried<'a>(
    chunks: impl Iterator<Item = (ColumnPath, &'a (&'a ColumnChunkMetaData, Alone))>,
    page_index: bool,
) -> WriterProperties {
    let mut builder = base(page_index);
    for (path, (chunk, alone)) in chunks {
        let dictionary =
            chunk.encodings().any(|e| matches!(e, Encoding::RLE_DICTIONARY | Encoding::PLAIN_DICTIONARY));
        builder = builder
            .set_column_compression(path.clone(), writable(chunk.compression_codec()))
            .set_column_dictionary_enabled(path.clone(), dictionary);
        let dictionary_bytes = usize::try_from(alone.dictionary).unwrap_or(usize::MAX).saturating_add(1);
        if dictionary_bytes > DEFAULT_DICTIONARY_PAGE_SIZE_LIMIT {
            builder = builder.set_column_dictionary_page_size_limit(path.clone(), dictionary_bytes);
        }
        if alone.shares {
            builder = builder.set_column_encoding(path.clone(), Encoding::DELTA_BYTE_ARRAY);
        }
        if chunk.bloom_filter_offset().is_some() {
            builder = builder.set_column_bloom_filter_enabled(path, true);
        }
    }
    builder.build()
}
