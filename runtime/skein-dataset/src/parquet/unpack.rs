//! Pages that unpack to more than they say.
//!
//! For gzip, Brotli and the old LZ4 the crate unpacks all there is and compares the size afterwards, so a page of
//! hundred bytes may take all memory first. Snappy, Zstandard and raw LZ4 stop at the size in the header. Here a page
//! that could grow beyond the largest one allowed is unpacked into nothing and counted.

use std::io::{self, BufReader, Read};

use parquet::basic::CompressionCodec;
use parquet::file::metadata::ColumnChunkMetaData;

use super::pages::{PAGE_BYTES_MAX, Page};
use super::pread::Pread;

/// Deflate makes at most 1,032 bytes of one.
const GZIP_RATIO: u64 = 1032;
/// A byte of LZ4 stands for at most 255.
const LZ4_RATIO: u64 = 255;
const PIECE: usize = 64 << 10;

/// Whether the page at `body` would take more memory than its header says, and more than any page may.
pub(super) fn says_too_little(
    file: &Pread,
    chunk: &ColumnChunkMetaData,
    page: &Page,
    body: u64,
) -> io::Result<bool> {
    let may_be_more = |ratio: u64| page.compressed.saturating_mul(ratio) > PAGE_BYTES_MAX.unsigned_abs();
    let (start, length) = (body.saturating_add(page.levels), page.compressed.saturating_sub(page.levels));
    let packed = || BufReader::with_capacity(PIECE, file.get(start).take(length));
    let limit = page.uncompressed.saturating_sub(page.levels);
    match chunk.compression_codec() {
        CompressionCodec::GZIP if may_be_more(GZIP_RATIO) => {
            exceeds(flate2::read::MultiGzDecoder::new(packed()), limit)
        }
        CompressionCodec::BROTLI => exceeds(brotli::Decompressor::new(packed(), PIECE), limit),
        CompressionCodec::GZIP
        | CompressionCodec::UNCOMPRESSED
        | CompressionCodec::SNAPPY
        | CompressionCodec::LZO
        | CompressionCodec::LZ4
        | CompressionCodec::ZSTD
        | CompressionCodec::LZ4_RAW => Ok(false),
    }
}

/// Whether a page is too large to say: the old LZ4 is framed in three ways, one of them without a mark, so counting would
/// be guessing.
pub(super) fn cannot_be_told(chunk: &ColumnChunkMetaData, page: &Page) -> bool {
    chunk.compression_codec() == CompressionCodec::LZ4
        && page.compressed.saturating_mul(LZ4_RATIO) > PAGE_BYTES_MAX.unsigned_abs()
}

/// Whether more than `limit` bytes come out. Bytes that make no sense are the decoder's to refuse.
fn exceeds(unpacked: impl Read, limit: u64) -> io::Result<bool> {
    let copied = io::copy(&mut unpacked.take(limit + 1), &mut io::sink());
    match copied {
        Ok(bytes) => Ok(bytes > limit),
        Err(error) if error.raw_os_error().is_some() => Err(error),
        Err(_) => Ok(false),
    }
}
