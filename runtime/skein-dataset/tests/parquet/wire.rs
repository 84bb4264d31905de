//! Metadata that a lenient decoder and a careful walk would read differently: refused before anything is decoded.
//!
//! Pages and footers are made by hand here, with Thrift's compact protocol.

use std::sync::Arc;

use arrow_array::{ArrayRef, Int64Array};
use parquet::basic::Compression;
use parquet::file::metadata::{ParquetMetaDataReader, ParquetMetaDataWriter};
use parquet::file::properties::WriterProperties;
use skein_dataset::parquet::FileError;
use skein_types::codes;

use crate::support::{batch, open, parquet_of};

/// A signed integer as it stands in metadata.
pub(crate) fn zigzag(value: i64) -> Vec<u8> {
    varint(((value << 1) ^ (value >> 63)) as u64)
}

pub(crate) fn varint(mut left: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while left > 0x7f {
        bytes.push(left as u8 | 0x80);
        left >>= 7;
    }
    bytes.push(left as u8);
    bytes
}

/// Fields one after another, each an I32 with the next id.
pub(crate) fn i32s(values: &[i64]) -> Vec<u8> {
    values.iter().flat_map(|value| [vec![0x15], zigzag(*value)].concat()).collect()
}

/// A page: its three numbers, the fields after them, its body.
pub(crate) fn page(kind: i64, uncompressed: i64, fields: &[u8], body: &[u8]) -> Vec<u8> {
    let numbers = i32s(&[kind, uncompressed, body.len() as i64]);
    [numbers, fields.to_vec(), vec![0], body.to_vec()].concat()
}

/// Field 5 of a page header: so many plain values.
pub(crate) fn data(values: i64, encoding: i64) -> Vec<u8> {
    [vec![0x2c], i32s(&[values, encoding, 3, 3]), vec![0]].concat()
}

/// Field 8 of a page header: so many plain values behind so many bytes of levels.
pub(crate) fn data_v2(values: i64, levels: i64) -> Vec<u8> {
    [vec![0x5c], i32s(&[values, 0, values, 0, levels, 0]), vec![0]].concat()
}

/// A file of one required column that has `rows` rows in these pages.
pub(crate) fn with_pages(column: ArrayRef, compression: Compression, pages: &[u8]) -> Vec<u8> {
    let properties = WriterProperties::builder().set_compression(compression).build();
    let mut bytes = parquet_of(&batch(vec![("a", column, false)]), properties);
    let metadata = ParquetMetaDataReader::new();
    let metadata = metadata.parse_and_finish(&bytes::Bytes::from(bytes.clone())).unwrap();
    let at = bytes.len() as i64;
    bytes.extend_from_slice(pages);
    let mut builder = metadata.into_builder();
    let groups = builder.take_row_groups().into_iter().map(|group| {
        let chunk = group.columns()[0].clone().into_builder();
        let chunk = chunk.set_data_page_offset(at).set_dictionary_page_offset(None);
        let chunk = chunk.set_total_compressed_size(pages.len() as i64).build().unwrap();
        group.into_builder().set_column_metadata(vec![chunk]).build().unwrap()
    });
    let metadata = builder.set_row_groups(groups.collect()).build();
    ParquetMetaDataWriter::new(&mut bytes, &metadata).finish().unwrap();
    bytes
}

fn four() -> ArrayRef {
    Arc::new(Int64Array::from_iter_values(0..4))
}

fn body() -> Vec<u8> {
    (0..4_i64).flat_map(i64::to_le_bytes).collect()
}

fn numbers(pages: &[u8]) -> Result<Vec<ArrayRef>, FileError> {
    let source = open(&with_pages(four(), Compression::UNCOMPRESSED, pages))?;
    let batches = source.read(0, &[0], 100)?.collect::<Result<Vec<_>, _>>()?;
    Ok(batches.into_iter().map(|batch| Arc::clone(batch.column(0))).collect())
}

fn refused(pages: &[u8]) -> String {
    let error = numbers(pages).unwrap_err();
    assert_eq!(error.code(), codes::FILE_TRUNCATED, "{error}");
    error.to_string()
}

#[test]
fn pages_made_by_hand_are_read() {
    assert_eq!(numbers(&page(0, 32, &data(4, 0), &body())).unwrap(), [four()]);
    // A field that nobody knows: id 9, a map of strings to structs.
    let unknown = [data(4, 0), vec![0x4b, 0x01, 0x8c, 0x01, b'k', 0x15, 0x02, 0x00]].concat();
    assert_eq!(numbers(&page(0, 32, &unknown, &body())).unwrap(), [four()]);
}

#[test]
fn a_page_field_of_another_type_is_refused() {
    // The number of values as an I64.
    let fields = [vec![0x2c, 0x16], zigzag(4), i32s(&[0, 3, 3]), vec![0]].concat();
    assert!(refused(&page(0, 32, &fields, &body())).ends_with("a page header makes no sense"));
    // The page's kind as an I16.
    let mut bytes = page(0, 32, &data(4, 0), &body());
    bytes[0] = 0x14;
    assert!(refused(&bytes).ends_with("a page header makes no sense"));
}

#[test]
fn a_page_field_that_comes_twice_is_refused() {
    // Kind 0 again, its id in full.
    let fields = [data(4, 0), vec![0x05, 0x02, 0x00]].concat();
    assert!(refused(&page(0, 32, &fields, &body())).ends_with("a page header makes no sense"));
}

#[test]
fn booleans_in_lists_that_nobody_knows_are_refused() {
    // Field 9: a list of one boolean. The crate takes its byte for the end of the header.
    let fields = [data(4, 0), vec![0x49, 0x11, 0x00]].concat();
    assert!(refused(&page(0, 32, &fields, &body())).ends_with("a page header makes no sense"));
}

#[test]
fn numbers_that_lose_their_upper_half_are_refused() {
    // Cut to 32 bits this is a data page.
    let hidden = page(1 << 32, 32, &data(4, 0), &body());
    let pages = [hidden, page(0, 32, &data(4, 0), &body())].concat();
    assert!(refused(&pages).ends_with("a page header makes no sense"));
}

#[test]
fn page_kinds_that_hold_no_values_are_refused() {
    for kind in [1, 4, -1] {
        let index = page(kind, 3, &[0x3c, 0x00], &[1, 2, 3]);
        let pages = [index, page(0, 32, &data(4, 0), &body())].concat();
        assert!(refused(&pages).ends_with("a page of a kind that cannot be read"), "{kind}");
    }
}

#[test]
fn a_page_without_the_header_of_its_kind_is_refused() {
    let v2 = [vec![0x3c], i32s(&[4, 0, 4, 0, 0, 0]), vec![0]].concat();
    let both = [data(4, 0), v2].concat();
    for fields in [vec![], vec![0x4c, 0x15, 0x08, 0x15, 0x00, 0x00], both] {
        let message = refused(&page(0, 32, &fields, &body()));
        assert!(message.ends_with("a page header that is not of its page's kind"), "{message}");
    }
}

#[test]
fn pages_after_the_last_value_are_looked_at_too() {
    let whole = page(0, 32, &data(4, 0), &body());
    let more = [whole.clone(), page(0, 32, &data(4, 0), &body())].concat();
    assert!(refused(&more).ends_with("its pages do not have the values that the footer says"));
    let huge = [whole, page(0, 1 << 30 | 1, &data(0, 0), &body())].concat();
    assert!(refused(&huge).ends_with("a page of impossible size"));
}

#[test]
fn a_dictionary_comes_once_and_first() {
    let dictionary = |entries| page(2, 32, &[vec![0x4c], i32s(&[entries, 0]), vec![0]].concat(), &body());
    let whole = page(0, 32, &data(4, 0), &body());
    assert_eq!(numbers(&[dictionary(4), whole.clone()].concat()).unwrap(), [four()]);
    for pages in [[dictionary(4), dictionary(4), whole.clone()].concat(), [whole, dictionary(4)].concat()] {
        assert!(refused(&pages).ends_with("a dictionary in the wrong place"));
    }
}

/// A sound file with other bytes before the end of its metadata.
pub(crate) fn with_metadata(change: impl Fn(&mut Vec<u8>)) -> Vec<u8> {
    let bytes = parquet_of(&batch(vec![("a", four(), false)]), WriterProperties::default());
    let length = u32::from_le_bytes(bytes[bytes.len() - 8..bytes.len() - 4].try_into().unwrap()) as usize;
    let (data, tail) = bytes.split_at(bytes.len() - 8 - length);
    let mut metadata = tail[..length].to_vec();
    change(&mut metadata);
    let length = u32::try_from(metadata.len()).unwrap().to_le_bytes();
    [data, &metadata, &length, b"PAR1"].concat()
}

#[test]
fn footers_that_are_ambiguous_are_refused() {
    assert!(open(&with_metadata(|_| ())).is_ok());
    let refused = |change: &dyn Fn(&mut Vec<u8>)| {
        let error = open(&with_metadata(change)).unwrap_err();
        assert_eq!(error.code(), codes::FILE_TRUNCATED);
        assert!(error.to_string().ends_with("the footer makes no sense"), "{error}");
    };
    let extended = |more: &[u8], metadata: &mut Vec<u8>| {
        metadata.pop();
        metadata.extend_from_slice(more);
        metadata.push(0);
    };
    // Metadata begins with the version, an I32.
    refused(&|metadata| metadata[0] = 0x16);
    refused(&|metadata| {
        metadata.splice(1..2, zigzag((1 << 33) + 2));
    });
    // The version again, its id in full.
    refused(&|metadata| extended(&[0x05, 0x02, 0x02], metadata));
    // Field 100: a list, a set and a map of booleans, whose bytes the crate takes for the end of the metadata.
    refused(&|metadata| extended(&[0x09, 0xc8, 0x01, 0x11, 0x00], metadata));
    refused(&|metadata| extended(&[0x0a, 0xc8, 0x01, 0x12, 0x00], metadata));
    refused(&|metadata| extended(&[0x0b, 0xc8, 0x01, 0x01, 0x11, 0x00, 0x00], metadata));
}
